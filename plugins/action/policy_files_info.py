# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""policy_files_info: what a policy file, a folder of them or an export says about the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..plugin_utils.actions.action import Action
from ..plugin_utils.core.errors import RequestError
from ..plugin_utils.policy_files.errors import PolicyFileError
from ..plugin_utils.policy_files.policy_reader import PolicyFileSource, PolicyFolder
from ..plugin_utils.tables.settings import SETTINGS


class ActionModule(Action):
    """Reads on the control node, and never talks to the host of the task."""

    ARGUMENT_SPEC = {"path": {"type": "path", "required": True}}

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        path = Path(options["path"])
        if not path.exists():
            raise RequestError(f"There is no {path} on the control node.")
        try:
            sources = PolicyFolder(path).sources()
        except PolicyFileError as error:
            raise RequestError(f"{path} cannot be read: {error}.") from error
        settings: dict[str, str] = {}
        contradictions: dict[str, dict[str, str]] = {}
        for name, row in SETTINGS.items():
            words_of = {
                source.path: row.words.word(source.settings[name]) for source in sources if name in source.settings
            }
            words = set(words_of.values())
            if len(words) == 1:
                settings[name] = words.pop()
            elif words:
                contradictions[name] = words_of
        return {
            "changed": False,
            "settings": settings,
            "contradictions": contradictions,
            "sources": [_row(source) for source in sources],
        }


def _row(source: PolicyFileSource) -> dict[str, Any]:
    return {
        "path": source.path,
        "form": source.form,
        "name": source.name,
        "settings": {name: SETTINGS[name].words.word(value) for name, value in source.settings.items()},
        "deleted": source.deleted,
        "out_of_reach": source.out_of_reach,
        "notes": source.notes,
    }
