# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The extension list of a GPO: which extensions of a client read it, and which editors wrote for them.

MS-GPOL 2.2.4 (gPCMachineExtensionNames): `[{CSE}{tool}...]...`, ascending by CSE without regard to case. A client stops
at the first CSE that is out of order, so a list is always written in order, whatever order it was read in.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from .errors import DamagedFile, shorten

_GUID = r"\{[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}"
_GROUP = re.compile(rf"\s*\[\s*({_GUID}\s*(?:{_GUID}\s*)*)\]\s*")
_GUIDS = re.compile(_GUID)


class Extension(NamedTuple):
    """A client side extension and the tool that edits for it: GUIDs in braces."""

    cse: str
    tool: str


REGISTRY_POLICY = Extension("{35378EAC-683F-11D2-A89A-00C04FBBCFA2}", "{D02B1F72-3407-48AE-BA88-E8213C6761F1}")
"""Registry.pol of the machine half, edited by Administrative Templates."""
SECURITY_SETTINGS = Extension("{827D319E-6EAC-11D2-A4EA-00C04F79F83A}", "{803E14A0-B4FB-11D0-A0D0-00A0C90F574B}")
"""GptTmpl.inf, edited by Security Settings."""


@dataclass(frozen=True)
class ExtensionNames:
    """The pairs of an extension list, in the order in which they are written, GUIDs as they were spelled."""

    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Each CSE with its tools."""

    @classmethod
    def parse(cls, text: str | None) -> ExtensionNames:
        """From the text of the attribute; None and blanks are the empty list. Raises DamagedFile."""
        text = text or ""
        tools: dict[str, dict[str, str]] = {}
        spelled: dict[str, str] = {}
        at = 0
        while text[at:].strip():
            match = _GROUP.match(text, at)
            if match is None:
                raise DamagedFile("value", f"the extension list cannot be read from {shorten(text[at:])} on")
            cse, *others = _GUIDS.findall(match.group(1))
            spelled.setdefault(cse.upper(), cse)
            group = tools.setdefault(cse.upper(), {})
            for tool in others:
                group.setdefault(tool.upper(), tool)
            at = match.end()
        return cls(
            tuple((spelled[cse], tuple(group[t] for t in sorted(group))) for cse, group in sorted(tools.items()))
        )

    def __str__(self) -> str:
        return "".join(f"[{cse}{''.join(tools)}]" for cse, tools in self.groups)

    def has(self, extension: Extension) -> bool:
        return any(
            cse.upper() == extension.cse and extension.tool in map(str.upper, tools) for cse, tools in self.groups
        )

    def has_cse(self, cse: str) -> bool:
        """Whether the extension reads this GPO, whichever tool wrote for it."""
        return any(one.upper() == cse for one, _tools in self.groups)

    def with_extension(self, extension: Extension) -> ExtensionNames:
        return self if self.has(extension) else ExtensionNames.parse(f"{self}[{extension.cse}{extension.tool}]")

    def without_extension(self, extension: Extension) -> ExtensionNames:
        """Without the tool; without the extension too, if no other tool wrote for it."""
        groups = []
        for cse, tools in self.groups:
            kept = tuple(tool for tool in tools if cse.upper() != extension.cse or tool.upper() != extension.tool)
            if kept or not tools:
                groups.append((cse, kept))
        return ExtensionNames(tuple(groups))
