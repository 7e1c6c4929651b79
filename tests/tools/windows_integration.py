"""Runs the targets of `ansible-test windows-integration` against simulated Windows hosts.

    .cache/tools-3.11/bin/nox -s windows-integration -- [target ...]

The targets know nothing of the simulation: on real hosts they run as they are, with an inventory.winrm made from
tests/integration/inventory.winrm.template.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ansible_test import BIN, ansible_test_environ
from checkout import CACHE, ROOT, copy_collection

sys.path.insert(0, str(ROOT / "tests"))
from simulated_windows.client import Fleet

HOSTS = {"client": "windows_11_24h2_pro", "server": "server_2022", "older": "windows_10_22h2_pro"}
"""By name: the presets that the targets run on."""


def inventory(hosts: dict[str, dict[str, Any]]) -> str:
    """The inventory.winrm of a fleet."""
    lines = ["[windows]"]
    for name, host in hosts.items():
        user = host["users"][0]
        lines.append(
            f"{name} ansible_host={host['address']} ansible_port={host['http_port']} "
            f"ansible_user={user['name']} ansible_password={user['password']}"
        )
    lines += ["[windows:vars]", "ansible_connection=winrm", "ansible_winrm_transport=ntlm", "ansible_winrm_scheme=http"]
    return "\n".join(lines) + "\n"


def run(targets: list[str], junit: Path) -> int:
    """Run the targets on a fleet of their own; return the status of ansible-test."""
    fleet = {"hosts": [{"name": name, "preset": preset} for name, preset in HOSTS.items()]}
    with Fleet(fleet) as hosts, tempfile.TemporaryDirectory(prefix="winops-windows-integration-") as temporary:
        collection = copy_collection(Path(temporary))
        (collection / "tests/integration/inventory.winrm").write_text(inventory(hosts.hosts))
        python = ".".join(map(str, sys.version_info[:2]))
        command = [str(BIN / "ansible-test"), "windows-integration", "--color", "no", "--python", python, *targets]
        environ = ansible_test_environ(CACHE / "ansible-test" / "windows-integration")
        status = subprocess.run(command, cwd=collection, env=environ, check=False).returncode
        (junit / "targets.xml").write_bytes(one_test_each((collection / "tests/output/junit").glob("*.xml")))
    return status


def one_test_each(reports: Iterable[Path]) -> bytes:
    """A JUnit file with a test for each target, of those of ansible-test, which count every task as one."""
    suite = ElementTree.Element("testsuite")
    for report in sorted(reports):
        case = ElementTree.SubElement(suite, "testcase", name=report.name.partition("-")[0])
        tags = {element.tag for element in ElementTree.parse(report).getroot().iter()}
        if tags & {"failure", "error"}:
            ElementTree.SubElement(case, "failure", message="a task failed")
    return ElementTree.tostring(suite)


if __name__ == "__main__":
    sys.exit(run(sys.argv[2:], Path(sys.argv[1])))
