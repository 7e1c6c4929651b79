# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""verify_facts: what one real host says to the facts about Windows that this collection is built on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..plugin_utils.actions.action import HostAction
from ..plugin_utils.core.errors import HostState, RequestError
from ..plugin_utils.core.text import counted
from ..plugin_utils.tables.facts import Consent
from ..plugin_utils.verify.engine import Verified, verify
from ..plugin_utils.verify.recording import write_recording
from ..plugin_utils.winrm.session import Session
from ..plugin_utils.winrm.transports import Timeouts

TASK_SECONDS = 3600.0
"""What the task may take: an expiry is waited for."""


class ActionModule(HostAction):
    """Reads; writes what the user consented to, and restores it."""

    ARGUMENT_SPEC = {
        "consent": {"type": "list", "elements": "str", "choices": [word.value for word in Consent], "default": []},
        "record_to": {"type": "path"},
        "max_hosts": {"type": "int"},
    }

    def act(self, options: Mapping[str, Any]) -> dict[str, Any]:
        most, hosts = options["max_hosts"], self._variables.get("ansible_play_hosts_all")
        if most is not None and (hosts is None or len(hosts) > most):
            there = "an unknown number of hosts" if hosts is None else counted(len(hosts), "host")
            raise RequestError(
                f"This play has {there}, and max_hosts allows {most}. Choose hosts that may be changed, with --limit.",
                kind="safeguard",
                host_state=HostState.NOT_CONTACTED,
            )
        return super().act(options)

    def _timeouts(self) -> Timeouts:
        given = super()._timeouts()
        return given if given.task is not None else replace(given, task=TASK_SECONDS)

    def work(self, session: Session, options: Mapping[str, Any]) -> dict[str, Any]:
        consent = set() if self._task.check_mode else {Consent(word) for word in options["consent"]}
        verified = verify(session, consent)
        result: dict[str, Any] = {
            "changed": bool(verified.not_restored),
            "host": self.host_name,
            "os": verified.system.as_dict(),
            "facts": [row.as_dict() for row in verified.rows],
            "deviations": sum(row.as_expected is False for row in verified.rows),
            "restored": not verified.not_restored,
            "summary": verified.summary(),
            "recording": self._record(options["record_to"], verified, consent),
        }
        if verified.not_restored:
            result |= {"failed": True, "msg": f"Not restored: {' '.join(verified.not_restored)}"}
        return result

    def _record(self, folder: str | None, verified: Verified, consent: set[Consent]) -> str | None:
        if not folder:
            return None
        rows = [row.as_dict() for row in verified.rows]
        try:
            write_recording(Path(folder), verified.exchanges, rows, consent, {**verified.names, **self._own_names()})
        except OSError as error:
            raise RequestError(f"The recording could not be written to {folder}: {error.strerror}.") from error
        return folder

    def _own_names(self) -> dict[str, str]:
        """What the inventory calls the host, and the account."""
        host, user = (str(self._connection.get_option(name) or "") for name in ("remote_addr", "remote_user"))
        account = user.rpartition("\\")[2].partition("@")[0]
        domain = user.rpartition("\\")[0] or user.partition("@")[2]
        hosts = (self.host_name, host, host.partition(".")[0])
        names = {**dict.fromkeys(hosts, "HOST"), domain: "DOMAIN", account: "USER"}
        return {name: word for name, word in names.items() if len(name) > 1 and not name.isdigit()}


main = ActionModule.lint
