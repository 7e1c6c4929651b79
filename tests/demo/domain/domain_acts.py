"""What happens in a step of the domain's demo besides playbooks: a computer refreshes, Samba's tools judge a GPO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from acts import Stage
from judges import Judges
from member import Member
from samba_dc import SambaDc


@dataclass(frozen=True, kw_only=True)
class DomainStage(Stage):
    """With a domain and a computer in it."""

    dc: SambaDc
    member: Member


@dataclass(frozen=True)
class Refresh:
    """The computer takes its Group Policy, by Samba's own client. gpos: their names, the last one wins."""

    gpos: Sequence[str]

    def perform(self, stage: DomainStage) -> list[str]:
        print(f"\n$ samba-gpupdate --rsop          # as {stage.member.name}", flush=True)
        applied = stage.member.applied()
        for name in applied:
            print(f"  GPO: {name}")
        return [] if applied == list(self.gpos) else [f"the computer takes {applied}, expected {list(self.gpos)}"]


@dataclass(frozen=True)
class Judge:
    """Samba's own tools read a GPO. entries: what its Registry.pol says; security_option: a line of GptTmpl.inf."""

    gpo: str
    entries: Sequence[tuple[str, int]]
    security_option: str

    def perform(self, stage: DomainStage) -> list[str]:
        dc = stage.dc
        listed = dc.tool("gpo", "listall")
        print(f"\n$ samba-tool gpo listall | show | aclcheck, samba.dcerpc.preg     # {self.gpo}", flush=True)
        record = next((each for each in listed.split("\n\n") if f": {self.gpo}\n" in each), "")
        guid = "{" + record.partition("{")[2].partition("}")[0] + "}"
        if not record:
            return [f"samba-tool does not list {self.gpo}"]
        dc.tool("gpo", "aclcheck")
        machine = dc.sysvol / dc.domain / "Policies" / guid / "Machine"
        preg = Judges(dc).preg(machine / "Registry.pol")
        found = [(entry[1], entry[3]) for entry in preg["entries"]]
        for name, value in found:
            print(f"  {name} = {value}")
        template = (machine / "Microsoft/Windows NT/SecEdit/GptTmpl.inf").read_bytes().decode("utf-16")
        print(f"  {self.security_option}")
        wrong = [] if found == list(self.entries) else [f"Registry.pol holds {found}, expected {list(self.entries)}"]
        wrong += [] if preg["same"] else ["Samba would write Registry.pol otherwise"]
        return wrong + ([] if self.security_option in template else ["GptTmpl.inf lacks the security option"])
