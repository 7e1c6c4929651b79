# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""policy_files_info: what a policy file, a folder of them or an export says about the settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..plugin_utils.actions.action import Action
from ..plugin_utils.core.local_files import bounded_readers
from ..plugin_utils.policy_files.policy_reader import MAX_FILE, MAX_FILES, PolicyFileSource, PolicyFolder, agreement
from ..plugin_utils.tables.settings import SETTINGS


class ActionModule(Action):
    """Reads on the control node, and never talks to the host of the task."""

    ARGUMENT_SPEC = {"path": {"type": "path", "required": True}}

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        sources = PolicyFolder(bounded_readers(Path(options["path"]), MAX_FILES, MAX_FILE)).sources()
        settings, contradictions = agreement(sources)
        return {
            "changed": False,
            "settings": _worded(settings),
            "contradictions": {
                name: {path: SETTINGS[name].words.word(value) for path, value in values.items()}
                for name, values in contradictions.items()
            },
            "sources": [_row(source) for source in sources],
        }


def _worded(settings: Mapping[str, bool]) -> dict[str, str]:
    return {name: SETTINGS[name].words.word(value) for name, value in settings.items()}


def _row(source: PolicyFileSource) -> dict[str, Any]:
    return {
        "path": source.path,
        "form": source.form,
        "name": source.name,
        "settings": _worded(source.settings),
        "deleted": source.deleted,
        "out_of_reach": source.out_of_reach,
        "notes": source.notes,
    }


main = ActionModule.lint
