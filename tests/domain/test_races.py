# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writers at the same time: our own hold each other off, and an editor like GPMC, which does not, loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from conftest import Domain
from faults import Fault, fault

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.ldap_messages import Modification
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.sysvol import Sysvol
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_change import DomainChanges
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_cells import MANAGED, setting_value
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_desired import DesiredGpo
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_outcome import GpoTerms
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gpt_ini import GptIni
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.registry_pol import (
    RegistryPol,
    RegistryPolEntry,
)

GUEST, AUDIT = "insecure_guest_logons", "audit_insecure_guest_logons"
TRIES = 50


def write(domain: Domain, gpo: str, settings: dict[str, bool]) -> None:
    """A run of its own, with connections of its own."""
    with domain.reader(auth_protocol="ntlm") as reader:
        DomainChanges(reader).make_true(gpo, DesiredGpo(gpo, settings), GpoTerms())


def settings(domain: Domain, guid: str) -> dict[str, bool | None]:
    with domain.reader() as reader:
        state = reader.state(guid, [])
    return {name: setting_value(state, MANAGED[name]) for name in (GUEST, AUDIT)}


def test_two_writers_lose_nothing(domain: Domain, record_property: Callable[[str, object], None]) -> None:
    """Each writes its own setting of one GPO; afterwards both are there, and every version was a new one."""
    name = domain.name("Two writers")
    guid = domain.present(name, settings={GUEST: False, AUDIT: False}).after["guid"]
    version = 1
    with ThreadPoolExecutor(2) as pool:
        for number in range(TRIES):
            wanted = {GUEST: number % 2 == 0, AUDIT: number % 2 == 0}
            both = [pool.submit(write, domain, name, {key: value}) for key, value in wanted.items()]
            for one in both:
                one.result()
            assert settings(domain, guid) == wanted
            found = GptIni.parse(domain.files(guid)["gpt.ini"]).version.machine
            assert found == version + 2
            version = found
    record_property("tries", TRIES)


def test_two_creators_make_one_gpo(domain: Domain) -> None:
    name = domain.name("Two creators")
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(write, domain, name, {key: True}) for key in (GUEST, AUDIT)]
        for one in both:
            one.result()
    assert domain.dc.tool("gpo", "listall").count(f": {name}\n") == 1
    assert domain.present(name).after["settings"] == {GUEST: "allowed", AUDIT: "enabled"}


class Editor:
    """Edits a GPO as GPMC does: reads Registry.pol, writes it whole in place, raises both versions; takes no lock."""

    def __init__(self, domain: Domain, guid: str) -> None:
        self._domain, self._guid = domain, guid
        self.edits = 0

    @property
    def _pol(self) -> Path:
        return self._domain.folder(self._guid) / "Machine" / "Registry.pol"

    def edit(self) -> None:
        self.edits += 1
        registry = RegistryPol.parse(self._pol.read_bytes())
        self._pol.write_bytes(registry.set(RegistryPolEntry.dword("Software\\Theirs", "Value", self.edits)).to_bytes())
        ini_path = self._domain.folder(self._guid) / "GPT.INI"
        ini = GptIni.parse(ini_path.read_bytes())
        dn = f"CN={self._guid},CN=Policies,CN=System,{self._domain.dc.dn}"
        with self._domain.directory() as directory:
            entry = directory.read(dn, ["versionNumber"])
            assert entry
            number = max(entry.number("versionNumber") or 0, ini.version.number) + 1
            directory.modify(dn, [Modification.replace("versionNumber", str(number))])
        ini_path.write_bytes(f"[General]\r\nVersion={number}\r\n".encode())

    @property
    def is_there(self) -> bool:
        effect = RegistryPol.parse(self._pol.read_bytes()).effect("Software\\Theirs", "Value")
        return bool(effect and effect.entry.number == self.edits)


def test_editor_in_between_loses_nothing(
    domain: Domain, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    """An edit before each single request of a run: both are there afterwards, or ours is refused and theirs is there.

    But for one: the request that renames the new Registry.pol over the old one. Between the last look at the file and
    that request nobody can hold off an editor that takes no lock.
    """
    name = domain.name("Edited meanwhile")
    guid = domain.present(name, settings={GUEST: False}).after["guid"]
    editor = Editor(domain, guid)
    replacing: list[int] = []
    replace = Sysvol.replace
    counted = [Fault("killed", 0)]
    seen = 0

    def watched(self: Sysvol, path: str, content: bytes) -> None:
        first = counted[0].seen
        replace(self, path, content)
        if path.endswith("Registry.pol"):
            replacing.extend(range(first + 1, counted[0].seen + 1))

    monkeypatch.setattr(Sysvol, "replace", watched)
    at = lost = 0
    while True:
        at += 1
        wanted = at % 2 == 0
        domain.present(name, settings={GUEST: not wanted})
        replacing.clear()
        with fault(at=at, between=editor.edit) as counted[0]:
            write(domain, name, {GUEST: wanted})
        if counted[0].seen < at:
            break
        assert settings(domain, guid)[GUEST] == wanted, at
        if not editor.is_there:
            assert at in replacing, (at, replacing)
            lost += 1
        seen = counted[0].seen
    record_property("requests", seen)
    assert editor.edits > 20
    assert lost <= 3  # the requests that write beside and rename
