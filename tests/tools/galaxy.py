"""What becomes of the artefact where it is taken: the importer of Galaxy, the docs site, an execution environment.

    .cache/tools-3.11/bin/nox -s galaxy

Each builds the artefact from the files that git tracks, and fails on any warning. Nothing is fetched.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

from checkout import COLLECTION, OUTPUT, copy_collection

BIN = Path(sys.executable).parent
NAME = ".".join(COLLECTION.parts[1:])

LABELS_OF_ANSIBLE = (
    "ansible_collections.ansible.builtin.winrm_connection",
    "ansible_collections.ansible.builtin.psrp_connection",
    "action_plugins",
    "common_return_values",
    "ansible_configuration_settings",
)
"""What our pages link to in Ansible's own documentation, which Sphinx would fetch to know that it is there."""


class Failed(Exception):
    """Why the artefact is not good."""


def build(folder: Path) -> Path:
    """Build the artefact in `folder` from the files that git tracks; return it. Raises Failed."""
    collection = copy_collection(folder / "source")
    run([str(BIN / "ansible-galaxy"), "collection", "build", "--output-path", str(folder), str(collection)], folder)
    (artefact,) = folder.glob("*.tar.gz")
    return artefact


def install(artefact: Path, folder: Path) -> Path:
    """Install the artefact; return the collections path."""
    path = folder / "collections"
    command = [str(BIN / "ansible-galaxy"), "collection", "install", "--offline", str(artefact), "-p", str(path)]
    run(command, folder, ANSIBLE_COLLECTIONS_PATH=str(path))  # the checkout would count as installed already
    return path


def importer(folder: Path) -> None:
    """The importer of Galaxy; an error or a warning is a failure."""
    command = [sys.executable, "-m", "galaxy_importer.main", str(build(folder))]
    config = str(Path(__file__).with_name("galaxy-importer.cfg"))
    printed = run(command, folder, stderr=subprocess.STDOUT, GALAXY_IMPORTER_CONFIG=config)
    if complaints := [line for line in printed.splitlines() if re.search("ERROR|WARNING", line)]:
        raise Failed("\n".join(complaints))


def docs(folder: Path) -> None:
    """The docs site of the installed artefact, by antsibull-docs and Sphinx; it stays in tests/output/docs."""
    path = str(install(build(folder), folder))
    site = folder / "site"
    site.mkdir()
    options = ["--use-current", "--squash-hierarchy", "--fail-on-error"]
    init = ["sphinx-init", *options, "--dest-dir", str(site), "--project", NAME, "--title", NAME]
    antsibull = [str(BIN / "antsibull-docs")]
    run([*antsibull, *init, "--html-short-title", NAME, NAME], folder, ANSIBLE_COLLECTIONS_PATH=path)
    _write_inventory(site / "ansible_devel.inv")
    with (site / "conf.py").open("a") as conf:
        devel = "https://docs.ansible.com/projects/ansible/devel/"
        conf.write(f"\nintersphinx_mapping = {{'ansible_devel': ({devel!r}, {str(site / 'ansible_devel.inv')!r})}}\n")
    rst = site / "rst"
    rst.mkdir(mode=0o755, exist_ok=True)
    collection = ["--config-file", "antsibull-docs.cfg", "collection", *options, "--cleanup", "everything"]
    run([*antsibull, *collection, "--dest-dir", str(rst), NAME], site, ANSIBLE_COLLECTIONS_PATH=path)
    sphinx = [str(BIN / "sphinx-build"), "-M", "html", "rst", "build", "-c", ".", "-q", "-W", "--keep-going"]
    run(sphinx, site, ANSIBLE_COLLECTIONS_PATH=path)
    pages = {page.stem for page in (site / "build/html").glob("*.html")}
    modules = {f"{module.stem}_module" for module in (Path(path) / COLLECTION / "plugins/modules").glob("[!_]*.py")}
    if lacking := modules - pages:
        raise Failed(f"no page for {', '.join(sorted(lacking))}")
    shutil.rmtree(OUTPUT / "docs", ignore_errors=True)
    shutil.copytree(site / "build/html", OUTPUT / "docs")


def _write_inventory(file: Path) -> None:
    """An inventory in the format of Sphinx, so that it need not fetch Ansible's."""
    body = "".join(f"{label} std:label -1 index.html#$ {label}\n" for label in LABELS_OF_ANSIBLE).encode()
    head = b"# Sphinx inventory version 2\n# Project: ansible\n# Version: devel\n"
    file.write_bytes(head + b"# The remainder of this file is compressed using zlib.\n" + zlib.compress(body))


def describe_environment(artefact: Path, folder: Path, base: str, **options: Any) -> None:
    """Write the execution environment that ansible-builder is to make a recipe of."""
    description = {
        "version": 3,
        "images": {"base_image": {"name": base}},
        "options": options,
        "dependencies": {
            "ansible_core": {"package_pip": "ansible-core"},
            "ansible_runner": {"package_pip": "ansible-runner"},
            "galaxy": {"collections": [{"name": artefact.name, "type": "file"}]},
        },
        "additional_build_files": [{"src": artefact.name, "dest": "."}],
    }
    (folder / "execution-environment.yml").write_text(json.dumps(description))  # JSON is YAML


def builder(folder: Path) -> None:
    """The build context of an execution environment, and what the collection says that it needs."""
    artefact = build(folder)
    describe_environment(artefact, folder, "localhost/base:latest")
    run([str(BIN / "ansible-builder"), "create"], folder)
    if not (folder / "context/_build" / artefact.name).is_file():
        raise Failed("the build context lacks the artefact")
    output = run([str(BIN / "ansible-builder"), "introspect", str(install(artefact, folder))], folder)
    for needed in ("pywinrm", "pypsrp", "krb5-user"):
        if needed not in output:
            raise Failed(f"ansible-builder does not find {needed}:\n{output}")


def run(command: list[str], cwd: Path | None = None, *, stderr: int = subprocess.PIPE, **environ: str) -> str:
    """Run a tool; return what it printed. Raises Failed, with that and its errors."""
    environ = os.environ | environ
    done = subprocess.run(command, cwd=cwd, env=environ, check=False, stdout=subprocess.PIPE, stderr=stderr, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr or ''}"[-8000:])
    return done.stdout


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="winops-galaxy-") as temporary:
        try:
            {"importer": importer, "docs": docs, "builder": builder}[sys.argv[1]](Path(temporary))
        except Failed as failure:
            sys.exit(str(failure))
