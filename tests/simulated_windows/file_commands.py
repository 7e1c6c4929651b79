"""What cmd.exe and its neighbours do with files: if exist, md, move, del, attrib. General knowledge of the tools.

Paths stand in quotes. ``move /y`` replaces the target at once; ``del`` answers 0 even where it deleted nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .files import FileProblem, Files

_QUOTED = re.compile(r'"([^"]*)"')
# The number of paths, the switches without which nobody answers a question, and what happens.
_COMMANDS: dict[str, tuple[int, set[str], Callable[..., None]]] = {
    "md": (1, set(), Files.make_folder),
    "move": (2, {"/y"}, Files.move),
    "del": (1, {"/f", "/q", "/a"}, Files.delete),
    "attrib": (1, {"+h"}, Files.hide),
}


@dataclass
class Answer:
    exit_code: int = 0
    stdout: str = ""
    stderr: str = ""


@dataclass
class FileCommands:
    """The files of one host for one caller."""

    files: Files
    elevated: bool

    def exists(self, path: str) -> bool:
        try:
            return self.files.exists(path)
        except FileProblem:
            return False

    def run(self, line: str) -> Answer | None:
        """Run one command; None if it is none of these."""
        word = line.partition(" ")[0].lower()
        if word not in _COMMANDS:
            return None
        count, needed, act = _COMMANDS[word]
        paths = _QUOTED.findall(line)
        switches = set(re.findall(r"\s([/+]\w+)", _QUOTED.sub("", line).lower()))
        if len(paths) != count or switches != needed:
            return Answer(1, "", "The syntax of the command is incorrect.\r\n")
        failed = 0 if word == "del" else 1
        if not self.elevated:
            return Answer(failed, "", "Access is denied.\r\n")
        try:
            act(self.files, *paths)
        except FileProblem as problem:
            return Answer(failed, "", f"{problem.text}.\r\n")
        return Answer(0, "        1 file(s) moved.\r\n" if word == "move" else "")
