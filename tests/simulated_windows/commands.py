"""The programs of a host: cmd, reg, find, findstr, schtasks, wevtutil, powershell, whoami, by their command lines.

Anything else is an unknown command. Output and exit codes follow the real tools as far as scripts depend on them
(general knowledge of the tools; nothing here was recorded).
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

from .cmd_shell import CmdShell, Result
from .event_log import CHANNELS_KEY
from .event_rendering import query_events
from .file_commands import FileCommands
from .reg_tool import RegTool
from .text_tools import find, findstr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .event_log import EventLog
    from .files import Files
    from .powershell import PowerShell
    from .registry import Registry
    from .scheduled_tasks import TaskScheduler

ENVIRONMENT = {
    "systemroot": r"C:\Windows",
    "windir": r"C:\Windows",
    "systemdrive": "C:",
    "comspec": r"C:\Windows\system32\cmd.exe",
    "programdata": r"C:\ProgramData",
}
FILE_NOT_FOUND = 2147942402
CHANNEL_NOT_FOUND = 15007


def expand(text: str) -> str:
    """Replace %NAME% by the host's environment; unknown names stay as they are."""
    return re.sub(r"%(\w+)%", lambda match: ENVIRONMENT.get(match[1].lower(), match[0]), text)


def split_arguments(line: str) -> list[str]:
    """Split a command line by the rules of the C runtime: quotes, and backslashes before quotes."""
    arguments: list[str] = []
    current, quoted, started, position = "", False, False, 0
    while position < len(line):
        slashes = re.compile(r"\\*").match(line, position)
        count = len(slashes[0]) if slashes else 0
        position += count
        following = line[position : position + 1]
        if following == '"':
            current += "\\" * (count // 2)
            started = True
            if count % 2:
                current += '"'
            else:
                quoted = not quoted
            position += 1
            continue
        current += "\\" * count
        if following in (" ", "\t") and following and not quoted:
            if current or started:
                arguments.append(current)
            current, started = "", False
        else:
            current += following
        position += 1
    if current or started:
        arguments.append(current)
    return arguments


class Interpreter:
    """Runs commands on one host for one caller; ``elevated`` decides about access denied.

    ``process_starts`` is called before each program runs.
    """

    def __init__(
        self,
        registry: Registry,
        log: EventLog,
        scheduler: TaskScheduler | None,
        elevated: bool,
        powershell: PowerShell | None = None,
        process_starts: Callable[[], None] | None = None,
        files: Files | None = None,
        refresh_policy: Callable[[], None] | None = None,
    ) -> None:
        """``files`` and ``refresh_policy`` (what gpupdate does) are there where an administrator runs commands."""
        self._reg = RegTool(registry, elevated)
        self._registry = registry
        self._log = log
        self._scheduler = scheduler
        self._elevated = elevated
        self._powershell = powershell
        self._process_starts = process_starts or (lambda: None)
        self._files = FileCommands(files, elevated) if files else None
        self._refresh_policy = refresh_policy

    def run(self, command_line: str) -> Result:
        """Run one command line (program and arguments), without a shell unless it names cmd."""
        line = expand(command_line).strip()
        if not line:
            return Result(1)
        result = self._program(line, "", ENVIRONMENT)
        if result is None:
            return Result(FILE_NOT_FOUND, "", f"'{line}' is not recognized as an internal or external command.\r\n")
        return result

    def run_cmd_line(self, line: str) -> Result:
        """Run what stands behind ``cmd /c``."""
        return CmdShell(self._program, ENVIRONMENT, delayed=False, files=self._files).run(line)

    def _program(self, line: str, stdin: str, environment: Mapping[str, str]) -> Result | None:
        match = re.match(r'"([^"]*)"|([^\s/]+)', line)
        if match is None:
            return None
        program = match[1] if match[1] is not None else match[2]
        folder, _separator, name = program.lower().rpartition("\\")
        if folder and not folder.startswith(ENVIRONMENT["systemroot"].lower()):
            return None
        name = name.removesuffix(".exe")
        rest = line[match.end() :].strip()
        if name == "cmd":
            self._process_starts()
            return self._cmd(rest, environment)
        handler = {
            "reg": self._reg.run,
            "find": find,
            "findstr": findstr,
            "schtasks": self._schtasks,
            "wevtutil": self._wevtutil,
            "whoami": lambda _arguments, _stdin: Result(0, "simulated\\user\r\n"),
            "powershell": self._run_powershell,
            "gpupdate": self._gpupdate,
        }.get(name)
        if handler is None:
            return None
        self._process_starts()
        return handler(split_arguments(rest), stdin)

    def _cmd(self, rest: str, environment: Mapping[str, str]) -> Result:
        match = re.match(r"((?:/[a-z](?::\w+)?\s*)*?)/[ckr]\s*(.*)", rest, re.IGNORECASE | re.DOTALL)
        if match is None:
            return Result(0)
        switches, line = match[1].lower(), match[2].strip()
        if line.startswith('"'):
            # The first and the last quote go, whatever stands between them (unless that is a program with a blank in
            # its name, which no host here has).
            head, _quote, tail = line[1:].rpartition('"')
            line = head + tail
        delayed = "/v:on" in switches or "/v " in switches
        return CmdShell(self._program, environment, delayed, self._files).run(line)

    def _run_powershell(self, arguments: list[str], _stdin: str) -> Result:
        lowered = [item.lower() for item in arguments]
        switch = next((item for item in lowered if item in ("-command", "-c", "-encodedcommand", "-enc")), None)
        if self._powershell is None or switch is None:
            return Result(1, "", "The simulated PowerShell understands -Command and -EncodedCommand only.\r\n")
        text = " ".join(arguments[lowered.index(switch) + 1 :])
        if switch.startswith("-enc"):
            text = base64.b64decode(text).decode("utf-16-le")
        code = self._powershell.run(text)
        return Result(code, "".join(f"{item}\r\n" for item in self._powershell.output))

    def _gpupdate(self, arguments: list[str], _stdin: str) -> Result:
        if self._refresh_policy is None or [item.lower() for item in arguments] != ["/target:computer"]:
            return Result(1, "", "The simulated gpupdate understands /target:computer only.\r\n")
        self._refresh_policy()
        return Result(0, "Updating policy...\r\n\r\nComputer Policy update has completed successfully.\r\n")

    # schtasks.exe

    def _schtasks(self, arguments: list[str], stdin: str) -> Result:
        lowered = [item.lower() for item in arguments]
        verb = lowered[0] if lowered else ""
        if verb not in ("/delete", "/query", "/change", "/run") or "/tn" not in lowered[:-1] or self._scheduler is None:
            return Result(1, "", 'ERROR: Invalid syntax. Type "SCHTASKS /?" for usage.\r\n')
        name = arguments[lowered.index("/tn") + 1]
        if verb == "/delete" and "/f" not in lowered and not stdin.strip().lower().startswith("y"):
            return Result(1, f'WARNING: Are you sure you want to remove the task "{name}" (Y/N)? ')
        if verb != "/query" and not self._elevated:
            return Result(1, "", "ERROR: Access is denied.\r\n")
        task = self._scheduler.find(name if name.startswith("\\") else "\\" + name)
        if task is None:
            return Result(1, "", "ERROR: The system cannot find the file specified.\r\n")
        if verb == "/query":
            status = "Ready" if task.enabled else "Disabled"
            next_run = task.next_run()
            return Result(0, f"{task.full_path} {next_run.isoformat() if next_run else 'N/A'} {status}\r\n")
        if verb == "/delete":
            self._scheduler.delete(task.full_path)
            return Result(0, f'SUCCESS: The scheduled task "{name}" was successfully deleted.\r\n')
        if verb == "/change":
            task.enabled = "/disable" not in lowered and ("/enable" in lowered or task.enabled)
            return Result(0, f'SUCCESS: The parameters of scheduled task "{name}" have been changed.\r\n')
        self._scheduler.start(task)
        return Result(0, f'SUCCESS: Attempted to run the scheduled task "{name}".\r\n')

    # wevtutil.exe

    def _wevtutil(self, arguments: list[str], _stdin: str) -> Result:
        verb = {"get-log": "gl", "set-log": "sl"}.get(arguments[0].lower(), arguments[0].lower()) if arguments else ""
        if verb in ("qe", "query-events"):
            return Result(*query_events(self._log, arguments[1:], self._elevated))
        if verb not in ("gl", "sl") or len(arguments) < 2:
            return Result(87, "", "The parameter is incorrect.\r\n")
        channel = self._log.channel(arguments[1])
        if channel is None:
            what = "read" if verb == "gl" else "save"
            return Result(
                CHANNEL_NOT_FOUND,
                "",
                f"Failed to {what} configuration for log {arguments[1]}.\r\n"
                "The specified channel could not be found.\r\n",
            )
        if verb == "gl":
            return Result(0, _channel_text(channel))
        if not self._elevated:
            return Result(5, "", f"Failed to save configuration for log {channel.path}.\r\nAccess is denied.\r\n")
        changes = {"e": channel.enabled, "ms": channel.max_size, "rt": channel.retention}
        for option in arguments[2:]:
            match = re.fullmatch(r"/(e|enabled|ms|maxsize|rt|retention|q|quiet):(\w+)", option, re.IGNORECASE)
            if match is None:
                return Result(87, "", "The parameter is incorrect.\r\n")
            short = {"enabled": "e", "maxsize": "ms", "retention": "rt"}.get(match[1].lower(), match[1].lower())
            if short == "ms" and not match[2].isdigit():
                return Result(87, "", "The parameter is incorrect.\r\n")
            changes[short] = int(match[2]) if short == "ms" else match[2].lower() == "true"
        channel.enabled, channel.retention = bool(changes["e"]), bool(changes["rt"])
        # The service keeps sizes in steps of 64 KiB, 1 MiB at least.
        channel.max_size = max(1048576, -(-int(changes["ms"]) // 65536) * 65536)
        self._registry.set(f"{CHANNELS_KEY}\\{channel.path}", "Enabled", "REG_DWORD", int(channel.enabled))
        return Result(0)


def _channel_text(channel: Any) -> str:
    file_name = channel.path.replace("/", "%4")
    kind = "Operational" if channel.enabled or "Diagnostic" not in channel.path else "Analytic"
    lines = (
        f"name: {channel.path}",
        f"enabled: {str(channel.enabled).lower()}",
        f"type: {kind}",
        f"owningPublisher: {channel.provider}",
        "isolation: Application",
        "channelAccess: O:BAG:SYD:(A;;0x2;;;S-1-15-2-1)(A;;0xf0007;;;SY)(A;;0x7;;;BA)(A;;0x1;;;S-1-5-32-573)",
        "logging:",
        f"  logFileName: %SystemRoot%\\System32\\Winevt\\Logs\\{file_name}.evtx",
        f"  retention: {str(channel.retention).lower()}",
        "  autoBackup: false",
        f"  maxSize: {channel.max_size}",
        "publishing:",
        "  fileMax: 1",
    )
    return "\r\n".join(lines) + "\r\n"
