"""Copies content to the host and back with nothing but the connection's own put_file and fetch_file."""

from __future__ import annotations

import base64
import tempfile
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """Options: path, and content (base64) where something is to be copied to the host first."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ansible's entry point. `fetched` is base64, None where there is no such file."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        path, content = self._task.args["path"], self._task.args.get("content")
        with tempfile.TemporaryDirectory() as folder:
            there, back = Path(folder, "there"), Path(folder, "back")
            try:
                if content is not None:
                    there.write_bytes(base64.b64decode(content))
                    self._connection.put_file(str(there), path)
                self._connection.fetch_file(path, str(back))
            except AnsibleError as error:
                return result | {"failed": True, "msg": str(error)}
            return result | {"fetched": base64.b64encode(back.read_bytes()).decode() if back.exists() else None}
