# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One real Samba domain for all tests of this folder, and what a test needs to talk to it."""

from __future__ import annotations

import itertools
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from judges import Judges
from samba_dc import PACKAGES, SambaDc
from system_packages import missing

from ansible_collections.winops.smb_guest.plugins.plugin_utils.actions.domain_action import opened
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.directory import Directory
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.domain_controller import DomainController
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.domain_change import DomainChanges
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_desired import DesiredGpo, DesiredLink
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_outcome import GpoOutcome, GpoTerms
from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain_gpo.gpo_reader import GpoReader

DEFAULT_ANSWERS, DEFAULT_ROUNDS = 2_000, 8
_SEED = "WINOPS_MUTATION_SEED"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--answers", type=int, default=DEFAULT_ANSWERS, help="how many answers to damage")
    parser.addoption("--rounds", type=int, default=DEFAULT_ROUNDS, help="how many random rounds of test_random_rounds")
    parser.addoption("--seed", type=int, help="repeat the damage of another run")


def pytest_configure(config: pytest.Config) -> None:
    # Workers inherit it: all of them take part in one run. In CI every run is the same.
    given = config.getoption("--seed", default=None)
    if given is not None or _SEED not in os.environ:
        os.environ[_SEED] = str(given if given is not None else 1 if os.environ.get("CI") else secrets.randbelow(2**32))


def pytest_report_header(config: pytest.Config) -> str:
    answers = config.getoption("--answers", default=DEFAULT_ANSWERS)
    return f"mutated doors: {answers} answers, seed {os.environ[_SEED]} (--answers, --seed)"


@pytest.fixture
def answers(pytestconfig: pytest.Config) -> int:
    return int(pytestconfig.getoption("--answers", default=DEFAULT_ANSWERS))


@pytest.fixture
def rounds(pytestconfig: pytest.Config) -> int:
    return int(pytestconfig.getoption("--rounds", default=DEFAULT_ROUNDS))


@pytest.fixture
def seed() -> int:
    return int(os.environ[_SEED])


@dataclass
class Domain:
    """The domain as a test sees it. admin: a controller with the account that may do everything."""

    dc: SambaDc
    admin: DomainController
    judges: Judges
    fresh: bool = False
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _stack: ExitStack = field(default_factory=ExitStack)
    _kept: GpoReader | None = None

    def name(self, what: str) -> str:
        """A name that no other test uses."""
        return f"{what} {next(self._numbers)}"

    def unit(self, parent: str = "") -> str:
        """The DN of a new organizational unit."""
        dn = f"OU=unit{next(self._numbers)},{parent or self.dc.dn}"
        with self.directory() as directory:
            directory.add(dn, {"objectClass": ["organizationalUnit"]})
        return dn

    def computer(self, parent: str) -> str:
        """The account name of a new computer, less its dollar sign."""
        name = f"PC{next(self._numbers)}"
        with self.directory() as directory:
            attributes = {"objectClass": ["computer"], "sAMAccountName": [f"{name}$"], "userAccountControl": ["4096"]}
            directory.add(f"CN={name},{parent}", attributes)
        return name

    @contextmanager
    def directory(self, **changes: Any) -> Iterator[Directory]:
        if not changes:
            with ExitStack() as stack:
                yield stack.enter_context(self.reader()).directory
            return
        directory = Directory(replace(self.admin, **changes))
        try:
            yield directory
        finally:
            directory.close()

    @contextmanager
    def reader(self, **changes: Any) -> Iterator[GpoReader]:
        """Both doors open: those that stay open for all tests, or others for other options and with `fresh`."""
        if changes or self.fresh:
            with opened(replace(self.admin, **changes), self.dc.domain) as reader:
                yield reader
            return
        if self._kept is None:
            self._kept = self._stack.enter_context(opened(self.admin, self.dc.domain))
        yield self._kept

    def close(self) -> None:
        self._stack.close()

    def present(
        self, gpo: str, *, check: bool = False, terms: GpoTerms | None = None, **desired_settings: Any
    ) -> GpoOutcome:
        """What the module does for `state: present`. links: DNs or DesiredLinks."""
        links = [DesiredLink(link) if isinstance(link, str) else link for link in desired_settings.pop("links", ())]
        with self.reader() as reader:
            changes = DomainChanges(reader, check_mode=check)
            return changes.make_true(gpo, DesiredGpo(gpo, links=links, **desired_settings), terms or GpoTerms())

    def absent(self, gpo: str, *, check: bool = False) -> GpoOutcome:
        with self.reader() as reader:
            return DomainChanges(reader, check_mode=check).make_absent(gpo, GpoTerms())

    def revert(self, outcome: GpoOutcome, *, force: bool = False, check: bool = False) -> GpoOutcome:
        """Undo the change of an outcome."""
        assert outcome.entry
        guid = (outcome.after or outcome.before)["guid"]
        with self.reader() as reader:
            return DomainChanges(reader, check_mode=check).revert(guid, outcome.entry.change_id, force=force)

    def folder(self, guid: str) -> Path:
        """The folder of a GPO on the controller's disk."""
        return self.dc.sysvol / self.dc.domain / "Policies" / guid

    def files(self, guid: str) -> dict[str, bytes]:
        """Everything in a GPO's folder, by its path in lower case."""
        folder = self.folder(guid)
        return {
            str(path.relative_to(folder)).lower(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
        }

    def everything(self) -> dict[str, Any]:
        """All of the domain that changes of GPOs may touch: to prove that nothing was."""
        found: dict[str, Any] = {}
        with self.directory() as directory:
            from ansible_collections.winops.smb_guest.plugins.plugin_utils.domain.directory import SearchScope

            wanted = ["*", "nTSecurityDescriptor"]
            for base in (f"CN=Policies,CN=System,{self.dc.dn}", self.dc.dn):
                filter_ = "(objectClass=*)" if base != self.dc.dn else "(gPLink=*)"
                for entry in directory.search(base, SearchScope.SUBTREE, filter_, wanted, sd_flags=7):
                    unstable = ("usnchanged", "whenchanged", "dscorepropagationdata", "usncreated")
                    kept = {name: values for name, values in entry.attributes.items() if name not in unstable}
                    found[entry.dn] = kept
        policies = self.dc.sysvol / self.dc.domain / "Policies"
        for path in policies.rglob("*"):
            found[str(path)] = path.read_bytes() if path.is_file() else None
        return found


@pytest.fixture(scope="session")
def dc() -> Iterator[SambaDc]:
    """A running domain controller. Without the packages a failure in CI, else a skip, with the line that helps."""
    lacking = missing(PACKAGES) if os.geteuid() == 0 else "a domain controller needs root"
    if lacking:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"not run: {lacking}")
    # Not pytest's folder: other accounts than root have to get through to SYSVOL.
    with tempfile.TemporaryDirectory(prefix="smb-guest-dc-") as folder, SambaDc.started(Path(folder)) as dc:
        os.environ.update(dc.kerberos)
        yield dc


@pytest.fixture(scope="session")
def domain(dc: SambaDc) -> Iterator[Domain]:
    admin = DomainController(dc.address, dc.administrator, dc.password, "ntlm", "none", str(dc.ca_certs))
    domain = Domain(dc, admin, Judges(dc))
    yield domain
    domain.close()


@pytest.fixture(scope="session")
def sids(domain: Domain) -> dict[str, str]:
    """The accounts of `attackers`, made once."""
    from attackers import made

    return made(domain)
