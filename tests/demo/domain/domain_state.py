"""All of a domain that Group Policy is made of, read from the domain controller's disk, not through the collection.

Equal states mean that nothing changed: no attribute, no byte of a file, no access right.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from acts import Act
from domain_acts import DomainStage
from samba_dc import SambaDc

_NT_ACL = "security.NTACL"

DomainState = Mapping[str, Sequence[str] | bytes]
"""By DN its attributes, by path its security and its content."""

JOURNAL = "winops.smb_guest"
"""The folder with the collection's own journal, which stays."""
_CLOCKS = ("whenCreated", "whenChanged", "uSNCreated", "uSNChanged", "dSCorePropagationData", "replPropertyMetaData")


@dataclass(frozen=True)
class Step:
    """rewritten: whether the domain changes. as_in: an earlier step whose state the domain holds again."""

    heading: str
    text: str
    acts: Sequence[Act[DomainStage]]
    lesson: str
    rewritten: bool = False
    as_in: str = ""

    def deviations(self, before: DomainState, after: DomainState, history: Mapping[str, DomainState]) -> list[str]:
        """How the domain differs from its text."""
        wrong = []
        if (before != after) != self.rewritten:
            wrong.append(f"the domain {'stayed' if self.rewritten else 'changed'}: {_difference(before, after)}")
        if self.as_in and history[self.as_in] != after:
            wrong.append(f"it is not as in {self.as_in}: {_difference(history[self.as_in], after)}")
        return wrong


def _difference(one: DomainState, other: DomainState) -> str:
    return ", ".join(sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name)))


def state_of(dc: SambaDc) -> DomainState:
    """The state as it is now."""
    return {**_objects(dc), **_files(dc)}


def _objects(dc: SambaDc) -> dict[str, list[str]]:
    database = str(dc.folder / "private" / "sam.ldb")
    found: dict[str, list[str]] = {}
    for base, wanted in (
        (f"CN=Policies,CN=System,{dc.dn}", "(objectClass=*)"),
        (dc.dn, "(|(objectClass=organizationalUnit)(gPLink=*)(gPOptions=*))"),
    ):
        command = ["ldbsearch", "-H", database, "-b", base, wanted, "*", "nTSecurityDescriptor"]
        listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        for record in listed.replace("\n ", "").split("\n\n"):
            lines = [line for line in record.splitlines() if line and not line.startswith(("#", *_CLOCKS))]
            if lines and lines[0].startswith("dn:"):
                found[lines[0]] = sorted(lines[1:])
    return found


def _files(dc: SambaDc) -> dict[str, bytes]:
    policies = dc.sysvol / dc.domain / "Policies"
    return {
        str(path.relative_to(policies)): _security(path) + (path.read_bytes() if path.is_file() else b"")
        for path in sorted(policies.rglob("*"))
        if path.relative_to(policies).parts[0] != JOURNAL
    }


def _security(path: Path) -> bytes:
    """Where Samba keeps owner and access rights; a file that was not made through it has none."""
    return os.getxattr(path, _NT_ACL) if _NT_ACL in os.listxattr(path) else b""
