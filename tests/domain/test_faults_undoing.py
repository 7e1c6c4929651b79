# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fault at every LDAP and SMB request of deleting a GPO and of undoing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conftest import Domain
from stories import NAMES, strike_all


@pytest.mark.parametrize("name", NAMES[3:])
def test_fault_at_every_request(domain: Domain, name: str, record_property: Callable[[str, object], None]) -> None:
    rounds = strike_all(domain, name)
    record_property("rounds", rounds)
    assert rounds > 10
