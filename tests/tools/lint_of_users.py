"""Runs ansible-lint on a playbook as users write one: it finds the misspelt option of every module, and nothing else.

For each module there is a task with an option that does not exist, and one whose options are all templates. Exit
status 1 where the linter finds another set of tasks.
"""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from checkout import COLLECTION, COLLECTIONS, ROOT, clean_environ

NAME = ".".join(COLLECTION.parts[1:])
MISSPELT = "chagne_id"
HEAD = ["---", "- name: Lint", "  hosts: all", "  gather_facts: false", "  tasks:"]
FOUND = re.compile(r"^play\.yml:(\d+): args\[module\].* Unsupported parameters .*: " + MISSPELT, re.MULTILINE)
LITERAL: dict[str, dict[str, object]] = {
    "guest_auth": {"state": "closed"},
    "audit": {"channels": "[{name: Microsoft-Windows-SmbClient/Audit, min_sze: 1}]"},
    "harden": {"client_signing": "perhaps"},
}
"""Module -> a wrong choice, a misspelt option of an option, a wrong type."""


def main() -> int:
    """Lint the playbook; return the exit status."""
    lines, expected = [*HEAD], set[int]()
    for name in sorted(path.stem for path in (ROOT / "plugins/action").glob("[!_]*.py")):
        expected.add(len(lines) + 1)
        lines += _task(name, {MISSPELT: "CHG0042"})
        lines += _task(name, dict.fromkeys(_options(name), '"{{ given }}"'))
    literal = len(lines) + 1
    for name, options in LITERAL.items():
        lines += _task(name, options)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "play.yml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        command = ["ansible-lint", "--offline", "--nocolor", "--format", "pep8", "play.yml"]
        environ = clean_environ(Path(sys.executable).parent)
        done = subprocess.run(command, cwd=folder, env=environ, check=False, capture_output=True, text=True)
    findings = [int(line) for line in re.findall(r"^play\.yml:(\d+): args", done.stdout, re.MULTILINE)]
    found = {int(line) for line in FOUND.findall(done.stdout)}
    wrong = {literal + 3 * number for number in range(len(LITERAL))}
    right = found == expected and set(findings) - found == wrong
    print(f"{len(found)} misspelt options found." if right else done.stdout + done.stderr)
    return not right


def _options(name: str) -> Iterator[str]:
    """The options of a module."""
    sys.path.insert(0, str(COLLECTIONS))
    action = importlib.import_module(f"ansible_collections.{NAME}.plugins.action.{name}")
    return iter(action.ActionModule.ARGUMENT_SPEC)


def _task(name: str, options: dict[str, object]) -> list[str]:
    """The lines of a task."""
    given = [f"        {option}: {value}" for option, value in options.items()]
    return [f"    - name: Call {name}", f"      {NAME}.{name}:", *given]


if __name__ == "__main__":
    sys.exit(main())
