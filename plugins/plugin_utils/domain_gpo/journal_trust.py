# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose journals a run believes: those of its own account, by the server's word about owner and DACL.

Members of Group Policy Creator Owners may create files below `Policies` in SYSVOL. So a file that lies there proves
nothing by what it says: who wrote it is known only from its owner, which the server sets and which only administrators
may change, and from its DACL, which says who else could have written it since.

Each account therefore keeps journals of its own. Administrators keep them together as one account,
`BUILTIN\\Administrators`: whoever is one of them could write all of them anyway, and a domain controller makes that
group the owner of what they create. A run reads and acts on the journal of its own account and of no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..domain.directory import Directory, SearchScope
from ..domain.errors import DomainError, clean
from ..policy_files.errors import PolicyFileError
from ..policy_files.security_descriptor import (
    ALLOWED,
    CONTAINER_INHERIT,
    DACL_PRESENT,
    DACL_PROTECTED,
    INHERIT_ONLY,
    OBJECT_INHERIT,
    SELF_RELATIVE,
    Ace,
    SecurityDescriptor,
    sid_bytes,
    sid_text,
)

ADMINISTRATORS, SYSTEM = "S-1-5-32-544", "S-1-5-18"
_AUTHENTICATED_USERS, _CREATOR_OWNER, _OWNER_RIGHTS = "S-1-5-11", "S-1-3-0", "S-1-3-4"
_GROUP_POLICY_CREATOR_OWNERS = 520
# Rights of files and folders (MS-SMB2 2.2.13.1.1 and 2.2.13.1.2).
_FULL, _READ = 0x001F01FF, 0x001200A9
_WRITE_DATA, _APPEND_DATA, _DELETE_CHILD = 0x2, 0x4, 0x40
_DELETE, _WRITE_DAC, _WRITE_OWNER = 0x10000, 0x40000, 0x80000
_GENERIC_ALL, _GENERIC_WRITE, _MAXIMUM_ALLOWED = 0x10000000, 0x40000000, 0x02000000
_TAKES_OVER = _DELETE | _WRITE_DAC | _WRITE_OWNER | _GENERIC_ALL | _GENERIC_WRITE | _MAXIMUM_ALLOWED
_CHANGES_FILE = _TAKES_OVER | _WRITE_DATA | _APPEND_DATA
# Creating files in the folder is what every account needs; removing or renaming those of others is not.
_CHANGES_FOLDER = _TAKES_OVER | _DELETE_CHILD


@dataclass(frozen=True)
class JournalAccount:
    """The account of a run.

    sid: whose journals it keeps: its own SID, or that of Administrators. own: its own SID; a server that is set up so
    makes the single administrator the owner of what he creates.
    """

    sid: str
    own: str

    @property
    def trusted(self) -> frozenset[str]:
        """Who may own or write what this account believes."""
        return frozenset({self.sid, self.own, ADMINISTRATORS, SYSTEM, _CREATOR_OWNER, _OWNER_RIGHTS})

    @property
    def is_administrator(self) -> bool:
        return self.sid == ADMINISTRATORS


def account_of(directory: Directory) -> JournalAccount:
    """The account that is logged on to the directory, from the rootDSE's tokenGroups (MS-ADTS 3.1.1.3.2).

    Raises DomainError where the directory does not tell.
    """
    entry = directory.read("", ["tokenGroups"])
    token = [sid_text(value) for value in entry.attributes.get("tokengroups", ())] if entry else []
    own = _own_sid(directory, token)
    if not own:
        raise DomainError(
            f"{clean(directory.controller.server)} does not tell which account is logged on, so its journals cannot be "
            "distinguished from those of others. Use an account of this domain."
        )
    return JournalAccount(ADMINISTRATORS if ADMINISTRATORS in token else own, own)


def _own_sid(directory: Directory, token: Sequence[str]) -> str:
    """The specification gives the token no order: the account is what is a user, a computer or the like.

    Of another domain there is no such object here; what stands first is taken for one, unless it is of this domain.
    """
    wanted = "".join(f"(objectSid={_escaped(sid)})" for sid in token)
    users = f"(&(objectClass=user)(|{wanted}))"
    found = list(directory.search(directory.domain_dn, SearchScope.SUBTREE, users, ["objectSid"])) if token else []
    if found:
        return sid_text(found[0].raw("objectSid") or b"")
    is_foreign = bool(token) and token[0].startswith("S-1-5-21-") and not token[0].startswith(domain_sid(directory))
    return token[0] if is_foreign else ""


def domain_sid(directory: Directory) -> str:
    """Raises DomainError."""
    entry = directory.read(directory.domain_dn, ["objectSid"])
    return sid_text((entry.raw("objectSid") if entry else None) or b"")


def _escaped(sid: str) -> str:
    return "".join(f"\\{byte:02x}" for byte in sid_bytes(sid))


def why_not_believed(security: bytes, account: JournalAccount, *, is_folder: bool = False) -> str:
    """Why a file or folder is not believed; empty if it is. security: owner and DACL, by the server."""
    try:
        descriptor = SecurityDescriptor.parse(security)
    except PolicyFileError as error:
        return str(error)
    if descriptor.owner not in account.trusted - {_CREATOR_OWNER, _OWNER_RIGHTS}:
        return f"its owner is {descriptor.owner}"
    if descriptor.dacl is None:
        return "everybody may write it"
    others = _writers(descriptor.dacl, _CHANGES_FOLDER if is_folder else _CHANGES_FILE) - account.trusted
    return f"it can be changed by {', '.join(sorted(others))}" if others else ""


def _writers(dacl: Iterable[Ace], rights: int) -> set[str]:
    return {ace.sid for ace in dacl if ace.allows and not ace.flags & INHERIT_ONLY and ace.mask & rights}


def folder_for_journals(account: JournalAccount, domain: str) -> bytes:
    """The security of the folder of the journals.

    Everybody who may create GPOs may create files there, and whoever creates one owns it: no other account but
    administrators can change it.
    """
    below = OBJECT_INHERIT | CONTAINER_INHERIT
    dacl = (
        Ace(ALLOWED, below, _FULL, ADMINISTRATORS),
        Ace(ALLOWED, below, _FULL, SYSTEM),
        Ace(ALLOWED, below | INHERIT_ONLY, _FULL, _CREATOR_OWNER),
        Ace(ALLOWED, below, _READ, _AUTHENTICATED_USERS),
        Ace(ALLOWED, 0, _READ | _WRITE_DATA | _APPEND_DATA, f"{domain}-{_GROUP_POLICY_CREATOR_OWNERS}"),
    )
    owner = ADMINISTRATORS if account.is_administrator else account.own
    control = SELF_RELATIVE | DACL_PRESENT | DACL_PROTECTED
    return SecurityDescriptor(owner, ADMINISTRATORS, dacl, control).to_bytes()
