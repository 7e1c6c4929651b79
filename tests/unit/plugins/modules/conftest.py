"""The documentation of every module as `ansible-doc` gives it, fragments merged, and the action plugins behind it."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[4]
COLLECTION = "winops.smb_guest"
MODULES = sorted(path.stem for path in (ROOT / "plugins/action").glob("[!_]*.py"))
ANSIBLE_DOC = "from ansible.cli.doc import main; main()"
"""Of this Python: ansible-test runs tests without the package's entry points."""


@pytest.fixture(scope="session")
def documented() -> dict[str, dict[str, Any]]:
    """Module name to `{doc, examples, return}`."""
    names = [f"{COLLECTION}.{name}" for name in MODULES]
    result = subprocess.run(
        [sys.executable, "-c", ANSIBLE_DOC, "--json", "--type", "module", *names],
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.rpartition(".")[2]: doc for name, doc in json.loads(result.stdout).items()}


@pytest.fixture(scope="session")
def action_class() -> Any:
    """Gives the ActionModule class of a module."""
    return lambda name: (
        importlib.import_module(f"ansible_collections.winops.smb_guest.plugins.action.{name}").ActionModule
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for `module` runs once for each."""
    if "module" in metafunc.fixturenames:
        metafunc.parametrize("module", MODULES)
