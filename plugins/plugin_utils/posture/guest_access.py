# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an insecure guest logon of this client can succeed, and what to do about it. Pure: no I/O.

The setting is about SMB2 and SMB3, and every text says so: an SMB1 client accepts guest logons whatever it is.

Sources: Microsoft Learn on insecure guest logons; MS-SMB2 3.2.5.3.1. The verdict follows what runs: a value that is
configured and not taken over yet neither opens nor closes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..tables.settings import GUEST, GUEST_BLOCKERS
from .client_limits import ClientLimits
from .state import SettingState, States


@dataclass(frozen=True)
class GuestAccess:
    """Whether an insecure guest logon can succeed.

    Attributes:
        verdict: `allowed`, `blocked` or `unknown`.
        blocked_by: The settings that block, or may block.
        advice: What to do, in sentences.
    """

    verdict: str
    blocked_by: tuple[str, ...]
    advice: str

    @property
    def allowed(self) -> bool:
        return self.verdict == "allowed"

    def as_dict(self) -> dict[str, Any]:
        return {"verdict": self.verdict, "blocked_by": list(self.blocked_by), "advice": self.advice}


def guest_access(states: States, limits: ClientLimits | None = None) -> GuestAccess:
    """Guest works only if it is allowed and neither signing nor encryption is required of the client.

    Args:
        states: At least the settings of `GUEST` and `GUEST_BLOCKERS`, by name.
        limits: What else the client asks of servers, for the advice; None where nobody asked.
    """
    permits = {row.name: _permits(states[row.name]) for row in (GUEST, *GUEST_BLOCKERS)}
    blocking = [name for name, permitted in permits.items() if permitted is False]
    unknown = [name for name, permitted in permits.items() if permitted is None]
    verdict = "blocked" if blocking else "unknown" if unknown else "allowed"
    blocked_by = tuple(name for name, permitted in permits.items() if not permitted)
    drifting = [states[name] for name in permits if states[name].drift]
    further = limits.sentences() if limits else ()
    advice = " ".join([_advice(verdict, blocking, unknown, states), *map(drift_sentence, drifting), *further])
    return GuestAccess(verdict, blocked_by, advice)


def _permits(state: SettingState) -> bool | None:
    if state.observed.supported is False:
        return state.setting is not GUEST  # what this Windows does not have, it does not require
    return None if state.in_force is None else state.in_force is not state.setting.secure


def _advice(verdict: str, blocking: list[str], unknown: list[str], states: States) -> str:
    if verdict == "allowed":
        return (
            "Insecure guest logons (SMB2/SMB3) succeed: traffic is neither signed nor encrypted and the server is not "
            "authenticated. Block them with winops.smb_guest.guest_auth state=blocked."
        )
    if verdict == "unknown":
        return (
            f"Whether insecure guest logons (SMB2/SMB3) succeed is not known: the host does not say what it does about "
            f"{' and '.join(unknown)}. Set it with winops.smb_guest.client_config to be sure."
        )
    others = " and ".join(f"{name} (required{_by_whom(states[name])})" for name in blocking if name != GUEST.name)
    if GUEST.name in blocking and others:
        return (
            f"Insecure guest logons (SMB2/SMB3) are blocked, and would stay blocked by {others} if they were allowed."
        )
    if GUEST.name in blocking:
        where = _where(states[GUEST.name])
        return f"Insecure guest logons (SMB2/SMB3) are blocked. {where}{_way_out(states[GUEST.name])}"
    governed = any(states[name].winner.value in ("policy", "mdm") for name in blocking)
    relax = "have it relaxed there" if governed else "relax it with winops.smb_guest.client_config"
    return (
        f"Insecure guest logons (SMB2/SMB3) are allowed, but still fail because of {others}: a guest session cannot "
        f"sign or encrypt. Better give the server an account; or {relax}."
    )


def _where(state: SettingState) -> str:
    if state.location:
        return f"Decided by {state.location}{_by_whom(state)}. "
    return "That is the default of this Windows. " if state.winner.value == "os_default" else ""


def _by_whom(state: SettingState) -> str:
    return f", written by {state.policy_source}" if state.policy_source else ""


def _way_out(state: SettingState) -> str:
    if state.winner.value in ("policy", "mdm"):
        return "Only there can it be changed for good: better give the server an account."
    if not state.observed.looked:
        return "winops.smb_guest.client_facts shows where that is decided; better give the server an account."
    return (
        "If a server really needs them, allow them with winops.smb_guest.guest_auth state=allowed; better give the "
        "server an account."
    )


def drift_sentence(state: SettingState) -> str:
    """What to say of a setting whose running value contradicts what is configured."""
    running = state.setting.words.word(bool(state.observed.running))
    return (
        f"{state.setting.name}: the running value ({running}) contradicts {state.location}. Windows takes it over when "
        f"the service {state.setting.side.service} or the host restarts."
    )
