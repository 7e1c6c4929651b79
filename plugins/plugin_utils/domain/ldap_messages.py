# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The LDAP messages that change something: bytes <-> typed, no socket (RFC 4511 4.6 to 4.8).

sansldap 0.1 knows binds and searches; these are built over its BER reader and writer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from .errors import UnreadableAnswer

MODIFY_REQUEST, MODIFY_RESPONSE = 6, 7
ADD_REQUEST, ADD_RESPONSE = 8, 9
DELETE_REQUEST, DELETE_RESPONSE = 10, 11
RESPONSES = (MODIFY_RESPONSE, ADD_RESPONSE, DELETE_RESPONSE)
MAX_BEFORE_BIND = 64 * 1024
"""Bytes of a message before the server has proved who it is: answers to binds, with a Kerberos ticket in them."""
MAX_MESSAGE = 256 * 1024
"""Bytes of a message after that: one object with the attributes that were asked for, security descriptor included."""


class ModifyOperation(IntEnum):
    """What a modification does with the values it brings."""

    ADD = 0
    DELETE = 1
    REPLACE = 2


@dataclass(frozen=True)
class Modification:
    """One change of one attribute. No values: for DELETE and REPLACE the whole attribute goes."""

    operation: ModifyOperation
    attribute: str
    values: tuple[bytes, ...] = ()

    @classmethod
    def replace(cls, attribute: str, value: str | bytes | None) -> Modification:
        """Set an attribute to one value; None takes it away."""
        return cls(ModifyOperation.REPLACE, attribute, () if value is None else (_bytes(value),))

    @classmethod
    def delete(cls, attribute: str, value: str | bytes) -> Modification:
        """Take one value away, which fails with noSuchAttribute if it is not there: the half of a compare-and-swap."""
        return cls(ModifyOperation.DELETE, attribute, (_bytes(value),))

    @classmethod
    def add(cls, attribute: str, value: str | bytes) -> Modification:
        return cls(ModifyOperation.ADD, attribute, (_bytes(value),))


class Result(NamedTuple):
    """An answer to a change: the code of RFC 4511 4.1.9 and the text that the server sent with it."""

    code: int
    diagnostics: str


def add_request(message_id: int, dn: str, attributes: Mapping[str, Sequence[str | bytes]]) -> bytes:
    from sansldap.asn1 import ASN1Tag, ASN1Writer, TagClass

    writer = ASN1Writer()
    with writer.push_sequence() as message:
        message.write_integer(message_id)
        with message.push_sequence(ASN1Tag(TagClass.APPLICATION, ADD_REQUEST, True)) as request:
            request.write_octet_string(dn.encode())
            with request.push_sequence() as listed:
                for name, values in attributes.items():
                    _write_attribute(listed, name, [_bytes(value) for value in values])
    return bytes(writer.get_data())


def modify_request(
    message_id: int, dn: str, modifications: Sequence[Modification], control: tuple[str, bytes] | None = None
) -> bytes:
    """control: OID and value of a critical control."""
    from sansldap.asn1 import ASN1Tag, ASN1Writer, TagClass

    writer = ASN1Writer()
    with writer.push_sequence() as message:
        message.write_integer(message_id)
        with message.push_sequence(ASN1Tag(TagClass.APPLICATION, MODIFY_REQUEST, True)) as request:
            request.write_octet_string(dn.encode())
            with request.push_sequence() as listed:
                for each in modifications:
                    with listed.push_sequence() as change:
                        change.write_enumerated(each.operation)
                        _write_attribute(change, each.attribute, each.values)
        if control:
            controls_tag = ASN1Tag(TagClass.CONTEXT_SPECIFIC, 0, True)
            with message.push_sequence(controls_tag) as controls, controls.push_sequence() as written:
                written.write_octet_string(control[0].encode())
                written.write_boolean(True)
                written.write_octet_string(control[1])
    return bytes(writer.get_data())


def delete_request(message_id: int, dn: str) -> bytes:
    from sansldap.asn1 import ASN1Tag, ASN1Writer, TagClass

    writer = ASN1Writer()
    with writer.push_sequence() as message:
        message.write_integer(message_id)
        message.write_octet_string(dn.encode(), ASN1Tag(TagClass.APPLICATION, DELETE_REQUEST, False))
    return bytes(writer.get_data())


def message_length(data: bytes | bytearray, longest: int = MAX_MESSAGE) -> int | None:
    """How many bytes the first message of `data` has; None while there are too few to know.

    Args:
        data: What was read so far.
        longest: Bytes that a message may have.

    Raises UnreadableAnswer for what is no LDAP message, or a longer one.
    """
    if len(data) < 2:
        return None
    if data[0] != 0x30:
        raise UnreadableAnswer("The LDAP server answered something that is not LDAP.")
    if data[1] < 0x80:
        return 2 + data[1]
    size = data[1] & 0x7F
    if not 1 <= size <= 4:
        raise UnreadableAnswer("The LDAP server answered a message of no usable length.")
    if len(data) < 2 + size:
        return None
    length = int.from_bytes(data[2 : 2 + size], "big")
    if length > longest:
        raise UnreadableAnswer(f"The LDAP server answered a message of {length} bytes, more than {longest}.")
    return 2 + size + length


def read_response(data: bytes) -> tuple[int, Result] | None:
    """The message id and result of a whole message, if it answers a change; None for any other message.

    Raises what hostile bytes raise: called inside of `LdapConnection.reading`.
    """
    from sansldap.asn1 import ASN1Reader, TagClass

    message = ASN1Reader(data).read_sequence(hint="LDAPMessage")
    message_id = message.read_integer(hint="messageID")
    header = message.peek_header()
    if header.tag.tag_class != TagClass.APPLICATION or header.tag.tag_number not in RESPONSES:
        return None
    response = message.read_sequence(header=header, hint="protocolOp")
    code = response.read_enumerated(int, hint="resultCode")
    response.read_octet_string(hint="matchedDN")
    return message_id, Result(
        int(code), response.read_octet_string(hint="diagnosticMessage").decode("utf-8", "replace")
    )


def _write_attribute(writer: object, name: str, values: Sequence[bytes]) -> None:
    with writer.push_sequence() as attribute:  # type: ignore[attr-defined]  # sansldap's writer, imported when used
        attribute.write_octet_string(name.encode())
        with attribute.push_set() as held:
            for value in values:
                held.write_octet_string(value)


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
