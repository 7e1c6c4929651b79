"""A change that nothing disturbs: how many requests it takes, and what the host holds before and after it."""

from __future__ import annotations

from dataclasses import dataclass

from changes import Change
from subjects import Look, Subject

Verdicts = dict[str, list[str]]
"""State of a host (its essence) to what is wrong with what follows from it, which depends on nothing else."""


@dataclass(frozen=True)
class Course:
    """An undisturbed run. requests: how many it takes. old, new: the host's settings. pristine: before all of it."""

    requests: int
    pristine: Look
    old: Look
    new: Look


def prepare(subject: Subject, change: Change) -> Look:
    """Bring the host to where the change begins; the counters stand at nothing."""
    subject.fresh()
    if change.before:
        result = change.before.on(subject.endpoint())
        assert "failed" not in result, result
    subject.control.reset_counters(subject.name)
    return subject.look()


def undisturbed(subject: Subject, change: Change, transport: str = "basic") -> Course:
    subject.fresh()
    pristine = subject.look()
    old = prepare(subject, change)
    result = change.act.on(subject.endpoint(transport))
    assert result["changed"], result
    requests = len(subject.control.requests(subject.name))
    new = subject.look()
    assert new.settings != old.settings
    assert new.untidy() == []
    return Course(requests, pristine, old, new)
