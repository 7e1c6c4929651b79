# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many SMB servers at once: from the names of a task to a report each.

All are asked at the same time, so that silent ones cost one time-out together. The logons of a real account come
afterwards, one after the other, and end with the first that fails: a password that is wrong is tried once, however many
servers ask one and the same domain about it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any

from ..core.errors import HostState, RequestError
from ..core.text import one_line
from ..tables.logon_status import status_name
from .logon import LogonAccount
from .messages import require_smbprotocol
from .peer import Dial, dial
from .questions import LogonAnswer, Seen, ServerProbe
from .verdict import GuestLogonBenefit, Verdict, demands_encryption, evidence, judge, signs_of_accounts

# A connection each. A server costs some milliseconds of work here: of many more, the last would seem slow.
AT_ONCE = 128

_TARGET = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[^\s:/\\\[\]]+))(?::(?P<port>[0-9]{1,5}))?")


@dataclass(frozen=True)
class Target:
    """A server to probe. given: as the task says it."""

    given: str
    host: str
    port: int


def read_target(given: str, port: int) -> Target:
    r"""A name or an address, with or without a port, or a path such as \\nas01\scans, without an account.

    Raises RequestError.
    """
    text = re.split(r"[\\/]", given.strip().removeprefix("smb:").lstrip("\\/"))[0]
    match = _TARGET.fullmatch(f"[{text}]" if _is_ipv6(text) else text)
    number = int(match["port"] or port) if match else 0
    if (
        match
        and "@" not in given
        and text.isprintable()
        and 0 < number < 65536
        and (match["host"] or _is_ipv6(match["v6"]))
    ):
        return Target(given, match["host"] or match["v6"], number)
    # What may hold an account and its password is not repeated.
    shown = "An entry of servers" if set(given) & set(":@") else f"{one_line(given, 80)!r} in servers"
    raise RequestError(
        f"{shown} is no server: say a name or an address, and a port if it is another one than the option port says "
        "(nas01, nas01.example.com:1445, 192.0.2.7, [2001:db8::7]:445). An account belongs in username and password.",
        host_state=HostState.NOT_CONTACTED,
    )


def read_targets(given: Iterable[str], port: int) -> list[Target]:
    r"""The servers of a task, each once, by the first of its names.

    `NAS01`, `nas01.` and `\\nas01\scans` are one; of a name and its address only the server could say that.
    Raises RequestError.
    """
    targets: dict[tuple[str, int], Target] = {}
    for server in given:
        target = read_target(server, port)
        targets.setdefault((_canonical(target.host), target.port), target)
    return list(targets.values())


def _canonical(host: str) -> str:
    """A spelling to compare hosts by: an address as its number, a name without case and final dot."""
    try:
        return str(ip_address(host))
    except ValueError:
        return host.casefold().removesuffix(".")


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Report:
    """What is known of one server."""

    target: Target
    seen: Seen
    verdict: Verdict

    def line(self) -> str:
        """All in one line, for an error or a warning."""
        words = " ".join(evidence(self.seen))
        return f"{one_line(self.target.given, 80)} is {self.verdict.name}: {words} {self.verdict.advice}"

    def as_dict(self) -> dict[str, Any]:
        """The shape that server_info returns; see its RETURN block."""
        seen, negotiated = self.seen, self.seen.negotiated
        signing = negotiated or seen.smb1
        signs = signs_of_accounts(seen)
        return {
            "server": one_line(self.target.given),
            "host": self.target.host,
            "port": self.target.port,
            "verdict": self.verdict.name,
            "meaning": self.verdict.meaning,
            "evidence": evidence(seen),
            "advice": self.verdict.advice,
            "opening": self.verdict.opening.value,
            "reachable": self.verdict.name != "unreachable",
            "incomplete": seen.failure.value if seen.failure and negotiated else None,
            "dialects": seen.dialects,
            "smb1": bool(seen.smb1) if seen.smb1_asked else None,
            "signing": {
                "enabled": signing.signing_enabled if signing else None,
                "required": signing.signing_required if signing else None,
            },
            "encryption": {
                "supported": negotiated.encryption if negotiated else None,
                "cipher": negotiated.cipher if negotiated else None,
                "demanded": demands_encryption(seen) if negotiated else None,
            },
            "guest": _logon(seen.unknown_user, lambda answer: answer.guest),
            "anonymous": _logon(seen.anonymous, lambda answer: answer.accepted),
            "account": _logon(seen.account, lambda answer: answer.itself),
            "knows_accounts": True if signs else None,
            "mechanisms": seen.mechanisms,
            "server_guid": negotiated.server_guid if negotiated else None,
            "identity": asdict(seen.identity),
        }


def _logon(answer: LogonAnswer | None, accepted: Callable[[LogonAnswer], bool]) -> dict[str, Any]:
    if answer is None or answer.status is None:
        return {"accepted": None, "status": answer.failure.value if answer and answer.failure else None}
    return {"accepted": accepted(answer), "status": status_name(answer.status)}


def probe_servers(
    targets: Sequence[Target],
    seconds: float,
    account: LogonAccount | None = None,
    max_failed_logons: int = 1,
    dial: Dial = dial,
) -> list[Report]:
    """A report for each target, in their order. seconds: for each conversation. Raises RequestError."""
    require_smbprotocol()
    return asyncio.run(probe(list(dict.fromkeys(targets)), seconds, account, max_failed_logons, dial))


async def probe(
    targets: Sequence[Target], seconds: float, account: LogonAccount | None, max_failed_logons: int, dial: Dial
) -> list[Report]:
    """The same for a loop that runs."""
    servers = [ServerProbe(dial, target.host, target.port, seconds) for target in targets]
    room = asyncio.Semaphore(AT_ONCE)

    async def ask(server: ServerProbe) -> Seen:
        async with room:
            return await server.ask()

    seen = await asyncio.gather(*map(ask, servers))
    if account:
        await _try_account(account, servers, seen, max_failed_logons)
    return [Report(target, each, judge(each)) for target, each in zip(targets, seen, strict=True)]


async def _try_account(
    account: LogonAccount, servers: list[ServerProbe], seen: list[Seen], max_failed_logons: int
) -> None:
    """One logon for each server that answers logons, until as many failed as may fail."""
    failed = 0
    for server, each in zip(servers, seen, strict=True):
        # One server after the other, because failed logons of a domain account add up over all servers.
        if failed >= max_failed_logons:
            return
        if each.failure is None and each.unknown_user and each.unknown_user.status is not None:
            answer = await server.ask_as(account, each)
            failed += not (answer and answer.itself)


def opening(reports: Sequence[Report]) -> dict[str, Any]:
    """What the servers say to a host's being opened for guest logons on their account.

    objections: servers that a guest logon does not lead to. doubts: servers that nothing is known about. Both as
    lines for people.
    """
    lines = {
        kind: [report.line() for report in reports if report.verdict.opening is kind]
        for kind in (GuestLogonBenefit.POINTLESS, GuestLogonBenefit.UNKNOWN)
    }
    return {"objections": lines[GuestLogonBenefit.POINTLESS], "doubts": lines[GuestLogonBenefit.UNKNOWN]}
