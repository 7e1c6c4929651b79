# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a peer may send, and what it takes: every bound of WS-Management in one place.

Bytes alone do not bound memory. An element of Python costs some 200 bytes whatever it holds, and a name is spelt out as
`{namespace}name` for each namespace that it occurs in. So an answer of a few kilobytes can be built into gigabytes:
thousands of empty elements, one long namespace under hundreds of short names, or a declaration that expat copies to
each attribute. The bounds below are on what is *built*; all of them together keep one answer below some 60 MB.
"""

from __future__ import annotations

MAX_ANSWER_BYTES = 1024 * 1024
"""An answer as it arrives: twice what we ask for."""

MAX_REQUEST_BYTES = 500 * 1024
"""A request. MaxEnvelopeSizekb of a service as installed: 500 (MS-WSMV 2.2.4.10); it may have been lowered to 32."""

MAX_ENVELOPE_SIZE = 512_000
"""The answer that we ask for. It bounds answers of methods as well (MS-WSMV 3.1.4.1.7); a service whose own limit is
lower keeps to that."""

MAX_DEPTH = 64
"""Elements in one another. The deepest answer of Windows that is on record has 14."""

MAX_ELEMENTS = 60_000
"""Elements of one answer. The longest that was seen, a class schema with its texts, has some 6,000."""

MAX_ATTRIBUTES = 60_000
"""Attributes of one answer, namespace declarations not counted."""

MAX_NAME = 1024
"""Characters of a name with its namespace. The longest of Windows, of a WMI class, has below 150."""

MAX_NAMES = 2_000
"""Different names of elements and attributes in one answer, each with its namespace."""

MAX_PREFIXES = 500
"""Prefixes that hold at one place of an answer. Windows declares one for each class and some of its own."""

MAX_QUERY_BYTES = 8 * 1024 * 1024
"""All pages of one query, as they arrive: what it selects is held until it is complete."""

MAX_COMMAND_BYTES = 8 * 1024 * 1024
"""All answers that one command of a shell needs. The libraries hold its output until it ends. A page of wevtutil, 1,000
events, is some 2 MB in base64."""

MAX_TRANSFER_BYTES = 32 * 1024 * 1024
"""All answers that one file transfer needs. What arrives is written to a file piece by piece."""
