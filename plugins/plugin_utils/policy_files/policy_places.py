# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each form of a policy carries our settings, and what a form cannot carry. Pure.

Two facts decide most of it. Signing has no policy value: a security option writes the local value, so only security
templates, Intune's security options and plain registry files carry it. And no file ends by itself or knows what a host
held before: an expiry and `default` are refused by the caller, never written as something else.

Sources: MS-GPREG, MS-GPSB; ADMX and CSP names of `tables/settings.py`; unattend reference, component
Microsoft-Windows-WorkstationService.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from ..tables.settings import GUEST, SETTINGS, Layer, Setting, Side

OMA_PREFIX = "./Device/Vendor/MSFT/Policy/Config/"
_OMA_AREAS = {Side.CLIENT: "LanmanWorkstation", Side.SERVER: "LanmanServer"}
_OMA_SIGNING = {
    Side.CLIENT: "LocalPoliciesSecurityOptions/MicrosoftNetworkClient_DigitallySignCommunicationsAlways",
    Side.SERVER: "LocalPoliciesSecurityOptions/MicrosoftNetworkServer_DigitallySignCommunicationsAlways",
}
_LOCAL_KEYS = {
    Side.CLIENT: r"System\CurrentControlSet\Services\LanmanWorkstation\Parameters",
    Side.SERVER: r"System\CurrentControlSet\Services\LanManServer\Parameters",
}
_NO_POLICY = "Windows has no policy for it"
_SIGNING_IS_NO_POLICY_VALUE = "signing has no policy value: a security template carries it"


@dataclass(frozen=True)
class PolicyDocument:
    """What the files are to say.

    Args:
        name: Name of the GPO or profile, one printable line.
        settings: Setting to its value.
        made_at: The time stamp that the files carry, UTC.
        comment: One line for people; empty for none.
    """

    name: str
    settings: Mapping[Setting, bool]
    made_at: datetime
    comment: str = ""

    @property
    def remark(self) -> str:
        """What each file says about itself where it can hold text."""
        when = self.made_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        about = f"{self.comment} - " if self.comment else ""
        return f"{about}made by winops.smb_guest, {when}; it does not end by itself"


class RegistryPlace(NamedTuple):
    """A registry value below HKEY_LOCAL_MACHINE. key: without the hive."""

    key: str
    name: str


def policy_value(setting: Setting) -> RegistryPlace | None:
    """The value that Registry.pol sets; None where a setting has no policy value."""
    policy = setting.group_policy
    if policy is None or policy.admx_name is None:
        return None
    return RegistryPlace(policy.key, setting.names[Layer.POLICY])


def security_option(setting: Setting) -> RegistryPlace | None:
    """The value that a security template sets; None where a setting is no security option."""
    policy = setting.group_policy
    if policy is None or policy.admx_name is not None:
        return None
    return RegistryPlace(policy.key, setting.names[Layer.LOCAL])


def local_value(setting: Setting) -> RegistryPlace:
    """The value that the SMB service itself keeps."""
    return RegistryPlace(_LOCAL_KEYS[setting.side], setting.names[Layer.LOCAL])


def oma_uri(setting: Setting) -> str | None:
    """The Intune (CSP) path; None where there is none."""
    if setting.has(Layer.MDM):
        return f"{OMA_PREFIX}{_OMA_AREAS[setting.side]}/{setting.names[Layer.MDM]}"
    return OMA_PREFIX + _OMA_SIGNING[setting.side] if security_option(setting) else None


def setting_at(key: str, name: str) -> tuple[Setting, bool] | None:
    """The setting that a registry value carries, and whether it is the local value; None for any other value."""
    return _PLACES.get((key.strip("\\").lower(), name.lower()))


def _places() -> dict[tuple[str, str], tuple[Setting, bool]]:
    """Every registry value of ours in lower case: a file of somebody else can hold a hundred thousand values."""
    places = {}
    for setting in SETTINGS.values():
        for place in filter(None, (policy_value(setting), local_value(setting))):
            places[place.key.lower(), place.name.lower()] = setting, place == local_value(setting)
    return places


_PLACES = _places()


def setting_at_uri(uri: str) -> Setting | None:
    """The setting of an OMA-URI or of a settings catalog id, in any letter case."""
    wanted = _as_id(uri)
    return next((row for row in SETTINGS.values() if (known := oma_uri(row)) and _as_id(known) == wanted), None)


def catalog_id(setting: Setting) -> str | None:
    """The settingDefinitionId of the settings catalog: the OMA-URI in lower case with underscores."""
    uri = oma_uri(setting)
    return _as_id(uri) if uri else None


def _as_id(uri: str) -> str:
    return uri.lower().removeprefix("./").replace("/", "_")


def cannot_carry(form: str, setting: Setting) -> str | None:
    """Why a form does not carry a setting; None where it does."""
    if form == "unattend":
        return None if setting is GUEST else "unattend.xml has an answer for insecure guest logons only"
    if form == "reg":
        return None
    if form in ("intune_catalog", "intune_custom"):
        return None if oma_uri(setting) else "Windows has no CSP for it"
    if setting.group_policy is None:
        return _NO_POLICY
    if form in ("lgpo", "registry_pol") and policy_value(setting) is None:
        return _SIGNING_IS_NO_POLICY_VALUE
    if form == "security_template" and security_option(setting) is None:
        return "a security template must not write policy keys: Registry.pol carries it"
    return None
