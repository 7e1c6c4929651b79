# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A GPMC backup (the folder of Backup-GPO), to import into a GPO of its own, and read again. Pure: path to bytes.

The elements, their order, encodings and extension blocks follow public backups of Windows Server 2016 to 2025. A
reader takes only files that Backup.xml names with a Location, and of those only what the extension list names: a
GptTmpl.inf without the security extension is inert. The folder's name is the backup's id.

The ids are derived from the name, so that the same options give the same bytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from xml.etree.ElementTree import Element

from ..wsman.errors import WsmanError
from ..wsman.xml import EMPTY, Markup, attribute, child, children, content, element, parse
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
_DESCRIPTOR = (
    "01 00 04 80 14 00 00 00 24 00 00 00 00 00 00 00 34 00 00 00 01 02 00 00 00 00 00 05 20 00 00 00 20 02 00 00 "
    "01 02 00 00 00 00 00 05 20 00 00 00 20 02 00 00 02 00 34 00 02 00 00 00 00 00 14 00 00 00 00 10 01 01 00 00 "
    "00 00 00 05 12 00 00 00 00 00 18 00 00 00 00 10 01 02 00 00 00 00 00 05 20 00 00 00 20 02 00 00"
)
_POL, _TEMPLATE = r"registry.pol", r"microsoft\windows nt\SecEdit\GptTmpl.inf"
_MACHINE = r"DomainSysvol\GPO\Machine"
_USER_HALF_OFF = "1"
_COMPUTER_HALF_OFF = ("2", "3")
MAX_BACKUP_XML = 4 * 1024 * 1024


class Backup(NamedTuple):
    """What a Backup.xml says.

    Attributes:
        files: Role (`registry` or `template`) to a path relative to the backup's folder, with slashes.
        notes: What a reader should know.
    """

    name: str
    files: Mapping[str, str]
    notes: tuple[str, ...]


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
    """The folder: path with slashes to content. Raises CannotBeWritten for a name that CDATA cannot hold."""
    pol, template = registry_pol(document), security_template(document)
    backup_id, gpo_guid = (_guid(document.name, what) for what in ("backup", "gpo"))
    machine = f"{backup_id}/{_slashes(_MACHINE)}"
    files: dict[str, bytes] = {}
    if pol is not None:
        files[f"{machine}/{_slashes(_POL)}"] = pol
    if template is not None:
        files[f"{machine}/{_slashes(_TEMPLATE)}"] = template
    files[f"{backup_id}/DomainSysvol/GPO/GPO.cmt"] = document.remark.encode("utf-16-le")
    instance = _instance(document, backup_id, gpo_guid)
    head = '<?xml version="1.0" encoding="utf-8"?>'
    scheme = _scheme(document, gpo_guid, has_registry=pol is not None, has_template=template is not None)
    files[f"{backup_id}/Backup.xml"] = (head + scheme).encode()
    files[f"{backup_id}/bkupInfo.xml"] = (
        element("BackupInst", *instance, attributes={"xmlns": _MANIFEST}) + "\r\n"
    ).encode()
    manifest = element(
        "Backups",
        element("BackupInst", *instance),
        attributes={"xmlns": _MANIFEST, "xmlns:mfst": _MANIFEST, "mfst:version": "1.0"},
    )
    files["manifest.xml"] = manifest.encode()
    return files


def _guid(name: str, what: str) -> str:
    return "{" + str(uuid.uuid5(_NAMESPACE, f"{what}:{name}")).upper() + "}"


def _slashes(path: str) -> str:
    return path.replace("\\", "/")


def _cdata(name: str, value: str) -> Markup:
    if "]]>" in value:
        raise CannotBeWritten(f"{shorten(value)} holds ]]>, which a backup cannot carry")
    # The extension list ends in a bracket, so that the text ends in `]]]>`, as in the backups of Windows.
    return element(name, Markup(f"<![CDATA[{value}]]>"))


def _instance(document: PolicyDocument, backup_id: str, gpo_guid: str) -> list[Markup]:
    texts = {
        "GPOGuid": gpo_guid,
        "GPODomain": _DOMAIN,
        "GPODomainGuid": _guid(_DOMAIN, "domain").lower(),
        "GPODomainController": _CONTROLLER,
        "BackupTime": document.made_at.strftime("%Y-%m-%dT%H:%M:%S"),
        "ID": backup_id,
        "Comment": document.remark,
        "GPODisplayName": document.name,
    }
    return [_cdata(name, value) for name, value in texts.items()]


def _scheme(document: PolicyDocument, gpo_guid: str, *, has_registry: bool, has_template: bool) -> Markup:
    names = ExtensionNames()
    if has_registry:
        names = names.with_extension(REGISTRY_POLICY)
    if has_template:
        names = names.with_extension(SECURITY_SETTINGS)
    core = element(
        "GroupPolicyCoreSettings",
        _cdata("ID", gpo_guid),
        _cdata("Domain", _DOMAIN),
        element("SecurityDescriptor", Markup(_DESCRIPTOR)),
        _cdata("DisplayName", document.name),
        _cdata("Options", _USER_HALF_OFF),
        _cdata("UserVersionNumber", "0"),
        _cdata("MachineVersionNumber", str(0x10001)),
        _cdata("MachineExtensionGuids", str(names)) if names.groups else element("MachineExtensionGuids"),
        element("UserExtensionGuids"),
        element("WMIFilter"),
    )
    registry = [_file("%GPO_FSPATH%", r"Adm\*.*", gpo_guid, "")]
    if has_registry:
        registry.insert(0, _file("%GPO_MACH_FSPATH%", _POL, gpo_guid, _MACHINE))
    extensions = [_extension(REGISTRY_POLICY.cse, "Registry", registry)]
    others = [_file("%GPO_FSPATH%", "GPO.cmt", gpo_guid, r"DomainSysvol\GPO")]
    if has_template:
        template = _file("%GPO_MACH_FSPATH%", _TEMPLATE, gpo_guid, _MACHINE, evaluated=True)
        extensions.append(_extension(SECURITY_SETTINGS.cse, "Security", [template]))
        parts = _TEMPLATE.split("\\")[:-1]
        folders = ["\\".join(parts[: count + 1]) for count in range(len(parts))]
        others[:0] = [_file("%GPO_MACH_FSPATH%", folder, gpo_guid, _MACHINE, kind="FSObjectDir") for folder in folders]
    extensions.append(_extension(_UNKNOWN_EXTENSION, "Unknown Extension", others))
    attributes = {
        "bkp:version": "2.0",
        "bkp:type": "GroupPolicyBackupTemplate",
        "xmlns:bkp": _OPERATIONS,
        "xmlns": _OPERATIONS,
    }
    gpo = element("GroupPolicyObject", element("SecurityGroups"), element("FilePaths"), core, *extensions)
    return element("GroupPolicyBackupScheme", gpo, attributes=attributes)


def _extension(cse: str, name: str, files: Iterable[Markup]) -> Markup:
    return element("GroupPolicyExtension", *files, attributes={"bkp:ID": cse, "bkp:DescName": name})


def _file(
    variable: str, path: str, gpo_guid: str, location: str, *, evaluated: bool = False, kind: str = "FSObjectFile"
) -> Markup:
    """One file or folder of an extension. location: its folder in the backup; empty: nothing is copied."""
    half = r"\Machine" if variable == "%GPO_MACH_FSPATH%" else ""
    source = rf"\\{_CONTROLLER}\sysvol\{_DOMAIN}\Policies\{gpo_guid}{half}\{path}"
    attributes = {"bkp:Path": rf"{variable}\{path}", "bkp:SourceExpandedPath": source}
    if evaluated:
        attributes["bkp:ReEvaluateFunction"] = "SecurityValidateSettings"
    if location:
        attributes["bkp:Location"] = rf"{location}\{path}"
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
