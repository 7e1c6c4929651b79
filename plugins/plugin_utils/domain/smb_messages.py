# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SMB2 requests that `sysvol` sends, and what their answers hold (MS-SMB2 2.2.13 to 2.2.40). No socket.

Messages are smbprotocol's; it is imported when they are made.

Why not smbprotocol's `smbclient`, which has files and folders ready: it was tried against Samba, over the connection
of `smb_connection` (its `connection_cache` takes one). It reads and sets no security descriptor. It renames by name
what it wrote and closed, so that somebody can come in between; here the handle that wrote the file renames it. It has
no lock that goes with its handle, and no bound on a listing. Those requests would stay, beside a second way to send.
And it sends more: 3 requests instead of 1 to read a file, 7 instead of 3 to replace one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import UnreadableAnswer

if TYPE_CHECKING:
    from smbprotocol.structure import Structure

CHUNK = 65536
CHAINED = b"\xff" * 16
"""The file id that means: what the request before in the same chain opened (3.2.4.1.4)."""
OWNER, GROUP, DACL = 1, 2, 4
_MAXIMAL_ACCESS = b"MxAc"
WRITING = frozenset({9, 17})
"""Commands of requests that write: WRITE and SET_INFO (MS-SMB2 2.2.1)."""


class Item(NamedTuple):
    """What a folder holds."""

    name: str
    is_folder: bool


@dataclass(frozen=True)
class Access:
    """What a request to open asks for (2.2.13), as numbers."""

    rights: int
    disposition: int
    share: int = 7
    options: int = 0
    attributes: int = 0x80


READ = Access(rights=0x00120089, disposition=1)
# Others may read: it still has this handle for a moment when it has got the name under which it is whole.
WRITE_NEW = Access(rights=0x00130116, disposition=5, share=1, options=0x40)
READ_ATTRIBUTES = Access(rights=0x00000080, disposition=1)
MAKE_FOLDER = Access(rights=0x00100080, disposition=2, options=0x01)
LIST = Access(rights=0x00100081, disposition=1, options=0x01)
DELETE_FILE = Access(rights=0x00010000, disposition=1, options=0x40)
DELETE_FOLDER = Access(rights=0x00010000, disposition=1, options=0x01)
MOVE = Access(rights=0x00110080, disposition=1)
READ_SECURITY = Access(rights=0x00020000, disposition=1)
SET_DACL = Access(rights=0x00040000, disposition=1)
SET_SECURITY = Access(rights=0x000C0000, disposition=1)
# Others may read who holds it; it goes with its handle, and is not replicated (FILE_ATTRIBUTE_TEMPORARY).
HOLD = Access(rights=0x00010112, disposition=5, share=1, options=0x1040, attributes=0x100)


def create(tree: Any, name: str, access: Access, *, asks_access: bool = False) -> Structure:
    """asks_access: whether the answer is to bring what `maximal_access` reads."""
    from smbprotocol.create_contexts import SMB2CreateContextRequest
    from smbprotocol.open import ImpersonationLevel, Open

    question = SMB2CreateContextRequest()
    question["buffer_name"] = _MAXIMAL_ACCESS

    message, _receive = Open(tree, name).create(
        ImpersonationLevel.Impersonation,
        access.rights,
        access.attributes,
        access.share,
        access.disposition,
        access.options,
        create_contexts=[question] if asks_access else None,
        send=False,
    )
    return message


def _unpacked(response: Structure, answer: bytes) -> Structure:
    response.unpack(answer)
    return response


def file_id(answer: bytes) -> bytes:
    """The file id of an answer to `create`."""
    from smbprotocol.open import SMB2CreateResponse

    return bytes(_unpacked(SMB2CreateResponse(), answer)["file_id"].get_value())


def maximal_access(answer: bytes) -> int:
    """Which rights the account has on what was opened (2.2.14.2.5). Raises UnreadableAnswer where that is missing."""
    from smbprotocol.open import SMB2CreateResponse

    for context in _unpacked(SMB2CreateResponse(), answer)["buffer"].get_value():
        if context["buffer_name"].get_value() == _MAXIMAL_ACCESS:
            status, rights = struct.unpack("<II", context["buffer_data"].get_value())
            if status == 0:
                return int(rights)
    raise UnreadableAnswer("The server does not tell which rights the account has on a file of SYSVOL.")


def close(file: bytes = CHAINED) -> Structure:
    from smbprotocol.open import SMB2CloseRequest

    request = SMB2CloseRequest()
    request["file_id"] = file
    return request


def read(offset: int = 0, file: bytes = CHAINED) -> Structure:
    from smbprotocol.open import SMB2ReadRequest

    request = SMB2ReadRequest()
    request["length"] = CHUNK
    request["offset"] = offset
    request["file_id"] = file
    return request


def content(answer: bytes) -> bytes:
    """What an answer to `read` brings."""
    from smbprotocol.open import SMB2ReadResponse

    return bytes(_unpacked(SMB2ReadResponse(), answer)["buffer"].get_value())


def write(data: bytes, offset: int = 0, file: bytes = CHAINED) -> Structure:
    from smbprotocol.open import SMB2WriteRequest

    request = SMB2WriteRequest()
    request["offset"] = offset
    request["file_id"] = file
    request["buffer"] = data
    return request


def written(answer: bytes) -> int:
    """How many bytes the server took of a `write`."""
    from smbprotocol.open import SMB2WriteResponse

    return int(_unpacked(SMB2WriteResponse(), answer)["count"].get_value())


def rename(target: str, *, replace: bool, file: bytes = CHAINED) -> Structure:
    from smbprotocol.file_info import FileRenameInformation

    information = FileRenameInformation()
    information["replace_if_exists"] = replace
    information["file_name"] = target
    return _set(information.INFO_TYPE, information.INFO_CLASS, information, file)


def mark_deleted() -> Structure:
    """Deleted when the handle closes."""
    from smbprotocol.file_info import FileDispositionInformation

    information = FileDispositionInformation()
    information["delete_pending"] = True
    return _set(information.INFO_TYPE, information.INFO_CLASS, information, CHAINED)


def set_security(descriptor: bytes, parts: int) -> Structure:
    from smbprotocol.file_info import InfoType

    request = _set(InfoType.SMB2_0_INFO_SECURITY, 0, descriptor, CHAINED)
    request["additional_information"] = parts
    return request


def _set(info_type: int, info_class: int, buffer: Any, file: bytes) -> Structure:
    from smbprotocol.open import SMB2SetInfoRequest

    request = SMB2SetInfoRequest()
    request["info_type"] = info_type
    request["file_info_class"] = info_class
    request["file_id"] = file
    request["buffer"] = buffer
    return request


def query_security(file: bytes = CHAINED) -> Structure:
    from smbprotocol.file_info import InfoType
    from smbprotocol.open import SMB2QueryInfoRequest

    request = SMB2QueryInfoRequest()
    request["info_type"] = InfoType.SMB2_0_INFO_SECURITY
    request["output_buffer_length"] = CHUNK
    request["additional_information"] = OWNER | GROUP | DACL
    request["file_id"] = file
    return request


def information(answer: bytes) -> bytes:
    """What an answer to a query brings."""
    from smbprotocol.open import SMB2QueryInfoResponse

    return bytes(_unpacked(SMB2QueryInfoResponse(), answer)["buffer"].get_value())


def query_folder(file: bytes) -> Structure:
    from smbprotocol.file_info import FileInformationClass
    from smbprotocol.open import SMB2QueryDirectoryRequest

    request = SMB2QueryDirectoryRequest()
    request["file_information_class"] = FileInformationClass.FILE_DIRECTORY_INFORMATION
    request["file_id"] = file
    request["output_buffer_length"] = CHUNK
    request["buffer"] = "*".encode("utf-16-le")
    return request


def items(answer: bytes) -> list[Item]:
    """What an answer to `query_folder` lists, without the folder itself and its parent. Raises UnreadableAnswer."""
    from smbprotocol.open import SMB2QueryDirectoryResponse

    return listed(bytes(_unpacked(SMB2QueryDirectoryResponse(), answer)["buffer"].get_value()))


def listed(listing: bytes) -> list[Item]:
    """A list of FileDirectoryInformation (MS-FSCC 2.4.10).

    Raises UnreadableAnswer for one that leads outside of itself.
    """
    found = []
    at = 0
    while True:
        fixed = listing[at : at + 64]
        if len(fixed) < 64:
            raise UnreadableAnswer("The listing of a folder of SYSVOL cannot be read.")
        following, attributes, length = struct.unpack("<I52xII", fixed)
        name = listing[at + 64 : at + 64 + length].decode("utf-16-le", "surrogatepass")
        if len(name) * 2 != length:
            raise UnreadableAnswer("The listing of a folder of SYSVOL cannot be read.")
        if name not in (".", ".."):
            found.append(Item(name, bool(attributes & 0x10)))
        if not following:
            return found
        at += following
