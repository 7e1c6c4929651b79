# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of a module as ansible-lint asks for them.

The rule `args` of ansible-lint loads the action plugin of a task, or the module where there is none. It calls its
`main()`, with AnsibleModule replaced and the options of the task on standard input. Without `main()` it checks nothing.

It sees values before Ansible fills them in, so only what holds for every value is stated: a name that does not exist,
a literal value of a wrong type, a literal that is no choice. `module_defaults` may bring what is required, null means
a default, and the rule takes a template in a list for a wrong choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.module_utils import basic


def lint_options(argument_spec: Mapping[str, Mapping[str, Any]]) -> None:
    """Check the options on standard input, as a module does. Exits with a failure where they are wrong.

    Args:
        argument_spec: what the action plugin demands of its options.
    """
    basic.AnsibleModule(
        argument_spec={name: _stated(option) for name, option in argument_spec.items()}, supports_check_mode=True
    )


def _stated(option: Mapping[str, Any]) -> dict[str, Any]:
    stated: dict[str, Any] = {"type": option.get("type", "str"), "aliases": option.get("aliases", [])}
    if "choices" in option and stated["type"] != "list":
        stated["choices"] = option["choices"]
    if "options" in option:
        # The rule looks for the template of a suboption among the options, and fails: no types.
        stated |= {"elements": option.get("elements"), "options": {name: {"type": "raw"} for name in option["options"]}}
    return stated
