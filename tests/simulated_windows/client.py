"""For tests and scripts: start a fleet in a process of its own, and talk to its control port. Standard library only."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

START_SECONDS = 90
STOP_SECONDS = 15


class ControlError(RuntimeError):
    """The control port refused a call; the text is its reason."""


class ControlClient:
    """The calls of the control port. ``host`` is a host's name in the fleet file."""

    def __init__(self, url: str, timeout: float = 120.0) -> None:
        self._url = url
        self._timeout = timeout

    def _call(self, method: str, path: str, document: Any = None) -> Any:
        data = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(  # noqa: S310  (the URL is the fleet's own)
            self._url + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode(errors="replace")
            raise ControlError(f"{method} {path}: {error.code} {text}") from error

    def _host(self, method: str, host: str, what: str, document: Any = None) -> Any:
        return self._call(method, f"/hosts/{urllib.parse.quote(host, safe='')}/{what}", document)

    def hosts(self) -> dict[str, dict[str, Any]]:
        """The ready entries by host name."""
        result: dict[str, dict[str, Any]] = self._call("GET", "/hosts")
        return result

    def add_host(self, **spec: Any) -> dict[str, dict[str, Any]]:
        """Start one more host (or ``count`` of them); returns their ready entries by name."""
        result: dict[str, dict[str, Any]] = self._call("POST", "/hosts", spec)
        return result

    def state(self, host: str) -> dict[str, Any]:
        """Everything that a change could touch; equal before and after means that nothing changed."""
        result: dict[str, Any] = self._host("GET", host, "state")
        return result

    def registry_value(self, host: str, key: str, name: str) -> Any:
        """The data of one registry value (names compare without case), or None if it is absent."""
        for path, values in self.state(host)["registry"].items():
            if path.lower() == key.lower():
                return next((item["value"] for known, item in values.items() if known.lower() == name.lower()), None)
        return None

    def counters(self, host: str) -> dict[str, int]:
        result: dict[str, int] = self._host("GET", host, "counters")
        return result

    def reset_counters(self, host: str) -> None:
        self._host("POST", host, "counters/reset", {})

    def requests(self, host: str) -> list[dict[str, Any]]:
        """The authenticated messages since the counters' reset."""
        result: list[dict[str, Any]] = self._host("GET", host, "requests")
        return result

    def add_fault(self, host: str, kind: str, **options: Any) -> None:
        """Post a fault; see fault_injection.InjectedFault for the options."""
        self._host("POST", host, "faults", {"kind": kind, **options})

    def clear_faults(self, host: str) -> None:
        self._host("DELETE", host, "faults")

    def set_registry(
        self, host: str, key: str, name: str, value: Any, type_: str = "REG_DWORD", apply: bool = True
    ) -> None:
        """Write one value; ``apply`` False leaves the running client as it is."""
        document = {"set": {key: {name: {"type": type_, "value": value}}}, "apply": apply}
        self._host("PUT", host, "registry", document)

    def delete_registry(self, host: str, key: str, name: str | None = None, apply: bool = True) -> None:
        """Delete a value, or a key with everything below it."""
        self._host("PUT", host, "registry", {"delete": [[key] if name is None else [key, name]], "apply": apply})

    def file(self, host: str, path: str) -> bytes | None:
        """The content of one file, or None if it is absent."""
        files = self.state(host)["files"]
        content = next((text for shown, text in files.items() if shown.lower() == path.lower()), None)
        return None if content is None else base64.b64decode(content)

    def set_file(self, host: str, path: str, content: bytes | None) -> None:
        """Somebody else writes a file, its folders too, or deletes it (None)."""
        text = None if content is None else base64.b64encode(content).decode()
        self._host("PUT", host, "files", {"set": {path: text}})

    def hold_open(self, host: str, *paths: str) -> None:
        """Programs of the host hold these files open, and no others: they cannot be replaced or deleted."""
        self._host("PUT", host, "files", {"in_use": list(paths)})

    def policy_refresh(self, host: str, **settings: Any) -> None:
        """Group Policy writes ``policy`` and ``server_policy`` (None deletes), or the fleet file's values again."""
        self._host("POST", host, "policy_refresh", settings)

    def advance_clock(self, host: str, seconds: float, powered_off: bool = False, asleep: bool = False) -> str:
        """Move the host's clock and run what became due; returns the clock."""
        document = {"advance": seconds, "powered_off": powered_off, "asleep": asleep}
        return str(self._host("POST", host, "clock", document)["clock"])

    def set_quirks(self, host: str, **quirks: Any) -> None:
        """Switch quirks of quirks.py from now on; ``reset`` brings the fleet file's back."""
        self._host("PUT", host, "quirks", quirks)

    def set_service(self, host: str, name: str, state: str) -> None:
        """Put a service into state running, stopped or disabled; a driver reads its keys when its service starts."""
        self._host("PUT", host, "services", {name: state})

    def connect(self, host: str, **server: Any) -> dict[str, Any]:
        """Let the SMB client connect to a server {name, guest, signing, encryption}."""
        result: dict[str, Any] = self._host("POST", host, "connect", {"server": server})
        return result

    def add_events(self, host: str, event_id: int, count: int = 1, channel: str | None = None, **fields: Any) -> None:
        """Write events with these very fields."""
        document = {"id": event_id, "count": count, "channel": channel, "fields": fields}
        self._host("POST", host, "events", document)

    def set_sessions(self, host: str, *sessions: dict[str, Any]) -> None:
        """Say which MSFT_SmbSession there are."""
        self._host("POST", host, "sessions", {"sessions": list(sessions)})

    def reset(self, host: str) -> None:
        """Back to the fleet file."""
        self._host("POST", host, "reset", {})

    def shutdown(self) -> None:
        self._call("POST", "/shutdown", {})


class Fleet:
    """A context manager around one fleet process.

    ``fleet`` is a fleet file's path or its document. Inside the context: ``hosts`` (ready entries by name),
    ``control`` (a ControlClient), ``inventory_path``, ``pid``. The process ends with the context or with this process.
    """

    def __init__(self, fleet: dict[str, Any] | str | Path, python: str = sys.executable) -> None:
        self._fleet = fleet
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        self.hosts: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Fleet:
        self._folder = tempfile.TemporaryDirectory(prefix="simulated-fleet-")
        folder = Path(self._folder.name)
        self.inventory_path = folder / "inventory.yml"
        ready_path = folder / "ready.json"
        fleet_path = folder / "fleet.yml"
        if isinstance(self._fleet, dict):
            # JSON is YAML.
            fleet_path.write_text(json.dumps(self._fleet), encoding="utf-8")
        else:
            fleet_path = Path(self._fleet)
        package_parent = str(Path(__file__).resolve().parent.parent)
        self._log = (folder / "log.txt").open("w+b")
        self._process = subprocess.Popen(
            [
                self._python,
                "-m",
                "simulated_windows",
                "--fleet",
                str(fleet_path),
                "--ready-file",
                str(ready_path),
                "--inventory",
                str(self.inventory_path),
                "--parent-pid",
                str(os.getpid()),
            ],
            env={**os.environ, "PYTHONPATH": package_parent},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        try:
            self._wait(ready_path)
        except BaseException:
            self._stop()
            raise
        ready = json.loads(ready_path.read_text(encoding="utf-8"))
        self.pid: int = ready["pid"]
        self.control_url: str = ready["control_url"]
        self.control = ControlClient(self.control_url)
        self.hosts = ready["hosts"]
        return self

    def log(self) -> str:
        """What the process printed, for a failing test's message."""
        self._log.flush()
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    def _wait(self, ready_path: Path) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while not ready_path.exists():
            if self._process.poll() is not None:
                raise RuntimeError(f"the simulated fleet did not start: {self.log()}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"the simulated fleet is not ready after {START_SECONDS} s: {self.log()}")
            time.sleep(0.02)

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
        self._folder.cleanup()

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._stop()
