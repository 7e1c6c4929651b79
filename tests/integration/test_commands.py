"""The commands of guides and READMEs of roles, typed as they are written beside the files that the page names.

Each page has a host of its own, under the name that its `--limit` has. Commands of README and first steps are typed
in tests/first_steps, from the installed artefact.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from checkout import OUTPUT, ROOT, clean_environ

sys.path.insert(0, str(ROOT / "tests/first_steps"))

from page import Command, File, missing, steps

from playbooks import host_vars
from simulated_windows.client import Fleet

LIMIT = re.compile(r"--limit (\S+)")
SECONDS = 300
NOT_TYPED = ("xdg-open",)


class Page(NamedTuple):
    """before: commands that make what the page takes for granted.
    blocked: whether the host blocks guest logons after each command, as its text says; None where it says nothing."""

    blocked: tuple[bool | None, ...]
    before: tuple[str, ...] = ()
    preset: str = "windows_11_24h2_pro"


OLD = "windows_11_23h2_pro"
"""It allows guest logons as installed."""
ALLOW = (
    "ansible windows -i inventory -m winops.smb_guest.client_config -a "
    "'insecure_guest_logons=allowed client_signing=not_required change_id=20260301T081500Z-3f9a1c'"
)
PAGES = {
    "docs/guide-audit.md": Page((False, False, True), (), OLD),
    "docs/guide-change-reviews.md": Page((False, True), (), OLD),
    "docs/report.md": Page((None,)),
    "docs/verify-windows.md": Page((True, True)),
    "roles/audit_report/README.md": Page((None,), ("echo '[]' > exceptions.yml",)),
    "roles/enable_guest/README.md": Page((True,)),
    "roles/harden/README.md": Page((False,), (), OLD),
    "roles/revert/README.md": Page((False, True), (ALLOW,)),
}


def _host(page: str) -> str:
    """The simulated host of a page."""
    return re.sub(r"\W", "-", page)


class Reader:
    """Somebody in a folder with an inventory of one host."""

    def __init__(self, fleet: Fleet, page: str, folder: Path) -> None:
        self._fleet, self._folder, self.name = fleet, folder, _host(page)
        host = next(iter(LIMIT.findall((ROOT / page).read_text())), "ws-1")
        inventory = json.dumps({"windows": {"hosts": {host: host_vars(fleet, self.name)}}})
        for name in ("inventory", "inventory.yml"):
            (folder / name).write_text(inventory)

    def type(self, command: str) -> tuple[int, str]:
        """Status and output of a command."""
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=self._folder,
            env=clean_environ(Path(sys.executable).parent),
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        return done.returncode, done.stdout + done.stderr

    def succeed(self, command: str) -> str:
        status, output = self.type(command)
        assert status == 0, f"{command}\n{output}"
        return output

    def write(self, file: File) -> None:
        (self._folder / file.name).write_text(file.text)

    def blocked(self) -> bool:
        """Whether the host refuses guest logons: by the setting, or because it requires signing."""
        client: dict[str, Any] = self._fleet.control.state(self.name)["smb_client"]
        return not client["EnableInsecureGuestLogons"] or bool(client["RequireSecuritySignature"])


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    pages = {name: page.preset for name, page in PAGES.items()} | dict.fromkeys((NAS, REPLAY), "windows_11_24h2_pro")
    return start_fleet([{"name": _host(name), "preset": preset} for name, preset in pages.items()])


@pytest.mark.parametrize("name", PAGES)
def test_page(fleet: Fleet, tmp_path: Path, name: str) -> None:
    page = PAGES[name]
    reader = Reader(fleet, name, tmp_path)
    for command in page.before:
        reader.succeed(command)
    blocked = []
    for step in steps(ROOT / name):
        if isinstance(step, File):
            reader.write(step)
        elif not step.text.startswith(NOT_TYPED):
            output = reader.succeed(step.text)
            assert missing(step.answer, output) == []
            blocked.append(reader.blocked())
    assert len(blocked) == len(page.blocked)
    assert [found for found, said in zip(blocked, page.blocked, strict=True) if said not in (None, found)] == [], (
        blocked
    )


NAS = "docs/guide-nas-broke.md"


def test_the_nas(fleet: Fleet, tmp_path: Path) -> None:
    """With the hardening between: the message that the page shows, and the file that covers it."""
    reader = Reader(fleet, NAS, tmp_path)
    for step in steps(ROOT / NAS):
        if isinstance(step, File):
            reader.write(step)
    typed = [step.text for step in steps(ROOT / NAS) if isinstance(step, Command)]
    look, allow, cover = (text.replace("--limit ws-42", "") for text in typed)
    reader.succeed(look)
    assert reader.blocked()
    reader.succeed(allow)
    assert not reader.blocked()
    reader.succeed("ansible-playbook winops.smb_guest.harden -i inventory")
    assert reader.blocked()
    status, output = reader.type(allow)
    (shown,) = re.findall(r"^```text\n(.*?)^```$", (ROOT / NAS).read_text(), re.MULTILINE | re.DOTALL)
    assert status != 0
    for line in shown.splitlines():
        assert re.search(".*".join(map(re.escape, line.split("..."))), output.replace("\\\\", "\\")), output
    assert reader.blocked()
    reader.succeed(cover)
    assert not reader.blocked()
    reader.succeed("ansible-playbook close.yml -i inventory.yml")
    assert reader.blocked()


REPLAY = "docs/replay.md"
FOLDER = "/home/junior"
VARYING = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}|\d{4}(?:-\d\d){2}T\d\d(?::\d\d){2}Z")
"""Ids of changes, and times."""
LATER = {"look.yml": 15 * 86_400}
"""What is run after some seconds have passed, by its playbook."""


def _numbered(text: str) -> str:
    """With a number for each id and each time, the same for the same."""
    numbers: dict[str, str] = {}
    return VARYING.sub(lambda found: numbers.setdefault(found[0], f"<{len(numbers)}>"), text)


def test_the_replay(fleet: Fleet, tmp_path: Path) -> None:
    """Every line of the page; what the page should hold is left in tests/output/replay.md."""
    reader = Reader(fleet, REPLAY, tmp_path)
    page = replayed = (ROOT / REPLAY).read_text()
    own: dict[str, str] = {FOLDER: str(tmp_path)}
    for step in steps(ROOT / REPLAY):
        if isinstance(step, File):
            reader.write(step)
            continue
        for playbook in LATER.keys() & step.text.split():
            fleet.control.advance_clock(reader.name, LATER[playbook])
        command, answer = step.text, "\n".join(step.answer)
        for shown, actual in own.items():
            command = command.replace(shown, actual)
        output = "\n".join(line.rstrip() for line in reader.succeed(command).rstrip().splitlines())
        own |= zip(VARYING.findall(answer), VARYING.findall(output), strict=False)
        block = f"$ {step.text}\n{answer}".rstrip("\n")
        assert replayed.count(block) == 1
        replayed = replayed.replace(block, f"$ {command}\n{output}")
    replayed = replayed.replace(str(tmp_path), FOLDER)
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / "replay.md").write_text(replayed)
    assert _numbered(replayed) == _numbered(page)
    assert reader.blocked()
