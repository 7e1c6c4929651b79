# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shapes of what a journal remembers of a cell, checked where the journal is read. Pure.

A journal is a file that another account may have written. Everything that compares or restores what it remembers may
then rely on the shape: see `GpoCell.now` of each kind in `gpo_cells` for where the shape comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..policy_files.extension_names import ExtensionNames
from .gpo_cells import COMMENT, LINK, MANAGED, SECURITY, SETTING, SHELL, WMI_FILTER, Json, decoded, in_registry
from .gpo_state import links_of, security_of

_MAX_NUMBER = 2**32


def check_cell_value(name: str, value: Mapping[str, Any]) -> None:
    """Raise ValueError, or a DomainError of a parser, where a cell does not hold what a change writes there.

    Args:
        name: of a cell of `gpo_cells`.
        value: `found`, `written` and `over` of the change.
    """
    if set(value) != {"found", "written", "over"}:
        raise ValueError("a cell has other parts than found, written and over")
    if value["over"] is not None and not isinstance(value["over"], str):
        raise ValueError("a cell lies over something that is no change")
    check = _check_of(name)
    check(value["found"])
    check(value["written"])


def _check_of(name: str) -> Callable[[Json], None]:
    if name.startswith(SETTING):
        return _entries if in_registry(MANAGED[name.removeprefix(SETTING)]) else _template_value
    return _link if name.startswith(LINK) else _SINGLE[name]


def _text(value: Any) -> str:
    if isinstance(value, str):
        value.encode()  # a lone surrogate is no text that could be written
        return value
    raise ValueError("a cell holds something else than a text")


def _number(value: Any) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _MAX_NUMBER:
        raise ValueError("a cell holds something else than a number of 32 bits")


def _entries(value: Json) -> None:
    for place, key, name, kind, data in value:
        _number(place)
        _number(kind)
        _text(key)
        _text(name)
        decoded(_text(data))


def _template_value(value: Json) -> None:
    if value is not None:
        kind, text = value
        _number(kind)
        _text(text)


def _link(value: Json) -> None:
    _text(value["guid"])
    links_of(_text(value["gPLink"]))


def _optional_text(value: Json) -> None:
    if value is not None:
        _text(value)


def _bytes(value: Json) -> None:
    if value is not None:
        decoded(_text(value))


def _security(value: Json) -> None:
    if value is not None:
        security_of(decoded(_text(value)))


def _files(value: Json) -> None:
    if not all(isinstance(value[part], bool) for part in ("registry_pol", "gpt_tmpl")):
        raise ValueError("a cell does not say which files there are")
    _optional_text(value["extensions"])
    ExtensionNames.parse(value["extensions"])


_SINGLE: Mapping[str, Callable[[Json], None]] = {
    SHELL: _files,
    WMI_FILTER: _optional_text,
    SECURITY: _security,
    COMMENT: _bytes,
}
