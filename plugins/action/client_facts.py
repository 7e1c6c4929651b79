# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""client_facts: what a host runs, what decides it, and whether insecure guest logons work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.action import HostAction
from ..plugin_utils.change.journal_facts import gather_changes
from ..plugin_utils.posture.doors import complete_advice, gather_doors
from ..plugin_utils.posture.facts import LOCAL_GPO, OS, POLICY_SOURCE, SETTINGS_PART, gather_settings
from ..plugin_utils.winrm.session import Session

CHANGES = "changes"
DOORS = "doors"
SUBSETS = (OS, SETTINGS_PART, POLICY_SOURCE, CHANGES)
"""What `all` means: every subset but the local GPO and the doors, which are read by their names."""


class ActionModule(HostAction):
    """Reads only."""

    ARGUMENT_SPEC = {
        "gather_subset": {
            "type": "list",
            "elements": "str",
            "choices": ["all", *SUBSETS, LOCAL_GPO, DOORS],
            "default": ["all"],
        }
    }

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        asked = set(options["gather_subset"])
        wanted = asked | set(SUBSETS) if "all" in asked else asked
        parts = [gather_settings(session, wanted)]
        if CHANGES in wanted:
            parts.append(gather_changes(session))
        if DOORS in wanted:
            parts.append(gather_doors(session, parts[0].facts.get("os", {}).get("product_type")))
        # Ansible replaces a fact as a whole: a subset must not wipe what is known besides.
        facts = {} if wanted >= set(SUBSETS) else dict(self._known())
        for part in parts:
            facts |= part.facts
        complete_advice(facts)
        result: dict[str, Any] = {"changed": False, "ansible_facts": {"smb_guest": facts}}
        self._warn(result, *(warning for part in parts for warning in part.warnings))
        return result

    def _known(self) -> Mapping[str, Any]:
        """The facts that earlier tasks, or the fact cache, have of this host."""
        variables: Mapping[str, Any] = self._variables
        if self._task.delegate_to:
            variables = variables.get("hostvars", {}).get(self._task.delegate_to, {})
        known = variables.get("ansible_facts", {}).get("smb_guest", {})
        return known if isinstance(known, Mapping) else {}


main = ActionModule.lint
