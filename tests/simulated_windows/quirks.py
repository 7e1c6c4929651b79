"""The per-host switches for everything that no source settles: each default is the likelier behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Quirks:
    """Behaviours of one host. ``Quirks.from_spec`` refuses names that are not here."""

    # The shape of answers
    upper_case_booleans: bool = False
    omi_style: bool = False  # no _OUTPUT, ReturnValue first, Action without Response, as Microsoft's OMI server
    embedded_extra_level: bool = False  # an element named after the class inside the embedded instance
    embedded_no_xsi_type: bool = False
    embedded_same_prefix: bool = False  # members of the embedded instance use p: instead of p1:
    xsi_type_on_scalars: bool = False
    nulls_absent: bool = False  # NULL properties are left out instead of xsi:nil
    no_relates_to: bool = False
    lower_case_class_uri: bool = False
    german: bool = False
    first_page: str = "full"  # full, one_item or none: what an EnumerateResponse carries
    cmdlet_output_missing: bool = False  # streamed out parameters are not in the answer
    # Rights
    access_denied: str = "fault_5"  # fault_5, fault_hresult, or return_value (and empty enumerations)
    # The registry provider
    registry_absent_codes: tuple[int, int] = (1, 2)  # ReturnValue for a missing value, for a missing key
    registry_wrong_type_code: int = 2147749893
    # The SMB configuration classes
    running_ignores_policy: bool = False  # GetConfiguration shows Parameters and defaults only
    running_follows_registry: bool = True  # registry writes take effect in the driver at once
    set_refused_by_policy: bool = False  # SetConfiguration faults when a policy governs the property
    configuration_enumeration: bool = True  # the configuration classes enumerate one instance
    mdm_only: bool = False  # MDM writes PolicyManager without the Group Policy value
    with_properties: tuple[str, ...] = field(default=())  # properties an update added to this build
    without_properties: tuple[str, ...] = field(default=())

    @classmethod
    def from_spec(cls, spec: dict[str, Any]) -> Quirks:
        """Read a fleet file's mapping; ValueError names an unknown quirk or value. ``first_page_none`` works, too."""
        values = dict(spec)
        for page in ("one_item", "none"):
            if values.pop(f"first_page_{page}", False):
                values["first_page"] = page
        unknown = sorted(set(values) - {item.name for item in fields(cls)})
        if unknown:
            raise ValueError(f"unknown quirks: {', '.join(unknown)}")
        for name in ("registry_absent_codes", "with_properties", "without_properties"):
            if name in values:
                values[name] = tuple(values[name])
        quirks = cls(**values)
        if quirks.first_page not in ("full", "one_item", "none"):
            raise ValueError(f"quirk first_page: {quirks.first_page!r} is none of full, one_item, none")
        if quirks.access_denied not in ("fault_5", "fault_hresult", "return_value"):
            raise ValueError(f"quirk access_denied: {quirks.access_denied!r} is unknown")
        return quirks

    @property
    def language(self) -> str:
        return "de-DE" if self.german else "en-US"
