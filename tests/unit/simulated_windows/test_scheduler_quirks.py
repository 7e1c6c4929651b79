"""The scheduler when it misbehaves: down, refusing, lying, half blind; boot triggers, power cuts, batteries."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from simulated_windows.in_process import START, InProcessHost
from simulated_windows.peer import Peer, Reply, members
from simulated_windows.task_documents import task_xml

NAMESPACE = "root/Microsoft/Windows/TaskScheduler"
SCHEDULER, TASK = f"{NAMESPACE}/PS_ScheduledTask", f"{NAMESPACE}/MSFT_ScheduledTask"
REG = r"C:\Windows\System32\reg.exe"
KEY = r"HKLM\SOFTWARE\ran"
QUERY = "SELECT * FROM MSFT_ScheduledTask WHERE TaskName='undo'"


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def document(minutes: int = 10, steps: tuple[str, ...] = ("one",), **options: Any) -> str:
    actions = [(REG, rf"add {KEY} /v {step} /t REG_DWORD /d 1 /f") for step in steps]
    return task_xml(*actions, start=stamp(START + timedelta(minutes=minutes)), **options)


def register(peer: Peer, xml: str, name: str = "undo") -> Reply:
    return peer.invoke(SCHEDULER, "RegisterByXml", Force=True, Xml=xml, TaskPath="\\winops\\", TaskName=name)


def by_name(peer: Peer, method: str = "GetInfoByName") -> Reply:
    return peer.invoke(SCHEDULER, method, TaskName="undo", TaskPath="\\winops\\")


def delete(peer: Peer) -> Reply:
    return peer.transfer(TASK, "Delete", TaskName="undo", TaskPath="\\winops\\")


def ran(host: InProcessHost) -> list[str]:
    return [value.name for value in host.registry.values(KEY)]


def with_boot_trigger(xml: str, start: datetime | None) -> str:
    boundary = f"<StartBoundary>{stamp(start)}</StartBoundary>" if start else ""
    return xml.replace("</Triggers>", f"<BootTrigger>{boundary}</BootTrigger></Triggers>")


@pytest.mark.parametrize(
    ("quirk", "code", "status"),
    [
        ("instance_not_found", 2150858752, None),
        ("status_1", 0x80070002, "1"),
        ("status_6", 0x80070002, "6"),
        ("element_not_found", 0x80070490, "6"),
    ],
)
def test_deleting_an_absent_task(quirk: str, code: int, status: str | None) -> None:
    host = InProcessHost(quirks={"delete_absent_task": quirk})
    peer = host.peer()
    for again in (False, True):
        reply = delete(peer)
        assert reply.status == 500
        assert code in reply.fault_codes
        found = re.search(rb"CIMStatusCode[^>]*>(\d+)<", reply.content)
        assert (found[1].decode() if found else None) == status
        assert register(peer, document()).status == 200
        # A lie looks the same, and the task is still there.
        host.set_quirks(delete_task_lies=not again)
        assert delete(peer).status == (200 if again else 500)
        assert host.tasks == ([] if again else ["\\winops\\undo"])
        host.set_quirks(delete_task_lies=False)
        delete(peer)


def test_scheduler_down() -> None:
    host = InProcessHost()
    peer = host.peer()
    register(peer, document())
    host.set_service("Schedule", "stopped")
    before = host.snapshot()
    replies = [
        register(peer, document(), "other"),
        delete(peer),
        by_name(peer),
        by_name(peer, "ExportByName"),
        peer.transfer(TASK, "Get", TaskName="undo", TaskPath="\\winops\\"),
        peer.enumerate(f"{NAMESPACE}/*", QUERY),
    ]
    assert [reply.fault_codes for reply in replies] == [[0x80041315]] * len(replies)
    host.advance(3600)
    assert host.run_due_tasks() == []
    assert {**host.snapshot(), "clock": None} == {**before, "clock": None}
    host.set_service("Schedule", "running")
    assert host.run_due_tasks() == ["\\winops\\undo"]


def test_registration_refused_leaves_nothing() -> None:
    host = InProcessHost(quirks={"registration_refused": True})
    assert register(host.peer(), document()).fault_codes == [0x80070005]
    assert host.tasks == []


def test_one_corrupt_task_spoils_the_enumeration_only() -> None:
    host = InProcessHost(quirks={"task_enumeration_fails": True})
    peer = host.peer()
    assert register(peer, document()).status == 200
    for reply in (peer.enumerate(TASK), peer.enumerate(f"{NAMESPACE}/*", QUERY)):
        assert reply.fault_codes == [0x80070002]
    information = members(by_name(peer).outputs()["cmdletOutput"])
    assert information["TaskName"] == "undo"
    assert "".join(information["NextRunTime"].itertext()) == "2026-03-02T12:10:00.000000Z"
    assert information["LastRunTime"] is None
    assert peer.transfer(TASK, "Get", TaskName="undo", TaskPath="\\winops\\").status == 200
    assert delete(peer).status == 200
    assert by_name(peer).fault_codes == [0x80070002]


def test_next_run_time_is_null_where_no_trigger_is_armed() -> None:
    host = InProcessHost()
    peer = host.peer()
    for xml in (
        document(minutes=-1),
        document().replace("<StartBoundary>", "<Enabled>false</Enabled><StartBoundary>"),
        document(settings="<Enabled>false</Enabled>"),
    ):
        register(peer, xml)
        assert members(by_name(peer).outputs()["cmdletOutput"])["NextRunTime"] is None


@pytest.mark.parametrize("strict", [False, True])
def test_the_order_of_the_parameters(strict: bool) -> None:
    peer = InProcessHost(quirks={"input_in_order": strict}).peer()
    named = {"TaskName": "undo", "TaskPath": "\\", "Force": True, "Xml": document()}
    in_order = {name: named[name] for name in ("Force", "Xml", "TaskPath", "TaskName")}
    assert peer.invoke(SCHEDULER, "RegisterByXml", **named).status == (500 if strict else 200)
    assert peer.invoke(SCHEDULER, "RegisterByXml", **in_order).status == 200


@pytest.mark.parametrize(
    ("quirk", "first", "last"), [("any", True, True), ("schema", True, False), ("export", False, True)]
)
def test_where_enabled_may_stand_in_a_trigger(quirk: str, first: bool, last: bool) -> None:
    peer = InProcessHost(quirks={"task_trigger_order": quirk}).peer()
    xml = document()
    enabled = "<Enabled>true</Enabled>"
    assert (register(peer, xml.replace("<StartBoundary>", f"{enabled}<StartBoundary>")).status == 200) is first
    assert (register(peer, xml.replace("</TimeTrigger>", f"{enabled}</TimeTrigger>")).status == 200) is last
    assert register(peer, xml).status == 200


def test_actions_run_in_order_and_the_limit_is_kept() -> None:
    host = InProcessHost()
    steps = tuple(f"step{number:02}" for number in range(32))
    xml = document(steps=steps, settings="<ExecutionTimeLimit>PT1H</ExecutionTimeLimit>")
    assert register(host.peer(), xml).status == 200
    (task,) = host.snapshot()["tasks"]
    assert task["execution_time_limit"] == 3600
    host.advance(600)
    host.run_due_tasks()
    assert tuple(ran(host)) == steps


@pytest.mark.parametrize(
    ("boundary", "boots_at", "expected"),
    [
        (None, 5, ["one"]),
        (10, 5, []),  # a boot before the boundary is too early
        (10, 15, ["one"]),
        (10, 60 * 24 * 30, ["one"]),
    ],
)
def test_boot_triggers(boundary: int | None, boots_at: int, expected: list[str]) -> None:
    host = InProcessHost()
    start = None if boundary is None else START + timedelta(minutes=boundary)
    assert register(host.peer(), with_boot_trigger(document(minutes=60 * 24 * 365), start)).status == 200
    host.boot(off=boots_at * 60)
    assert ran(host) == expected
    assert host.snapshot()["tasks"][0]["boot_triggers"] == [None if start is None else start.isoformat()]


def test_a_boot_trigger_fires_before_the_missed_start() -> None:
    host = InProcessHost()
    delete_itself = (r"C:\Windows\System32\schtasks.exe", r"/delete /tn \winops\undo /f")
    xml = task_xml((REG, rf"add {KEY} /v one /f"), delete_itself, start=stamp(START + timedelta(minutes=10)))
    register(host.peer(), with_boot_trigger(xml, START + timedelta(minutes=10)))
    host.boot(off=3600)
    assert ran(host) == ["one"]
    assert host.run_due_tasks() == []


def test_power_is_cut_in_the_middle_of_a_task() -> None:
    host = InProcessHost()
    peer = host.peer()
    steps = ("one", "two", "three")
    register(peer, with_boot_trigger(document(steps=steps), START))
    host.advance(600)
    host.cut_power_after(2)
    assert host.run_due_tasks() == ["\\winops\\undo"]
    assert ran(host) == ["one", "two"]
    with pytest.raises(ConnectionRefusedError):
        peer.configuration()
    host.boot(off=60)
    assert ran(host) == list(steps)
    assert peer.configuration()["EnableInsecureGuestLogons"] == "false"


@pytest.mark.parametrize("allowed", [False, True])
def test_a_host_on_batteries(allowed: bool) -> None:
    host = InProcessHost(quirks={"on_batteries": True})
    settings = "<StartWhenAvailable>true</StartWhenAvailable>"
    if allowed:
        settings += "<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>"
    register(host.peer(), document(settings=settings))
    host.advance(3600)
    host.run_due_tasks()
    assert ran(host) == (["one"] if allowed else [])
    host.set_quirks(on_batteries=False)
    host.run_due_tasks()
    assert ran(host) == ["one"]


@pytest.mark.parametrize(("end", "needed", "expected"), [(False, False, 1), (False, True, 0), (True, True, 1)])
def test_a_missed_start_may_need_an_end(end: bool, needed: bool, expected: int) -> None:
    host = InProcessHost(quirks={"missed_start_needs_end_boundary": needed})
    host.host.tasks_run_by_themselves = True
    limit = {"end": stamp(START + timedelta(days=9))} if end else {}
    register(host.peer(), document(settings="<StartWhenAvailable>true</StartWhenAvailable>", **limit))
    host.host.advance_clock(3600, powered_off=True)
    assert len(ran(host)) == expected


@pytest.mark.parametrize(("end", "needed", "expected"), [(False, False, 1), (False, True, 0), (True, True, 1)])
def test_a_start_that_was_slept_through(end: bool, needed: bool, expected: int) -> None:
    """As after a time without power, but for the boot trigger: to wake is no boot."""
    host = InProcessHost(quirks={"missed_start_needs_end_boundary": needed})
    host.host.tasks_run_by_themselves = True
    limit = {"end": stamp(START + timedelta(days=9))} if end else {}
    register(host.peer(), document(settings="<StartWhenAvailable>true</StartWhenAvailable>", **limit))
    booted = host.host.booted
    host.host.advance_clock(3600, asleep=True)
    assert len(ran(host)) == expected
    assert host.host.booted == booted
