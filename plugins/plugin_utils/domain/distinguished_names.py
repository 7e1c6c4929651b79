# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Distinguished names as text: parts, parents, and a spelling to compare by. Pure.

Two spellings can name one object (`OU=Sales\\2C EMEA` and `OU="Sales, EMEA"`), and only the server can say so. Whoever
needs the identity of an object that a user named asks the directory. What stands here compares names that the server
returned.
"""

from __future__ import annotations

from collections.abc import Iterator


def dn_parts(dn: str) -> list[str]:
    """The relative names of a distinguished name, the object's own first; escaped commas and quotes kept."""
    return list(_split_dn(dn))


def _split_dn(dn: str) -> Iterator[str]:
    part, escaped = "", False
    for character in dn:
        if character == "," and not escaped:
            yield part
            part = ""
            continue
        escaped = character == "\\" and not escaped
        part += character
    yield part


def dn_key(dn: str) -> str:
    """A spelling to compare distinguished names by."""
    keys = []
    for part in dn_parts(dn):
        kind, _equals, value = part.partition("=")
        keys.append(f"{kind.strip()}={value.strip()}".casefold())
    return ",".join(keys)


def parent_dn(dn: str) -> str:
    """The container of an object; empty for a root."""
    return ",".join(dn_parts(dn)[1:])


def is_below(dn: str, top: str) -> bool:
    """Whether an object lies somewhere below a container."""
    return dn_key(dn).endswith("," + dn_key(top))
