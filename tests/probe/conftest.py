# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real Samba servers for the tests of the probe. Without the package they are not run, and in CI that is a failure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from system_packages import missing

from ansible_collections.winops.smb_guest.tests.probe.samba_server import PACKAGES, Samba, samba
from ansible_collections.winops.smb_guest.tests.probe.variants import PASSWORD, USER


@pytest.fixture(scope="session")
def samba_package() -> None:
    lacking = missing(PACKAGES)
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not run: {lacking}")


@pytest.fixture
def start(samba_package: None, tmp_path: Path) -> Iterator[Callable[[Mapping[str, str]], Samba]]:
    """Starts a server with these settings, and the account USER; all end with the test."""
    with ExitStack() as running:
        yield lambda settings: running.enter_context(
            samba(tmp_path / f"smbd{len(list(tmp_path.iterdir()))}", settings, {USER: PASSWORD})
        )
