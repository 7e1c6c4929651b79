# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What else the running SMB client asks of a server: dialects and NTLM. Pure: they come with its configuration.

A server can fail for one of these after an upgrade although guest logons are allowed. The properties came with Windows
11 24H2 and Server 2025; on older ones they are not shown, and there they do not limit.

Sources: MSFT_SmbClientConfiguration; LanmanWorkstation.admx (the numbers are protocol revisions). Whether the class
shows a dialect as that number or by the name of its enumeration was not seen, so both are read. That a guest logon
fails with NTLM is a conclusion: local accounts of a NAS use NTLM, and so does a guest logon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from ..tables.settings import BLOCKS_NTLM, MAXIMUM_DIALECT, MINIMUM_DIALECT

NO_LIMIT = "none"
_REVISIONS = {514: "2.0.2", 528: "2.1.0", 768: "3.0.0", 770: "3.0.2", 785: "3.1.1"}
DIALECTS: Mapping[str, str] = MappingProxyType(
    {"0": NO_LIMIT, "none": NO_LIMIT}
    | {str(number): dialect for number, dialect in _REVISIONS.items()}
    | {f"smb{dialect.replace('.', '')}": dialect for dialect in _REVISIONS.values()}
)
"""What the class may show, in lower case, to the dialect in words."""


@dataclass(frozen=True)
class ClientLimits:
    """What the running client asks of every server.

    Args:
        minimum_dialect: Such as `3.1.1`, or `none`; None where this Windows does not show it.
        maximum_dialect: The same.
        blocks_ntlm: Whether NTLM is refused; None where this Windows does not show it.
    """

    minimum_dialect: str | None = None
    maximum_dialect: str | None = None
    blocks_ntlm: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """The shape that client_facts returns."""
        return asdict(self)

    def sentences(self) -> Iterator[str]:
        """What it means for a server, where it limits."""
        if self.minimum_dialect not in (None, NO_LIMIT, "2.0.2"):
            yield f"The client refuses dialects before SMB {self.minimum_dialect}: an older server fails in any case."
        if self.maximum_dialect not in (None, NO_LIMIT, "3.1.1"):
            yield f"The client uses no dialect after SMB {self.maximum_dialect}."
        if self.blocks_ntlm:
            yield "The client blocks NTLM: a server without Kerberos fails in any case, with an account or as guest."


def read_client_limits(running: Mapping[str, object]) -> ClientLimits:
    """The limits of a running configuration, as `get_configuration` gives it."""
    minimum, maximum, ntlm = (
        str(value).strip().lower() if (value := running.get(name)) is not None else None
        for name in (MINIMUM_DIALECT, MAXIMUM_DIALECT, BLOCKS_NTLM)
    )
    return ClientLimits(
        DIALECTS.get(minimum or ""), DIALECTS.get(maximum or ""), {"true": True, "false": False}.get(ntlm or "")
    )
