# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Event channels through wevtutil: the commands, the parsing, the errors."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import AccessDenied, HostError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.events.channel_configuration import (
    ChannelConfiguration,
    read_channels,
    write_channels,
)
from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.transports import CommandResult

AUDIT, SECURITY = "Microsoft-Windows-SmbClient/Audit", "Microsoft-Windows-SmbClient/Security"
TEXT = r"""name: Microsoft-Windows-SmbClient/Audit
enabled: {enabled}
type: Operational
owningPublisher: Microsoft-Windows-SMBClient
isolation: Application
channelAccess: O:BAG:SYD:(A;;0x7;;;BA)
logging:
  logFileName: %SystemRoot%\System32\Winevt\Logs\x.evtx
  retention: false
  autoBackup: false
  maxSize: {size}
publishing:
  fileMax: 1
"""


class Shell:
    def __init__(self, *results: CommandResult) -> None:
        self.results = results
        self.runs: list[list[Sequence[str]]] = []

    def run(self, commands: Sequence[Sequence[str]]) -> list[CommandResult]:
        self.runs.append(list(commands))
        return list(self.results)


def said(enabled: str = "true", size: str = "8388608") -> CommandResult:
    return CommandResult(0, TEXT.format(enabled=enabled, size=size), "")


@pytest.mark.parametrize(
    ("enabled", "size", "channel"),
    [
        ("true", "8388608", ChannelConfiguration(True, 8388608)),
        ("false", "1052672", ChannelConfiguration(False, 1052672)),
        ("TRUE", "0", ChannelConfiguration(True, 0)),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_parsing(enabled: str, size: str, channel: ChannelConfiguration, ending: str) -> None:
    text = TEXT.format(enabled=enabled, size=size).replace("\n", ending)
    assert read_channels(Shell(CommandResult(0, text, "")), [AUDIT]) == {AUDIT: channel}


def test_all_channels_are_read_in_one_shell() -> None:
    shell = Shell(said("true"), said("false"))
    assert read_channels(shell, [AUDIT, SECURITY]) == {
        AUDIT: ChannelConfiguration(True, 8388608),
        SECURITY: ChannelConfiguration(False, 8388608),
    }
    assert shell.runs == [[("wevtutil.exe", "gl", AUDIT), ("wevtutil.exe", "gl", SECURITY)]]


def test_all_channels_are_written_in_one_shell() -> None:
    shell = Shell(CommandResult(0, "", ""), CommandResult(0, "", ""))
    write_channels(shell, {AUDIT: ChannelConfiguration(True, 5), SECURITY: ChannelConfiguration(False, 7)})
    assert shell.runs == [
        [("wevtutil.exe", "sl", AUDIT, "/e:true", "/ms:5"), ("wevtutil.exe", "sl", SECURITY, "/e:false", "/ms:7")]
    ]


@pytest.mark.parametrize(
    ("enabled", "size"), [("yes", "1"), ("true", "many"), ("", "1"), ("true", "-1"), ("true", "9" * 20)]
)
def test_a_description_that_says_too_little(enabled: str, size: str) -> None:
    with pytest.raises(HostError, match=f"{AUDIT} has no 'enabled' or no 'maxSize'"):
        read_channels(Shell(said(enabled, size)), [AUDIT])


@pytest.mark.parametrize("writing", [False, True])
@pytest.mark.parametrize(
    ("code", "error", "text"),
    [
        (5, AccessDenied, AUDIT),
        (15007, HostError, f"no event channel {AUDIT}"),
        (
            87,
            HostError,
            rf"ended with 0x00000057 \(ERROR_INVALID_PARAMETER\) when .* {AUDIT}: Some reason on two lines",
        ),
        (-1, HostError, "ended with 0xFFFFFFFF when"),
    ],
)
def test_errors(writing: bool, code: int, error: type[Exception], text: str) -> None:
    shell = Shell(CommandResult(code, "", "Some reason\r\n  on two lines\r\n"))
    act = (
        (lambda: write_channels(shell, {AUDIT: ChannelConfiguration(True, 1)}))
        if writing
        else (lambda: read_channels(shell, [AUDIT]))
    )
    with pytest.raises(error, match=text) as caught:
        act()
    assert caught.value.__class__ is error


def test_a_complaint_steers_no_terminal() -> None:
    with pytest.raises(HostError) as caught:
        read_channels(Shell(CommandResult(87, "", "Falsch\x1b[2J\u202e\r\nFAKE: ok\x07\u2028\x9b1m")), [AUDIT])
    assert str(caught.value).endswith(": Falsch\\x1b[2J\\u202e FAKE: ok\\x07 \\x9b1m")
    assert str(caught.value).isprintable()


def test_a_long_complaint_is_cut_short() -> None:
    with pytest.raises(HostError) as caught:
        read_channels(Shell(CommandResult(1, "out" * 1000, "")), [AUDIT])
    assert "outout" in str(caught.value)
    assert len(str(caught.value)) < 400


def test_as_dict() -> None:
    assert ChannelConfiguration(True, 5).as_dict() == {"enabled": True, "max_size": 5}
