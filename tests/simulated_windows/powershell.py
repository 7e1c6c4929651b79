"""A glimpse of Windows PowerShell: the statements that administrators put into scheduled tasks for SMB settings.

Understood are Set-SmbClientConfiguration and Set-SmbServerConfiguration with boolean parameters, and the removal of a
registry key that has become empty, with a variable for the key. Anything else is an error, as a typing mistake is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from .registry import Registry

SetSmb = Callable[[str, Mapping[str, bool]], bool]
"""Set properties of the named CIM class; False where one is unknown."""

_SET_SMB = re.compile(r"Set-Smb(Client|Server)Configuration((?:\s+-\w+\s+\$(?:true|false))+)((?:\s+-[\w:$]+)*)", re.I)
_PARAMETER = re.compile(r"-(\w+)\s+\$(true|false)", re.I)
_GET_ITEM = re.compile(r"\$(\w+)\s*=\s*Get-Item\s+'(HKLM):(\\[^']+)'", re.I)
_REMOVE_IF_EMPTY = re.compile(
    r"if\s*\(\$(\w+)\.ValueCount\s*\+\s*\$\1\.SubKeyCount\s+-eq\s+0\)\s*\{\s*Remove-Item\s+'(HKLM):(\\[^']+)'\s*\}",
    re.I,
)


class PowerShell:
    """Runs `-Command` text on one host. Nobody answers prompts: without -Force a Set cmdlet fails."""

    def __init__(self, registry: Registry, set_smb: SetSmb, elevated: bool) -> None:
        self._registry = registry
        self._set_smb = set_smb
        self._elevated = elevated
        self._variables: dict[str, str] = {}

    def run(self, text: str) -> int:
        """Run statements separated by semicolons; exit code 1 as soon as one fails."""
        statements = [part.strip() for part in text.split(";") if part.strip()]
        return 0 if statements and all(self._statement(part) for part in statements) else 1

    def _statement(self, text: str) -> bool:
        if match := _SET_SMB.fullmatch(text):
            switches = match[3].lower().split()
            values = {name: word.lower() == "true" for name, word in _PARAMETER.findall(match[2])}
            silent = "-force" in switches and set(switches) <= {"-force", "-confirm:$false"}
            return self._elevated and silent and self._set_smb(f"MSFT_Smb{match[1].title()}Configuration", values)
        if match := _GET_ITEM.fullmatch(text):
            self._variables[match[1].lower()] = match[2].upper() + match[3]
            return self._registry.key_exists(match[2].upper() + match[3])
        if match := _REMOVE_IF_EMPTY.fullmatch(text):
            key = self._variables.get(match[1].lower())
            if key is None or not self._elevated:
                return False
            if self._registry.values(key) or self._registry.subkeys(key):
                return True
            return self._registry.delete_key(match[2].upper() + match[3])
        return False
