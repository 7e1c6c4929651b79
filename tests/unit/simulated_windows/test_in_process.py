"""The host inside the test's process: the same answers as on the wire, faults at any request, everything at hand."""

from __future__ import annotations

from datetime import timedelta

import pytest

from simulated_windows.in_process import START, BareAnswer, ConnectionCut, InProcessHost, NoAnswer, differences
from simulated_windows.peer import REGISTRY, SMB_CLIENT, Peer
from simulated_windows.task_documents import task_xml

PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
POLICY = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
SCHEDULER = "root/Microsoft/Windows/TaskScheduler/PS_ScheduledTask"


@pytest.fixture
def host() -> InProcessHost:
    return InProcessHost()


@pytest.fixture
def peer(host: InProcessHost) -> Peer:
    return host.peer()


def allow_guest(peer: Peer) -> None:
    assert peer.outputs(SMB_CLIENT, "SetConfiguration", EnableInsecureGuestLogons=True)["ReturnValue"] == "0"


def add_task(host: InProcessHost, name: str, minutes: int) -> None:
    start = (host.clock + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")
    xml = task_xml((r"C:\Windows\System32\reg.exe", rf"add HKLM\SOFTWARE\order /v {name} /d 1 /f"), start=start)
    done = host.peer().outputs(SCHEDULER, "RegisterByXml", Xml=xml, TaskName=name, TaskPath="\\")
    assert done["ReturnValue"] == "0"


def test_answers_count_requests_and_change_the_host(host: InProcessHost, peer: Peer) -> None:
    assert peer.configuration()["EnableInsecureGuestLogons"] == "false"
    allow_guest(peer)
    assert peer.configuration()["EnableInsecureGuestLogons"] == "true"
    assert host.client.running["EnableInsecureGuestLogons"] is True
    assert host.registry.get_dword(PARAMETERS, "AllowInsecureGuestAuth") == 1
    assert host.requests == 3
    assert [row["method"] for row in host.messages] == ["GetConfiguration", "SetConfiguration", "GetConfiguration"]
    assert [row["status"] for row in host.messages] == [200, 200, 200]


def test_soap_fault_is_an_answer(host: InProcessHost, peer: Peer) -> None:
    reply = peer.invoke(SMB_CLIENT, "NoSuchMethod")
    assert reply.status == 500
    assert reply.fault_codes
    assert host.messages[-1]["status"] == 500


@pytest.mark.parametrize("acted", [False, True])
def test_cut_before_and_after_the_host_acted(host: InProcessHost, peer: Peer, acted: bool) -> None:
    host.inject("reset_after" if acted else "reset_before", at=[2])
    peer.configuration()
    with pytest.raises(ConnectionCut) as cut:
        allow_guest(peer)
    assert cut.value.acted is acted
    assert host.client.running["EnableInsecureGuestLogons"] is acted
    assert peer.configuration()["EnableInsecureGuestLogons"] == str(acted).lower()


@pytest.mark.parametrize("acted", [False, True])
def test_any_exception_strikes_at_a_request(host: InProcessHost, peer: Peer, acted: bool) -> None:
    host.interrupt(1, KeyboardInterrupt(), acted=acted)
    with pytest.raises(KeyboardInterrupt):
        allow_guest(peer)
    assert host.client.running["EnableInsecureGuestLogons"] is acted
    assert host.requests == 1


def test_faults_that_leave_no_answer(host: InProcessHost, peer: Peer) -> None:
    host.inject("hang")
    with pytest.raises(NoAnswer):
        peer.configuration()
    host.inject("http_503")
    with pytest.raises(BareAnswer, match="503"):
        peer.configuration()
    host.inject("refuse")
    host.inject("refuse")
    before = host.requests
    with pytest.raises(ConnectionRefusedError):
        peer.configuration()
    assert host.requests == before
    host.clear_faults()
    assert peer.configuration()["EnableInsecureGuestLogons"] == "false"


def test_everything_can_be_set_directly(host: InProcessHost, peer: Peer) -> None:
    host.registry.set(POLICY, "AllowInsecureGuestAuth", "REG_DWORD", 1)
    assert peer.configuration()["EnableInsecureGuestLogons"] == "true"
    host.client.running["EnableInsecureGuestLogons"] = False
    assert peer.configuration()["EnableInsecureGuestLogons"] == "false"
    host.edit(POLICY, "AllowInsecureGuestAuth", None, apply=False)
    assert host.registry.get(POLICY, "AllowInsecureGuestAuth") is None
    host.edit(PARAMETERS, "AllowInsecureGuestAuth", "1", "REG_SZ")
    assert host.registry.get(PARAMETERS, "AllowInsecureGuestAuth").type == "REG_SZ"  # type: ignore[union-attr]


def test_differences_are_exact(host: InProcessHost, peer: Peer) -> None:
    before = host.snapshot()
    assert differences(before, host.snapshot()) == []
    host.registry.create_key(r"HKLM\SOFTWARE\empty")
    host.registry.set(PARAMETERS, "Odd", "REG_QWORD", 1)
    middle = host.snapshot()
    host.registry.set(PARAMETERS, "Odd", "REG_DWORD", 1)
    assert len(differences(before, middle)) == 2
    (line,) = differences(middle, host.snapshot())
    assert "REG_QWORD" in line
    assert "REG_DWORD" in line
    assert differences(before, middle, ignoring=[r"HKLM\SOFTWARE\empty", PARAMETERS]) == []
    allow_guest(peer)
    assert any(
        line.startswith("smb_client / EnableInsecureGuestLogons") for line in differences(middle, host.snapshot())
    )


def test_save_and_load(host: InProcessHost, peer: Peer) -> None:
    add_task(host, "one", 5)
    before, saved = host.snapshot(), host.save()
    allow_guest(peer)
    host.advance(600)
    host.run_due_tasks()
    assert differences(before, host.snapshot())
    for _again in range(2):
        host.load(saved)
        assert differences(before, host.snapshot(), parts=before.keys() - {"clock"}) == []
        assert host.clock == START
        assert host.requests == 0
        allow_guest(peer)


def test_clock_goes_both_ways_and_tasks_wait_for_the_test(host: InProcessHost, peer: Peer) -> None:
    add_task(host, "late", 20)
    add_task(host, "early", 10)
    host.clock = START + timedelta(hours=1)
    host.clock = START - timedelta(days=3)
    assert host.run_due_tasks() == []
    host.clock = START + timedelta(minutes=30)
    arguments = {"sSubKeyName": r"SOFTWARE\order", "sValueName": "late"}
    assert peer.outputs(REGISTRY, "GetStringValue", **arguments)["ReturnValue"] == "2"
    assert host.run_due_tasks(order=lambda paths: sorted(paths, reverse=True)) == ["\\late", "\\early"]
    assert peer.outputs(REGISTRY, "GetStringValue", **arguments)["sValue"] == "1"
    assert [value.name for value in host.registry.values(r"HKLM\SOFTWARE\order")] == ["late", "early"]
    assert host.run_due_tasks() == []
    assert host.tasks == ["\\late", "\\early"]
