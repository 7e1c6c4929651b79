# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Words that this project once used for things that have a common name: none of them comes back.

A reader of a message or a task name should not need a dictionary. The second half of each row is what to write instead.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from checkout import ROOT

INSTEAD = {
    r"guests? gets? in|lets? (?:guests?|a guest|them) in|(?:is|are|was|were) let in|let in": "allows guest logons",
    r"put(?:s|ting)? (?:\w+ ){0,2}back": "restore, roll back, revert",
    r"gives? back|giving back|given back": "restore",
    r"cut[ -]off|cuts off": "interrupted, truncated",
    r"(?<!\.)_?told": "warnings, or the name of what it holds",
    r"said": "what the text is: output, answer, remark",
    r"wish(?:es|ed)?": "desired setting",
    r"patience|_?astir|disowned|looked_at|on_the_way": "see CONTRIBUTING on words",
    r"(?:stands?|standing|stood|speaks?|speaking) against": "overrides, contradicts",
    r"(?:to |can |may )come true": "to be reached",
    r"as (?:it is |they are )?wanted": "as desired",
    r"on the controller": "on the control node, or: on the domain controller",
}
PATTERNS = {re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE): word for words, word in INSTEAD.items()}
SEARCHED = (
    "plugins",
    "roles",
    "playbooks",
    "docs",
    "extensions",
    "tests/demo",
    "tests/tools",
    "README.md",
    "CONTRIBUTING.md",
)
ENDINGS = {".py", ".yml", ".yaml", ".md", ".rst", ".j2", ".html", ".js", ".json"}


def _files(start: str) -> list[Path]:
    path = ROOT / start
    files = [path] if path.is_file() else sorted(path.rglob("*"))
    return [file for file in files if file.suffix in ENDINGS and file.is_file()]


@pytest.mark.parametrize("start", SEARCHED)
def test_old_words_do_not_come_back(start: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{number}: {match[0]!r}; write: {word}"
        for file in _files(start)
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        for pattern, word in PATTERNS.items()
        for match in pattern.finditer(line)
    ]
    assert found == []


def test_the_search_finds_old_words() -> None:
    assert sum(len(_files(start)) for start in SEARCHED) > 300
    text = "a run that was cut off is put back, as it was told; nothing stands against it"
    assert sum(bool(pattern.search(text)) for pattern in PATTERNS) == 4, text
