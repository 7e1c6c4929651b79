# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one SMB server is asked, in which order, and when to stop.

One connection at a time, at most seven of them, the one that matters most first:

    negotiate every dialect, log on as nobody in particular (a random unknown name, once)
    log on without a name
    negotiate each older dialect alone
    negotiate SMB1

A server that does not answer in time is asked nothing more, so that it costs one time-out whatever it does later.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .logon import AnonymousLogon, Identity, Logon, LogonAccount, UserLogon, mechanisms, read_challenge, unknown_account
from .messages import (
    DIALECTS,
    ENCRYPT_DATA,
    IS_GUEST,
    IS_NULL,
    MORE_PROCESSING_REQUIRED,
    PENDING,
    SUCCESS,
    Negotiated,
    Smb1Negotiated,
    negotiate_request,
    read_negotiated,
    read_session_setup,
    read_smb1_negotiated,
    session_setup_request,
    smb1_negotiate_request,
)
from .peer import Conversation, Dial, Failure, NoAnswer, talking

# NTLM takes two; the bound is for a peer that never comes to an end.
_MAX_LEGS = 4
# After these the next question may well be answered, and at once. After the others it would cost another time-out.
_GOES_ON = {Failure.CLOSED, Failure.FOREIGN, Failure.NO_DIALECT}


@dataclass(frozen=True)
class LogonAnswer:
    """What became of one logon. status: NTSTATUS, None where there was no answer, and failure says why."""

    status: int | None
    flags: int = 0
    failure: Failure | None = None

    @property
    def accepted(self) -> bool:
        return self.status == SUCCESS

    @property
    def guest(self) -> bool:
        return self.accepted and bool(self.flags & IS_GUEST)

    @property
    def itself(self) -> bool:
        """Accepted as the account that it is, neither as guest nor as anonymous."""
        return self.accepted and not self.flags & (IS_GUEST | IS_NULL)

    @property
    def encrypted(self) -> bool:
        return self.accepted and bool(self.flags & ENCRYPT_DATA)


@dataclass
class Seen:
    """What was seen of one server, filled in as it answers. None: not asked, or no answer.

    Attributes:
        failure: Why not everything was asked. Where `negotiated` and `smb1` are None it is all that is known.
        dialects: Of SMB2 and SMB3, oldest first.
        unknown_user: None as well where the server does not offer NTLM.
        account: The answer to a real account, where one was tried.
    """

    failure: Failure | None = None
    negotiated: Negotiated | None = None
    dialects: list[str] = field(default_factory=list)
    smb1: Smb1Negotiated | None = None
    smb1_asked: bool = False
    mechanisms: list[str] = field(default_factory=list)
    identity: Identity = field(default_factory=Identity)
    unknown_user: LogonAnswer | None = None
    anonymous: LogonAnswer | None = None
    account: LogonAnswer | None = None


class ServerProbe:
    """One server, and the seconds that each conversation with it may take."""

    def __init__(self, dial: Dial, host: str, port: int, seconds: float) -> None:
        self._dial = dial
        self._host = host
        self._port = port
        self._seconds = seconds

    async def ask(self) -> Seen:
        """Everything but a real account."""
        seen = Seen()
        try:
            seen.unknown_user = await self._log_on(UserLogon(unknown_account(), self._host), seen)
            if seen.unknown_user:
                _go_on_after(seen.unknown_user)
                seen.anonymous = await self._log_on(AnonymousLogon(), seen)
                _go_on_after(seen.anonymous)
            if seen.negotiated:
                await self._ask_dialects(seen, seen.negotiated)
            await self._ask_smb1(seen)
        except NoAnswer as no_answer:
            seen.failure = no_answer.failure
        return seen

    async def ask_as(self, account: LogonAccount, seen: Seen) -> LogonAnswer | None:
        """One logon of a real account; None where the server does not offer NTLM."""
        try:
            seen.account = await self._log_on(UserLogon(account, self._host), seen)
        except NoAnswer as no_answer:
            seen.account = LogonAnswer(None, failure=no_answer.failure)
        return seen.account

    async def _log_on(self, logon: Logon, seen: Seen) -> LogonAnswer | None:
        """Negotiate and log on; None if it did not come to a logon. Raises NoAnswer if going on would only cost time.

        What speaks only SMB1 closes the connection, or answers in SMB1: `negotiated` stays empty then.
        """
        begun = False
        try:
            async with talking(self._dial, self._host, self._port, self._seconds) as conversation:
                negotiated = read_negotiated(await conversation.ask(negotiate_request(*DIALECTS)), DIALECTS)
                seen.negotiated = seen.negotiated or negotiated
                seen.mechanisms = mechanisms(negotiated.token)
                # An empty list leaves the choice to the client: then NTLM is tried.
                if seen.mechanisms and "NTLM" not in seen.mechanisms:
                    return None
                begun = True
                return await _set_up_session(conversation, logon, seen)
        except NoAnswer as no_answer:
            if begun:
                return LogonAnswer(None, failure=no_answer.failure)
            if no_answer.failure not in _GOES_ON:
                raise
            # A dialect was negotiated in an earlier conversation: what failed now is one question, not the server.
            seen.failure = None if seen.negotiated else no_answer.failure
            return None

    async def _ask_dialects(self, seen: Seen, negotiated: Negotiated) -> None:
        """Which dialects older than the negotiated one are spoken as well; a server always takes its newest."""
        for dialect, name in DIALECTS.items():
            if name == negotiated.dialect:
                seen.dialects.append(name)
                return
            try:
                async with talking(self._dial, self._host, self._port, self._seconds) as conversation:
                    read_negotiated(await conversation.ask(negotiate_request(dialect)), [dialect])
                seen.dialects.append(name)
            except NoAnswer as no_answer:
                if no_answer.failure not in _GOES_ON:
                    raise

    async def _ask_smb1(self, seen: Seen) -> None:
        try:
            async with talking(self._dial, self._host, self._port, self._seconds) as conversation:
                seen.smb1 = read_smb1_negotiated(await conversation.ask(smb1_negotiate_request()))
        except NoAnswer as no_answer:
            if no_answer.failure not in _GOES_ON:
                raise
        seen.smb1_asked = True
        if seen.smb1:
            seen.failure = None


def _go_on_after(answer: LogonAnswer | None) -> None:
    if answer and answer.failure and answer.failure not in _GOES_ON:
        raise NoAnswer(answer.failure)


async def _set_up_session(conversation: Conversation, logon: Logon, seen: Seen) -> LogonAnswer:
    """SESSION_SETUP until the server has decided. Raises NoAnswer."""
    session_id, token = 0, None
    for message_id in range(1, 1 + _MAX_LEGS):
        ours = logon.step(token)
        if ours is None:
            break
        answer = read_session_setup(await conversation.ask(session_setup_request(ours, message_id, session_id)))
        # An interim answer: the final one follows without another request (MS-SMB2, asynchronous responses).
        while answer.status == PENDING:
            answer = read_session_setup(await conversation.hear())
        if answer.status != MORE_PROCESSING_REQUIRED:
            if answer.status == SUCCESS and answer.token and not answer.flags & (IS_GUEST | IS_NULL):
                logon.step(answer.token)  # where the server signs what it says, the signature must be right
            return LogonAnswer(answer.status, answer.flags)
        session_id, token = answer.session_id, answer.token
        seen.identity = read_challenge(token) or seen.identity
    # It asked for one more leg each time.
    raise NoAnswer(Failure.FOREIGN)
