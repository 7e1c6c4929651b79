"""Random sequences of what can happen to a host: tasks, two at once, the host itself, an administrator, Group Policy.

Cells and the changes that stand are compared with a model after every step; check mode has to say what the run does, a
second run may change nothing, `changed` and the state that an error names have to be true, what was promised an end has
to end by the host alone, and undoing all has to leave the registry as it was, bit for bit. Each sequence is its seed.
STACK_SEQUENCES=5000 plays more, STACK_SEED=4711 one alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from stack_sequences import Sequence, Violation

SEQUENCES = int(os.environ.get("STACK_SEQUENCES", "300"))
SEED = os.environ.get("STACK_SEED")
PARTS = 10
"""Tests that the sequences are spread over, so that several processes can share them."""


@pytest.mark.parametrize("part", range(PARTS))
def test_the_stack_holds(tell: Callable[..., None], part: int) -> None:
    seeds = range(part, SEQUENCES, PARTS) if SEED is None else [int(SEED)] if part == 0 else []
    wrong = []
    for seed in seeds:
        try:
            Sequence(seed).play()
        except Violation as violation:
            wrong.append(str(violation))
    if not seeds:
        pytest.skip("one sequence alone")
    tell(sequences=len(seeds), first_seed=seeds[0], last_seed=seeds[-1], violations=len(wrong))
    if wrong:
        pytest.fail("\n\n".join(wrong[:3]), pytrace=False)
