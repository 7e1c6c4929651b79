# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which right is missing, by what the account is called and what was tried."""

from __future__ import annotations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    AccessDenied,
    HostState,
    SmbGuestError,
    leaving,
)

HOSTS = ("WS01.corp.example", "ws-alias")
LOCAL, DOMAIN, PLACE = "is a local account", "is a domain account", "UAC is not in the way"


@pytest.mark.parametrize(
    ("account", "words"),
    [
        ("admin", LOCAL),
        (None, LOCAL),
        ("", LOCAL),
        (".\\admin", LOCAL),
        ("localhost\\admin", LOCAL),
        ("LOCALHOST\\admin", LOCAL),
        ("WS01\\admin", LOCAL),
        ("ws01\\admin", LOCAL),
        ("WS-ALIAS\\admin", LOCAL),
        ("admin@ws01", LOCAL),
        ("CORP\\admin", DOMAIN),
        ("admin@corp.example", DOMAIN),
        ("corp.example\\admin", DOMAIN),
    ],
)
def test_whose_account_it_is(account: str | None, words: str) -> None:
    advice = AccessDenied("reading HKLM\\X").advice(account, HOSTS)
    assert words in advice
    assert [each for each in (LOCAL, DOMAIN, PLACE) if each in advice] == [words]


@pytest.mark.parametrize("account", ["admin", "CORP\\admin", None])
def test_a_write_after_reads_that_succeeded_is_about_the_place(account: str | None) -> None:
    advice = AccessDenied("writing HKLM\\X", writing=True).advice(account, HOSTS)
    assert PLACE in advice
    assert "permissions of the registry key" in advice
    assert "LocalAccountTokenFilterPolicy" not in advice


@pytest.mark.parametrize(
    ("inner", "outer", "kept"),
    [
        (None, HostState.NOTHING_WRITTEN, HostState.NOTHING_WRITTEN),
        (HostState.NOTHING_WRITTEN, HostState.PARTLY_WRITTEN, HostState.PARTLY_WRITTEN),
        (HostState.PARTLY_WRITTEN, HostState.NOTHING_WRITTEN, HostState.PARTLY_WRITTEN),
        (HostState.CHANGED, HostState.RESTORED, HostState.CHANGED),
        (HostState.PARTLY_WRITTEN, None, HostState.PARTLY_WRITTEN),
    ],
)
def test_of_nested_contexts_the_one_that_wrote_more_counts(
    inner: HostState | None, outer: HostState | None, kept: HostState
) -> None:
    with pytest.raises(SmbGuestError) as caught, leaving(outer), leaving(inner):
        raise SmbGuestError("x")
    assert caught.value.host_state is kept
