# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages name what the user of a task can set."""

from __future__ import annotations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.user_names import (
    UserNames,
    assignment,
    naming,
    option,
    revert_command,
)

ROLE = UserNames(
    options={"scope": "harden_scopes", "unsupported": None},
    assignments={"relax: client_signing": "enable_guest_relax_signing: true"},
    reverting="ansible-playbook winops.smb_guest.revert -i lab.yml --limit ws-42",
    role="harden",
)


def test_without_other_names_the_engines_count() -> None:
    assert (option("scope"), assignment("unsupported", "skip")) == ("scope", "unsupported: skip")
    assert "--limit HOST -e revert_change_id=x" in revert_command("x")


def test_the_names_of_a_role() -> None:
    with naming(ROLE):
        assert option("scope") == "harden_scopes"
        assert assignment("scope", "policy") == "harden_scopes: policy"
        assert assignment("unsupported", "skip") is None
        assert assignment("relax", "client_signing") == "enable_guest_relax_signing: true"
        assert revert_command("x").endswith("-i lab.yml --limit ws-42 -e revert_change_id=x")


def test_names_end_with_their_task_also_where_it_fails() -> None:
    with pytest.raises(RuntimeError), naming(ROLE):
        raise RuntimeError
    assert option("scope") == "scope"
