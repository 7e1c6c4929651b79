"""How many answers are damaged, and by which seed; the seed is printed."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from damage import CHUNK

DEFAULT_ANSWERS = 10_000
_SEED = "WINOPS_MUTATION_SEED"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--answers", type=int, default=DEFAULT_ANSWERS, help="how many answers to damage")
    parser.addoption("--seed", type=int, help="repeat the damage of another run")


def pytest_configure(config: pytest.Config) -> None:
    # Workers inherit it: all of them take part in one run. In CI every run is the same.
    given = config.getoption("--seed", default=None)
    if given is not None or _SEED not in os.environ:
        os.environ[_SEED] = str(given if given is not None else 1 if os.environ.get("CI") else secrets.randbelow(2**32))


def pytest_report_header(config: pytest.Config) -> str:
    answers = config.getoption("--answers", default=DEFAULT_ANSWERS)
    return f"mutated: {answers} answers, seed {os.environ[_SEED]} (--answers, --seed)"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "chunk" in metafunc.fixturenames:
        answers = metafunc.config.getoption("--answers", default=DEFAULT_ANSWERS)
        metafunc.parametrize("chunk", range(-(-answers // CHUNK)))


@pytest.fixture
def seed() -> int:
    return int(os.environ[_SEED])
