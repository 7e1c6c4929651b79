# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The project files of the guide to AWX, run as written, with the variables that docs/awx/configure.yml sets."""

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
import yaml
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
    assert list(PROJECT_FILES) == ["harden.yml", "audit_slice.yml", "merge.yml", "audit.yml"]


def test_the_job_templates_name_project_files_surveys_and_each_other() -> None:
    templates = {row["name"]: row for row in configured("job_template")}
    one_line = {"enable_guest.yml", "revert.yml"}  # as harden.yml: of one line, for the playbook of that name
    assert {row["playbook"] for row in templates.values()} <= {*PROJECT_FILES, *one_line}
    for row in templates.values():
        if "survey_spec" in row:
            (survey,) = re.findall(r"surveys/(\w+\.json)", row["survey_spec"])
            assert (ROOT / "docs/surveys" / survey).is_file()
    (workflow,) = configured("workflow_job_template")
    audit, report = workflow["workflow_nodes"]
    assert [node["unified_job_template"]["name"] in templates for node in (audit, report)] == [True, True]
    assert audit["related"]["always_nodes"] == [{"identifier": report["identifier"]}]
    assert templates[report["unified_job_template"]["name"]]["job_slice_count"] == 1


def test_slices_with_the_variables_of_awx_make_one_report(
    start_fleet: Callable[[list[dict[str, Any]]], Fleet], tmp_path: Path
) -> None:
    names = ("ws-1", "ws-2")
    fleet = start_fleet([{"name": name, "preset": "windows_11_24h2_pro"} for name in names])
    hosts = {name: host_vars(fleet, name) for name in names} | {"ws-3": {}}
    (tmp_path / "inventory.json").write_text(json.dumps({"windows": {"hosts": hosts}}))
    variables = {row["playbook"]: row.get("extra_vars", {}) for row in configured("job_template")}
    for name, text in PROJECT_FILES.items():
        (tmp_path / name).write_text(text)
        (tmp_path / f"{name}.json").write_text(
            json.dumps({**variables.get(name, {}), "smb_guest_reports": str(tmp_path / "mounted")})
        )
    for playbook, *limit in (
        ("audit_slice.yml", "--limit", "ws-1"),
        ("audit_slice.yml", "--limit", "ws-2"),
        ("merge.yml",),
    ):
        done = run(tmp_path, playbook, "--extra-vars", f"@{playbook}.json", *limit)
        assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "mounted/report/report.json").read_text())
    assert [(row["name"], row["status"]) for row in report["hosts"]] == [
        ("ws-1", "read"),
        ("ws-2", "read"),
        ("ws-3", "not_asked"),
    ]


class _Loader(yaml.SafeLoader):
    """YAML of a playbook, in which text may be marked as unsafe."""


_Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def configured(module: str) -> list[dict[str, Any]]:
    """The options of each task of docs/awx/configure.yml with that module of awx.awx."""
    (play,) = yaml.load((ROOT / "docs/awx/configure.yml").read_text(), Loader=_Loader)  # noqa: S506
    return [task[f"awx.awx.{module}"] for task in play["tasks"] if f"awx.awx.{module}" in task]


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
