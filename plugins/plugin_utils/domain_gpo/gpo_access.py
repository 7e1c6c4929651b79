# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may read and who applies a GPO: the rules between its directory object, its folder and its security filter. Pure.

A computer applies a GPO if it may read it and has the extended right Apply-Group-Policy (MS-GPOL 3.2.5.1.6). GPMC's
security filtering is that pair of entries for each group. Reading alone stays for Authenticated Users: clients read
GPOs as the computer (Microsoft's update MS16-072), and one that cannot be read is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..domain.errors import DomainError
from ..policy_files.security_descriptor import (
    ALLOWED,
    ALLOWED_OBJECT,
    CONTAINER_INHERIT,
    DACL_AUTO_INHERITED,
    DACL_PRESENT,
    INHERIT_ONLY,
    INHERITED,
    OBJECT_INHERIT,
    SELF_RELATIVE,
    Ace,
    SecurityDescriptor,
)

APPLY_GROUP_POLICY = "edacfd8f-ffb3-11d1-b41d-00a0c968f939"
AUTHENTICATED_USERS = "S-1-5-11"
_CREATOR_OWNER = "S-1-3-0"
_PRE_WINDOWS_2000 = "S-1-5-32-554"

# Rights of the directory (MS-ADTS 5.1.3.2).
_CREATE_CHILD, _DELETE_CHILD, _LIST, _READ, _WRITE, _LIST_OBJECT = 0x1, 0x2, 0x4, 0x10, 0x20, 0x80
CONTROL_ACCESS = 0x100
_STANDARD_RIGHTS, _READ_CONTROL = 0x001F0000, 0x00020000
READ_GPO = _LIST | _READ | _LIST_OBJECT | _READ_CONTROL
GENERIC_ALL, _GENERIC_READ = 0x10000000, 0x80000000
# Rights of files (MS-DTYP 2.4.3, MS-SMB2 2.2.13.1.1): what reading and writing the directory object is worth there.
_SYNCHRONIZE = 0x00100000
_FILE_READ = _SYNCHRONIZE | 0x1 | 0x8 | 0x20 | 0x80
_FILE_WRITE = _SYNCHRONIZE | 0x2 | 0x4 | 0x10 | 0x100
_FILE_CREATE, _FILE_DELETE_CHILD = 0x2 | 0x4, 0x40


def folder_security(gpo: SecurityDescriptor) -> SecurityDescriptor:
    """The security of a GPO's folder that mirrors its directory object, as GPMC and samba-tool expect it."""
    inherit = OBJECT_INHERIT | CONTAINER_INHERIT
    aces = [
        Ace(
            ace.type,
            ace.flags | inherit | (INHERIT_ONLY if ace.sid == _CREATOR_OWNER else 0),
            _file_rights(ace.mask),
            ace.sid,
            ace.object_type,
            ace.inherited_type,
        )
        for ace in gpo.dacl or ()
        if ace.allows and ace.sid != _PRE_WINDOWS_2000
    ]
    return gpo.with_dacl(tuple(aces))


def _file_rights(rights: int) -> int:
    files = rights & _STANDARD_RIGHTS
    if rights & _READ and rights & _LIST:
        files |= _FILE_READ
    if rights & _WRITE:
        files |= _FILE_WRITE
    if rights & _CREATE_CHILD:
        files |= _FILE_CREATE
    if rights & _DELETE_CHILD:
        files |= _FILE_DELETE_CHILD
    return files


def filter_sids(gpo: SecurityDescriptor) -> list[str]:
    """Who is allowed to apply the GPO by the entry that GPMC makes, in the order of the ACL, each once."""
    return list(dict.fromkeys(ace.sid for ace in gpo.dacl or () if _is_filter(ace)))


def new_security() -> SecurityDescriptor:
    """Who applies a new GPO: Authenticated Users, by the schema's defaultSecurityDescriptor (MS-ADA1, MS-GPOL 2.2.2).

    The server adds more entries than these two, and an owner; they decide on no filter.
    """
    aces = (
        Ace(ALLOWED, CONTAINER_INHERIT, READ_GPO, AUTHENTICATED_USERS),
        Ace(ALLOWED_OBJECT, CONTAINER_INHERIT, CONTROL_ACCESS, AUTHENTICATED_USERS, APPLY_GROUP_POLICY),
    )
    return SecurityDescriptor(None, None, aces, SELF_RELATIVE | DACL_PRESENT)


def with_filter(gpo: SecurityDescriptor, sids: Sequence[str]) -> SecurityDescriptor:
    """Let exactly these apply the GPO. Entries of any other kind stay, denials too, each in its place."""
    kept = [ace for ace in gpo.dacl or () if not (_is_filter(ace) and ace.sid not in sids)]
    have = set(filter_sids(gpo))
    new = [
        Ace(ALLOWED_OBJECT, CONTAINER_INHERIT, CONTROL_ACCESS, sid, APPLY_GROUP_POLICY)
        for sid in sids
        if sid not in have
    ]
    reading = [
        Ace(ALLOWED, CONTAINER_INHERIT, READ_GPO, sid)
        for sid in dict.fromkeys([*sids, AUTHENTICATED_USERS])
        if not _reads(kept, sid)
    ]
    return gpo.with_dacl(tuple(kept + reading + new))


def without_change(
    held: SecurityDescriptor, found: SecurityDescriptor, written: SecurityDescriptor
) -> SecurityDescriptor:
    """What an object holds now, without the entries that a change of the filter added, and with those it removed.

    Entries that somebody else added or removed since stay as they are. Raises DomainError for a change that no filter
    could have made: then `found` and `written` are not what this collection journaled.
    """
    before, after, aces = found.dacl or (), written.dacl or (), list(held.dacl or ())
    added = [ace for ace in after if ace not in before]
    removed = [(place, ace) for place, ace in enumerate(before) if ace not in after]
    for ace in (*added, *(ace for _place, ace in removed)):
        if not _could_be_ours(ace):
            raise DomainError(
                f"The journal has an entry of {ace.sid} with the rights 0x{ace.mask:08x} that no security filter could "
                "have written. Restore the permissions of the GPO in GPMC."
            )
    is_as_written = list(after) == aces
    aces = [ace for ace in aces if ace not in added]
    denied = max((place + 1 for place, ace in enumerate(aces) if ace.denies), default=0)
    for place, ace in removed:
        if ace not in aces:
            # Behind every denial that somebody added since: the first entry that fits decides.
            aces.insert(place if is_as_written else max(place, denied), ace)
    return held.with_dacl(tuple(aces))


def _could_be_ours(ace: Ace) -> bool:
    """Whether an entry is one that a security filter consists of, or that changing one may remove."""
    if _is_filter(ace):
        return not ace.mask & ~(CONTROL_ACCESS | READ_GPO)
    return ace.type == ALLOWED and not ace.mask & ~READ_GPO


def inherited_security(folder: SecurityDescriptor, held: SecurityDescriptor, *, is_folder: bool) -> SecurityDescriptor:
    """The security of a file or folder below a GPO's folder: what it inherits from there. Owner and group stay.

    Setting the security of a folder by SMB reaches the folder alone: on Windows it is the client that propagates it.
    The right to apply a GPO is worth nothing on a file. Its entry, which is empty there, is left out: Samba takes an
    empty entry behind a full one of the same account for the end of that account's rights.
    """
    wanted = CONTAINER_INHERIT if is_folder else OBJECT_INHERIT
    aces = tuple(
        replace(ace, flags=(ace.flags | INHERITED) if is_folder else INHERITED)
        for ace in folder.dacl or ()
        if ace.mask and ace.flags & wanted and (is_folder or not ace.flags & INHERIT_ONLY)
    )
    return replace(held, dacl=aces, control=SELF_RELATIVE | DACL_PRESENT | DACL_AUTO_INHERITED)


def _is_filter(ace: Ace) -> bool:
    return ace.type == ALLOWED_OBJECT and ace.object_type == APPLY_GROUP_POLICY and bool(ace.mask & CONTROL_ACCESS)


def _reads(aces: Iterable[Ace], sid: str) -> bool:
    return any(ace.allows and ace.sid == sid and ace.mask & (_READ | _LIST) == _READ | _LIST for ace in aces)


def may_apply(gpo: SecurityDescriptor, token: frozenset[str]) -> bool:
    """Whether an account with these SIDs (its own and its groups') may read and apply the GPO.

    A denial counts before what is allowed after it, in the order of the ACL (MS-DTYP 2.5.3.2).
    """
    if gpo.dacl is None:
        return True
    return _granted(gpo.dacl, token, _READ, None) and _granted(gpo.dacl, token, CONTROL_ACCESS, APPLY_GROUP_POLICY)


def is_granted(security: SecurityDescriptor, token: frozenset[str], right: int) -> bool:
    """Whether an account with these SIDs has a right on an object."""
    return security.dacl is None or _granted(security.dacl, token, right, None)


def _granted(aces: Iterable[Ace], token: frozenset[str], right: int, object_type: str | None) -> bool:
    for ace in aces:
        if not ace.applies_here or ace.sid not in token or ace.object_type not in (None, object_type):
            continue
        mask = ace.mask | (right if ace.mask & GENERIC_ALL else 0)
        mask |= right if ace.mask & _GENERIC_READ and right == _READ else 0
        if mask & right:
            if ace.denies:
                return False
            if ace.allows:
                return True
    return False
