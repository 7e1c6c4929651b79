"""SetConfiguration by every quirk: prompts, several properties, defaults not stored, refusals under a policy."""

from __future__ import annotations

import pytest

from simulated_windows.in_process import InProcessHost
from simulated_windows.peer import SMB_CLIENT, WMI, envelope, method_input
from simulated_windows.prompts import PromptAnswer, prompt_answer
from simulated_windows.smb_properties import CLIENT_PARAMETERS

GUEST, SIGNING, AUDIT = "EnableInsecureGuestLogons", "RequireSecuritySignature", "AuditInsecureGuestLogon"
MODE = "__MI_OPERATIONOPTIONS_PROMPTUSERMODE"
ACK = f"{MODE}REGULAR_ACKVALUE"
REGISTERED = ("__MI_CallbackRegistration", "xs:int", "27")
CAPTURED = [REGISTERED, (f"wmi:{MODE}", "xs:unsignedInt", "2"), (f"wmi:{ACK}", "xs:unsignedInt", "1")]
DOCUMENTED = [(f"wmi:{name.removeprefix('wmi:')}", type_, value) for name, type_, value in CAPTURED[:2]]
DOCUMENTED.append((f"wmi:{ACK}", "xs:boolean", "true"))


def stored(host: InProcessHost, name: str) -> int | None:
    return host.registry.get_dword(CLIENT_PARAMETERS, name)


def set_with(host: InProcessHost, options: list[tuple[str, str, str]], **values: bool) -> tuple[int, bytes]:
    uri = WMI + SMB_CLIENT
    message = envelope(uri, f"{uri}/SetConfiguration", method_input(uri, "SetConfiguration", values))
    rows = "".join(
        f'<w:Option Name="{name}"{f" Type={chr(34)}{type_}{chr(34)}" if type_ else ""}>{value}</w:Option>'
        for name, type_, value in options
    )
    option_set = f'<w:OptionSet xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{rows}</w:OptionSet>'
    body = host.answer(message.replace(b"</s:Header>", option_set.encode() + b"</s:Header>"))
    return host.messages[-1]["status"], body


@pytest.mark.parametrize(
    ("options", "status", "value"),
    [
        ([], 200, None),
        (CAPTURED, 200, 1),
        (DOCUMENTED, 200, 1),
        (CAPTURED[1:], 200, None),  # not registered for confirm messages: the default answer
        ([(name, "", value) for name, _type, value in CAPTURED], 200, None),  # options without a type
        ([*CAPTURED[:2], (f"wmi:{ACK}", "xs:boolean", "false")], 200, None),
        ([REGISTERED, (f"wmi:{MODE}", "xs:unsignedInt", "0")], 200, 1),
        ([REGISTERED], 500, None),  # inquire: nobody answers, the operation times out
        (CAPTURED[:2], 500, None),
    ],
)
def test_a_provider_that_asks(options: list[tuple[str, str, str]], status: int, value: int | None) -> None:
    host = InProcessHost(quirks={"set_needs_prompt_options": True})
    assert set_with(host, options, EnableInsecureGuestLogons=True)[0] == status
    assert stored(host, "AllowInsecureGuestAuth") == value
    assert host.client.running[GUEST] is bool(value)


@pytest.mark.parametrize("options", [[], CAPTURED, DOCUMENTED, [REGISTERED]])
def test_a_provider_that_does_not_ask_takes_any_options(options: list[tuple[str, str, str]]) -> None:
    host = InProcessHost()
    assert set_with(host, options, EnableInsecureGuestLogons=True)[0] == 200
    assert stored(host, "AllowInsecureGuestAuth") == 1


def test_the_answer_to_a_prompt() -> None:
    assert prompt_answer({}) is PromptAnswer.NO
    assert prompt_answer({"__MI_CallbackRegistration": "11"}) is PromptAnswer.NO
    assert prompt_answer({"wmi:__MI_CallbackRegistration": "16"}) is PromptAnswer.WAITS


def test_several_properties_in_one_call() -> None:
    host = InProcessHost()
    answer = host.peer().outputs(SMB_CLIENT, "SetConfiguration", **{GUEST: True, SIGNING: False, AUDIT: True})
    assert answer == {"ReturnValue": "0"}
    assert [host.client.running[name] for name in (GUEST, SIGNING, AUDIT)] == [True, False, True]
    assert [
        stored(host, name) for name in ("AllowInsecureGuestAuth", "RequireSecuritySignature", "AuditInsecureGuestLogon")
    ] == [1, 0, 1]


def test_a_default_may_be_stored_by_storing_nothing() -> None:
    host = InProcessHost(quirks={"set_stores_no_default": True}, parameters={"RequireSecuritySignature": 0})
    peer = host.peer()
    peer.outputs(SMB_CLIENT, "SetConfiguration", **{SIGNING: True, GUEST: True})
    assert stored(host, "RequireSecuritySignature") is None
    assert stored(host, "AllowInsecureGuestAuth") == 1
    peer.outputs(SMB_CLIENT, "SetConfiguration", **{GUEST: False})
    assert stored(host, "AllowInsecureGuestAuth") is None
    assert (host.client.running[SIGNING], host.client.running[GUEST]) == (True, False)


@pytest.mark.parametrize("partial", [False, True])
def test_a_refusal_under_a_policy(partial: bool) -> None:
    """Guest stands in front of the governed audit in the class, signing too."""
    quirks = {"set_refused_by_policy": True, "set_refusal_is_partial": partial}
    host = InProcessHost(quirks=quirks, policy={AUDIT: 0})
    peer = host.peer()
    before = host.snapshot()
    reply = peer.invoke(SMB_CLIENT, "SetConfiguration", **{GUEST: True, SIGNING: False, AUDIT: True})
    assert reply.status == 500
    assert (stored(host, "AllowInsecureGuestAuth"), host.client.running[GUEST]) == (
        (1, True) if partial else (None, False)
    )
    assert stored(host, "AuditInsecureGuestLogon") is None
    assert partial or host.snapshot() == before
    assert peer.outputs(SMB_CLIENT, "SetConfiguration", **{GUEST: True})["ReturnValue"] == "0"


@pytest.mark.parametrize("strict", [False, True])
def test_the_order_of_arguments(strict: bool) -> None:
    host = InProcessHost(quirks={"input_in_order": strict})
    peer = host.peer()
    assert peer.invoke(SMB_CLIENT, "SetConfiguration", **{SIGNING: False, GUEST: True}).status == (
        500 if strict else 200
    )
    assert peer.invoke(SMB_CLIENT, "SetConfiguration", **{GUEST: True, SIGNING: False}).status == 200
