# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Facts that start a process on the host, or stop one of its services."""

from __future__ import annotations

from collections.abc import Iterable

from ..core.errors import HostError, HostFault, UnexpectedState
from ..events.channel_configuration import read_channels
from ..tables.settings import Side
from ..windows.operating_system import OperatingSystem
from ..windows.smb_configuration import get_configuration
from ..wsman.cim import CimClass, CimType, Field, Method
from ..wsman.operations import Enumerate, Invoke
from .examination import Examination

_STRING = Field(CimType.STRING)
_SERVICE = CimClass(
    "root/cimv2",
    "Win32_Service",
    {"Name": _STRING, "State": _STRING},
    {"StopService": Method(), "StartService": Method()},
)
_RUNNING, _STOPPED = "Running", "Stopped"
_ATTEMPTS, _STEP = 30, 1.0


def wevtutil(exam: Examination, channels: Iterable[str]) -> None:
    with exam.asking("wevtutil_words"):
        found = read_channels(exam.session, list(channels))
        exam.saw("wevtutil_words", f"{len(found)} channels read", bool(found))


def server_state(exam: Examination) -> str:
    query = f"SELECT Name,State FROM Win32_Service WHERE Name='{Side.SERVER.service}'"
    return next((str(each.get("State")) for each in exam.session.query(Enumerate(_SERVICE, query))), "")


def _call(exam: Examination, method: str, state: str) -> None:
    result = exam.session.call(Invoke(_SERVICE, method, selectors={"Name": Side.SERVER.service}))
    if result.return_value not in (0, None):
        raise HostError(f"{method} of {Side.SERVER.service} returned {result.return_value}.")
    # The method returns while the service is still stopping or starting.
    for _attempt in range(_ATTEMPTS):
        if server_state(exam) == state:
            return
        exam.wait(_STEP)
    raise UnexpectedState(f"{Side.SERVER.service} is {server_state(exam)} after {method}, not {state}.")


def stop_server(exam: Examination, system: OperatingSystem) -> None:
    """The service Server is stopped for a moment, unless it is stopped anyway. Never on a domain controller."""
    with exam.asking("stopped_side"):
        state = server_state(exam)
        if state == _RUNNING:
            if system.product_type == "domain_controller":
                exam.not_seen("stopped_side", "a domain controller keeps its service")
                return
            exam.undo(f"the service {Side.SERVER.service}", lambda: _start(exam))
            try:
                _call(exam, "StopService", _STOPPED)
            except HostError as error:
                exam.not_seen("stopped_side", f"it could not be stopped: {error}")
                return
        try:
            get_configuration(exam.session, Side.SERVER)
            seen, is_fault = "it answers as if it ran", False
        except HostError as error:
            seen, is_fault = str(error), isinstance(error, HostFault)
        get_configuration(exam.session, Side.CLIENT)
        exam.saw("stopped_side", seen, is_fault)


def _start(exam: Examination) -> None:
    if server_state(exam) != _RUNNING:
        _call(exam, "StartService", _RUNNING)
