"""The PowerShell scripts with which Ansible's connections copy a file, recognised by what they do.

A script that creates a file and decodes base64 writes its input lines to the file and answers the file's SHA-1; one
that reads a file and encodes base64 answers a piece of it. ansible-core 2.18 writes path and numbers into the script.
Later ones run a wrapper, and send in front of the input, each ended by a line of NULs: what the wrapper runs (JSON),
and a manifest with the real script and its parameters (JSON, compressed by 2.22).
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .files import FileProblem, Files

END_OF_SCRIPT = "\0\0\0\0"
_LITERAL = r"^\s*\${name}\s*=\s*(?:'((?:[^']|'')*)'|(\d+))\s*$"


_UNBOUND = re.compile(r"\$(\w+)\s*=\s*\$MyInvocation\.UnboundArguments\[(\d+)\]", re.IGNORECASE)


@dataclass
class LeftOpen:
    """The file that an earlier script of the same runspace holds open, as 2.18's psrp connection does."""

    path: str | None = None


@dataclass
class Script:
    """A script, its parameters by lower case name, the lines of its input, and its arguments by position."""

    text: str
    parameters: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        block = re.search(r"param\s*\(([^)]*)\)", self.text, re.IGNORECASE)
        named = re.findall(r"\$(\w+)", block[1]) if block else []
        for position, name in [*enumerate(named), *((int(at), name) for name, at in _UNBOUND.findall(self.text))]:
            if position < len(self.arguments):
                self.parameters.setdefault(name.lower(), self.arguments[position])

    def value(self, *names: str) -> Any:
        """A parameter, or what the script itself assigns to a variable of one of the names; None without."""
        for name in names:
            if name.lower() in self.parameters:
                return self.parameters[name.lower()]
            match = re.search(_LITERAL.replace("{name}", name), self.text, re.MULTILINE | re.IGNORECASE)
            if match:
                return int(match[2]) if match[2] else match[1].replace("''", "'")
        return None


@dataclass(frozen=True)
class Output:
    exit_code: int
    stdout: str = ""
    stderr: str = ""


def unwrap(script: Script) -> Script:
    """The script that a wrapper runs in the end; without a wrapper the script itself."""
    if "ConvertFrom-Json" not in script.text or "$input" not in script.text:
        return script
    text = "\n".join(script.lines)
    wrapped, _end, rest = text.partition(f"\n{END_OF_SCRIPT}\n")
    manifest, _end, lines = rest.partition(f"\n{END_OF_SCRIPT}")
    try:
        if json.loads(wrapped)["params"].get("DecompressInput"):
            manifest = gzip.decompress(base64.b64decode(manifest)).decode()
        document = json.loads(manifest)
        action = document["actions"][-1]
        inner = base64.b64decode(document["scripts"][action["name"]]["script"]).decode()
        parameters = {name.lower(): value for name, value in action["params"].items()}
    except (ValueError, KeyError, IndexError, OSError):
        return script
    return Script(inner, parameters, lines.removeprefix("\n").split("\n"))


def run(script: Script, files: Files, elevated: bool, left_open: LeftOpen | None = None) -> Output | None:
    """Copy a file as the script would; None if it copies none. ``left_open``: of its runspace, if it has one."""
    script = unwrap(script)
    encodes, opens = "ToBase64String" in script.text, "FileStream" in script.text
    held = left_open or LeftOpen()
    act: Callable[[Script, Files, str], Output]
    if "FromBase64String" in script.text and re.search(r"File\]::Create\(", script.text):
        act = _put
    elif opens:
        act = _fetch if encodes else _open
    elif held.path is not None and (encodes or script.text.strip() == "$fs.Close()"):
        return _piece(script, files, held.path) if encodes else Output(0)
    else:
        return None
    path = script.value("path")
    if not isinstance(path, str):
        return Output(1, "", "The path is missing.\r\n")
    if not elevated:
        return Output(1, "", f"Access to the path '{path}' is denied.\r\n")
    try:
        output = act(script, files, path)
    except FileProblem as problem:
        return Output(1, "", f"{problem.text}.\r\n")
    held.path = path
    return output


def _put(script: Script, files: Files, path: str) -> Output:
    try:
        content = b"".join(base64.b64decode(line, validate=True) for line in script.lines)
    except ValueError:
        return Output(1, "", "The input is not a valid Base-64 string.\r\n")
    files.write(path, content)
    return Output(0, json.dumps({"sha1": hashlib.sha1(content).hexdigest()}) + "\r\n")  # noqa: S324  (Ansible's choice)


def _open(_script: Script, files: Files, path: str) -> Output:
    if files.is_folder(path):
        return Output(0, "[DIR]\r\n")
    return Output(0) if files.is_file(path) else Output(1, "", f"{path} does not exist\r\n")


def _fetch(script: Script, files: Files, path: str) -> Output:
    opened = _open(script, files, path)
    if opened.exit_code or opened.stdout:
        return opened
    if '"[FILE]"' not in script.text:
        return _piece(script, files, path)
    size, content = script.value("BufferSize"), files.read(path)
    pieces = [base64.b64encode(content[at : at + size]).decode() for at in range(0, len(content), size)]
    return Output(0, "\r\n".join(["[FILE]", *pieces]) + "\r\n")


def _piece(script: Script, files: Files, path: str) -> Output:
    offset, size = int(script.value("offset") or 0), int(script.value("BufferSize", "buffer_size"))
    piece = files.read(path)[offset : offset + size]
    return Output(0, base64.b64encode(piece).decode() + "\r\n" if piece else "")
