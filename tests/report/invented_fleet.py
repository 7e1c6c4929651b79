# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet as `posture_info` would return it, host by host: any size, always the same, with something of everything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

NOW = datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
SETTINGS = {
    "insecure_guest_logons": ("client", "AllowInsecureGuestAuth"),
    "client_signing": ("client", "RequireSecuritySignature"),
    "client_encryption": ("client", "RequireEncryption"),
    "audit_insecure_guest_logons": ("client", "AuditInsecureGuestLogon"),
    "audit_server_without_signing": ("client", "AuditServerDoesNotSupportSigning"),
    "audit_server_without_encryption": ("client", "AuditServerDoesNotSupportEncryption"),
    "server_signing": ("server", "RequireSecuritySignature"),
    "server_encryption": ("server", "EncryptData"),
    "server_audit_insecure_guest_logons": ("server", "AuditInsecureGuestLogon"),
    "server_audit_client_without_signing": ("server", "AuditClientDoesNotSupportSigning"),
    "server_audit_client_without_encryption": ("server", "AuditClientDoesNotSupportEncryption"),
}
SINCE_24H2 = frozenset(name for name in SETTINGS if "audit" in name) | {"client_encryption"}
KEYS = {
    ("policy", "client"): r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanWorkstation",
    ("local", "client"): r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanWorkstation\Parameters",
    ("policy", "server"): r"HKLM\SOFTWARE\Policies\Microsoft\Windows\LanmanServer",
    ("local", "server"): r"HKLM\SYSTEM\CurrentControlSet\Services\LanmanServer\Parameters",
}
# caption, product, EditionID, version, build, guests allowed and client signing required by default
SYSTEMS = (
    ("Microsoft Windows 11 Pro", "client", "Professional", "24H2", 26100, False, True),
    ("Microsoft Windows 11 Enterprise", "client", "Enterprise", "23H2", 22631, False, False),
    ("Microsoft Windows 10 Pro", "client", "Professional", "22H2", 19045, True, False),
    ("Microsoft Windows 10 Enterprise", "client", "Enterprise", "22H2", 19045, False, False),
    ("Microsoft Windows Server 2019 Standard", "server", "ServerStandard", "1809", 17763, False, False),
    ("Microsoft Windows Server 2022 Standard", "server", "ServerStandard", "21H2", 20348, False, False),
    ("Microsoft Windows Server 2025 Datacenter", "server", "ServerDatacenter", "24H2", 26100, False, True),
)
DEVICES = (
    "scanner-2og",
    "nas-lab",
    "printer-eg-04",
    "192.0.2.77",
    "nas-buchhaltung",
    "cnc-halle3",
    "ip-cam-rec",
    "nas-old",
)
SLOW = "The host did not answer within 30 seconds: http://192.0.2.9:5985/wsman. Is it switched on?"


def stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def state(name: str, default: bool | None, build: int, **layers: Any) -> dict[str, Any]:
    """One setting as client_facts gives it. layers: policy, mdm, local, running, gpo."""
    supported = build >= 26100 or name not in SINCE_24H2
    configured = [layer for layer in ("policy", "mdm", "local") if layers.get(layer) is not None]
    winner = configured[0] if configured else "os_default"
    effective = layers[winner] if configured else default
    running = layers.get("running", effective)
    if not supported:
        winner, effective, running = "unsupported", None, None
    side, value = SETTINGS[name]
    return {
        "effective": effective,
        "winner": winner,
        "running": running,
        **{layer: layers.get(layer) for layer in ("policy", "mdm", "local")},
        "os_default": default,
        "os_default_confidence": "confirmed",
        "supported": supported,
        "drift": running is not None and running != effective,
        "location": f"{KEYS[winner, side]}\\{value}" if (winner, side) in KEYS else None,
        "policy_source": {"gpo": layers["gpo"]} if layers.get("gpo") else None,
    }


def access(settings: dict[str, Any]) -> dict[str, Any]:
    blocked_by = [] if settings["insecure_guest_logons"]["running"] else ["insecure_guest_logons"]
    blocked_by += [name for name in ("client_signing", "client_encryption") if settings[name]["running"]]
    advice = (
        f"Insecure guest logons (SMB2/SMB3) are blocked by {' and '.join(blocked_by)}."
        if blocked_by
        else "Insecure guest logons (SMB2/SMB3) succeed: nothing is signed or encrypted. Block them with guest_auth."
    )
    return {"verdict": "blocked" if blocked_by else "allowed", "blocked_by": blocked_by, "advice": advice}


def change(number: int, random: Random) -> dict[str, Any]:
    made = NOW - timedelta(hours=random.randrange(2, 400))
    end = random.choice((None, NOW + timedelta(hours=random.randrange(1, 200)), NOW - timedelta(hours=5)))
    return {
        "change_id": f"CHG{number:05d}",
        "status": "applied",
        "reason": random.choice(("Scanner share until the NAS has accounts", "Migration of the old filer, CHG-4711")),
        "created_at": made.isoformat(),
        "expires_at": stamp(end) if end else None,
        "controller": "control.example.com",
        "note": "",
        "changes": [
            {"setting": "insecure_guest_logons", "scope": "local", "from": False, "to": True, "location": "HKLM"},
            {"setting": "client_signing", "scope": "local", "from": True, "to": False, "location": "HKLM"},
        ],
    }


def server(name: str, recent: bool, random: Random) -> dict[str, Any]:
    """A row of `servers`. recent: a Windows that logs guests it lets in."""
    days: dict[str, dict[str, int]] = {}
    for back in range(30):
        if random.random() < 0.45:
            day = (NOW - timedelta(days=back)).date().isoformat()
            days[day] = {("guest_allowed" if recent else "guest_refused"): random.randrange(1, 9)}
    counts: dict[str, int] = {"without_encryption": random.randrange(1, 40)} if recent else {}
    for its in days.values():
        for kind, count in its.items():
            counts[kind] = counts.get(kind, 0) + count
    return {
        "name": name,
        "is_ip_address": name[0].isdigit(),
        "events": sum(counts.values()),
        "counts": counts,
        "days": [{"day": day, "counts": its} for day, its in sorted(days.items())],
        "first_seen": f"{min(days, default='2026-11-01')}T06:12:00Z",
        "last_seen": f"{max(days, default='2026-11-25')}T15:40:00Z",
        "users": random.sample(["alice", "bob", r"CORP\scan", "svc-print", "m.muster"], 2),
        "users_omitted": False,
        "empty_user": random.random() < 0.1,
    }


def connection(name: str, *, guest: bool | None) -> dict[str, Any]:
    """A row of `connections`. guest: None where no event tells it."""
    return {"server": name, "share": "scan", "guest": guest, "signed": False, "encrypted": False, "unprotected": True}


def posture(number: int, random: Random) -> dict[str, Any]:
    caption, product, edition, version, build, guest, signing = SYSTEMS[number % len(SYSTEMS)]
    layers: dict[str, dict[str, Any]] = {name: {} for name in SETTINGS}
    lot = random.random()
    if lot < 0.35:
        layers["insecure_guest_logons"] = {"policy": False, "gpo": "Baseline Workstations"}
        layers["client_signing"] = {"local": True}
    elif lot < 0.42:
        layers["insecure_guest_logons"] = {"policy": True, "gpo": "Legacy NAS exception"}
    elif lot < 0.5:
        layers["insecure_guest_logons"] = {"mdm": False}
    elif lot < 0.6:
        layers["insecure_guest_logons"] = {"local": True}
        layers["client_signing"] = {"local": False}
    elif lot < 0.63:
        layers["insecure_guest_logons"] = {"policy": False, "running": True, "gpo": "Baseline Workstations"}
    defaults = {
        "insecure_guest_logons": guest,
        "client_signing": signing,
        "server_signing": signing and product == "client",
    }
    settings = {name: state(name, defaults.get(name, False), build, **layers[name]) for name in SETTINGS}
    verdict = access(settings)
    open_ = verdict["verdict"] == "allowed"
    met = random.sample(DEVICES, random.randrange(1, 4)) if open_ or random.random() < 0.2 else []
    return {
        "os": {
            "caption": caption, "product": product, "edition_id": edition, "sku": 48, "version": version,
            "build": build, "ubr": 4061, "product_type": "workstation" if product == "client" else "server",
            "part_of_domain": True, "domain": "corp.example",
        },
        "settings": settings,
        "guest_access": verdict,
        "audit": {},
        "changes": [change(number, random)] if open_ and random.random() < 0.4 else [],
        "servers": [server(name, open_ and build >= 26100, random) for name in met],
        "unnamed_server": None,
        "clients": [],
        "connections": [connection(name, guest=True if build >= 26100 else None) for name in met[:1] if open_],
        "events": {
            "since": stamp(NOW - timedelta(days=30)),
            "asked_since": stamp(NOW - timedelta(days=30)),
            "read": {"way": "subscription", "capped": []},
            "max_events": 20_000,
            "channels": [
                {"name": "Microsoft-Windows-SmbClient/Audit", "available": build >= 26100},
                {
                    "name": "Microsoft-Windows-SmbClient/Security", "available": True, "enabled": True, "events": 7,
                    "log_begins": stamp(NOW - timedelta(days=number % 60)), "log_is_empty": False,
                },
            ],
        },
        "doors": {
            door: {
                "state": state,
                "confidence": "derived",
                "reason": f"{door} is {state}.",
                "scanner": "fail" if number % 3 else "pass",
                "installed": state in ("open", "idle") if door.startswith("smb1") else None,
            }
            for door, state in {
                "smb1_client": "open" if number % 9 == 0 else "closed",
                "smb1_server": "idle" if number % 11 == 0 else "closed",
                "guest_account": "not_asked" if number % 13 == 0 else "closed",
                "force_guest": "unknown" if number % 17 == 0 else "closed",
            }.items()
        },
        "identity": {
            "computer_name": f"PC-{number:04d}",
            "domain": "corp.example",
            "account": "Administrator",
            "read_at": stamp(NOW),
            "host_time": stamp(NOW),
        },
        "problems": [],
    }  # fmt: skip


def results(hosts: int, seed: int = 7) -> Iterator[tuple[str, dict[str, Any]]]:
    """Host names with the registered result of each."""
    random = Random(seed)
    for number in range(hosts):
        kind = SYSTEMS[number % len(SYSTEMS)][1]
        name = f"{'srv' if kind == 'server' else 'ws'}-{number:04d}.corp.example"
        lot = random.random()
        if hosts > 1 and lot < 0.03:
            yield name, {"unreachable": True, "changed": False, "msg": SLOW}
        elif hosts > 1 and lot < 0.035:
            yield name, {"failed": True, "changed": False, "msg": "The host denied access when reading HKLM."}
        else:
            its = posture(number, random)
            if lot > 0.99:
                its["problems"] = [{"part": "events", "message": "reading its event channels: access is denied"}]
            yield name, {"changed": False, "posture": its}
