# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A domain GPO as data: its directory object, its files, the links to it. Pure.

A GPO has two halves that only agree by convention (MS-GPOL 1.3): the container in LDAP, the template in SYSVOL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ..domain.distinguished_names import dn_key
from ..domain.errors import DomainError, clean
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
FUNCTIONALITY_VERSION = 2
USER_OFF, MACHINE_OFF = 1, 2

GPT_INI = "GPT.INI"
REGISTRY_POL = r"Machine\Registry.pol"
GPT_TMPL = r"Machine\Microsoft\Windows NT\SecEdit\GptTmpl.inf"
# A text file that GPMC shows as the GPO's comment. No source gives its encoding; UTF-16 with a mark reads either way.
COMMENT = "GPO.cmt"

FILES = {"gpt_ini": GPT_INI, "registry_pol": REGISTRY_POL, "gpt_tmpl": GPT_TMPL, "comment": COMMENT}
"""By the field of Files."""
Content = TypeVar("Content")
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
    targets: the objectGUID of each of these containers, by the same DN. A container can be renamed, or replaced by
    another of its name; the GUID stays with the object.
    """

    guid: str
    container: GpoContainer | None = None
    files: Files = field(default_factory=Files)
    links: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)

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


def parsed(parse: Callable[[Content], Parsed], content: Content, what: str) -> Parsed:
    """What a parser of policy files makes of content. Raises DomainError, which says which file is damaged."""
    try:
        return parse(content)
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
