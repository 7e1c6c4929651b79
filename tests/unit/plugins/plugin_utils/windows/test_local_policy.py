# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The local GPO of a simulated host: read, replaced, restored, and interrupted between any two steps."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError, HostUnreachable
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.registry_value import (
    RegistryType,
    RegistryValue,
    Stored,
    dword,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.local_gpo import LocalGpo
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.registry_pol import (
    RegistryPol,
    RegistryPolEntry,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.windows.local_policy import (
    LocalPolicy,
    stored,
    write_values,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.peer import Peer
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.session import Session
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.transports import CommandResult
from simulated_windows.files import FileProblem
from simulated_windows.in_process import InProcessHost
from simulated_windows.local_group_policy import FOLDER, GPT_INI, REGISTRY_POL, instructions
from simulated_windows.shell import interpreter

KEY, NAME = r"Software\Policies\Microsoft\Windows\LanmanWorkstation", "AllowInsecureGuestAuth"
ON = RegistryPolEntry.dword(KEY, NAME, 1)
ALLOW, CLEAR = {(KEY, NAME): ON}, {(KEY, NAME): None}
FOREIGN = RegistryPol((RegistryPolEntry("Software\\X", "Y", 4, b"\5\0\0\0"),))
FOREIGN_INI = b"; mine\n[General]\nVersion=65539\ngPCUserExtensionNames=[]\n"


class Cut(Exception):
    """The connection broke."""


@dataclass
class FileWire:
    """Commands and files of an in-process host. steps: what was asked. cut: number of the step, whether it was done."""

    host: InProcessHost
    peer: ClassVar[Peer] = Peer("http://host:5985/wsman", "winrm")
    operation_timeout: float = 20
    steps: list[str] = field(default_factory=list)
    cut: tuple[int, bool] | None = None

    def send(self, message: bytes) -> bytes:
        return self.host.answer(message)

    def reset(self) -> None:
        pass

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        cmd = interpreter(self.host.host, self.host.user)

        def one(command: Sequence[str]) -> CommandResult:
            done = self._step(" ".join(command), lambda: cmd.run_cmd_line(" ".join(command)))
            return CommandResult(done.exit_code, done.stdout, done.stderr)

        return [one(command) for command in commands]

    def put_file(self, content: bytes, path: str) -> None:
        self._step(f"put {path}", lambda: self.host.host.files.write(path, content))

    def fetch_file(self, path: str) -> bytes:
        return self._step(f"fetch {path}", lambda: self.host.host.files.read(path))

    def _step(self, what, act):
        self.steps.append(what)
        cut = self.cut if self.cut and self.cut[0] == len(self.steps) else None
        if cut and not cut[1]:
            raise Cut
        try:
            result = act()
        except FileProblem as problem:
            raise HostError(problem.text) from problem
        if cut:
            raise Cut
        return result


@pytest.fixture
def host() -> InProcessHost:
    return InProcessHost()


@pytest.fixture
def foreign(host: InProcessHost) -> InProcessHost:
    """A host whose local GPO somebody else has edited."""
    host.host.files.make_folder(rf"{FOLDER}\Machine")
    host.host.files.write(REGISTRY_POL, FOREIGN.to_bytes())
    host.host.files.write(GPT_INI, FOREIGN_INI)
    return host


def room(host: InProcessHost, cut: tuple[int, bool] | None = None) -> tuple[LocalPolicy, FileWire]:
    transport = FileWire(host, cut=cut)
    return LocalPolicy(Session(transport)), transport


def apply(host: InProcessHost, cut: tuple[int, bool] | None = None) -> FileWire:
    policy, transport = room(host, cut)
    policy.replace(policy.read().edit(ALLOW))
    return transport


def test_a_host_without_a_local_gpo(host: InProcessHost) -> None:
    before = host.snapshot()
    policy, transport = room(host)
    assert policy.read() == LocalGpo()
    policy.replace(LocalGpo())
    assert len(transport.steps) == 1, "one process shows that there is nothing to fetch or do"
    assert host.snapshot() == before


def test_the_first_entry_and_back(host: InProcessHost) -> None:
    policy, _transport = room(host)
    found = policy.read()
    policy.replace(found.edit(ALLOW))
    assert instructions(host.host.files.read(REGISTRY_POL)) == [(KEY, NAME, 4, b"\1\0\0\0")]
    assert b"Version=1\r\n" in host.host.files.read(GPT_INI)
    again, transport = room(host)
    gpo = again.read()
    assert gpo.is_read
    again.replace(gpo.edit(ALLOW))
    assert [step for step in transport.steps if not step.startswith(("echo", "fetch"))] == [], (
        "nothing is written twice"
    )
    again.replace(gpo.edit(CLEAR))
    assert not host.host.files.exists(REGISTRY_POL)
    assert host.host.files.read(GPT_INI) == b"[General]\r\nVersion=2\r\n"


def test_files_of_somebody_else_are_kept(foreign: InProcessHost) -> None:
    policy, transport = room(foreign)
    found = policy.read()
    policy.replace(found.edit(ALLOW))
    assert instructions(foreign.host.files.read(REGISTRY_POL))[0] == ("Software\\X", "Y", 4, b"\5\0\0\0")
    assert not [step for step in transport.steps if step.startswith("md")]
    policy.replace(policy.read().edit(CLEAR))
    assert foreign.host.files.read(REGISTRY_POL) == FOREIGN.to_bytes()
    assert foreign.host.files.read(GPT_INI).startswith(b"; mine\n[General]\n")
    assert b"Version=65541\ngPCUserExtensionNames=[]\n" in foreign.host.files.read(GPT_INI)


def test_written_beside_then_renamed_and_the_version_last(foreign: InProcessHost) -> None:
    steps = apply(foreign).steps
    assert [step.partition(" ")[0] for step in steps] == [
        "echo", "fetch", "fetch", "put", "put", "move",
    ]  # fmt: skip
    assert [step for step in steps if step.startswith("put")] == [
        rf"put {REGISTRY_POL}.winops_smb_guest", rf"put {GPT_INI}.winops_smb_guest",
    ]  # fmt: skip
    assert steps[5].index("Registry.pol") < steps[5].index(" && move /y ") < steps[5].index("gpt.ini")


def test_interrupted_anywhere_the_files_are_old_or_new_and_the_next_run_ends_it(foreign: InProcessHost) -> None:
    saved = foreign.save()
    count = len(apply(foreign).steps)
    finished = foreign.host.files.dump()
    for step in range(1, count + 1):
        for acted in (False, True):
            foreign.load(saved)
            with pytest.raises(HostUnreachable):
                apply(foreign, (step, acted))
            held = {path: foreign.host.files.read(path) for path in (REGISTRY_POL, GPT_INI)}
            gpo = LocalGpo.parse(held[REGISTRY_POL], held[GPT_INI])
            assert gpo.registry_pol in (FOREIGN, FOREIGN.set(ON))
            assert gpo.gpt_ini is not None
            assert gpo.gpt_ini.version.machine in (3, 4)
            assert gpo.gpt_ini.version.machine == 3 or gpo.registry_pol != FOREIGN, "the version never runs ahead"
            apply(foreign)
            assert foreign.host.files.dump() == finished


def test_a_file_in_use_is_reported_and_nothing_is_lost(foreign: InProcessHost) -> None:
    before = foreign.host.files.dump()
    foreign.host.files.in_use = {REGISTRY_POL}
    with pytest.raises(
        HostError, match=r"replacing files below C:\\Windows\\System32\\GroupPolicy: The process cannot"
    ):
        apply(foreign)
    assert foreign.host.files.dump() == before, "nor left beside"


def test_a_deletion_that_did_not_happen_is_found_out(host: InProcessHost) -> None:
    apply(host)
    host.host.files.in_use = {REGISTRY_POL}
    policy, _transport = room(host)
    gpo = policy.read()
    policy.replace(gpo.edit(CLEAR))
    assert policy.read().entry(KEY, NAME) == ON, "del tells no failure: who reads back finds it out"


@pytest.mark.parametrize("path", [REGISTRY_POL, GPT_INI])
def test_a_damaged_file_is_refused_and_kept(foreign: InProcessHost, path: str) -> None:
    foreign.host.files.write(path, b"PRag")
    before = foreign.snapshot()
    with pytest.raises(HostError, match=r"cannot be used: (Registry\.pol|gpt\.ini) .* Repair it with"):
        apply(foreign)
    assert foreign.snapshot() == before


@pytest.mark.parametrize(
    "answer", ["", "%SystemRoot%\r\n", 'C:\\Win"dows & del\r\n', "C:\\Windows\r\nother\r\n", "\x1b[2J"]
)
def test_a_root_that_is_none_goes_into_no_command(host: InProcessHost, answer: str) -> None:
    policy, transport = room(host)
    transport.run = lambda commands: [CommandResult(0, answer, "")]  # type: ignore[method-assign]
    with pytest.raises(HostError, match="when asked for %SystemRoot%") as caught:
        policy.read()
    assert str(caught.value).isprintable()


def test_who_is_no_administrator_gets_an_error(host: InProcessHost) -> None:
    host.user = next(user for user in host.host.spec.users if user.role == "user")
    with pytest.raises(HostError, match=r"replacing files below .*: Access is denied"):
        apply(host)


def test_refreshing(host: InProcessHost) -> None:
    apply(host)
    assert host.client.running["EnableInsecureGuestLogons"] is False
    policy, transport = room(host)
    policy.refresh()
    assert transport.steps == ["gpupdate.exe /target:computer"]
    assert host.client.running["EnableInsecureGuestLogons"] is True


# The files as a place of values

TEXT = "Ü €"
VALUES = [
    (RegistryType.REG_DWORD, 1),
    (RegistryType.REG_QWORD, 1 << 40),
    (RegistryType.REG_SZ, TEXT),
    (RegistryType.REG_EXPAND_SZ, "%SystemRoot%"),
    (RegistryType.REG_BINARY, b"\x00\xff"),
    (RegistryType.REG_MULTI_SZ, ("one", TEXT)),
    (RegistryType.REG_MULTI_SZ, ()),
]


def held(host: InProcessHost, name: str = NAME) -> Stored:
    return stored(room(host)[0].read(), KEY, name)


@pytest.mark.parametrize(("kind", "data"), VALUES)
def test_a_value_of_any_type_comes_back(host: InProcessHost, kind: RegistryType, data: Any) -> None:
    value = RegistryValue(kind, data)
    transport = FileWire(host)
    write_values(Session(transport), {(KEY, NAME): value, (KEY, "Other"): dword(0)})
    assert (held(host), held(host, "Other"), held(host, "None")) == (value, dword(0), None)
    host.host.refresh_policy({})
    carried = host.registry.get(f"HKLM\\{KEY}", NAME)
    assert carried is not None
    assert carried.type == kind.name, "the host's own reader agrees"
    write_values(Session(transport), {(KEY, NAME): None, (KEY, "Other"): None})
    assert not host.host.files.exists(REGISTRY_POL)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ((RegistryPolEntry(KEY, "**del." + NAME, 1, b" \0\0\0"),), r"\*\*del.AllowInsecureGuestAuth \(type 1\)"),
        ((ON, RegistryPolEntry.dword(KEY, NAME, 0)), r"AllowInsecureGuestAuth \(type 4\)"),
        ((RegistryPolEntry(KEY, NAME, 4, b"\1\0"),), r"type 4"),
        ((RegistryPolEntry(KEY, NAME, 99, b"\1\0"),), r"type 99"),
        ((RegistryPolEntry(KEY, NAME, 1, b"x"),), r"type 1"),
        ((RegistryPolEntry(KEY, NAME, 7, b"\0\xd8\0\0"),), r"type 7"),
    ],
)
def test_what_no_value_could_restore_is_shown_and_not_restorable(
    host: InProcessHost, entries: tuple[RegistryPolEntry, ...], said: str
) -> None:
    policy, _transport = room(host)
    gpo = policy.read().edit(ALLOW)
    policy.replace(LocalGpo(RegistryPol(entries), gpo.gpt_ini))
    value = held(host)
    assert value is not None
    assert not value.restorable
    assert re.search(said, str(value))


def test_what_no_client_reads_is_not_configured(foreign: InProcessHost) -> None:
    foreign.host.files.write(REGISTRY_POL, FOREIGN.set(ON).to_bytes())
    assert held(foreign) is None
    write_values(Session(FileWire(foreign)), {(KEY, NAME): dword(1)})
    assert held(foreign) == dword(1)
