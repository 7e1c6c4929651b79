# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The registry through StdRegProv: return codes, odd answers, and what is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import AccessDenied, HostError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import RegistryType, RegistryValue
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.registry import Registry, WrongType
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.peer import Peer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import Session
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.operations import Invoke, InvokeResult

KEY, NAME = r"SOFTWARE\Made\Up", "Value"
ONE = RegistryValue(RegistryType.REG_DWORD, 1)
Method = Callable[[Registry], Any]

METHODS: dict[str, tuple[Method, Any]] = {
    "EnumKey": (lambda registry: registry.subkeys(KEY), ()),
    "EnumValues": (lambda registry: registry.value_types(KEY), {}),
    "GetDWORDValue": (lambda registry: registry.dword(KEY, NAME), None),
    "GetStringValue": (lambda registry: registry.string(KEY, NAME), None),
    "DeleteKey": (lambda registry: registry.delete_key(KEY), None),
    "DeleteValue": (lambda registry: registry.delete_value(KEY, NAME), None),
}


class Scripted:
    """A session that gives the answers of a list, and keeps what it was asked."""

    def __init__(self, *answers: InvokeResult) -> None:
        self.answers = list(answers)
        self.asked: list[Invoke] = []

    def call(self, operation: Invoke) -> InvokeResult:
        self.asked.append(operation)
        return self.answers.pop(0)


def returning(code: int | None, **outputs: Any) -> InvokeResult:
    return InvokeResult(code, outputs)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("code", [1, 2])
def test_absent(method: str, code: int) -> None:
    """Which of the two means value and which key was never recorded."""
    call, nothing = METHODS[method]
    session = Scripted(returning(code))
    assert call(Registry(session)) == nothing
    (asked,) = session.asked
    assert (asked.cls.namespace, asked.cls.name, asked.method) == ("root/default", "StdRegProv", method)
    assert asked.arguments["hDefKey"] == 2147483650
    assert asked.arguments["sSubKeyName"] == KEY


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("code", [5, 0x80070005, 0x80041003])
def test_access_denied(method: str, code: int) -> None:
    with pytest.raises(AccessDenied, match=r"HKLM\\SOFTWARE\\Made\\Up"):
        METHODS[method][0](Registry(Scripted(returning(code))))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("code", "said"), [(6, "0x00000006"), (0x80041008, r"0x80041008 \(WBEM_E_INVALID_PARAMETER\)"), (None, "nothing")]
)
def test_any_other_code_is_reported_with_its_number(method: str, code: int | None, said: str) -> None:
    with pytest.raises(HostError, match=rf"StdRegProv returned {said}.*HKLM\\SOFTWARE\\Made\\Up") as caught:
        METHODS[method][0](Registry(Scripted(returning(code))))
    assert not isinstance(caught.value, AccessDenied | WrongType)


@pytest.mark.parametrize(("method", "kind"), [("GetDWORDValue", "DWORD"), ("GetStringValue", "String")])
def test_another_type(method: str, kind: str) -> None:
    with pytest.raises(WrongType, match=rf"HKLM\\SOFTWARE\\Made\\Up\\Value has another type than {kind}"):
        METHODS[method][0](Registry(Scripted(returning(0x80041005))))


class Transport:
    """A host that answers every message with the same ReturnValue, as text on the transport."""

    peer = Peer("http://host.example:5985/wsman", "winrm")
    operation_timeout = 20.0

    def __init__(self, returned: str) -> None:
        self.returned = returned

    def send(self, message: bytes) -> bytes:
        return (
            '<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Body>'
            '<p:GetDWORDValue_OUTPUT xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/default/StdRegProv">'
            f"<p:ReturnValue>{self.returned}</p:ReturnValue></p:GetDWORDValue_OUTPUT></s:Body></s:Envelope>"
        ).encode()

    def reset(self) -> None:
        raise AssertionError("nothing broke")

    def run(self, commands: object) -> Any:
        raise AssertionError("no process")


@pytest.mark.parametrize(
    ("returned", "error"),
    [
        ("2147749893", WrongType),
        ("-2147217403", WrongType),
        ("2147942405", AccessDenied),
        ("-2147024891", AccessDenied),
        ("2147749891", AccessDenied),
        ("-2147217405", AccessDenied),
        ("-2147217400", HostError),
    ],
)
def test_codes_signed_and_unsigned_on_the_wire(returned: str, error: type[Exception]) -> None:
    with pytest.raises(error) as caught:
        Registry(Session(Transport(returned))).dword(KEY, NAME)
    assert caught.value.__class__ is error


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [({"uValue": 0}, 0), ({"uValue": 4294967295}, 4294967295)],
)
def test_dword(outputs: dict[str, Any], expected: int) -> None:
    session = Scripted(returning(0, **outputs))
    assert Registry(session).dword(KEY, NAME) == expected
    assert session.asked[0].arguments["sValueName"] == NAME


@pytest.mark.parametrize(
    ("outputs", "expected"), [({"sValue": ""}, ""), ({"sValue": "x"}, "x"), ({"sValue": None}, ""), ({}, "")]
)
def test_string(outputs: dict[str, Any], expected: str | None) -> None:
    assert Registry(Scripted(returning(0, **outputs))).string(KEY, NAME) == expected


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ({"sNames": ["Foo", "bar"], "Types": [4, 1]}, {"foo": 4, "bar": 1}),
        ({"sNames": ["Foo"], "Types": [11]}, {"foo": 11}),
        ({"sNames": ["Foo"], "Types": [255]}, {"foo": 255}),
        ({"sNames": ["", "Foo"], "Types": [1, 4]}, {"": 1, "foo": 4}),
        ({"sNames": [None, "Foo"], "Types": [1, 4]}, {"": 1, "foo": 4}),
        ({"sNames": None, "Types": None}, {}),
        ({}, {}),
    ],
)
def test_value_types(outputs: dict[str, Any], expected: dict[str, int]) -> None:
    assert Registry(Scripted(returning(0, **outputs))).value_types(KEY) == expected


@pytest.mark.parametrize("outputs", [{"uValue": None}, {}])
@pytest.mark.parametrize("kind", [4, 11])
def test_a_number_without_data_is_an_error(kind: int, outputs: dict[str, Any]) -> None:
    """Reported as success: to take it for absent would delete what stands there, to take it for 0 would invent it."""
    if kind == 4:
        with pytest.raises(HostError, match="sent no data"):
            Registry(Scripted(returning(0, **outputs))).dword(KEY, NAME)
    listing = returning(0, sNames=[NAME], Types=[kind])
    with pytest.raises(HostError, match="sent no data"):
        Registry(Scripted(listing, returning(0, **outputs))).value(KEY, NAME)


@pytest.mark.parametrize(("kind", "empty"), [(1, ""), (2, ""), (3, b""), (7, ())])
def test_null_is_an_empty_text_list_or_binary(kind: int, empty: object) -> None:
    listing = returning(0, sNames=[NAME], Types=[kind])
    found = Registry(Scripted(listing, returning(0))).value(KEY, NAME)
    assert found is not None
    assert found.data == empty


def test_a_value_that_went_away_after_the_listing_is_absent() -> None:
    listing = returning(0, sNames=[NAME], Types=[1])
    assert Registry(Scripted(listing, returning(1))).value(KEY, NAME) is None


def test_a_listing_that_does_not_fit_together() -> None:
    with pytest.raises(HostError, match="2 value names but 1 types"):
        Registry(Scripted(returning(0, sNames=["a", "b"], Types=[4]))).value_types(KEY)


def test_a_listing_with_a_type_of_null_is_no_traceback() -> None:
    with pytest.raises(HostError, match=r"2 value names but 2 types .*, or NULLs"):
        Registry(Scripted(returning(0, sNames=["a", "b"], Types=[4, None]))).value_types(KEY)


@pytest.mark.parametrize(("outputs", "expected"), [({"sNames": ["A"]}, ("A",)), ({"sNames": None}, ()), ({}, ())])
def test_subkeys(outputs: dict[str, Any], expected: tuple[str, ...]) -> None:
    assert Registry(Scripted(returning(0, **outputs))).subkeys(KEY) == expected


def test_writing_a_value_is_one_request_where_the_key_is_there() -> None:
    session = Scripted(returning(0))
    Registry(session).set_value(KEY, NAME, ONE)
    assert [asked.method for asked in session.asked] == ["SetDWORDValue"]
    assert dict(session.asked[0].arguments) == {
        "hDefKey": 2147483650,
        "sSubKeyName": KEY,
        "sValueName": NAME,
        "uValue": 1,
    }


@pytest.mark.parametrize("code", [1, 2])
def test_writing_a_value_makes_the_key(code: int) -> None:
    session = Scripted(returning(code), returning(0), returning(0))
    Registry(session).set_value(KEY, NAME, ONE)
    assert [asked.method for asked in session.asked] == ["SetDWORDValue", "CreateKey", "SetDWORDValue"]
    assert session.asked[0].arguments == session.asked[2].arguments


@pytest.mark.parametrize(
    ("codes", "error"),
    [
        ((5,), AccessDenied),
        ((2, 5), AccessDenied),
        ((2, 0, 2), HostError),
        ((2, 0, 5), AccessDenied),
        ((None,), HostError),
    ],
)
def test_writing_a_value_that_fails(codes: tuple[int | None, ...], error: type[Exception]) -> None:
    session = Scripted(*map(returning, codes))
    with pytest.raises(error):
        Registry(session).set_value(KEY, NAME, ONE)
    assert session.answers == []
