"""StdRegProv over the wire: every method, every type, and the return codes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulated_windows.in_process import InProcessHost
from simulated_windows.peer import HKLM, REGISTRY, Host, Peer
from simulated_windows.smb_properties import CLIENT_POLICY

KEY = r"SOFTWARE\winops\test"
PATH = f"HKLM\\{KEY}"
WRONG_TYPE = "2147749893"


def call(peer: Peer, method: str, name: str | None = None, key: str = KEY, **more: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {"hDefKey": HKLM, "sSubKeyName": key}
    if name is not None:
        arguments["sValueName"] = name
    return peer.outputs(REGISTRY, method, **arguments, **more)


@pytest.fixture
def key(peer: Peer) -> str:
    assert call(peer, "CreateKey") == {"ReturnValue": "0"}
    return KEY


TYPES = [
    ("DWORD", "uValue", 4294967295, "REG_DWORD", "4"),
    ("QWORD", "uValue", 2**64 - 1, "REG_QWORD", "11"),
    ("String", "sValue", "a <b> & ü", "REG_SZ", "1"),
    ("ExpandedString", "sValue", "%SystemRoot%\\x", "REG_EXPAND_SZ", "2"),
    ("MultiString", "sValue", ["one", "two & three"], "REG_MULTI_SZ", "7"),
    ("Binary", "uValue", [0, 255, 16], "REG_BINARY", "3"),
]


@pytest.mark.parametrize(("stem", "parameter", "data", "type_", "number"), TYPES)
@pytest.mark.usefixtures("key")
def test_every_type_is_stored_and_read(
    host: Host, peer: Peer, stem: str, parameter: str, data: Any, type_: str, number: str
) -> None:
    assert call(peer, f"Set{stem}Value", "v", **{parameter: data}) == {"ReturnValue": "0"}
    assert host.state()["registry"][PATH] == {"v": {"type": type_, "value": data}}
    text = [str(item) for item in data] if isinstance(data, list) else str(data)
    assert call(peer, f"Get{stem}Value", "V") == {parameter: text, "ReturnValue": "0"}
    assert call(peer, "EnumValues") == {"sNames": "v", "Types": number, "ReturnValue": "0"}


@pytest.mark.parametrize("getter", [row[0] for row in TYPES])
@pytest.mark.parametrize("setter", TYPES)
@pytest.mark.usefixtures("key")
def test_the_wrong_getter_says_so(peer: Peer, getter: str, setter: tuple[str, str, Any, str, str]) -> None:
    stem, parameter, data, _type, _number = setter
    call(peer, f"Set{stem}Value", "v", **{parameter: data})
    result = call(peer, f"Get{getter}Value", "v")
    assert result["ReturnValue"] == ("0" if getter == stem else WRONG_TYPE)
    if getter != stem:
        assert set(result.values()) == {None, WRONG_TYPE}


def test_a_set_replaces_value_and_type(host: Host, peer: Peer, key: str) -> None:
    call(peer, "SetStringValue", "Name", sValue="1")
    call(peer, "SetDWORDValue", "nAME", uValue=1)
    assert host.state()["registry"][PATH] == {"Name": {"type": "REG_DWORD", "value": 1}}


def test_absent_things(peer: Peer, key: str) -> None:
    missing_key = KEY + r"\none"
    assert call(peer, "GetDWORDValue", "none") == {"uValue": None, "ReturnValue": "1"}
    assert call(peer, "DeleteValue", "none") == {"ReturnValue": "2"}
    assert call(peer, "GetStringValue", "none", missing_key) == {"sValue": None, "ReturnValue": "2"}
    assert call(peer, "SetDWORDValue", "v", missing_key, uValue=1) == {"ReturnValue": "2"}
    assert call(peer, "DeleteValue", "v", missing_key) == {"ReturnValue": "2"}
    assert call(peer, "DeleteKey", key=missing_key) == {"ReturnValue": "2"}
    assert call(peer, "EnumKey", key=missing_key) == {"sNames": None, "ReturnValue": "2"}
    assert call(peer, "EnumValues", key=missing_key) == {"sNames": None, "Types": None, "ReturnValue": "2"}
    assert call(peer, "CheckAccess", key=missing_key) == {"bGranted": "false", "ReturnValue": "2"}


def test_the_codes_of_absent_things_can_be_swapped(make_host: Any) -> None:
    peer = make_host(quirks={"registry_absent_codes": [2, 1]}).peer()
    call(peer, "CreateKey")
    assert call(peer, "GetDWORDValue", "none")["ReturnValue"] == "2"
    assert call(peer, "GetDWORDValue", "none", KEY + r"\none")["ReturnValue"] == "1"


def test_keys(host: Host, peer: Peer, key: str) -> None:
    for name in ("b", "A"):
        call(peer, "CreateKey", key=f"{KEY}\\{name}\\deep")
    assert call(peer, "EnumKey") == {"sNames": ["b", "A"], "ReturnValue": "0"}
    assert call(peer, "EnumKey", key=KEY.upper() + r"\B\DEEP") == {"sNames": None, "ReturnValue": "0"}
    assert call(peer, "DeleteKey", key=f"{KEY}\\b")["ReturnValue"] == "5"
    assert call(peer, "DeleteKey", key=f"{KEY}\\b\\deep") == {"ReturnValue": "0"}
    assert call(peer, "DeleteKey", key=f"{KEY}\\b") == {"ReturnValue": "0"}
    assert [path for path in host.state()["registry"] if path.startswith(PATH + "\\")] == [
        f"{PATH}\\A",
        f"{PATH}\\A\\deep",
    ]


def test_enum_values_is_null_when_there_is_only_the_default_value(peer: Peer, key: str) -> None:
    nothing = {"sNames": None, "Types": None, "ReturnValue": "0"}
    assert call(peer, "EnumValues") == nothing
    call(peer, "SetStringValue", "", sValue="default")
    assert call(peer, "EnumValues") == nothing
    assert call(peer, "GetStringValue", "")["sValue"] == "default"
    call(peer, "SetDWORDValue", "a", uValue=1)
    call(peer, "SetStringValue", "b", sValue="")
    values = call(peer, "EnumValues")
    assert (values["sNames"], values["Types"]) == (["", "a", "b"], ["1", "4", "1"])
    assert call(peer, "GetStringValue", "b") == {"sValue": "", "ReturnValue": "0"}


def test_odd_values_are_what_they_are() -> None:
    """Wrong types, numbers beyond 1, values without data: told apart by EnumValues, and as the driver takes them."""
    rows: list[tuple[str, Any, int, str, dict[str, Any], bool]] = [
        # type, data, its number, the getter, what it answers, whether the driver then allows guest (denied by default)
        ("REG_SZ", "1", 1, "GetStringValue", {"sValue": "1", "ReturnValue": "0"}, False),
        ("REG_QWORD", 1, 11, "GetQWORDValue", {"uValue": "1", "ReturnValue": "0"}, False),
        ("REG_BINARY", [1, 0, 0, 0], 3, "GetBinaryValue", {"uValue": ["1", "0", "0", "0"], "ReturnValue": "0"}, False),
        ("REG_DWORD", 2, 4, "GetDWORDValue", {"uValue": "2", "ReturnValue": "0"}, True),
        ("REG_DWORD", 0xFFFFFFFF, 4, "GetDWORDValue", {"uValue": "4294967295", "ReturnValue": "0"}, True),
        ("REG_DWORD", None, 4, "GetDWORDValue", {"uValue": None, "ReturnValue": "0"}, False),
        ("REG_QWORD", None, 11, "GetQWORDValue", {"uValue": None, "ReturnValue": "0"}, False),
        ("REG_SZ", None, 1, "GetStringValue", {"sValue": None, "ReturnValue": "0"}, False),
        ("REG_NONE", None, 0, "GetDWORDValue", {"uValue": None, "ReturnValue": "2147749893"}, False),
        (
            "REG_DWORD_BIG_ENDIAN",
            [0, 0, 0, 1],
            5,
            "GetDWORDValue",
            {"uValue": None, "ReturnValue": "2147749893"},
            False,
        ),
    ]
    for type_, data, number, getter, answer, allowed in rows:
        host = InProcessHost("windows_11_24h2_pro")
        host.registry.set(CLIENT_POLICY, "AllowInsecureGuestAuth", type_, data)
        peer = host.peer()
        where = {"hDefKey": HKLM, "sSubKeyName": CLIENT_POLICY.removeprefix("HKLM\\")}
        listed = peer.outputs(REGISTRY, "EnumValues", **where)
        assert (listed["sNames"], listed["Types"]) == ("AllowInsecureGuestAuth", str(number))
        assert peer.outputs(REGISTRY, getter, **where, sValueName="allowinsecureguestauth") == answer
        assert host.client.running["EnableInsecureGuestLogons"] is allowed


def test_the_hive(host: Host, peer: Peer) -> None:
    assert peer.outputs(REGISTRY, "CreateKey", sSubKeyName=KEY)["ReturnValue"] == "0"
    assert PATH in host.state()["registry"]
    peer.outputs(REGISTRY, "CreateKey", hDefKey=2147483649, sSubKeyName="Software\\x")
    assert r"HKCU\Software\x" in host.state()["registry"]
    assert peer.outputs(REGISTRY, "CreateKey", hDefKey=1, sSubKeyName="x")["ReturnValue"] == "2147749896"


def test_both_namespaces_show_the_same_registry(peer: Peer, key: str) -> None:
    peer.set_dword(KEY, "v", 7)
    arguments = {"hDefKey": HKLM, "sSubKeyName": KEY, "sValueName": "v"}
    assert peer.outputs("root/default/StdRegProv", "GetDWORDValue", **arguments)["uValue"] == "7"


def test_check_access(peer: Peer, key: str) -> None:
    assert call(peer, "CheckAccess", uRequired=3) == {"bGranted": "true", "ReturnValue": "0"}


@pytest.mark.usefixtures("key")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(
        st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20
    ),
    value=st.text(
        st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\ufffe\uffff").filter(
            lambda char: char >= " " or char in "\t\r\n"
        )
    ),
)
def test_any_text_survives_the_wire(peer: Peer, name: str, value: str) -> None:
    call(peer, "SetStringValue", name, sValue=value)
    assert call(peer, "GetStringValue", name)["sValue"] == value
