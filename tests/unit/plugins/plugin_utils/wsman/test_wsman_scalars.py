# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Scalar texts: every form that a peer writes is read, every value we write is read back, nothing else is accepted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.cim import INTEGER_RANGES, CimType, CimValue
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.errors import (
    LocalProtocolError,
    RemoteProtocolError,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.values import (
    decode_scalar,
    encode_scalar,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.wsman.answers import EXAMPLES

T = CimType
MOMENT = datetime.fromisoformat("2026-01-02T03:04:05")


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (T.BOOLEAN, "true", True),
        (T.BOOLEAN, "TRUE", True),
        (T.BOOLEAN, " False ", False),
        (T.BOOLEAN, "1", True),
        (T.BOOLEAN, "0", False),
        (T.UINT32, "4294967295", 4294967295),
        (T.UINT64, "18446744073709551615", 18446744073709551615),
        (T.SINT32, "-2147483648", -2147483648),
        (T.UINT8, " 007\n", 7),
        (T.SINT8, "+5", 5),
        (T.STRING, " as it is\n", " as it is\n"),
        (T.STRING, "", ""),
        (T.DATETIME, "2026-01-02T03:04:05Z", MOMENT.replace(tzinfo=UTC)),
        (T.DATETIME, "2026-01-02T03:04:05.678Z", MOMENT.replace(microsecond=678000, tzinfo=UTC)),
        (T.DATETIME, "2026-01-02T03:04:05.123456Z", MOMENT.replace(microsecond=123456, tzinfo=UTC)),
        (T.DATETIME, "2026-01-02T03:04:05.123456789Z", MOMENT.replace(microsecond=123456, tzinfo=UTC)),
        (T.DATETIME, "2026-01-02T03:04:05+01:30", MOMENT.replace(tzinfo=timezone(timedelta(minutes=90)))),
        (T.DATETIME, "2026-01-02T03:04:05-08:00", MOMENT.replace(tzinfo=timezone(-timedelta(hours=8)))),
        (T.DATETIME, "2026-01-02T03:04:05", MOMENT),
        (T.DATETIME, "20260102030405.000000+060", MOMENT.replace(tzinfo=timezone(timedelta(hours=1)))),
        (T.DATETIME, "20260102030405.000001-480", MOMENT.replace(microsecond=1, tzinfo=timezone(-timedelta(hours=8)))),
        (T.DATETIME, "20260102030405.******+***", MOMENT),
        (T.DATETIME, "P1DT2H3M4.5S", timedelta(days=1, hours=2, minutes=3, seconds=4.5)),
        (T.DATETIME, "P0Y0M3D", timedelta(days=3)),
        (T.DATETIME, "PT90M", timedelta(minutes=90)),
        (T.DATETIME, "00000012010203.000004:000", timedelta(12, 3723, 4)),
    ],
)
def test_forms_that_peers_write(kind: CimType, text: str, value: CimValue) -> None:
    got = decode_scalar(kind, text)
    assert got == value
    assert type(got) is type(value)
    if isinstance(got, datetime) and isinstance(value, datetime):
        assert got.utcoffset() == value.utcoffset()


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (T.BOOLEAN, ""),
        (T.BOOLEAN, "yes"),
        (T.UINT8, "256"),
        (T.UINT8, "-1"),
        (T.SINT8, "128"),
        (T.UINT32, "4294967296"),
        (T.UINT32, "1.0"),
        (T.UINT32, "1_000"),
        (T.UINT32, "0x10"),
        (T.UINT32, "\u0663"),
        (T.UINT32, ""),
        (T.UINT64, "9" * 5000),
        (T.DATETIME, ""),
        (T.DATETIME, "P"),
        (T.DATETIME, "PT"),
        (T.DATETIME, "P1Y"),
        (T.DATETIME, "-P1D"),
        (T.DATETIME, "2026-02-30T00:00:00Z"),
        (T.DATETIME, "2026-01-02T03:04:60Z"),
        (T.DATETIME, "2026-01-02T03:04:05+24:00"),
        (T.DATETIME, "0000-01-02T03:04:05Z"),
        (T.DATETIME, "2026-01-02 03:04:05"),
        (T.DATETIME, "20261302030405.000000+000"),
        (T.DATETIME, "PT999999999999S P"),
    ],
)
def test_texts_that_are_no_value(kind: CimType, text: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        decode_scalar(kind, text)
    assert caught.value.problem == "bad_value"
    assert len(str(caught.value)) < 200


VALUES: dict[CimType, st.SearchStrategy[CimValue]] = {
    T.BOOLEAN: st.booleans(),
    **{kind: st.integers(low, high) for kind, (low, high) in INTEGER_RANGES.items()},
    T.STRING: st.text(),
}


def test_every_type_that_is_sent_has_values() -> None:
    assert set(VALUES) == set(CimType) - {T.OCTETS, T.DATETIME}


@EXAMPLES
@given(st.data(), st.sampled_from(list(VALUES)))
def test_what_is_written_is_read_back(data: st.DataObject, kind: CimType) -> None:
    value = data.draw(VALUES[kind])
    got = decode_scalar(kind, encode_scalar(kind, value))
    assert got == value
    assert type(got) is type(value)


@EXAMPLES
@given(st.sampled_from([*VALUES, T.DATETIME]), st.text() | st.from_regex(r"[-+P0-9TZ:.*DHMS]{0,30}"))
def test_any_text_gives_a_value_or_a_protocol_error(kind: CimType, text: str) -> None:
    try:
        got = decode_scalar(kind, text)
    except RemoteProtocolError:
        return
    if kind is not T.DATETIME:
        assert decode_scalar(kind, encode_scalar(kind, got)) == got


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (T.BOOLEAN, 1),
        (T.BOOLEAN, "true"),
        (T.UINT8, 256),
        (T.UINT8, -1),
        (T.SINT64, 2**63),
        (T.UINT32, True),
        (T.UINT32, "5"),
        (T.UINT32, 5.0),
        (T.STRING, b"x"),
        (T.STRING, 5),
        (T.DATETIME, "2026-01-02T03:04:05Z"),
        (T.DATETIME, timedelta(seconds=1)),
        (T.DATETIME, MOMENT),
    ],
)
def test_values_that_do_not_fit(kind: CimType, value: CimValue) -> None:
    with pytest.raises(LocalProtocolError, match=kind.value):
        encode_scalar(kind, value)


def test_a_refused_value_is_not_in_the_message() -> None:
    with pytest.raises(LocalProtocolError) as caught:
        encode_scalar(T.UINT32, "hunter2")
    assert "hunter2" not in str(caught.value)
