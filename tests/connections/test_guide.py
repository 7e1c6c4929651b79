"""docs/connections.md has every variable that the ways need, and none that the connections do not know."""

from __future__ import annotations

import re
from pathlib import Path

from checkout import ROOT
from ways import WAYS

COMMON = {"ansible_connection", "ansible_host", "ansible_port", "ansible_user", "ansible_password"}


def test_the_guide_and_the_ways_name_the_same_variables() -> None:
    guide = Path(ROOT, "docs", "connections.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\bansible_(?:winrm|psrp)_\w+", guide))
    used = {name for way in WAYS.values() for name in way.variables} - COMMON
    assert named == used
