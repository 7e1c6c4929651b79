# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A GPO as a backup: every file is in it, no name in SYSVOL leads out of it, and two states stand side by side."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.errors import DomainError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.smb_messages import Item
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo import gpo_backup
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_backup import GpoBackup, back_up
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_state import GpoContainer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gpmc_backup import backup_folder, manifest
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.gpt_ini import Version
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.policy_reader import PolicyFolder
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.registry_pol import (
    RegistryPol,
    RegistryPolEntry,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.policy_files.strict_backup import (
    read_strictly,
)

GUID = "{11111111-2222-3333-4444-555555555555}"
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
REGISTRY = "[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{D02B1F72-3407-48AE-BA88-E8213C6761F1}]"
CONTAINER = GpoContainer(
    GUID, f"CN={GUID}", "Guests & NAS", "", Version(0, 3), 1, machine_extensions=REGISTRY, security=b"\x01\x00\x04\x80"
)
KEY = r"Software\Policies\Microsoft\Windows\LanmanWorkstation"


def pol(value: int) -> bytes:
    return RegistryPol().set(RegistryPolEntry.dword(KEY, "AllowInsecureGuestAuth", value)).to_bytes()


FILES = {
    "GPT.INI": b"[General]\r\nVersion=3\r\n",
    "GPO.cmt": "why".encode("utf-16"),
    r"Machine\Registry.pol": pol(0),
    r"Machine\Preferences\Drives\Drives.xml": b"<Drives/>",
    r"User\Registry.pol": b"PReg\x01\x00\x00\x00",
}


def backed_up(files: dict[str, bytes], container: GpoContainer = CONTAINER, extra: tuple[Item, ...] = ()) -> GpoBackup:
    """extra: further items of the folder Machine, as a delegate could have made them."""
    root = rf"ad.example\Policies\{GUID}"

    def items(path: str) -> list[Item]:
        below = path.removeprefix(root).strip("\\") + "\\"
        rests = [name.removeprefix(below) for name in files if name.startswith(below)]
        found = {Item(rest.partition("\\")[0], "\\" in rest) for rest in rests}
        return [*found, *(extra if below == "Machine\\" else ())]

    reader = SimpleNamespace(
        domain="ad.example",
        folder=lambda _guid: root,
        directory=SimpleNamespace(controller=SimpleNamespace(server="dc1.ad.example")),
        sysvol=SimpleNamespace(items=items, read=lambda path: files.get(path.removeprefix(root + "\\"))),
    )
    return back_up(cast(Any, reader), container, NOON)


def test_every_file_of_both_halves_is_in_the_backup() -> None:
    backup = backed_up(FILES)
    assert backup.left_out == []
    found = read_strictly(backup_folder(backup.source))
    assert found.located == {
        "Registry": [r"Machine\registry.pol", r"User\registry.pol"],
        "Unknown Extension": [r"Machine\Preferences\Drives\Drives.xml", "GPO.cmt"],
    }
    assert found.folders == [r"Machine\Preferences", r"Machine\Preferences\Drives"]
    assert (found.core["ID"], found.core["Options"]) == (GUID, "1")
    assert (found.core["MachineVersionNumber"], found.core["UserVersionNumber"]) == (str(0x30003), "0")
    assert found.core["MachineExtensionGuids"] == REGISTRY
    assert found.core["SecurityDescriptor"] == "01 00 04 80"
    assert (found.record["GPODomain"], found.record["GPODomainController"]) == ("ad.example", "dc1.ad.example")


def test_our_reader_reads_its_settings() -> None:
    files = backup_folder(backed_up(FILES).source)
    (source,) = PolicyFolder({name: lambda content=content: content for name, content in files.items()}).sources()
    assert (source.name, source.settings) == ("Guests & NAS", {"insecure_guest_logons": False})


def test_the_same_content_has_the_same_id_and_another_one_another() -> None:
    before, again = backed_up(FILES).source, backed_up(FILES).source
    after = backed_up({**FILES, r"Machine\Registry.pol": pol(1)}).source
    newer = backed_up(FILES, replace(CONTAINER, version=Version(0, 4))).source
    assert before.backup_id == again.backup_id
    assert len({before.backup_id, after.backup_id, newer.backup_id}) == 3
    records = [backup_folder(each)[f"{each.backup_id}/bkupInfo.xml"] for each in (before, after)]
    index = manifest([*records, b"<!DOCTYPE x>damaged"])
    files = backup_folder(after) | {"manifest.xml": index}
    assert read_strictly(files).record["ID"] == after.backup_id
    assert index.count(b"<BackupInst>") == 2


@pytest.mark.parametrize("name", ["..", "a/b", r"..\..\x", "c:x", "a\x00b", "x?"])
@pytest.mark.parametrize("is_folder", [True, False])
def test_a_name_that_leaves_the_folder_is_left_out(name: str, is_folder: bool) -> None:
    backup = backed_up(FILES, extra=(Item(name, is_folder),))
    assert set(backup.source.files) == set(backed_up(FILES).source.files)
    assert "no backup can hold" in backup.left_out[0]


def test_a_wmi_filter_is_named_as_left_out() -> None:
    assert "WMI filter" in backed_up(FILES, replace(CONTAINER, wmi_filter="[ad.example;{x};0]")).left_out[0]


def test_a_gpo_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpo_backup, "MAX_FILES", 3)
    with pytest.raises(DomainError, match="more than 3 files"):
        backed_up(FILES)
