# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task asks of a host: the settings, the rules, and what it asks of the journal. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from ..tables.settings import GUEST, Scope
from .journal_size import KEEP_ENDED
from .plan import DesiredSetting, Rules


@dataclass(frozen=True)
class ChangeTerms:
    """What a task asks of the journal. A change is journaled when it asks for anything but `keep_ended`."""

    change_id: str | None = None
    reason: str = ""
    expires_in: timedelta | None = None
    keep_ended: int = KEEP_ENDED

    @property
    def journaled(self) -> bool:
        return bool(self.change_id or self.reason or self.expires_in)


@dataclass(frozen=True)
class Request:
    """What a task asks.

    Attributes:
        relax: settings that may be relaxed where they block guest logons that are to be allowed; None where the task
            does not mind whether guest logons will work.
        risk_refused: nobody has accepted what guest logons mean.
        refuse_domain_controllers: write nothing to a domain controller.
        confirm: fail where what runs is not the desired value in the end.
        gpupdate: let the host apply computer policy after a change of its local GPO.
    """

    desired_settings: Sequence[DesiredSetting]
    rules: Rules = field(default_factory=Rules)
    terms: ChangeTerms = field(default_factory=ChangeTerms)
    relax: Collection[str] | None = None
    risk_refused: bool = False
    refuse_domain_controllers: bool = False
    confirm: bool = False
    gpupdate: bool = False

    @property
    def in_local_gpo(self) -> bool:
        return Scope.LOCAL_GPO in self.rules.scopes

    @property
    def opens_guest(self) -> bool:
        return any(desired.setting is GUEST and desired.value is not False for desired in self.desired_settings)
