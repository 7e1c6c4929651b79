"""MaxEnvelopeSize in both directions: what a client asks for, and what the service of the host is set to."""

from __future__ import annotations

import pytest

from simulated_windows.in_process import BareAnswer, InProcessHost
from simulated_windows.peer import WMI, Reply, envelope, method_input

KEY = "SOFTWARE\\Test"
URI = f"{WMI}root/cimv2/StdRegProv"


def ask(host: InProcessHost, method: str, size: int, **more: object) -> Reply:
    arguments = {"hDefKey": 0x80000002, "sSubKeyName": KEY, "sValueName": "Text", **more}
    request = envelope(URI, f"{URI}/{method}", method_input(URI, method, arguments), size=size)
    answer = host.answer(request)
    return Reply(host.messages[-1]["status"], answer)


@pytest.mark.parametrize(
    ("own", "asked", "length", "code"),
    [
        (500, 153_600, 100_000, None),
        (500, 153_600, 160_000, 0x80338048),
        (500, 512_000, 160_000, None),
        (500, 512_000, 520_000, 0x80338048),
        (150, 512_000, 160_000, 0x80338049),
        (32, 512_000, 30_000, None),
        (32, 512_000, 40_000, 0x80338049),
    ],
)
def test_an_answer_that_is_too_large_is_a_fault(own: int, asked: int, length: int, code: int | None) -> None:
    host = InProcessHost(quirks={"max_envelope_kb": own})
    host.edit(f"HKLM\\{KEY}", "Text", "x" * length, "REG_SZ")
    reply = ask(host, "GetStringValue", asked)
    assert reply.fault_codes == ([] if code is None else [code])
    if code is None:
        assert reply.outputs()["sValue"] == "x" * length
    else:
        assert reply.subcode == "w:EncodingLimit"


@pytest.mark.parametrize(("own", "length", "taken"), [(500, 400_000, True), (150, 160_000, False), (32, 40_000, False)])
def test_a_request_that_is_too_large_is_not_read(own: int, length: int, taken: bool) -> None:
    """HTTP 413, and nothing is carried out."""
    host = InProcessHost(quirks={"max_envelope_kb": own})
    host.edit(f"HKLM\\{KEY}", "Text", "before", "REG_SZ")
    before = host.snapshot()
    if taken:
        assert ask(host, "SetStringValue", 153_600, sValue="x" * length).status == 200
        return
    with pytest.raises(BareAnswer) as caught:
        ask(host, "SetStringValue", 153_600, sValue="x" * length)
    assert caught.value.status == 413
    assert host.snapshot() == before
    assert host.messages[-1]["status"] == 413
