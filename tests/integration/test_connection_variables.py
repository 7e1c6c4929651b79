"""Inventories as people write them: what works as with Ansible's own modules, and who is blamed where it cannot."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from playbooks import Playbooks, Record, Run, host_vars, task
from simulated_windows.client import Fleet

PRESET = "windows_11_23h2_pro"
PASSWORD = "amber-Falcon-7731"
ACCOUNTS = {"Администратор": "Пароль-7731", "Järjestelmänvalvoja": "Kennwörter-9", "管理者": "パス-1"}
PSRP = {"ansible_connection": "psrp", "ansible_psrp_auth": "ntlm", "ansible_psrp_protocol": "http"}
PSRP_BASIC = {**PSRP, "ansible_psrp_auth": "basic", "ansible_psrp_message_encryption": "never"}
BASIC = {"ansible_winrm_transport": "basic"}
CHANNEL = {"name": "Microsoft-Windows-SmbClient/Audit", "min_size": 16777216}
NOBODY = "Nothing was asked of any host."
# Another connection plugin, as others publish them: ansible's own with a way of its own to the host.
DERIVED = """
from ansible.plugins.connection.winrm import Connection as Winrm, DOCUMENTATION as WINRM_DOCUMENTATION
DOCUMENTATION = WINRM_DOCUMENTATION.replace("name: winrm", "name: winrm_tunnel", 1)
class Connection(Winrm):
    transport = "winrm_tunnel"
"""


@dataclass(frozen=True)
class Case:
    """variables: over those of NTLM over HTTP; None takes one away. status: of the task. words: in its message."""

    variables: Mapping[str, Any]
    status: str = "ok"
    words: tuple[str, ...] = ()
    host: str = "plain"
    never: tuple[str, ...] = field(default=())


def account(name: str, **variables: Any) -> dict[str, Any]:
    return {"ansible_user": name, "ansible_password": ACCOUNTS[name], **variables}


RUSSIAN, FINNISH, JAPANESE = ACCOUNTS
CASES: dict[str, Case] = {
    # One transport after the other
    "transports": Case({"ansible_winrm_transport": ["basic", "ntlm"]}, host="encrypted"),
    "transports in a string": Case({"ansible_winrm_transport": "basic,ntlm"}, host="encrypted"),
    "the library first": Case({"ansible_winrm_transport": ["kerberos", "ntlm"]}, host="encrypted"),
    "the last refuses": Case(
        {"ansible_winrm_transport": ["ssl", "basic"]},
        *("unreachable", ("HTTP 500 without a word", "The host refused ssl before.")),
        host="encrypted",
    ),
    # What the connection is
    "derived": Case({"ansible_connection": "winrm_tunnel"}),
    "full name": Case({"ansible_connection": "ansible.builtin.winrm"}),
    "full name of psrp": Case({**PSRP, "ansible_connection": "ansible.builtin.psrp"}),
    # Time
    "crossed": Case(
        {"ansible_winrm_operation_timeout_sec": 60},
        *("failed", ("ansible_winrm_read_timeout_sec", "ansible_winrm_operation_timeout_sec", NOBODY)),
    ),
    "crossed in psrp": Case({**PSRP, "ansible_psrp_operation_timeout": 60}),
    "no time": Case({"ansible_winrm_operation_timeout_sec": "0"}, "failed", ("at least 1", NOBODY)),
    "connection timeout": Case({"ansible_winrm_connection_timeout": "60"}),
    "time of a message": Case({"winops_smb_guest_message_timeout": "{{ 20 + 20 }}"}),
    "no time for a task": Case(
        {"winops_smb_guest_task_timeout": "soon"}, "failed", ("winops_smb_guest_task_timeout is",)
    ),
    # Addresses
    "IPv6": Case({}, host="six"),
    "IPv6 in brackets": Case({"ansible_host": "[::1]"}, host="six"),
    "IPv6 for psrp": Case(PSRP, host="six"),
    "IPv6 in brackets for psrp": Case({**PSRP, "ansible_host": "[::1]"}, host="six"),
    "a zone that is not here": Case({"ansible_host": "fe80::1%eth9"}, "unreachable", ("fe80::1%eth9",), host="six"),
    "a URL": Case({"ansible_host": "http://127.0.0.1"}, "failed", ("ansible_winrm_scheme", NOBODY)),
    "a URL for psrp": Case({**PSRP, "ansible_host": "http://127.0.0.1"}, "failed", ("ansible_psrp_protocol", NOBODY)),
    "a port": Case({"ansible_host": "127.0.0.1:5985"}, "failed", ("the port belongs in ansible_port", NOBODY)),
    "a blank": Case({"ansible_host": "127.0.0.1 "}, "failed", ("white space", NOBODY)),
    "no such host": Case({"ansible_host": "müller-pc.invalid"}, "unreachable", ("cannot be resolved",)),
    "port too large": Case({"ansible_port": 99999}, "failed", ("ansible_port is 99999", NOBODY)),
    "port as text": Case({"ansible_port": "{{ the_port }} "}),
    # Accounts
    "Cyrillic over NTLM": Case(account(RUSSIAN)),
    "Finnish over NTLM": Case(account(FINNISH)),
    "Japanese over NTLM": Case(account(JAPANESE)),
    "Cyrillic over NTLM by psrp": Case(account(RUSSIAN, **PSRP)),
    "Cyrillic over Basic": Case(account(RUSSIAN, **BASIC), "failed", ("ansible_winrm_transport to ntlm", NOBODY)),
    "Cyrillic over Basic by psrp": Case(
        account(RUSSIAN, **PSRP_BASIC), "failed", ("ansible_psrp_auth to ntlm", NOBODY)
    ),
    "Finnish over Basic": Case(account(FINNISH, **BASIC), "unreachable", ("outside ASCII", "use ntlm or kerberos")),
    "nobody": Case({"ansible_user": None, "ansible_ssh_user": "Administrator"}, "failed", ("set ansible_user", NOBODY)),
    "old names": Case(
        {
            "ansible_user": None,
            "ansible_password": None,
            "ansible_host": None,
            "ansible_port": None,
            "ansible_winrm_user": "Administrator",
            "ansible_winrm_pass": PASSWORD,
            "ansible_winrm_host": "{{ the_address }}",
            "ansible_winrm_port": "{{ the_port }}",
        }
    ),
    # A password that is a word of ours, or a letter: see COMMON
    "a word": Case({"ansible_password": "password"}, "unreachable", ("Check ansible_user and ansible_password",)),
    "a letter": Case({"ansible_password": "e"}, "unreachable", ("Check ansible_user and ansible_password",)),
    "a word that a library says": Case(
        {"ansible_password": "username", "ansible_user": None}, "failed", ("set ansible_user",), never=("***",)
    ),
    # What the connection refuses
    "upper case": Case({"ansible_winrm_transport": "NTLM"}, "failed", ("ansible_winrm_transport names no", NOBODY)),
    "unknown": Case({"ansible_winrm_transport": "negotiate"}, "failed", ("ansible_winrm_transport names no", NOBODY)),
    "no certificate": Case(
        {"ansible_winrm_transport": "certificate"}, "failed", ("ansible_winrm_cert_pem and ansible_winrm_cert_key_pem",)
    ),
    "Basic, always encrypted": Case(
        {**BASIC, "ansible_winrm_message_encryption": "always"}, "failed", ("ansible_winrm_message_encryption", NOBODY)
    ),
    "validation false": Case(
        {"ansible_winrm_server_cert_validation": False}, "failed", ("ansible_winrm_server_cert_validation must", NOBODY)
    ),
    "path without slash": Case({"ansible_winrm_path": "wsman"}),
    "another shell": Case({"ansible_shell_type": "cmd"}),
    # Schemes by port
    "no scheme": Case({"ansible_winrm_scheme": None}, "unreachable", ("TLS", "set ansible_winrm_scheme to http")),
    "no protocol": Case(
        {**PSRP, "ansible_psrp_protocol": None}, "unreachable", ("TLS", "set ansible_psrp_protocol to http")
    ),
    # Files that are not there
    "no CA": Case(
        {
            "ansible_winrm_scheme": "https",
            "ansible_port": "{{ the_https_port }}",
            "ansible_winrm_ca_trust_path": "/no.pem",
        },
        *("failed", ("ansible_winrm_ca_trust_path", "does not exist", NOBODY)),
    ),
    "no CA for psrp": Case(
        {
            **PSRP,
            "ansible_psrp_protocol": "https",
            "ansible_port": "{{ the_https_port }}",
            "ansible_psrp_ca_cert": "/no.pem",
        },
        *("failed", ("ansible_psrp_ca_cert", "does not exist", NOBODY)),
    ),
    # Proxies
    "SOCKS": Case(
        {"ansible_winrm_proxy": "socks5h://127.0.0.1:9"}, "failed", ("ansible_winrm_proxy", "pip install", NOBODY)
    ),
    "SOCKS for psrp": Case(
        {**PSRP, "ansible_psrp_proxy": "socks5h://127.0.0.1:9"}, "failed", ("ansible_psrp_proxy", "pip install", NOBODY)
    ),
    "proxy is down": Case(
        {"ansible_winrm_proxy": "http://user:hunter2@127.0.0.1:9"},
        *("unreachable", ("ansible_winrm_proxy", "The host itself was not asked")),
        never=("hunter2",),
    ),
    "proxy is down for psrp": Case(
        {**PSRP, "ansible_psrp_proxy": "http://127.0.0.1:9"},
        *("unreachable", ("ansible_psrp_proxy", "The host itself was not asked")),
    ),
    # What psrp is given
    "Basic refused by psrp": Case(PSRP_BASIC, "unreachable", ("HTTP 500", "ansible_psrp_auth"), host="encrypted"),
    "another path": Case({**PSRP, "ansible_psrp_path": "other"}, "unreachable", ("HTTP 404", "ansible_psrp_path")),
}

COMMON = ("password", "username", "e")
"""Passwords that stand in every other message, longest first. ansible-core 2.22 cuts them out of all that a run shows,
names of values too, so no other case shares a run with them."""
ANSIBLE_MASKS = importlib.util.find_spec("ansible.module_utils.secrets") is not None


@pytest.fixture(scope="module")
def fleet(start_fleet: Callable[[list[dict[str, Any]]], Fleet]) -> Fleet:
    users = [{"name": "Administrator", "password": PASSWORD, "role": "administrator"}]
    users += [{"name": name, "password": word, "role": "administrator"} for name, word in ACCOUNTS.items()]
    return start_fleet(
        [
            {"name": "plain", "preset": PRESET, "users": users},
            {"name": "encrypted", "preset": PRESET, "users": users, "allow_unencrypted": False},
            {"name": "six", "preset": PRESET, "users": users, "address": "::1"},
        ]
    )


@pytest.fixture(scope="module")
def run(fleet: Fleet, playbooks: Playbooks, tmp_path_factory: pytest.TempPathFactory) -> Run:
    plugins = tmp_path_factory.mktemp("connection_plugins")
    Path(plugins / "winrm_tunnel.py").write_text(DERIVED)
    hosts = {}
    for name, case in CASES.items():
        ready = fleet.hosts[case.host]
        about = {"the_port": "http_port", "the_https_port": "https_port", "the_address": "address"}
        given = {**{name: ready[key] for name, key in about.items()}, **case.variables}
        merged = host_vars(fleet, case.host, **given)
        # host_vars takes the port of a scheme that these cases leave out on purpose
        merged["ansible_port"] = case.variables.get("ansible_port", ready["http_port"])
        hosts[name] = {key: value for key, value in merged.items() if value is not None}
    tasks = [
        task("channel", "audit", channels=[CHANNEL], check=True),
        task("facts", "client_facts", gather_subset=["os"]),
    ]
    common = {name for name, case in CASES.items() if case.variables.get("ansible_password") in COMMON}
    runs = [
        playbooks.run(
            fleet,
            tasks,
            {name: variables for name, variables in hosts.items() if (name in common) is apart},
            verbosity=4,
            extra={"ANSIBLE_CONNECTION_PLUGINS": str(plugins)},
        )
        for apart in (False, True)
    ]
    return Run(0, "".join(run.output for run in runs), [record for run in runs for record in run.records])


def shown(name: str, text: str) -> str:
    """What Ansible itself leaves of a text in the run of that case."""
    if not ANSIBLE_MASKS or CASES[name].variables.get("ansible_password") not in COMMON:
        return text
    return re.sub(f"({'|'.join(COMMON)})+", "$REDACTED$", text)


def asked(run: Run, name: str) -> Record:
    record = run.record(name, "facts")
    assert record.status == CASES[name].status, record
    return record


@pytest.mark.matrix
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.status == "ok"])
def test_what_works(run: Run, name: str) -> None:
    assert asked(run, name).facts["os"]["build"] == 22631


@pytest.mark.matrix
@pytest.mark.parametrize("name", ["transports", "transports in a string", "derived", "crossed in psrp"])
def test_a_shell_comes_about_the_same_way(run: Run, name: str) -> None:
    record = run.record(name, "channel")
    assert (record.status, record.result["changed"]) == ("ok", True), record


@pytest.mark.matrix
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.status != "ok"])
def test_who_is_blamed(run: Run, name: str) -> None:
    case, record = CASES[name], asked(run, name)
    for words in case.words:
        assert shown(name, words) in record.message, record
    for words in case.never:
        assert words not in record.message, record
    own, other = ("ansible_winrm_", "ansible_psrp_")[:: -1 if case.variables.get("ansible_connection") == "psrp" else 1]
    assert other not in record.message, own
    assert record.message.isprintable()
    assert record.result[shown(name, "changed")] is False


def test_no_password_anywhere(run: Run) -> None:
    everything = run.output + "".join(f"{record.result}" for record in run.records)
    assert [secret for secret in (PASSWORD, "hunter2", *ACCOUNTS.values()) if secret in everything] == []
    assert "traceback" not in run.output.lower()
