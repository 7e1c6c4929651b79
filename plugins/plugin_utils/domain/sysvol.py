# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The share SYSVOL of one domain controller: whole files, folders, their security. The one door to SMB files.

Paths are relative to the share, with backslashes. One request at a time, each answered before the next is sent;
no DFS referral is followed, so everything happens on the domain controller that was named.

An answer is not trusted: it has limits of time and size (`smb_connection`), a listing or a file ends, and whatever its
bytes make a parser raise leaves as an UnreadableAnswer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from ..core.errors import HostState
from ..core.hostile_bytes import HOSTILE_BYTES
from . import smb_messages as smb
from .deadline import Deadline
from .domain_controller import DomainController
from .errors import (
    AlreadyThere,
    ConnectionLost,
    DomainError,
    LibraryMissing,
    MissingRight,
    NotFound,
    UnreadableAnswer,
    clean,
)
from .ldap_connection import authentication_errors
from .smb_connection import open_connection
from .smb_messages import Access, Item

if TYPE_CHECKING:
    from smbprotocol.structure import Structure

SHARE = "SYSVOL"
PORT = 445
BESIDE = ".winops-new"
"""What the name of a file that is being written ends with, until it takes the place of the old one."""
MAX_FILE = 8 * 1024 * 1024
"""Bytes of a file: what is built from an entry of a Registry.pol takes many times its bytes."""
MAX_ITEMS = 20_000
"""What a folder may hold: a GPO's has a handful, Policies one for each GPO of the domain."""

_Parsed = TypeVar("_Parsed")

# MS-ERREF 2.3.1, those that say more than "refused". Other statuses are a DomainError with their number.
_NAME_NOT_FOUND, _PATH_NOT_FOUND, _DELETE_PENDING = 0xC0000034, 0xC000003A, 0xC0000056
_ACCESS_DENIED, _COLLISION, _SHARING_VIOLATION = 0xC0000022, 0xC0000035, 0xC0000043
_NOT_EMPTY = 0xC0000101
_ENDS = (0x80000006, 0xC000000F, 0xC0000011)  # no more files, no such file in a listing, end of file
_ABSENT = (_NAME_NOT_FOUND, _PATH_NOT_FOUND, _DELETE_PENDING)
_WORDS = {
    0xC000007F: "the disk of SYSVOL is full",
    0xC00000CC: "it has no share SYSVOL: it is no domain controller",
    _SHARING_VIOLATION: "somebody has it open; run the task again",
    0xC000006D: "it does not accept the account and password",
    0xC0000234: "the account is locked out",
}


class InUse(DomainError):
    """Somebody else holds the file open."""


class NotEmpty(DomainError):
    """A folder that was to be deleted still holds something."""


class _AtEnd(DomainError):
    """Nothing more to read."""


class Sysvol:
    """One session with the share SYSVOL of one domain controller."""

    def __init__(self, controller: DomainController) -> None:
        """Connect and authenticate; every message is signed. Raises DomainError, LibraryMissing."""
        try:
            import smbprotocol.exceptions
            from smbprotocol.session import Session
            from smbprotocol.tree import TreeConnect
        except ImportError as error:
            raise LibraryMissing("smbprotocol", "reading and writing SYSVOL", error) from error
        self.controller = controller
        self.deadline = Deadline(controller.server, controller.timeout)
        self.requests = 0
        """Requests sent since the share was connected."""
        self._connection: Any = None
        try:
            with self._reading():
                self._connection = open_connection(controller.server, PORT, self.deadline)
                self._session = Session(
                    self._connection,
                    username=controller.username,
                    password=controller.password,
                    auth_protocol=controller.auth_protocol,
                    require_encryption=False,
                )
                self._session.connect()
                self._connection.signed = self._session.signing_required  # encryption stands in for it
                self._tree = TreeConnect(self._session, rf"\\{controller.server}\{SHARE}")
                self._tree.connect()
        except smbprotocol.exceptions.SMBResponseException as error:
            self.close()
            raise self._refused(error.status, f"connecting to {SHARE}") from error
        except (smbprotocol.exceptions.SMBException, *authentication_errors(), OSError, ValueError) as error:
            self.close()
            raise DomainError(
                f"No SMB connection to {SHARE} of {clean(controller.server)} as {clean(controller.account)}: "
                f"{controller.foreign(error)}.",
                host_state=HostState.NOTHING_WRITTEN,
            ) from error

    def close(self) -> None:
        # However broken the connection is, closing it is the end of it.
        with suppress(Exception):
            self._connection.drop()

    def read(self, path: str) -> bytes | None:
        """A whole file; None where there is none. Raises InUse, MissingRight, DomainError."""
        try:
            part = self._parsed(smb.content, self._chain("reading", path, smb.READ, smb.read())[1])
            return part if len(part) < smb.CHUNK else self._read_on(path)
        except _AtEnd:
            return b""
        except NotFound:
            return None

    def read_with_security(self, path: str) -> tuple[bytes, bytes] | None:
        """A whole file with its owner and DACL, both of one handle: nobody can exchange the file in between.

        None where there is none. Raises InUse, MissingRight, DomainError.
        """
        try:
            answers = self._chain("reading", path, smb.READ, smb.query_security(), smb.read())
        except _AtEnd:
            return b"", self.security(path)
        except NotFound:
            return None
        security, content = self._parsed(smb.information, answers[1]), self._parsed(smb.content, answers[2])
        return (content, security) if len(content) < smb.CHUNK else self._read_on_with_security(path)

    def _read_on_with_security(self, path: str) -> tuple[bytes, bytes]:
        doing = f"reading {SHARE}\\{path}"
        file = self._open(path, smb.READ, doing)
        security = self._parsed(smb.information, self.call([smb.query_security(file)], doing)[0])
        return self._rest(file, path, doing), security

    def _read_on(self, path: str) -> bytes:
        """A file that is larger than one answer."""
        doing = f"reading {SHARE}\\{path}"
        return self._rest(self._open(path, smb.READ, doing), path, doing)

    def _rest(self, file: bytes, path: str, doing: str) -> bytes:
        """Everything of an open file, which is closed then."""
        content = bytearray()
        with suppress(_AtEnd):
            while len(content) <= MAX_FILE:
                part = self._parsed(smb.content, self.call([smb.read(len(content), file)], doing)[0])
                if not part:  # success without a byte: a server says that the file ends by a status
                    raise self._unreadable()
                content += part
        self.call([smb.close(file)], doing)
        if len(content) > MAX_FILE:
            raise DomainError(f"{SHARE}\\{clean(path)} is larger than {MAX_FILE} bytes.")
        return bytes(content)

    def replace(self, path: str, content: bytes) -> None:
        """Make or replace a file in one step: written beside, then renamed over the old one.

        Whoever reads sees the old file or the new one. The renaming is a request of its own, sent when every byte is
        known to be there. Raises InUse, MissingRight, NotFound, DomainError.
        """
        beside, doing = path + BESIDE, f"writing {SHARE}\\{path}"
        file = self._open(beside, smb.WRITE_NEW, doing)
        try:
            for offset in range(0, len(content), smb.CHUNK):
                part = content[offset : offset + smb.CHUNK]
                answer = self.call([smb.write(part, offset, file)], doing)[0]
                if self._parsed(smb.written, answer) != len(part):
                    raise DomainError(f"{clean(self.controller.server)} took only a part when {clean(doing)}.")
            self.call([smb.rename(path, replace=True, file=file), smb.close(file)], doing, related=False)
        except DomainError:
            with suppress(DomainError):
                self.call([smb.close(file)], doing)
            with suppress(DomainError):
                self.delete_file(beside)
            raise

    def make_folder(self, path: str) -> None:
        """Raises AlreadyThere, MissingRight, NotFound where there is no folder to make it in."""
        self._chain("making the folder", path, smb.MAKE_FOLDER)

    def items(self, path: str) -> list[Item]:
        """What a folder holds; nothing where there is no folder.

        Raises MissingRight, DomainError, UnreadableAnswer for a listing without an end.
        """
        doing = f"listing {SHARE}\\{path}"
        try:
            folder = self._open(path, smb.LIST, doing)
        except NotFound:
            return []
        items: list[Item] = []
        with suppress(_AtEnd):
            for number in count():
                found = self._parsed(smb.items, self.call([smb.query_folder(folder)], doing)[0])
                if (number and not found) or len(items) > MAX_ITEMS:  # the first may hold nothing but `.` and `..`
                    raise self._unreadable()
                items += found
        self.call([smb.close(folder)], doing)
        return items

    def delete_file(self, path: str) -> None:
        """Raises NotFound, InUse, MissingRight."""
        self._chain("deleting", path, smb.DELETE_FILE, smb.mark_deleted())

    def delete_folder(self, path: str) -> None:
        """Delete an empty folder. Raises NotEmpty, NotFound, InUse, MissingRight."""
        self._chain("deleting", path, smb.DELETE_FOLDER, smb.mark_deleted())

    def move(self, path: str, target: str) -> None:
        """Rename a file or folder, with all it holds. Raises AlreadyThere, NotFound, InUse, MissingRight."""
        self._chain("moving", path, smb.MOVE, smb.rename(target, replace=False))

    def security(self, path: str) -> bytes:
        """Owner, group and DACL, as a self-relative security descriptor (MS-DTYP 2.4.6). Raises NotFound."""
        answers = self._chain("reading the security of", path, smb.READ_SECURITY, smb.query_security())
        return self._parsed(smb.information, answers[1])

    def rights(self, path: str) -> int:
        """The rights that the account has on a file or folder (MS-SMB2 2.2.13.1). Raises NotFound, MissingRight."""
        opening = smb.create(self._tree, self._name(path), smb.READ_ATTRIBUTES, asks_access=True)
        answers = self.call([opening, smb.close()], f"asking for the rights on {SHARE}\\{path}")
        return self._parsed(smb.maximal_access, answers[0])

    def set_security(self, path: str, descriptor: bytes, *, owner: bool) -> None:
        """Set the DACL, and owner and group as well if asked for. Raises NotFound, MissingRight."""
        access, parts = (smb.SET_SECURITY, smb.OWNER | smb.GROUP | smb.DACL) if owner else (smb.SET_DACL, smb.DACL)
        self._chain("setting the security of", path, access, smb.set_security(descriptor, parts))

    def hold(self, path: str, holder: str) -> bytes:
        """Open a file that nobody else can hold at the same time; it goes when it is closed or the connection ends.

        Returns what `let_go` wants. Raises InUse, whose text names the holder where it can be read.
        """
        doing = f"holding {SHARE}\\{path}"
        try:
            file = self._open(path, smb.HOLD, doing)
        except (InUse, NotFound) as error:
            other: bytes | None = None
            with suppress(DomainError):
                other = self.read(path)
            raise InUse((other or b"").decode("utf-8", "replace")) from error
        self.call([smb.write(holder.encode(), 0, file)], doing)
        return file

    def let_go(self, file: bytes) -> None:
        self.call([smb.close(file)], "letting go")

    def _name(self, path: str) -> str:
        return f"{self.controller.server}\\{SHARE}\\{path}" if self._tree.is_dfs_share else path

    def _open(self, path: str, access: Access, doing: str) -> bytes:
        return self._parsed(smb.file_id, self.call([smb.create(self._tree, self._name(path), access)], doing)[0])

    def _chain(self, doing: str, path: str, access: Access, *requests: Structure) -> list[bytes]:
        """Open, do, close in one request to the server; the answers in that order."""
        opening = smb.create(self._tree, self._name(path), access)
        return self.call([opening, *requests, smb.close()], f"{doing} {SHARE}\\{path}")

    def call(self, messages: list[Structure], doing: str, *, related: bool = True) -> list[bytes]:
        """Send messages together and return the bodies of their answers. All that is sent goes through here; tests
        make it fail. related: each is about what the one before opened.

        Raises what the first status that is no success means, ConnectionLost where there is no answer.
        """
        import smbprotocol.exceptions

        self.requests += 1
        if any(message.COMMAND in smb.WRITING for message in messages):
            self.deadline.restart()  # see `deadline`: a limit must not fall between a write and its rollback
        answers: list[bytes] = []
        refused: DomainError | None = None
        try:
            with self._reading():
                sent = self._connection.send_compound(
                    messages,
                    self._session.session_id,
                    self._tree.tree_connect_id,
                    related=related and len(messages) > 1,
                )
                for request in sent:
                    try:
                        answer = self._connection.receive(request)
                        answers.append(bytes(answer["data"].get_value()))
                    except smbprotocol.exceptions.SMBResponseException as error:
                        refused = refused or self._refused(error.status, doing)
        except (smbprotocol.exceptions.SMBException, OSError) as error:
            self.close()
            raise ConnectionLost(
                f"The SMB connection to {clean(self.controller.server)} broke: {self.controller.foreign(error)}."
            ) from error
        if refused:
            raise refused
        return answers

    def _parsed(self, parse: Callable[[bytes], _Parsed], answer: bytes) -> _Parsed:
        """What an answer holds. Raises UnreadableAnswer."""
        with self._reading():
            return parse(answer)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Where bytes of the server are taken apart: what they make a parser raise leaves as an UnreadableAnswer."""
        from cryptography.exceptions import InvalidTag

        hostile: tuple[type[Exception], ...] = (*HOSTILE_BYTES, InvalidTag)
        try:
            yield
        except ConnectionLost:
            self.close()
            raise
        except hostile as error:
            raise self._unreadable() from error

    def _unreadable(self) -> UnreadableAnswer:
        self.close()
        return UnreadableAnswer(
            f"{clean(self.controller.server)} sent an SMB answer that cannot be read. Check that it is a domain "
            "controller, and what stands between it and this machine."
        )

    def _refused(self, status: int, doing: str) -> DomainError:
        """What a status means."""
        kinds: dict[int, type[DomainError]] = {
            **dict.fromkeys(_ABSENT, NotFound),
            _COLLISION: AlreadyThere,
            _SHARING_VIOLATION: InUse,
            _NOT_EMPTY: NotEmpty,
            **dict.fromkeys(_ENDS, _AtEnd),
        }
        if status == _ACCESS_DENIED:
            return MissingRight(clean(doing), clean(self.controller.account))
        words = _WORDS.get(status, "")
        return kinds.get(status, DomainError)(
            f"{clean(self.controller.server)} refused {clean(doing)}, status 0x{status:08x}"
            f"{f': {words}' if words else ''}."
        )
