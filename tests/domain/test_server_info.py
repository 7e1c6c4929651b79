# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The probe against a domain controller, whose accounts can be locked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.logon import LogonAccount
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.servers import Report, Target, probe_servers

SECONDS = 60.0
USER, PASSWORD = "probe-scans", "Correct-Horse-7"
# What locks an account here.
THRESHOLD = 2


@pytest.fixture
def lockable(dc: Any) -> Iterator[Any]:
    """A domain that locks accounts soon, with the account USER."""
    dc.tool("domain", "passwordsettings", "set", f"--account-lockout-threshold={THRESHOLD}")
    dc.tool("user", "create", USER, PASSWORD)
    yield dc
    dc.tool("user", "delete", USER)
    dc.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=0")


def _probe(dc: Any, servers: int, account: LogonAccount | None = None, **options: int) -> list[Report]:
    """The domain controller under several names, as so many members of its domain."""
    targets = [Target(f"member{number}", dc.address, 445) for number in range(servers)]
    return probe_servers(targets, SECONDS, account, **options)


def _bad_passwords(dc: Any) -> tuple[int, bool]:
    """How often the domain saw a wrong password of USER, and whether it has locked the account."""
    shown = dc.tool("user", "show", USER, "--attributes=badPwdCount,lockoutTime")
    count = re.search(r"badPwdCount: (\d+)", shown)
    return int(count[1]) if count else 0, bool(re.search(r"lockoutTime: [1-9]", shown))


def test_a_domain_controller(dc: Any) -> None:
    (report,) = _probe(dc, 1)
    result = report.as_dict()
    assert result["verdict"] == "accounts_only"
    assert set(result["mechanisms"]) == {"NTLM", "Kerberos"}
    assert result["guest"] == {"accepted": False, "status": "STATUS_LOGON_FAILURE (0xC000006D)"}
    assert result["signing"] == {"enabled": True, "required": True}
    assert result["anonymous"]["accepted"] is True
    assert (result["identity"]["netbios_domain"], result["identity"]["dns_domain"]) == (dc.netbios, dc.domain)


@pytest.mark.parametrize("form", ["{netbios}\\{user}", "{user}@{realm}", "{user}"])
def test_no_account_is_locked_whatever_the_number_of_servers(lockable: Any, form: str) -> None:
    name = form.format(netbios=lockable.netbios, realm=lockable.realm, user=USER)
    reports = _probe(lockable, 5, LogonAccount(name, "wrong"))
    assert [report.as_dict()["account"]["accepted"] for report in reports] == [False, None, None, None, None]
    count, locked = _bad_passwords(lockable)
    assert count <= 1
    assert not locked
    reports = _probe(lockable, 5, LogonAccount(name, PASSWORD))
    assert [report.as_dict()["account"]["accepted"] for report in reports] == [True] * 5


def test_what_would_lock_it(lockable: Any) -> None:
    """That the domain counts and locks: with the bound lifted, the same run locks the account."""
    reports = _probe(lockable, 5, LogonAccount(f"{lockable.netbios}\\{USER}", "wrong"), max_failed_logons=5)
    assert _bad_passwords(lockable)[1]
    assert "STATUS_ACCOUNT_LOCKED_OUT" in reports[-1].as_dict()["account"]["status"]
