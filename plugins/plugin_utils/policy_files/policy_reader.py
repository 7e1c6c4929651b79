# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a file or folder of somebody else says about our settings, whatever form it is in. Pure.

The text is not trusted: no document type, sizes and numbers bounded, no path leaves the folder. A damaged file is a
note beside the others. The silence of a form that cannot carry a setting means nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ..tables.settings import SETTINGS
from ..wsman.errors import WsmanError
from ..wsman.xml import attribute, child, children, content, local_name, parse
from .errors import PolicyFileError, shorten
from .forms import left_out
from .gpmc_backup import read_backup_xml
from .gpt_tmpl import GptTmpl
from .policy_places import RegistryPlace, local_value, policy_value, security_option, setting_at, setting_at_uri
from .registry_pol import RegistryPol
from .text_forms import ReadValue, decoded, lines_of, read_intune, read_lgpo_text, read_reg_file

MAX_FILE = 2 * 1024 * 1024
"""Files of policies have some ten to some hundred kB. What is built of one takes up to 25 times its size: expat holds
all attributes of an element before it calls us."""
MAX_FILES = 10_000
"""How many files a caller should offer."""
MAX_NOTES = 20
"""Of one file."""


@dataclass
class PolicyFileSource:
    """What one file or backup says.

    Attributes:
        deleted: Settings whose value it deletes.
        out_of_reach: Settings that its form cannot carry, so that its silence means nothing.
        notes: What a reader should know.
    """

    path: str
    form: str
    name: str = ""
    settings: dict[str, bool] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    out_of_reach: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, values: Iterable[ReadValue]) -> None:
        """Take values in the order in which they are applied: the last one counts."""
        for place, number, text in values:
            found = setting_at(*place)
            if found is None:
                self._note_misplaced(place)
                continue
            setting, _local = found
            self.settings.pop(setting.name, None)
            if setting.name in self.deleted:
                self.deleted.remove(setting.name)
            if number is not None:
                self.settings[setting.name] = number != 0
            elif text:
                self.note(f"{setting.name} has a value of another type: {shorten(text)}.")
            else:
                self.deleted.append(setting.name)

    def note(self, text: str) -> None:
        """Add a note, once; many of them say no more than the first ones."""
        if text not in self.notes and len(self.notes) < MAX_NOTES:
            self.notes.append(text)

    def _note_misplaced(self, place: RegistryPlace) -> None:
        """Published files hold audit values under the other service's key, where no driver looks for them."""
        known = {local_value(row).name.lower() for row in SETTINGS.values()}
        ours = any(part in place.key.lower() for part in ("lanmanworkstation", "lanmanserver"))
        if ours and place.name.lower() in known:
            self.note(f"{shorten(place.name)} stands under {shorten(place.key)}, where Windows does not read it.")


class PolicyFolder:
    """Files of somebody else.

    Args:
        files: By path below the folder, with slashes: what reads the content, or raises OSError.
    """

    def __init__(self, files: Mapping[str, Callable[[], bytes]]) -> None:
        self._files = files

    def sources(self) -> list[PolicyFileSource]:
        """Everything that speaks of our settings, in the order of the paths. A damaged file is a note of its own."""
        backups = [name for name in self._files if PurePosixPath(name).name.lower() == "backup.xml"]
        roots = {PurePosixPath(name).parent.as_posix() for name in backups}
        found = [self._guarded(name, "gpmc_backup", self._backup) for name in backups]
        others = [name for name in self._files if not any(_is_below(name, root) for root in roots)]
        found += [self._guarded(name, "", self._file) for name in others]
        return [source for source in found if source.form]

    def _guarded(self, name: str, form: str, read: Callable[[str], PolicyFileSource]) -> PolicyFileSource:
        try:
            return read(name)
        except (PolicyFileError, WsmanError, OSError) as error:
            return PolicyFileSource(name, form or "unreadable", notes=[f"It cannot be read: {error}."])

    def _backup(self, name: str) -> PolicyFileSource:
        backup = read_backup_xml(self._files[name]())
        source = PolicyFileSource(name, "gpmc_backup", backup.name, notes=list(backup.notes))
        root = PurePosixPath(name).parent
        by_case = {known.lower(): known for known in self._files}
        for role, path in backup.files.items():
            held = by_case.get((root / path).as_posix().lower())
            if held is None:
                source.note(f"{shorten(path)} is named by Backup.xml and is not there.")
            else:
                source.add(_READERS[role](self._files[held]()))
        source.out_of_reach = sorted(left_out("gpmc_backup", SETTINGS.values()))
        return source

    def _file(self, name: str) -> PolicyFileSource:
        content_ = self._files[name]()
        form = form_of(name, content_)
        source = PolicyFileSource(name, form)
        if form in ("intune_catalog", "intune_custom"):
            _read_intune(source, content_)
        elif form:
            source.add(_READERS[form](content_))
        if form:
            source.out_of_reach = sorted(left_out(_REACH.get(form, form), SETTINGS.values()))
        return source


def _is_below(name: str, root: str) -> bool:
    return root == "." or name.startswith(root + "/")


def form_of(name: str, content_: bytes) -> str:
    """What a file is, by its first bytes and its text; empty for one that holds no policy of a form we know."""
    if content_.startswith(b"PReg"):
        return "registry"
    suffix = PurePosixPath(name).suffix.lower()
    if suffix not in (".inf", ".json", ".reg", ".txt", ".xml", ".policyrules"):
        return ""
    text = decoded(content_)
    if suffix == ".json":
        return (
            "intune_custom" if '"omaSettings"' in text else "intune_catalog" if '"settingDefinitionId"' in text else ""
        )
    if suffix == ".inf":
        return "template" if "[registry values]" in text.lower() else ""
    if suffix == ".reg":
        return "reg"
    if suffix == ".txt":
        first = next((line for line in lines_of(text) if line and not line.startswith(";")), "")
        return "lgpo" if first.partition(":")[0].lower() in ("computer", "user") else ""
    if "<PolicyRules" in text:
        return "policy_rules"
    return "unattend" if "<unattend" in text else ""


def _registry_values(content_: bytes) -> Iterator[ReadValue]:
    registry = RegistryPol.parse(content_)
    for setting in SETTINGS.values():
        for place in filter(None, (policy_value(setting), local_value(setting))):
            effect = registry.effect(*place)
            if effect is not None and effect.action == "delete":
                yield ReadValue(place, None)
            elif effect is not None:
                number = effect.entry.number
                yield ReadValue(place, number, "" if number is not None else f"type {effect.entry.type}")


def _template_values(content_: bytes) -> Iterator[ReadValue]:
    template = GptTmpl.parse(content_)
    for setting in SETTINGS.values():
        place = security_option(setting) or local_value(setting)
        value = template.get(*place)
        if value is not None:
            yield ReadValue(place, value.number, "" if value.number is not None else value.text)


def _policy_rules(content_: bytes) -> Iterator[ReadValue]:
    """Microsoft's Policy Analyzer: registry values, and lines of a security template."""
    rules = parse(content_, max_bytes=MAX_FILE)
    for rule in rules:
        if local_name(rule) == "ComputerConfig":
            key, name, data = (content(child(rule, each)) for each in ("Key", "Value", "RegData"))
            number = int(data) if data.isascii() and data.isdigit() else None
            yield ReadValue(RegistryPlace(key, name), number, "" if number is not None else data or "no data")
        elif local_name(rule) == "SecurityTemplate" and attribute(rule, "Section") == "Registry Values":
            place, _equals, data = content(child(rule, "LineItem")).partition("=")
            key, _backslash, name = place.partition("\\")[2].rpartition("\\")
            kind, _comma, text = data.partition(",")
            number = int(text) if kind.strip() == "4" and text.strip().isascii() and text.strip().isdigit() else None
            yield ReadValue(RegistryPlace(key, name), number, "" if number is not None else data)


def _unattend_values(content_: bytes) -> Iterator[ReadValue]:
    place = policy_value(SETTINGS["insecure_guest_logons"])
    for settings in children(parse(content_, max_bytes=MAX_FILE), "settings"):
        for component in children(settings, "component"):
            answer = content(child(component, "AllowInsecureGuestAuth"))
            if answer in ("0", "1", "true", "false") and place is not None:
                yield ReadValue(place, int(answer in ("1", "true")))


def _read_intune(source: PolicyFileSource, content_: bytes) -> None:
    for identifier, number in read_intune(content_):
        setting = setting_at_uri(identifier)
        if setting is None:
            continue
        if number is None:
            source.note(f"{setting.name} has a value that is no number.")
        else:
            source.settings[setting.name] = number != 0


_READERS: Mapping[str, Callable[[bytes], Iterator[ReadValue]]] = {
    "registry": _registry_values,
    "template": _template_values,
    "lgpo": read_lgpo_text,
    "reg": read_reg_file,
    "policy_rules": _policy_rules,
    "unattend": _unattend_values,
}
_REACH = {"registry": "registry_pol", "template": "security_template", "policy_rules": "gpmc_backup"}


def agreement(sources: Iterable[PolicyFileSource]) -> tuple[dict[str, bool], dict[str, dict[str, bool]]]:
    """The settings on which all sources that hold them agree, and those on which they differ with each one's value."""
    held: dict[str, dict[str, bool]] = {name: {} for name in SETTINGS}
    for source in sources:
        for name, value in source.settings.items():
            held[name][source.path] = value
    agreed = {name: next(iter(values.values())) for name, values in held.items() if len(set(values.values())) == 1}
    return agreed, {name: values for name, values in held.items() if len(set(values.values())) > 1}
