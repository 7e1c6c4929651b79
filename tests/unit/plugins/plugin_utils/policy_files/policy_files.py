# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inputs for the tests of policy files: generated files, damaged files, and the documented end of every reading."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import strategies as st

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.text import one_line
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.errors import PolicyFileError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.policy_files.registry_pol import (
    RegistryPol,
    RegistryPolEntry,
)

KEY = r"Software\Policies\Microsoft\Windows\LanmanWorkstation"
NAME = "AllowInsecureGuestAuth"
PARENT, LEAF = KEY.rsplit("\\", 1)

_UTF_16 = ("utf-16-le", "surrogatepass")
TEXT = st.text(st.characters(exclude_characters="\0"), max_size=12).map(
    lambda text: text.encode(*_UTF_16).decode(*_UTF_16)
)
"""Any text that NUL can end, lone surrogates included."""


def spaced(text: str) -> bytes:
    return f"{text}\0".encode("utf-16-le")


_NAMES = [
    *(prefix + name for prefix in ("", "**del.", "**Del.", "**soft.") for name in (NAME, NAME.lower(), "Other")),
    *("**delvals.", "**DeleteValues", "**DeleteKeys", "**SecureKey", "**Comment:x"),
]
# Every kind of instruction that touches the value, and its neighbours that do not.
TOUCHING = st.builds(
    RegistryPolEntry,
    st.sampled_from([KEY, KEY.upper(), PARENT, KEY + "\\Sub"]),
    st.sampled_from(_NAMES),
    st.sampled_from([1, 4]),
    st.sampled_from([b"\1\0\0\0", b"\0\0\0\0", spaced(" "), spaced("x;" + NAME), spaced(LEAF), b"odd"]),
)
ANY = st.builds(RegistryPolEntry, TEXT, TEXT, st.integers(0, 0xFFFFFFFF), st.binary(max_size=40))
FILES = st.lists(TOUCHING | ANY, max_size=8).map(lambda entries: RegistryPol(tuple(entries)))


@st.composite
def damaged(draw: st.DrawFn, contents: list[bytes]) -> bytes:
    """A file with bytes changed, taken away, doubled or put in."""
    content = bytearray(draw(st.sampled_from(contents)))
    for _number in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        to = draw(st.integers(at, len(content)))
        content[at:to] = draw(
            st.sampled_from([b"", bytes(content[at:to]) * 2]) | st.binary(max_size=6) | st.binary(max_size=to - at)
        )
    return bytes(content)


def reads_or_refuses(parse: Callable[[bytes], object], content: bytes) -> bool:
    """True where the bytes were read, False where they were refused as documented; everything else is raised."""
    try:
        parse(content)
    except PolicyFileError as refused:
        error = refused
    else:
        return True
    assert one_line(str(error)) == str(error), "an error's text holds no control characters of the file"
    return False
