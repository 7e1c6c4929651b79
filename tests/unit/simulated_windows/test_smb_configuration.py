"""The SMB configuration classes: which layer wins, what SetConfiguration does, and how answers may look."""

from __future__ import annotations

from typing import Any

import pytest

from simulated_windows.peer import SMB_CLIENT, SMB_SERVER, WMI, Host, Peer, envelope, local, members

PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
SERVER_PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters"
GUEST = "EnableInsecureGuestLogons"
DMTF = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"


def set_client(peer: Peer, **values: Any) -> Any:
    return peer.outputs(SMB_CLIENT, "SetConfiguration", **values)["ReturnValue"]


# The order of the layers


@pytest.mark.parametrize(
    "preset", ["windows_11_24h2_pro", "windows_10_22h2_pro", "server_2019", "windows_10_1909_enterprise"]
)
@pytest.mark.parametrize("policy", [None, 0, 1])
@pytest.mark.parametrize("parameter", [0, 1])
def test_policy_beats_parameters(make_host: Any, preset: str, policy: int | None, parameter: int) -> None:
    spec = {"parameters": {"AllowInsecureGuestAuth": parameter}}
    if policy is not None:
        spec["policy"] = {"AllowInsecureGuestAuth": policy}
    wanted = "true" if (parameter if policy is None else policy) else "false"
    assert make_host(preset, **spec).peer().configuration()[GUEST] == wanted


def test_signing_has_no_policy_value(make_host: Any) -> None:
    host = make_host(policy={"RequireSecuritySignature": 0})
    assert host.running()["RequireSecuritySignature"] is True


def test_a_value_of_another_type_is_ignored(make_host: Any) -> None:
    host = make_host(policy={"AllowInsecureGuestAuth": "1"})
    assert host.running()[GUEST] is False


@pytest.mark.parametrize(("value", "guest"), [(True, True), (False, False), (None, True)])
def test_licence_defaults_can_be_chosen(make_host: Any, value: bool | None, guest: bool) -> None:
    """None: the query itself fails, and the driver allows guest."""
    host = make_host(licence_defaults={"SMBClient-AllowInsecureGuestAuthByDefault": value})
    assert host.running()[GUEST] is guest


def test_a_failed_signing_query_means_not_required(make_host: Any) -> None:
    licences = {"SMBClient-RequireSigningByDefault": None, "SMBServer-RequireSigningByDefault": None}
    host = make_host(licence_defaults=licences)
    assert host.running()["RequireSecuritySignature"] is False
    assert host.running("smb_server")["RequireSecuritySignature"] is False


# SetConfiguration


def test_set_writes_parameters_and_takes_effect(host: Host, peer: Peer) -> None:
    assert set_client(peer, EnableInsecureGuestLogons=True, RequireSecuritySignature=False) == "0"
    assert host.registry(PARAMETERS, "AllowInsecureGuestAuth") == 1
    assert host.registry(PARAMETERS, "RequireSecuritySignature") == 0
    shown = peer.configuration()
    assert (shown[GUEST], shown["RequireSecuritySignature"]) == ("true", "false")


def test_set_leaves_everything_else_alone(host: Host, peer: Peer) -> None:
    before = host.state()
    set_client(peer, RequireEncryption=True)
    after = host.state()
    assert after["smb_client"].pop("RequireEncryption") is True
    assert before["smb_client"].pop("RequireEncryption") is False
    assert after["registry"][PARAMETERS].pop("RequireEncryption") == {"type": "REG_DWORD", "value": 1}
    assert before == after


def test_set_under_a_policy_is_stored_without_effect(make_host: Any) -> None:
    host = make_host(policy={"AllowInsecureGuestAuth": 0})
    assert set_client(host.peer(), EnableInsecureGuestLogons=True) == "0"
    assert host.registry(PARAMETERS, "AllowInsecureGuestAuth") == 1
    assert host.running()[GUEST] is False


def test_a_host_may_refuse_to_set_under_a_policy(make_host: Any) -> None:
    host = make_host(policy={"AllowInsecureGuestAuth": 0}, quirks={"set_refused_by_policy": True})
    reply = host.peer().invoke(SMB_CLIENT, "SetConfiguration", EnableInsecureGuestLogons=True)
    assert reply.subcode == "w:AccessDenied"
    assert host.registry(PARAMETERS, "AllowInsecureGuestAuth") is None


def test_a_host_may_show_the_running_value_without_policy(make_host: Any) -> None:
    host = make_host(policy={"AllowInsecureGuestAuth": 1}, quirks={"running_ignores_policy": True})
    assert host.peer().configuration()[GUEST] == "false"
    assert host.running()[GUEST] is True


def test_a_property_without_known_registry_value_keeps_what_was_set(host: Host, peer: Peer) -> None:
    set_client(peer, SessionTimeout=45, EncryptionCiphers='AES_128_GCM <&> "x"')
    shown = peer.configuration()
    assert (shown["SessionTimeout"], shown["EncryptionCiphers"]) == ("45", 'AES_128_GCM <&> "x"')


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"NoSuchParameter": True}, 0x80041008),
        ({"enableinsecureguestlogons": True}, 0x80041008),
        ({GUEST: "perhaps"}, 0x80041005),
        ({"SessionTimeout": -1}, 0x80041005),
        ({"SessionTimeout": 2**32}, 0x80041005),
        ({GUEST: [True, False]}, 2150858817),
    ],
)
def test_bad_arguments_are_faults_and_change_nothing(
    host: Host, peer: Peer, arguments: dict[str, Any], code: int
) -> None:
    before = host.state()
    reply = peer.invoke(SMB_CLIENT, "SetConfiguration", RequireSecuritySignature=False, **arguments)
    assert reply.status == 500
    assert set(reply.fault_codes) == {code}
    assert host.state() == before


def test_unknown_method_and_wrong_case(peer: Peer) -> None:
    for method in ("NoSuchMethod", "getconfiguration"):
        assert peer.invoke(SMB_CLIENT, method).fault_codes == [0x8004102E]


def test_an_unknown_class_and_an_unknown_namespace(peer: Peer) -> None:
    assert set(peer.invoke("root/cimv2/No_Such", "X").fault_codes) == {2150858752}
    assert set(peer.invoke("root/nowhere/MSFT_X", "X").fault_codes) == {0x8004100E}


def test_the_server_side(host: Host, peer: Peer) -> None:
    assert (
        peer.outputs(SMB_SERVER, "SetConfiguration", EncryptData=True, AuditInsecureGuestLogon=True)["ReturnValue"]
        == "0"
    )
    assert host.registry(SERVER_PARAMETERS, "EncryptData") == 1
    assert host.running("smb_server")["AuditInsecureGuestLogon"] is True
    assert "EnableInsecureGuestLogons" not in peer.configuration(SMB_SERVER)


def test_reset_leaves_guest_and_signing_alone(host: Host, peer: Peer) -> None:
    set_client(peer, EnableInsecureGuestLogons=True, RequireSecuritySignature=False, RequireEncryption=True)
    peer.outputs(SMB_CLIENT, "ResetConfiguration", All=True)
    running = host.running()
    assert (running[GUEST], running["RequireSecuritySignature"], running["RequireEncryption"]) == (True, False, False)


def test_reset_is_unknown_on_older_hosts(make_host: Any) -> None:
    reply = make_host("server_2019").peer().invoke(SMB_CLIENT, "ResetConfiguration", All=True)
    assert reply.fault_codes == [0x8004102E]


# Which properties exist


@pytest.mark.parametrize(
    ("preset", "count"),
    [
        ("server_2016", 25), ("server_2019", 25), ("windows_10_22h2_pro", 25), ("server_2022", 33),
        ("windows_11_23h2_pro", 33), ("windows_11_24h2_pro", 43), ("windows_11_25h2_pro", 45),
    ],
)  # fmt: skip
def test_properties_by_build(make_host: Any, preset: str, count: int) -> None:
    shown = make_host(preset).peer().configuration()
    assert len(shown) == count
    recent = count >= 43
    for name in ("RequireEncryption", "AuditInsecureGuestLogon", "BlockNTLM"):
        assert (name in shown) is recent


def test_an_audit_setting_is_unknown_on_an_older_host(make_host: Any) -> None:
    reply = make_host("windows_11_23h2_pro").peer().invoke(SMB_CLIENT, "SetConfiguration", AuditInsecureGuestLogon=True)
    assert set(reply.fault_codes) == {0x80041008}


def test_updates_may_add_and_take_properties(make_host: Any) -> None:
    quirks = {"with_properties": ["AuditClientDoesNotSupportSigning"], "without_properties": ["KeepConn"]}
    peer = make_host("server_2022", quirks=quirks).peer()
    assert peer.configuration(SMB_SERVER)["AuditClientDoesNotSupportSigning"] == "false"
    assert "KeepConn" not in peer.configuration()


# How the answer looks


def test_the_answer_of_windows(peer: Peer) -> None:
    reply = peer.invoke(SMB_CLIENT, "GetConfiguration")
    body = reply.body
    assert body is not None
    assert body.tag == f"{{{WMI}{SMB_CLIENT}}}GetConfiguration_OUTPUT"
    assert [local(item) for item in body] == ["Output", "ReturnValue"]
    assert body[0].get("{http://www.w3.org/2001/XMLSchema-instance}type") == "p1:MSFT_SmbClientConfiguration_Type"
    assert reply.header("Action") == f"{WMI}{SMB_CLIENT}/GetConfigurationResponse"
    assert members(body[0])["EncryptionCiphers"] is None
    assert b'EncryptionCiphers xsi:nil="true"' in reply.content


def test_the_answer_relates_to_the_request(peer: Peer) -> None:
    uri = WMI + SMB_CLIENT
    message = envelope(uri, f"{uri}/GetConfiguration")
    reply = peer.send(message)
    relates_to = reply.header("RelatesTo")
    assert relates_to is not None
    assert relates_to.encode() in message


@pytest.mark.parametrize(
    ("quirk", "present", "absent"),
    [
        ("upper_case_booleans", b"GuestLogons>FALSE<", b">false<"),
        ("omi_style", b"<p:GetConfiguration xmlns", b"_OUTPUT"),
        ("embedded_extra_level", b"<p1:MSFT_SmbClientConfiguration>", b"\0"),
        ("embedded_no_xsi_type", b"<p1:EnableInsecureGuestLogons>", b"_Type"),
        ("embedded_same_prefix", b"<p:EnableInsecureGuestLogons>", b"p1:"),
        ("xsi_type_on_scalars", b'GuestLogons xsi:type="cim:cimBoolean">', b"\0"),
        ("nulls_absent", b"<p1:EnableInsecureGuestLogons>", b"nil"),
        ("no_relates_to", b"ReturnValue", b"RelatesTo"),
        ("lower_case_class_uri", b"root/microsoft/windows/smb/msft_smbclientconfiguration", b"_OUTPUT_"),
        ("german", b'xml:lang="de-DE"', b"en-US"),
    ],
)
def test_wire_quirks(make_host: Any, quirk: str, present: bytes, absent: bytes) -> None:
    reply = make_host(quirks={quirk: True}).peer().invoke(SMB_CLIENT, "GetConfiguration")
    assert reply.status == 200
    assert present in reply.content
    assert absent not in reply.content


def test_omi_style_puts_the_return_value_first(make_host: Any) -> None:
    reply = make_host(quirks={"omi_style": True}).peer().invoke(SMB_CLIENT, "GetConfiguration")
    assert reply.body is not None
    assert [local(item) for item in reply.body] == ["ReturnValue", "Output"]
    assert reply.header("Action") == f"{WMI}{SMB_CLIENT}/GetConfiguration"


def test_the_dmtf_form_with_the_namespace_in_a_selector(host: Host, peer: Peer) -> None:
    uri = f"{DMTF}MSFT_SmbClientConfiguration"
    body = (
        f'<p:SetConfiguration_INPUT xmlns:p="{uri}"><p:EnableInsecureGuestLogons>TRUE</p:EnableInsecureGuestLogons>'
        "</p:SetConfiguration_INPUT>"
    )
    selectors = {"__cimnamespace": "root/Microsoft/Windows/SMB"}
    reply = peer.send(envelope(uri, f"{uri}/SetConfiguration", body, selectors))
    assert reply.outputs() == {"ReturnValue": "0"}
    assert host.running()[GUEST] is True
    reply = peer.send(envelope(WMI + SMB_CLIENT, f"{uri}/SetConfiguration", body.replace("TRUE", "FALSE"), selectors))
    assert reply.outputs() == {"ReturnValue": "0"}
    assert host.running()[GUEST] is False


def test_the_uri_has_no_case(peer: Peer) -> None:
    path = SMB_CLIENT.lower()
    assert peer.outputs(path, "GetConfiguration")["ReturnValue"] == "0"


def test_enumerating_the_class_and_the_host_that_has_nothing_to_enumerate(make_host: Any) -> None:
    query = "SELECT * FROM MSFT_SmbClientConfiguration"
    namespace = "root/Microsoft/Windows/SMB"
    (row,) = make_host().peer().query(query, namespace)
    assert row["RequireSecuritySignature"] == "true"
    assert make_host(quirks={"configuration_enumeration": False}).peer().query(query, namespace) == []


# Malformed requests

URI = WMI + SMB_CLIENT
GET = f"{URI}/GetConfiguration"
GOOD = envelope(URI, GET)


@pytest.mark.parametrize(
    ("message", "subcode"),
    [
        (b"no xml", "w:SchemaValidationError"),
        (GOOD.replace(b"s:Body>", b"s:Other>"), "w:SchemaValidationError"),
        (b"<!DOCTYPE x>" + GOOD, "w:SchemaValidationError"),
        (GOOD.replace(b">153600<", b">many<"), "a:InvalidMessageInformationHeader"),
        (GOOD.replace(b"a:MessageID", b"a:Other"), "a:InvalidMessageInformationHeader"),
        (GOOD.replace(b"a:ReplyTo", b"a:Other"), "a:InvalidMessageInformationHeader"),
        (GOOD.replace(b"w:OperationTimeout", b"w:Strange").replace(b"<w:Strange>", b'<w:Strange s:mustUnderstand="1">'),
         "a:InvalidMessageInformationHeader"),
        (envelope(URI, f"{WMI}root/cimv2/StdRegProv/GetConfiguration"), "a:InvalidMessageInformationHeader"),
        (envelope(URI, GET, selectors={"Name": "x"}), "w:InvalidSelectors"),
        (envelope(URI, GET, f'<p:SetConfiguration_INPUT xmlns:p="{URI}"/>'), "w:SchemaValidationError"),
        (envelope(URI, GET, '<p:GetConfiguration_INPUT xmlns:p="urn:x"/>'), "w:SchemaValidationError"),
        (envelope("urn:other", "urn:other/x"), "a:DestinationUnreachable"),
    ],
)  # fmt: skip
def test_malformed_requests(peer: Peer, message: bytes, subcode: str) -> None:
    assert peer.send(GOOD).status == 200
    reply = peer.send(message)
    assert (reply.status, reply.subcode) == (500, subcode)
