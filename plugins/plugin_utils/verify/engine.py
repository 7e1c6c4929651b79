# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine: read, then each step that was consented to, restored and proved, then a last look at all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..core.errors import HostError, HostUnreachable
from ..tables.facts import FACTS, Consent
from ..windows.operating_system import OperatingSystem, read_operating_system
from ..windows.registry import Registry
from ..winrm.session import Session
from ..wsman.cim import CimClass, CimType, Field
from ..wsman.operations import Enumerate
from . import restored
from .examination import Examination, Row
from .reading import read_all
from .recording import Recorder
from .registry_writes import registry
from .service_writes import stop_server, wevtutil
from .smb_writes import policy, smb_settings
from .task_writes import expiry, scheduled_tasks

_STRING = Field(CimType.STRING)
_NAMES = CimClass("root/cimv2", "Win32_ComputerSystem", {"Name": _STRING, "DNSHostName": _STRING, "Domain": _STRING})


@dataclass(frozen=True)
class Verified:
    """The result of an examination.

    Attributes:
        system: The Windows of the host.
        rows: What was seen.
        not_restored: Sentences; empty where the host is as it was.
        exchanges: Every message and command, for a recording.
        names: Of the host, its domain and account, with what stands for them in a recording.
    """

    system: OperatingSystem
    rows: tuple[Row, ...]
    not_restored: tuple[str, ...]
    exchanges: tuple[Mapping[str, Any], ...]
    names: Mapping[str, str]

    def summary(self) -> list[str]:
        """For people: every fact that is otherwise or was not seen, then how many are as expected."""
        lines = [str(row) for row in self.rows if row.as_expected is not True]
        as_expected = sum(row.as_expected is True for row in self.rows)
        return [*lines, f"{as_expected} of {len(self.rows)} facts are as expected on {self.system}."]


def record(session: Session) -> tuple[Session, Recorder]:
    """The same conversation, kept."""
    recorders: list[Recorder] = []

    def around(transport: Any) -> Recorder:
        recorders.append(Recorder(transport))
        return recorders[0]

    return session.through(around), recorders[0]


def verify(session: Session, consent: Collection[Consent], wait: Callable[[float], None] = time.sleep) -> Verified:
    """Look at every fact, and leave the host as it was. Raises HostError where nothing can be read at all."""
    session, recorder = record(session)
    exam = Examination(session, recorder, wait)
    system = read_operating_system(session, Registry(session))
    names = _names(session)
    schemas = read_all(exam, system)
    steps: Mapping[Consent, Callable[[], None]] = {
        Consent.REGISTRY: lambda: registry(exam),
        Consent.SMB_SETTINGS: lambda: smb_settings(exam, schemas),
        Consent.POLICY: lambda: policy(exam),
        Consent.SCHEDULED_TASKS: lambda: scheduled_tasks(exam),
        Consent.PROCESSES: lambda: wevtutil(exam, _present(exam)),
        Consent.STOP_SERVER: lambda: stop_server(exam, system),
        Consent.EXPIRY: lambda: expiry(exam),
    }
    # Without consent nothing is written, and the look would cost its requests for nothing.
    before = restored.look(exam) if consent else {}
    for word, step in steps.items():
        _run(exam, word, step, consented=word in consent)
    if consent:
        exam.trouble += _left(exam, before)
    return Verified(system, tuple(exam.rows), tuple(exam.trouble), tuple(recorder.exchanges), names)


def _left(exam: Examination, before: restored.Look) -> list[str]:
    try:
        return restored.differences(before, restored.look(exam))
    except HostError as error:
        return [f"Whether the host is as it was is not known: {error}"]


def _run(exam: Examination, word: Consent, step: Callable[[], None], *, consented: bool) -> None:
    """One step; facts that it did not reach are reported as not seen, with the reason."""
    why = f"consent to {word.value} was not given"
    if consented and exam.trouble:
        why = "something before it could not be restored"
    # A host that did not answer may be restarting: no further step may change it.
    elif consented and exam.interrupted:
        why = "the connection was interrupted before it"
    elif consented:
        why = "the step did not come so far"
        with exam.restoring():
            try:
                step()
            except HostError as error:  # what was seen before is kept
                exam.interrupted = isinstance(error, HostUnreachable)
                why = f"{why}: {error}"
    seen = {row.fact.id for row in exam.rows}
    for fact in FACTS.values():
        if fact.consent is word and fact.id not in seen:
            exam.not_seen(fact.id, why)


def _present(exam: Examination) -> list[str]:
    rows = [row for row in exam.rows if row.fact.id == "channel_present" and row.seen == "it is"]
    return [row.subject for row in rows]


def _names(session: Session) -> dict[str, str]:
    found = session.query(Enumerate(_NAMES, "SELECT Name,DNSHostName,Domain FROM Win32_ComputerSystem"))
    values = found[0].values if found else {}
    words = {"Name": "HOST", "DNSHostName": "HOST", "Domain": "DOMAIN"}
    return {str(values[name]): word for name, word in words.items() if values.get(name)}
