"""Random passwords, and what nobody may see of one: for the tests of every door."""

from __future__ import annotations

import random
import string

PASSWORDS = 200
PRINTABLE = string.ascii_letters + string.digits + string.punctuation + " äß€"
PART = 4


def random_passwords(number: int = PASSWORDS, seed: int = 20260102) -> list[str]:
    """Each printable character of ASCII at the beginning of one, the rest at random."""
    source = random.Random(seed)
    first = [*string.printable.strip(), *PRINTABLE]
    return [
        first[index % len(first)] + "".join(source.choices(PRINTABLE, k=source.randint(8, 20)))
        for index in range(number)
    ]


def shown_parts(secret: str, text: str, size: int = PART) -> list[str]:
    """The parts of a secret that a text shows: `size` characters together, in whatever case."""
    secret, text = secret.lower(), text.lower()
    parts = {secret[at : at + size] for at in range(max(1, len(secret) - size + 1))}
    return sorted(part for part in parts if part in text)
