"""A command interpreter that understands a handful of Windows commands: reg, schtasks, wevtutil, powershell, cmd /c.

Anything else is an unknown command. Output and exit codes follow the real tools as far as scripts depend on them
(general knowledge of the tools; nothing here was recorded).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .registry import TYPES, Registry

if TYPE_CHECKING:
    from .event_log import EventLog
    from .powershell import PowerShell
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


@dataclass
class Result:
    exit_code: int
    stdout: str = ""
    stderr: str = ""


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


def _split_cmd(line: str) -> list[tuple[str, str]]:
    """A cmd line as ``(operator before, command)``; operators are ``&``, ``&&`` and ``||``."""
    parts: list[tuple[str, str]] = []
    operator, current, quoted, position = "&", "", False, 0
    while position < len(line):
        char = line[position]
        if char == '"':
            quoted = not quoted
        if char == "^" and not quoted:
            current += line[position + 1 : position + 2]
            position += 2
            continue
        if char in "&|" and not quoted:
            length = 2 if line[position : position + 2] in ("&&", "||") else 1
            parts.append((operator, current))
            operator, current = line[position : position + length], ""
            position += length
            continue
        current += char
        position += 1
    parts.append((operator, current))
    return [(before, command.strip()) for before, command in parts if command.strip()]


class Interpreter:
    """Runs commands on one host for one caller; ``elevated`` decides about access denied."""

    def __init__(
        self,
        registry: Registry,
        log: EventLog,
        scheduler: TaskScheduler | None,
        elevated: bool,
        powershell: PowerShell | None = None,
    ) -> None:
        self._registry = registry
        self._log = log
        self._scheduler = scheduler
        self._elevated = elevated
        self._powershell = powershell

    def run(self, command_line: str) -> Result:
        """Run one command line (program and arguments), without a shell unless it names cmd."""
        line = expand(command_line).strip()
        match = re.match(r'"([^"]*)"|(\S+)', line)
        if match is None:
            return Result(1)
        program = match[1] if match[1] is not None else match[2]
        rest = line[match.end() :].strip()
        name = program.rpartition("\\")[2].lower().removesuffix(".exe")
        handler = {
            "reg": self._reg,
            "schtasks": self._schtasks,
            "wevtutil": self._wevtutil,
            "whoami": self._whoami,
            "powershell": self._run_powershell,
        }.get(name)
        if name == "cmd":
            return self._cmd(rest)
        if handler is None:
            return Result(FILE_NOT_FOUND, "", f"'{program}' is not recognized as an internal or external command.\r\n")
        return handler(split_arguments(rest))

    def run_cmd_line(self, line: str) -> Result:
        """Run what stands behind ``cmd /c``: commands joined by &, && and ||."""
        line = re.sub(r"\d?>&\d|\d?>\s*nul\b", " ", expand(line), flags=re.IGNORECASE)
        last = Result(0)
        stdout, stderr = "", ""
        for operator, command in _split_cmd(line):
            if (operator == "&&" and last.exit_code) or (operator in ("||", "|") and not last.exit_code):
                continue
            last = self._builtin(command)
            stdout, stderr = stdout + last.stdout, stderr + last.stderr
        return Result(last.exit_code, stdout, stderr)

    def _builtin(self, command: str) -> Result:
        word, _space, rest = command.partition(" ")
        if word.lower() == "exit":
            digits = re.search(r"\d+", rest)
            return Result(int(digits[0]) if digits else 0)
        if word.lower() in ("echo", "rem"):
            return Result(0, f"{rest}\r\n" if word.lower() == "echo" else "")
        result = self.run(command)
        # cmd itself answers 1 for a command that it cannot find.
        return Result(1, result.stdout, result.stderr) if result.exit_code == FILE_NOT_FOUND else result

    def _cmd(self, rest: str) -> Result:
        match = re.match(r"((?:/[a-z](?::\w+)?\s+)*)/[ck]\s*(.*)", rest, re.IGNORECASE | re.DOTALL)
        if match is None:
            return Result(0)
        line = match[2].strip()
        keep = line.count('"') == 2 and not re.search(r"[&<>()@^|]", line) and "/s" not in match[1].lower()
        if line.startswith('"') and not keep:
            line = line[1:]
            head, _quote, tail = line.rpartition('"')
            line = head + tail
        return self.run_cmd_line(line)

    def _whoami(self, _arguments: list[str]) -> Result:
        return Result(0, "simulated\\user\r\n")

    def _run_powershell(self, arguments: list[str]) -> Result:
        lowered = [item.lower() for item in arguments]
        if self._powershell is None or "-command" not in lowered[:-1]:
            return Result(1, "", "The simulated PowerShell understands -Command only.\r\n")
        return Result(self._powershell.run(" ".join(arguments[lowered.index("-command") + 1 :])))

    # reg.exe

    def _reg(self, arguments: list[str]) -> Result:
        verb = arguments[0].lower() if arguments else ""
        options = _reg_options(arguments[2:])
        if len(arguments) < 2 or verb not in ("add", "delete", "query") or options is None:
            return Result(1, "", 'ERROR: Invalid syntax.\r\nType "REG /?" for usage.\r\n')
        try:
            key = Registry.normalize(arguments[1])
        except ValueError:
            return Result(1, "", "ERROR: Invalid key name.\r\n")
        if verb != "query" and not self._elevated and key.upper().startswith("HKLM"):
            return Result(1, "", "ERROR: Access is denied.\r\n")
        return {"add": self._reg_add, "delete": self._reg_delete, "query": self._reg_query}[verb](key, options)

    def _reg_add(self, key: str, options: dict[str, Any]) -> Result:
        done = Result(0, "The operation completed successfully.\r\n\r\n")
        name = options.get("/v", "" if "/ve" in options else None)
        if name is None:
            self._registry.create_key(key)
            return done
        if self._registry.get(key, name) is not None and "/f" not in options:
            # reg.exe asks before it overwrites, and nobody is there to answer.
            return Result(1, f"Value {name} exists, overwrite(Yes/No)? ")
        type_ = str(options.get("/t", "REG_SZ")).upper()
        try:
            data = _reg_data(type_, options.get("/d", ""), options.get("/s", r"\0"))
        except ValueError:
            return Result(1, "", "ERROR: Invalid syntax. Specify valid numeric value for '/d'.\r\n")
        self._registry.set(key, name, type_, data)
        return done

    def _reg_delete(self, key: str, options: dict[str, Any]) -> Result:
        missing = Result(1, "", "ERROR: The system was unable to find the specified registry key or value.\r\n")
        if "/f" not in options:
            return Result(1, f"Permanently delete the registry key {key} (Yes/No)? ")
        name = options.get("/v", "" if "/ve" in options else None)
        if "/va" in options:
            if not self._registry.key_exists(key):
                return missing
            for value in self._registry.values(key):
                self._registry.delete_value(key, value.name)
            found = True
        elif name is not None:
            found = self._registry.delete_value(key, name)
        else:
            found = self._registry.delete_key(key, recurse=True)
        return Result(0, "The operation completed successfully.\r\n\r\n") if found else missing

    def _reg_query(self, key: str, options: dict[str, Any]) -> Result:
        name = options.get("/v", "" if "/ve" in options else None)
        values = [value for value in self._registry.values(key) if name is None or value.name.lower() == name.lower()]
        if not self._registry.key_exists(key) or (name is not None and not values):
            return Result(1, "", "ERROR: The system was unable to find the specified registry key or value.\r\n")
        lines = [
            f"    {value.name or '(Default)'}    {value.type}    "
            f"{hex(value.data) if isinstance(value.data, int) else value.data}"
            for value in values
        ]
        return Result(0, "\r\n".join(["", key.replace("HKLM", "HKEY_LOCAL_MACHINE", 1), *lines, "", ""]))

    # schtasks.exe

    def _schtasks(self, arguments: list[str]) -> Result:
        lowered = [item.lower() for item in arguments]
        if "/delete" not in lowered or "/tn" not in lowered[:-1] or self._scheduler is None:
            return Result(1, "", 'ERROR: Invalid syntax. Type "SCHTASKS /?" for usage.\r\n')
        name = arguments[lowered.index("/tn") + 1]
        if "/f" not in lowered:
            return Result(1, f'WARNING: Are you sure you want to remove the task "{name}" (Y/N)? ')
        if not self._elevated:
            return Result(1, "", "ERROR: Access is denied.\r\n")
        path = name if name.startswith("\\") else "\\" + name
        if not self._scheduler.delete(path):
            return Result(1, "", "ERROR: The system cannot find the file specified.\r\n")
        return Result(0, f'SUCCESS: The scheduled task "{name}" was successfully deleted.\r\n')

    # wevtutil.exe

    def _wevtutil(self, arguments: list[str]) -> Result:
        verb = {"get-log": "gl", "set-log": "sl"}.get(arguments[0].lower(), arguments[0].lower()) if arguments else ""
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
        return Result(0)


def _reg_options(arguments: list[str]) -> dict[str, Any] | None:
    """reg.exe's switches; None if one is unknown or lacks its value."""
    options: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        switch = rest.pop(0).lower()
        if switch in ("/v", "/t", "/d", "/s"):
            if not rest:
                return None
            options[switch] = rest.pop(0)
        elif switch in ("/f", "/ve", "/va", "/reg:64", "/reg:32"):
            options[switch] = True
        else:
            return None
    return options


def _reg_data(type_: str, text: str, separator: str) -> Any:
    if type_ not in TYPES:
        raise ValueError(type_)
    if type_ in ("REG_DWORD", "REG_QWORD"):
        number = int(text, 0) if text.lower().startswith("0x") else int(text, 10)
        if not 0 <= number < 2 ** (32 if type_ == "REG_DWORD" else 64):
            raise ValueError(text)
        return number
    if type_ == "REG_MULTI_SZ":
        return [part for part in text.split(separator) if part]
    return list(bytes.fromhex(text)) if type_ == "REG_BINARY" else text


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
