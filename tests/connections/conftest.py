"""Fixtures of the connection tests: a realm, a proxy, and playbooks as the integration tests run them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from system_packages import missing

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from forward_proxy import ForwardProxy
from realm import PACKAGES, Realm

from playbooks import Playbooks


@pytest.fixture(scope="session")
def playbooks(tmp_path_factory: pytest.TempPathFactory) -> Playbooks:
    return Playbooks(tmp_path_factory.mktemp("playbooks"))


@pytest.fixture(scope="session")
def realm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Realm]:
    """A Kerberos realm on loopback; tests are skipped (under CI: fail) where MIT Kerberos cannot be installed."""
    lacking = missing(list(PACKAGES))
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not run: {lacking}")
    with Realm(tmp_path_factory.mktemp("realm")) as running:
        yield running


@pytest.fixture(scope="session")
def proxy() -> Iterator[ForwardProxy]:
    with ForwardProxy() as running:
        yield running
