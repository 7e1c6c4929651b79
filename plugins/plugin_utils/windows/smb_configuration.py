# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMB client and server configuration classes: read what is running, set one property.

Source: Microsoft Learn, MSFT_SmbClientConfiguration and MSFT_SmbServerConfiguration, methods GetConfiguration and
SetConfiguration. Whether a property is supported is decided by its presence in the instance, never by the build.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..core.errors import AccessDenied, HostError
from ..tables.settings import CLIENT_LIMITS, Side, on_side
from ..tables.settings import SMB_NAMESPACE as NAMESPACE
from ..winrm.session import Session
from ..wsman.cim import CimClass, CimInstance, CimType, Field, Method
from ..wsman.fault_codes import ACCESS_DENIED, number_in_words
from ..wsman.operations import ANSWER_YES, Invoke, InvokeResult


def _configuration_class(name: str, side: Side) -> CimClass:
    properties = {row.cim_property: Field(CimType.BOOLEAN) for row in on_side(side)}
    # As text, because the form of an enumeration is not known.
    only_read = dict.fromkeys(CLIENT_LIMITS if side is Side.CLIENT else (), Field(CimType.STRING))
    instance = CimClass(NAMESPACE, name, {**properties, **only_read})
    return CimClass(
        NAMESPACE,
        name,
        properties,
        {"GetConfiguration": Method({}, {"Output": Field(instance)}), "SetConfiguration": Method(properties)},
    )


CLASSES: Mapping[Side, CimClass] = MappingProxyType(
    {
        Side.CLIENT: _configuration_class("MSFT_SmbClientConfiguration", Side.CLIENT),
        Side.SERVER: _configuration_class("MSFT_SmbServerConfiguration", Side.SERVER),
    }
)


def get_configuration(session: Session, side: Side) -> CimInstance:
    """The running configuration of one side. A property that this Windows does not have is not in it."""
    cls = CLASSES[side]
    result = session.call(Invoke(cls, "GetConfiguration"))
    _check(result, f"{cls.name}.GetConfiguration")
    output = result.outputs.get("Output")
    # An empty instance would read as "this Windows supports nothing".
    if not isinstance(output, CimInstance) or not output.values:
        raise HostError(f"{cls.name}.GetConfiguration answered without a configuration. Is the SMB service running?")
    return output


def set_configuration(session: Session, side: Side, values: Mapping[str, bool]) -> None:
    """Set properties of one side in one request: they take effect at once and are kept in the Parameters key.

    values: CIM property to value. The caller reads back. The cmdlet's -Force is an operation option and its provider
    asks "are you sure?": yes goes out with the call, as with every cmdlet of Windows over WinRM.
    """
    cls = CLASSES[side]
    result = session.call(Invoke(cls, "SetConfiguration", dict(values), options=ANSWER_YES))
    words = ", ".join(f"{name}={value}" for name, value in values.items())
    _check(result, f"{cls.name}.SetConfiguration({words})", writing=True)


def _check(result: InvokeResult, what: str, *, writing: bool = False) -> None:
    if result.return_value in ACCESS_DENIED:
        raise AccessDenied(f"calling {what}", writing=writing)
    # Some methods of Windows answer without a ReturnValue when all went well.
    if result.return_value not in (0, None):
        raise HostError(f"{what} returned {number_in_words(result.return_value)}, 0 was expected.")
