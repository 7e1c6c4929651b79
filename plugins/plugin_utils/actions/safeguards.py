# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules `harden` and `enable_guest` ask, as options of client_config; and the safeguards of the latter.

A guard stands where the write happens. A role checks the same before any host is contacted, but a task of a role can be
skipped (tags, `when`, `--start-at-task`), so the module that writes checks again, from data that the task itself
carries or that Ansible gives to every task. What is missing counts as "not allowed". Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from ..core.errors import HostState, RequestError
from ..core.text import counted
from ..core.user_names import assignment, option
from ..tables.hardening import PARTS
from ..tables.settings import AUDITS, GUEST, GUEST_BLOCKERS, Side
from .options import MAX_EXPIRY, duration

LONGEST_OPENING = "30d"
OPENING_ASSIGNMENTS: Mapping[str, str] = MappingProxyType(
    {
        "domain_controllers: allow": "allow_domain_controllers",
        "relax: client_signing": "relax_signing",
        "relax: client_encryption": "relax_encryption",
    }
)
"""What the engine calls `option: value`, and the option of enable_guest that stands for it if it is true."""


def hardening_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of client_config that hardening stands for, and which of them are optional.

    Args:
        options: A boolean for each part; None is its default.
    """
    parts = [part for name, part in PARTS.items() if (part.by_default if options[name] is None else options[name])]
    closed = {setting.name: setting.words.word(True) for part in parts for setting in part.settings}
    optional = [setting.name for part in parts if part.optional for setting in part.settings]
    return {GUEST.name: GUEST.words.word(False), **closed, "optional": optional}


def opening_settings(options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of client_config that an opening stands for, with its safeguards. Raises RequestError."""
    audits = [setting for setting in AUDITS if setting.side is Side.CLIENT] if options["audit"] else []
    permanent = options["permanent"]
    if not permanent:
        longest = min(MAX_EXPIRY, duration("the limit", LONGEST_OPENING))
        duration(option("expires_in"), options["expires_in"], longest)
    return {
        GUEST.name: GUEST.words.word(True),
        **{setting.name: setting.words.word(True) for setting in audits},
        "optional": [setting.name for setting in audits],
        "relax": [
            setting.name for setting in GUEST_BLOCKERS if options[f"relax_{setting.name.removeprefix('client_')}"]
        ],
        "accept_risk": options["accept_risk"],
        "domain_controllers": "allow" if options["allow_domain_controllers"] else "refuse",
        "expires_in": None if permanent else options["expires_in"],
    }


def check_opening(options: Mapping[str, Any], play_hosts: Sequence[str] | None) -> None:
    """Refuse an opening that a safeguard forbids, before any contact.

    Args:
        options: Of the module enable_guest.
        play_hosts: Every host of the play, as Ansible gives them to each task; None where it did not.

    Raises:
        RequestError: The host was not contacted.
    """
    if not options["accept_risk"]:
        raise _refused(
            "Guest traffic is neither signed nor encrypted, and anybody on the network can pose as the server. If that "
            f"is acceptable here, set {assignment('accept_risk', 'true')}."
        )
    if not (options["reason"] or "").strip():
        raise _refused(f"The journal on the host needs a reason. Set {option('reason')}.")
    if play_hosts is None:
        raise _refused(f"{option('max_hosts')} cannot be checked: Ansible does not say how many hosts this play has.")
    if len(play_hosts) > options["max_hosts"]:
        raise _refused(
            f"This play has {counted(len(play_hosts), 'host')}, and {option('max_hosts')} allows "
            f"{options['max_hosts']}. Choose hosts with --limit, or raise {option('max_hosts')}."
        )
    if options["servers"]:
        _check_servers(options)


def _check_servers(options: Mapping[str, Any]) -> None:
    """Servers that are named have been asked, all of them, and guest logons would help with each."""
    probed = options["probed"] or {}
    opening = probed.get("guest_opening")
    if not isinstance(opening, Mapping) or not isinstance(opening.get("asked"), list):
        raise _refused(
            f"{option('servers')} names servers, and the result of probing them is missing: the task that probes them "
            f"was skipped. {_way_to_probe()}"
        )
    missing = [server for server in options["servers"] if server not in opening["asked"]]
    if missing:
        raise _refused(f"Of {option('servers')}, {', '.join(missing)} was not probed. Probe every one of them.")
    objections = [str(each) for each in opening.get("objections") or ()]
    if objections and not options["despite_accounts"]:
        raise _refused(
            f"Guest logons are not needed, or do not help: {' '.join(objections)} To allow them all the same, set "
            f"{assignment('despite_accounts', 'true')}."
        )


def _way_to_probe() -> str:
    if assignment("probed", "") is None:
        return "Run the role without --start-at-task, and without tags that leave the probe out."
    return "Give the registered result of server_info in probed."


def _refused(message: str) -> RequestError:
    return RequestError(message, kind="safeguard", host_state=HostState.NOT_CONTACTED)


def without_empty(arguments: Mapping[str, Any], specification: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a task without those that are null or an empty text, which mean the default.

    ansible-core 2.18 hands a templated null on as an empty text.
    """
    return {name: value for name, value in arguments.items() if name not in specification or value not in (None, "")}
