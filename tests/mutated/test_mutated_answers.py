"""Answers that are damaged anywhere: each ends in a value or in an error that blames the host, on one line."""

from __future__ import annotations

import random
from functools import cache

import pytest
from conversations import TALKS, Recording, record
from damage import CHUNK, damaged

from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.errors import HostError, SmbGuestError
from ansible_collections.winops.smb_guest.plugins.plugin_utils.core.text import one_line

MAX_TEXT = 1500


@cache
def recordings() -> tuple[Recording, ...]:
    return tuple(record())


def wrong_with(error: SmbGuestError) -> str | None:
    """What a user could not make sense of, or that could play tricks on a terminal."""
    text = str(error)
    if not isinstance(error, HostError):
        return "it does not blame the host"
    if one_line(text) != text:
        return "it is not one line of printable text"
    if "cannot be read (" in text:
        return "a decoder raised something else than an error of its own"
    return f"it has {len(text)} characters" if len(text) > MAX_TEXT else None


def test_undamaged_conversations_are_understood() -> None:
    assert {recording.talk for recording in recordings()} == set(TALKS)
    for recording in recordings():
        recording.replay(0, lambda answer: answer)


def test_damaged_answers(chunk: int, seed: int) -> None:
    errors = values = 0
    for number in range(chunk * CHUNK, (chunk + 1) * CHUNK):
        chance = random.Random(seed * 1_000_003 + number)
        recording = chance.choice(recordings())
        place = chance.randrange(len(recording.answers))
        try:
            recording.replay(place, lambda answer, chance=chance: damaged(chance, answer))  # type: ignore[misc]
        except SmbGuestError as error:
            errors += 1
            wrong = wrong_with(error)
            if wrong:
                pytest.fail(f"{wrong}: {error!r} ({recording.talk}, answer {place}, seed {seed}, number {number})")
        except Exception as error:  # noqa: BLE001  (which one is what the test looks for)
            pytest.fail(f"{error!r} ({recording.talk}, answer {place}, seed {seed}, number {number})")
        else:
            values += 1
    assert errors > CHUNK / 10
    assert values > CHUNK / 100
