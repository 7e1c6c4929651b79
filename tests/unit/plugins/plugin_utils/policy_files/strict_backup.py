# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A strict reader of GPMC backups: another parser, and the elements of real backups of Windows Server 2016 to 2025.

It shares no code with the writer, and fails on whatever does not occur in real backups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

BKP = "{http://www.microsoft.com/GroupPolicy/GPOOperations}"
MANIFEST = "{http://www.microsoft.com/GroupPolicy/GPOOperations/Manifest}"
# Children in the order of real backups.
CORE = [
    *("ID", "Domain", "SecurityDescriptor", "DisplayName", "Options", "UserVersionNumber", "MachineVersionNumber"),
    *("MachineExtensionGuids", "UserExtensionGuids", "WMIFilter"),
]
RECORD = [
    *("GPOGuid", "GPODomain", "GPODomainGuid", "GPODomainController", "BackupTime", "ID", "Comment", "GPODisplayName"),
]
EXTENSIONS = {
    "Registry": "{35378EAC-683F-11D2-A89A-00C04FBBCFA2}",
    "Security": "{827D319E-6EAC-11D2-A4EA-00C04F79F83A}",
    "Unknown Extension": "{F15C46CD-82A0-4C2D-A210-5D0D3182A418}",
}
VARIABLES = {"Machine": "%GPO_MACH_FSPATH%", "User": "%GPO_USER_FSPATH%"}


@dataclass(frozen=True)
class StrictBackup:
    """core: texts of the core settings. record: of bkupInfo.xml. located: path of each copied file, by extension.
    folders: the listed folders, in order."""

    core: Mapping[str, str]
    record: Mapping[str, str]
    located: Mapping[str, list[str]]
    folders: list[str]


def read_strictly(files: Mapping[str, bytes]) -> StrictBackup:
    """files: a folder with one backup, by path with slashes."""
    folder = next(name for name in files if name.endswith("/Backup.xml")).partition("/")[0]
    raw = files[f"{folder}/Backup.xml"]
    assert raw.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    root = ET.fromstring(raw)
    assert root.tag == f"{BKP}GroupPolicyBackupScheme"
    assert root.attrib == {f"{BKP}version": "2.0", f"{BKP}type": "GroupPolicyBackupTemplate"}
    (gpo,) = root
    names = [each.tag.removeprefix(BKP) for each in gpo]
    assert names[:3] == ["SecurityGroups", "FilePaths", "GroupPolicyCoreSettings"]
    assert set(names[3:]) == {"GroupPolicyExtension"}
    assert [each.tag.removeprefix(BKP) for each in gpo[2]] == CORE
    bytes.fromhex(gpo[2][2].text or "")
    located: dict[str, list[str]] = {}
    folders: list[str] = []
    for extension in gpo[3:]:
        title = extension.attrib[f"{BKP}DescName"]
        assert extension.attrib[f"{BKP}ID"] == EXTENSIONS[title]
        located[title] = [path for each in extension if (path := _located(each, title, folders))]
    assert list(located) == [title for title in EXTENSIONS if title in located]
    assert {"Registry", "Unknown Extension"} <= set(located)
    there = {name.removeprefix(f"{folder}/DomainSysvol/GPO/") for name in files if name.startswith(f"{folder}/Domain")}
    listed = [path.replace("\\", "/") for paths in located.values() for path in paths]
    assert sorted(listed) == sorted(there)
    info = ET.fromstring(files[f"{folder}/bkupInfo.xml"])
    assert info.tag == f"{MANIFEST}BackupInst"
    assert [each.tag.removeprefix(MANIFEST) for each in info] == RECORD
    record = {each.tag.removeprefix(MANIFEST): each.text or "" for each in info}
    assert record["ID"] == folder
    manifest = ET.fromstring(files["manifest.xml"])
    assert manifest.attrib == {f"{MANIFEST}version": "1.0"}
    assert [(each.tag, each.text) for each in info] in [[(each.tag, each.text) for each in row] for row in manifest]
    core = {each.tag.removeprefix(BKP): each.text or "" for each in gpo[2]}
    assert (core["ID"], core["DisplayName"]) == (record["GPOGuid"], record["GPODisplayName"])
    return StrictBackup(core, record, located, folders)


def _located(entry: ET.Element, title: str, folders: list[str]) -> str | None:
    """The path of a file that is copied, below the GPO's folder. A folder goes to `folders`."""
    path, location = entry.attrib[f"{BKP}Path"], entry.attrib.get(f"{BKP}Location")
    if location is None:
        assert (title, path) == ("Registry", r"%GPO_FSPATH%\Adm\*.*")
        return None
    below = location.removeprefix("DomainSysvol\\GPO\\")
    assert below != location
    half, _backslash, rest = below.partition("\\")
    assert path == (f"{VARIABLES[half]}\\{rest}" if half in VARIABLES else f"%GPO_FSPATH%\\{below}")
    assert entry.attrib[f"{BKP}SourceExpandedPath"].endswith(f"\\{below}")
    assert (f"{BKP}ReEvaluateFunction" in entry.attrib) == (title == "Security")
    if entry.tag == f"{BKP}FSObjectDir":
        folders.append(below)
        return None
    assert entry.tag == f"{BKP}FSObjectFile"
    return below
