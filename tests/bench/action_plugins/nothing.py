"""The floor: an action plugin that does nothing, so that what is left is Ansible itself."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Says that nothing changed, without asking the host."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point."""
        return {**super().run(tmp, task_vars), "changed": False}
