# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""domain_policy: a GPO of a domain with the settings, links and filters that are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..plugin_utils.actions.domain_action import CONNECTION_OPTIONS, DomainAction
from ..plugin_utils.actions.gpo_options import LINK_OPTIONS, desired_gpo, foreign_filters, gpo_terms, result_of
from ..plugin_utils.actions.options import setting_options
from ..plugin_utils.domain_gpo.domain_change import DomainChanges
from ..plugin_utils.domain_gpo.gpo_cells import MANAGED
from ..plugin_utils.domain_gpo.gpo_reader import GpoReader


class ActionModule(DomainAction):
    """Makes a GPO true, or absent."""

    ARGUMENT_SPEC = {
        **CONNECTION_OPTIONS,
        "gpo": {"type": "str", "required": True},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        **setting_options({name: name for name in MANAGED}),
        "links": {"type": "list", "elements": "dict", "options": LINK_OPTIONS},
        "links_exclusive": {"type": "bool", "default": False},
        "wmi_filter": {"type": "str"},
        "security_filter": {"type": "list", "elements": "str"},
        "comment": {"type": "str"},
        "allow_default_policies": {"type": "bool", "default": False},
        "change_id": {"type": "str"},
        "reason": {"type": "str"},
    }

    def work(self, reader: GpoReader, options: Mapping[str, Any]) -> dict[str, Any]:
        changes = DomainChanges(
            reader, check_mode=bool(self._task.check_mode), allow_default_policies=options["allow_default_policies"]
        )
        terms = gpo_terms(options)
        if options["state"] == "absent":
            return result_of(reader, changes.make_absent(options["gpo"], terms))
        desired = desired_gpo(reader, options)
        result = result_of(reader, changes.make_true(options["gpo"], desired, terms))
        self._warn(result, *foreign_filters(reader, desired))
        return result


main = ActionModule.lint
