# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From what was seen of an SMB server to a verdict, its evidence and an advice. Pure.

The verdict rests on whether the server accepts a random unknown user as guest. Neither the
anonymous logon (Samba accepts it whatever it thinks of guests) nor required signing (Samba waives it for guests)
decides that. Whether a server that accepts guests knows accounts besides cannot be seen without trying one, and a
guessed account could be locked: signs are all there is, and where there is none the verdict is a suspicion. Measured
with Samba 4.17; MS-SMB2 3.3.5.5.3 on the flags of a session.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from ..tables.logon_status import ACCESS_DENIED, LOGON_STATUSES, status_name
from .peer import Failure
from .questions import LogonAnswer, Seen

_UNREACHABLE = {Failure.UNRESOLVED, Failure.REFUSED, Failure.NO_ROUTE, Failure.NO_CONNECTION}


class GuestLogonBenefit(Enum):
    """Whether a client that allows insecure guest logons would gain access to the server."""

    MAY_HELP = "may_help"
    POINTLESS = "pointless"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Verdict:
    """A row of the table. applies: to what was seen; the first row that does is the verdict."""

    name: str
    meaning: str
    applies: Callable[[Seen], bool]
    opening: GuestLogonBenefit
    advice: str


def signs_of_accounts(seen: Seen) -> list[str]:
    """Why the server seems to know accounts, a sentence each; empty where nothing shows it, which proves nothing."""
    unknown, account = seen.unknown_user, seen.account
    signs = []
    if account and account.itself:
        signs.append("It accepts the account that was tried.")
    if account and _looked_up(account):
        signs.append(f"It refuses the account that was tried: {_status(account)}.")
    if unknown and _looked_up(unknown):
        signs.append(f"It refuses an unknown user: {_status(unknown)}.")
    if "Kerberos" in seen.mechanisms:
        signs.append("It offers Kerberos, which only accounts of a domain can use.")
    if demands_encryption(seen):
        signs.append("It wants encryption, which a guest session cannot do.")
    return signs


def demands_encryption(seen: Seen) -> bool:
    """Whether sessions are to be encrypted: one that was set up says so; without one, a server that can, and denies."""
    answers = [answer for answer in (seen.unknown_user, seen.anonymous, seen.account) if answer]
    if any(answer.accepted for answer in answers):
        return any(answer.encrypted for answer in answers)
    can = bool(seen.negotiated and seen.negotiated.encryption)
    return can and seen.anonymous is not None and seen.anonymous.status == ACCESS_DENIED


def evidence(seen: Seen) -> list[str]:
    """What speaks for the verdict, a sentence each."""
    if seen.negotiated is None and seen.smb1 is None:
        return [_sentence(seen.failure)] if seen.failure else []
    if seen.negotiated is None:
        return ["It speaks SMB1 and no newer dialect."]
    remarks = []
    unknown = seen.unknown_user
    if unknown is None:
        remarks.append("It does not offer NTLM: there is no guest logon without.")
    elif unknown.accepted:
        remarks.append(_GUEST[unknown.guest, unknown.encrypted])
    elif unknown.failure:
        remarks.append(f"It does not answer the logon of an unknown user: {unknown.failure.value}.")
    elif not _looked_up(unknown):
        remarks.append(f"It answers the logon of an unknown user with {_status(unknown)}.")
    if seen.account and seen.account.guest:
        remarks.append("It accepts the account that was tried as guest, too.")
    remarks += signs_of_accounts(seen)
    if _requires_signing(seen):
        remarks.append("It requires signing, which a guest session cannot do.")
    if seen.failure:
        remarks.append(f"It was not asked everything: {seen.failure.value}.")
    return remarks


_GUEST = {
    (True, False): "It accepts an unknown user as guest.",
    (True, True): "It accepts an unknown user as guest and wants the session encrypted, which no guest session can be.",
    (False, False): "It accepts an unknown user, and does not call that a guest.",
    (False, True): "It accepts an unknown user, and does not call that a guest.",
}


def judge(seen: Seen) -> Verdict:
    """The verdict."""
    return next(row for row in VERDICTS.values() if row.applies(seen))


def _sentence(failure: Failure) -> str:
    return failure.value[0].upper() + failure.value[1:] + "."


def _status(answer: LogonAnswer) -> str:
    return "no answer" if answer.status is None else status_name(answer.status)


def _looked_up(answer: LogonAnswer) -> bool:
    known = LOGON_STATUSES.get(answer.status) if answer.status is not None else None
    return bool(known and known.looked_up)


def _no_smb(seen: Seen, *failures: Failure) -> bool:
    return seen.negotiated is None and seen.smb1 is None and seen.failure in failures


def _guest(seen: Seen) -> bool:
    return bool(seen.unknown_user and seen.unknown_user.guest)


def _requires_signing(seen: Seen) -> bool:
    return bool(seen.negotiated and seen.negotiated.signing_required)


def _guest_needs_encryption(seen: Seen) -> bool:
    """Guests are mapped, and encryption keeps them out: flagged so, or denied where a name would be refused."""
    unknown = seen.unknown_user
    if unknown and unknown.status == ACCESS_DENIED:
        return demands_encryption(seen)
    return bool(unknown and unknown.guest and unknown.encrypted)


def _accounts(seen: Seen) -> bool:
    unknown, account = seen.unknown_user, seen.account
    if unknown and unknown.accepted:
        return False
    kerberos_alone = seen.negotiated is not None and unknown is None and "Kerberos" in seen.mechanisms
    accepted = bool(account and account.itself)
    return kerberos_alone or accepted or bool(unknown and _looked_up(unknown))


_USE_AN_ACCOUNT = "Use an account on it: guest logons are not needed"
_ROWS = (
    Verdict(
        "unreachable",
        "No connection to it can be made from the control node.",
        lambda seen: _no_smb(seen, *_UNREACHABLE),
        GuestLogonBenefit.UNKNOWN,
        "Check name, port, route and firewall between the control node and the server, and that it is on.",
    ),
    Verdict(
        "no_answer",
        "It accepts connections, and does not answer.",
        lambda seen: _no_smb(seen, Failure.SILENT, Failure.CLOSED, Failure.DENIED),
        GuestLogonBenefit.UNKNOWN,
        "Check that it works and that it serves the address of the control node; a longer timeout may help.",
    ),
    Verdict(
        "not_smb",
        "Something other than SMB listens there.",
        lambda seen: _no_smb(seen, Failure.FOREIGN),
        GuestLogonBenefit.UNKNOWN,
        "Check name and port.",
    ),
    Verdict(
        "smb1_only",
        "It speaks SMB1 and nothing newer.",
        lambda seen: seen.negotiated is None and seen.smb1 is not None,
        GuestLogonBenefit.POINTLESS,
        "Upgrade or replace it. Allowing guest logons does not help: that is about SMB2 and newer, and SMB1 is unsafe.",
    ),
    Verdict(
        "guest_unusable",
        "It maps unknown users to guest and wants encryption: no client can use such a session.",
        _guest_needs_encryption,
        GuestLogonBenefit.POINTLESS,
        f"{_USE_AN_ACCOUNT}, and would fail.",
    ),
    Verdict(
        "guest_offered",
        "It accepts unknown users as guest, and seems to know accounts.",
        lambda seen: _guest(seen) and bool(signs_of_accounts(seen)),
        GuestLogonBenefit.POINTLESS,
        f"{_USE_AN_ACCOUNT}. Then switch guest access off on it.",
    ),
    Verdict(
        "guest_signing_required",
        "It accepts unknown users as guest and requires signing, and nothing shows that it knows accounts.",
        lambda seen: _guest(seen) and _requires_signing(seen),
        # Samba waives signing for guests (measured). What Windows does with such a session no source says.
        GuestLogonBenefit.UNKNOWN,
        "Use an account on it, if it has any. Whether Windows uses a guest session with a server that requires signing "
        "is not known: try it on one host.",
    ),
    Verdict(
        "guest_only_suspected",
        "It accepts unknown users as guest, and nothing shows that it knows accounts.",
        _guest,
        GuestLogonBenefit.MAY_HELP,
        "Upgrade or replace it, or create an account on it. Until then enable_guest allows guest logons on single "
        "hosts for a time.",
    ),
    Verdict(
        "accounts_only",
        "It refuses unknown users.",
        _accounts,
        GuestLogonBenefit.POINTLESS,
        f"{_USE_AN_ACCOUNT}, and would be refused by the server.",
    ),
    Verdict(
        "unclear",
        "It speaks SMB, and what it answers to an unknown user says neither guest nor account.",
        lambda seen: True,
        GuestLogonBenefit.UNKNOWN,
        "Look at the evidence, and try an account on it (username and password).",
    ),
)

VERDICTS: Mapping[str, Verdict] = MappingProxyType({row.name: row for row in _ROWS})
