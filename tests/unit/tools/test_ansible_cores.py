"""Which Python each ansible-core is tried on."""

from __future__ import annotations

import re
from pathlib import Path

import ansible_cores
import pytest
import yaml
from ansible_cores import ANSIBLE_CORES, Version, assign_pythons, find_pythons, newest_for, newest_python
from checkout import ROOT


def pythons(*minors: int) -> dict[Version, str]:
    return {(3, minor): f"/python3.{minor}" for minor in minors}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ((11, 12, 13), {"2.18": 11, "2.19": 12, "2.20": 13, "2.21": 12, "2.22": 13}),
        ((11,), {"2.18": 11, "2.19": 11, "2.20": None, "2.21": None, "2.22": None}),
        ((14,), {"2.18": None, "2.19": None, "2.20": 14, "2.21": 14, "2.22": 14}),
        ((8, 10), {"2.18": None, "2.19": None, "2.20": None, "2.21": None, "2.22": None}),
    ],
)
def test_pythons_are_spread_and_never_unsupported(found: tuple[int, ...], expected: dict[str, int | None]) -> None:
    assigned = assign_pythons(pythons(*found))
    assert {core.minor: python and python[1] for core, python in assigned.items()} == expected


def test_newest_core_of_a_python() -> None:
    newest = {minor: newest_for((3, minor)) for minor in (10, 11, 13)}
    assert {minor: core and core.minor for minor, core in newest.items()} == {10: None, 11: "2.19", 13: "2.21"}


def test_newest_python_and_its_core() -> None:
    core, python = newest_python(pythons(11, 12, 13))
    assert (core.minor, python) == ("2.21", (3, 13))
    with pytest.raises(SystemExit, match="make PYTHON="):
        newest_python(pythons(8, 10))


def test_a_release_candidate_is_the_newest_of_none(monkeypatch: pytest.MonkeyPatch) -> None:
    candidate = ansible_cores.AnsibleCore("2.30.0rc1", (3, 11), (3, 15))
    monkeypatch.setattr(ansible_cores, "ANSIBLE_CORES", (*ANSIBLE_CORES, candidate))
    assert newest_for((3, 13)) != candidate
    assert not candidate.is_released


def test_oldest_core_is_the_one_that_the_collection_requires() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    required = re.fullmatch(r">=(\d+\.\d+)\.0", runtime["requires_ansible"])
    assert required
    assert required[1] == ANSIBLE_CORES[0].minor


def test_shims_and_virtual_environments_are_no_pythons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pyenv/versions/3.7.1/bin", "shims", "venv/bin", "usr/bin"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        for minor in {"pyenv/versions/3.7.1/bin": (7,), "usr/bin": (7, 8, 9)}.get(name, (6,)):
            (folder / f"python3.{minor}").write_text("")
            (folder / f"python3.{minor}").chmod(0o755)
    (tmp_path / "usr/bin/python3.9").chmod(0o644)
    (tmp_path / "venv/pyvenv.cfg").write_text("")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}/shims:{tmp_path}/venv/bin:{tmp_path}/usr/bin")
    find_pythons.cache_clear()
    try:
        found = find_pythons()
    finally:
        find_pythons.cache_clear()
    assert found.pop((3, 7)) == str(tmp_path / "pyenv/versions/3.7.1/bin/python3.7")
    assert found.pop((3, 8)) == str(tmp_path / "usr/bin/python3.8")
    assert len(found) == 1  # the one that runs this
