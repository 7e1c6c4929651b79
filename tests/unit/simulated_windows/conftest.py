"""A fleet for all tests of this folder, and hosts on demand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from simulated_windows.client import Fleet
from simulated_windows.peer import Host, Peer

HostFactory = Callable[..., Host]
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _no_foreign_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    """pywinrm and requests would take these for their trust store."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    with Fleet({"hosts": [{"name": "ws-24h2", "preset": "windows_11_24h2_pro", "https": False}]}) as running:
        yield running


@pytest.fixture(scope="session")
def make_host(fleet: Fleet) -> HostFactory:
    """Start a new host: ``make_host(preset, **spec)``. Without TLS unless the spec asks for it."""

    def make(preset: str = "windows_11_24h2_pro", **spec: Any) -> Host:
        spec = {"name": f"host-{next(_numbers)}", "https": False, **spec, "preset": preset}
        ((name, ready),) = fleet.control.add_host(**spec).items()
        return Host(name, ready, fleet.control)

    return make


@pytest.fixture
def host(make_host: HostFactory) -> Host:
    """A fresh Windows 11 24H2 Pro."""
    return make_host()


@pytest.fixture
def peer(host: Host) -> Peer:
    """An administrator talking to ``host``."""
    return host.peer()
