"""The rules of CONTRIBUTING about the layout of the plugins, measured on the tree."""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import yaml
from checkout import COLLECTION, ROOT

PLUGINS = ROOT / "plugins"
PACKAGE = f"{'.'.join(COLLECTION.parts)}.plugins."
NOT_OF_THE_HOUSE = ("modules", "doc_fragments")
"""They hold documentation alone."""

FLOORS, ROOMS, ARROWS, CHAIN, FUNCTION_LINES = 8, 19, 65, 12, 50
SAME_NAMES: set[str] = set()
READ_MESSAGES, REWRITTEN = 0, 0


def _modules() -> dict[str, Path]:
    """Every module of the plugins by its dotted name below `plugins`."""
    found = {}
    for path in sorted(PLUGINS.rglob("*.py")):
        parts = path.relative_to(PLUGINS).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: path for name, path in found.items() if not name.startswith(NOT_OF_THE_HOUSE)}


MODULES = _modules()
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def _imports(name: str) -> set[str]:
    """The modules of the plugins that a module imports, at its top or inside of a function."""
    found = set()
    here = name.split(".") if MODULES[name].name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                module = ".".join(filter(None, [*here[: len(here) - node.level + 1], module]))
            elif module.startswith(PACKAGE):
                module = module.removeprefix(PACKAGE)
            else:
                continue
            names = {f"{module}.{alias.name}" for alias in node.names} & MODULES.keys()
            found |= names or ({module} & MODULES.keys())
        elif isinstance(node, ast.Import):
            found |= {alias.name.removeprefix(PACKAGE) for alias in node.names} & MODULES.keys()
    return found - {name}


IMPORTS = {name: _imports(name) for name in MODULES}


def _room(module: str) -> str:
    """`action`, or the folder below plugin_utils."""
    parts = module.split(".")
    return parts[1] if parts[0] == "plugin_utils" and len(parts) > 1 else parts[0]


def _drawn() -> dict[str, str]:
    """The rooms of the map in CONTRIBUTING, from the top to the bottom, each with its sentence."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    return dict(re.findall(r"^    ([a-z_]+)/ +(.+)$", page, re.MULTILINE))


def _arrows() -> set[tuple[str, str]]:
    return {(_room(one), _room(other)) for one in MODULES for other in IMPORTS[one] if _room(one) != _room(other)}


@functools.cache
def _longest(module: str) -> tuple[str, ...]:
    """The longest chain of imports that begins at a module."""
    return (module, *max((_longest(each) for each in IMPORTS[module]), key=len, default=()))


def test_the_map_is_the_tree() -> None:
    folders = {path.parent.name for path in (PLUGINS / "plugin_utils").glob("*/__init__.py")}
    assert folders == _drawn().keys()
    for room, sentence in _drawn().items():
        first = (ast.get_docstring(TREES[f"plugin_utils.{room}"]) or "").splitlines()[0]
        assert first.casefold().startswith(sentence.casefold()), room


def test_every_rule_has_its_file() -> None:
    rows = re.findall(r"^\| .+ \| (`[a-z_]+/.+`) \|$", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    files = [name for row in rows for name in re.findall(r"`([a-z_]+/[a-z_]+\.py)`", row)]
    assert len(files) > 15
    assert [name for name in files if not (PLUGINS / "plugin_utils" / name).is_file()] == []


def test_imports_run_downwards() -> None:
    order = ["action", *_drawn(), "plugin_utils"]
    upwards = {(one, other) for one, other in _arrows() if order.index(one) > order.index(other)}
    assert upwards == set()


def test_floors_rooms_and_arrows() -> None:
    arrows = _arrows()

    @functools.cache
    def floor(room: str) -> int:
        return 1 + max((floor(other) for one, other in arrows if one == room), default=0)

    rooms = {_room(module) for module in MODULES}
    assert len(rooms) <= ROOMS
    assert max(map(floor, rooms)) <= FLOORS
    assert len(arrows) <= ARROWS, sorted(arrows)


def test_no_chain_of_imports_is_long() -> None:
    chain = max(map(_longest, MODULES), key=len)
    assert len(chain) <= CHAIN, " > ".join(chain)


def test_a_class_name_is_unique() -> None:
    names = Counter(
        node.name
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and node.name != "ActionModule" and not node.name.startswith("_")
    )
    assert {name for name, number in names.items() if number > 1} <= SAME_NAMES


def test_no_function_is_long() -> None:
    long = {
        f"{name}.{node.name}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno > FUNCTION_LINES
    }
    assert long == set()


def _conditions(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If | ast.IfExp | ast.While | ast.Assert):
            yield node.test
        elif isinstance(node, ast.comprehension):
            yield from node.ifs
        elif isinstance(node, ast.match_case) and node.guard:
            yield node.guard
        elif isinstance(node, ast.BoolOp | ast.Compare):
            yield node


def _errors(tree: ast.AST) -> set[str]:
    """Names that hold an exception: of handlers, and of parameters that are annotated as an error."""
    handlers = {node.name for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.name}
    parameters = {
        node.arg
        for node in ast.walk(tree)
        if isinstance(node, ast.arg) and node.annotation and re.search("Error|Exception", ast.unparse(node.annotation))
    }
    return handlers | parameters


def _is_text_of(node: ast.AST, errors: set[str]) -> bool:
    """Whether it is `str(error)` or `error.args`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"str", "repr"}:
        return any(isinstance(argument, ast.Name) and argument.id in errors for argument in node.args)
    is_args = isinstance(node, ast.Attribute) and node.attr == "args"
    return is_args and isinstance(node.value, ast.Name) and node.value.id in errors


def _receiver(node: ast.expr) -> ast.expr:
    """What the methods of an expression are called of: `str(error)` of `str(error).strip().lower()`."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    return node


def _texts(function: ast.AST, errors: set[str]) -> set[str]:
    """Names that a function gives to the text of an error."""
    assigned = (node for node in ast.walk(function) if isinstance(node, ast.Assign | ast.NamedExpr))
    return {
        target.id
        for node in assigned
        if _is_text_of(_receiver(node.value), errors)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }


def _reading(name: str) -> set[str]:
    """Where conditions of a module look into the text of an error."""
    found = set()
    for function in (node for node in ast.walk(TREES[name]) if isinstance(node, ast.FunctionDef)):
        errors = _errors(function)
        texts = _texts(function, errors)
        for condition in _conditions(function):
            if any(_looks_into(node, errors, texts) for node in ast.walk(condition)):
                found.add(f"{name}:{condition.lineno}")
    return found


def _looks_into(node: ast.AST, errors: set[str], texts: set[str]) -> bool:
    """Whether it compares the text of an error, or calls a method of it. That there is a text may be asked."""
    if not isinstance(node, ast.Compare | ast.Attribute):
        return _is_text_of(node, errors)
    operands = [node.left, *node.comparators] if isinstance(node, ast.Compare) else [node.value]
    return any(isinstance(each, ast.Name) and each.id in texts for each in operands) or _is_text_of(node, errors)


def test_no_condition_reads_a_message() -> None:
    reading = {place for name in TREES for place in _reading(name)}
    assert len(reading) <= READ_MESSAGES, sorted(reading)


def test_no_message_is_rewritten() -> None:
    rewriting = {
        f"{name}:{node.lineno}"
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Attribute) and target.attr == "args" and isinstance(target.value, ast.Name)
    }
    assert len(rewriting) <= REWRITTEN, sorted(rewriting)


def test_pre_commit_checks_what_the_stage_lint_checks() -> None:
    (local,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    pins = set((ROOT / "tests/requirements/lint.txt").read_text().splitlines())
    noxfile = (ROOT / "noxfile.py").read_text()
    hooks = {hook["name"]: hook for hook in local["hooks"]}
    assert hooks.keys() == set(re.findall(r'Check\("((?:ruff|yaml|action|ansible-lint|antsibull)[a-z -]*)", ', noxfile))
    for hook in hooks.values():
        assert hook["additional_dependencies"][0] in pins, hook["name"]
