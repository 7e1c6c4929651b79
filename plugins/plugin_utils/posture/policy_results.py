# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask a host which GPO wrote its SMB settings: Resultant Set of Policy, as the last logged refresh left it.

Source: Microsoft Learn, RSoP WMI classes. RSOP_RegistryPolicySetting is what a Registry.pol brought,
RSOP_RegistryValue (of the family RSOP_SecuritySettings) a security option that writes a registry value. Precedence 1
won. Whether a listener serves the namespace to an account is nowhere promised, so whatever goes wrong is a reason and
never an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from ..core.errors import AccessDenied, HostError, HostFault, HostUnreachable
from ..core.registry_value import RegistryType, RegistryValue, Stored
from ..core.text import one_line
from ..tables.settings import KEYS, Layer, Setting
from ..winrm.session import Session
from ..wsman.cim import CimClass, CimInstance, CimType, Field
from ..wsman.operations import Enumerate, wql_string
from .policy_source import DecidingGpo, PolicyResults, Written

NAMESPACE = "root/rsop/computer"
_LIMIT = 512

_S, _U32, _B, _AT = (Field(kind) for kind in (CimType.STRING, CimType.UINT32, CimType.BOOLEAN, CimType.DATETIME))
_WINNER = {"precedence": _U32, "GPOID": _S, "SOMID": _S, "creationTime": _AT}
SESSION = CimClass(NAMESPACE, "RSOP_Session", {"creationTime": _AT})
REGISTRY_POLICY = CimClass(
    NAMESPACE,
    "RSOP_RegistryPolicySetting",
    {**_WINNER, "registryKey": _S, "valueName": _S, "valueType": _U32, "value": Field(CimType.OCTETS), "deleted": _B},
)
SECURITY_OPTION = CimClass(NAMESPACE, "RSOP_RegistryValue", {**_WINNER, "Path": _S, "Type": _U32, "Data": _S})
GPO = CimClass(NAMESPACE, "RSOP_GPO", {"id": _S, "name": _S, "guidName": _S})


def read_policy_results(session: Session, settings: Iterable[Setting]) -> PolicyResults:
    """What RSoP says of the settings, whatever their number: at most four queries, one where nothing was logged."""
    try:
        logged = [at for each in _all(session, SESSION) if (at := _time(each)) is not None]
        if not logged:
            return PolicyResults(reason=f"{NAMESPACE} is empty: no refresh was logged, or its logging is turned off.")
        asked = list(settings)
        rows = [*_policies(session, asked), *_options(session, asked)]
        return _named(session, rows, max(logged))
    except HostUnreachable:
        raise
    except HostError as error:
        return PolicyResults(reason=_reason(error))


def read_policy_sources(session: Session, settings: Iterable[Setting]) -> PolicyResults:
    """The same of the policy layer alone, for an error that is to name a GPO: two queries."""
    try:
        return _named(session, list(_policies(session, list(settings))), None)
    except HostUnreachable:
        raise
    except HostError as error:
        return PolicyResults(reason=_reason(error))


_Row = tuple[Setting, Layer, Stored, CimInstance]


def _policies(session: Session, settings: list[Setting]) -> Iterator[_Row]:
    wanted = {
        (KEYS[each.side][Layer.POLICY].lower(), each.names[Layer.POLICY].lower()): each
        for each in settings
        if each.has(Layer.POLICY)
    }
    if not wanted:
        return
    # The name alone: how a host writes the key (with its hive or without) is not documented.
    names = sorted({each.names[Layer.POLICY] for each in wanted.values()})
    where = " OR ".join(f"valueName = {wql_string(name)}" for name in names)
    for row in _all(session, REGISTRY_POLICY, where):
        key, name = _text(row, "registryKey").lower(), _text(row, "valueName").lower()
        for (known, value_name), setting in wanted.items():
            if value_name == name and _same_key(key, known):
                yield setting, Layer.POLICY, _data(row), row


def _options(session: Session, settings: list[Setting]) -> Iterator[_Row]:
    wanted = {setting.location(Layer.LOCAL).partition("\\")[2].lower(): setting for setting in settings}
    for row in _all(session, SECURITY_OPTION):
        path = _text(row, "Path").lower()
        for known, setting in wanted.items():
            if _same_key(path, known):
                yield setting, Layer.LOCAL, _option_data(row), row


def _same_key(key: str, known: str) -> bool:
    """Both in lower case. What a host may put in front is the hive: `MACHINE`, `HKLM`."""
    return key == known or key.endswith("\\" + known)


def _data(row: CimInstance) -> Stored:
    if row.get("deleted") is True:
        return None
    kind, data = row.get("valueType"), row.get("value")
    if kind == RegistryType.REG_DWORD and isinstance(data, bytes) and len(data) == 4:
        return RegistryValue(RegistryType.REG_DWORD, int.from_bytes(data, "little"))
    if kind == RegistryType.REG_SZ and isinstance(data, bytes):
        return RegistryValue(RegistryType.REG_SZ, data.decode("utf-16-le", errors="replace").rstrip("\0"))
    return RegistryValue(kind if isinstance(kind, int) else 0, b"")


def _option_data(row: CimInstance) -> Stored:
    kind, data = row.get("Type"), _text(row, "Data").strip('"')
    if kind == RegistryType.REG_DWORD and data.isascii() and data.isdigit():
        return RegistryValue(RegistryType.REG_DWORD, int(data))
    return RegistryValue(kind if isinstance(kind, int) else 0, data)


def _named(session: Session, rows: list[_Row], logged: datetime | None) -> PolicyResults:
    best: dict[tuple[Setting, Layer], _Row] = {}
    for found in rows:
        cell = found[0], found[1]
        if cell not in best or _precedence(found[3]) < _precedence(best[cell][3]):
            best[cell] = found
    gpos = {_text(each, "id").lower(): each for each in _all(session, GPO)} if best else {}
    written = {}
    for cell, (_setting, _layer, value, row) in best.items():
        gpo = gpos.get(_text(row, "GPOID").lower())
        guid = _guid(_text(gpo, "guidName") if gpo else "") or _guid(_text(row, "GPOID"))
        name = _text(gpo, "name") if gpo else ""
        link = _text(row, "SOMID") or None
        written[cell] = Written(value, DecidingGpo(name, guid, link, _precedence(row), _time(row) or logged))
    return PolicyResults(written)


def _all(session: Session, cls: CimClass, where: str = "") -> list[CimInstance]:
    """By name: the security descriptor of each GPO would be an element for each of its octets."""
    condition = f" WHERE {where}" if where else ""
    return session.query(Enumerate(cls, f"SELECT {','.join(cls.properties)} FROM {cls.name}{condition}"))


def _reason(error: HostError) -> str:
    if isinstance(error, AccessDenied):
        return f"The host denies this account {NAMESPACE}: reading RSoP needs an administrator."
    if isinstance(error, HostFault) and error.kind in ("namespace_not_found", "class_not_found", "resource_not_found"):
        return f"The host does not serve {NAMESPACE}."
    return f"The host did not answer about {NAMESPACE}: {one_line(str(error), _LIMIT)}"


def _text(row: CimInstance, name: str) -> str:
    value = row.get(name)
    return one_line(value, _LIMIT) if isinstance(value, str) else ""


def _guid(text: str) -> str | None:
    """The `{GUID}` in a name or a path of the directory; the host's own policy has none."""
    _before, brace, rest = text.partition("{")
    guid, closed, _after = rest.partition("}")
    return f"{{{guid.upper()}}}" if brace and closed else None


def _precedence(row: CimInstance) -> int:
    number = row.get("precedence")
    return number if isinstance(number, int) and not isinstance(number, bool) else 2**32


def _time(row: CimInstance) -> datetime | None:
    at = row.get("creationTime")
    if not isinstance(at, datetime):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
