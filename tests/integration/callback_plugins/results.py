"""Writes each task's result as one JSON line, beside what the simulated host looked like right after the task.

The linear strategy starts no task of a host before all hosts have ended the one before: what is read here is exactly
what the task left. The counters are set back each time, so that they are the task's own.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: results
type: aggregate
short_description: Task results and the state of simulated hosts, as JSON lines
description: Writes to the file of the environment variable RESULTS_FILE, reads from the control port CONTROL_URL.
"""


def _control(method: str, host: str, what: str) -> Any:
    url = f"{os.environ['CONTROL_URL']}/hosts/{urllib.parse.quote(host, safe='')}/{what}"
    data = b"{}" if method == "POST" else None
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, method=method), timeout=30) as answer:  # noqa: S310  (the fleet's own URL)
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 404:  # a host of the inventory that nobody simulates
                return None
            raise


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "results"
    CALLBACK_NEEDS_ENABLED = True

    def _write(self, status: str, result: Any) -> None:
        host = result._host.get_name()
        row = {
            "task": result._task.get_name(),
            "host": host,
            "status": status,
            "result": result._result,
            "state": _control("GET", host, "state"),
            "counters": _control("GET", host, "counters"),
            "requests": _control("GET", host, "requests"),
        }
        _control("POST", host, "counters/reset")
        with Path(os.environ["RESULTS_FILE"]).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, default=str) + "\n")

    def v2_runner_on_ok(self, result: Any) -> None:
        self._write("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._write("failed", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        self._write("unreachable", result)
