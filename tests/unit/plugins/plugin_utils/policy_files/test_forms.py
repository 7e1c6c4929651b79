# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies as files: every form and every combination of settings is written, read again, undone, and deterministic."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.local_files import bounded_readers
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.errors import CannotBeWritten
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.forms import FORMS, left_out, written_files
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.policy_places import PolicyDocument
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.policy_reader import (
    MAX_FILE,
    MAX_FILES,
    PolicyFileSource,
    PolicyFolder,
    agreement,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.policy_files.strict_backup import (
    read_strictly,
)

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
EVERYTHING = dict.fromkeys(SETTINGS, True)
POLICIES = st.dictionaries(st.sampled_from(sorted(SETTINGS)), st.booleans(), min_size=1)
CATALOG_ID = "device_vendor_msft_policy_config_lanmanworkstation_enableinsecureguestlogons"
CATALOG_ROW = {"settingDefinitionId": CATALOG_ID, "choiceSettingValue": {"value": f"{CATALOG_ID}_0"}}
SUFFIXES = [".reg", ".txt", ".xml", ".json", ".inf", ".pol", ".policyrules"]
POLICY_KEY = r"Software\Policies\Microsoft\Windows\LanmanWorkstation"


def document(settings: Mapping[str, bool], name: str = "SMB hardening") -> PolicyDocument:
    return PolicyDocument(name, {SETTINGS[key]: value for key, value in settings.items()}, NOON, "CHG1")


def write(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def sources(folder: Path) -> list[PolicyFileSource]:
    return PolicyFolder(bounded_readers(folder, MAX_FILES, MAX_FILE)).sources()


@pytest.mark.parametrize("form", FORMS)
@given(settings=POLICIES)
def test_what_is_written_is_read_again(
    form: str, settings: dict[str, bool], tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = written_files(form, document(settings))
    assert files == written_files(form, document(settings))
    folder = write(tmp_path_factory.mktemp("policy"), {n: c for n, c in files.items() if "undo" not in n})
    gone = left_out(form, [SETTINGS[name] for name in settings])
    expected = {name: value for name, value in settings.items() if name not in gone}
    found = sources(folder)
    assert all(source.settings == expected for source in found)
    assert bool(found) == bool(expected)
    assert [note for source in found for note in source.notes] == []


@pytest.mark.parametrize(
    ("form", "gone"),
    [
        ("gpmc_backup", {"server_encryption"}),
        ("lgpo", {"server_encryption", "client_signing", "server_signing"}),
        ("security_template", set(SETTINGS) - {"client_signing", "server_signing"}),
        ("intune_catalog", {"server_encryption"}),
        ("intune_custom", {"server_encryption"}),
        ("reg", set()),
        ("unattend", set(SETTINGS) - {"insecure_guest_logons"}),
    ],
)
def test_what_a_form_does_not_carry_is_named(form: str, gone: set[str]) -> None:
    assert set(left_out(form, SETTINGS.values())) == gone


@pytest.mark.parametrize(("form", "undo"), [("lgpo", "undo.txt"), ("reg", "undo.reg")])
def test_an_undo_deletes_every_value_that_was_written(form: str, undo: str, tmp_path: Path) -> None:
    content = written_files(form, document(EVERYTHING))[undo]
    (source,) = sources(write(tmp_path, {undo: content}))
    assert source.settings == {}
    assert set(source.deleted) == set(SETTINGS) - set(left_out(form, SETTINGS.values()))


def test_a_backup_is_what_a_strict_reader_expects() -> None:
    files = written_files("gpmc_backup", document(EVERYTHING, "A & B <x>"))
    backup = read_strictly(files)
    assert backup.core["DisplayName"] == "A & B <x>"
    assert backup.core["MachineExtensionGuids"] == (
        "[{35378EAC-683F-11D2-A89A-00C04FBBCFA2}{D02B1F72-3407-48AE-BA88-E8213C6761F1}]"
        "[{827D319E-6EAC-11D2-A4EA-00C04F79F83A}{803E14A0-B4FB-11D0-A0D0-00A0C90F574B}]"
    )
    high, low = divmod(int(backup.core["MachineVersionNumber"]), 0x10000)
    assert high == low > 0
    assert backup.located == {
        "Registry": [r"Machine\registry.pol"],
        "Security": [r"Machine\microsoft\windows nt\SecEdit\GptTmpl.inf"],
        "Unknown Extension": ["GPO.cmt"],
    }
    assert backup.folders == [
        r"Machine\microsoft",
        r"Machine\microsoft\windows nt",
        r"Machine\microsoft\windows nt\SecEdit",
    ]
    comment = next(content for name, content in files.items() if name.endswith("GPO.cmt"))
    assert comment.decode("utf-16-le").startswith("CHG1")


def test_a_name_that_a_backup_cannot_hold_is_refused() -> None:
    with pytest.raises(CannotBeWritten):
        written_files("gpmc_backup", document(EVERYTHING, "a ]]> b"))


def test_a_template_that_the_extension_list_does_not_name_is_inert(tmp_path: Path) -> None:
    files = written_files("gpmc_backup", document({"client_signing": True, "insecure_guest_logons": False}))
    name = next(name for name in files if name.endswith("Backup.xml"))
    security = b"[{827D319E-6EAC-11D2-A4EA-00C04F79F83A}{803E14A0-B4FB-11D0-A0D0-00A0C90F574B}]"
    files[name] = files[name].replace(security, b"")
    (source,) = sources(write(tmp_path, files))
    assert source.settings == {"insecure_guest_logons": False}
    assert "inert" in source.notes[0]


def test_a_backup_with_the_computer_half_off_says_so(tmp_path: Path) -> None:
    files = written_files("gpmc_backup", document({"insecure_guest_logons": False}))
    name = next(name for name in files if name.endswith("Backup.xml"))
    files[name] = files[name].replace(b"<Options><![CDATA[1]]>", b"<Options><![CDATA[3]]>")
    (source,) = sources(write(tmp_path, files))
    assert "switched off" in source.notes[0]


@pytest.mark.parametrize(
    "location", [r"..\..\registry.pol", r"C:\Machine\registry.pol", r"\\host\x\machine\registry.pol"]
)
def test_a_path_out_of_the_backup_is_refused(tmp_path: Path, location: str) -> None:
    files = written_files("gpmc_backup", document({"insecure_guest_logons": False}))
    name = next(name for name in files if name.endswith("Backup.xml"))
    files[name] = files[name].replace(rb"DomainSysvol\GPO\Machine\registry.pol", location.encode())
    (source,) = sources(write(tmp_path, files))
    assert source.settings == {}
    assert "outside" in source.notes[0]


def test_a_document_type_is_refused(tmp_path: Path) -> None:
    text = b'<!DOCTYPE x [<!ENTITY a "b">]><unattend>&a;</unattend>'
    (source,) = sources(write(tmp_path, {"unattend.xml": text}))
    assert "cannot be read" in source.notes[0]


def test_no_link_is_followed(tmp_path: Path) -> None:
    secret = write(tmp_path / "elsewhere", {"a.reg": written_files("reg", document(EVERYTHING))["apply.reg"]})
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "a.reg").symlink_to(secret / "a.reg")
    (folder / "folder").symlink_to(secret, target_is_directory=True)
    assert sources(folder) == []


@pytest.mark.parametrize(
    ("name", "content", "settings"),
    [
        ("a.reg", f'REGEDIT4\n[HKLM\\{POLICY_KEY.upper()}]\n"allowinsecureguestauth"=dword:1\n'.encode(), True),
        ("a.txt", f"computer\n{POLICY_KEY}\nAllowInsecureGuestAuth\nDWORD:0x0\n".encode("utf-16"), False),
        ("a.txt", f"Computer\r\n{POLICY_KEY}\r\nAllowInsecureGuestAuth\r\nDWORD:1".encode("utf-8-sig"), True),
        (
            "a.PolicyRules",
            (
                "<PolicyRules><ComputerConfig><Key>" + POLICY_KEY + "</Key><Value>AllowInsecureGuestAuth</Value>"
                "<RegType>REG_DWORD</RegType><RegData>0</RegData></ComputerConfig></PolicyRules>"
            ).encode("utf-8-sig"),
            False,
        ),
        (
            "a.json",
            json.dumps({"value": [{"settings": [{"settingInstance": CATALOG_ROW}]}]}).encode("utf-8-sig"),
            False,
        ),
    ],
)
def test_forms_as_others_write_them(tmp_path: Path, name: str, content: bytes, settings: bool) -> None:
    (source,) = sources(write(tmp_path, {name: content}))
    assert source.settings == {"insecure_guest_logons": settings}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.reg", b"not a registry file"),
        ("a.txt", b"Computer\nkey\n\nDWORD:1\n"),
        ("a.json", b'{"omaSettings": ' + b"[" * 2000),
        ("a.pol", b"PReg\x02\x00\x00\x00"),
        ("a.inf", b"[Registry Values]"),
    ],
)
def test_damage_is_a_note_beside_the_others(tmp_path: Path, name: str, content: bytes) -> None:
    good = written_files("reg", document({"insecure_guest_logons": False}))["apply.reg"]
    damaged, whole = sources(write(tmp_path, {name: content, "good.reg": good}))
    assert whole.settings == {"insecure_guest_logons": False}
    assert damaged.settings == {}
    assert "cannot be read" in damaged.notes[0]


def test_an_audit_under_the_other_service_is_reported_and_not_taken(tmp_path: Path) -> None:
    text = f"Computer\n{POLICY_KEY}\nAuditClientDoesNotSupportSigning\nDWORD:1\n".encode()
    (source,) = sources(write(tmp_path, {"a.txt": text}))
    assert source.settings == {}
    assert "does not read it" in source.notes[0]


@given(
    content=st.binary(max_size=300),
    suffix=st.sampled_from(SUFFIXES),
)
def test_no_bytes_end_in_another_error(content: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    sources(write(tmp_path_factory.mktemp("damaged"), {f"a{suffix}": content}))


@given(settings=POLICIES)
def test_all_forms_agree_and_nothing_is_left_out_silently(settings: dict[str, bool]) -> None:
    """One folder with every form and every undo: what is read is what was asked for, and each form names the rest."""
    files = {
        f"{form}/{name}": content for form in FORMS for name, content in written_files(form, document(settings)).items()
    }
    found = PolicyFolder({name: lambda content=content: content for name, content in files.items()}).sources()
    assert agreement(found) == (settings, {})
    for form in FORMS:
        carried = {name for source in found if source.path.startswith(f"{form}/") for name in source.settings}
        assert carried | set(left_out(form, [SETTINGS[name] for name in settings])) == set(settings)
        assert not carried & set(left_out(form, [SETTINGS[name] for name in settings]))


def test_the_guide_names_the_forms_that_carry_each_setting() -> None:
    """docs/which-way.md: the last cell of a row names the forms, or those that do not carry it after `but`."""
    rows = {
        "insecure guest logons": ["insecure_guest_logons"],
        "audits, client encryption": [name for name in SETTINGS if "audit" in name] + ["client_encryption"],
        "signing": ["client_signing", "server_signing"],
        "encryption of the server": ["server_encryption"],
    }
    page = (Path(__file__).parents[5] / "docs/which-way.md").read_text()
    for row, names in rows.items():
        (cell,) = re.findall(rf"^\| {row} \|.*\| ([^|]+) \|$", page, re.MULTILINE)
        named = set(re.findall(r"`(\w+)`", cell))
        carrying = set(FORMS) - named if "every form but" in cell else named
        for name in names:
            assert carrying == {form for form in FORMS if not left_out(form, [SETTINGS[name]])}, name
