# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A domain GPO as it is found: its directory object, its files, the links to it. Reads; writes nothing.

A GPO has two halves that only agree by convention (MS-GPOL 1.3): the container in LDAP, the template in SYSVOL. Both
are read from the one controller that was named.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ..core.errors import HostState
from ..domain.directory import Directory, DirectoryEntry, SearchScope, escaped
from ..domain.distinguished_names import dn_key
from ..domain.errors import DomainError, clean
from ..domain.rights import Right, needing
from ..domain.sysvol import Sysvol
from ..policy_files.errors import PolicyFileError
from ..policy_files.extension_names import ExtensionNames
from ..policy_files.gp_links import Links
from ..policy_files.gpt_ini import GptIni, Version
from ..policy_files.gpt_tmpl import GptTmpl
from ..policy_files.registry_pol import RegistryPol
from ..policy_files.security_descriptor import SecurityDescriptor

DEFAULT_POLICIES: Mapping[str, str] = {
    "{31B2F340-016D-11D2-945F-00C04FB984F9}": "Default Domain Policy",
    "{6AC1786C-016F-11D2-945F-00C04FB984F9}": "Default Domain Controllers Policy",
}
GUID = re.compile(r"\{[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}\}")
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
GPO_CLASS = "(objectClass=groupPolicyContainer)"
FUNCTIONALITY_VERSION = 2
USER_OFF, MACHINE_OFF = 1, 2

GPT_INI = "GPT.INI"
REGISTRY_POL = r"Machine\Registry.pol"
GPT_TMPL = r"Machine\Microsoft\Windows NT\SecEdit\GptTmpl.inf"
# A text file that GPMC shows as the GPO's comment. No source gives its encoding; UTF-16 with a mark reads either way.
COMMENT = "GPO.cmt"

FILES = {"gpt_ini": GPT_INI, "registry_pol": REGISTRY_POL, "gpt_tmpl": GPT_TMPL, "comment": COMMENT}
"""By the field of Files."""
Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class GpoContainer:
    """The directory object of a GPO.

    Args:
        security: owner, group and DACL, as bytes; None if it may not be read.
        has_version: whether it has the attribute versionNumber at all; without it the version counts as 0.
    """

    guid: str
    dn: str
    name: str
    path: str
    version: Version = field(default_factory=Version)
    flags: int = 0
    functionality_version: int | None = FUNCTIONALITY_VERSION
    machine_extensions: str | None = None
    user_extensions: str | None = None
    wmi_filter: str | None = None
    security: bytes | None = field(default=None, repr=False)
    has_version: bool = True

    @classmethod
    def from_entry(cls, entry: DirectoryEntry) -> GpoContainer:
        """Raises DomainError for an object that is no GPO."""
        guid = (entry.text("cn") or "").upper()
        if not GUID.fullmatch(guid):
            raise DomainError(f"{clean(entry.dn)} is no Group Policy Object.")
        return cls(
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

    @property
    def extensions(self) -> ExtensionNames:
        """The extensions of the machine half. Raises DomainError."""
        return parsed(ExtensionNames.parse, self.machine_extensions, f"gPCMachineExtensionNames of {clean(self.name)}")


@dataclass(frozen=True)
class Files:
    """What of a GPO's folder is ours to read and write; None for a file that is not there. gpo: its name."""

    gpt_ini: bytes | None = None
    registry_pol: bytes | None = None
    gpt_tmpl: bytes | None = None
    comment: bytes | None = None
    gpo: str = field(default="", compare=False)

    @property
    def version(self) -> Version | None:
        """The version of GPT.INI; None without that file. Raises DomainError."""
        return None if self.gpt_ini is None else parsed(GptIni.parse, self.gpt_ini, self._called(GPT_INI)).version

    @property
    def registry(self) -> RegistryPol:
        """Raises DomainError for a damaged file."""
        return (
            RegistryPol()
            if self.registry_pol is None
            else parsed(RegistryPol.parse, self.registry_pol, self._called(REGISTRY_POL))
        )

    @property
    def template(self) -> GptTmpl:
        """Raises DomainError for a damaged file."""
        return GptTmpl.new() if self.gpt_tmpl is None else parsed(GptTmpl.parse, self.gpt_tmpl, self._called(GPT_TMPL))

    @property
    def comment_text(self) -> str:
        return comment_text(self.comment)

    def _called(self, file: str) -> str:
        return f"{file} of the GPO {self.gpo}" if self.gpo else file


@dataclass(frozen=True)
class GpoState:
    """All of a GPO that this collection reads and writes. container None: there is no such GPO.

    links: the gPLink text of each container that links it or is to link it, by DN as it was spelled first.
    """

    guid: str
    container: GpoContainer | None = None
    files: Files = field(default_factory=Files)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        return self.container is not None

    @property
    def name(self) -> str:
        return self.container.name if self.container else ""

    def linked_by(self) -> dict[str, str]:
        """The containers that do link it."""
        return {dn: text for dn, text in self.links.items() if links_of(text).of(self.guid)}

    def link_text(self, target: str) -> str:
        """The gPLink text of a container, however its DN is spelled; empty if there is none."""
        return next((text for dn, text in self.links.items() if dn_key(dn) == dn_key(target)), "")


def parsed(parse: object, content: object, what: str) -> Parsed:  # type: ignore[type-var]
    """What a parser of policy files makes of content. Raises DomainError, which says which file is damaged."""
    try:
        return parse(content)  # type: ignore[operator,no-any-return]
    except PolicyFileError as error:
        raise DomainError(
            f"{clean(what)} is damaged and is not touched: {clean(error)}. Open the GPO in its editor or restore it "
            "from a backup first."
        ) from error


def links_of(text: str | None) -> Links:
    """The links in a gPLink. Raises DomainError."""
    return parsed(Links.parse, text, "gPLink of a container")


def security_of(data: bytes) -> SecurityDescriptor:
    """Raises DomainError."""
    return parsed(SecurityDescriptor.parse, data, "nTSecurityDescriptor of a GPO")


def comment_text(content: bytes | None) -> str:
    """The comment of a GPO.cmt: UTF-16 with a byte order mark or without, else one byte a character."""
    if not content:
        return ""
    if content.startswith(b"\xff\xfe") or (len(content) % 2 == 0 and b"\0" in content):
        return content.decode("utf-16-le", "replace").lstrip("\ufeff").rstrip("\0")
    return content.decode("latin-1")


def comment_bytes(text: str) -> bytes | None:
    return ("\ufeff" + text).encode("utf-16-le") if text else None


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
        return map(GpoContainer.from_entry, found)

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
        container = GpoContainer.from_entry(entry) if entry else None
        if container and container.path.casefold() != self.unc(guid).casefold():
            raise DomainError(
                f"The files of the GPO {clean(container.name)} are said to be at {clean(container.path)}, not at "
                f"{self.unc(guid)}, where this collection would look.",
                host_state=HostState.NOTHING_WRITTEN,
            )
        links = dict(self.linking(guid)) if container else {}
        for target in targets:
            if not any(dn_key(target) == dn_key(dn) for dn in links):
                found = self.directory.read(target, ["gPLink"])
                if found is None:
                    raise DomainError(
                        f"The directory has no {clean(target)} that {clean(self.directory.controller.account)} can "
                        "see. links wants the distinguished name of an organizational unit, the domain or a site.",
                        host_state=HostState.NOTHING_WRITTEN,
                    )
                links[found.dn] = found.text("gPLink") or ""
        return GpoState(guid, container, self._named_files(container) if container else Files(), links)

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

    def linking(self, guid: str) -> Iterator[tuple[str, str]]:
        """Every container that links the GPO: DN and gPLink. Domains, units and sites of the configuration."""
        for base in (self.directory.domain_dn, self.directory.configuration_dn):
            for entry in self.directory.search(base, SearchScope.SUBTREE, f"(gPLink=*{escaped(guid)}*)", ["gPLink"]):
                text = entry.text("gPLink") or ""
                if links_of(text).of(guid):
                    yield entry.dn, text


def as_guid(gpo: str) -> str | None:
    """`{...}` in upper case if the text is a GUID, with or without braces."""
    guid = "{" + gpo.strip("{}").upper() + "}"
    return guid if GUID.fullmatch(guid) else None
