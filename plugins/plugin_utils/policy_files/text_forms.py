# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LGPO text, .reg files, unattend.xml and Intune's Graph JSON: settings to bytes and back. Pure.

Grammar of LGPO text: LGPO.pdf 3.0; entries of four lines, comments with `;` in column 1, no blank inside an entry. A
configuration line takes `Computer` or `User`; only the computer half concerns SMB.
`.reg`: UTF-16LE with a byte order mark or REGEDIT4 in ANSI; `-` as data deletes the value.
Graph: windows10CustomConfiguration (omaSettings) and configurationPolicies (settings catalog). Exports of tools differ
in everything but the ids and the values, so a reader looks for those alone, at any depth.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from ..tables.settings import GUEST
from .errors import DamagedFile, shorten
from .policy_places import PolicyDocument, RegistryPlace, catalog_id, local_value, oma_uri, policy_value

_CRLF = "\r\n"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_GRAPH = "#microsoft.graph."
_CATALOG = f"{_GRAPH}deviceManagementConfiguration"
_REG_HEADER = "Windows Registry Editor Version 5.00"
_REG_KEY = re.compile(r"\[(-?)(HKEY_LOCAL_MACHINE|HKLM)\\([^\]]+)\]", re.IGNORECASE)
_REG_VALUE = re.compile(r'"((?:[^"\\]|\\.)*)"\s*=\s*(.*)')
_REG_DWORD = re.compile(r"dword:([0-9a-f]{1,8})", re.IGNORECASE)
_LGPO_DWORD = re.compile(r"DWORD:[ \t]*(0[xX][0-9a-fA-F]{1,8}|-?[0-9]{1,10})")
_LINE = re.compile(r"([^\r\n]*)(?:\r\n|[\r\n]|\Z)")
_MAX_DEPTH = 64
_MAX_JSON_VALUES = 200_000
"""An export of a whole tenant has some ten thousand. Each takes up to 200 bytes of memory."""


class ReadValue(NamedTuple):
    """A registry value that a file speaks of.

    Attributes:
        number: None where it is deleted or of another type.
        text: Data of another type.
    """

    place: RegistryPlace
    number: int | None
    text: str = ""


def decoded(content: bytes) -> str:
    """Text by its byte order mark, else UTF-8, else ANSI. Raises DamagedFile."""
    for mark, codec in _MARKS:
        if content.startswith(mark):
            try:
                return content[len(mark) :].decode(codec)
            except UnicodeDecodeError as error:
                raise DamagedFile("encoding", f"the text is not the {codec} that its first bytes announce") from error
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def lines_of(text: str) -> Iterator[str]:
    """The lines without their ends, one at a time: a list of short lines takes many times the size of its text."""
    return (found.group(1) for found in _LINE.finditer(text))


# LGPO text


def lgpo_text(document: PolicyDocument, *, undo: bool = False) -> bytes:
    """The policy values as LGPO text; undo: the text that has each of them deleted. ASCII."""
    entries = [f"; {_ascii(document.name)}", f"; {_ascii(document.remark)}", ""]
    for setting, value in document.settings.items():
        place = policy_value(setting)
        if place is not None:
            entries += ["Computer", place.key, place.name, "DELETE" if undo else f"DWORD:{int(value)}", ""]
    return _CRLF.join(entries).encode("ascii")


def read_lgpo_text(content: bytes) -> Iterator[ReadValue]:
    """The values of the computer half. Raises DamagedFile for what LGPO.exe refuses."""
    lines = enumerate(lines_of(decoded(content)), 1)
    for at, line in lines:
        if not line or line.startswith(";"):
            continue
        entry = [text for _number, text in islice(lines, 3)]
        if line.partition(":")[0].lower() not in ("computer", "user") or len(entry) < 3 or not all(entry):
            raise DamagedFile("value", f"line {at} begins no entry of LGPO text: {shorten(line)}")
        key, name, action = entry
        if line.lower() != "computer":
            continue
        number = _LGPO_DWORD.fullmatch(action)
        if number is not None:
            yield ReadValue(RegistryPlace(key, name), int(number.group(1), 0) & 0xFFFFFFFF)
        else:
            yield ReadValue(RegistryPlace(key, name), None, "" if action == "DELETE" else action)


# .reg


def reg_file(document: PolicyDocument, *, undo: bool = False) -> bytes:
    """Policy values where there are any, else local ones; undo: the file that deletes each of them."""
    keys: dict[str, list[str]] = {}
    for setting, value in document.settings.items():
        place = policy_value(setting) or local_value(setting)
        data = "-" if undo else f"dword:{int(value):08x}"
        keys.setdefault(place.key, []).append(f'"{place.name}"={data}')
    lines = [_REG_HEADER, "", f"; {document.name}", f"; {document.remark}", ""]
    for key, values in keys.items():
        lines += [f"[HKEY_LOCAL_MACHINE\\{key}]", *values, ""]
    return codecs.BOM_UTF16_LE + (_CRLF.join(lines) + _CRLF).encode("utf-16-le")


def read_reg_file(content: bytes) -> Iterator[ReadValue]:
    """The values below HKEY_LOCAL_MACHINE. Raises DamagedFile for another kind of file."""
    lines = lines_of(decoded(content))
    if next(lines, "").strip() not in (_REG_HEADER, "REGEDIT4"):
        raise DamagedFile("signature", "the file does not begin as a .reg file does")
    key = ""
    for line in map(str.strip, lines):
        if line.startswith("["):
            heading = _REG_KEY.fullmatch(line)
            key = heading.group(3) if heading and not heading.group(1) else ""
        value = _REG_VALUE.fullmatch(line) if key else None
        if value is None:
            continue
        name, data = value.group(1).replace('\\"', '"').replace("\\\\", "\\"), value.group(2).strip()
        number = _REG_DWORD.fullmatch(data)
        yield ReadValue(
            RegistryPlace(key, name), int(number.group(1), 16) if number else None, "" if data == "-" else data
        )


# unattend.xml

_ARCHITECTURES = ("amd64", "arm64", "x86")


def unattend_xml(document: PolicyDocument) -> bytes:
    """An answer file for Sysprep's pass generalize, the only valid pass: it acts on an image, not on a host."""
    allowed = int(document.settings[GUEST])
    components = "".join(
        f'    <component name="Microsoft-Windows-WorkstationService" processorArchitecture="{architecture}" '
        'publicKeyToken="31bf3856ad364e35" language="neutral" versionScope="nonSxS">'
        f"<AllowInsecureGuestAuth>{allowed}</AllowInsecureGuestAuth></component>{_CRLF}"
        for architecture in _ARCHITECTURES
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{_CRLF}<unattend xmlns="urn:schemas-microsoft-com:unattend">{_CRLF}'
        f'  <settings pass="generalize">{_CRLF}{components}  </settings>{_CRLF}</unattend>{_CRLF}'
    ).encode()


# Intune


def intune_catalog(document: PolicyDocument) -> bytes:
    """A settings catalog policy (Graph beta, configurationPolicies)."""
    rows = []
    for setting, value in document.settings.items():
        identifier = catalog_id(setting)
        if identifier is None:
            continue
        choice: dict[str, Any] = {
            "@odata.type": f"{_CATALOG}ChoiceSettingValue",
            "settingValueTemplateReference": None,
            "value": f"{identifier}_{int(value)}",
            "children": [],
        }
        instance = {
            "@odata.type": f"{_CATALOG}ChoiceSettingInstance",
            "settingDefinitionId": identifier,
            "settingInstanceTemplateReference": None,
            "choiceSettingValue": choice,
        }
        rows.append({"@odata.type": f"{_CATALOG}Setting", "settingInstance": instance})
    return _json(
        {
            "name": document.name,
            "description": document.remark,
            "platforms": "windows10",
            "technologies": "mdm",
            "roleScopeTagIds": ["0"],
            "templateReference": {"templateId": ""},
            "settings": rows,
        }
    )


def intune_custom(document: PolicyDocument) -> bytes:
    """A custom profile (Graph v1.0, deviceConfigurations)."""
    rows = [
        {
            "@odata.type": f"{_GRAPH}omaSettingInteger",
            "displayName": setting.name,
            "description": "",
            "omaUri": uri,
            "value": int(value),
        }
        for setting, value in document.settings.items()
        if (uri := oma_uri(setting))
    ]
    return _json(
        {
            "@odata.type": f"{_GRAPH}windows10CustomConfiguration",
            "displayName": document.name,
            "description": document.remark,
            "omaSettings": rows,
        }
    )


def read_intune(content: bytes) -> Iterator[tuple[str, int | None]]:
    """(OMA-URI or catalog id, number) of every setting at any depth; None for a value that is no number.

    Raises DamagedFile for what is no JSON, nests too deep or holds too many values.
    """
    if sum(map(content.count, (b",", b"[", b"{"))) > _MAX_JSON_VALUES:
        raise DamagedFile("value", f"the JSON holds more than {_MAX_JSON_VALUES} values")
    try:
        loaded = json.loads(decoded(content))
    except (ValueError, RecursionError) as error:
        raise DamagedFile("value", "the file is no JSON") from error
    yield from _walk(loaded, 0)


def _walk(node: Any, depth: int) -> Iterator[tuple[str, int | None]]:
    if depth > _MAX_DEPTH:
        raise DamagedFile("value", f"the JSON nests more than {_MAX_DEPTH} levels")
    if isinstance(node, Mapping):
        yield from _setting(node)
    nested = node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ()
    for each in nested:
        yield from _walk(each, depth + 1)


def _setting(node: Mapping[str, Any]) -> Iterator[tuple[str, int | None]]:
    uri, identifier = node.get("omaUri"), node.get("settingDefinitionId")
    if isinstance(uri, str):
        value = node.get("value")
        yield uri, value if isinstance(value, int) and not isinstance(value, bool) else None
    if isinstance(identifier, str):
        choice = node.get("choiceSettingValue")
        chosen = choice.get("value") if isinstance(choice, Mapping) else None
        suffix = chosen.rpartition("_")[2] if isinstance(chosen, str) else ""
        yield identifier, int(suffix) if re.fullmatch(r"[0-9]{1,9}", suffix) else None


def _json(document: Mapping[str, Any]) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=True) + "\n").encode("ascii")


def _ascii(text: str) -> str:
    """LGPO reads text without a byte order mark as ANSI: a comment loses what is not ASCII, and nothing else does."""
    return text.encode("ascii", errors="replace").decode("ascii")
