# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Samba reads and writes Registry.pol. A test runs this with the system's Python, where python3-samba is.

In and out: a JSON list, an item for each file. A text is a file in hexadecimal digits: Samba reads it, and answers
with its entries [key, name, type, size] and with the file that it writes of them. A list of [key, name, type, value]
is answered with the file that Samba makes of it. What Samba refuses is answered with the name of its error.
"""

from __future__ import annotations

import json
import sys

from samba.dcerpc import preg
from samba.ndr import ndr_pack, ndr_unpack


def read(content):
    file = ndr_unpack(preg.file, content)
    entries = [[entry.keyname, entry.valuename, entry.type, entry.size] for entry in file.entries]
    return [entries, ndr_pack(file).hex()]


def make(entries):
    file = preg.file()
    file.header.signature = "PReg"
    file.header.version = 1
    made = []
    for key, name, type_, value in entries:
        entry = preg.entry()
        entry.keyname, entry.valuename, entry.type, entry.data = key, name, type_, value
        made.append(entry)
    file.num_entries = len(made)
    file.entries = made
    return ndr_pack(file).hex()


def answer(item):
    try:
        return read(bytes.fromhex(item)) if isinstance(item, str) else make(item)
    except RuntimeError as error:
        return type(error).__name__


json.dump([answer(item) for item in json.load(sys.stdin)], sys.stdout)
