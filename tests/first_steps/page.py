"""A page as a reader follows it: files to write, commands to type, and what the page says that they answer."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import PIPE, STDOUT, Popen
from typing import NamedTuple

BLOCK = re.compile(r"^```(console|ya?ml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"# (\w[\w./-]*\.ya?ml)\n")
SECONDS = 300
"""A command that takes longer hangs."""


class File(NamedTuple):
    """A YAML block whose first line is a comment that names it."""

    name: str
    text: str


class Command(NamedTuple):
    """What stands after `$ `, with its further lines; and the lines beneath it."""

    text: str
    answer: tuple[str, ...]


def steps(page: Path, start: str = "") -> Iterator[File | Command]:
    """Everything to do on a page, from the heading `start` on."""
    text = page.read_text()
    for kind, block in BLOCK.findall(text[text.index(start) :]):
        if kind == "console":
            yield from commands(block)
        elif named := FILE_NAME.match(block):
            yield File(named[1], block)


def commands(block: str) -> Iterator[Command]:
    """The commands of a console block."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        last = [line.endswith("\\") for line in lines].index(False)
        yield Command("\n".join(lines[: last + 1]), tuple(lines[last + 1 :]))


def missing(answer: tuple[str, ...], output: str) -> list[str]:
    """The lines of a page that a command did not say, in that order; `...` stands for anything."""
    rest = output.splitlines()
    lacking = []
    for line in answer:
        pattern = ".*".join(map(re.escape, line.strip().split("...")))
        found = next((number for number, said in enumerate(rest) if re.fullmatch(pattern, said.strip())), None)
        if found is None:
            lacking.append(line)
        else:
            rest = rest[found + 1 :]
    return lacking


class Terminal:
    """One bash for a whole page, so that what a command exports or activates is there for the next."""

    LOOP = """while IFS= read -r -d '' -u 3 command; do eval "$command" 3<&-; printf '\\0%d\\0' "$?"; done"""

    def __init__(self, folder: Path, environ: Mapping[str, str], typed: str) -> None:
        """In `folder`; `typed` is what somebody types where a command reads."""
        commands, self._commands = os.pipe()
        self._bash = Popen(
            ["bash", "-c", f"exec 3<&{commands}; {self.LOOP}"],
            cwd=folder,
            env=dict(environ),
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            pass_fds=[commands],
            start_new_session=True,
        )
        os.close(commands)
        assert self._bash.stdin
        self._bash.stdin.write(typed.encode())
        self._bash.stdin.close()

    def run(self, command: str) -> tuple[int, str]:
        """Status and output of a command."""
        alarm = threading.Timer(SECONDS, os.killpg, [self._bash.pid, signal.SIGKILL])
        alarm.start()
        try:
            os.write(self._commands, command.encode() + b"\0")
            return self._until_nul()[::-1]
        finally:
            alarm.cancel()

    def _until_nul(self) -> tuple[str, int]:
        """Output, then the status between two NULs."""
        assert self._bash.stdout
        said = bytearray()
        while said.count(0) < 2:
            more = os.read(self._bash.stdout.fileno(), 65536)
            assert more, f"bash is gone after {said.decode(errors='replace')}"
            said += more
        output, status, _rest = said.decode().split("\0")
        return output, int(status)

    def close(self) -> None:
        """The end of the terminal."""
        os.close(self._commands)
        self._bash.wait(SECONDS)
        assert self._bash.stdout
        self._bash.stdout.close()
