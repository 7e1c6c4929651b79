# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The project file of the guide to AWX that keeps the report of a job, run as it is written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from checkout import ROOT, clean_environ

from playbooks import host_vars
from simulated_windows.client import Fleet

GUIDE = (ROOT / "docs/docsite/rst/guide_automation_platform.rst").read_text()
PROJECT_FILES = {
    name: textwrap.dedent(f"    # {name}\n{body}")
    for name, body in re.findall(r"^\.\. code-block:: yaml\n\n    # (\w+\.yml)\n((?:(?: .*)?\n)+)", GUIDE, re.MULTILINE)
}


class ArtifactStore(ThreadingHTTPServer):
    """A web server that accepts PUT and keeps what it got, by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Put)
        self.uploads: dict[str, bytes] = {}


class _Put(BaseHTTPRequestHandler):
    server: ArtifactStore

    def do_PUT(self) -> None:
        self.server.uploads[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Quiet."""


@pytest.fixture
def store() -> Iterator[ArtifactStore]:
    store = ArtifactStore()
    thread = threading.Thread(target=store.serve_forever)
    thread.start()
    yield store
    store.shutdown()
    thread.join()
    store.server_close()


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """A job: the playbook of the project, from its folder."""
    return subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-i", "inventory.json", *arguments],
        cwd=folder,
        env=clean_environ(Path(sys.executable).parent) | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_project_files_are_named_by_the_guide() -> None:
    assert list(PROJECT_FILES) == ["harden.yml", "audit.yml"]


def test_report_of_a_job_is_an_artifact_and_is_uploaded(
    start_fleet: Callable[[list[dict[str, Any]]], Fleet], store: ArtifactStore, tmp_path: Path
) -> None:
    fleet = start_fleet([{"name": "ws-42", "preset": "windows_11_24h2_pro"}])
    closed_port = {**host_vars(fleet, "ws-42"), "ansible_port": 1}
    hosts = {"ws-42": host_vars(fleet, "ws-42"), "ws-43": closed_port}
    (tmp_path / "inventory.json").write_text(json.dumps({"windows": {"hosts": hosts}}))
    for name, text in PROJECT_FILES.items():
        (tmp_path / name).write_text(text)
    url = f"http://127.0.0.1:{store.server_port}"
    extra = json.dumps({"report_upload_url": url, "awx_job_id": 7})
    done = run(tmp_path, "audit.yml", "--extra-vars", extra, ANSIBLE_SHOW_CUSTOM_STATS="1")
    report = json.loads((tmp_path / "smb_guest_report/report.json").read_text())
    assert store.uploads.keys() == {"/7-report.html", "/7-report.json"}, done.stdout + done.stderr
    assert json.loads(store.uploads["/7-report.json"]) == report
    assert b"<html" in store.uploads["/7-report.html"]
    (line,) = [line for line in done.stdout.splitlines() if "smb_guest_summary" in line]
    artifact = json.loads(line[line.index("{") :])
    assert artifact == {"smb_guest_summary": report["summary"], "smb_guest_not_read": ["ws-43"]}


def test_without_a_place_to_upload_the_job_succeeds(
    start_fleet: Callable[[list[dict[str, Any]]], Fleet], tmp_path: Path
) -> None:
    fleet = start_fleet([{"name": "ws-42", "preset": "windows_11_24h2_pro"}])
    (tmp_path / "inventory.json").write_text(json.dumps({"windows": {"hosts": {"ws-42": host_vars(fleet, "ws-42")}}}))
    (tmp_path / "audit.yml").write_text(PROJECT_FILES["audit.yml"])
    done = run(tmp_path, "audit.yml", "-e", f"audit_report_dest={tmp_path / 'mounted'}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "mounted/report.html").exists()
