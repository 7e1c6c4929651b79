"""Passes on what ansible-playbook prints, less the tasks that only say `ok` or `skipping`."""

from __future__ import annotations

import re

from playbook_run import COLOUR

HEADING = re.compile(r"(TASK|PLAY|RUNNING HANDLER)\b.*\*\*\*$")
NOTHING_TO_SAY = re.compile(r"(ok|skipping): \[[^\]]+\]$")


class Transcript:
    """Takes line after line. A task's heading waits until something below it is worth it."""

    def __init__(self) -> None:
        self._held: list[str] = []
        self._gap = False

    def take(self, line: str) -> None:
        """Print the line, keep it for later, or drop what was kept."""
        plain = COLOUR.sub("", line)
        if not plain:  # gaps are as wide as one line, and there is none at the end
            self._gap = True
            return
        if HEADING.match(plain):
            # Any other heading ends a task; a play's is always shown.
            self._held = [line] if plain.startswith("TASK") else []
            if self._held:
                return
        elif self._held and NOTHING_TO_SAY.match(plain):
            self._held.append(line)
            return
        for shown in (*["" for _unused in range(self._gap)], *self._held, line):
            print(shown, flush=True)
        self._held, self._gap = [], False
