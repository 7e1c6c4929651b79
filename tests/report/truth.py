# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is true of a fleet, counted straight from what its hosts said, without any code of the report.

A second reading of docs/report.md: when the two disagree, find out which one is wrong, do not adapt one to the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from functools import cached_property
from typing import Any

Posture = dict[str, Any]
GUEST = "insecure_guest_logons"
PRODUCTS = {
    ("client", 19045): "Windows 10",
    ("client", 22631): "Windows 11",
    ("client", 26100): "Windows 11",
    ("server", 17763): "Windows Server 2019",
    ("server", 20348): "Windows Server 2022",
    ("server", 26100): "Windows Server 2025",
}
# Of a control: the setting, its secure value, and the layer that a scanner reads.
SETTING_CONTROLS = {
    "insecure_guest_disabled": (GUEST, False, "policy"),
    "client_signing_always": ("client_signing", True, "local"),
    "server_signing_always": ("server_signing", True, "local"),
    "client_encryption": ("client_encryption", True, "policy"),
    "audit_insecure_guest": ("audit_insecure_guest_logons", True, "policy"),
    "audit_server_encryption": ("audit_server_without_encryption", True, "policy"),
    "audit_server_signing": ("audit_server_without_signing", True, "policy"),
    "server_audit_insecure_guest": ("server_audit_insecure_guest_logons", True, "policy"),
    "server_audit_client_encryption": ("server_audit_client_without_encryption", True, "policy"),
    "server_audit_client_signing": ("server_audit_client_without_signing", True, "policy"),
}
DOOR_CONTROLS = {
    "smb1_client_disabled": ["smb1_client"],
    "smb1_server_disabled": ["smb1_server"],
    "smb1_removed_or_disabled": ["smb1_client", "smb1_server"],
    "guest_account_disabled": ["guest_account"],
    "force_guest_classic": ["force_guest"],
}
EVERYWHERE = {"insecure_guest_disabled", "client_signing_always", "server_signing_always", *DOOR_CONTROLS}
SINCE_24H2 = set(SETTING_CONTROLS)
ASKED = {
    "Windows 10": EVERYWHERE,
    "Windows 11": EVERYWHERE | SINCE_24H2,
    "Windows Server 2019": EVERYWHERE,
    "Windows Server 2022": EVERYWHERE | {"client_encryption"},
    "Windows Server 2025": EVERYWHERE | SINCE_24H2,
}
NAMED_CONTROLS = {
    "client_signing": {"client_signing_always"},
    "insecure_guest_logons": {"insecure_guest_disabled"},
    "WN22-CC-000070": {"insecure_guest_disabled"},
}
STANDING = {"applied", "reverting", "pending", "failed"}
EVENT_KINDS = ("guest_allowed", "guest_refused", "guest_audited", "without_signing", "without_encryption")


def _running(state: Mapping[str, Any]) -> Any:
    return state["effective"] if state["running"] is None else state["running"]


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _blind_spots(its: Posture) -> set[tuple[str, str]]:
    """Kind, and what tells it from others of the kind."""
    events, read = its["events"], its["events"]["read"]
    spots = {("not_read", row["part"]) for row in its["problems"]}
    spots |= {spot for row in events["channels"] for spot in _of_log(row, _time(events["asked_since"]))}
    simple = {
        ("not_read", "settings"): not its["settings"],
        ("since_later", events["since"][:10]): events["since"] > events["asked_since"],
        ("capped", ""): read["capped"],
        ("unreadable", ""): read["unreadable"],
        ("peers_omitted", ""): read["omitted"],
        ("undecodable", ""): read["undecodable"],
        ("users_omitted", ""): any(row["users_omitted"] for row in its["servers"]),
    }
    return spots | {spot for spot, applies in simple.items() if applies}


def _of_log(row: Mapping[str, Any], asked: datetime | None) -> set[tuple[str, str]]:
    begins = _time(row.get("log_begins"))
    kinds = {
        "no_channel": not row["available"],
        "channel_not_read": row["available"] and row["reason"],
        "channel_disabled": row["enabled"] is False,
        "log_empty": row.get("log_is_empty"),
        "log_younger": begins and asked and begins > asked,
    }
    return {(kind, row["name"]) for kind, applies in kinds.items() if applies}


class Truth:
    """One run. probes: rows of server_info. same: another name of a machine to its first. exceptions: of the file."""

    def __init__(
        self,
        said: Mapping[str, Any],
        now: datetime,
        probes: Iterable[Mapping[str, Any]] = (),
        same: Mapping[str, str] | None = None,
        exceptions: Iterable[Mapping[str, str]] = (),
        baseline: Mapping[str, bool] | None = None,
    ) -> None:
        self.said = said
        self.now = now
        self.read: dict[str, Posture] = {name: its["posture"] for name, its in said.items() if "posture" in its}
        self._probes = list(probes)
        self._same = dict(same or {})
        self._written = list(exceptions)
        self._baseline = dict(baseline or {})

    def status(self, name: str) -> str:
        its = self.said[name]
        if "posture" in its:
            return "read"
        return "unreachable" if its.get("unreachable") else "failed" if its else "not_asked"

    def guest(self, name: str) -> str:
        """The state of a host."""
        if name not in self.read:
            return "not_read"
        settings = self.read[name]["settings"]
        if not settings:
            return "unknown"
        if not _running(settings[GUEST]):
            return "blocked"
        return (
            "held_back"
            if any(_running(settings[f"client_{what}"]) for what in ("signing", "encryption"))
            else "allowed"
        )

    def windows(self, name: str) -> str:
        its = self.read[name]["os"]
        short = its["caption"].replace("Microsoft ", "")
        return f"{short} {its['version']}" if its["product"] == "client" else short

    def product(self, name: str) -> str:
        return PRODUCTS[self.read[name]["os"]["product"], self.read[name]["os"]["build"]]

    def decides(self, name: str) -> str:
        """What decides on guest logons, with the GPO."""
        state = self.read[name]["settings"].get(GUEST)
        if state is None:
            return "unknown"
        gpo = (state["policy_source"] or {}).get("gpo") if state["winner"] == "policy" else None
        return f"{state['winner']}:{gpo}" if gpo else str(state["winner"])

    @cached_property
    def drift(self) -> list[tuple[str, str]]:
        return [
            (host, name) for host, its in self.read.items() for name, row in its["settings"].items() if row["drift"]
        ]

    @cached_property
    def changes(self) -> list[tuple[str, dict[str, Any]]]:
        """Those that stand."""
        return [(host, row) for host, its in self.read.items() for row in its["changes"] if row["status"] in STANDING]

    def overdue(self, change: Mapping[str, Any]) -> bool:
        end = _time(change["expires_at"])
        return end is not None and end <= self.now

    # Controls

    def finding(self, host: str, control: str) -> tuple[str, str]:
        """In force, and as a scanner reads."""
        its = self.read[host]
        if control in DOOR_CONTROLS:
            return self._of_doors([its["doors"][door] for door in DOOR_CONTROLS[control]])
        setting, wanted, layer = SETTING_CONTROLS[control]
        state = its["settings"].get(setting)
        if state is None:
            return "unknown", "unknown"
        value = _running(state)
        in_force = ("pass" if value is wanted else "fail") if value is not None else "unknown"
        if value is None and state["supported"] is False:
            in_force = "unsupported"
        return in_force, "pass" if state[layer] is wanted else "fail"

    def _of_doors(self, doors: list[dict[str, Any]]) -> tuple[str, str]:
        states, scans = [door["state"] for door in doors], [door["scanner"] for door in doors]
        in_force = "fail" if {"open", "idle"} & set(states) else "pass" if set(states) == {"closed"} else "unknown"
        if len(doors) == 2 and [door["installed"] for door in doors] == [False, False]:
            return in_force, "pass"
        return in_force, "fail" if "fail" in scans else "unknown" if "unknown" in scans else "pass"

    @cached_property
    def findings(self) -> dict[tuple[str, str], tuple[str, str]]:
        """Host and control to both findings."""
        return {
            (host, control): self.finding(host, control) for host in self.read for control in ASKED[self.product(host)]
        }

    # Exceptions

    @cached_property
    def exceptions(self) -> list[dict[str, Any]]:
        """`{reason, hosts, controls, valid, remarks}`: of the file, then of the journals."""
        rows = []
        for entry in self._written:
            end = (
                datetime.fromisoformat(entry["expires"]).replace(tzinfo=UTC) + timedelta(days=1)
                if "expires" in entry
                else None
            )
            controls = NAMED_CONTROLS.get(entry.get("control", ""), set(SETTING_CONTROLS) | set(DOOR_CONTROLS))
            if "server" in entry:
                hosts = {
                    host for row in self.servers.values() if row["name"] == entry["server"] for host in row["guest"]
                }
                matches = bool(hosts) or any(row["name"] == entry["server"] for row in self.servers.values())
            else:
                hosts = {
                    host
                    for host in self.read
                    if fnmatch(host.lower(), entry["host"].lower()) and controls & ASKED[self.product(host)]
                }
                matches = bool(hosts)
            rows.append(
                {
                    "source": "file",
                    "reason": entry["reason"],
                    "hosts": hosts,
                    "controls": set() if "server" in entry else controls,
                    "valid": end is None or end > self.now,
                    "remarks": [
                        word
                        for word, applies in (
                            ("ends_soon", end is not None and self.now < end <= self.now + timedelta(days=30)),
                            ("without_match", not matches),
                            ("without_approver", "approved_by" not in entry),
                            ("without_end", end is None),
                        )
                        if applies
                    ],
                }
            )
        for host, change in self.changes:
            turned = {row["setting"]: row["to"] for row in change["changes"]}
            controls = {
                name
                for name, (setting, wanted, _layer) in SETTING_CONTROLS.items()
                if turned.get(setting, wanted) is not wanted
            }
            rows.append(
                {
                    "source": "journal",
                    "reason": change["reason"],
                    "hosts": {host},
                    "controls": controls,
                    "valid": not self.overdue(change),
                    "remarks": [],
                }
            )
        return rows

    def accepted(self, host: str, control: str) -> bool:
        return any(row["valid"] and host in row["hosts"] and control in row["controls"] for row in self.exceptions)

    # Servers

    def _machine(self, name: str) -> str:
        plain = name.lower().rstrip(".")
        return self._same.get(plain, plain)

    @cached_property
    def servers(self) -> dict[str, dict[str, Any]]:
        """Each machine, and `` for events without a name."""
        rows: dict[str, dict[str, Any]] = {}

        def of(name: str) -> dict[str, Any]:
            blank = {how: set() for how in ("all", "allowed", "refused", "connected", "guests_now", "possible")}
            counts: Counter[str] = Counter()
            return rows.setdefault(
                self._machine(name),
                {"name": name, **blank, "counts": counts, "logons": 0, "days": defaultdict(Counter), "names": set()},
            )

        for host in sorted(self.read, key=str.casefold):
            its = self.read[host]
            unnamed = [its["unnamed_server"]] if its["unnamed_server"] else []
            for row in (*its["servers"], *unnamed):
                self._take(of(row["name"]), host, row)
            for row in its["connections"]:
                server = of(row["server"])
                server["names"].add(row["server"])
                server["all"].add(host)
                server["connected"].add(host)
                if row["guest"] is True:
                    server["guests_now"].add(host)
                elif row["guest"] is None and row["unprotected"] and self.guest(host) == "allowed":
                    server["possible"].add(host)
        for probe in self._probes:
            of(probe["server"])["names"].add(probe["server"])
        for server in rows.values():
            server["allowed"] |= server["guests_now"]
            server["possible"] -= server["allowed"]
            server["guest"] = server["allowed"] | server["refused"]
        return rows

    def _take(self, server: dict[str, Any], host: str, row: Mapping[str, Any]) -> None:
        server["names"].add(row["name"])
        server["all"].add(host)
        server["counts"].update(row["counts"])
        logons, left = 0, Counter(row["counts"])
        for day in row["days"]:
            its = Counter(day["counts"])
            left -= its
            # One logon can write both events.
            used = max(its["guest_allowed"], its["guest_audited"])
            logons += used
            server["days"][day["day"]].update(
                allowed=used, refused=its["guest_refused"], clients=int(bool(used or its["guest_refused"]))
            )
        logons += max(left["guest_allowed"], left["guest_audited"])
        server["logons"] += logons
        if logons:
            server["allowed"].add(host)
        if row["counts"].get("guest_refused"):
            server["refused"].add(host)

    # Blind spots

    @cached_property
    def blind(self) -> Counter[tuple[str, ...]]:
        """Kind and what tells it from others of the kind, to the number of hosts."""
        found: Counter[tuple[str, ...]] = Counter()
        for its in self.read.values():
            found.update(_blind_spots(its))
        return found

    # Numbers

    def summary(self) -> dict[str, int]:
        """The numbers at the top."""
        states, statuses = Counter(map(self.guest, self.said)), Counter(map(self.status, self.said))
        guest_servers = [row for row in self.servers.values() if row["guest"]]
        doors = ("smb1_client", "smb1_server", "guest_account", "force_guest")
        valid = [row["valid"] for row in self.exceptions]
        remarks = Counter(word for row in self.exceptions for word in row["remarks"])
        return {
            "hosts": len(self.said),
            **{word: statuses[word] for word in ("read", "unreachable", "failed", "not_asked")},
            "partly_read": sum(bool(its["problems"]) for its in self.read.values()),
            **{word: states[word] for word in ("allowed", "held_back", "blocked", "unknown", "not_read")},
            "guest_servers": len(guest_servers),
            "guest_clients": len(set().union(*(row["guest"] for row in guest_servers))),
            "open_changes": len(self.changes),
            "overdue_changes": sum(self.overdue(change) for _host, change in self.changes),
            "endless_changes": sum(change["expires_at"] is None for _host, change in self.changes),
            "drift": len({host for host, _name in self.drift}),
            "exceptions": sum(valid),
            "expired_exceptions": len(valid) - sum(valid),
            **{
                f"exceptions_{word}": remarks[word]
                for word in ("ends_soon", "without_match", "without_approver", "without_end")
            },
            "failing_in_force": len({host for (host, _control), found in self.findings.items() if found[0] == "fail"}),
            "failing_scanner": len({host for (host, _control), found in self.findings.items() if found[1] == "fail"}),
            **{
                f"open_{door}": sum(its["doors"][door]["state"] in ("open", "idle") for its in self.read.values())
                for door in doors
            },
            "judged": len(self.read),
            "differ_from_baseline": len(self.sets["base"]),
        }

    @cached_property
    def sets(self) -> dict[str, set[str]]:
        """The hosts behind each number of the page that leads to hosts, but for servers, exceptions and differences."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for host in self.said:
            state = self.guest(host)
            for key in ("all", f"state:{state}", f"status:{self.status(host)}"):
                found[key].add(host)
            if host in self.read:
                self._of_host(host, state, found)
        for host, change in self.changes:
            found["open"].add(host)
            if self.overdue(change):
                found["overdue"].add(host)
            if change["expires_at"] is None:
                found["endless"].add(host)
        for row in self.servers.values():
            found["guests"] |= row["guest"]
        return found

    def _of_host(self, host: str, state: str, found: Mapping[str, set[str]]) -> None:
        its = self.read[host]
        for key in (f"by:{self.decides(host)}", f"os:{self.windows(host)}"):
            found[key].add(host)
            found[f"{key}:{state}"].add(host)
        for door, row in its["doors"].items():
            if row["state"] in ("open", "idle"):
                found[f"door:{door}"].add(host)
        self._of_baseline(host, found)
        if its["problems"]:
            found["partly"].add(host)
        if any(row["drift"] for row in its["settings"].values()):
            found["drift"].add(host)
        for control in ASKED[self.product(host)]:
            in_force, scanner = self.findings[host, control]
            base = f"ctl:{self.product(host)}:{control}"
            found[f"{base}:in_force:{in_force}"].add(host)
            found[f"{base}:scanner:{scanner}"].add(host)
            for view, word in (("in_force", in_force), ("scanner", scanner)):
                if word == "fail":
                    found[f"failing:{view}"].add(host)
            if (in_force, scanner) == ("pass", "fail"):
                found["differs:safe"].add(host)
            if (in_force, scanner) == ("fail", "pass"):
                found["differs:open"].add(host)
            if self.accepted(host, control) and "fail" in (in_force, scanner):
                found[f"{base}:accepted"].add(host)

    def _of_baseline(self, host: str, found: Mapping[str, set[str]]) -> None:
        for setting, wanted in self._baseline.items():
            row = self.read[host]["settings"].get(setting)
            value = None if row is None else _running(row)
            verdict = "unknown" if value is None else "same" if value is wanted else "differ"
            if row is not None and row["supported"] is False:
                verdict = "unsupported"
            found[f"base:{setting}:{verdict}"].add(host)
            if verdict == "differ":
                found["base"].add(host)
