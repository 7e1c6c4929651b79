# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SOAP faults: everything a peer says about what went wrong, in one shape.

Windows has six shapes of detail (none; WSManFault with text; with a ProviderFault; with a WSManFault inside that; with
an __ExtendedStatus beside it; an MSFT_WmiError alone) and OMI a seventh (OMI_Error). What went wrong is read from
numbers and names only: the texts are in the language of the host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..core.text import one_line
from .errors import WsmanError
from .fault_codes import CIM_STATUSES, CODES, SUBCODES, Kind, number_in_words
from .xml import attribute, child, content, local_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from xml.etree.ElementTree import Element

MAX_WORDS = 300
"""Characters of a fault's text that anybody is shown."""

_MASK = 0xFFFFFFFF
_DECIMAL = re.compile(r"[+-]?[0-9]{1,10}")
_HRESULT = re.compile(r"0x[0-9a-f]{8}(?![0-9a-f])", re.IGNORECASE)
_KIND_OF_CODE = {row.key: row.kind for row in CODES}
_KIND_OF_STATUS = {row.key: row.kind for row in CIM_STATUSES}
_KIND_OF_SUBCODE = {row.key: row.kind for row in SUBCODES}
# error_Type of an error instance: only these say that error_Code is a Windows number. "MI" numbers are CIM statuses.
_WINDOWS_ERROR_TYPES = frozenset({"", "HRESULT", "WIN32"})


@dataclass(frozen=True)
class Fault:
    """A SOAP fault.

    `codes`: all Windows error numbers as unsigned 32-bit, from those that a text merely mentions, over the outermost
    element's to the innermost's; `code` is the last, None if there is none. `role`: local name of the SOAP code, such
    as Sender. `subcode`: its local name. `reason`: the SOAP reason, maybe "". `message`: the innermost text, else the
    reason. `provider`: name of the provider or plugin that failed. `cim_status`: CIMStatusCode of an error instance.
    """

    code: int | None
    codes: tuple[int, ...]
    role: str
    subcode: str | None
    reason: str
    message: str
    provider: str | None
    cim_status: int | None

    def __str__(self) -> str:
        name = self.subcode or self.role or "unnamed"
        number = f" {number_in_words(self.code)}" if self.code is not None else ""
        status = f" CIM status {self.cim_status}" if self.cim_status is not None else ""
        said = one_line(self.message, MAX_WORDS) or "the peer gave no reason"
        return f"{said} (SOAP fault {one_line(name, 40)}{number}{status})"

    @property
    def kind(self) -> Kind | None:
        """What went wrong: by the innermost known code, else the CIM status, else the subcode; None if unknown."""
        for code in reversed(self.codes):
            if code in _KIND_OF_CODE:
                return _KIND_OF_CODE[code]
        if self.cim_status in _KIND_OF_STATUS:
            return _KIND_OF_STATUS[self.cim_status]
        return _KIND_OF_SUBCODE.get(self.subcode or "")


class WsmanFault(WsmanError):
    """The peer answered with a SOAP fault; everything it said is in `fault`."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def parse_fault(body: Element) -> Fault:
    """Read the s:Fault in a SOAP body. Never fails: what is missing or odd is None, "" or ()."""
    fault = child(body, "Fault")
    code = child(fault, "Code")
    reason = _first(_tidy(each.text) for each in _each(child(fault, "Reason"), "Text"))
    detail = child(fault, "Detail")

    texts: list[str] = []
    codes: list[int] = []
    statuses: list[int] = []
    provider: str | None = None
    for each in detail.iter() if detail is not None else ():
        name = local_name(each)
        if name == "WSManFault":
            codes += _number(attribute(each, "Code"))
        elif name in ("Message", "ProviderFault"):
            texts.append(_tidy(each.text))
        elif name == "__ExtendedStatus":
            codes += _number(content(child(each, "StatusCode")))
            texts.append(_tidy(content(child(each, "Description"))))
        elif child(each, "CIMStatusCode") is not None:
            codes += _error_code(each)
            statuses += _number(content(child(each, "CIMStatusCode")))
        if name == "ProviderFault":
            provider = _tidy(attribute(each, "provider")) or provider
        elif name == "__ExtendedStatus":
            provider = provider or _tidy(content(child(each, "ProviderName"))) or None

    texts = [each for each in texts if each]
    mentioned = [int(found, 16) for each in texts for found in _HRESULT.findall(each)]
    stated = set(codes)
    codes = [each for each in mentioned if each in _KIND_OF_CODE and each not in stated] + codes
    return Fault(
        code=codes[-1] if codes else None,
        codes=tuple(codes),
        role=_local(content(child(code, "Value"))),
        subcode=_local(content(child(child(code, "Subcode"), "Value"))) or None,
        reason=reason,
        message=texts[-1] if texts else reason,
        provider=provider,
        cim_status=statuses[-1] if statuses else None,
    )


def _error_code(instance: Element) -> list[int]:
    """The Windows number in an instance of CIM_Error's kin: MSFT_WmiError has error_Code, OMI_Error has OMI_Code."""
    for prefix in ("error", "OMI"):
        if content(child(instance, f"{prefix}_Type")).upper() in _WINDOWS_ERROR_TYPES:
            found = _number(content(child(instance, f"{prefix}_Code")))
            if found:
                return found
    return [int(found, 16) for found in _HRESULT.findall(content(child(instance, "MessageID")))]


def _number(written: str | None) -> list[int]:
    """An error number as unsigned 32-bit; nothing for 0 (no error) and for what is no number."""
    if written is None or not _DECIMAL.fullmatch(written.strip()):
        return []
    number = int(written) & _MASK
    return [number] if number else []


def _local(qualified: str) -> str:
    return qualified.rpartition(":")[2]


def _tidy(written: str | None) -> str:
    return " ".join((written or "").split())


def _first(candidates: Iterable[str]) -> str:
    return next((each for each in candidates if each), "")


def _each(parent: Element | None, name: str) -> list[Element]:
    return [] if parent is None else [each for each in parent if local_name(each) == name]
