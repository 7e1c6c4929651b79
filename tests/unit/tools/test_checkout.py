"""The clean copy for ansible-test, and the environment of the gate's commands."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import checkout

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_copy_has_tracked_and_new_files_but_no_ignored_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    for name in ("tracked.py", "plugins/new.py", ".cache/env/pip.py"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(name)
    (source / "deleted.py").write_text("")
    (source / ".gitignore").write_text("/.cache/\n")
    subprocess.run(["git", "init", "--quiet", str(source)], check=True)
    subprocess.run(["git", "-C", str(source), "add", "tracked.py", "deleted.py"], check=True)
    (source / "deleted.py").unlink()
    monkeypatch.setattr(checkout, "ROOT", source)
    copy = checkout.copy_collection(tmp_path / "collections")
    files = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
    assert files == {"tracked.py", "plugins/new.py", ".gitignore"}
    assert copy.relative_to(tmp_path / "collections") == checkout.COLLECTION


def test_the_users_settings_do_not_reach_the_tests(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANSIBLE_CONFIG", "/somewhere/ansible.cfg")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example:3128")
    environ = checkout.clean_environ(tmp_path)
    assert not {"ANSIBLE_CONFIG", "PYTHONPATH"} & environ.keys()
    assert environ["HTTPS_PROXY"] == "proxy.example:3128"
    assert environ["no_proxy"].split(",") == ["intranet.example", "127.0.0.0/8", "localhost"]
    assert environ["PATH"].startswith(f"{tmp_path}:")
