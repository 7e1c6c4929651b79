"""reg.exe: add, delete and query. Exit codes and output as far as scripts depend on them."""

from __future__ import annotations

from typing import Any

from .cmd_shell import Result
from .registry import HIVES, TYPES, Registry, RegistryValue

_DONE = Result(0, "The operation completed successfully.\r\n\r\n")
_MISSING = Result(1, "", "ERROR: The system was unable to find the specified registry key or value.\r\n")
_SYNTAX = Result(1, "", 'ERROR: Invalid syntax.\r\nType "REG /?" for usage.\r\n')
_WITH_VALUE = ("/v", "/t", "/d", "/s")


class RegTool:
    """reg.exe for one caller; ``elevated`` decides who may write below HKLM."""

    def __init__(self, registry: Registry, elevated: bool) -> None:
        self._registry = registry
        self._elevated = elevated

    def run(self, arguments: list[str], stdin: str) -> Result:
        """``stdin`` answers the questions that reg asks without /f; at its end the answer is no."""
        verb = arguments[0].lower() if arguments else ""
        options = _options(arguments[2:], verb)
        if len(arguments) < 2 or verb not in ("add", "delete", "query") or options is None:
            return _SYNTAX
        try:
            key = Registry.normalize(arguments[1].rstrip("\\"))
        except ValueError:
            return Result(1, "", "ERROR: Invalid key name.\r\n")
        if verb == "query":
            return self._query(key, options)
        if not self._elevated and key.upper().startswith("HKLM"):
            return Result(1, "", "ERROR: Access is denied.\r\n")
        if stdin.strip().lower().startswith("y"):
            options["/f"] = True
        return self._add(key, options) if verb == "add" else self._delete(key, options)

    def _add(self, key: str, options: dict[str, Any]) -> Result:
        name = options.get("/v", "" if "/ve" in options else None)
        if name is None:
            self._registry.create_key(key)
            return _DONE
        if self._registry.get(key, name) is not None and "/f" not in options:
            return Result(1, f"Value {name} exists, overwrite(Yes/No)? ")
        type_ = str(options.get("/t", "REG_SZ")).upper()
        try:
            data = _data(type_, options.get("/d", ""), options.get("/s", r"\0"))
        except ValueError:
            return Result(1, "", "ERROR: Invalid syntax. Specify valid numeric value for '/d'.\r\n")
        self._registry.set(key, name, type_, data)
        return _DONE

    def _delete(self, key: str, options: dict[str, Any]) -> Result:
        if "/f" not in options:
            return Result(1, f"Permanently delete the registry key {key} (Yes/No)? ")
        name = options.get("/v", "" if "/ve" in options else None)
        if "/va" in options:
            if not self._registry.key_exists(key):
                return _MISSING
            for value in self._registry.values(key):
                self._registry.delete_value(key, value.name)
            return _DONE
        if name is not None:
            return _DONE if self._registry.delete_value(key, name) else _MISSING
        return _DONE if self._registry.delete_key(key, recurse=True) else _MISSING

    def _query(self, key: str, options: dict[str, Any]) -> Result:
        name = options.get("/v", "" if "/ve" in options else None)
        values = [value for value in self._registry.values(key) if name is None or value.name.lower() == name.lower()]
        if not self._registry.key_exists(key) or (name is not None and not values):
            return _MISSING
        return Result(0, "\r\n".join(self._rows(key, name, values, "/s" in options)) + "\r\n")

    def _rows(self, key: str, name: str | None, values: list[RegistryValue], recurse: bool) -> list[str]:
        hive, separator, rest = key.partition("\\")
        long_name = HIVES[hive][0] + separator + rest
        rows = ["", long_name, *(_row(value) for value in values), ""] if values or name is None else []
        for child in self._registry.subkeys(key) if name is None else []:
            if recurse:
                rows += self._rows(f"{key}\\{child}", name, self._registry.values(f"{key}\\{child}"), recurse)
            else:
                rows.append(f"{long_name}\\{child}")
        return rows


def _row(value: RegistryValue) -> str:
    data = value.data
    if data is None:
        text = ""
    elif value.type in ("REG_DWORD", "REG_QWORD"):
        text = hex(data)
    elif value.type in ("REG_BINARY", "REG_NONE", "REG_DWORD_BIG_ENDIAN"):
        text = "".join(f"{byte:02X}" for byte in data)
    elif value.type == "REG_MULTI_SZ":
        text = r"\0".join(data)
    else:
        text = data
    return f"    {value.name or '(Default)'}    {value.type}    {text}"


def _options(arguments: list[str], verb: str) -> dict[str, Any] | None:
    """reg.exe's switches; None if one is unknown or lacks its value."""
    options: dict[str, Any] = {}
    rest = list(arguments)
    while rest:
        switch = rest.pop(0).lower()
        if switch in _WITH_VALUE and not (verb == "query" and switch in ("/s", "/t")):
            if not rest:
                return None
            options[switch] = rest.pop(0)
        elif switch in ("/f", "/ve", "/va", "/reg:64", "/reg:32") or (verb == "query" and switch == "/s"):
            options[switch] = True
        else:
            return None
    return options


def _data(type_: str, text: str, separator: str) -> Any:
    if type_ not in TYPES or type_ in ("REG_NONE", "REG_DWORD_BIG_ENDIAN"):
        raise ValueError(type_)
    if type_ in ("REG_DWORD", "REG_QWORD"):
        number = int(text, 0) if text.lower().startswith("0x") else int(text, 10)
        if not 0 <= number < 2 ** (32 if type_ == "REG_DWORD" else 64):
            raise ValueError(text)
        return number
    if type_ == "REG_MULTI_SZ":
        return [part for part in text.split(separator) if part]
    return list(bytes.fromhex(text)) if type_ == "REG_BINARY" else text
