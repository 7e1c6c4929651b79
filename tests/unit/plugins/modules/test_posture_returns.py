# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""posture_info and posture_report: what they return, and that a part which fails hides no other."""

from __future__ import annotations

import hashlib
import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.winops.smb_guest.plugins.action import posture_info, posture_report
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import (
    HostError,
    HostUnreachable,
    RequestError,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.gathered_facts import GatheredFacts
from ansible_collections.winops.smb_guest.tests.report.invented_fleet import results

READ = {
    "gather_settings": {"os": {}, "identity": {}, "settings": {}, "guest_access": {}, "client_limits": {}, "audit": {}},
    "gather_changes": {"changes": []},
    "gather_events": {"servers": [], "clients": [], "unnamed_server": None, "events": {}},
    "gather_doors": {"doors": {}},
    "gather_connections": {"connections": [], "sessions": None, "counts": {}},
}
"""What each function that posture_info calls returns."""
GUEST = "insecure_guest_logons"
OPTIONS = {"parts": list(posture_info.PARTS), "since": "30d", "max_events": 20_000, "way": "auto"}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs posture_info; `failing` maps one of READ to the error that it ends with."""

    def run(failing: dict[str, Exception], **options: Any) -> dict[str, Any]:
        action = posture_info.ActionModule.__new__(posture_info.ActionModule)
        monkeypatch.setattr(action, "words", str, raising=False)
        action._connection = SimpleNamespace(get_option=lambda _name: "Administrator")

        def gatherer(name: str) -> Any:
            def gather(*_given: Any, **_options: Any) -> GatheredFacts:
                if name in failing:
                    raise failing[name]
                return GatheredFacts(READ[name], (name,))

            return gather

        for name in READ:
            monkeypatch.setattr(posture_info, name, gatherer(name))
        result: dict[str, Any] = action.work(None, OPTIONS | options)
        return result

    return run


def test_everything_is_documented(documented: Any, read: Any) -> None:
    result = read({})
    assert set(result["posture"]) == set(documented["posture_info"]["return"]["posture"]["contains"])
    assert result["posture"]["problems"] == []
    assert set(result["warnings"]) == set(READ)


@pytest.mark.parametrize("part", READ)
def test_a_part_that_fails_hides_no_other(read: Any, part: Any) -> None:
    posture = read({part: HostError("denied")})["posture"]
    assert [row["message"] for row in posture["problems"]] == ["denied"]
    left = {"settings", "changes", "servers", "connections"} & set(posture)
    assert len(left) == (4 if part == "gather_doors" else 3)


def test_all_parts_failing_fail_the_task(read: Any) -> None:
    with pytest.raises(HostError, match="first"):
        read({name: HostError("first") for name in READ})


def test_an_unreachable_host_is_unreachable(read: Any) -> None:
    with pytest.raises(HostUnreachable):
        read({"gather_connections": HostUnreachable("gone")})


def test_parts_are_chosen_and_since_is_checked_first(read: Any) -> None:
    assert set(read({}, parts=["connections"])["posture"]) == {"connections", "problems"}
    with pytest.raises(RequestError, match="parts is empty"):
        read({}, parts=[])
    with pytest.raises(RequestError, match="neither an age"):
        read({"gather_settings": HostError("never reached")}, since="yesterday")
    with pytest.raises(RequestError, match="max_events is -1"):
        read({"gather_settings": HostError("never reached")}, max_events=-1)


def _report(tmp_path: Path, *, check_mode: bool = False, **options: Any) -> dict[str, Any]:
    action = posture_report.ActionModule.__new__(posture_report.ActionModule)
    action._task = SimpleNamespace(check_mode=check_mode)
    action._loader = DataLoader()
    given = {
        "hosts": dict(results(4)),
        "dest": str(tmp_path / "out"),
        "formats": ["html", "json", "csv"],
        "title": "T",
        "exceptions": [],
        "exceptions_file": None,
        "servers": [],
        "previous": None,
        "baseline": None,
        "merge": [],
        "check_options": False,
        "mode": "0640",
    }
    result: dict[str, Any] = action.act(given | options)
    return result


def test_the_report_returns_what_is_documented(documented: Any, tmp_path: Path) -> None:
    result = _report(tmp_path)
    assert set(result) - {"changed"} == set(documented["posture_report"]["return"])
    assert sorted(result["files"]) == sorted(str(path) for path in (tmp_path / "out").iterdir())
    assert result["comparison"] is None
    assert _report(tmp_path)["comparison"]["guest_state"] == []


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    result = _report(tmp_path, check_mode=True)
    assert result["changed"]
    assert result["files"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"formats": []}, "formats is empty"),
        ({"mode": "rw"}, "is no mode of a file"),
        ({"mode": "8"}, "is no mode of a file"),
        ({"previous": "/nowhere/report.json"}, "does not exist"),
        ({"exceptions": [{"host": "a", "server": "b", "reason": "x"}]}, "either a host or a server"),
    ],
)
def test_bad_options_are_named_and_nothing_is_written(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        _report(tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_report_of_another_schema_is_reported(tmp_path: Path) -> None:
    _report(tmp_path)
    (tmp_path / "out/report.json").write_text('{"schema_version": 99}')
    result = _report(tmp_path)
    assert "another schema_version" in result["warnings"][0]
    assert result["comparison"] is None


def test_options_are_checked_without_a_report(tmp_path: Path) -> None:
    assert _report(tmp_path, check_options=True) == {"changed": False}
    with pytest.raises(RequestError, match="Entry 1 of the exceptions"):
        _report(tmp_path, check_options=True, exceptions=[{"reason": "x"}])
    assert list(tmp_path.iterdir()) == []


def test_checksums_are_those_of_the_files(tmp_path: Path) -> None:
    formats = ["html", "json", "csv", "jsonl", "sarif", "part"]
    files = {Path(name).name: Path(name).read_bytes() for name in _report(tmp_path, formats=formats)["files"]}
    sums = dict(reversed(line.split("  ")) for line in files.pop("SHA256SUMS").decode().splitlines())
    assert sums == {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    assert sums["report.json"] in files["report.html"].decode()


def test_the_report_says_who_made_it_and_how(tmp_path: Path) -> None:
    _report(tmp_path)
    provenance = json.loads((tmp_path / "out/report.json").read_text())["provenance"]
    assert provenance["control_node"] == socket.gethostname()
    assert provenance["user"]
    assert "title=T" in provenance["options"]


def _comparable(folder: Path) -> dict[str, Any]:
    document = json.loads((folder / "report.json").read_text())
    return {name: value for name, value in document.items() if name not in ("provenance", "generated_at", "history")}


def test_seven_parts_make_the_report_of_one_run(tmp_path: Path) -> None:
    hosts = dict(results(60))
    _report(tmp_path, hosts=hosts, dest=str(tmp_path / "whole"))
    names = list(hosts)
    for number in range(7):
        its = {name: hosts[name] for name in names[number::7]}
        _report(tmp_path, hosts=its, dest=str(tmp_path / "parts"), formats=["part"])
    assert len(list((tmp_path / "parts").glob("part-*.json"))) == 7
    inventory: dict[str, Any] = {name: {} for name in names}
    _report(tmp_path, hosts=inventory, merge=[str(tmp_path / "parts")], dest=str(tmp_path / "merged"))
    assert json.dumps(_comparable(tmp_path / "merged")) == json.dumps(_comparable(tmp_path / "whole"))


def test_a_host_in_no_part_is_not_asked_and_the_newest_part_counts(tmp_path: Path) -> None:
    hosts = dict(results(3))
    read = next(name for name, result in hosts.items() if "posture" in result)
    later = json.loads(json.dumps(hosts[read]))
    later["posture"]["identity"]["read_at"] = "2027-01-01T00:00:00Z"
    later["posture"]["os"]["ubr"] = 9999
    for folder, result in (("old", hosts[read]), ("new", later)):
        _report(tmp_path, hosts={read: result}, dest=str(tmp_path / folder), formats=["part"])
    for order in (["old", "new"], ["new", "old"]):
        merge = [str(tmp_path / folder) for folder in order]
        _report(tmp_path, hosts={"lost": {}}, merge=merge, dest=str(tmp_path / "merged"))
        rows = {row["name"]: row for row in json.loads((tmp_path / "merged/report.json").read_text())["hosts"]}
        assert (rows["lost"]["status"], rows[read]["os"]["ubr"]) == ("not_asked", 9999)


@pytest.mark.parametrize(
    ("content", "words"), [(None, "does not exist"), ("{}", "is no part"), ("nonsense", "no JSON")]
)
def test_what_is_no_part_is_an_error(tmp_path: Path, content: str | None, words: str) -> None:
    part = tmp_path / "part.json"
    if content is not None:
        part.write_text(content)
    with pytest.raises(RequestError, match=words):
        _report(tmp_path, merge=[str(part)])


def test_a_baseline_is_read_from_policy_files(tmp_path: Path) -> None:
    wrong, folder = tmp_path / "wrong", tmp_path / "baseline"
    for each in (wrong, folder):
        each.mkdir()
    key = r"HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
    text = f'Windows Registry Editor Version 5.00\r\n\r\n[{key}]\r\n"AllowInsecureGuestAuth"=dword:00000000\r\n'
    (folder / "hardening.reg").write_bytes(text.encode("utf-16"))
    _report(tmp_path, hosts=dict(results(20)), baseline=str(folder))
    document = json.loads((tmp_path / "out/report.json").read_text())
    (row,) = document["baseline"]["settings"]
    allowed = [row["name"] for row in document["hosts"] if row["settings"].get(GUEST, {}).get("running")]
    assert (row["setting"], row["wanted"], row["differ"]) == (GUEST, "blocked", allowed)
    assert allowed
    (wrong / "notes.txt").write_text("nothing")
    for path, words in ((wrong, "says nothing about the SMB settings"), (tmp_path / "gone", "does not exist")):
        with pytest.raises(RequestError, match=words):
            _report(tmp_path, baseline=str(path), check_options=True)


GOOD = "- {host: ws-*, reason: lab, expires: 2026-12-31, approved_by: J. Doe}\n"


def test_exceptions_of_a_file_stand_beside_those_of_the_task(tmp_path: Path) -> None:
    file = tmp_path / "exceptions.yml"
    file.write_text(GOOD)
    task = [{"server": "nas", "reason": "replaced"}]
    result = _report(tmp_path, exceptions=task, exceptions_file=str(file))
    document = json.loads((tmp_path / "out/report.json").read_text())
    assert {row["reason"]: row["expires_at"] for row in document["exceptions"] if row["source"] == "file"} == {
        "lab": "2027-01-01T00:00:00Z",
        "replaced": None,
    }
    assert result["summary"]["exceptions"] >= 2


@pytest.mark.parametrize("text", ["", "---\n", "# nothing yet\n"])
def test_an_exceptions_file_may_be_empty(tmp_path: Path, text: str) -> None:
    file = tmp_path / "exceptions.yml"
    file.write_text(text)
    assert _report(tmp_path, exceptions_file=str(file), check_options=True) == {"changed": False}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("host: ws-*\nreason: lab\n", "holds a mapping, not a list"),
        ("just text\n", "not a list"),
        ("- ws-*\n", "Entry 1 of .* is 'ws-\\*', not a mapping"),
        ("- [ws-*, lab]\n", "Entry 1 of .* not a mapping"),
        ("- {host: ws-*, reason: lab, until: 2026-12-31}\n", "Entry 1 of .* has until"),
        (f"{GOOD}- {{host: ws-*, reason: lab, expires: 2026-02-30}}\n", "cannot be read.*day is out of range"),
        (f"{GOOD}- {{host: ws-*, reason: lab, expires: 31.12.2026}}\n", "Entry 2 of .* is no day such as"),
        ("- {host: ws-*, reason: lab, expires: [2026]}\n", "is no day such as"),
        ("- {host: ws-*}\n", "says no reason"),
        ("- {host: ws-*, reason: lab, control: 99.9}\n", "is no id of a benchmark"),
        ("- {host: [unclosed\n", "cannot be read"),
        ("$ANSIBLE_VAULT;1.1;AES256\n6162\n", "cannot be read"),
        (None, "cannot be read"),
    ],
)
def test_an_exceptions_file_of_a_wrong_kind_is_an_error_before_a_host_is_read(
    tmp_path: Path, text: str | None, words: str
) -> None:
    file = tmp_path / "exceptions.yml"
    if text is not None:
        file.write_text(text)
    with pytest.raises(RequestError, match=words) as caught:
        _report(tmp_path, exceptions_file=str(file), check_options=True)
    assert "exceptions.yml" in str(caught.value)


def test_a_folder_in_the_place_of_an_exceptions_file(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        _report(tmp_path, exceptions_file=str(tmp_path), check_options=True)
