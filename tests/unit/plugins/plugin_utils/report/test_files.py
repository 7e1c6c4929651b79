# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a report are written whole or not at all, and cells of CSV are text."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.csv_tables import safe_cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.files import read_document, write_files


def test_files_are_written_with_their_mode_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    write_files(folder, {"a.txt": "one", "b.txt": "two"}, 0o640)
    write_files(folder, {"a.txt": "three"}, 0o600)
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.txt": "three", "b.txt": "two"}
    assert (folder / "a.txt").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_last_report_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_files(tmp_path, {"a.txt": "old", "b.txt": "old"}, 0o640)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", full) if step == "fsync" else (Path, "replace", full)))
    with pytest.raises(RequestError, match="No space left on device"):
        write_files(tmp_path, {"a.txt": "new", "b.txt": "new"}, 0o640)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "old", "b.txt": "old"}


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(RequestError, match="cannot be written to"):
        write_files(tmp_path / "taken", {"a.txt": ""}, 0o640)


def test_an_earlier_document(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert read_document(path) is None
    for text in ("", "[]", "{", "[" * 100_000):
        path.write_text(text)
        with pytest.raises(RequestError, match="is no JSON of a report"):
            read_document(path)
    path.write_bytes(b"\xff")
    with pytest.raises(RequestError, match="cannot be read"):
        read_document(path)
    path.write_text('{"schema_version": 1}')
    assert read_document(path) == {"schema_version": 1}


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""), (True, "true"), (-3, "-3"), (["a", "b"], "a; b"), ("plain", "plain"), ("a=b", "a=b"),
        ("=1+1", "'=1+1"), (" =1", "' =1"), ("@x", "'@x"), ("-x", "'-x"), ("\uff1d1", "'\uff1d1"), (["=1"], "'=1"),
    ],
)  # fmt: skip
def test_a_cell_is_never_a_formula(value: object, cell: str) -> None:
    assert safe_cell(value) == cell
