# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the control node are read within bounds, and written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.local_files import (
    StagedFiles,
    bounded_readers,
    write_files,
)


def test_files_are_written_with_their_mode_and_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    write_files(folder, {"a.txt": b"one", "b.txt": b"two"}, 0o640, "It")
    write_files(folder, {"a.txt": b"three"}, 0o600, "It")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"a.txt": "three", "b.txt": "two"}
    assert (folder / "a.txt").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_last_report_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    write_files(tmp_path, {"a.txt": b"old", "b.txt": b"old"}, 0o640, "It")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(*((os, "fsync", full) if step == "fsync" else (Path, "replace", full)))
    with pytest.raises(RequestError, match="No space left on device"):
        write_files(tmp_path, {"a.txt": b"new", "b.txt": b"new"}, 0o640, "It")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.txt": "old", "b.txt": "old"}


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(RequestError, match="cannot be written to"):
        write_files(tmp_path / "taken", {"a.txt": b""}, 0o640, "It")


def test_files_appear_together_and_in_the_order_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, target: (named.append(target.name), replace(path, target))[1])
    with StagedFiles(tmp_path, 0o640, "It") as staged:
        digest = staged.add("b.txt", [b"on", b"e"])
        staged.add("folder/a.txt", [b"two"])
        staged.move_to_end("b.txt")
        assert list(tmp_path.rglob("*.txt")) == []
        staged.publish()
    assert named == ["a.txt", "b.txt"]
    assert (tmp_path / "folder/a.txt").read_bytes() == b"two"
    assert digest == hashlib.sha256(b"one").hexdigest()
    assert list(staged.digests) == ["folder/a.txt", "b.txt"]


def test_a_folder_is_read_within_bounds(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    for name in ("b/z", "b/a", "c"):
        (tmp_path / name).write_bytes(name.encode())
    (tmp_path / "link").symlink_to("c")
    (tmp_path / "up").symlink_to(tmp_path, target_is_directory=True)
    readers = bounded_readers(tmp_path, 3, 3)
    assert {name: read() for name, read in readers.items()} == {"c": b"c", "b/a": b"b/a", "b/z": b"b/z"}
    assert list(bounded_readers(tmp_path / "c", 1, 1)) == ["c"]
    with pytest.raises(RequestError, match="more than 2 files"):
        bounded_readers(tmp_path, 2, 3)
    with pytest.raises(OSError, match="larger than 2 bytes"):
        bounded_readers(tmp_path, 3, 2)["b/a"]()
    with pytest.raises(RequestError, match="does not exist"):
        bounded_readers(tmp_path / "nothing", 1, 1)
