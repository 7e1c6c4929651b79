# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accounts of the domain: the SID of a name, the name of a SID, and the SIDs that a computer's token holds."""

from __future__ import annotations

import re

from ..core.errors import HostError, RequestError
from ..policy_files.security_descriptor import sid_bytes, sid_text
from .directory import Directory, DirectoryEntry, SearchScope, escaped
from .errors import clean

_SID = re.compile(r"S-1-\d+(?:-\d+){1,15}")
_DOMAIN_SID = "S-1-5-21-"
# Names that no object of the domain carries (MS-DTYP 2.4.2.4).
WELL_KNOWN = {"S-1-5-11": "Authenticated Users", "S-1-1-0": "Everyone", "S-1-5-9": "Enterprise Domain Controllers"}
COMPUTERS_EVERYWHERE = frozenset({"S-1-5-11", "S-1-1-0", "S-1-5-2", "S-1-5-15"})
"""Authenticated Users, Everyone, Network, This Organization: in the token of every computer of the domain."""
_DOMAIN_CONTROLLERS = {516, 521}
ENTERPRISE_DOMAIN_CONTROLLERS = "S-1-5-9"
# LDAP_MATCHING_RULE_IN_CHAIN (MS-ADTS 3.1.1.3.4.4.3): nested groups in one search.
IN_CHAIN = "1.2.840.113556.1.4.1941"


def sid_of(directory: Directory, name: str) -> str:
    """The SID of a group or account of this domain.

    Args:
        directory: Of the domain.
        name: `name`, `DOMAIN\\name`, a well-known name, or a SID. A domain in front must be this one: the directory of
            one domain does not know the accounts of another, and an account of the same name is somebody else.

    Raises RequestError for a name or SID that this domain does not know; a SID of another domain cannot be checked.
    """
    if _SID.fullmatch(name.upper()):
        return _checked_sid(directory, name.upper())
    domain, _backslash, plain = name.rpartition("\\")
    for sid, known in WELL_KNOWN.items():
        if known.casefold() == plain.casefold() and domain.casefold() in ("", "nt authority"):
            return sid
    if domain and domain.casefold() not in _own_names(directory):
        raise RequestError(
            f"security_filter names {clean(name)!r}, and {clean(domain)} is not this domain. Name accounts of another "
            "domain by their SID."
        )
    found = list(
        directory.search(directory.domain_dn, SearchScope.SUBTREE, f"(sAMAccountName={escaped(plain)})", ["objectSid"])
    )
    if not found:
        raise RequestError(
            f"security_filter names {clean(name)!r}, and the domain has no group or account of that name. Say its "
            "sAMAccountName, its SID, or Authenticated Users."
        )
    return sid_text(found[0].raw("objectSid") or b"")


def is_foreign_sid(directory: Directory, sid: str) -> bool:
    """Whether a SID belongs to another domain, so its name, or whether it exists, is not known here."""
    return sid.startswith(_DOMAIN_SID) and not sid.startswith(_own_sid(directory) + "-")


def _checked_sid(directory: Directory, sid: str) -> str:
    """Raises RequestError for a SID of this domain that nobody has."""
    if sid.startswith(_DOMAIN_SID) and sid.startswith(_own_sid(directory) + "-") and not _with_sid(directory, sid):
        raise RequestError(
            f"security_filter names {sid}, and no group or account of this domain has that SID. Correct it, or name "
            "the group."
        )
    return sid


def _own_sid(directory: Directory) -> str:
    domain = directory.read(directory.domain_dn, ["objectSid"])
    return sid_text((domain.raw("objectSid") if domain else None) or b"")


def _own_names(directory: Directory) -> set[str]:
    """The names that stand for this domain in front of an account, in lower case; BUILTIN is in every domain."""
    partitions = f"CN=Partitions,{directory.configuration_dn}"
    wanted = f"(nCName={escaped(directory.domain_dn)})"
    found = directory.search(partitions, SearchScope.CHILDREN, wanted, ["nETBIOSName", "dnsRoot"])
    names = [name for entry in found for name in (entry.text("nETBIOSName"), entry.text("dnsRoot")) if name]
    return {"builtin", *(name.casefold() for name in names)}


def _with_sid(directory: Directory, sid: str) -> list[DirectoryEntry]:
    wanted = "(objectSid=" + "".join(f"\\{byte:02x}" for byte in sid_bytes(sid)) + ")"
    return list(directory.search(directory.domain_dn, SearchScope.SUBTREE, wanted, ["sAMAccountName"]))


def name_of(directory: Directory, sid: str) -> str:
    """The name of a SID; the SID itself where the domain knows none."""
    if sid in WELL_KNOWN:
        return WELL_KNOWN[sid]
    found = _with_sid(directory, sid)
    return (found[0].text("sAMAccountName") if found else None) or sid


def computer(directory: Directory, name: str) -> tuple[str, frozenset[str]]:
    """DN and token of a computer account: its own SID, those of its groups, nested ones too, and the well-known ones.

    name: with or without the final dollar sign, or its DNS name. Raises RequestError.
    """
    account = name.partition(".")[0].rstrip("$") + "$"
    wanted = f"(&(objectClass=computer)(|(sAMAccountName={escaped(account)})(dNSHostName={escaped(name)})))"
    attributes = ["objectSid", "primaryGroupID", "sAMAccountName"]
    found = list(directory.search(directory.domain_dn, SearchScope.SUBTREE, wanted, attributes))
    if len(found) != 1:
        raise RequestError(f"The domain has {len(found) or 'no'} computer accounts named {clean(name)}.")
    entry = found[0]
    sid = sid_text(entry.raw("objectSid") or b"")
    domain = sid.rpartition("-")[0]
    primary = entry.number("primaryGroupID") or 0
    token = {sid, f"{domain}-{primary}", *COMPUTERS_EVERYWHERE}
    if primary in _DOMAIN_CONTROLLERS:
        token.add(ENTERPRISE_DOMAIN_CONTROLLERS)
    members = [entry.dn]
    primary_group = directory.search(
        directory.domain_dn,
        SearchScope.SUBTREE,
        "(objectSid=" + "".join(f"\\{byte:02x}" for byte in sid_bytes(f"{domain}-{primary}")) + ")",
        ["objectSid"],
    )
    members += [group.dn for group in primary_group]
    for dn in members:
        groups = directory.search(
            directory.domain_dn, SearchScope.SUBTREE, f"(member:{IN_CHAIN}:={escaped(dn)})", ["objectSid"]
        )
        token.update(sid_text(group.raw("objectSid") or b"") for group in groups)
    return entry.dn, frozenset(token)


def wmi_filter_text(directory: Directory, domain: str, name: str) -> str:
    """What gPCWQLFilter says for a WMI filter that exists (MS-GPOL 2.2.4). Raises RequestError, HostError."""
    base = f"CN=SOM,CN=WMIPolicy,CN=System,{directory.domain_dn}"
    try:
        found = list(
            directory.search(
                base, SearchScope.CHILDREN, f"(&(objectClass=msWMI-Som)(msWMI-Name={escaped(name)}))", ["msWMI-ID"]
            )
        )
    except HostError as error:
        raise RequestError(f"The WMI filters of the domain cannot be read: {error}") from error
    if len(found) != 1:
        raise RequestError(
            f"The domain has {len(found) or 'no'} WMI filters named {clean(name)!r}. Make it in GPMC first; this "
            "collection uses filters that exist."
        )
    return f"[{domain};{found[0].text('msWMI-ID')};0]"


def wmi_filter_name(directory: Directory, text: str | None) -> str | None:
    """The name of a GPO's WMI filter; its identifier where it is not there; None where the GPO has none."""
    match = re.fullmatch(r"\[([^;\]]*);(\{[^;\]]*\});[^\]]*\]", (text or "").strip())
    if match is None:
        return clean(text) if text and text.strip() else None
    entry = directory.read(f"CN={match[2]},CN=SOM,CN=WMIPolicy,CN=System,{directory.domain_dn}", ["msWMI-Name"])
    return clean((entry.text("msWMI-Name") if entry else None) or match[2])
