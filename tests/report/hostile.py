# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names and texts that would be more than text if anything let them, put into every text that a host can say."""

from __future__ import annotations

from typing import Any

HOSTILE = (
    "<script>window.owned=1</script>",
    '"><img src=x onerror="window.owned=1">',
    "</script><script>window.owned=1</script>",
    "<!--<script>",
    "' onmouseover='window.owned=1",
    "javascript:window.owned=1",
    "{{ 7*7 }}{% raw %}",
    "=cmd|' /C calc'!A0",
    "+1+1",
    "@SUM(1)",
    "-2+3",
    "\tx",
    "\x1b[31mred\x1b[0m\x07",
    "nas\u202egpj.exe",
    "line\nbreak\r\u2028\u0085",
    "\ud800lone",
    "\x00nul",
    "%s%n{0}",
)


def spoilt(value: Any, text: str, keep: frozenset[str]) -> Any:
    """The same, with `text` in the place of every text, but for members of `keep`, whose words decide what is shown."""
    if isinstance(value, dict):
        return {key: item if key in keep else spoilt(item, text, keep) for key, item in value.items()}
    if isinstance(value, list):
        return [spoilt(item, text, keep) for item in value]
    return text if isinstance(value, str) else value


KEEP = frozenset({"state", "verdict", "winner", "status", "setting", "created_at", "expires_at", "product"})


def hostile_results(result: dict[str, Any]) -> dict[str, Any]:
    """A fleet of hosts that are called like that and say nothing else. result: a good one."""
    hosts: dict[str, Any] = {f"{text}-{number}": spoilt(result, text, KEEP) for number, text in enumerate(HOSTILE)}
    hosts |= {f"{text}-off": {"unreachable": True, "msg": text} for text in HOSTILE}
    return hosts
