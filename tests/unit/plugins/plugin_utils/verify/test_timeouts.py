"""How long the task may take: an hour, for the wait for an expiry, or what the user says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from ansible_collections.winops.smb_guest.plugins.action.verify_facts import TASK_SECONDS, ActionModule
from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.action import TASK_TIMEOUT
from ansible_collections.winops.smb_guest.plugins.plugin_utils.verify import task_writes


@pytest.mark.parametrize(("said", "seconds"), [({}, TASK_SECONDS), ({TASK_TIMEOUT: 90}, 90.0)])
def test_the_task(said: dict[str, int], seconds: float) -> None:
    action = ActionModule.__new__(ActionModule)
    action._variables = said
    action._templar = SimpleNamespace(template=lambda value: value)
    assert action._timeouts().task == seconds


def test_an_expiry_is_waited_for_within_it() -> None:
    assert task_writes._LONGEST_WAIT + task_writes._SOON.total_seconds() < TASK_SECONDS / 2
