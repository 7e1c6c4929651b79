"""The task scheduler over the wire: registering, finding, deleting, and tasks that run when the clock moves."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from simulated_windows.peer import Host, Peer, items_of, local, members
from simulated_windows.task_documents import moment, task_xml
from simulated_windows.task_xml import parse_duration

NAMESPACE = "root/Microsoft/Windows/TaskScheduler"
SCHEDULER = f"{NAMESPACE}/PS_ScheduledTask"
TASK = f"{NAMESPACE}/MSFT_ScheduledTask"
KEY = r"HKLM\SOFTWARE\winops\task"


def reg_add(name: str, value: int = 1) -> tuple[str, str]:
    return r"%SystemRoot%\System32\reg.exe", f'add "{KEY}" /v {name} /t REG_DWORD /d {value} /f'


def register(peer: Peer, xml: str, name: str = "undo", path: str = "\\winops\\", force: bool = False) -> Any:
    return peer.invoke(SCHEDULER, "RegisterByXml", Force=force, Xml=xml, TaskName=name, TaskPath=path)


def registered(peer: Peer, xml: str, **options: Any) -> None:
    assert register(peer, xml, **options).outputs()["ReturnValue"] == "0"


def names(host: Host) -> list[str]:
    return [task["path"] + task["name"] for task in host.state()["tasks"]]


def test_register_answers_the_task(host: Host, peer: Peer) -> None:
    settings = "<Hidden>true</Hidden><StartWhenAvailable>true</StartWhenAvailable>"
    xml = task_xml(reg_add("a"), settings=settings)
    output = register(peer, xml).outputs()["cmdletOutput"]
    shown = members(output)
    assert (shown["TaskName"], shown["TaskPath"], shown["State"]) == ("undo", "\\winops\\", "3")
    (task,) = host.state()["tasks"]
    assert (task["hidden"], task["start_when_available"], task["user"]) == (True, True, "S-1-5-18")
    assert task["actions"] == [dict(zip(("command", "arguments"), reg_add("a"), strict=True))]
    assert task["xml"] == xml


def test_the_streamed_output_may_be_missing(make_host: Any) -> None:
    peer = make_host(quirks={"cmdlet_output_missing": True}).peer()
    assert register(peer, task_xml(reg_add("a"))).outputs() == {"ReturnValue": "0"}


@pytest.mark.parametrize("path", ["\\winops\\", "\\winops", "winops"])
def test_find_by_query_and_delete_by_selectors(host: Host, peer: Peer, path: str) -> None:
    registered(peer, task_xml(reg_add("a")), path=path)
    registered(peer, task_xml(reg_add("a")), name="other", path="\\")
    query = "SELECT * FROM MSFT_ScheduledTask WHERE TaskName='undo'"
    (item,) = items_of(peer.enumerate(f"{NAMESPACE}/*", query))
    row = members(item)
    assert (row["TaskPath"], row["URI"]) == ("\\winops\\", "\\winops\\undo")
    assert [local(child) for child in row["Actions"]] == ["Id", "Arguments", "Execute", "WorkingDirectory"]
    escaped = "SELECT * FROM MSFT_ScheduledTask WHERE TaskPath='\\\\winops\\\\'"
    assert len(items_of(peer.enumerate(f"{NAMESPACE}/*", escaped))) == 1
    assert peer.transfer(TASK, "Delete", TaskName="undo", TaskPath="\\winops\\").status == 200
    assert names(host) == ["\\other"]
    assert peer.transfer(TASK, "Delete", TaskName="undo", TaskPath="\\winops\\").subcode == "a:DestinationUnreachable"
    assert peer.transfer(TASK, "Delete", TaskName="other").subcode == "w:InvalidSelectors"


def test_export_and_info(host: Host, peer: Peer) -> None:
    xml = task_xml(reg_add("a"))
    registered(peer, xml)
    where = {"TaskName": "undo", "TaskPath": "\\winops\\"}
    assert peer.outputs(SCHEDULER, "ExportByName", **where)["cmdletOutput"] == xml
    info = members(peer.outputs(SCHEDULER, "GetInfoByName", **where)["cmdletOutput"])
    assert (info["LastTaskResult"], info["LastRunTime"]) == (str(0x41303), None)
    assert len(info["NextRunTime"]) == 1
    assert peer.outputs(SCHEDULER, "StartByPath", **where) == {"ReturnValue": "0"}
    info = members(peer.outputs(SCHEDULER, "GetInfoByName", **where)["cmdletOutput"])
    assert info["LastTaskResult"] == "0"
    assert host.registry(KEY, "a") == 1
    assert peer.invoke(SCHEDULER, "ExportByName", TaskName="none", TaskPath="\\").fault_codes == [0x80070002]


def test_a_second_registration_needs_force(host: Host, peer: Peer) -> None:
    registered(peer, task_xml(reg_add("a")))
    assert register(peer, task_xml(reg_add("b"))).fault_codes == [0x800700B7]
    registered(peer, task_xml(reg_add("c")), name="UNDO", force=True)
    (task,) = host.state()["tasks"]
    assert "/v c " in task["actions"][0]["arguments"]


EXPIRY = "<DeleteExpiredTaskAfter>{}</DeleteExpiredTaskAfter>"
GOOD = task_xml(reg_add("a"))


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        ("<Task", 0x8004131A),
        (GOOD.replace("2004/02/mit/task", "other"), 0x80041317),
        (GOOD.replace("<Settings>", "<Strange/><Settings>"), 0x80041316),
        (task_xml(), 0x80041319),
        (task_xml(("", "x")), 0x80041319),
        (task_xml(reg_add("a"), start="tomorrow"), 0x80041318),
        (GOOD.replace("StartBoundary", "Other"), 0x80041316),
        (re.sub("<StartBoundary>.*</StartBoundary>", "", GOOD), 0x80041319),
        (task_xml(*[reg_add("a")] * 33), 0x8004131D),
        (task_xml(("x" * 261, "")), 0x80041318),
        (GOOD.replace("<Settings>", "<Settings><Loud>true</Loud>"), 0x80041316),
        (GOOD.replace("TimeTrigger", "SometimesTrigger"), 0x80041316),
        (GOOD.replace("<StartBoundary>", "<EndBoundary>2030-01-01T00:00:00Z</EndBoundary><StartBoundary>"), 0x80041316),
        (GOOD.replace("<StartBoundary>", "<Enabled>maybe</Enabled><StartBoundary>"), 0x80041318),
        (task_xml(reg_add("a"), settings="<Hidden>perhaps</Hidden>"), 0x80041318),
        (task_xml(reg_add("a"), end=moment(9), settings=EXPIRY.format("1 day")), 0x80041318),
        (task_xml(reg_add("a"), settings=EXPIRY.format("PT1H")), 0x80041319),
    ],
)  # fmt: skip
def test_bad_tasks_are_refused(host: Host, peer: Peer, xml: str, code: int) -> None:
    assert register(peer, xml).fault_codes == [code]
    assert names(host) == []


# The clock


def test_a_due_task_runs(host: Host, peer: Peer) -> None:
    registered(peer, task_xml(reg_add("a"), reg_add("b", 2), start=moment(3600)))
    host.control.advance_clock(host.name, 3500)
    assert host.registry(KEY, "a") is None
    host.control.advance_clock(host.name, 200)
    assert (host.registry(KEY, "a"), host.registry(KEY, "b")) == (1, 2)
    (task,) = host.state()["tasks"]
    assert (task["last_result"], task["next_run"]) == (0, None)


def test_a_task_runs_once(host: Host, peer: Peer) -> None:
    registered(peer, task_xml(reg_add("a"), start=moment(60)))
    host.control.advance_clock(host.name, 100)
    host.control.delete_registry(host.name, KEY)
    host.control.advance_clock(host.name, 100)
    assert host.registry(KEY, "a") is None


def test_real_time_counts_too(host: Host, peer: Peer) -> None:
    """A host needs no control call to notice that a task is due: asking it anything is enough."""
    host.control.advance_clock(host.name, 0.001)
    registered(peer, task_xml(reg_add("a"), start=moment(1)))
    while host.registry(KEY, "a") is None:
        assert datetime.now(UTC) < datetime.fromisoformat(host.state()["tasks"][0]["triggers"][0]) + timedelta(
            seconds=10
        )
    assert peer.get_dword(KEY.removeprefix("HKLM\\"), "a")["uValue"] == "1"


def test_local_time_without_offset(make_host: Any) -> None:
    host = make_host(timezone=120)
    # 01:30 from now on a clock that is two hours ahead of UTC: half an hour ago in UTC would be wrong
    local_start = (datetime.now(UTC) + timedelta(minutes=120 + 30)).strftime("%Y-%m-%dT%H:%M:%S")
    registered(host.peer(), task_xml(reg_add("a"), start=local_start))
    host.control.advance_clock(host.name, 29 * 60)
    assert host.registry(KEY, "a") is None
    host.control.advance_clock(host.name, 2 * 60)
    assert host.registry(KEY, "a") == 1


@pytest.mark.parametrize("available", [True, False])
def test_a_host_that_was_off(host: Host, peer: Peer, available: bool) -> None:
    settings = f"<StartWhenAvailable>{str(available).lower()}</StartWhenAvailable>"
    registered(peer, task_xml(reg_add("a"), start=moment(3600), settings=settings))
    host.control.advance_clock(host.name, 7200, powered_off=True)
    assert host.registry(KEY, "a") == (1 if available else None)
    assert host.state()["tasks"][0]["missed_runs"] == 1


def test_a_start_in_the_past_does_not_fire(host: Host, peer: Peer) -> None:
    registered(peer, task_xml(reg_add("a"), start=moment(-60)))
    host.control.advance_clock(host.name, 60)
    assert host.registry(KEY, "a") is None


@pytest.mark.parametrize("enable", [True, False])
def test_disabled_tasks_wait(host: Host, peer: Peer, enable: bool) -> None:
    registered(peer, task_xml(reg_add("a"), start=moment(60)))
    where = {"TaskName": "undo", "TaskPath": "\\winops\\"}
    peer.outputs(SCHEDULER, "DisableByName", **where)
    if enable:
        peer.outputs(SCHEDULER, "EnableByName", **where)
    host.control.advance_clock(host.name, 120)
    assert host.registry(KEY, "a") == (1 if enable else None)


def test_expired_tasks_are_deleted(host: Host, peer: Peer) -> None:
    settings = EXPIRY.format("PT10M")
    registered(peer, task_xml(reg_add("a"), start=moment(60), end=moment(120), settings=settings))
    host.control.advance_clock(host.name, 300)
    assert names(host) == ["\\winops\\undo"]
    host.control.advance_clock(host.name, 600)
    assert names(host) == []
    assert host.registry(KEY, "a") == 1


def test_a_task_that_deletes_itself(host: Host, peer: Peer) -> None:
    line = rf'/d /c reg.exe add "{KEY}" /v a /t REG_DWORD /d 1 /f & schtasks.exe /delete /tn "\winops\undo" /f'
    registered(peer, task_xml((r"%SystemRoot%\System32\cmd.exe", line), start=moment(60)))
    host.control.advance_clock(host.name, 120)
    assert host.registry(KEY, "a") == 1
    assert names(host) == []


@pytest.mark.parametrize(
    ("action", "result"),
    [
        ((r"C:\Tools\nothing.exe", ""), 0x80070002),
        (("powershell.exe", "-Command Frobnicate-Something"), 1),
        (("powershell.exe", "-File x.ps1"), 1),
        (("reg.exe", "nonsense"), 1),
        (("cmd.exe", "/c exit 9"), 9),
    ],
)
def test_the_result_of_the_last_action_is_kept(host: Host, peer: Peer, action: tuple[str, str], result: int) -> None:
    registered(peer, task_xml(reg_add("a"), action, start=moment(60)))
    host.control.advance_clock(host.name, 120)
    assert host.registry(KEY, "a") == 1
    assert host.state()["tasks"][0]["last_result"] == result


def test_a_task_of_an_ordinary_user_cannot_write_to_the_machine(host: Host, peer: Peer) -> None:
    registered(peer, task_xml(reg_add("a"), start=moment(60), user="user"))
    host.control.advance_clock(host.name, 120)
    assert host.registry(KEY, "a") is None
    assert host.state()["tasks"][0]["last_result"] == 1


def test_a_task_may_change_the_smb_client(host: Host, peer: Peer) -> None:
    parameters = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
    peer.outputs(
        "root/Microsoft/Windows/SMB/MSFT_SmbClientConfiguration", "SetConfiguration", EnableInsecureGuestLogons=True
    )
    line = f'add "{parameters}" /v AllowInsecureGuestAuth /t REG_DWORD /d 0 /f'
    registered(peer, task_xml(("reg.exe", line), start=moment(60)))
    assert host.running()["EnableInsecureGuestLogons"] is True
    host.control.advance_clock(host.name, 120)
    assert host.running()["EnableInsecureGuestLogons"] is False


@pytest.mark.parametrize(
    ("text", "seconds"), [("PT0S", 0), ("PT10M", 600), ("P1D", 86400), ("P1DT2H3M4S", 93784), ("PT1H", 3600)]
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "1H", "PT1", "P1H"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)
