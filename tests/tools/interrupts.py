"""Ctrl-C and being terminated, as one and the same. Standard library only."""

from __future__ import annotations

import signal

INTERRUPTS = (signal.SIGINT, signal.SIGTERM)


def interrupt_on_signals() -> None:
    """Make being terminated the same as Ctrl-C, and Ctrl-C work even for a background job of a shell."""
    for number in INTERRUPTS:
        signal.signal(number, signal.default_int_handler)


def ignore_signals() -> None:
    """For cleaning up: a second Ctrl-C must not leave the half behind."""
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
