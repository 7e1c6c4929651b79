"""The bench's cases as data: our tasks, the peer's tasks that do the same, and the bounds that a case must keep.

The host is a Windows 11 24H2 Pro as installed. The peer is ansible.windows on a host that answers a PowerShell module
at once, its best case, measured in two ways: a win_regedit task for each value, and one win_powershell script. It
writes what it is given; ours also reads what policy and MDM say, and after a change reads back.

The bound of 1/50 of the bytes holds for client_config with all settings in one task, changing them or not. A task
about one or two settings pays for its authentication and its read-back and does not reach it: the bench names those.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.winops.smb_guest.plugins.plugin_utils.tables.settings import KEYS, SETTINGS, Layer, Side

Tasks = Sequence[Mapping[str, Any]]
Count = Mapping[str, Any]
"""{requests, requests_after_auth, bytes_sent, shells, processes, cpu_s, wall_s}, summed over the hosts of a run."""

BYTES_DIVISOR = 50
PRESET = "windows_11_24h2_pro"
AS_INSTALLED = {name: setting.words.false for name, setting in SETTINGS.items()} | {
    "client_signing": "required",
    "server_signing": "required",
}
"""What PRESET runs with, as option words of client_config."""


@dataclass(frozen=True)
class Bound:
    """A promise of the project: `holds` of our count and the peer's."""

    promise: str
    holds: Callable[[Count, Count], bool]


@dataclass(frozen=True)
class Case:
    """One row. `changed` is what our last task must report; no peer: the case is for itself.

    `script` is the peer's best: one win_powershell script that does the same. `before` runs first, uncounted.
    """

    name: str
    ours: Tasks
    peer: Tasks = ()
    changed: bool = False
    bounds: Sequence[Bound] = field(default_factory=tuple)
    script: Tasks = ()
    before: Tasks = ()


@dataclass(frozen=True)
class Beside:
    """A bound between two cases: `case` needs at most `limit` more of `name` than `base`."""

    case: str
    base: str
    limit: int
    name: str = "requests"

    @property
    def promise(self) -> str:
        """The words of the table."""
        return f"{self.name} <= {self.limit} more than: {self.base}"


def at_most(limit: int, name: str) -> Bound:
    return Bound(f"{name} <= {limit}", lambda ours, _: ours[name] <= limit)


def peer_fraction(divisor: int) -> Bound:
    return Bound(
        f"bytes_sent <= 1/{divisor} of the peer's",
        lambda ours, peer: ours["bytes_sent"] * divisor <= peer["bytes_sent"],
    )


NO_PROCESS = (at_most(0, "shells"), at_most(0, "processes"))


def _module(name: str, **options: str) -> Tasks:
    return [{f"winops.smb_guest.{name}": options}]


def _other(name: str) -> str:
    """The option word that is not the installed state's."""
    words = SETTINGS[name].words
    return words.false if AS_INSTALLED[name] == words.true else words.true


def _regedit(wanted: Mapping[str, str]) -> Tasks:
    """One win_regedit task per setting, which writes the value that local scope writes. wanted: words by setting."""
    return [
        {
            "ansible.windows.win_regedit": {
                "path": "HKLM:\\" + KEYS[SETTINGS[name].side][Layer.LOCAL],
                "name": SETTINGS[name].names[Layer.LOCAL],
                "data": int(word == SETTINGS[name].words.true),
                "type": "dword",
            }
        }
        for name, word in wanted.items()
    ]


def _setting_script(wanted: Mapping[str, str]) -> Tasks:
    """All settings in one task, without asking first what they are. wanted: words by setting."""
    lines = []
    for side in Side:
        rows = [(SETTINGS[name], word) for name, word in wanted.items() if SETTINGS[name].side is side]
        arguments = " ".join(f"-{row.cim_property} ${str(word == row.words.true).lower()}" for row, word in rows)
        lines.append(f"Set-Smb{side.value.title()}Configuration {arguments} -Force\n")
    return [{"ansible.windows.win_powershell": {"script": "".join(lines)}}]


def _reading_script() -> Tasks:
    """What client_facts reads, in a single task: the system, what runs, and every registry layer."""
    keys = [KEYS[side][layer] for side in Side for layer in (Layer.POLICY, Layer.MDM, Layer.LOCAL)]
    listed = ", ".join(f"'HKLM:\\{key}'" for key in keys)
    script = (
        "$Ansible.Result = @{\n"
        "  os = Get-CimInstance Win32_OperatingSystem | Select-Object Caption, BuildNumber, ProductType\n"
        "  computer = Get-CimInstance Win32_ComputerSystem | Select-Object PartOfDomain, Domain\n"
        "  version = Get-ItemProperty 'HKLM:\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion'\n"
        "  client = Get-SmbClientConfiguration\n"
        "  server = Get-SmbServerConfiguration\n"
        f"  registry = @({listed}) | Where-Object {{ Test-Path $_ }} | ForEach-Object {{ Get-ItemProperty $_ }}\n"
        "}\n"
        "$Ansible.Changed = $false\n"
    )
    return [{"ansible.windows.win_powershell": {"script": script}}]


def _setter(
    label: str, module: str, options: Mapping[str, str], *, changed: bool = True, bounds: Sequence[Bound] = ()
) -> Case:
    """A module that sets settings, beside as many win_regedit tasks. options: option to setting name."""
    words = {name: _other(name) if changed else AS_INSTALLED[name] for name in options.values()}
    ours = _module(module, **{option: words[name] for option, name in options.items()})
    return Case(label, ours, _regedit(words), changed, (*NO_PROCESS, *bounds), script=_setting_script(words))


_ALL = {name: name for name in SETTINGS}
_AUDITS = {name: name for name in SETTINGS if "audit" in name}
_OTHERS = {name: _other(name) for name in SETTINGS}
_GUEST = {"state": "insecure_guest_logons"}
_SIGNING = {"client": "client_signing", "server": "server_signing"}
_ENCRYPTION = {"client": "client_encryption", "server": "server_encryption"}

FACTS = "client_facts"
CHANGE_ALL = f"client_config, change, {len(_ALL)} settings"
CHANGE = "guest_auth, change, 1 setting"
ENTRIES = 20
FULL_FACTS = f"client_facts, {ENTRIES} journal entries"
JOURNALED = f"{CHANGE}, journaled"
REVERT = f"revert_change latest, {ENTRIES} entries"
HARDEN = "role harden, both scopes"
HARDENED = "role harden, nothing to do"
POSTURE = "posture_info"
_GUEST_WORDS = SETTINGS["insecure_guest_logons"].words
_FILL: Tasks = [
    {
        "winops.smb_guest.client_config": {
            "insecure_guest_logons": word,
            "reason": "bench",
            "change_id": f"bench-{number}",
        }
    }
    for number, word in enumerate([_GUEST_WORDS.true, _GUEST_WORDS.false] * (ENTRIES // 2))
]
"""Changes that leave ENTRIES standing entries in the journal."""

CASES = (
    Case(
        "floor: nothing / win_ping",
        [{"nothing": {}}],
        [{"ansible.windows.win_ping": {}}],
        bounds=NO_PROCESS,
    ),
    Case(
        FACTS,
        _module("client_facts"),
        script=_reading_script(),
        bounds=(*NO_PROCESS, at_most(12, "requests")),
    ),
    _setter(
        f"client_config, nothing to change, {len(_ALL)} settings",
        "client_config",
        _ALL,
        changed=False,
        bounds=(at_most(6, "requests_after_auth"), peer_fraction(BYTES_DIVISOR)),
    ),
    _setter(
        CHANGE_ALL,
        "client_config",
        _ALL,
        bounds=(peer_fraction(BYTES_DIVISOR), at_most(24, "requests")),
    ),
    _setter("guest_auth, nothing to change, 1 setting", "guest_auth", _GUEST, changed=False),
    _setter(CHANGE, "guest_auth", _GUEST, bounds=(at_most(9, "requests"),)),
    _setter("signing, change, 2 settings", "signing", _SIGNING),
    _setter("encryption, change, 2 settings", "encryption", _ENCRYPTION),
    _setter(f"audit, change, {len(_AUDITS)} settings", "audit", _AUDITS),
)

CASES += (
    Case(FULL_FACTS, _module("client_facts"), script=_reading_script(), before=_FILL, bounds=NO_PROCESS),
    Case(
        REVERT,
        [{"winops.smb_guest.revert_change": {"latest": True}}],
        script=_setting_script({"insecure_guest_logons": _other("insecure_guest_logons")}),
        before=_FILL,
        changed=True,
        bounds=(*NO_PROCESS, at_most(18, "requests")),
    ),
    Case(
        JOURNALED,
        _module("guest_auth", state=_other("insecure_guest_logons"), reason="bench"),
        script=_setting_script({"insecure_guest_logons": _other("insecure_guest_logons")}),
        changed=True,
        bounds=(*NO_PROCESS, at_most(18, "requests")),
    ),
    # Of these, 5 ask for the doors of a guest, and 3 find that the logs of five channels are empty.
    Case(POSTURE, _module(POSTURE), bounds=(*NO_PROCESS, at_most(26, "requests"))),
)


def _role(name: str, **variables: Any) -> Tasks:
    return [{"ansible.builtin.import_role": {"name": f"winops.smb_guest.{name}"}, "vars": variables}]


def _both_layers_script(wanted: Mapping[str, str]) -> Tasks:
    """As _setting_script, and the policy values of those that have one. wanted: words by setting."""
    lines = [_setting_script(wanted)[0]["ansible.windows.win_powershell"]["script"]]
    for name, word in wanted.items():
        setting = SETTINGS[name]
        if setting.has(Layer.POLICY):
            key = "HKLM:\\" + KEYS[setting.side][Layer.POLICY]
            lines.append(
                f"if (-not (Test-Path '{key}')) {{ New-Item -Path '{key}' -Force | Out-Null }}\n"
                f"Set-ItemProperty -Path '{key}' -Name '{setting.names[Layer.POLICY]}' -Type DWord "
                f"-Value {int(word == setting.words.true)}\n"
            )
    return [{"ansible.windows.win_powershell": {"script": "".join(lines)}}]


TASKS_PER_ROLE = 3
_HARDENED = {
    "insecure_guest_logons": "blocked",
    "client_signing": "required",
    "audit_insecure_guest_logons": "enabled",
    "audit_server_without_signing": "enabled",
    "audit_server_without_encryption": "enabled",
}
# Of the requests of harden, 4 read the other doors of a guest.
CASES += (
    Case(
        "role enable_guest",
        _role(
            "enable_guest",
            enable_guest_accept_risk=True,
            enable_guest_reason="bench",
            enable_guest_relax_signing=True,
        ),
        script=_setting_script({"insecure_guest_logons": _GUEST_WORDS.true, "client_signing": "not_required"}),
        changed=True,
        bounds=(*NO_PROCESS, at_most(TASKS_PER_ROLE, "connections")),
    ),
    Case(
        HARDEN,
        _role("harden"),
        script=_both_layers_script(_HARDENED),
        changed=True,
        bounds=(*NO_PROCESS, at_most(TASKS_PER_ROLE, "connections"), at_most(35, "requests")),
    ),
    Case(
        HARDENED,
        _role("harden"),
        script=_both_layers_script(_HARDENED),
        before=_role("harden"),
        bounds=(*NO_PROCESS, at_most(19, "requests")),
    ),
)
BESIDE = (Beside(FULL_FACTS, FACTS, 4), Beside(JOURNALED, CHANGE, 9))

ROUND_TRIPS_MS = (0, 50, 150)
"""Of the delaying proxy: a machine room, a country, a continent."""
DELAYED = (FACTS, CHANGE_ALL, CHANGE, JOURNALED, HARDEN, HARDENED, REVERT, POSTURE)
POWERSHELL_S = 1.5
"""What the script's PowerShell takes to start on a real host; the simulated one takes nothing."""

CPU_HOSTS = 40
CPU_RATIO = 2.2
"""What harden with nothing to do may cost in controller CPU, beside a play of as many tasks that do nothing."""
CPU_TASKS: Mapping[str, Tasks] = {"role": _role("harden"), "empty": [{"nothing": {}}] * TASKS_PER_ROLE}

MANY_HOSTS = 200
MANY_FORKS = 10
MANY = Case(f"client_facts, {MANY_HOSTS} hosts, {MANY_FORKS} forks", _module("client_facts"), bounds=NO_PROCESS)
