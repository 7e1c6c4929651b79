# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The end that the host carries out by itself: the task as it is rendered, run by the simulated Task Scheduler."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from itertools import permutations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.cell import Cell, CellValue
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.expiry import (
    expiry_task,
    render,
    task_fingerprint,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.stack import CellEnd, Choice
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostState, RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import (
    RegistryType,
    RegistryValue,
    dword,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.scheduled_task import register_task
from simulated_windows.in_process import InProcessHost

from ..engine import (
    AUDIT,
    BOTH,
    GUEST,
    GUEST_LOCAL,
    GUEST_POLICY,
    LOCAL,
    POLICY,
    SIGNING,
    SIGNING_LOCAL,
    change,
    engine,
    entry,
    held,
    moved,
    put,
    snapshot,
    status,
    tidy,
    undo,
)
from .ends import CHANGES, NAMESPACE, NOON, lines_of, one

CMD_LIMIT = 8191
"""The longest command line of cmd.exe (Microsoft: Command prompt line string limitation)."""
LAZY = {"running_follows_registry": False}


def pass_by(host: InProcessHost, hours: float, order: Callable[[list[str]], list[str]] | None = None) -> list[str]:
    host.advance(hours * 3600 + 1)
    return [path.rpartition("\\")[2] for path in host.run_due_tasks(order)]


# The task


def test_the_task() -> None:
    document = ET.fromstring(render("c1", NOON, [one(None)], ()))

    def texts(name: str) -> list[str | None]:
        return [found.text for found in document.iter(NAMESPACE + name)]

    triggers = document.find(NAMESPACE + "Triggers")
    assert triggers is not None
    assert [trigger.tag.removeprefix(NAMESPACE) for trigger in triggers] == ["TimeTrigger", "BootTrigger"]
    inner = [[part.tag.removeprefix(NAMESPACE) for part in trigger] for trigger in triggers]
    assert inner == [["StartBoundary", "EndBoundary"], ["StartBoundary"]]
    assert texts("StartBoundary") == ["2026-03-02T12:00:00Z"] * 2
    assert texts("EndBoundary") == ["2036-03-02T12:00:00Z"]
    table = {
        "UserId": "S-1-5-18",
        "ExecutionTimeLimit": "PT1H",
        "StartWhenAvailable": "true",
        "DisallowStartIfOnBatteries": "false",
        "StopIfGoingOnBatteries": "false",
        "MultipleInstancesPolicy": "IgnoreNew",
        "Command": "%SystemRoot%\\System32\\cmd.exe",
    }
    assert {name: texts(name) for name in table} == {name: [text] for name, text in table.items()}


def test_everything_is_started_by_its_full_path_and_powershell_once() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed", SIGNING: "not_required", AUDIT: "enabled"}, BOTH, name="x", hours=1)
    lines = " ".join(lines_of(expiry_task(snapshot(host).stack, entry(host, "x"))))
    programs = re.findall(r"(%SystemRoot%\\System32\\(?:WindowsPowerShell\\v1\.0\\)?)?\b(\w+)\.exe", lines)
    assert {name for _path, name in programs} == {"reg", "findstr", "powershell", "schtasks"}
    assert all(path for path, _name in programs)
    assert lines.count("powershell.exe") == 1
    first, then = lines.split("powershell.exe")
    assert "reg.exe delete" in first
    assert "reg.exe delete" in then


def test_no_command_holds_a_dollar_which_the_scheduler_may_read_as_an_escape_character() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed", SIGNING: "not_required", AUDIT: "enabled"}, BOTH, name="x", hours=1)
    assert "$" not in expiry_task(snapshot(host).stack, entry(host, "x"))


def test_what_no_command_line_can_carry_is_refused() -> None:
    texts = ['a"b', "a&b", "a|b", "%x%", "a>b", "a^b", "a!b", "a\nb", "\u00e4", "a(b)", "a'b", "\\"]
    values = [RegistryValue(kind, text) for text in texts for kind in (RegistryType.REG_SZ, RegistryType.REG_EXPAND_SZ)]
    values += [RegistryValue(RegistryType.REG_MULTI_SZ, lines) for lines in (("a", ""), ("",), ("a", '"'))]
    values += [RegistryValue(99, b"")]
    for value in values:
        with pytest.raises(RequestError, match=r"could not restore safely|cannot be restored") as caught:
            render("c1", NOON, [one(value)], ())
        assert caught.value.host_state is HostState.NOTHING_WRITTEN
    for bad in ("a&b", "nul", "a.", ""):
        with pytest.raises(RequestError, match="cannot name a change"):
            render(bad, NOON, [one(None)], ())


def test_what_cannot_be_distinguished_from_other_values_is_refused() -> None:
    for leaves in (RegistryValue(RegistryType.REG_SZ, "1"), RegistryValue(RegistryType.REG_DWORD, "1")):
        with pytest.raises(RequestError, match="could not tell"):
            render("c1", NOON, [CellEnd(GUEST_POLICY, CellValue(leaves), (), (Choice(CellValue(None)),))], ())


def test_a_value_that_an_end_cannot_restore_is_refused_before_anything_is_written_in_both_modes() -> None:
    host = InProcessHost()
    put(host, GUEST_POLICY, 'a"b', "REG_SZ")
    before = host.snapshot()
    for check in (True, False):
        with pytest.raises(RequestError, match=r"could not restore safely"):
            change(host, {GUEST: "blocked"}, (POLICY,), name="x", hours=1, check=check)
    assert moved(before, host) == []
    change(host, {GUEST: "blocked"}, (POLICY,), name="x", reason="without an end")
    undo(host, "x")
    assert moved(before, host) == []


def test_the_fingerprint_follows_the_text() -> None:
    texts = [render("c1", NOON, [one(stored)], ()) for stored in (None, dword(0), dword(1))]
    assert len({task_fingerprint(text) for text in texts}) == 3
    assert task_fingerprint(texts[0]) == task_fingerprint(render("c1", NOON, [one(None)], ()))


# On the simulated host


def test_every_type_comes_back_bit_for_bit() -> None:
    values: dict[str, RegistryValue | None] = {
        "absent": None,
        "dword": dword(7),
        "largest": dword(2**32 - 1),
        "text": RegistryValue(RegistryType.REG_SZ, "some text 1.0"),
        "empty text": RegistryValue(RegistryType.REG_SZ, ""),
        "expanded": RegistryValue(RegistryType.REG_EXPAND_SZ, "abc"),
        "binary": RegistryValue(RegistryType.REG_BINARY, b"\x00\xff\x10"),
        "no bytes": RegistryValue(RegistryType.REG_BINARY, b""),
        "lines": RegistryValue(RegistryType.REG_MULTI_SZ, ("a b", "c")),
        "qword": RegistryValue(RegistryType.REG_QWORD, 2**40),
    }
    for quirks in ({}, LAZY):
        for cell, scope in ((GUEST_LOCAL, LOCAL), (GUEST_POLICY, POLICY)):
            for name, value in values.items():
                host = InProcessHost(quirks=quirks)
                if value:
                    engine(host).registry.set_value(cell.key, cell.name, value)
                    host.client.running["EnableInsecureGuestLogons"] = name in ("dword", "largest")
                before = host.snapshot()
                word = "blocked" if name in ("dword", "largest") else "allowed"
                change(host, {GUEST: word}, (scope,), name="x", hours=1)
                assert moved(before, host) != []
                assert pass_by(host, 1) == ["x"]
                # What the end of a policy value cannot do is wake the client.
                skipped = "smb_client" if scope is POLICY else "nothing"
                left = [line for line in moved(before, host) if not line.startswith(skipped)]
                assert left == [], (name, cell.scope)
                assert status(host, "x") == "reverted"


def test_empty_keys_that_the_change_made_go_and_others_stay() -> None:
    for extra in (False, True):
        host = InProcessHost()
        before = host.snapshot()
        change(host, {GUEST: "allowed"}, (POLICY,), name="x", hours=1)
        if extra:
            host.edit(f"HKLM\\{GUEST_POLICY.key}", "SomebodyElse", 1)
        pass_by(host, 1)
        assert (moved(before, host) == []) is not extra
        assert held(host, GUEST_POLICY) is None


OVERLAPPING = (
    ({GUEST: "allowed", SIGNING: "not_required"}, BOTH),
    ({GUEST: "blocked", AUDIT: "enabled"}, BOTH),
    ({GUEST: "allowed", AUDIT: "disabled"}, BOTH),
)


def test_ends_come_in_any_order_and_leave_the_same() -> None:
    """Three changes over each other, every order of their ends; after each the topmost that stands decides."""
    for quirks in ({}, LAZY):
        host = InProcessHost(quirks=quirks)
        pristine = host.snapshot()
        for number, (words, scopes) in enumerate(OVERLAPPING):
            change(host, words, scopes, name=f"c{number}", hours=1)
        saved = host.save()
        for order in permutations(range(3)):
            host.load(saved)
            host.advance(3601)
            for position, number in enumerate(order):
                host.host.scheduler.run_due(only=f"\\winops\\smb_guest\\c{number}")
                standing = [other for other in range(3) if other not in order[: position + 1]]
                wanted = None if not standing else ("REG_DWORD", int(standing[-1] != 1))
                assert held(host, GUEST_LOCAL) == held(host, GUEST_POLICY) == wanted, (order, position)
            assert moved(pristine, host) == [], order
            assert {status(host, f"c{number}") for number in range(3)} == {"reverted"}


def test_beneath_what_lasts_an_end_writes_nothing_and_undoing_finds_the_ground() -> None:
    host = InProcessHost()
    pristine = host.snapshot()
    change(host, {GUEST: "allowed"}, BOTH, name="low", hours=1)
    change(host, {GUEST: "blocked"}, BOTH, name="harden", reason="r")
    before = host.snapshot()
    assert pass_by(host, 1) == ["low"]
    assert [line for line in moved(before, host) if not line.startswith("tasks")] == []
    assert (status(host, "low"), host.tasks) == ("reverted", [])
    undo(host, "harden")
    assert moved(pristine, host) == []


def test_what_somebody_else_set_since_is_left_and_noted() -> None:
    for value in (None, ("REG_DWORD", 0), ("REG_SZ", "1"), ("REG_DWORD", 0x11)):
        host = InProcessHost()
        change(host, {GUEST: "allowed", SIGNING: "not_required"}, BOTH, name="x", hours=1)
        put(host, GUEST_LOCAL, value and value[1], value[0] if value else "REG_DWORD")
        pass_by(host, 1)
        assert held(host, GUEST_LOCAL) == value
        assert held(host, GUEST_POLICY) is None
        assert held(host, SIGNING_LOCAL) is None
        found = entry(host, "x")
        assert (found.status.value, found.left_alone) == ("reverted", (GUEST_LOCAL,))
        assert found.note == (
            "expired: restored by the host itself; left as somebody else set it since: insecure_guest_logons (local)"
        )
        tidy(host)
        assert entry(host, "x") == found, "taken over as it was"
        assert host.registry.subkeys(CHANGES) == []


def test_a_value_that_was_deleted_for_a_time_comes_back_unless_somebody_else_set_one() -> None:
    for since, expected in ((None, 1), (0, 0)):
        host = InProcessHost(policy={"AllowInsecureGuestAuth": 1})
        change(host, {GUEST: "default"}, (POLICY,), name="x", hours=1)
        assert held(host, GUEST_POLICY) is None
        if since is not None:
            put(host, GUEST_POLICY, since)
        assert pass_by(host, 1) == ["x"]
        assert held(host, GUEST_POLICY) == ("REG_DWORD", expected)


def test_an_end_that_has_come_does_not_come_a_second_time() -> None:
    """Its task stayed; since then somebody has set what the change had left."""
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="x", hours=1)
    task = expiry_task(snapshot(host).stack, entry(host, "x"))
    assert pass_by(host, 1) == ["x"]
    put(host, GUEST_LOCAL, 1)
    register_task(engine(host).session, "x", task)
    host.boot()
    host.run_due_tasks()
    assert (held(host, GUEST_LOCAL), host.tasks) == (("REG_DWORD", 1), [])


def test_an_end_counts_one_that_is_at_work_as_ended() -> None:
    """Of two at once at least one sees the other, so neither brings back what the other takes away."""
    for at_work, expected in ((False, ("REG_DWORD", 1)), (True, None)):
        host = InProcessHost()
        change(host, {GUEST: "allowed"}, name="low", hours=2)
        change(host, {GUEST: "blocked"}, name="high", hours=1)
        if at_work:
            host.registry.create_key(rf"{CHANGES}\low~ending")
        assert pass_by(host, 1) == ["high"]
        assert held(host, GUEST_LOCAL) == expected


def test_policy_values_alone_need_no_powershell() -> None:
    """Where it is locked down, such an end has nothing to fail by."""
    for keys, starts in (((), 0), ((GUEST_POLICY.key,), 1)):
        assert " ".join(lines_of(render("c1", NOON, [one(None)], keys))).count("powershell.exe") == starts


def test_client_and_server_are_distinguished_by_an_end() -> None:
    """Their values have the same name, and one of them is somebody else's by then."""
    server = Cell.named("server_signing", "local")
    for foreign, ours in ((SIGNING_LOCAL, server), (server, SIGNING_LOCAL)):
        host = InProcessHost(parameters={"RequireSecuritySignature": 0})
        put(host, server, 0)
        change(host, {SIGNING: "required", "server_signing": "required"}, name="x", hours=1)
        put(host, foreign, 2)
        assert pass_by(host, 1) == ["x"]
        assert (held(host, foreign), held(host, ours)) == (("REG_DWORD", 2), ("REG_DWORD", 0))


def test_a_temporary_block_does_not_reopen_what_was_closed_since() -> None:
    """The cover left the cell as somebody else's: what lies beneath does not touch it either."""
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="open", hours=2)
    change(host, {GUEST: "blocked"}, name="block", hours=1)
    put(host, GUEST_LOCAL, 1)  # as if the administrator had decided so
    pass_by(host, 1)
    pass_by(host, 1)
    assert held(host, GUEST_LOCAL) == ("REG_DWORD", 1)
    assert entry(host, "open").left_alone == (GUEST_LOCAL,)


@pytest.mark.parametrize("how", ["powered_off", "asleep"])
@pytest.mark.parametrize("quirks", [{}, {"missed_start_needs_end_boundary": True}])
def test_an_expiry_that_was_missed_comes_when_the_host_is_awake_again(how: str, quirks: dict[str, bool]) -> None:
    """To wake is no boot, so the boot trigger of the task does not cover a host that was asleep."""
    host = InProcessHost(quirks={**LAZY, **quirks})
    before = host.snapshot()
    change(host, {GUEST: "allowed"}, BOTH, name="x", hours=1)
    host.host.tasks_run_by_themselves = True
    host.host.advance_clock(7200, **{how: True})
    assert (status(host, "x"), host.tasks, held(host, GUEST_LOCAL)) == ("reverted", [], None)
    # What cannot be done without a restart is to make the client read the policy again.
    assert [line for line in moved(before, host) if not line.startswith("smb_client")] == []


@pytest.mark.parametrize(
    "quirks", [{"constrained_language": True}, {"dollar_is_an_escape": True}, {"set_refused_by_policy": True}]
)
def test_an_expiry_where_powershell_or_the_scheduler_is_stricter(quirks: dict[str, bool]) -> None:
    host = InProcessHost(quirks={**LAZY, **quirks})
    before = host.snapshot()
    change(host, {GUEST: "allowed", SIGNING: "not_required"}, name="low", hours=2)
    change(host, {GUEST: "blocked", SIGNING: "required"}, name="high", hours=1)
    host.edit(f"HKLM\\{GUEST_POLICY.key}", "SomebodyElse", 1)
    for name in ("high", "low"):
        assert pass_by(host, 1) == [name]
        assert status(host, name) == "reverted"
        assert host.client.running["EnableInsecureGuestLogons"] is (name == "high")
    assert [line for line in moved(before, host) if "SomebodyElse" not in line] == []


def test_a_command_that_fails_is_reported_and_tried_again_when_the_host_starts() -> None:
    host = InProcessHost(quirks=LAZY)
    before = host.snapshot()
    change(host, {GUEST: "allowed"}, name="x", hours=1)
    host.set_service("LanmanWorkstation", "stopped")
    pass_by(host, 1)
    assert status(host, "x") == "failed"
    assert entry(host, "x").note == "its end failed on the host, which tries again when it starts"
    assert host.tasks == ["\\winops\\smb_guest\\x"]
    host.set_service("LanmanWorkstation", "running")
    host.boot()
    assert (status(host, "x"), host.tasks, moved(before, host)) == ("reverted", [], [])


def test_under_a_policy_the_service_need_not_follow() -> None:
    host = InProcessHost(quirks={**LAZY, "set_refused_by_policy": True})
    change(host, {GUEST: "allowed"}, name="x", hours=1)
    put(host, GUEST_POLICY, 0)
    pass_by(host, 1)
    assert (status(host, "x"), held(host, GUEST_LOCAL)) == ("reverted", None)


def test_the_power_goes_at_every_command_and_the_next_start_finishes() -> None:
    for quirks in ({}, LAZY):
        host = InProcessHost(quirks=quirks)
        put(host, SIGNING_LOCAL, "x", "REG_SZ")
        pristine = host.snapshot()
        change(host, {GUEST: "allowed", SIGNING: "not_required"}, BOTH, name="c0", hours=1)
        change(host, {GUEST: "blocked", AUDIT: "enabled"}, BOTH, name="c1", hours=2)
        host.advance(2 * 3600 + 1)
        saved, cuts = host.save(), 0
        for processes in range(400):
            host.load(saved)
            host.cut_power_after(processes)
            host.run_due_tasks()
            if host.host.is_on:
                break
            cuts += 1
            host.boot()
            host.run_due_tasks()
            assert moved(pristine, host) == [], processes
            assert {status(host, "c0"), status(host, "c1")} == {"reverted"}, processes
        assert cuts > 60


def test_a_cut_in_the_second_attempt_as_well() -> None:
    host = InProcessHost(quirks=LAZY)
    pristine = host.snapshot()
    change(host, {GUEST: "allowed"}, BOTH, name="x", hours=1)
    host.advance(3601)
    saved = host.save()
    for first in range(0, 30, 3):
        for second in range(0, 30, 3):
            host.load(saved)
            for processes in (first, second):
                host.cut_power_after(processes)
                host.run_due_tasks()
                host.boot()
            host.boot()
            host.run_due_tasks()
            assert (moved(pristine, host), status(host, "x")) == ([], "reverted"), (first, second)


def test_while_the_host_is_ending_a_change_the_journal_says_so() -> None:
    host = InProcessHost()
    change(host, {GUEST: "allowed"}, name="x", hours=1)
    host.advance(3601)
    host.cut_power_after(6)
    host.run_due_tasks()
    host.host.boot()
    host.host.scheduler.tasks.clear()
    host.registry.create_key(CHANGES + r"\x~ending")
    host.registry.delete_key(CHANGES + r"\x~reverted")
    assert status(host, "x") == "reverting"
    undo(host, "x")
    assert (held(host, GUEST_LOCAL), status(host, "x")) == (None, "reverted")


def test_a_long_end_is_several_commands_that_run_in_order() -> None:
    host = InProcessHost(quirks=LAZY)
    words = dict.fromkeys((AUDIT, "server_audit_insecure_guest_logons", "audit_server_without_signing"), "enabled")
    before = host.snapshot()
    for number in range(5):
        flipped = dict.fromkeys(words, ("enabled", "disabled")[number % 2])
        state = "allowed" if number % 2 == 0 else "blocked"
        change(host, {**flipped, GUEST: state}, BOTH, name=f"a-rather-long-name-{number}", hours=5 - number / 2)
    stack = snapshot(host).stack
    texts = [expiry_task(stack, found) for found in stack.standing]
    assert max(len(lines_of(text)) for text in texts) > 1
    assert all(len("cmd.exe " + line) < CMD_LIMIT for text in texts for line in lines_of(text))
    assert len(pass_by(host, 6)) == 5
    assert moved(before, host) == []


def test_more_actions_than_a_task_holds_are_refused() -> None:
    """One action for each line that cmd.exe takes: 32 of them are a task (MS-TSCH), 33 are none."""
    choices = tuple(Choice(CellValue(dword(1)), f"{'x' * 60}{number}") for number in range(6))
    end = CellEnd(GUEST_POLICY, CellValue(dword(1)), (), (*choices, Choice(CellValue(None))))
    assert len(lines_of(render("c1", NOON, [end] * 32, ()))) == 32
    with pytest.raises(RequestError, match="takes 33 actions, and a scheduled task holds at most 32") as caught:
        render("c1", NOON, [end] * 33, ())
    assert caught.value.host_state is HostState.NOTHING_WRITTEN


def test_too_many_over_each_other_are_refused() -> None:
    choices = tuple(Choice(CellValue(dword(1)), f"{'x' * 60}{number}") for number in range(60))
    end = CellEnd(GUEST_POLICY, CellValue(dword(1)), (), (*choices, Choice(CellValue(None))))
    with pytest.raises(RequestError, match="too many changes that expire lie over each other"):
        render("c1", NOON, [end], ())
