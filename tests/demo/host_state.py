"""What a simulated host's state says, read from the control port, behind the back of the collection.

A state is what `ControlClient.state` returns, less its clock: equal states mean that nothing changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from simulated_windows.client import Fleet

State = Mapping[str, Any]
States = Mapping[str, State]
"""By host name."""

POLICIES = r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation"
PARAMETERS = r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters"
JOURNAL = r"HKLM\SOFTWARE\winops"
ROOT = JOURNAL + r"\smb_guest"
CHANGES = ROOT + r"\Changes" + "\\"
GUEST_VALUE = "AllowInsecureGuestAuth"
BLOCKERS = {"RequireSecuritySignature": "signing", "RequireEncryption": "encryption"}


def states_of(fleet: Fleet) -> States:
    """The state of every host."""
    return {
        host: {name: part for name, part in fleet.control.state(host).items() if name != "clock"}
        for host in fleet.hosts
    }


def verdict(state: State) -> str:
    """Whether this host's SMB client, as it runs, lets an insecure guest logon succeed."""
    client = state["smb_client"]
    allowed = client["EnableInsecureGuestLogons"] and not any(client.get(name) for name in BLOCKERS)
    return "allowed" if allowed else "blocked"


def decided_by(state: State) -> str:
    """What decides the verdict, in the order in which Windows looks."""
    client = state["smb_client"]
    if client["EnableInsecureGuestLogons"]:
        for name, word in BLOCKERS.items():
            if client.get(name):
                return word
    for key, source in ((POLICIES, "policy"), (PARAMETERS, "local")):
        if GUEST_VALUE in state["registry"].get(key, {}):
            return source
    return "default"


def journal(state: State) -> list[str]:
    """The statuses of the host's journaled changes, oldest first; what the host has ended by itself counts."""
    lists = state["registry"].get(ROOT, {})
    lines = [line for name in ("Standing", "Ended") for line in lists.get(name, {"value": []})["value"]]
    entries = sorted({entry["seq"]: entry for entry in map(json.loads, lines)}.items())
    ended = {key.removesuffix("~reverted") for key in state["registry"] if key.endswith("~reverted")}
    return ["reverted" if CHANGES + entry["change_id"] in ended else entry["status"] for _seq, entry in entries]


def configured(state: State) -> Mapping[str, Any]:
    """The registry less the journal: keys, values and their types."""
    return {key: values for key, values in state["registry"].items() if not f"{key}\\".startswith(f"{JOURNAL}\\")}
