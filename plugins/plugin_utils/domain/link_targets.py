# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects that a task names as targets of links, as the server knows them.

A user's spelling of a distinguished name is one of many (`OU=Sales\\2C EMEA`, `OU="Sales, EMEA"`, blanks around `=`).
Compared as text, two spellings are two targets: a link would be missed, added twice or taken away. So each target is
looked up once, before anything is written, and the name that the server returns is used from then on.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..core.errors import RequestError
from .directory import Directory
from .errors import DomainError, clean

_ATTRIBUTES = ["objectGUID", "objectClass", "distinguishedName"]
# What carries gPLink (MS-GPOL 2.2.2: scopes of management).
_LINKABLE = frozenset({"organizationalunit", "domaindns", "site"})


def link_targets(directory: Directory, names: Iterable[str]) -> list[str]:
    """The distinguished names of the server for those that a task names, in the same order.

    Raises RequestError for one that is not there, that cannot have a link, or that two names mean.
    """
    found: dict[bytes, str] = {}
    targets = []
    for name in names:
        guid, target = _link_target(directory, name)
        if guid in found:
            raise RequestError(
                f"links names {clean(target)} twice, as {clean(found[guid])} and as {clean(name)}. "
                "Name each target once."
            )
        found[guid] = name
        targets.append(target)
    return targets


def _link_target(directory: Directory, name: str) -> tuple[bytes, str]:
    """objectGUID and distinguished name. Raises RequestError."""
    entry, problem = None, ""
    try:
        entry = directory.read(name, _ATTRIBUTES)
    except DomainError as denied:
        problem = str(denied)
    if problem:
        raise RequestError(f"The target {clean(name)} in links cannot be looked up: {problem}")
    if entry is None:
        raise RequestError(
            f"The directory has no {clean(name)} that {clean(directory.controller.account)} can see. links wants the "
            "distinguished name of an organizational unit, of the domain or of a site."
        )
    target = entry.text("distinguishedName") or entry.dn
    if not _LINKABLE & {text.lower() for text in entry.texts("objectClass")}:
        raise RequestError(
            f"{clean(target)} in links cannot have links to GPOs. Name an organizational unit, the domain or a site; "
            "for objects in a plain container, link the GPO to the domain and use security_filter."
        )
    return entry.raw("objectGUID") or target.encode(), target
