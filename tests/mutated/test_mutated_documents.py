"""JSON and XML that somebody damaged: both journals, an earlier report, a part of a report, files of other tools.

Each is read, or is an error of ours on one line. What is read is used as a task would use it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from damage import CHUNK

from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal import Journal
from ansible_collections.winops.smb_guest.plugins.plugin_utils.change.journal_format import encode
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.text import one_line
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_journal import GpoJournal
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.forms import FORMS, written_files
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.policy_places import PolicyDocument
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.policy_reader import PolicyFolder
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.csv_tables import csv_files
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.document import ReportTerms, build_document
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.files import as_json, read_document, read_parts
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.html import render
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.parts import build_part, merge_parts
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import SETTINGS
from ansible_collections.winops.smb_guest.tests.report.invented_fleet import NOW, results

GUID = "{11111111-2222-3333-4444-555555555555}"
MAX_TEXT = 1500
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
WRONG: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**400, "", "x", "\ud800", "a\x1b[31m", "\u202e", "9" * 5000, [], {}, [[]], [None]),
    *({"": None}, ["x"] * 300, {"found": 1}, "2026-99-99T00:00:00Z", "0001-01-01T00:00:00+23:59", "NaN"),
    *(float("nan"), float("inf"), "setting:insecure_guest_logons", "applied", "pending", 2**64, "..\\..\\x"),
)
PIECES = (b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\ud800", b"\0", b"\xff", b"null", b"1e999", b"[" * 3000)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of a document, the whole of it included."""
    found = [path]
    rows = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in rows:
        found += places(value, (*path, key))
    return found


def with_wrong_member(chance: random.Random, document: Any) -> Any:
    """Another value at one place, or the place gone, or there twice."""
    place = chance.choice(places(document))
    if not place:
        return deepcopy(chance.choice(WRONG))
    parent = document
    for key in place[:-1]:
        parent = parent[key]
    lot = chance.random()
    if lot < 0.15:
        del parent[place[-1]]
    elif lot < 0.3 and isinstance(parent, list):
        parent.append(deepcopy(parent[place[-1]]))
    elif lot < 0.4 and isinstance(parent, dict):
        parent[chance.choice(("", "x", "setting:x", "link:DC=a", "\ud800"))] = parent.pop(place[-1])
    else:
        parent[place[-1]] = deepcopy(chance.choice(WRONG))
    return document


def damaged_json(chance: random.Random, text: str) -> bytes:
    """Mostly JSON of another shape, sometimes no JSON."""
    if chance.random() < 0.75:
        document = json.loads(text)
        for _each in range(chance.choice((1, 1, 2, 3))):
            document = with_wrong_member(chance, document)
        return json.dumps(document).encode()
    return damaged_bytes(chance, text.encode())


def damaged_bytes(chance: random.Random, data: bytes) -> bytes:
    for _each in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(data) + 1)
        end = min(len(data), at + chance.choice((0, 1, 2, 8, 40)))
        part = chance.choice((b"", chance.choice(PIECES), data[at:end] * 2, bytes([chance.randrange(256)])))
        data = data[:at] + part + (data[end:] if chance.random() < 0.9 else b"")
    return data


class Lines:
    """In place of a host's registry: the lists of a journal."""

    def __init__(self, lines: tuple[str, ...]) -> None:
        self._lines = lines

    def strings(self, _key: str, _name: str) -> tuple[str, ...]:
        return self._lines

    def subkeys(self, _key: str) -> list[str]:
        return ["CHG1~reverted", "CHG2~left~insecure_guest_logons~local", "x"]


HOST_LINE = {
    "seq": 2,
    "change_id": "CHG2",
    "status": "applied",
    "reason": "why",
    "created_at": "2026-03-02T12:00:00.000000+00:00",
    "expires_at": "2026-03-03T12:00:00.000000+00:00",
    "controller": ["control", "1"],
    "lasts": 3600,
    "registered_as": "abc",
    "note": "note",
    "made_keys": ["SOFTWARE\\Policies\\Microsoft\\Windows\\LanmanWorkstation"],
    "left_alone": [["client_signing", "local"]],
    "parts": [
        {
            "setting": "insecure_guest_logons",
            "scope": "local",
            "wanted": True,
            "found": ["REG_DWORD", 0, False],
            "left": ["REG_DWORD", 1, True],
            "over": "CHG1",
        },
        {"setting": "client_signing", "scope": "local", "wanted": False, "found": [None, None, True]},
    ],
}
POLICY = ("Software\\Policies\\Microsoft\\Windows\\LanmanWorkstation", "AllowInsecureGuestAuth", 4)
CELL = {"found": [[0, *POLICY, "AQAAAA=="]], "written": [[0, *POLICY, "AAAAAA=="]], "over": None}
LINK = {"guid": GUID, "gPLink": f"[LDAP://cn={GUID},cn=policies,cn=system,DC=ad,DC=example;0]"}
FILES = {"registry_pol": True, "gpt_tmpl": False, "extensions": None}
GPO_JOURNAL = {
    "format": 3,
    "guid": GUID,
    "name": "SMB",
    "version": 7,
    "entries": [
        {
            "change_id": f"CHG{number}",
            "kind": kind,
            "status": status,
            "cells": {
                "setting:insecure_guest_logons": {**CELL, "over": over},
                "link:DC=ad,DC=example": {"found": {**LINK, "gPLink": ""}, "written": LINK, "over": None},
                "comment": {"found": None, "written": "dGV4dA==", "over": None},
                "setting:client_signing": {"found": None, "written": [4, "1"], "over": None},
                "files": {"found": FILES, "written": FILES, "over": None},
            },
            "gpo": {"name": "SMB"},
            "files": {"GPT.INI": "0" * 64},
            "kept_in": "",
            "reason": "why",
            "created_at": "2026-03-02T12:00:00Z",
            "controller": "control",
            "account": "admin",
            "note": "",
            "version_found": 6,
            "left_alone": ["comment"],
            "targets": {"DC=ad,DC=example": "7a1b2c3d-0000-4000-8000-000000000001"},
        }
        for number, kind, status, over in ((1, "create", "applied", None), (2, "edit", "pending", "CHG1"))
    ],
}


def host_journal(data: bytes, _folder: Path) -> None:
    line = data.decode("utf-8", "replace")
    snapshot = Journal(Lines((json.dumps({**HOST_LINE, "seq": 1, "change_id": "CHG1"}), line))).read()  # type: ignore[arg-type]
    for entry in snapshot.stack.entries:
        assert encode(entry)
        assert entry.reason.isprintable()
    snapshot.stack.needed()
    for line in snapshot.damaged:
        assert one_line(line) == line


def gpo_journal(data: bytes, _folder: Path) -> None:
    journal = GpoJournal.parse(GUID, data, "path")
    stack = journal.stack
    for entry in stack.standing:
        journal.above(entry)
        journal.to_restore(entry)
        assert all(text.isprintable() for text in (entry.reason, entry.account, entry.note))
    for name, value in ((name, value) for entry in journal.entries for name, value in entry.cells.items()):
        journal.with_over({name: value})
    journal.renamed({guid: "OU=new,DC=ad" for entry in journal.entries for guid in entry.targets.values()})
    assert GpoJournal.parse(GUID, journal.to_bytes(), "path") is not None


@cache
def fleet() -> dict[str, Any]:
    return dict(results(3))


@cache
def report() -> str:
    return "".join(as_json(build_document(fleet(), ReportTerms(NOW))))


@cache
def part() -> str:
    return "".join(as_json(build_part(fleet(), [], NOW)))


def earlier_report(data: bytes, folder: Path) -> None:
    path = folder / "report.json"
    path.write_bytes(data)
    document = build_document(fleet(), ReportTerms(NOW, previous=read_document(path)))
    "".join(as_json(document)).encode()
    render(document).encode()


def part_of_a_report(data: bytes, folder: Path) -> None:
    path = folder / "part.json"
    path.write_bytes(data)
    merged = merge_parts({}, [part for _path, part in read_parts([path])])
    document = build_document(merged.hosts, ReportTerms(NOW, probes=merged.probes))
    "".join(as_json(document)).encode()
    render(document).encode()
    for text in csv_files(document).values():
        "".join(text).encode()


@cache
def policy_files() -> list[tuple[str, bytes]]:
    """Files of every form that this collection writes: backups, registry files, LGPO, Intune."""
    document = PolicyDocument("SMB", dict.fromkeys(SETTINGS.values(), True), NOON, "CHG1")
    written = [(name, content) for form in FORMS for name, content in written_files(form, document).items()]
    return [(name, content) for name, content in written if name.rpartition(".")[2] not in ("md", "ps1", "cmd")]


def policy_folder(data: bytes, _folder: Path) -> None:
    index, _newline, content = data.partition(b"\n")
    name = policy_files()[int(index)][0]
    for source in PolicyFolder({name: lambda: content}).sources():
        for note in source.notes:
            assert one_line(note) == note, note


def _policy_file(chance: random.Random) -> bytes:
    index = chance.randrange(len(policy_files()))
    name, content = policy_files()[index]
    damage = damaged_json(chance, content.decode()) if name.endswith(".json") else damaged_bytes(chance, content)
    return f"{index}\n".encode() + damage


Read = Callable[[bytes, Path], None]
DOCUMENTS: Mapping[str, tuple[Callable[[random.Random], bytes], Read, int]] = {
    "host journal": (lambda chance: damaged_json(chance, json.dumps(HOST_LINE)), host_journal, 1),
    "GPO journal": (lambda chance: damaged_json(chance, json.dumps(GPO_JOURNAL)), gpo_journal, 1),
    "earlier report": (lambda chance: damaged_json(chance, report()), earlier_report, 200),
    "part of a report": (lambda chance: damaged_json(chance, part()), part_of_a_report, 200),
    "policy files": (_policy_file, policy_folder, 1),
}
"""How to damage one, how to read it, and the share of the number that is tried: a page costs many times a line."""


def wrong_with(error: SmbGuestError) -> str | None:
    text = str(error)
    if one_line(text) != text:
        return "it is not one line of printable text"
    return f"it has {len(text)} characters" if len(text) > MAX_TEXT else None


def test_whole_documents_are_read(tmp_path: Path) -> None:
    host_journal(json.dumps(HOST_LINE).encode(), tmp_path)
    gpo_journal(json.dumps(GPO_JOURNAL).encode(), tmp_path)
    earlier_report(report().encode(), tmp_path)
    part_of_a_report(part().encode(), tmp_path)
    for index, (_name, content) in enumerate(policy_files()):
        policy_folder(f"{index}\n".encode() + content, tmp_path)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_damaged_documents(name: str, chunk: int, seed: int, tmp_path: Path) -> None:
    damage, read, share = DOCUMENTS[name]
    for number in range(chunk * CHUNK, (chunk + 1) * CHUNK, share):
        chance = random.Random(f"{seed} {name} {number}")
        try:
            read(damage(chance), tmp_path)
        except SmbGuestError as error:
            wrong = wrong_with(error)
            if wrong:
                pytest.fail(f"{wrong}: {error!r} ({name}, seed {seed}, number {number})")
        except Exception as error:  # noqa: BLE001  (which one is what the test looks for)
            pytest.fail(f"{error!r} ({name}, seed {seed}, number {number})")
