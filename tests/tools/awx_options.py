"""Compares the tasks of docs/awx with the documentation of the modules of awx.awx: ansible-lint knows only their names.

Nested options are compared as far as the documentation describes them. Exit status 1 for an option that no module has.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from checkout import ROOT

COLLECTION = "awx.awx."


class _Loader(yaml.SafeLoader):
    """YAML of a playbook, in which text may be marked as unsafe."""


_Loader.add_constructor("!unsafe", lambda _loader, node: node.value)


def main() -> int:
    """Compare every file of docs/awx; return the exit status."""
    texts = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs/awx").glob("*.yml"))]
    plays = [play for text in texts for play in yaml.load(text, Loader=_Loader)]  # noqa: S506
    tasks = [
        (name, row) for play in plays for task in play["tasks"] for name, row in task.items() if COLLECTION in name
    ]
    names = sorted({name for name, _row in tasks})
    listing = subprocess.run(["ansible-doc", "--json", *names], check=True, capture_output=True, text=True).stdout
    documented = {name: entry["doc"]["options"] for name, entry in json.loads(listing).items()}
    problems = [f"{name}: {text}" for name, row in tasks for text in _unknown(row, documented[name])]
    print("\n".join(problems) or f"{len(tasks)} tasks with {len(names)} modules have only options that exist.")
    return bool(problems) or not tasks


def _unknown(given: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[str]:
    """The options that are not documented, and values that are no choice."""
    aliases = {alias for row in options.values() for alias in row.get("aliases", ())}
    for name, value in given.items():
        if name not in options:
            if name not in aliases:
                yield f"{name} is no option"
            continue
        choices, below = options[name].get("choices"), options[name].get("suboptions")
        if choices and value not in choices:
            yield f"{name}: {value!r} is none of {', '.join(map(str, choices))}"
        for row in value if isinstance(value, list) else [value]:
            if below and isinstance(row, Mapping):
                yield from _unknown(row, below)


if __name__ == "__main__":
    sys.exit(main())
