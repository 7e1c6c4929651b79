"""The sessions of nox: the stages of the quality gate, the matrix of ansible-core, the demos, the bench and the image.

    make unit                       one stage, quietly, and the table: see tests/tools/gate.py
    .cache/tools-3.11/bin/nox -s unit -- tests/unit/plugins -k expiry        one session, with arguments for pytest

Each session has an environment of its own, made by uv from a file of tests/requirements and the newest ansible-core
that its Python runs. Sessions with the tag `gate` are `make test`, in this order, two at a time: the longest first.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import antsibull_nox
import nox
from nox.command import CommandFailed

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tests" / "tools"))

from ansible_cores import ANSIBLE_CORES, AnsibleCore, Version, assign_pythons, find_pythons, newest_for, newest_python
from checkout import CACHE, COLLECTION, COLLECTIONS, OUTPUT, REQUIREMENTS, clean_environ, link_collection
from system_packages import missing

nox.needs_version = ">=2026.10"
nox.options.envdir = str(CACHE / "nox")
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
nox.options.sessions = ["unit"]

# For everything that a session runs. uv waits that many seconds where another process builds the same package.
os.environ.update(clean_environ(Path(sys.executable).parent) | {"UV_LOCK_TIMEOUT": "3600"})
for unwanted in set(os.environ) - set(clean_environ(Path(sys.executable).parent)) - {"UV_LOCK_TIMEOUT"}:
    del os.environ[unwanted]
link_collection()

PYTHONS = find_pythons()
HERE = sys.version_info[:2]
SHOWN_LINES = 120
"""Of what a failed check printed; its log has the rest."""
PATIENCE_S = 60
"""After Ctrl-C: pytest, molecule and the demos then stop what they started."""


class Check(NamedTuple):
    """A command of a stage: one test by its exit status, unless it writes JUnit files itself."""

    name: str
    command: Sequence[str]
    cwd: Path = ROOT
    writes_junit: bool = False


def junit_folder(session: str) -> Path:
    """Where the JUnit files of a session are, from which gate.py counts."""
    return OUTPUT / "junit" / session


def stage(
    name: str,
    checks: Callable[[list[str]], list[Check]],
    requirements: str = "test",
    *,
    python: Version = HERE,
    core: AnsibleCore | None = None,
    packages: Sequence[str] = (),
    tags: Sequence[str] = ("gate",),
) -> None:
    """Make a session: packages of Debian, an environment, then one check after the other, all of them.

    Args:
        name: of the session.
        checks: what it runs, given the arguments after `--`.
        requirements: a file of tests/requirements, without its ending.
        python: of the environment.
        core: the ansible-core in it; None for the newest that the Python runs.
        packages: of Debian and Ubuntu: what must be on the machine besides Python.
        tags: `gate`, `matrix` or `quick`: what runs it.
    """

    @nox.session(name=name, python=PYTHONS[python], tags=list(tags))
    def run_stage(session: nox.Session) -> None:
        if line := missing(packages):
            session.skip(line)
        install(session, requirements, core or newest_for(python))
        folder = junit_folder(name)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if failed := [check.name for check in checks(session.posargs) if not passes(session, check, folder)]:
            session.error(f"failed: {', '.join(failed)}")

    run_stage.__doc__ = f"stage {name} of the gate"


def install(session: nox.Session, requirements: str, core: AnsibleCore | None) -> None:
    """Bring the environment of a session up to date."""
    if core is None:
        session.error(f"No supported ansible-core runs on this Python ({sys.version}). make PYTHON=python3.13 ...")
    session.install(
        f"ansible-core=={core.version}", "-r", str(REQUIREMENTS / f"{requirements}.txt"), env=pip_settings()
    )


def pip_settings() -> dict[str, str]:
    """Variables that tell uv where pip looks: a mirror is often set for pip alone."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    pairs = [line.partition("=")[::2] for line in listing.stdout.splitlines()]
    stated = {key.rpartition(".")[2]: value.strip("'\"") for key, value in pairs}
    variables = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
    return {name: stated[key] for key, name in variables.items() if key in stated and name not in os.environ}


def passes(session: nox.Session, check: Check, junit: Path) -> bool:
    """Run a check. For the gate its output goes to a log, whose end is printed if it fails."""
    log_path = OUTPUT / "log" / session.name / f"{check.name.replace(' ', '-')}.txt"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    quiet = "WINOPS_GATE" in os.environ
    passed = True
    with session.chdir(check.cwd), log_path.open("w") as log:
        try:
            session.run(*check.command, stdout=log if quiet else None, external=True, interrupt_timeout=PATIENCE_S)
        except CommandFailed:
            passed = False
    if quiet and not passed:
        print(f"--- {check.name}; all of it: {log_path.relative_to(ROOT)}")
        print("\n".join(log_path.read_text(errors="replace").splitlines()[-SHOWN_LINES:]), flush=True)
    if not check.writes_junit:
        suite = ElementTree.Element("testsuite")
        case = ElementTree.SubElement(suite, "testcase", name=check.name)
        if not passed:
            ElementTree.SubElement(case, "failure", message="exit status")
        (junit / f"{check.name.replace(' ', '-')}.xml").write_bytes(ElementTree.tostring(suite))
    return passed


def pytest_check(session: str, folder: str, *selection: str) -> Callable[[list[str]], list[Check]]:
    """The tests of tests/`folder`, on two cores."""
    # pytest's own folder for files is shared, and whoever starts tidies up after those that run. Not in the checkout,
    # whose path may be too long for sockets.
    checkout = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:8]
    options = ["-q", "-n", str(min(os.cpu_count() or 1, 2)), "--dist", "loadfile"]
    options += ["--basetemp", str(Path(tempfile.gettempdir(), f"winops-{checkout}-{session}"))]
    options += [f"--junit-xml={junit_folder(session) / 'pytest.xml'}"]

    def checks(arguments: list[str]) -> list[Check]:
        named = any(argument.startswith("tests/") for argument in arguments)
        where = [] if named else [f"tests/{folder}"]
        return [Check("pytest", ["pytest", *where, *selection, *options, *arguments], writes_junit=True)]

    return checks


def ansible_test_check(session: str, subcommand: str) -> Callable[[list[str]], list[Check]]:
    """ansible-test on a clean copy of the collection."""
    command = ["python", "tests/tools/ansible_test.py", str(junit_folder(session)), subcommand]
    return lambda arguments: [Check(f"ansible-test {subcommand}", [*command, *arguments], writes_junit=True)]


def lint_checks(_arguments: list[str]) -> list[Check]:
    """Everything that reads files and runs nothing, types apart."""
    # Without the hundred collections of the package `ansible`, which ansible-lint needs: it would read all their docs.
    docs = ["env", "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH=false", "antsibull-docs", "lint-collection-docs", "--plugin-docs"]
    docs += ["--validate-collection-refs", "all", "--disallow-unknown-collection-refs", "."]
    return [
        Check("ruff check", ["ruff", "check", "."]),
        Check("ruff format", ["ruff", "format", "--check", "."]),
        Check("yamllint", ["yamllint", "--strict", "."]),
        Check("actionlint", ["actionlint"]),
        Check("ansible-lint", ["ansible-lint", "--nocolor"]),
        Check("lint of users", ["python", "tests/tools/lint_of_users.py"]),
        Check("awx options", ["python", "tests/tools/awx_options.py"]),
        Check("antsibull-changelog", ["antsibull-changelog", "lint"]),
        Check("antsibull-docs", docs),
    ]


def types_checks(_arguments: list[str]) -> list[Check]:
    """mypy, strict."""
    mypy = ["mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(CACHE / "mypy")]
    tools = sorted(path.name for path in (ROOT / "tests" / "tools").glob("*.py"))
    return [
        Check("mypy plugins", [*mypy, "-p", f"{'.'.join(COLLECTION.parts)}.plugins"], COLLECTIONS),
        Check("mypy simulated_windows", [*mypy, "-p", "simulated_windows"], ROOT / "tests"),
        Check("mypy tools", [*mypy, *tools, str(ROOT / "noxfile.py")], ROOT / "tests" / "tools"),
    ]


def molecule_checks(arguments: list[str]) -> list[Check]:
    """All scenarios in one run, so that they share the simulated hosts.

    Molecule keeps one date of molecule.yml for scenarios that share their state, and warns where a file has another.
    """
    files = list((ROOT / "extensions/molecule").glob("*/molecule.yml"))
    newest = max(file.stat().st_mtime for file in files)
    for file in files:
        os.utime(file, (newest, newest))
    return [Check("molecule", ["molecule", "test", *(arguments or ["--all"])])]


def galaxy_checks(_arguments: list[str]) -> list[Check]:
    """What becomes of the artefact where it is taken."""
    return [Check(part, ["python", "tests/tools/galaxy.py", part]) for part in ("importer", "docs", "builder")]


def windows_integration_checks(arguments: list[str]) -> list[Check]:
    """The targets of ansible-test windows-integration, on simulated hosts."""
    command = ["python", "tests/tools/windows_integration.py", str(junit_folder("windows-integration"))]
    return [Check("ansible-test windows-integration", [*command, *arguments], writes_junit=True)]


SAMBA_DC = ("samba-ad-dc", "python3-samba", "krb5-user", "libkrb5-dev", "gcc", "python3-dev")
KERBEROS = ("krb5-kdc", "krb5-admin-server", "krb5-user", "libkrb5-dev", "gcc", "python3-dev")
SANITY_CORE, SANITY_PYTHON = newest_python(PYTHONS)

stage("integration", pytest_check("integration", "integration"))
stage("sanity", ansible_test_check("sanity", "sanity"), "ansible-test", python=SANITY_PYTHON, core=SANITY_CORE)
stage("faults", pytest_check("faults", "faults"))
stage("domain", pytest_check("domain", "domain"), "domain", packages=SAMBA_DC)
stage("mutated", pytest_check("mutated", "mutated"))
stage("probe", pytest_check("probe", "probe"), packages=["samba"])
stage("connections", pytest_check("connections", "connections"), "kerberos", packages=KERBEROS)
stage("eda", pytest_check("eda", "eda"), "eda", packages=["openjdk-17-jre-headless"])
stage("report", pytest_check("report", "report"), "report", packages=["chromium"])
stage("first-steps", pytest_check("first-steps", "first_steps"))
stage("unit", pytest_check("unit", "unit"))
stage("molecule", molecule_checks, "molecule")
stage("windows-integration", windows_integration_checks)
stage("galaxy", galaxy_checks, "galaxy")
stage("lint", lint_checks, "lint")
stage("types", types_checks, "types")
antsibull_nox.load_antsibull_nox_toml()


def matrix(core: AnsibleCore, python: Version | None) -> None:
    """The sessions of one release: `quick` are those that `.ci/run` includes, on the oldest and the newest release."""
    released = [each for each in ANSIBLE_CORES if each.is_released]
    name = f"matrix-{core.minor}"
    quick = ["matrix", "quick"] if core in (released[0], released[-1]) else ["matrix"]
    if python is None:

        @nox.session(name=name, python=False, tags=["matrix", "quick"])
        def without_python(session: nox.Session) -> None:
            first, last = (".".join(map(str, version)) for version in (core.first_python, core.last_python))
            session.skip(f"ansible-core {core.version} needs Python {first} to {last}, none found")

        return
    integration = pytest_check(f"{name}-integration", "integration", "-m", "matrix")
    stage(f"{name}-integration", integration, "matrix", python=python, core=core, tags=quick)
    unit = pytest_check(f"{name}-unit", "unit/plugins")
    stage(f"{name}-unit", unit, "matrix", python=python, core=core, tags=["matrix"])
    for subcommand in ("sanity", "units"):
        part = f"{name}-{subcommand}"
        check = ansible_test_check(part, subcommand)
        stage(part, check, "ansible-test", python=python, core=core, tags=["matrix"])


for each, chosen in assign_pythons(PYTHONS).items():
    matrix(each, chosen)


def tool(name: str, requirements: str, *command: str) -> None:
    """Make a session that is no part of the gate."""

    @nox.session(name=name, python=PYTHONS[HERE], tags=["tool"])
    def run_tool(session: nox.Session) -> None:
        install(session, requirements, newest_for(HERE))
        session.run(*command, *session.posargs, external=True, interrupt_timeout=PATIENCE_S)

    run_tool.__doc__ = f"make {name}"


tool("demo", "demo", "python", "tests/demo/run.py")
tool("demo-domain", "demo-domain", "python", "tests/demo/domain/run.py")
tool("bench", "bench", "python", "tests/bench/run.py")
tool("image", "image", "python", "tests/tools/image.py")
tool("build", "demo", "ansible-galaxy", "collection", "build", "--force", "--output-path", ".cache/build")
tool("simulated-windows", "demo", "env", "PYTHONPATH=tests", "python", "-m", "simulated_windows")
tool("ansible", "demo", "ansible")
