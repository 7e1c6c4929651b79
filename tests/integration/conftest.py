"""Fixtures of the integration tests: real ansible-playbook processes, and simulated Windows hosts for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from playbooks import Playbooks
from simulated_windows.client import Fleet


@pytest.fixture(scope="session")
def playbooks(tmp_path_factory: pytest.TempPathFactory) -> Playbooks:
    return Playbooks(tmp_path_factory.mktemp("playbooks"))


@pytest.fixture(scope="module")
def start_fleet() -> Iterator[Callable[[list[dict[str, Any]]], Fleet]]:
    """Starts fleets from a list of host entries; they end with the test file."""
    with ExitStack() as stack:
        yield lambda hosts: stack.enter_context(Fleet({"hosts": hosts}))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fleet", type=int, default=20, help="how many hosts the streaming tests have")
