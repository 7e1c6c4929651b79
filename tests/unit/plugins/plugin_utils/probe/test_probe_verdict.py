# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what was seen to a verdict: every row of the table, and whatever else may be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.messages import (
    DIALECTS,
    ENCRYPT_DATA,
    IS_GUEST,
    IS_NULL,
    Negotiated,
    Smb1Negotiated,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.peer import Failure
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.questions import LogonAnswer, Seen
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.servers import Report, Target
from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.verdict import (
    VERDICTS,
    GuestLogonBenefit,
    evidence,
    judge,
    signs_of_accounts,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.logon_status import LOGON_STATUSES, status_name

SMB = Negotiated("3.1.1", True, False, True, "AES-128-GCM", "guid", b"")
SIGNS = replace(SMB, signing_required=True)
PLAIN = replace(SMB, encryption=False, cipher=None)
OLD = Smb1Negotiated(False, False)
GUEST, LET_IN = LogonAnswer(0, IS_GUEST), LogonAnswer(0)
REFUSED, DENIED = LogonAnswer(0xC000006D), LogonAnswer(0xC0000022)
NOBODY = LogonAnswer(0, IS_NULL)
SILENT = LogonAnswer(None, failure=Failure.SILENT)
CUT_OFF = LogonAnswer(None, failure=Failure.CLOSED)
KERBEROS = ["Kerberos"]

TABLE = [
    ("unreachable", Seen(failure=Failure.UNRESOLVED)),
    ("unreachable", Seen(failure=Failure.REFUSED)),
    ("unreachable", Seen(failure=Failure.NO_ROUTE)),
    ("unreachable", Seen(failure=Failure.NO_CONNECTION)),
    ("no_answer", Seen(failure=Failure.SILENT)),
    ("no_answer", Seen(failure=Failure.CLOSED, smb1_asked=True)),
    ("no_answer", Seen(failure=Failure.DENIED)),
    ("not_smb", Seen(failure=Failure.FOREIGN, smb1_asked=True)),
    ("unclear", Seen(failure=Failure.NO_DIALECT, smb1_asked=True)),
    ("smb1_only", Seen(smb1=OLD)),
    ("guest_only_suspected", Seen(negotiated=SMB, unknown_user=GUEST)),
    ("guest_only_suspected", Seen(negotiated=SMB, unknown_user=GUEST, anonymous=LET_IN)),
    ("guest_only_suspected", Seen(negotiated=SMB, unknown_user=GUEST, failure=Failure.SILENT)),
    ("guest_only_suspected", Seen(negotiated=SMB, unknown_user=GUEST, account=GUEST)),
    ("guest_only_suspected", Seen(negotiated=SMB, unknown_user=GUEST, anonymous=DENIED)),
    ("guest_only_suspected", Seen(negotiated=PLAIN, unknown_user=GUEST, anonymous=DENIED)),
    ("guest_signing_required", Seen(negotiated=SIGNS, unknown_user=GUEST)),
    ("guest_signing_required", Seen(negotiated=SIGNS, unknown_user=GUEST, account=GUEST)),
    ("guest_offered", Seen(negotiated=SIGNS, unknown_user=GUEST, account=REFUSED)),
    ("guest_offered", Seen(negotiated=SIGNS, unknown_user=GUEST, mechanisms=["NTLM", "Kerberos"])),
    ("guest_offered", Seen(negotiated=SMB, unknown_user=GUEST, account=LET_IN)),
    ("guest_offered", Seen(negotiated=SMB, unknown_user=GUEST, account=LogonAnswer(0, ENCRYPT_DATA))),
    ("guest_offered", Seen(negotiated=SMB, unknown_user=GUEST, account=REFUSED)),
    ("guest_offered", Seen(negotiated=SMB, unknown_user=GUEST, mechanisms=["NTLM", "Kerberos"])),
    ("guest_only_suspected", Seen(negotiated=SMB, unknown_user=GUEST, account=NOBODY)),
    ("guest_unusable", Seen(negotiated=SMB, unknown_user=LogonAnswer(0, IS_GUEST | ENCRYPT_DATA))),
    ("guest_unusable", Seen(negotiated=SMB, unknown_user=DENIED, anonymous=DENIED)),
    ("accounts_only", Seen(negotiated=SMB, unknown_user=REFUSED)),
    ("accounts_only", Seen(negotiated=SMB, unknown_user=REFUSED, anonymous=DENIED)),
    ("accounts_only", Seen(negotiated=SMB, unknown_user=CUT_OFF, account=LET_IN)),
    ("accounts_only", Seen(negotiated=SMB, mechanisms=KERBEROS)),
    ("unclear", Seen(negotiated=PLAIN, unknown_user=DENIED, anonymous=DENIED)),
    ("unclear", Seen(negotiated=SMB, unknown_user=DENIED)),
    ("unclear", Seen(negotiated=SMB, unknown_user=LET_IN)),
    ("unclear", Seen(negotiated=SMB, unknown_user=LET_IN, account=LET_IN)),
    ("unclear", Seen(negotiated=SMB, unknown_user=CUT_OFF)),
    ("unclear", Seen(negotiated=SMB, unknown_user=LogonAnswer(0xC00000BB))),
    ("unclear", Seen(negotiated=SMB, unknown_user=NOBODY)),
    ("unclear", Seen(negotiated=SMB, unknown_user=SILENT, mechanisms=["NTLM", "Kerberos"], failure=Failure.SILENT)),
    ("unclear", Seen(negotiated=SMB)),
]


def _id(row: object) -> str | None:
    return row if isinstance(row, str) else None


@pytest.mark.parametrize(("verdict", "seen"), TABLE, ids=_id)
def test_verdict(verdict: str, seen: Seen) -> None:
    assert judge(seen).name == verdict
    assert evidence(seen)


def test_every_verdict_is_reached() -> None:
    assert {verdict for verdict, _seen in TABLE} == set(VERDICTS)


def test_only_a_server_without_a_sign_of_accounts_speaks_for_opening() -> None:
    assert [name for name, row in VERDICTS.items() if row.opening is GuestLogonBenefit.MAY_HELP] == [
        "guest_only_suspected"
    ]


def test_required_signing_alone_is_a_doubt() -> None:
    """It shows no account, and whether Windows uses a guest session there is not known."""
    seen = Seen(negotiated=SIGNS, unknown_user=GUEST)
    assert signs_of_accounts(seen) == []
    assert judge(seen).opening is GuestLogonBenefit.UNKNOWN
    assert "is not known" in judge(seen).advice
    assert "It requires signing, which a guest session cannot do." in evidence(seen)


ANSWERS = st.builds(LogonAnswer, st.sampled_from([*LOGON_STATUSES, 0x12345678]), st.integers(0, 7)) | st.builds(
    LogonAnswer, st.none(), st.just(0), st.sampled_from(Failure)
)
BOOL = st.booleans()
NEGOTIATED = st.builds(
    Negotiated, st.sampled_from(list(DIALECTS.values())), BOOL, BOOL, BOOL, st.none(), st.just("guid"), st.just(b"")
)
ANYTHING = st.builds(
    Seen,
    failure=st.none() | st.sampled_from(Failure),
    negotiated=st.none() | NEGOTIATED,
    smb1=st.none() | st.just(OLD),
    smb1_asked=BOOL,
    mechanisms=st.lists(st.sampled_from(["NTLM", "Kerberos", "NEGOEX"]), unique=True),
    unknown_user=st.none() | ANSWERS,
    anonymous=st.none() | ANSWERS,
    account=st.none() | ANSWERS,
)


@given(ANYTHING)
def test_whatever_is_seen(seen: Seen) -> None:
    """It gets a verdict, readable sentences, and a suspicion of guests alone never with a sign of accounts."""
    report = Report(Target("nas\x1b", "nas", 445), seen, judge(seen))
    result = report.as_dict()
    assert result["verdict"] in VERDICTS
    assert report.line().isprintable()
    assert all(sentence.isprintable() and sentence[0].isupper() for sentence in result["evidence"])
    assert result["server"].isprintable()
    if result["verdict"] == "guest_only_suspected":
        assert not signs_of_accounts(seen)
        assert result["guest"]["accepted"] is True
    if result["opening"] == "may_help":
        assert result["knows_accounts"] is None


def test_names_of_statuses() -> None:
    assert status_name(0xC000006D) == "STATUS_LOGON_FAILURE (0xC000006D)"
    assert status_name(0x12345678) == "0x12345678"
