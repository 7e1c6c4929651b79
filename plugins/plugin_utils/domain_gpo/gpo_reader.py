# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads the GPOs of a domain: directory objects, files, and the containers that link them. Writes nothing.

Both halves of a GPO are read from the one controller that was named.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

from ..core.errors import HostState
from ..domain.directory import Directory, DirectoryEntry, SearchScope, escaped
from ..domain.distinguished_names import dn_key
from ..domain.errors import DomainError, clean
from ..domain.rights import Right, needing
from ..domain.sysvol import Sysvol
from ..policy_files.gpt_ini import Version
from .gpo_state import FILES, GUID, Files, GpoContainer, GpoState, links_of

ATTRIBUTES = [
    "cn",
    "displayName",
    "gPCFileSysPath",
    "gPCFunctionalityVersion",
    "gPCMachineExtensionNames",
    "gPCUserExtensionNames",
    "gPCWQLFilter",
    "flags",
    "versionNumber",
    "nTSecurityDescriptor",
]
SD_FLAGS = 7
"""Owner, group and DACL of nTSecurityDescriptor."""
LINK_ATTRIBUTES = ["gPLink", "objectGUID"]
GPO_CLASS = "(objectClass=groupPolicyContainer)"


class GpoReader:
    """Reads GPOs of one domain from one controller."""

    def __init__(self, directory: Directory, sysvol: Sysvol, domain: str) -> None:
        self.directory, self.sysvol, self.domain = directory, sysvol, domain
        self.policies_dn = f"CN=Policies,CN=System,{directory.domain_dn}"

    @property
    def policies_folder(self) -> str:
        return rf"{self.domain}\Policies"

    def folder(self, guid: str) -> str:
        """The GPO's folder, relative to SYSVOL."""
        return rf"{self.policies_folder}\{guid}"

    def unc(self, guid: str) -> str:
        """What gPCFileSysPath says for a GPO of this domain."""
        return rf"\\{self.domain}\sysvol\{self.domain}\Policies\{guid}"

    def containers(self, filter_: str = GPO_CLASS) -> Iterator[GpoContainer]:
        """Every GPO of the domain that the account may see. Raises DomainError."""
        found = self.directory.search(self.policies_dn, SearchScope.CHILDREN, filter_, ATTRIBUTES, sd_flags=SD_FLAGS)
        return map(container_of, found)

    def find(self, gpo: str) -> GpoContainer | None:
        """The GPO of a name or a GUID (with or without braces). Raises DomainError if the name is of several."""
        guid = as_guid(gpo)
        if guid:
            found = list(self.containers(f"(&{GPO_CLASS}(cn={escaped(guid)}))"))
            return found[0] if found else None
        found = list(self.containers(f"(&{GPO_CLASS}(displayName={escaped(gpo)}))"))
        if len(found) > 1:
            raise DomainError(
                f"{len(found)} GPOs are named {clean(gpo)}: {', '.join(each.guid for each in found)}. Say which one by "
                "its GUID in the option gpo.",
                host_state=HostState.NOTHING_WRITTEN,
            )
        return found[0] if found else None

    def state(self, guid: str, targets: list[str]) -> GpoState:
        """A GPO with its files and links; targets: containers whose links matter even if they do not link it.

        Raises DomainError, also for a target that is not there.
        """
        entry = self.directory.read(f"CN={guid},{self.policies_dn}", ATTRIBUTES, sd_flags=SD_FLAGS)
        container = container_of(entry) if entry else None
        if container and container.path.casefold() != self.unc(guid).casefold():
            raise DomainError(
                f"The files of the GPO {clean(container.name)} are recorded at {clean(container.path)}, not at "
                f"{self.unc(guid)}, where this collection would look.",
                host_state=HostState.NOTHING_WRITTEN,
            )
        linking = list(self.linking(guid)) if container else []
        for target in targets:
            if not any(dn_key(target) == dn_key(entry.dn) for entry in linking):
                found = self.container(target)
                if found is None:
                    raise DomainError(
                        f"The directory has no {clean(target)} that {clean(self.directory.controller.account)} can "
                        "see. links wants the distinguished name of an organizational unit, the domain or a site.",
                        host_state=HostState.NOTHING_WRITTEN,
                    )
                linking.append(found)
        files = self._named_files(container) if container else Files()
        return with_containers(GpoState(guid, container, files), linking)

    def container(self, name: str) -> DirectoryEntry | None:
        """A container that can link GPOs, with its links; by DN or `<GUID=...>`. None if it is not there."""
        return self.directory.read(name, LINK_ATTRIBUTES)

    def _named_files(self, container: GpoContainer) -> Files:
        return replace(self.files(container.guid), gpo=container.name)

    def files(self, guid: str, only: Iterable[str] = tuple(FILES)) -> Files:
        """only: fields of Files; a request each."""
        return self.files_in(self.folder(guid), only)

    def files_in(self, folder: str, only: Iterable[str] = tuple(FILES)) -> Files:
        """The files of a GPO's folder that was moved aside, say."""
        with needing(Right.READ):
            found: dict[str, Any] = {name: self.sysvol.read(rf"{folder}\{FILES[name]}") for name in only}
        return Files(**found)

    def linking(self, guid: str) -> Iterator[DirectoryEntry]:
        """Every container that links the GPO: domains, units and sites of the configuration."""
        for base in (self.directory.domain_dn, self.directory.configuration_dn):
            for entry in self.directory.search(
                base, SearchScope.SUBTREE, f"(gPLink=*{escaped(guid)}*)", LINK_ATTRIBUTES
            ):
                if links_of(entry.text("gPLink")).of(guid):
                    yield entry


def with_containers(state: GpoState, entries: Iterable[DirectoryEntry]) -> GpoState:
    """A GPO with more containers that link it or are to link it."""
    links, targets = dict(state.links), dict(state.targets)
    for entry in entries:
        links[entry.dn] = entry.text("gPLink") or ""
        targets[entry.dn] = str(UUID(bytes_le=entry.raw("objectGUID") or bytes(16)))
    return replace(state, links=links, targets=targets)


def as_guid(gpo: str) -> str | None:
    """`{...}` in upper case if the text is a GUID, with or without braces."""
    guid = "{" + gpo.strip("{}").upper() + "}"
    return guid if GUID.fullmatch(guid) else None


def container_of(entry: DirectoryEntry) -> GpoContainer:
    """Raises DomainError for an object that is no GPO."""
    guid = (entry.text("cn") or "").upper()
    if not GUID.fullmatch(guid):
        raise DomainError(f"{clean(entry.dn)} is no Group Policy Object.")
    return GpoContainer(
        guid,
        entry.dn,
        entry.text("displayName") or "",
        entry.text("gPCFileSysPath") or "",
        Version.from_number(entry.number("versionNumber") or 0),
        entry.number("flags") or 0,
        entry.number("gPCFunctionalityVersion"),
        entry.text("gPCMachineExtensionNames"),
        entry.text("gPCUserExtensionNames"),
        entry.text("gPCWQLFilter"),
        entry.raw("nTSecurityDescriptor"),
        entry.raw("versionNumber") is not None,
    )
