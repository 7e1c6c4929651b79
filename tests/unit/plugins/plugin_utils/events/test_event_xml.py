# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The parser of event XML: every id with its sample, what Windows versions change, and whatever else may come."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_summary import Summary
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.event_xml import (
    MAX_EVENT_BYTES,
    MAX_FIELD_LENGTH,
    MAX_FIELDS,
    EventRecord,
    read_events,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.events import EVENTS

SAMPLES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("event_samples.json").read_text())
SAMPLE = next(row["xml"] for row in SAMPLES if row["id"] == 31017)
THEN = datetime(2013, 4, 25, 21, 23, 39, tzinfo=UTC)
# What a document of the hypothesis test is made of, besides the samples.
PIECES = [
    *("<Event>", "</Event>", "<Event xmlns='x'>", "<System>", "</System>", "<EventID>31017</EventID>", "<EventID>"),
    *("<EventData>", "</EventData>", "<Data Name='ServerName'>", "<Data>", "</Data>", "<UserData>", "<![CDATA[", "]]>"),
    *("&#0;", "&#xFFFF;", "&amp;", "&", "<", ">", "'", '"', "\x00", "\x1b[31m", "\u202e", "\ud800", "\U0001f600"),
    *("<!DOCTYPE a>", "<!ENTITY a 'b'>", "<?xml version='1.0'?>", "xsi:nil='true'", "<TimeCreated SystemTime='"),
    *("9999-99-99T99:99:99Z", "-1", "1e9", " ", "\r\n", "ü", "日本", "<!--", "-->"),
]


def only(xml: str) -> EventRecord:
    (record,) = read_events(xml)
    assert record is not None
    return record


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda row: f"{row['id']}-v{row['version']}-{row['release']}")
def test_sample(sample: dict[str, Any]) -> None:
    record = only(sample["xml"])
    row = EVENTS[record.id]
    assert (record.id, record.version) == (sample["id"], sample["version"])
    assert record.provider.lower() == row.provider.lower()
    assert record.channel.lower() in [channel.lower() for channel in row.channels]
    assert record.time == datetime(2025, 1, 15, 9, 30, 0, 123456, tzinfo=UTC)
    assert (record.record_id, record.computer) == (42, "HOST01.example.test")
    assert record.user == ("S-1-5-20" if record.id in (31017, 31018) else "S-1-5-18")
    assert set(record.fields) <= set(row.fields)
    # Every string agrees with its length field.
    for name, value in record.fields.items():
        if f"{name}Length" in record.fields:
            assert len(value) == int(record.fields[f"{name}Length"])


def test_every_id_has_a_sample() -> None:
    assert {row["id"] for row in SAMPLES} == set(EVENTS)


def test_every_id_is_summed_up() -> None:
    summary = Summary(listed=100)
    for row in SAMPLES:
        summary.add([only(row["xml"])])
    assert {row["name"]: row["counts"] for row in summary.servers()} == {
        "nas01": {
            "encryption_failed": 1,
            "guest_allowed": 1,
            "guest_audited": 1,
            "guest_refused": 2,
            "ntlm_blocked": 1,
            "signing_failed": 1,
            "without_encryption": 1,
            "without_signing": 1,
        }
    }
    assert {row["name"]: row["counts"] for row in summary.clients()} == {
        "192.0.2.10": {"guest_audited": 1, "without_encryption": 1, "without_signing": 2}
    }
    assert len(summary.events()) == len(SAMPLES)
    assert {row["level"] for row in summary.events()} == {"Error", "Warning", "Informational"}


@pytest.mark.parametrize(
    ("old", "new", "attribute", "value"),
    [
        ("<Version>0</Version>", "<Version>255</Version>", "version", 255),
        ("<Version>0</Version>", "", "version", None),
        ("<Level>2</Level>", "<Level>high</Level>", "level", None),
        ("<EventRecordID>42</EventRecordID>", "", "record_id", None),
        ("<Security UserID='S-1-5-20'/>", "<Security/>", "user", None),
        ("<EventID>31017</EventID>", "<EventID Qualifiers='0'>31017</EventID>", "id", 31017),
        ("2025-01-15T09:30:00.1234567Z", "2013-04-25T21:23:39.000000000Z", "time", THEN),
        ("2025-01-15T09:30:00.1234567Z", "2013-04-25T21:23:39Z", "time", THEN),
        ("2025-01-15T09:30:00.1234567Z", "2025-02-30T09:30:00Z", "time", None),
        ("2025-01-15T09:30:00.1234567Z", "15.01.2025 09:30", "time", None),
        ("<TimeCreated SystemTime='2025-01-15T09:30:00.1234567Z'/>", "", "time", None),
    ],
)
def test_what_versions_and_languages_change(old: str, new: str, attribute: str, value: object) -> None:
    record = only(SAMPLE.replace(old, new))
    assert getattr(record, attribute) == value
    assert record.fields["ServerName"] == "\\nas01"


def test_fields_of_other_versions() -> None:
    more = only(SAMPLE.replace("</EventData>", "<Data Name='New'>x</Data><Data>first</Data></EventData>"))
    assert (more.fields["New"], more.fields["Data6"]) == ("x", "first")
    assert only(SAMPLE.replace("<Data Name='ServerName'>\\nas01</Data>", "")).fields["UserName"] == "alice"
    assert only(SAMPLE[: SAMPLE.index("<EventData>")] + "</Event>").fields == {}
    user_data = "<UserData><Outer xmlns='x'><ServerName>nas01</ServerName><Empty/></Outer></UserData></Event>"
    assert only(SAMPLE[: SAMPLE.index("<EventData>")] + user_data).fields == {"ServerName": "nas01", "Empty": ""}


def test_names_in_any_script() -> None:
    record = only(SAMPLE.replace("alice", "Jürgen Groß").replace("nas01", "倉庫サーバー"))
    assert (record.fields["UserName"], record.fields["ServerName"]) == ("Jürgen Groß", "\\倉庫サーバー")


def test_nothing_in_a_text_steers_a_terminal() -> None:
    record = only(SAMPLE.replace("alice", "a\u202eb\x1b[31mc&#10;d&#xD;e\u2028f&#27;g\x85h"))
    assert record.fields["UserName"].isprintable()
    assert record.fields["UserName"].startswith("a\\u202eb")


def test_an_event_that_is_no_xml_hides_no_other() -> None:
    broken = SAMPLE.replace("<System>", "<System", 1)
    found = list(read_events(f"\ufeff{SAMPLE}\r\n{broken}\r\n<Event><System/></Event>\r\n{SAMPLE}\r\n{SAMPLE[:200]}"))
    assert [record.id if record else None for record in found] == [31017, None, None, 31017, None]


def test_sizes_are_bounded() -> None:
    many = "".join(f"<Data Name='F{index}'>{'x' * 2000}</Data>" for index in range(40))
    record = only(SAMPLE.replace("</EventData>", f"{many}</EventData>"))
    assert len(record.fields) == MAX_FIELDS
    assert max(map(len, record.fields.values())) == MAX_FIELD_LENGTH
    assert list(read_events(SAMPLE.replace("alice", "x" * MAX_EVENT_BYTES))) == [None]


def test_starts_without_ends_cost_no_more_than_one_look() -> None:
    assert list(read_events("<Event " * 100_000)) == [None]


def _document(chance: random.Random) -> str:
    """A document: a sample with pieces put in, cut out or exchanged, or pieces alone."""
    text = chance.choice(SAMPLES)["xml"] if chance.random() < 0.8 else ""
    for _change in range(chance.randint(0, 4)):
        start = chance.randint(0, len(text))
        end = min(len(text), start + chance.choice((0, 0, 1, 5, 40)))
        text = text[:start] + "".join(chance.choices(PIECES, k=chance.randint(1, 3))) + text[end:]
    return text


@settings(max_examples=500)
@given(st.randoms(use_true_random=False), st.text(max_size=20))
def test_100_000_documents(chance: random.Random, text: str) -> None:
    for _document_number in range(200):
        for record in read_events(_document(chance) + text):
            if record is not None:
                shown = [record.provider, record.channel, record.computer, record.user or ""]
                shown += [*record.fields, *record.fields.values()]
                assert all(each.replace("\u200c", "").replace("\u200d", "").isprintable() for each in shown)
