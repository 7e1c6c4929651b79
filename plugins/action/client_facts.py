# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""client_facts: what a host runs, what decides it, and whether guest logons work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.action import HostAction
from ..plugin_utils.change.journal import Journal
from ..plugin_utils.expected_events import audit_facts
from ..plugin_utils.guest_access import guest_access
from ..plugin_utils.observe import Observer
from ..plugin_utils.tables.settings import SETTINGS
from ..plugin_utils.windows.operating_system import read_operating_system
from ..plugin_utils.windows.registry import Registry
from ..plugin_utils.winrm.session import Session

SUBSETS = ("os", "settings", "changes")


class ActionModule(HostAction):
    """Reads only."""

    ARGUMENT_SPEC = {
        "gather_subset": {"type": "list", "elements": "str", "choices": ["all", *SUBSETS], "default": ["all"]}
    }

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        asked = set(options["gather_subset"])
        wanted = set(SUBSETS) if "all" in asked else asked
        registry = Registry(session)
        facts: dict[str, Any] = {}
        system = None
        if "os" in wanted:
            system = read_operating_system(session, registry)
            facts["os"] = system.as_dict()
        if "settings" in wanted:
            states = Observer(session, registry, system).observe(list(SETTINGS.values()))
            access = guest_access(states)
            facts["settings"] = {name: state.as_dict() for name, state in states.items()}
            facts["guest_access"] = access.as_dict()
            facts["audit"] = audit_facts(states, access)
        result = {"changed": False, "ansible_facts": {"smb_guest": facts}}
        if "changes" in wanted:
            entries, damaged = Journal(registry).entries()
            facts["changes"] = [entry.as_dict() for entry in entries]
            self._warn(result, *damaged)
        return result
