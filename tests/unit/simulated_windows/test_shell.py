"""WinRS: what a command in a shell answers, for pywinrm as the peer."""

from __future__ import annotations

from typing import Any

import pytest
from winrm.exceptions import WSManFaultError
from winrm.protocol import Protocol

from simulated_windows.peer import Host

CHANNEL = "Microsoft-Windows-SmbClient/Audit"
Outcome = tuple[str, str, int]


def protocol(host: Host, user: str = "Administrator") -> Protocol:
    return Protocol(host.url("http"), "plaintext", username=user, password=host.password(user))


def run(host: Host, command: str, *arguments: str, user: str = "Administrator") -> Outcome:
    client = protocol(host, user)
    shell = client.open_shell()
    command_id = client.run_command(shell, command, arguments)
    stdout, stderr, code = client.get_command_output(shell, command_id)
    client.cleanup_command(shell, command_id)
    client.close_shell(shell)
    return stdout.decode(), stderr.decode(), code


def test_a_channel_is_shown_and_changed(host: Host) -> None:
    stdout, _stderr, code = run(host, "wevtutil", "gl", CHANNEL)
    assert code == 0
    assert "\r\nenabled: true\r\n" in stdout
    assert "\r\n  maxSize: 8388608\r\n" in stdout
    assert run(host, "wevtutil.exe", "sl", CHANNEL, "/e:false", "/ms:33554432") == ("", "", 0)
    assert host.state()["channels"][CHANNEL] == {"enabled": False, "max_size": 33554432, "retention": False}
    stdout, _stderr, _code = run(host, "wevtutil", "get-log", CHANNEL.upper())
    assert "enabled: false" in stdout
    assert "maxSize: 33554432" in stdout


def test_sizes_are_rounded_up(host: Host) -> None:
    run(host, "wevtutil", "sl", CHANNEL, "/ms:1048577")
    assert host.state()["channels"][CHANNEL]["max_size"] == 1048576 + 65536


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("gl", "No-Such/Channel"), 15007),
        (("sl", "No-Such/Channel", "/e:true"), 15007),
        (("sl", CHANNEL, "/x:1"), 87),
        (("sl", CHANNEL, "/ms:many"), 87),
        (("xx",), 87),
    ],
)
def test_wrong_use(host: Host, arguments: tuple[str, ...], code: int) -> None:
    before = host.state()
    stdout, stderr, actual = run(host, "wevtutil", *arguments)
    assert (stdout, actual) == ("", code)
    assert stderr
    assert host.state() == before


def test_a_powershell_module_is_satisfied(host: Host) -> None:
    assert run(host, "PowerShell -NoProfile -EncodedCommand AAAA") == ('{"changed": false}\r\n', "", 0)
    assert run(host, r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe", "-File x")[2] == 0


def test_an_unknown_command(host: Host) -> None:
    stdout, stderr, code = run(host, "frobnicate", "/x")
    assert (stdout, code) == ("", 1)
    assert "frobnicate" in stderr


def test_standard_input_is_taken(host: Host) -> None:
    client = protocol(host)
    shell = client.open_shell()
    command = client.run_command(shell, "powershell")
    client.send_command_input(shell, command, "x" * 5000, end=True)
    assert client.get_command_output(shell, command)[2] == 0
    client.close_shell(shell)


def test_shells_and_processes_are_counted(host: Host) -> None:
    run(host, "whoami")
    client = protocol(host)
    client.open_shell()
    counters = host.counters()
    assert (counters["shells"], counters["processes"]) == (2, 1)


def test_shells_and_commands_that_are_gone(host: Host) -> None:
    client = protocol(host)
    shell = client.open_shell()
    with pytest.raises(WSManFaultError) as caught:
        client.get_command_output(shell, "12345678-0000-0000-0000-000000000000")
    assert caught.value.wsman_fault_code == 2150858843
    client.close_shell(shell, close_session=False)
    with pytest.raises(WSManFaultError) as caught:
        client.run_command(shell, "whoami")
    assert caught.value.wsman_fault_code == 2150858843


def test_a_shell_belongs_to_its_user(make_host: Any) -> None:
    users = [{"name": name, "password": "x-Y-1", "role": "administrator"} for name in ("one", "two")]
    host = make_host(users=users)
    shell = protocol(host, "one").open_shell()
    with pytest.raises(WSManFaultError):
        protocol(host, "two").run_command(shell, "whoami")


@pytest.mark.parametrize("user", ["ops", "user"])
def test_only_administrators_get_shells(host: Host, user: str) -> None:
    with pytest.raises(WSManFaultError) as caught:
        protocol(host, user).open_shell()
    assert caught.value.wsman_fault_code == 5
    assert host.counters()["shells"] == 0
