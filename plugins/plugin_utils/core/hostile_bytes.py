# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What bytes of a peer can make a parser raise: one list for every door of the collection.

smbprotocol, sansldap and pyspnego promise no error of their own for bytes that are not what they should be. Damaged
answers were tried by the hundred thousand (`tests/mutated`): these are the classes that came. A door catches the list
where it calls a parser and raises its own error instead.
"""

from __future__ import annotations

import struct

HOSTILE_BYTES: tuple[type[Exception], ...] = (
    ValueError,  # UnicodeDecodeError and ipaddress too
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,  # OverflowError where a length is no index
    AssertionError,
    RuntimeError,  # NotImplementedError, and RecursionError for what is nested deeply
    EOFError,
    MemoryError,  # an allocation that is larger than the machine fails at once and harms nothing
    struct.error,
)
