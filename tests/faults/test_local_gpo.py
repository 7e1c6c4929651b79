# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scope local_gpo, interrupted at every request of a change and of its revert: no half file, no older version."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from in_process import session

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.configure import configure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import Host
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.plan import DesiredSetting, Rules
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.request import ChangeTerms, Request
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.revert import Selection, revert
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS, Scope
from simulated_windows.in_process import InProcessHost, differences
from simulated_windows.local_group_policy import FOLDER, GPT_INI, REGISTRY_POL, instructions

GUEST = SETTINGS["insecure_guest_logons"]
OURS = r"HKLM\SOFTWARE\winops"
FOREIGN = b"PReg\x01\0\0\0[\0" + "Software\\X\0;Y\0;".encode("utf-16-le") + b"\x04\0\0\0;\0\x04\0\0\0;\0\x05\0\0\0]\0"
INI = b"; kept\r\n[General]\r\nVersion=65543\r\n"


class Killed(BaseException):
    """The controller is gone."""


def edited_host() -> InProcessHost:
    """A host whose local GPO somebody has edited before."""
    host = InProcessHost()
    host.host.files.make_folder(rf"{FOLDER}\Machine")
    host.host.files.write(REGISTRY_POL, FOREIGN)
    host.host.files.write(GPT_INI, INI)
    return host


def untouched_host() -> InProcessHost:
    return InProcessHost()


def change(host: InProcessHost) -> None:
    rules = Rules((Scope.POLICY, Scope.LOCAL_GPO))
    request = Request([DesiredSetting(GUEST, True)], rules, ChangeTerms(change_id="opened", reason="test"))
    configure(Host(session(host)), request, check_mode=False)


def undo(host: InProcessHost) -> None:
    revert(Host(session(host)), Selection(change_id="opened"), force=False, check_mode=False)


def other_change(host: InProcessHost) -> None:
    """The next journaled run, which deals with what it finds; it changes nothing of its own."""
    request = Request(
        [DesiredSetting(SETTINGS["client_signing"], None)], Rules((Scope.LOCAL,)), ChangeTerms(reason="next")
    )
    configure(Host(session(host)), request, check_mode=False)


def version(host: InProcessHost) -> int:
    content = host.host.files.read(GPT_INI) if host.host.files.exists(GPT_INI) else b"Version=0"
    match = re.search(rb"^Version=(\d+)", content, re.MULTILINE)
    assert match, "a gpt.ini without a version"
    return int(match[1])


def entries(host: InProcessHost) -> list[Any]:
    """As the host's own reader has them: a damaged file is an error."""
    return instructions(host.host.files.read(REGISTRY_POL)) if host.host.files.exists(REGISTRY_POL) else []


def holds(host: InProcessHost, state: dict[str, Any], found: list[Any]) -> bool:
    """Whether the host is as it was in that state, the journal and the version aside."""
    return entries(host) == found and not differences(state, host.snapshot(), ignoring=[OURS])


@pytest.mark.parametrize("host_of", [untouched_host, edited_host])
@pytest.mark.parametrize("what", ["change", "undo"])
@pytest.mark.parametrize("how", ["reset_before", "reset_after", "killed before", "killed after"])
def test_interrupted_at_every_request(
    host_of: Callable[[], InProcessHost], what: str, how: str, tell: Callable[..., None]
) -> None:
    host = host_of()
    old, old_entries = host.snapshot(), entries(host)
    run = change
    if what == "undo":
        change(host)
        run = undo
    saved, before, before_entries, before_version = host.save(), host.snapshot(), entries(host), version(host)
    host.reset_counters()
    run(host)
    requests = host.requests
    after, after_entries = host.snapshot(), entries(host)
    assert requests > 30
    for at in range(1, requests + 1):
        host.load(saved)
        if how.startswith("killed"):
            host.interrupt(at, Killed(), acted=how == "killed after")
            with pytest.raises(Killed):
                run_and_die(host, run, at)
        else:
            host.inject(how, at=[at])
            with suppress(SmbGuestError):
                run(host)
        host.clear_faults()
        entries(host)
        assert version(host) >= before_version, f"request {at}: the version went back"
        if not (holds(host, before, before_entries) or holds(host, after, after_entries)):
            other_change(host)
        if what == "undo" and not holds(host, after, after_entries):
            undo(host)
        assert holds(host, before, before_entries) or holds(host, after, after_entries), f"request {at}: {how}"
    if what == "undo":
        assert (after_entries, differences(old, after, ignoring=[OURS])) == (old_entries, [])
    tell(faults=requests)


def run_and_die(host: InProcessHost, run: Callable[[InProcessHost], None], at: int) -> None:
    """From the request on no line of the controller reaches the host."""
    for later in range(at + 1, at + 400):
        host.interrupt(later, Killed(), acted=False)
    run(host)
