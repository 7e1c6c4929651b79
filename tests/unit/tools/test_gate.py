"""What the gate makes of its stages: quiet when all is good, the reason when not, and never good when nothing ran."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import runner
import system_packages
from checkout import CACHE
from counts import Counts
from processes import INTERRUPTS, Processes
from runner import Outcome, run_stages
from stages import STAGES, Check, Stage
from table import report


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(runner, "OUTPUT", tmp_path / "tests" / "output")
    monkeypatch.setattr("environment.Environment.ensure", lambda _self: CACHE)


def _stage(name: str, code: str, **more: Any) -> Stage:
    return Stage(name, lambda: [Check(name, [sys.executable, "-c", code])], **more)


def test_a_good_stage_says_nothing_and_a_failed_one_what_it_said(capsys: pytest.CaptureFixture[str]) -> None:
    stages = [_stage("one", "print('chatter of one')"), _stage("two", "print('chatter of two'); raise SystemExit(3)")]
    outcomes = run_stages(stages, Processes())
    said = capsys.readouterr().out
    assert "chatter of one" not in said
    assert "chatter of two" in said
    assert [outcome.counts for outcome in outcomes] == [Counts(passed=1), Counts(failed=1)]
    assert not report(outcomes, 1)
    assert "failed: two" in capsys.readouterr().out


def test_live_passes_everything_on(capsys: pytest.CaptureFixture[str]) -> None:
    run_stages([_stage("one", "print('chatter of one')")], Processes(live=True))
    assert "chatter of one" in capsys.readouterr().out


@pytest.mark.parametrize("ci", ["", "true"])
@pytest.mark.parametrize("user", [0, 1000])
def test_a_stage_without_its_packages_is_not_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, user: int, ci: str
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr(system_packages, "_install", lambda packages: asked.append(packages) or "no such package")
    monkeypatch.setattr(system_packages.shutil, "which", lambda name: f"/usr/bin/{name}")
    stages = [_stage("wine", "raise SystemExit(3)", packages=("no-such-package",)), _stage("unit", "")]
    outcomes = run_stages(stages, Processes())
    assert asked == ([["no-such-package"]] if user == 0 else [])
    assert report(outcomes, 1) == (not ci)
    said = capsys.readouterr().out
    assert "not run: " in said
    assert "apt-get install --no-install-recommends no-such-package" in said
    assert said.endswith("1 passed, 1 failed\n" if ci else "1 passed, 0 failed\n")


@pytest.mark.parametrize("counts", [Counts(), Counts(reasons=("no wine",))])
def test_a_stage_that_ran_no_test_is_not_good(capsys: pytest.CaptureFixture[str], counts: Counts) -> None:
    assert not report([Outcome("empty", counts), Outcome("unit", Counts(passed=1))], 1)
    assert capsys.readouterr().out.endswith("1 passed, 1 failed\n")


def test_the_table_says_why_tests_were_skipped(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([Outcome("unit", Counts(passed=3, reasons=("no wine", "no wine")))], 1)
    assert "skipped in unit: 2 x no wine" in capsys.readouterr().out


def test_stages_have_names_of_their_own_and_checks() -> None:
    assert len({stage.name for stage in STAGES}) == len(STAGES)
    assert all(stage.checks() for stage in STAGES)


def test_a_worker_that_outlives_its_check_is_ended(tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print(flush=True); time.sleep(600)"
    check = (
        "import subprocess, sys, pathlib, time\n"
        f"worker = subprocess.Popen([sys.executable, '-c', {deaf!r}], stdout=subprocess.PIPE)\n"
        "worker.stdout.readline()\n"
        f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(worker.pid))\n"
        "time.sleep(600)\n"
    )
    processes = Processes()
    handlers = {number: signal.getsignal(number) for number in INTERRUPTS}
    running = threading.Thread(
        target=processes.run, args=(Check("one", [sys.executable, "-c", check]), dict(os.environ), tmp_path / "log")
    )
    running.start()
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
        time.sleep(0.05)
    try:
        processes.stop()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    running.join(30)
    worker = Path("/proc", (tmp_path / "pid").read_text(), "stat")
    assert not worker.exists() or worker.read_text().rpartition(")")[2].split()[0] == "Z"
