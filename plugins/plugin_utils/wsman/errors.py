# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The error families of the wire: our mistake and the peer's mistake. What the peer itself reports is in `soap`."""

from __future__ import annotations

from typing import Literal

Problem = Literal[
    "not_xml",
    "doctype",
    "too_large",
    "too_deep",
    "too_many_items",
    "too_many_pages",
    "wrong_relates_to",
    "unexpected_shape",
    "bad_value",
]


class WsmanError(Exception):
    """Whatever can go wrong between typed values and bytes."""


class LocalProtocolError(WsmanError):
    """A request that cannot be written: a value outside its type, an unknown name, an illegal character."""


class RequestTooLarge(WsmanError):
    """A request is larger than any service accepts as installed. It was not sent. size: in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__(f"the request has {size} bytes")
        self.size = size


class RemoteProtocolError(WsmanError):
    """The peer's answer breaks the protocol. The message is one sentence for people, `problem` a word for programs."""

    def __init__(self, problem: Problem, message: str) -> None:
        super().__init__(message)
        self.problem: Problem = problem
