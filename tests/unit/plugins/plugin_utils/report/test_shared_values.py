# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Equal values become one object, nothing else does, and a report holds the rows of its hosts once."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.document import ReportTerms, build_document
from ansible_collections.winops.smb_guest.plugins.plugin_utils.report.shared_values import SharedValues
from ansible_collections.winops.smb_guest.tests.report.invented_fleet import NOW, results

SCALARS = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b", ""]) | st.sampled_from([0.0, 1.0])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)


@given(values=st.lists(VALUES, max_size=8))
def test_values_stay_what_they_are_and_equal_ones_are_one_object(values: list[Any]) -> None:
    shared = SharedValues()
    before = json.dumps(values)
    made = [shared.share(copy.deepcopy(value)) for value in values]
    assert json.dumps(made) == before  # in which 1, 1.0 and true differ, and the order of members counts
    for one, text in zip(made, map(json.dumps, values), strict=True):
        for other, its in zip(made, map(json.dumps, values), strict=True):
            if isinstance(one, dict | list | str) and text == its:
                assert one is other
    assert all(shared.share(value) is value for value in made)


def test_a_report_keeps_the_same_setting_of_many_hosts_once() -> None:
    document = build_document(dict(results(300)), ReportTerms(NOW))
    rows = [state for host in document["hosts"] for state in host["settings"].values()]
    assert len(rows) > 3000
    assert len({id(row) for row in rows}) == len({json.dumps(row) for row in rows}) < 100
