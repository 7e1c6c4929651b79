# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an insecure guest logon of this client can succeed, and what to do about it. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .state import SettingState
from .tables.settings import GUEST, GUEST_BLOCKERS


@dataclass(frozen=True)
class GuestAccess:
    """Whether an insecure guest logon of this client can succeed, and what stands in its way."""

    allowed: bool
    blocked_by: tuple[str, ...]
    advice: str

    def as_dict(self) -> dict[str, Any]:
        return {
            "verdict": "allowed" if self.allowed else "blocked",
            "blocked_by": list(self.blocked_by),
            "advice": self.advice,
        }


def guest_access(states: Mapping[str, SettingState]) -> GuestAccess:
    """Guest works only if it is allowed and neither signing nor encryption is required of the client.

    states: at least the settings of `GUEST` and `GUEST_BLOCKERS`, by name. What is unknown counts as blocked: a wrong
    "allowed" is the costlier mistake for whoever plans on it, a wrong "blocked" is found at the first try.
    """
    blocked_by = []
    if states[GUEST.name].effective is not True:
        blocked_by.append(GUEST.name)
    blocked_by += [row.name for row in GUEST_BLOCKERS if _blocks(states[row.name])]
    drifting = [states[row.name] for row in (GUEST, *GUEST_BLOCKERS) if states[row.name].drift]
    return GuestAccess(
        not blocked_by, tuple(blocked_by), " ".join([_advice(blocked_by, states), *map(_drift, drifting)])
    )


def _blocks(state: SettingState) -> bool:
    return state.observed.supported and state.effective is not False


def _advice(blocked_by: list[str], states: Mapping[str, SettingState]) -> str:
    if not blocked_by:
        return (
            "Insecure guest logons succeed: traffic is neither signed nor encrypted and the server is not "
            "authenticated. Block them with winops.smb_guest.guest_auth state=blocked."
        )
    if blocked_by == [GUEST.name]:
        return (
            f"Insecure guest logons are blocked. {_where(states[GUEST.name])} If a server really needs them, open them "
            "with winops.smb_guest.guest_auth state=allowed; better give the server an account."
        )
    others = " and ".join(
        f"{name} ({'required' if states[name].effective else 'unknown'})" for name in blocked_by if name != GUEST.name
    )
    if GUEST.name in blocked_by:
        return f"Insecure guest logons are blocked, and would stay blocked by {others} if they were allowed."
    return (
        f"Insecure guest logons are allowed, but still fail because of {others}: a guest session cannot sign or "
        "encrypt. Better give the server an account; or relax it with winops.smb_guest.client_config."
    )


def _where(state: SettingState) -> str:
    if state.effective is None:
        return "At least nothing says that they are allowed."
    if state.location is None:
        return "That is the default of this Windows."
    return f"Decided by {state.location}."


def _drift(state: SettingState) -> str:
    return (
        f"{state.setting.name}: the running value ({state.setting.words.word(bool(state.observed.running))}) "
        f"contradicts {state.location}."
    )
