"""How a provider's question ("are you sure?") is answered, from the options of the request (MS-WSMV 2.2.10, 3.1.6.8).

Windows' own client was captured sending the callback registration without the prefix ``wmi:`` and the answer as
xs:unsignedInt where the document says ``wmi:`` and xs:boolean: both count. An option without a type does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

CONFIRM_MESSAGES = 0x10
_PREFIX = "wmi:"


class PromptAnswer(Enum):
    YES = "yes"
    NO = "no"
    WAITS = "waits"
    """The server sends a confirm message and waits for an answer that never comes."""


def _number(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.strip().isdigit() else default


def prompt_answer(typed_options: Mapping[str, str]) -> PromptAnswer:
    """The answer that a provider's question gets; ``typed_options``: the options that have a type, by name."""
    options = {name.removeprefix(_PREFIX): value for name, value in typed_options.items()}
    if not _number(options.get("__MI_CallbackRegistration"), 0) & CONFIRM_MESSAGES:
        return PromptAnswer.NO
    mode = _number(options.get("__MI_OPERATIONOPTIONS_PROMPTUSERMODE"), 1)
    acknowledged = options.get("__MI_OPERATIONOPTIONS_PROMPTUSERMODEREGULAR_ACKVALUE")
    if mode == 0:
        return PromptAnswer.YES
    if mode == 2 and acknowledged is not None:
        return PromptAnswer.YES if acknowledged.strip().lower() in ("true", "1") else PromptAnswer.NO
    return PromptAnswer.WAITS
