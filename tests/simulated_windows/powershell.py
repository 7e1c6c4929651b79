"""Windows PowerShell as far as scheduled tasks for SMB settings need it: the language of powershell_language.py, and
cmdlets for SMB configuration, the registry, services and scheduled tasks.

An error that is not caught ends the statement, not the script, unless ErrorAction or $ErrorActionPreference is Stop;
the exit code of -Command is 1 if the last statement failed or an error ended the script. Nobody answers prompts: a Set
cmdlet without -Force (or -Confirm:$false) fails. Reasoned from the documentation; no PowerShell was at hand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from .powershell_language import (
    Array,
    Assignment,
    Command,
    Expandable,
    Expression,
    ForEach,
    If,
    Literal,
    Member,
    Nested,
    Operation,
    ParseError,
    Pipeline,
    Statement,
    Try,
    Variable,
    parse_script,
)

if TYPE_CHECKING:
    from .registry import Registry

_COMMON = frozenset({"erroraction", "force", "confirm", "whatif", "verbose", "literalpath", "path", "name"})
# Of those that values have here. A registry key, and a configuration that a cmdlet returned, are not among them.
_CORE_TYPES = (str, int, bytes, list)
_TYPES = {
    "string": "REG_SZ",
    "expandstring": "REG_EXPAND_SZ",
    "binary": "REG_BINARY",
    "dword": "REG_DWORD",
    "multistring": "REG_MULTI_SZ",
    "qword": "REG_QWORD",
}


class Surroundings(Protocol):
    """What the cmdlets act on. Each change returns whether it succeeded."""

    registry: Registry

    def get_smb(self, class_name: str) -> Mapping[str, Any] | None:
        """The configuration that GetConfiguration shows; None where it fails."""

    def set_smb(self, class_name: str, values: Mapping[str, Any]) -> bool:
        """What SetConfiguration is given."""

    def restart_service(self, name: str) -> bool:
        """By its short name, such as LanmanWorkstation."""

    def unregister_task(self, full_path: str) -> bool:
        """By folder and name."""


class Failure(Exception):
    """An error record. ``ends_script``: it is not the statement alone that ends."""

    ends_script = False


class _Exit(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Key:
    """A registry key as Get-Item returns it."""

    path: str
    registry: Registry

    def member(self, name: str) -> Any:
        """Properties that scripts read; None for others."""
        return {
            "valuecount": len(self.registry.values(self.path)),
            "subkeycount": len(self.registry.subkeys(self.path)),
            "property": [value.name or "(default)" for value in self.registry.values(self.path)],
            "name": self.path.replace("HKLM", "HKEY_LOCAL_MACHINE", 1),
            "pspath": "Microsoft.PowerShell.Core\\Registry::" + self.path,
        }.get(name)

    def value(self, name: str) -> Any:
        """GetValue(name)."""
        found = self.registry.get(self.path, name)
        return None if found is None else found.data


class PowerShell:
    """One powershell.exe. ``elevated`` decides about access denied."""

    def __init__(self, surroundings: Surroundings, elevated: bool, constrained: bool = False) -> None:
        """``constrained``: ConstrainedLanguage, which allows methods of core types only; properties are read freely."""
        self._host = surroundings
        self._elevated = elevated
        self._constrained = constrained
        self._variables: dict[str, Any] = {
            "true": True,
            "false": False,
            "null": None,
            "erroractionpreference": "Continue",
        }
        self._succeeded = True
        self.output: list[Any] = []

    def run(self, text: str) -> int:
        """Run a script; returns the exit code."""
        try:
            statements = parse_script(text)
        except ParseError:
            return 1
        if not statements:
            return 0
        try:
            self.output += self._run(statements)
        except _Exit as leaving:
            return leaving.code
        except Failure:
            return 1
        return 0 if self._succeeded else 1

    def _run(self, statements: list[Statement], inside_try: bool = False) -> list[Any]:
        output: list[Any] = []
        for statement in statements:
            try:
                output += self._statement(statement, inside_try)
            except Failure as failure:
                self._succeeded = False
                if inside_try or failure.ends_script or self._stops():
                    failure.ends_script = True
                    raise
        return output

    def _stops(self) -> bool:
        return str(self._variables["erroractionpreference"]).lower() == "stop"

    def _statement(self, statement: Statement, inside_try: bool) -> list[Any]:
        if isinstance(statement, Pipeline):
            return self._pipeline(statement)
        if isinstance(statement, Assignment):
            values = self._statement(statement.value, inside_try)
            self._variables[statement.name] = values[0] if len(values) == 1 else values or None
            return []
        if isinstance(statement, If):
            for condition, body in statement.branches:
                if _truth(self._value_of(condition)):
                    return self._run(body, inside_try)
            return self._run(statement.otherwise, inside_try)
        if isinstance(statement, ForEach):
            output: list[Any] = []
            for item in self._statement(statement.items, inside_try):
                self._variables[statement.name] = item
                output += self._run(statement.body, inside_try)
            return output
        if isinstance(statement, Try):
            return self._try(statement, inside_try)
        value = None if statement.value is None else self._value_of(statement.value)
        if statement.keyword == "exit":
            if value is not None and not re.fullmatch(r"-?\d+", str(value)):
                raise Failure(f"exit takes a number, not {value}")
            raise _Exit(int(value or 0))
        failure = Failure(str(value))
        failure.ends_script = True
        raise failure

    def _try(self, statement: Try, inside_try: bool) -> list[Any]:
        try:
            return self._run(statement.body, inside_try=True)
        except Failure as failure:
            if statement.catch is None:
                raise
            failure.ends_script = False
            self._succeeded = True
            return self._run(statement.catch, inside_try)
        finally:
            self._run(statement.lastly, inside_try)

    def _value_of(self, statement: Statement) -> Any:
        values = self._statement(statement, inside_try=False)
        return values[0] if len(values) == 1 else values or None

    def _pipeline(self, pipeline: Pipeline) -> list[Any]:
        values: list[Any] = []
        for number, part in enumerate(pipeline.parts):
            if isinstance(part, Command):
                values = self._command(part, values if number else None)
            else:
                value = self._evaluate(part)
                values = list(value) if isinstance(value, list) else [] if value is None else [value]
                self._succeeded = True
        return values

    # Expressions

    def _evaluate(self, expression: Expression) -> Any:
        if isinstance(expression, Literal):
            return expression.value
        if isinstance(expression, Expandable):
            return self._expand(expression.text)
        if isinstance(expression, Variable):
            return self._succeeded if expression.name == "?" else self._variables.get(expression.name)
        if isinstance(expression, Array):
            return [self._evaluate(item) for item in expression.items]
        if isinstance(expression, Nested):
            return self._value_of(expression.statement)
        if isinstance(expression, Member):
            return self._member(expression)
        return self._operation(expression)

    def _expand(self, text: str) -> str:
        text = re.sub(r"(?<!`)\$([A-Za-z_]\w*)", lambda match: _text(self._variables.get(match[1].lower())), text)
        return re.sub(r"`(.)", r"\1", text)

    def _member(self, expression: Member) -> Any:
        owner = self._evaluate(expression.owner)
        if expression.arguments is not None and self._constrained and not isinstance(owner, _CORE_TYPES):
            raise Failure("Method invocation is supported only on core types in this language mode.")
        if isinstance(owner, Key):
            if expression.arguments is not None and expression.name == "getvalue":
                return owner.value(str(self._evaluate(expression.arguments[0])))
            return owner.member(expression.name)
        if isinstance(owner, list) and expression.name in ("count", "length"):
            return len(owner)
        if isinstance(owner, Mapping):
            return next((value for name, value in owner.items() if name.lower() == expression.name), None)
        return None

    def _operation(self, expression: Operation) -> Any:
        if expression.operator == "-not":
            return not _truth(self._evaluate(expression.operands[0]))
        first = self._evaluate(expression.operands[0])
        if expression.operator in ("-and", "-or"):
            if _truth(first) is (expression.operator == "-or"):
                return _truth(first)
            return _truth(self._evaluate(expression.operands[1]))
        second = self._evaluate(expression.operands[1])
        if expression.operator == "+":
            return _text(first) + _text(second) if isinstance(first, str) else (first or 0) + (second or 0)
        return _compare(expression.operator, first, second)

    # Commands

    def _command(self, command: Command, given: list[Any] | None) -> list[Any]:
        parameters = {name: self._parameter(value) for name, value in command.parameters.items()}
        arguments = [self._evaluate(item) for item in command.arguments]
        action = str(parameters.get("erroraction", "")).lower()
        try:
            output = self._dispatch(command.name, parameters, arguments, given)
        except Failure as failure:
            self._succeeded = False
            if action in ("silentlycontinue", "ignore", "continue"):
                return []
            failure.ends_script = action == "stop"
            raise
        self._succeeded = True
        return output

    def _parameter(self, value: Expression | None) -> Any:
        return True if value is None else self._evaluate(value)

    def _dispatch(
        self, name: str, parameters: dict[str, Any], arguments: list[Any], given: list[Any] | None
    ) -> list[Any]:
        if match := re.fullmatch(r"(get|set)-smb(client|server)configuration", name):
            class_name = f"MSFT_Smb{match[2].title()}Configuration"
            return self._get_smb(class_name) if match[1] == "get" else self._set_smb(class_name, parameters, arguments)
        if name in ("out-null", "start-sleep", "set-location", "import-module", "write-verbose", "write-host"):
            return []
        if name in ("write-output", "echo"):
            return arguments
        handlers: dict[str, Callable[[dict[str, Any], list[Any]], list[Any]]] = {
            "test-path": self._test_path,
            "get-item": self._get_item,
            "get-itemproperty": self._get_property,
            "get-itempropertyvalue": self._get_property_value,
            "set-itemproperty": self._set_property,
            "new-itemproperty": self._set_property,
            "remove-itemproperty": self._remove_property,
            "new-item": self._new_item,
            "remove-item": self._remove_item,
            "restart-service": self._restart_service,
            "unregister-scheduledtask": self._unregister_task,
        }
        if name not in handlers:
            raise Failure(f"The term '{name}' is not recognized as the name of a cmdlet.")
        if given:
            arguments = [item.path.replace("HKLM", "HKLM:", 1) if isinstance(item, Key) else item for item in given]
        return handlers[name](parameters, arguments)

    def _needs_rights(self) -> None:
        if not self._elevated:
            raise Failure("Requested registry access is not allowed.")

    def _get_smb(self, class_name: str) -> list[Any]:
        values = self._host.get_smb(class_name)
        if values is None:
            raise Failure("the configuration cannot be read")
        return [values]

    def _set_smb(self, class_name: str, parameters: dict[str, Any], arguments: list[Any]) -> list[Any]:
        values = {name: value for name, value in parameters.items() if name not in _COMMON}
        wrong = [name for name, value in values.items() if isinstance(value, str) or value is None]
        if arguments or wrong:
            raise Failure("Cannot convert value to type System.Boolean.")
        if parameters.get("whatif"):
            return []
        silent = parameters.get("force") is True or parameters.get("confirm") is False
        if not self._elevated or not silent:
            raise Failure("Access is denied, or nobody is there to confirm.")
        if not self._host.set_smb(class_name, values):
            raise Failure("A parameter is unknown, or the change is refused.")
        return []

    @staticmethod
    def _path(parameters: dict[str, Any], arguments: list[Any]) -> str:
        path = str(parameters.get("literalpath", parameters.get("path", arguments[0] if arguments else "")))
        path = path.removeprefix("Microsoft.PowerShell.Core\\").removeprefix("Registry::")
        if not re.match(r"(HKLM|HKEY_LOCAL_MACHINE):?\\", path, re.IGNORECASE):
            raise Failure(f"Cannot find path '{path}'.")
        return "HKLM\\" + path.partition("\\")[2]

    def _existing(self, parameters: dict[str, Any], arguments: list[Any]) -> str:
        path = self._path(parameters, arguments)
        if not self._host.registry.key_exists(path):
            raise Failure(f"Cannot find path '{path}' because it does not exist.")
        return path

    def _test_path(self, parameters: dict[str, Any], arguments: list[Any]) -> list[Any]:
        return [self._host.registry.key_exists(self._path(parameters, arguments))]

    def _get_item(self, parameters: dict[str, Any], arguments: list[Any]) -> list[Any]:
        return [Key(self._existing(parameters, arguments), self._host.registry)]

    def _get_property(self, parameters: dict[str, Any], arguments: list[Any]) -> list[Any]:
        path = self._existing(parameters, arguments)
        name = str(parameters.get("name", arguments[1] if len(arguments) > 1 else "")).lower()
        values = {item.name: item.data for item in self._host.registry.values(path) if name in ("", item.name.lower())}
        if name and not values:
            raise Failure(f"Property {name} does not exist at path {path}.")
        return [values]

    def _get_property_value(self, parameters: dict[str, Any], arguments: list[Any]) -> list[Any]:
        (values,) = self._get_property(parameters, arguments)
        return list(values.values())

    def _set_property(self, parameters: dict[str, Any], arguments: list[Any]) -> list[Any]:
        self._needs_rights()
        path = self._existing(parameters, arguments)
        value = parameters.get("value", arguments[2] if len(arguments) > 2 else None)
        default = "dword" if isinstance(value, int) else "string"
        type_ = str(parameters.get("type", parameters.get("propertytype", default))).lower()
        if type_ not in _TYPES:
            raise Failure(f"Cannot convert {type_} to a registry type.")
        name = str(parameters.get("name", arguments[1] if len(arguments) > 1 else ""))
        self._host.registry.set(path, name, _TYPES[type_], int(value or 0) if type_ in ("dword", "qword") else value)
        return []

    def _remove_property(self, parameters: dict[str, Any], arguments: list[Any]) -> list[Any]:
        self._needs_rights()
        path = self._existing(parameters, arguments)
        name = str(parameters.get("name", arguments[1] if len(arguments) > 1 else ""))
        if not self._host.registry.delete_value(path, name):
            raise Failure(f"Property {name} does not exist at path {path}.")
        return []

    def _new_item(self, parameters: dict[str, Any], arguments: list[Any]) -> list[Any]:
        self._needs_rights()
        path = self._path(parameters, arguments)
        if self._host.registry.key_exists(path) and not parameters.get("force"):
            raise Failure("A key in this path already exists.")
        self._host.registry.create_key(path)
        return [Key(path, self._host.registry)]

    def _remove_item(self, parameters: dict[str, Any], arguments: list[Any]) -> list[Any]:
        self._needs_rights()
        path = self._existing(parameters, arguments)
        # A key with subkeys makes it ask, and nobody answers.
        if not self._host.registry.delete_key(path, recurse=bool(parameters.get("recurse"))):
            raise Failure("The item has children and Recurse is not given.")
        return []

    def _restart_service(self, parameters: dict[str, Any], arguments: list[Any]) -> list[Any]:
        name = str(parameters.get("name", arguments[0] if arguments else ""))
        if not self._elevated or not self._host.restart_service(name):
            raise Failure(f"Cannot restart service {name}.")
        return []

    def _unregister_task(self, parameters: dict[str, Any], arguments: list[Any]) -> list[Any]:
        name = str(parameters.get("taskname", arguments[0] if arguments else ""))
        path = "\\" + str(parameters.get("taskpath", "")).strip("\\")
        full_path = f"{path.rstrip(chr(92))}\\{name}"
        if not self._elevated or parameters.get("confirm") is not False or not self._host.unregister_task(full_path):
            raise Failure(f"No task {full_path}, no rights, or nobody to confirm.")
        return []


def _truth(value: Any) -> bool:
    if isinstance(value, list):
        return _truth(value[0]) if len(value) == 1 else bool(value)
    return bool(value)


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_text(item) for item in value)
    return "" if value is None else str(value)


def _compare(operator: str, first: Any, second: Any) -> Any:
    """Comparison without case; of text with a number, as the left operand is."""
    if operator in ("-match", "-notmatch"):
        return (re.search(_text(second), _text(first), re.IGNORECASE) is not None) is (operator == "-match")
    if operator in ("-contains", "-notcontains"):
        items = first if isinstance(first, list) else [first]
        return any(_compare("-eq", item, second) for item in items) is (operator == "-contains")
    if isinstance(first, str):
        first, second = first.lower(), _text(second).lower()
    elif isinstance(second, str) and first is not None:
        second = int(second, 0)
    if operator in ("-eq", "-ne"):
        return (first == second) is (operator == "-eq")
    first, second = first or 0, second or 0
    return {"-gt": first > second, "-ge": first >= second, "-lt": first < second, "-le": first <= second}[operator]
