"""PowerShell Remoting as far as copying needs it, for pypsrp as the peer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pypsrp.exceptions import WSManFaultError
from pypsrp.powershell import PowerShell, RunspacePool
from pypsrp.wsman import WSMan

from simulated_windows.peer import Host

PATH = r"C:\Windows\Temp\x_x000A_\it's.txt"
OPEN = "param([string]$Path)\n$fs = New-Object -TypeName System.IO.FileStream -ArgumentList $Path"
READ = (
    "param([int64]$Offset, [int]$BufferSize)\n$fs.Seek($Offset) > $null\n[Convert]::ToBase64String($buffer, 0, $read)"
)


def wsman(host: Host, user: str = "Administrator") -> WSMan:
    address, port = host.url("http").split("//")[1].split("/")[0].split(":")
    options = {"ssl": False, "auth": "basic", "encryption": "never", "operation_timeout": 5}
    return WSMan(address, port=int(port), username=user, password=host.password(user), **options)


@pytest.fixture
def pool(host: Host) -> Iterator[RunspacePool]:
    with wsman(host) as connection, RunspacePool(connection) as opened:
        yield opened


def run(pool: RunspacePool, script: str, *arguments: object) -> PowerShell:
    shell = PowerShell(pool)
    shell.add_script(script)
    for argument in arguments:
        shell.add_argument(argument)
    shell.invoke()
    return shell


def test_a_file_stays_open_between_two_scripts(host: Host, pool: RunspacePool) -> None:
    host.control.set_file(host.name, PATH, b"content")
    assert run(pool, OPEN, PATH).output == []
    assert run(pool, READ, 0, 4).output == ["Y29udA=="]
    assert run(pool, READ, 7, 4).output == []
    assert not run(pool, "$fs.Close()").had_errors


def test_a_failure_is_an_error_record(pool: RunspacePool) -> None:
    shell = run(pool, OPEN, r"C:\none.txt")
    assert shell.had_errors
    assert [str(error) for error in shell.streams.error] == [r"C:\none.txt does not exist"]


def test_any_other_script_is_satisfied(pool: RunspacePool) -> None:
    assert run(pool, "Get-Process").output == ['{"changed": false}']


def test_a_pool_is_one_process_and_goes(host: Host) -> None:
    host.control.reset_counters(host.name)
    with wsman(host) as connection:
        with RunspacePool(connection) as pool:
            run(pool, "Get-Process")
            run(pool, "Get-Process")
        counters = host.control.counters(host.name)
        assert (counters["shells"], counters["processes"]) == (1, 1)
        with pytest.raises(WSManFaultError):
            pool.shell.receive("stdout")


@pytest.mark.parametrize("user", ["ops", "user"])
def test_no_pool_for_who_is_no_administrator(host: Host, user: str) -> None:
    with wsman(host, user) as connection, pytest.raises(WSManFaultError, match="Access is denied"):
        RunspacePool(connection).open()
