# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every form that is written, by its name: its files, its undo, and what it leaves out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ..tables.settings import Setting
from .gpmc_backup import gpmc_backup, registry_pol, security_template
from .policy_places import PolicyDocument, cannot_carry
from .text_forms import intune_catalog, intune_custom, lgpo_text, reg_file, unattend_xml


@dataclass(frozen=True)
class PolicyForm:
    """How one form is written.

    Attributes:
        files: Path to content.
        undo: What takes it back, as a sentence.
    """

    name: str
    files: Callable[[PolicyDocument], Mapping[str, bytes]]
    undo: str


def _optional(name: str, written: bytes | None) -> dict[str, bytes]:
    return {} if written is None else {name: written}


FORMS: Mapping[str, PolicyForm] = {
    form.name: form
    for form in (
        PolicyForm(
            "gpmc_backup",
            gpmc_backup,
            "Import it into a GPO of its own, never restore it. Unlink or delete that GPO to undo it. Signing may stay "
            "at the last value: set it back explicitly.",
        ),
        PolicyForm(
            "lgpo",
            lambda document: {
                "policy.txt": lgpo_text(document),
                "undo.txt": lgpo_text(document, undo=True),
                **_optional("registry.pol", registry_pol(document)),
            },
            "LGPO.exe /t undo.txt has the values deleted at every refresh.",
        ),
        PolicyForm(
            "security_template",
            lambda document: _optional("GptTmpl.inf", security_template(document)),
            "Run secedit /generaterollback before secedit /configure: only a host knows what it held.",
        ),
        PolicyForm(
            "intune_catalog",
            lambda document: {"settings-catalog.json": intune_catalog(document)},
            "Assign the other values first, then unassign or delete the policy.",
        ),
        PolicyForm(
            "intune_custom",
            lambda document: {"custom-profile.json": intune_custom(document)},
            "Assign the other values first, then unassign or delete the profile.",
        ),
        PolicyForm(
            "reg",
            lambda document: {"apply.reg": reg_file(document), "undo.reg": reg_file(document, undo=True)},
            "undo.reg deletes the values. What they held before is not in it.",
        ),
        PolicyForm(
            "unattend",
            lambda document: {"unattend.xml": unattend_xml(document)},
            "None: the answer becomes part of an image.",
        ),
    )
}


def left_out(form: str, settings: Iterable[Setting]) -> dict[str, str]:
    """The settings, by name, that a form does not carry, each with the reason."""
    reasons = {setting.name: cannot_carry(form, setting) for setting in settings}
    return {name: reason for name, reason in reasons.items() if reason}


def written_files(form: str, document: PolicyDocument) -> dict[str, bytes]:
    """The files of a form, by path below the form's own folder; none where the form carries nothing of it.

    Raises CannotBeWritten.
    """
    gone = left_out(form, document.settings)
    carried = {setting: value for setting, value in document.settings.items() if setting.name not in gone}
    if not carried:
        return {}
    return dict(FORMS[form].files(replace(document, settings=carried)))
