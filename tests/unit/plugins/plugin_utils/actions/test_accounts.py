# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A refused account is not tried again, and a domain account that never worked is tried on few hosts at a time."""

from __future__ import annotations

import threading

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.accounts import (
    FIRST_TRIES,
    AccountRefused,
    Accounts,
    account_of,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostUnreachable


def rejected() -> HostUnreachable:
    error = HostUnreachable("rejected")
    error.kind = "credentials_are_rejected"
    return error


@pytest.mark.parametrize("user", ["CORP\\ops", "ops@corp.example"])
def test_a_domain_account_is_one_account_on_every_host(user: str) -> None:
    assert account_of("ws1", user, "a") == account_of("ws2", user, "a")
    assert account_of("ws1", user, "a") != account_of("ws1", user, "b")


@pytest.mark.parametrize("user", ["ops", ".\\ops", "Administrator"])
def test_a_local_account_is_another_one_on_the_next_host(user: str) -> None:
    assert account_of("ws1", user, "a") != account_of("ws2", user, "a")


def test_a_rejected_account_is_tried_again_only_under_another_password() -> None:
    accounts = Accounts()
    account = account_of("ws1", "CORP\\ops", "wrong")
    with pytest.raises(HostUnreachable), accounts.trying(account):
        raise rejected()
    with (
        pytest.raises(AccountRefused, match="ansible_password"),
        accounts.trying(account_of("ws2", "CORP\\ops", "wrong")),
    ):
        pytest.fail("it was tried")
    with accounts.trying(account_of("ws1", "CORP\\ops", "right")) as worked:
        worked()


def test_a_host_that_is_not_there_refuses_nobody() -> None:
    accounts = Accounts()
    account = account_of("ws1", "CORP\\ops", "right")
    with pytest.raises(HostUnreachable), accounts.trying(account):
        raise HostUnreachable("no route")
    assert not accounts.is_refused(account)


def test_of_500_hosts_few_try_a_wrong_password_of_the_domain() -> None:
    accounts, tries, refused = Accounts(), [], []
    begun = threading.Barrier(500)

    def host(number: int) -> None:
        account = account_of(f"ws{number}", "CORP\\ops", "wrong")
        begun.wait()
        try:
            with accounts.trying(account):
                tries.append(number)
                raise rejected()
        except AccountRefused:
            refused.append(number)
        except HostUnreachable:
            pass

    threads = [threading.Thread(target=host, args=(number,)) for number in range(500)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 <= len(tries) <= FIRST_TRIES
    assert len(tries) + len(refused) == 500


def test_an_account_that_worked_holds_nobody_up() -> None:
    accounts = Accounts()
    account = account_of("ws1", "CORP\\ops", "right")
    with accounts.trying(account) as worked:
        worked()
        for _host in range(FIRST_TRIES + 1):  # would wait for ever behind a gate
            conversation = accounts.trying(account)
            conversation.__enter__()
