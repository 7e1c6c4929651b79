"""What the gate makes of its sessions: quiet when all is good, the reason when not, and never good when nothing ran."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import gate
import pytest
import system_packages
from checkout import ROOT
from gate import Counts, Outcome, count, outcome, report

if TYPE_CHECKING:
    from collections.abc import Sequence

PASSED = '<testcase name="a"/>'
FAILED = '<testcase name="b"><failure message="no"/></testcase>'
ERROR = '<testcase name="c"><error message="no"/></testcase>'
SKIPPED = '<testcase name="d"><skipped message="no wine"/></testcase>'

NOXFILE = """
import sys
from pathlib import Path
import nox

JUNIT = Path(__file__).parent / "tests/output/junit"

@nox.session(python=False, tags=["gate"])
def one(session):
    session.run(sys.executable, "-c", "print('chatter of one')", stdout=open("log.txt", "w"))
    (JUNIT / "one").mkdir(parents=True, exist_ok=True)
    (JUNIT / "one/one.xml").write_text("<testsuite><testcase name='a'/></testsuite>")

@nox.session(python=False, tags=["gate"])
def two(session):
    print("the end of what two printed")
    session.error("failed: pytest")

@nox.session(python=False)
def three(session):
    session.skip("apt-get install no-such-package")

@nox.session(python=False)
def endless(session):
    session.run(sys.executable, "-c", "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); "
        "time.sleep(600)")
"""


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(gate, "OUTPUT", tmp_path / "tests" / "output")
    (tmp_path / "noxfile.py").write_text(NOXFILE)


def _outcomes(tmp_path: Path, selection: Sequence[str]) -> list[Outcome]:
    sessions = gate.run_nox(selection, live=False, noxfile=tmp_path / "noxfile.py")
    return [outcome(session, tmp_path / "tests/output/junit") for session in sessions]


@pytest.mark.parametrize(
    ("reports", "success", "expected"),
    [
        ([[PASSED, PASSED]], True, Counts(2)),
        ([[PASSED, FAILED, ERROR, SKIPPED]], False, Counts(1, 2, ("no wine",))),
        ([[PASSED], [PASSED, SKIPPED]], True, Counts(2, 0, ("no wine",))),
        pytest.param([[PASSED]], False, Counts(1, 1), id="crash after the report"),
        pytest.param([], False, Counts(0, 1), id="crash before any report"),
        pytest.param([], True, Counts(), id="nothing ran"),
        pytest.param([[FAILED]], True, Counts(0, 1), id="a report outweighs the status"),
    ],
)
def test_junit_files_and_result(tmp_path: Path, reports: list[list[str]], success: bool, expected: Counts) -> None:
    files = []
    for number, cases in enumerate(reports):
        file = tmp_path / f"{number}.xml"
        file.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
        files.append(file)
    assert count(files, success=success) == expected


def test_a_good_session_prints_nothing_and_a_failed_one_its_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outcomes = _outcomes(tmp_path, ["--tags", "gate"])
    printed = capsys.readouterr().out
    assert "chatter of one" not in printed
    assert "the end of what two printed" in printed
    assert "nox > " not in printed
    assert [each.counts for each in outcomes] == [Counts(passed=1), Counts(failed=1)]
    assert not report(outcomes, 1)
    assert re.search(r"^two .* failed: pytest$", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_session_without_its_packages_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, ci: str
) -> None:
    monkeypatch.setenv("CI", ci)
    outcomes = _outcomes(tmp_path, ["--sessions", "one", "three"])
    assert report(outcomes, 1) == (not ci)
    printed = capsys.readouterr().out
    assert "not run: apt-get install no-such-package" in printed
    assert printed.endswith("1 passed, 1 failed\n" if ci else "1 passed, 0 failed\n")


@pytest.mark.parametrize("counts", [Counts(), Counts(reasons=("no wine",))])
def test_a_stage_that_ran_no_test_is_not_good(capsys: pytest.CaptureFixture[str], counts: Counts) -> None:
    assert not report([Outcome("empty", counts), Outcome("unit", Counts(passed=1))], 1)
    assert capsys.readouterr().out.endswith("1 passed, 1 failed\n")


def test_the_table_gives_the_reasons_of_skipped_tests(capsys: pytest.CaptureFixture[str]) -> None:
    assert report([Outcome("unit", Counts(passed=3, reasons=("no wine", "no wine")))], 1)
    assert "skipped in unit: 2 x no wine" in capsys.readouterr().out


@pytest.mark.parametrize("user", [0, 1000])
def test_packages_are_installed_as_root_and_named_otherwise(monkeypatch: pytest.MonkeyPatch, user: int) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr("os.geteuid", lambda: user)
    monkeypatch.setattr(system_packages, "_install", lambda packages: asked.append(packages) or "no such package")
    monkeypatch.setattr(system_packages.shutil, "which", lambda name: f"/usr/bin/{name}")
    line = system_packages.missing(["no-such-package"])
    assert asked == ([["no-such-package"]] if user == 0 else [])
    assert line
    assert "apt-get install --no-install-recommends no-such-package" in line


def test_services_of_packages_are_not_enabled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wants, level = tmp_path / "systemd/system/multi-user.target.wants", tmp_path / "rc3.d"
    wants.mkdir(parents=True)
    level.mkdir()
    (wants / "cron.service").symlink_to("/lib/systemd/system/cron.service")
    (level / "S01cron").symlink_to("../init.d/cron")

    def install(_packages: list[str]) -> None:
        (wants / "smbd.service").symlink_to("/lib/systemd/system/smbd.service")
        (level / "S01smbd").symlink_to("../init.d/smbd")

    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr(system_packages, "ETC", tmp_path)
    monkeypatch.setattr(system_packages, "_install", install)
    monkeypatch.setattr(system_packages, "_installed", lambda _package: False)
    monkeypatch.setattr(system_packages.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert system_packages.missing(["samba"]) is None
    assert {path.name for path in wants.iterdir()} == {"cron.service"}
    assert {path.name for path in level.iterdir()} == {"S01cron", "K01smbd"}


def test_an_interrupted_gate_leaves_no_process(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tests/tools')!r}); import gate; from pathlib import Path;"
        f"gate.OUTPUT = Path({str(tmp_path)!r});"
        f"gate.run_nox(['--sessions', 'endless'], live=False, noxfile=Path({str(tmp_path / 'noxfile.py')!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": ""}) as running:
        while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
    worker = Path("/proc", (tmp_path / "pid").read_text(), "stat")
    assert not worker.exists() or worker.read_text().rpartition(")")[2].split()[0] == "Z"


def test_make_knows_every_stage() -> None:
    sessions = set(re.findall(r'^stage\("([a-z-]+)"', (ROOT / "noxfile.py").read_text(), re.MULTILINE))
    stages = re.search(r"^STAGES = ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert stages
    assert set(stages[1].replace("\\", "").split()) == sessions | set(gate.FROM_ANTSIBULL)
