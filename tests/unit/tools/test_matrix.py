"""Which Python each ansible-core is tried on."""

from __future__ import annotations

import re

import ansible_cores
import pytest
import yaml
from ansible_cores import ANSIBLE_CORES, newest_for
from checkout import ROOT
from matrix import assign_pythons
from pythons import Python


def pythons(*minors: int) -> list[Python]:
    return [Python((3, minor, 0), f"/python3.{minor}") for minor in minors]


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
    assigned = assign_pythons(list(ANSIBLE_CORES), pythons(*found))
    assert {core.minor: python and python.minor[1] for core, python in assigned} == expected


def test_newest_core_of_a_python() -> None:
    newest = {minor: newest_for((3, minor)) for minor in (10, 11, 13)}
    assert {minor: core and core.minor for minor, core in newest.items()} == {10: None, 11: "2.19", 13: "2.21"}


def test_a_release_candidate_is_the_newest_of_none(monkeypatch: pytest.MonkeyPatch) -> None:
    candidate = ansible_cores.AnsibleCore("2.30.0rc1", (3, 11), (3, 15))
    monkeypatch.setattr(ansible_cores, "ANSIBLE_CORES", (*ANSIBLE_CORES, candidate))
    assert newest_for((3, 13)) != candidate
    assert not candidate.is_released


def test_oldest_core_is_the_one_that_the_collection_requires() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert re.fullmatch(r">=(\d+\.\d+)\.0", runtime["requires_ansible"])[1] == ANSIBLE_CORES[0].minor
