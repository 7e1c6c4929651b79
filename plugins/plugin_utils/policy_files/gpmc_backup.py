# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A GPMC backup (the folder of Backup-GPO), to import into a GPO of its own, and read again. Pure: path to bytes.

The elements, their order, encodings and extension blocks follow public backups of Windows Server 2016 to 2025. A
reader takes only files that Backup.xml names with a Location, and of those only what the extension list names: a
GptTmpl.inf without the security extension is inert. The folder's name is the backup's id.

The ids of a new policy are derived from its name, so that the same options give the same bytes. Those of a GPO that
exists are its GUID, and a digest of what it holds: a backup before a change and one after it stand side by side.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import PureWindowsPath
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ..wsman.errors import WsmanError
from ..wsman.xml import EMPTY, Markup, attribute, child, children, content, element, local_name, parse
from .errors import CannotBeWritten, DamagedFile, shorten
from .extension_names import REGISTRY_POLICY, SECURITY_SETTINGS, ExtensionNames
from .gpt_tmpl import GptTmpl, TemplateValue
from .policy_places import PolicyDocument, policy_value, security_option
from .registry_pol import RegistryPol, RegistryPolEntry

_OPERATIONS = "http://www.microsoft.com/GroupPolicy/GPOOperations"
_MANIFEST = f"{_OPERATIONS}/Manifest"
_UNKNOWN_EXTENSION = "{F15C46CD-82A0-4C2D-A210-5D0D3182A418}"
_DOMAIN, _CONTROLLER = "example.com", "dc1.example.com"
"""Of the source, for information only: an import never asks it."""
_NAMESPACE = uuid.UUID("6a1f3f0e-8f5b-5d7e-9f43-2f0d6a0c3b11")
# Owner and group Administrators, full control for SYSTEM and Administrators. An import does not apply it.
NEUTRAL_DESCRIPTOR = bytes.fromhex(
    "01 00 04 80 14 00 00 00 24 00 00 00 00 00 00 00 34 00 00 00 01 02 00 00 00 00 00 05 20 00 00 00 20 02 00 00 "
    "01 02 00 00 00 00 00 05 20 00 00 00 20 02 00 00 02 00 34 00 02 00 00 00 00 00 14 00 00 00 00 10 01 01 00 00 "
    "00 00 00 05 12 00 00 00 00 00 18 00 00 00 00 10 01 02 00 00 00 00 00 05 20 00 00 00 20 02 00 00"
)
_POL, _TEMPLATE = r"Machine\registry.pol", r"Machine\microsoft\windows nt\SecEdit\GptTmpl.inf"
_COMMENT = "GPO.cmt"
_SYSVOL = "DomainSysvol/GPO"
_REGISTRY_FILES = (r"machine\registry.pol", r"user\registry.pol")
_VARIABLES = {"machine": "%GPO_MACH_FSPATH%", "user": "%GPO_USER_FSPATH%"}
_USER_HALF_OFF = 1
_COMPUTER_HALF_OFF = ("2", "3")
MAX_BACKUP_XML = 2 * 1024 * 1024


class Backup(NamedTuple):
    """What a Backup.xml says.

    Attributes:
        files: Role (`registry` or `template`) to a path relative to the backup's folder, with slashes.
        notes: What a reader should know.
    """

    name: str
    files: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class BackupSource:
    """A GPO as a backup records it. An import takes the name, the extension lists and the files.

    Args:
        name: Of the GPO.
        gpo_guid: In braces, upper case.
        backup_id: The name of the backup's folder, in braces, upper case.
        made_at: The time of the backup, UTC.
        files: Path below the GPO's folder, with backslashes, to content.
        machine_extensions, user_extensions: The values of gPCMachineExtensionNames and gPCUserExtensionNames.
        comment: Of the backup.
        options: 1 where the user half is off, 2 where the computer half is, 3 for both.
        machine_version, user_version: Directory version in the high 16 bits, SYSVOL version in the low ones.
        domain, controller: Where it comes from, for information only.
        descriptor: The security descriptor, self-relative. An import does not apply it.
    """

    name: str
    gpo_guid: str
    backup_id: str
    made_at: datetime
    files: Mapping[str, bytes]
    machine_extensions: str
    user_extensions: str = ""
    comment: str = ""
    options: int = _USER_HALF_OFF
    machine_version: int = 0x10001
    user_version: int = 0
    domain: str = _DOMAIN
    controller: str = _CONTROLLER
    descriptor: bytes = NEUTRAL_DESCRIPTOR


def registry_pol(document: PolicyDocument) -> bytes | None:
    """Registry.pol with the policy values; None where there are none."""
    registry = RegistryPol()
    for setting, value in document.settings.items():
        place = policy_value(setting)
        if place is not None:
            registry = registry.set(RegistryPolEntry.dword(place.key, place.name, int(value)))
    return registry.to_bytes() if registry.entries else None


def security_template(document: PolicyDocument) -> bytes | None:
    """GptTmpl.inf with the security options; None where there are none."""
    template = GptTmpl.new()
    for setting, value in document.settings.items():
        place = security_option(setting)
        if place is not None:
            template = template.set(place.key, place.name, TemplateValue.dword(int(value)))
    return None if template.is_new else template.to_bytes()


def gpmc_backup(document: PolicyDocument) -> dict[str, bytes]:
    """A policy as the folder of a backup. Raises CannotBeWritten for a name that CDATA cannot hold."""
    pol, template = registry_pol(document), security_template(document)
    names = ExtensionNames()
    files: dict[str, bytes] = {}
    if pol is not None:
        files[_POL] = pol
        names = names.with_extension(REGISTRY_POLICY)
    if template is not None:
        files[_TEMPLATE] = template
        names = names.with_extension(SECURITY_SETTINGS)
    files[_COMMENT] = document.remark.encode("utf-16-le")
    backup_id, gpo_guid = (_guid(document.name, what) for what in ("backup", "gpo"))
    return backup_folder(
        BackupSource(document.name, gpo_guid, backup_id, document.made_at, files, str(names), comment=document.remark)
    )


def digest_guid(name: str, files: Mapping[str, bytes]) -> str:
    """A backup's id: the same for the same GPO with the same content. name: whatever else tells two backups apart."""
    held = "".join(f"{path}:{uuid.uuid5(_NAMESPACE, content.hex())}" for path, content in sorted(files.items()))
    return _guid(f"{name}:{held}", "backup")


def backup_folder(source: BackupSource) -> dict[str, bytes]:
    """The folder: path with slashes to content. Raises CannotBeWritten for a text that CDATA cannot hold."""
    folder = source.backup_id
    files = {f"{folder}/{_SYSVOL}/{_slashes(path)}": content for path, content in source.files.items()}
    instance = _instance(source)
    files[f"{folder}/Backup.xml"] = ('<?xml version="1.0" encoding="utf-8"?>' + _scheme(source)).encode()
    info = element("BackupInst", *instance, attributes={"xmlns": _MANIFEST})
    files[f"{folder}/bkupInfo.xml"] = (info + "\r\n").encode()
    files["manifest.xml"] = manifest([files[f"{folder}/bkupInfo.xml"]])
    return files


def manifest(records: Iterable[bytes]) -> bytes:
    """The index of a folder of backups. records: each backup's bkupInfo.xml; one that is damaged is left out."""
    instances = []
    for record in records:
        try:
            parsed = parse(record, max_bytes=MAX_BACKUP_XML)
        except WsmanError:
            continue
        instances.append(element("BackupInst", *(_cdata(local_name(each), content(each)) for each in parsed)))
    attributes = {"xmlns": _MANIFEST, "xmlns:mfst": _MANIFEST, "mfst:version": "1.0"}
    return element("Backups", *instances, attributes=attributes).encode()


def _guid(name: str, what: str) -> str:
    return "{" + str(uuid.uuid5(_NAMESPACE, f"{what}:{name}")).upper() + "}"


def _slashes(path: str) -> str:
    return path.replace("\\", "/")


def _cdata(name: str, value: str) -> Markup:
    if "]]>" in value:
        raise CannotBeWritten(f"{shorten(value)} holds ]]>, which a backup cannot carry")
    # The extension list ends in a bracket, so that the text ends in `]]]>`, as in the backups of Windows.
    return element(name, Markup(f"<![CDATA[{value}]]>"))


def _instance(source: BackupSource) -> list[Markup]:
    texts = {
        "GPOGuid": source.gpo_guid,
        "GPODomain": source.domain,
        "GPODomainGuid": _guid(source.domain, "domain").lower(),
        "GPODomainController": source.controller,
        "BackupTime": source.made_at.strftime("%Y-%m-%dT%H:%M:%S"),
        "ID": source.backup_id,
        "Comment": source.comment,
        "GPODisplayName": source.name,
    }
    return [_cdata(name, value) for name, value in texts.items()]


def _scheme(source: BackupSource) -> Markup:
    core = element(
        "GroupPolicyCoreSettings",
        _cdata("ID", source.gpo_guid),
        _cdata("Domain", source.domain),
        element("SecurityDescriptor", Markup(source.descriptor.hex(" "))),
        _cdata("DisplayName", source.name),
        _cdata("Options", str(source.options)),
        _cdata("UserVersionNumber", str(source.user_version)),
        _cdata("MachineVersionNumber", str(source.machine_version)),
        *(
            _cdata(name, value) if value else element(name)
            for name, value in (
                ("MachineExtensionGuids", source.machine_extensions),
                ("UserExtensionGuids", source.user_extensions),
            )
        ),
        element("WMIFilter"),
    )
    registry, security, others = [], [], []
    has_security = ExtensionNames.parse(source.machine_extensions).has_cse(SECURITY_SETTINGS.cse)
    for path in source.files:
        if path.lower() in _REGISTRY_FILES:
            registry.append(_file(source, path))
        elif has_security and path.lower() == _TEMPLATE.lower():
            security.append(_file(source, path, evaluated=True))
        else:
            others.append(_file(source, path))
    registry.append(_file(source, r"Adm\*.*", copied=False))
    extensions = [_extension(REGISTRY_POLICY.cse, "Registry", registry)]
    if security:
        extensions.append(_extension(SECURITY_SETTINGS.cse, "Security", security))
    folders = [_file(source, path, kind="FSObjectDir") for path in _folders(source.files)]
    extensions.append(_extension(_UNKNOWN_EXTENSION, "Unknown Extension", [*folders, *others]))
    attributes = {
        "bkp:version": "2.0",
        "bkp:type": "GroupPolicyBackupTemplate",
        "xmlns:bkp": _OPERATIONS,
        "xmlns": _OPERATIONS,
    }
    gpo = element("GroupPolicyObject", element("SecurityGroups"), element("FilePaths"), core, *extensions)
    return element("GroupPolicyBackupScheme", gpo, attributes=attributes)


def _folders(paths: Iterable[str]) -> list[str]:
    """The folders of the paths below the two halves, each after the one that holds it."""
    found: dict[str, None] = {}
    for path in paths:
        parents = [str(parent) for parent in PureWindowsPath(path).parents]
        found |= dict.fromkeys(parent for parent in reversed(parents) if "\\" in parent)
    return list(found)


def _extension(cse: str, name: str, files: Iterable[Markup]) -> Markup:
    return element("GroupPolicyExtension", *files, attributes={"bkp:ID": cse, "bkp:DescName": name})


def _file(
    source: BackupSource, path: str, *, evaluated: bool = False, copied: bool = True, kind: str = "FSObjectFile"
) -> Markup:
    """One file or folder of an extension. path: below the GPO's folder. copied: whether it is in the backup."""
    half, _backslash, rest = path.partition("\\")
    variable = _VARIABLES.get(half.lower())
    where = rf"{variable}\{rest}" if variable else rf"%GPO_FSPATH%\{path}"
    policies = rf"\\{source.controller}\sysvol\{source.domain}\Policies"
    attributes = {"bkp:Path": where, "bkp:SourceExpandedPath": rf"{policies}\{source.gpo_guid}\{path}"}
    if evaluated:
        attributes["bkp:ReEvaluateFunction"] = "SecurityValidateSettings"
    if copied:
        attributes["bkp:Location"] = _SYSVOL.replace("/", "\\") + "\\" + path
    return element(kind, EMPTY, attributes=attributes)


# Reading


def read_backup_xml(xml: bytes) -> Backup:
    """What a Backup.xml says of the computer half. Raises DamagedFile, also for a path that leaves the folder."""
    try:
        scheme = parse(xml, max_bytes=MAX_BACKUP_XML)
    except WsmanError as error:
        raise DamagedFile("value", f"Backup.xml cannot be read ({error})") from error
    gpo = child(scheme, "GroupPolicyObject")
    core = child(gpo, "GroupPolicyCoreSettings")
    if gpo is None or core is None:
        raise DamagedFile("missing", "Backup.xml has no GroupPolicyCoreSettings")
    notes = []
    if content(child(core, "Options")) in _COMPUTER_HALF_OFF:
        notes.append("The computer half of this GPO is switched off: none of its settings applies.")
    names = ExtensionNames.parse(content(child(core, "MachineExtensionGuids")))
    located = dict(_located(gpo))
    files = {}
    for role, ending, extension in (
        ("registry", r"\machine\registry.pol", REGISTRY_POLICY),
        ("template", r"\secedit\gpttmpl.inf", SECURITY_SETTINGS),
    ):
        path = next((path for path in located.values() if path.lower().endswith(ending)), None)
        if path is None:
            continue
        if names.has_cse(extension.cse):
            files[role] = _slashes(path)
        else:
            notes.append(f"{shorten(path)} is inert: the extension list does not name its extension.")
    return Backup(content(child(core, "DisplayName")), files, tuple(notes))


def _located(gpo: Element) -> Iterable[tuple[str, str]]:
    """Path and location of each file that is copied."""
    for extension in children(gpo, "GroupPolicyExtension"):
        for file in children(extension, "FSObjectFile"):
            location = attribute(file, "Location")
            if location is None:
                continue
            parts = location.split("\\")
            if any(part in ("", ".", "..") or ":" in part or "/" in part for part in parts):
                raise DamagedFile("value", f"Backup.xml names a path outside of the backup: {shorten(location)}")
            yield attribute(file, "Path") or "", location
