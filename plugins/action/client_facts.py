# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""client_facts: what a host runs, what decides it, and whether guest logons work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.action import HostAction
from ..plugin_utils.change.journal import Journal
from ..plugin_utils.change.stack import as_fact
from ..plugin_utils.posture.expected_events import audit_facts
from ..plugin_utils.posture.guest_access import guest_access
from ..plugin_utils.posture.observe import Depth, observe
from ..plugin_utils.posture.policy_results import read_policy_results
from ..plugin_utils.posture.state import judge_all
from ..plugin_utils.tables.os_defaults import NOT_KNOWN
from ..plugin_utils.tables.settings import SETTINGS
from ..plugin_utils.windows.operating_system import read_operating_system
from ..plugin_utils.windows.registry import Registry
from ..plugin_utils.winrm.session import Session

SUBSETS = ("os", "settings", "policy_source", "changes")
"""What `all` means. The local GPO is read only by its name, because it starts PowerShell on the host."""
LOCAL_GPO = "local_gpo"


class ActionModule(HostAction):
    """Reads only."""

    ARGUMENT_SPEC = {
        "gather_subset": {
            "type": "list",
            "elements": "str",
            "choices": ["all", *SUBSETS, LOCAL_GPO],
            "default": ["all"],
        }
    }

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        asked = set(options["gather_subset"])
        wanted = asked | set(SUBSETS) if "all" in asked else asked
        registry = Registry(session)
        facts: dict[str, Any] = {}
        result = {"changed": False, "ansible_facts": {"smb_guest": facts}}
        system = None
        if "os" in wanted:
            system = read_operating_system(session, registry)
            facts["os"] = system.as_dict()
        if wanted & {"settings", "policy_source", LOCAL_GPO}:
            naming = "policy_source" in wanted
            depths = dict.fromkeys(SETTINGS.values(), Depth.WHOLE)
            observation = observe(session, registry, depths, local_gpo=LOCAL_GPO in wanted)
            default = system.default if system else lambda _setting: NOT_KNOWN
            results = read_policy_results(session, SETTINGS.values()) if naming else None
            states = judge_all(observation, SETTINGS, default, results)
            access = guest_access(states)
            facts["settings"] = {
                name: state.as_dict() | (state.named() if naming else {}) for name, state in states.items()
            }
            facts["guest_access"] = access.as_dict()
            facts["audit"] = audit_facts(states, access)
            self._warn(result, *observation.silent.values())
        if "changes" in wanted:
            book = Journal(registry).read()
            facts["changes"] = [as_fact(entry) for entry in book.stack.entries]
            self._warn(result, *book.damaged)
        if not wanted >= set(SUBSETS):
            # Ansible replaces a fact as a whole: a subset must not wipe what is known besides.
            result["ansible_facts"] = {"smb_guest": {**self._known(), **facts}}
        return result

    def _known(self) -> Mapping[str, Any]:
        """The facts that earlier tasks, or the fact cache, have of this host."""
        variables: Mapping[str, Any] = self._variables
        if self._task.delegate_to:
            variables = variables.get("hostvars", {}).get(self._task.delegate_to, {})
        known = variables.get("ansible_facts", {}).get("smb_guest", {})
        return known if isinstance(known, Mapping) else {}
