# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What no message may show: the secrets that the user gave, and every part of them that a library may cut out.

Nothing here parses what holds a secret, because a library parses it in another way. `http://user:pa#ss@proxy` is a
valid URL of the host `user`, whose port is `pa`. So there are three rules:

- A text that holds credentials and that a library takes apart (the URL of a proxy, an address with an account in it)
  makes every word of a library unfit to be shown, however short the part is that it repeats.
- Of a secret that goes through as a whole (a password), no four characters together are shown, in whatever case,
  percent encoded or not. A secret of fewer characters counts as a whole. Shorter parts are left: three letters of a
  password are three letters of many words, and nobody can tell which.
- Words are shown whole or not at all. A hole in a sentence that is known would show what was in it.

Sentences of this collection are not filtered: they repeat no secret, and a password that is a word of them must not
leave a hole.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from urllib.parse import quote, unquote

WITHHELD = "words not shown"
PART = 4
"""Characters of a secret that nobody may see together."""


def secrets_of(account: str | None, password: str | None) -> tuple[str, ...]:
    """The password, as it is and in the forms in which it is sent or quoted by an error.

    Args:
        account: Whose password it is; "" and None for nobody's.
        password: None and "" where there is none.
    """
    if not password:
        return ()
    pair = f"{account or ''}:{password}"
    carried = (base64.b64encode(pair.encode(code, "replace")).decode() for code in ("utf-8", "latin-1"))
    return tuple(dict.fromkeys((password, repr(password)[1:-1], quote(password, safe="", errors="replace"), *carried)))


def may_hold_credentials(text: object) -> bool:
    """Whether a text of the user's can hold an account and its password: there is an @ in it."""
    return isinstance(text, str) and "@" in text


def shows_part(secrets: Iterable[str], words: str) -> bool:
    """Whether words hold a part of one of the secrets."""
    texts = [words.lower(), unquote(words).lower()]
    return any(part in text for secret in secrets for part in _parts(secret.lower()) for text in texts)


def _parts(secret: str) -> set[str]:
    return {secret[at : at + PART] for at in range(max(1, len(secret) - PART + 1))}
