# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deadlines of a message and a task, by a clock that the test turns."""

from __future__ import annotations

import pytest

from ansible_collections.winops.smb_guest.plugins.plugin_utils.winrm.deadlines import (
    DeadlinePassed,
    Deadlines,
    deadlines_from,
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_what_is_left_is_the_shorter_of_both(clock: Clock) -> None:
    deadlines = Deadlines(60, 100, clock)
    deadlines.begin()
    assert deadlines.left() == 60
    clock.now += 59
    assert deadlines.left() == 1
    deadlines.begin()
    assert deadlines.left() == 41


def test_a_message_that_takes_too_long(clock: Clock) -> None:
    deadlines = Deadlines(60, 100, clock)
    deadlines.begin()
    clock.now += 60
    with pytest.raises(DeadlinePassed) as caught:
        deadlines.left()
    assert (caught.value.what, caught.value.seconds) == ("message", 60)
    deadlines.begin()
    assert deadlines.left() == 40, "the next message has a time of its own"


def test_between_messages_the_task_alone_has_a_deadline(clock: Clock) -> None:
    """Ansible's own file transfer, for one, goes over the same connection."""
    deadlines = Deadlines(60, 1000, clock)
    deadlines.begin()
    deadlines.end()
    clock.now += 100
    assert deadlines.left() == 900


def test_a_task_that_takes_too_long_gets_its_time_once_more_to_put_things_back(clock: Clock) -> None:
    deadlines = Deadlines(60, 100, clock)
    clock.now += 100
    with pytest.raises(DeadlinePassed) as caught:
        deadlines.begin()
    assert (caught.value.what, caught.value.seconds) == ("task", 100)
    deadlines.begin()
    assert deadlines.left() == 60
    clock.now += 100
    for _unused in range(3):
        with pytest.raises(DeadlinePassed, match="task took more than 100 seconds"):
            deadlines.begin()


@pytest.mark.parametrize(
    ("given", "message", "task"),
    [
        ((20, 30), 60, 600),
        ((60, 70), 180, 1800),
        ((20, 300), 320, 3200),
        ((20, 30, 5), 5, 50),
        ((20, 30, None, 90), 60, 90),
        ((20, 30, 5, 9), 5, 9),
    ],
)
def test_where_they_come_from(given: tuple[float, ...], message: float, task: float) -> None:
    deadlines = deadlines_from(*given)
    assert (deadlines.message, deadlines.task) == (message, task)
