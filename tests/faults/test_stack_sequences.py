"""Random sequences of changes, ends, undoings, clocks, faults, kills and other people: the stack holds, always.

Cells are compared with a model of ten lines after every step; check mode has to say what the run does, a second run
may change nothing, and undoing all has to leave the registry as it was, bit for bit. The number of sequences comes from
STACK_SEQUENCES; each is its seed.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from stack_sequences import Sequence, Violation

SEQUENCES = int(os.environ.get("STACK_SEQUENCES", "500"))
PARTS = 10
"""Tests that the sequences are spread over, so that several processes can share them."""


@pytest.mark.parametrize("part", range(PARTS))
def test_the_stack_holds(tell: Callable[..., None], part: int) -> None:
    seeds = range(part, SEQUENCES, PARTS)
    wrong = []
    for seed in seeds:
        try:
            Sequence(seed).play()
        except Violation as violation:
            wrong.append(str(violation))
    tell(sequences=len(seeds), first_seed=seeds[0], last_seed=seeds[-1], violations=len(wrong))
    if wrong:
        pytest.fail("\n\n".join(wrong[:3]), pytrace=False)
