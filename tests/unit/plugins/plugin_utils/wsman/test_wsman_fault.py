# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults: every shape of detail that Windows and OMI have, read by numbers and names and never by text."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.text import one_line
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman import soap as fault_module
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman import xml
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.fault_codes import (
    CIM_STATUSES,
    CODES,
    NAMES,
    SUBCODES,
    Kind,
    Name,
    number_in_words,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.wsman.soap import (
    Fault,
    WsmanFault,
    parse_envelope,
    parse_fault,
)
from ansible_collections.winops.smb_guest.tests.unit.plugins.plugin_utils.wsman.answers import (
    CONTEXT,
    EXAMPLES,
    answer,
    error_instance,
    fault,
    wsman_fault,
)

KINDS = set(get_args(Kind))


def read(data: bytes) -> Fault:
    with pytest.raises(WsmanFault) as caught:
        parse_envelope(data, CONTEXT.message_id)
    assert str(caught.value) == str(caught.value.fault)
    return caught.value.fault


def provider_fault(inner: str) -> str:
    return f'<f:ProviderFault provider="WMI  Provider" path="%systemroot%\\x.dll">{inner}</f:ProviderFault>'


EXTENDED = (
    '<f:ExtendedError><p:__ExtendedStatus xmlns:p="{uri}" xsi:type="p:__ExtendedStatus_Type">'
    '<p:Description xsi:nil="true"/><p:Operation>ExecQuery</p:Operation><p:ParameterInfo>SELECT</p:ParameterInfo>'
    "<p:ProviderName>WinMgmt</p:ProviderName>{status}</p:__ExtendedStatus></f:ExtendedError>"
)


def extended(status: str, uri: str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/__ExtendedStatus") -> str:
    return EXTENDED.format(uri=uri, status=status)


def test_no_detail() -> None:
    got = read(
        answer(
            "<s:Fault><s:Code><s:Value>s:MustUnderstand</s:Value></s:Code>"
            '<s:Reason><s:Text xml:lang=""> Header  nicht\n verstanden. </s:Text></s:Reason></s:Fault>'
        )
    )
    assert got == Fault(None, (), "MustUnderstand", None, "Header nicht verstanden.", got.reason, None, None)
    assert got.kind is None
    assert str(got) == "Header nicht verstanden. (SOAP fault MustUnderstand)"


def test_nothing_at_all() -> None:
    got = read(answer("<s:Fault/>"))
    assert got == Fault(None, (), "", None, "", "", None, None)
    assert str(got) == "the peer gave no reason (SOAP fault unnamed)"


def test_message_text() -> None:
    got = read(fault("Receiver", wsman_fault(2150858793, "Die Zeit ist um. "), "Grund", "w:TimedOut"))
    assert got == Fault(2150858793, (2150858793,), "Receiver", "TimedOut", "Grund", "Die Zeit ist um.", None, None)
    assert got.kind == "timed_out"
    assert str(got) == "Die Zeit ist um. (SOAP fault TimedOut 0x80338029 (ERROR_WSMAN_OPERATION_TIMEDOUT))"


def test_provider_text() -> None:
    detail = "<w:FaultDetail>urn:detail</w:FaultDetail>" + wsman_fault(2147942606, provider_fault("Zu lang."))
    got = read(fault("Receiver", detail))
    assert (got.codes, got.message, got.provider, got.kind) == ((2147942606,), "Zu lang.", "WMI Provider", None)


def test_fault_inside_a_provider_fault() -> None:
    inner = provider_fault(wsman_fault(2147749902, "Namensraum fehlt."))
    got = read(fault("Sender", wsman_fault(2150859010, inner)))
    assert (got.code, got.codes) == (0x8004100E, (2150859010, 0x8004100E))
    assert (got.message, got.provider, got.kind) == ("Namensraum fehlt.", "WMI Provider", "namespace_not_found")


@pytest.mark.parametrize(
    ("status", "codes", "kind"),
    [
        ('<p:StatusCode xsi:nil="true"/>', (2150858778, 2150858778), "class_not_found"),
        ("<p:StatusCode>2147749891</p:StatusCode>", (2150858778, 2150858778, 2147749891), "access_denied"),
        ("<p:StatusCode>-2147217405</p:StatusCode>", (2150858778, 2150858778, 2147749891), "access_denied"),
        ("<p:StatusCode>0</p:StatusCode>", (2150858778, 2150858778), "class_not_found"),
        ("", (2150858778, 2150858778), "class_not_found"),
    ],
)
def test_extended_status(status: str, codes: tuple[int, ...], kind: str) -> None:
    inner = provider_fault(wsman_fault(2150858778, "Klasse fehlt.") + extended(status))
    got = read(fault("Sender", wsman_fault(2150858778, inner), subcode="n:CannotProcessFilter"))
    assert (got.codes, got.kind) == (codes, kind)
    assert (got.message, got.provider) == ("Klasse fehlt.", "WMI Provider")


@pytest.mark.parametrize(
    ("values", "code", "status", "kind"),
    [
        ({"CIMStatusCode": "27", "error_Code": "2150859173", "error_Type": "HRESULT"}, 2150859173, 27, "quota"),
        ({"CIMStatusCode": "27", "error_Code": "1", "error_Type": "HRESULT"}, 1, 27, "quota"),
        ({"CIMStatusCode": "1", "MessageID": "HRESULT 0x803381a6"}, 2150859174, 1, "quota"),
        ({"CIMStatusCode": "2", "error_Code": "5", "error_Type": "MI"}, None, 2, "access_denied"),
        ({"CIMStatusCode": "5", "error_Code": "5", "error_Type": "MI"}, None, 5, "class_not_found"),
        ({"CIMStatusCode": "x", "error_Code": "y"}, None, None, None),
    ],
)
def test_wmi_error(values: dict[str, str], code: int | None, status: int | None, kind: str | None) -> None:
    got = read(fault("Receiver", error_instance("MSFT_WmiError", Message="Zu viele.", **values)))
    assert (got.code, got.cim_status, got.kind, got.message) == (code, status, kind, "Zu viele.")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("3", "namespace_not_found"),
        ("5", "class_not_found"),
        ("6", "not_found"),
        ("12", "invalid_parameter"),
        ("1", None),
    ],
)
def test_omi_error(status: str, kind: str | None) -> None:
    """OMI's own numbers are CIM statuses: its 5 is an unknown class and not Win32's "access denied"."""
    values = {"CIMStatusCode": status, "OMI_Code": status, "OMI_Type": "MI", "Message": "text"}
    got = read(fault("Receiver", error_instance("OMI_Error", **values, MessageID=f"OMI:MI_Result:{status}")))
    assert (got.code, got.cim_status, got.kind) == (None, int(status), kind)


def test_known_code_that_only_a_text_mentions() -> None:
    text = "Der Anbieter meldet 0x80041003 (nicht 0x8004100399, nicht 0x12345678)."
    got = read(fault("Receiver", wsman_fault(2150859010, provider_fault(text))))
    assert (got.code, got.codes, got.kind) == (2150859010, (0x80041003, 2150859010), "access_denied")


def test_numbers_that_are_none() -> None:
    detail = wsman_fault(5, "x").replace('Code="5"', 'Code="zero"')
    assert read(fault("Sender", detail)).codes == ()
    assert read(fault("Sender", wsman_fault(0, "x"))).codes == ()


@pytest.mark.parametrize("code", [row.key for row in CODES], ids=[row.name for row in CODES])
def test_every_code_decides_alone(code: int) -> None:
    (row,) = [each for each in CODES if each.key == code]
    got = read(fault("Receiver", wsman_fault(code, "irgendwas")))
    assert got.kind == row.kind
    assert row.source in {"capture", "omi", "wsmerror", "wmi", "winerror"}
    assert 0 < code < 2**32


@pytest.mark.parametrize("row", CIM_STATUSES, ids=lambda row: row.name)
def test_every_status_decides_without_a_code(row: tuple[int, str, str, str]) -> None:
    got = read(fault("Receiver", error_instance("MSFT_WmiError", CIMStatusCode=str(row[0]))))
    assert got.kind == row[1]


@pytest.mark.parametrize("row", SUBCODES, ids=lambda row: row.name)
def test_every_subcode_decides_at_last(row: tuple[str, str, str, str]) -> None:
    assert read(fault("Sender", subcode=f"anyprefix:{row[0]}")).kind == row[1]


@pytest.mark.parametrize("row", NAMES, ids=lambda row: f"{row.key:X}")
def test_every_number_of_a_service_is_reported_by_name(row: Name) -> None:
    assert number_in_words(row.key) == f"0x{row.key:08X} ({row.name})"
    assert row.source in {"winerror", "taskschd", "lmerr"}


def test_each_key_has_one_row() -> None:
    for table in ((*CODES, *NAMES), CIM_STATUSES, SUBCODES):
        assert len({row.key for row in table}) == len(table)


def test_numbers_win_over_the_subcode_and_innermost_over_outermost() -> None:
    detail = wsman_fault(2150858752, provider_fault(wsman_fault(5, "x")))
    assert read(fault("Sender", detail, subcode="w:QuotaLimit")).kind == "access_denied"


class Counted(int):
    """A number that counts how often any of its kind was compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return int.__eq__(self, other)

    __hash__ = int.__hash__


def comparisons(numbers: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """What reading a fault costs whose texts mention so many known numbers beside as many stated ones."""
    text = " ".join(f"0x{0x80041003:08X}" for _unused in range(numbers))
    detail = "".join(wsman_fault(1_000_000 + number, "") for number in range(numbers)) + wsman_fault(7, text)
    data = fault("Receiver", detail)
    with monkeypatch.context() as patch:
        patch.setattr(fault_module, "int", Counted, raising=False)
        Counted.compared = 0
        got = read(data)
    assert len(got.codes) == 2 * numbers + 1
    return Counted.compared


def test_the_cost_of_a_fault_grows_no_faster_than_the_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted, not timed: a megabyte of numbers once took half a minute."""
    small, large = comparisons(200, monkeypatch), comparisons(2000, monkeypatch)
    assert 0 < small <= 20 * 200
    assert large <= 20 * 2000


@pytest.mark.parametrize("missing", ["class_not_found", "namespace_not_found", "resource_not_found"])
def test_what_lets_nobody_conclude_that_an_object_is_gone(missing: str) -> None:
    """0x80338000 is said of an instance and of a resource alike."""
    rows = {row.name for row in (*CODES, *CIM_STATUSES, *SUBCODES) if row.kind == missing}
    assert rows
    objects = {row.name for row in (*CODES, *CIM_STATUSES) if row.kind == "not_found"}
    assert objects == {"WBEM_E_NOT_FOUND", "ERROR_FILE_NOT_FOUND", "ERROR_NOT_FOUND", "CIM_ERR_NOT_FOUND"}


HOSTILE = "Zugriff\r\nFAKE: ok \u202everweigert\u2028\x85 " + "lang " * 100_000


def test_a_fault_is_shown_on_one_short_line() -> None:
    told = str(WsmanFault(read(fault("Receiver", wsman_fault(5, HOSTILE)))))
    assert told.startswith("Zugriff FAKE: ok \\u202everweigert lang")
    assert told.endswith("... (SOAP fault InternalError 0x00000005 (ERROR_ACCESS_DENIED))")
    assert one_line(told) == told
    assert len(told) < 400


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_fault_in_utf_16(encoding: str) -> None:
    mark = "" if encoding == "utf-16" else "\ufeff"
    data = (mark + fault("Receiver", wsman_fault(5, "Größe")).decode()).encode(encoding)
    got = read(data)
    assert (got.code, got.message) == (5, "Größe")


@EXAMPLES
@given(
    st.recursive(
        st.tuples(
            st.sampled_from(["Message", "StatusCode", "CIMStatusCode", "error_Code", "MessageID"]), st.text("0x58-A z")
        ),
        lambda inner: st.tuples(
            st.sampled_from(
                [
                    "WSManFault",
                    "ProviderFault",
                    "__ExtendedStatus",
                    "MSFT_WmiError",
                    "Detail",
                    "Code",
                    "Subcode",
                    "Value",
                    "Reason",
                    "Text",
                ]
            ),
            st.lists(inner, max_size=4),
        ),
    ),
    st.text("0123456789-x", max_size=12),
)
def test_a_fault_is_read_whatever_is_in_it(tree: object, code: str) -> None:
    def markup(node: object) -> xml.Markup:
        assert isinstance(node, tuple)
        name, inner = node
        if isinstance(inner, str):
            return xml.element(name, xml.text(inner))
        return xml.element(name, *map(markup, inner), attributes={"Code": code})

    detail = xml.element("Detail", markup(tree))
    got = parse_fault(xml.parse(xml.element("Body", xml.element("Fault", detail, markup(tree))).encode()))
    assert all(0 < each < 2**32 for each in got.codes)
    assert got.code == (got.codes[-1] if got.codes else None)
    assert got.kind is None or got.kind in KINDS
    assert str(got)
