# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine half of a local GPO as one value: Registry.pol and gpt.ini, edited together.

Whoever changes Registry.pol has to list the registry extension in gpt.ini, else no client reads it, and to raise the
version, else none reads it again. An edit here does all of that or, where it would change nothing, gives the same
value. The version only goes up. A Registry.pol from which the last entry goes, goes away, and its extension with it:
the files of a host that was never edited come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .extension_names import REGISTRY_POLICY, ExtensionNames
from .gpt_ini import GptIni
from .registry_pol import Effect, RegistryPol, RegistryPolEntry


@dataclass(frozen=True)
class LocalGpo:
    """Both files; None for one that is not there. Immutable: every edit gives a new one."""

    registry_pol: RegistryPol | None = None
    gpt_ini: GptIni | None = None

    @classmethod
    def parse(cls, registry_pol: bytes | None, gpt_ini: bytes | None) -> LocalGpo:
        """Read the files. Raises DamagedFile if one is damaged, its extension list included."""
        gpo = cls(
            None if registry_pol is None else RegistryPol.parse(registry_pol),
            None if gpt_ini is None else GptIni.parse(gpt_ini),
        )
        _read = gpo.extensions
        return gpo

    @property
    def extensions(self) -> ExtensionNames:
        return ExtensionNames.parse(self.gpt_ini.machine_extensions if self.gpt_ini else None)

    @property
    def is_read(self) -> bool:
        """Whether a client looks at Registry.pol: it is there, and its extension is listed, whoever edits for it."""
        return self.registry_pol is not None and self.extensions.has_cse(REGISTRY_POLICY.cse)

    def effect(self, key: str, name: str) -> Effect | None:
        """What Registry.pol does to a value of HKEY_LOCAL_MACHINE in the end; None: nothing."""
        return self.registry_pol.effect(key, name) if self.registry_pol else None

    def configures(self, key: str, name: str) -> bool:
        """Whether an editor shows the value's policy as anything but "not configured"."""
        return self.registry_pol is not None and bool(self.registry_pol.about(key, name))

    def entry(self, key: str, name: str) -> RegistryPolEntry | None:
        """The one entry that sets the value, if nothing else is about the value: what `edit` could restore."""
        about = self.registry_pol.about(key, name) if self.registry_pol else ()
        only = about[0].entry if len(about) == 1 else None
        return only if only and self.effect(key, name) == Effect("set", only) else None

    def edit(self, wanted: Mapping[tuple[str, str], RegistryPolEntry | None]) -> LocalGpo:
        """Let these entries decide on their values, by key and value name; None: "not configured". One new version.

        See `RegistryPol.set`. Raises CannotBeWritten.
        """
        old = self.registry_pol or RegistryPol()
        pol = old
        for (key, name), entry in wanted.items():
            pol = pol.write_back(key, name) if entry is None else pol.set(entry)
        extensions = self.extensions
        if not any(wanted.values()) and pol == old:
            return self
        if pol.entries:
            extensions = extensions.with_extension(REGISTRY_POLICY)
        elif pol != old:
            extensions = extensions.without_extension(REGISTRY_POLICY)
        if (pol, extensions) == (self.registry_pol, self.extensions):
            return self
        ini = self.gpt_ini or GptIni.new()
        if extensions != self.extensions:
            ini = ini.with_machine_extensions(str(extensions) or None)
        return LocalGpo(pol if pol.entries else None, ini.with_version(ini.version.next_machine()))
