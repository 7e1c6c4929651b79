# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/error-codes.md: its codes in all their forms, its links, and its tasks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.winops.smb_guest.plugins.plugin_utils.probe.verdict import VERDICTS
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.events import EVENTS
from simulated_windows.guest_logon import GUEST_BLOCKED, GUEST_NOT_SIGNED

GUIDE = (Path(__file__).resolve().parents[4] / "docs/error-codes.md").read_text()
COLLECTION = "winops.smb_guest."

# How users meet it, and its name. A number in decimal is a Win32 error, in hexadecimal an NTSTATUS or HRESULT.
# Names: MS-ERREF 2.1 to 2.3; those of 1272 and 384: winerror.h; 0xC05D0002, -3 and -6 are named nowhere.
CODES: dict[str, str] = {
    "1272": "ERROR_SMB_GUEST_LOGON_BLOCKED",
    "0xC05D0002": "",
    "0xC05D0006": "",
    "0xC05D0003": "",
    "53": "ERROR_BAD_NETPATH",
    "0xC000A000": "STATUS_INVALID_SIGNATURE",
    "0x80004005": "E_FAIL",
    "384": "ERROR_SMB1_NOT_AVAILABLE",
    "64": "ERROR_NETNAME_DELETED",
    "58": "ERROR_BAD_NET_RESP",
    "1326": "ERROR_LOGON_FAILURE",
    "0xC000006D": "STATUS_LOGON_FAILURE",
}


def _other_forms(code: str) -> list[str]:
    """HRESULT_FROM_WIN32 of a Win32 error (MS-ERREF 2.1.2), and the decimal forms of 32 bits."""
    if code.isdecimal():
        result = 0x80070000 | int(code)
        return [f"0x{result:08X}", str(result - 2**32)]
    return [str(int(code, 16)), str(int(code, 16) - 2**32)]


def _rows() -> list[dict[str, str]]:
    (block,) = re.findall(r"^\| Code \|.*\n(?:\|.*\n)+", GUIDE, re.MULTILINE)
    head, _rule, *rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in block.splitlines()]
    return [dict(zip(head, row, strict=True)) for row in rows]


def _ticked(cell: str) -> list[str]:
    return re.findall(r"`([^`]*)`", cell)


def test_the_codes_are_those_of_the_table_in_all_their_forms() -> None:
    found = {row["Code"].strip("`"): (_ticked(row["Also shown as"]), row["Name"].strip("`")) for row in _rows()}
    assert found == {code: (_other_forms(code), name) for code, name in CODES.items()}


def test_every_row_has_a_cause_and_a_cure() -> None:
    assert all(row["Cause"] and row["Cure"] for row in _rows())


def test_every_number_of_the_text_is_a_form_of_a_code() -> None:
    """So that no digit is wrong anywhere. Years, versions and a port are no such numbers."""
    prose = re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL)
    numbers = set(re.findall(r"-?\b(?:0x[0-9A-Fa-f]{8}|[0-9]{4,})\b", prose)) - {"2025", "-2025"}
    known = {form for code in CODES for form in (code, *_other_forms(code))} | {str(number) for number in EVENTS}
    assert numbers - known <= {"0x80070000"}
    assert {"1272", "0x80070035", "0x80004005", "0xC000A000", "0xC05D0002", "3227320323"} <= numbers


def test_the_simulated_client_refuses_with_codes_of_the_guide() -> None:
    for refusal in (GUEST_BLOCKED, GUEST_NOT_SIGNED):
        assert refusal["status"] in CODES
    assert str(GUEST_BLOCKED["win32"]) in CODES


def test_links_lead_to_a_heading() -> None:
    anchors = {
        re.sub(r"[^a-z0-9 ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", GUIDE, re.M)
    }
    assert set(re.findall(r"\]\(#([^)]*)\)", GUIDE)) <= anchors


def tasks() -> Iterator[dict[str, Any]]:
    for block in re.findall(r"```yaml\n(.*?)```", GUIDE, re.DOTALL):
        yield from yaml.safe_load(block)


def test_the_tasks_use_options_and_choices_that_exist(documented: Any) -> None:
    modules = set()
    for task in tasks():
        for action in (key for key in task if key.startswith(COLLECTION)):
            modules.add(action.removeprefix(COLLECTION))
            options = documented[action.removeprefix(COLLECTION)]["doc"]["options"]
            for name, value in (task[action] or {}).items():
                assert value in options[name].get("choices", [value]), (action, name)
    assert modules == {"client_config", "client_facts", "guest_auth", "revert_change", "server_info", "signing"}


@pytest.mark.parametrize("verdict", ["guest_only_suspected", "smb1_only"])
def test_verdicts_that_it_names_exist(verdict: str) -> None:
    assert verdict in VERDICTS
    assert f"`{verdict}`" in GUIDE
