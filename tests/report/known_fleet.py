# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""300 hosts in two runs, with changes in between, and with every kind of thing that a report has to count.

Nothing here comes from the report. `truth.py` counts the same hosts in a second way.
"""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random
from typing import Any

from .invented_fleet import NOW, access, connection, posture, results, server, stamp, state

FIRST, SECOND = NOW - timedelta(days=7), NOW
SAME_MACHINE = {"192.0.2.77": "scanner-2og"}
"""Names that the probes show to be one machine: the other name to the first."""

PROBES: list[dict[str, Any]] = [
    {
        "server": name,
        "host": name,
        "verdict": "guest_only_suspected",
        "advice": "It knows no accounts.",
        "server_guid": "11111111-2222-3333-4444-555555555555",
        "identity": {"netbios_name": "SCANNER-2OG", "dns_name": ""},
    }
    for name in ("192.0.2.77", "scanner-2og")
] + [
    {"server": "lonely", "host": "lonely", "verdict": "accounts_only", "server_guid": "x", "identity": {}, "advice": ""}
]
EXCEPTIONS: list[dict[str, str]] = [
    {"host": "WS-00*", "control": "client_signing", "reason": "lab", "expires": "2026-12-10", "approved_by": "J. Doe"},
    {"host": "srv-*", "control": "WN22-CC-000070", "reason": "file servers", "expires": "2027-06-30"},
    {"host": "ws-0001.corp.example", "reason": "everything", "approved_by": "J. Doe"},
    {"host": "gone-*", "reason": "nobody", "expires": "2027-06-30", "approved_by": "J. Doe"},
    {"host": "ws-*", "control": "insecure_guest_logons", "reason": "ended", "expires": "2026-10-01"},
    {"server": "nas-lab", "reason": "replaced", "expires": "2027-01-31", "approved_by": "J. Doe", "ticket": "R-1"},
]
BASELINE = {"insecure_guest_logons": False, "client_encryption": True}
"""Settings with the values that policy files give them."""

STATUSES = ("applied", "reverting", "reverted", "failed", "rolled_back", "pending")
AUDIT, SECURITY = "Microsoft-Windows-SmbClient/Audit", "Microsoft-Windows-SmbClient/Security"


def _channels(number: int, recent: bool) -> list[dict[str, Any]]:
    """One kind of log for each rest of the division by seven."""
    begins = {1: NOW - timedelta(days=3), 2: None}.get(number % 7, NOW - timedelta(days=80))
    security: dict[str, Any] = {
        "name": SECURITY,
        "available": True,
        "enabled": number % 7 != 3,
        "reason": "",
        "events": number % 11,
        "oldest": None,
        "newest": None,
        "log_begins": stamp(begins) if begins else None,
        "log_is_empty": begins is None,
    }
    if number % 7 == 4:
        security |= {"log_begins": None, "log_is_empty": None, "reason": "access is denied"}
    return [security, {"name": AUDIT, "available": recent, "enabled": None, "reason": "" if recent else None}]


def _rename_and_audit(number: int, servers: list[dict[str, Any]], recent: bool, random: Random) -> None:
    for position, row in enumerate(servers):
        if number % 5 == 0:
            row["name"] = row["name"].upper()
        if number % 6 == 0 and not row["is_ip_address"]:
            row["name"] += "."
        if recent and number % 2:
            # The audit writes a second event for some logons, and for some the only one.
            audited = 0
            for day in row["days"]:
                extra = random.randrange(0, 9)
                day["counts"]["guest_audited"] = extra
                audited += extra
            row["counts"]["guest_audited"] = audited + position


def _more(number: int, its: dict[str, Any]) -> None:
    """Whatever the invented fleet has too little of."""
    random = Random(number)
    recent = its["os"]["build"] >= 26100
    _rename_and_audit(number, its["servers"], recent, random)
    if number % 7 == 0:
        its["unnamed_server"] = server("x", recent, random) | {"name": ""}
    if number % 8 == 0:
        its["clients"] = [{"name": f"client-{number}", "counts": {"guest_audited": 2, "without_signing": number}}]
    if number % 10 == 3:
        its["doors"]["guest_account"] |= {"state": "open", "scanner": "fail"}
        its["doors"]["force_guest"] |= {"state": "open", "scanner": "fail"}
    if number % 12 == 0:
        its["problems"] = [{"part": "connections", "message": "access is denied"}]
    if number % 29 == 0:
        its["settings"], its["guest_access"] = {}, {}
    if number % 9 == 0 and its["settings"]:
        _configure(its, "client_signing", local=True, running=False)
    if number % 19 == 0:
        its["connections"].append(connection("FS-Plain", guest=False))
    its["events"] = {
        "asked_since": stamp(NOW - timedelta(days=30)),
        "since": stamp(NOW - timedelta(days=2 if number % 23 == 0 else 30)),
        "max_events": 20_000,
        "read": {
            "way": "subscription",
            "events": number,
            "capped": ["max_pages"] if number % 31 == 0 else [],
            "unreadable": int(number % 37 == 0),
            "omitted": int(number % 41 == 0),
            "undecodable": number % 43 == 0,
        },
        "channels": _channels(number, recent),
    }
    for position, change in enumerate(its["changes"]):
        change["status"] = STATUSES[(number + position) % len(STATUSES)]


def first_run() -> dict[str, Any]:
    """Host names to registered results of posture_info."""
    hosts: dict[str, Any] = dict(results(300))
    for number, result in enumerate(hosts.values()):
        if "posture" in result:
            _more(number, result["posture"])
    return hosts | {f"never-{number}": {} for number in range(3)}


def second_run() -> dict[str, Any]:
    """The same fleet a week later."""
    hosts: dict[str, Any] = json.loads(json.dumps(first_run()))
    names = list(hosts)
    for name in names[10:60:10]:
        del hosts[name]
    for number in range(300, 307):
        its = posture(number, Random(number))
        _more(number, its)
        hosts[f"new-{number}.corp.example"] = {"posture": its}
    read = [name for name in names if "posture" in hosts.get(name, {}) and hosts[name]["posture"]["settings"]]
    for name in read[3::14]:
        _configure(hosts[name]["posture"], "insecure_guest_logons", local=True)
    for name in read[5::14]:
        _configure(hosts[name]["posture"], "client_signing", policy=None, local=False)
    for name in read[7::28]:
        _configure(hosts[name]["posture"], "server_signing", local=True, running=False)
    for name in read[9::40]:
        hosts[name] = {"unreachable": True, "msg": "off"}
    for name in read[11::25]:
        its = hosts[name].get("posture", {"changes": []})
        for change in its["changes"]:
            change["status"] = "reverted"
    for name in read[13::30]:
        if "posture" in hosts[name]:
            hosts[name]["posture"]["servers"] = [server("brand-new-nas", True, Random(name))]
    for result in hosts.values():
        its = result.get("posture", {"servers": []})
        its["servers"] = [row for row in its["servers"] if row["name"].lower().rstrip(".") != "ip-cam-rec"]
    return hosts


def _configure(its: dict[str, Any], name: str, **layers: Any) -> None:
    its["settings"][name] = state(name, its["settings"][name]["os_default"], its["os"]["build"], **layers)
    its["guest_access"] = access(its["settings"])
