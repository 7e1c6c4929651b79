# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The facts about a host's Windows and its SMB settings, as modules return them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from ..core.gathered_facts import GatheredFacts
from ..tables.os_defaults import NOT_KNOWN
from ..tables.settings import MDM_CONFLICT_CONFIDENCE, MDM_CONFLICT_KEY, MDM_CONFLICT_VALUE, SETTINGS
from ..windows.operating_system import read_operating_system
from ..windows.registry import Registry
from ..winrm.session import Session
from .expected_events import audit_facts
from .guest_access import guest_access
from .observe import Depth, observe
from .policy_results import read_policy_results
from .state import judge_all, may_come_from_a_gpo

OS, SETTINGS_PART, POLICY_SOURCE = "os", "settings", "policy_source"
IDENTITY = "identity"
"""Which computer answered, and when: for reports."""

LOCAL_GPO = "local_gpo"
"""Read only by its name, because it starts PowerShell on the host."""


def _stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def gather_settings(session: Session, wanted: Collection[str]) -> GatheredFacts:
    """Read the operating system and the settings. Raises HostError.

    Args:
        session: of the host.
        wanted: any of OS, IDENTITY (with OS only), SETTINGS_PART, POLICY_SOURCE and LOCAL_GPO. The last two include the
            settings.
    """
    registry = Registry(session)
    system = read_operating_system(session, registry) if OS in wanted else None
    facts: dict[str, Any] = {} if system is None else {"os": system.as_dict()}
    if system and IDENTITY in wanted:
        facts["identity"] = {
            "computer_name": system.computer_name,
            "domain": system.domain,
            "host_time": _stamp(system.clock) if system.clock else None,
            "read_at": _stamp(datetime.now(UTC)),
        }
    if not {SETTINGS_PART, POLICY_SOURCE, LOCAL_GPO}.intersection(wanted):
        return GatheredFacts(facts)
    names_gpo = POLICY_SOURCE in wanted
    depths = dict.fromkeys(SETTINGS.values(), Depth.WHOLE)
    observation = observe(session, registry, depths, local_gpo=LOCAL_GPO in wanted)
    default = system.default if system else lambda _setting: NOT_KNOWN
    states = judge_all(observation, SETTINGS, default)
    if names_gpo and any(map(may_come_from_a_gpo, states.values())):
        states = judge_all(observation, SETTINGS, default, read_policy_results(session, SETTINGS.values()))
    access = guest_access(states, observation.limits)
    facts["settings"] = {name: state.as_dict() | (state.named() if names_gpo else {}) for name, state in states.items()}
    facts["guest_access"] = access.as_dict()
    facts["client_limits"] = observation.limits.as_dict()
    facts["mdm_wins_over_gp"] = {
        "value": next(iter(observation.settings.values())).mdm_wins,
        "location": f"HKLM\\{MDM_CONFLICT_KEY}\\{MDM_CONFLICT_VALUE}",
        "confidence": MDM_CONFLICT_CONFIDENCE,
    }
    facts["audit"] = audit_facts(states, access)
    return GatheredFacts(facts, tuple(observation.silent.values()))
