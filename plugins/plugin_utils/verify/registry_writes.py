# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts of StdRegProv that only writing shows: in a key of this examination's own, which is gone afterwards."""

from __future__ import annotations

from ..core.registry_value import RegistryType, RegistryValue
from ..windows.registry import call_registry
from ..wsman.xml import child, is_nil, parse
from .examination import Examination
from .reading import ABSENT, returned

_TOP = "SOFTWARE"
KEY = r"SOFTWARE\winops\smb_guest_verify"
_UNNAMED = f"{KEY}\\unnamed"
_VALUES = (
    RegistryValue(RegistryType.REG_SZ, "a <text> & more, \u00e4\u20ac"),
    RegistryValue(RegistryType.REG_EXPAND_SZ, "%SystemRoot%\\winops"),
    RegistryValue(RegistryType.REG_BINARY, bytes((0, 1, 127, 128, 255))),
    RegistryValue(RegistryType.REG_DWORD, 2**32 - 1),
    RegistryValue(RegistryType.REG_MULTI_SZ, ("one", "two words")),
    RegistryValue(RegistryType.REG_QWORD, 2**63 + 5),
)


def registry(exam: Examination) -> None:
    exam.keep_keys(KEY, _TOP)
    exam.registry.create_key(KEY)
    for value in _VALUES:
        name = RegistryType(value.kind).name
        with exam.asking("registry_round_trip", name):
            exam.keep_value(KEY, name)
            exam.registry.set_value(KEY, name, value)
            seen = exam.registry.value(KEY, name)
            exam.saw("registry_round_trip", "the same" if seen == value else str(seen), seen == value, name)
    _empty_text(exam)
    _unnamed(exam)
    with exam.asking("registry_delete_absent"):
        codes = [
            call_registry(exam.session, "DeleteValue", KEY, sValueName=ABSENT),
            call_registry(exam.session, "DeleteKey", f"{KEY}\\{ABSENT}"),
        ]
        seen_codes = [code.return_value for code in codes]
        exam.saw("registry_delete_absent", "; ".join(map(returned, codes)), seen_codes == [2, 2])


def _empty_text(exam: Examination) -> None:
    with exam.asking("registry_empty_text"):
        exam.keep_value(KEY, "empty")
        exam.registry.set_value(KEY, "empty", RegistryValue(RegistryType.REG_SZ, ""))
        call_registry(exam.session, "GetStringValue", KEY, sValueName="empty")
        body = child(parse(exam.recorder.last_answer), "Body")
        data = None if body is None or not len(body) else child(body[0], "sValue")
        seen = "no element" if data is None else "NULL" if is_nil(data) else f"an element with {data.text!r}"
        exam.saw("registry_empty_text", seen, data is not None and not is_nil(data) and not data.text)


def _unnamed(exam: Examination) -> None:
    with exam.asking("registry_unnamed_value"):
        exam.keep_keys(_UNNAMED, KEY)
        exam.registry.create_key(_UNNAMED)
        exam.registry.set_value(_UNNAMED, "", RegistryValue(RegistryType.REG_SZ, "unnamed"))
        listed = call_registry(exam.session, "EnumValues", _UNNAMED)
        read = call_registry(exam.session, "GetStringValue", _UNNAMED, sValueName="")
        names = listed.outputs.get("sNames")
        exam.saw(
            "registry_unnamed_value",
            f"listed as {'NULL' if names is None else names}, read as {read.outputs.get('sValue')!r}",
            names is None and read.outputs.get("sValue") == "unnamed",
        )
