"""What runs on a host by itself: the actions of scheduled tasks, and what their PowerShell may touch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from .commands import Interpreter
from .powershell import PowerShell
from .prompts import PromptAnswer
from .smb_configuration import NAMESPACE
from .wsman_faults import WsmanFault

if TYPE_CHECKING:
    from .host import SimulatedHost


class PowerShellSurroundings:
    """One host as PowerShell's cmdlets see it. The Set cmdlets wrap the CIM method; -Force answers its prompt."""

    def __init__(self, host: SimulatedHost) -> None:
        self._host = host
        self.registry = host.registry

    def _smb(self, class_name: str, method: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        """The method's outputs; None if a name is unknown, the call faults or answers a code."""
        provider = self._host.providers[(NAMESPACE.lower(), class_name.lower())]
        names = {item.name.lower(): item.name for item in provider.cim_class.properties}
        if not values.keys() <= names.keys():
            return None
        arguments = {names[name]: value for name, value in values.items()}
        try:
            outputs = provider.invoke(provider.cim_class.method(method), arguments, PromptAnswer.YES)
        except WsmanFault:
            return None
        return outputs if outputs["ReturnValue"] == 0 else None

    def get_smb(self, class_name: str) -> Mapping[str, Any] | None:
        outputs = self._smb(class_name, "GetConfiguration", {})
        return None if outputs is None else outputs["Output"].values

    def set_smb(self, class_name: str, values: Mapping[str, Any]) -> bool:
        done = self._smb(class_name, "SetConfiguration", values) is not None
        self._host.note_driver_changes()
        return done

    def restart_service(self, name: str) -> bool:
        try:
            self._host.restart_service(name)
        except ValueError:
            return False
        return True

    def unregister_task(self, full_path: str) -> bool:
        return self._host.scheduler.delete(full_path)


def run_action(
    host: SimulatedHost, command: str, arguments: str, elevated: bool, process_starts: Callable[[], None]
) -> int:
    """Run one Exec action of a task; returns the exit code. ``process_starts`` is called before each program."""
    powershell = PowerShell(PowerShellSurroundings(host), elevated, host.quirks.constrained_language)
    interpreter = Interpreter(host.registry, host.log, host.scheduler, elevated, powershell, process_starts)
    return interpreter.run(f'"{command}" {arguments}').exit_code
