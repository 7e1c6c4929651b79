# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Earlier reports are read, and cells of CSV are text."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import RequestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.csv_tables import safe_cell
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.files import read_document


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
