# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the user of a task calls its options and its host. Messages name what the user can set.

Several modules and roles are doors to one engine, and each has names of its own: the option `scope` of a module is the
variable `harden_scopes` of a role, `relax: [client_signing]` is `enable_guest_relax_signing: true`. The action says
once which names are right for its task (`naming`); where a message is made, `option` and `assignment` return them. A
context variable carries them, because a message is made far below the action, by functions that know no options.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(frozen=True)
class UserNames:
    """The names of one task.

    Attributes:
        options: name in the engine to the user's name; None for an option that the user does not have.
        assignments: `option: value` of the engine to what the user writes instead.
        reverting: the command that reverts changes of the host, without their name.
        role: the role of this collection that runs; empty outside of one.
    """

    options: Mapping[str, str | None] = field(default_factory=dict)
    assignments: Mapping[str, str] = field(default_factory=dict)
    reverting: str = "ansible-playbook winops.smb_guest.revert -i INVENTORY --limit HOST"
    role: str = ""


_ENGINES_OWN = UserNames()
_NAMES: ContextVar[UserNames] = ContextVar("winops_smb_guest_user_names", default=_ENGINES_OWN)


@contextmanager
def naming(names: UserNames) -> Iterator[None]:
    """Let the messages that are made in the block use these names."""
    token = _NAMES.set(names)
    try:
        yield
    finally:
        _NAMES.reset(token)


def option(name: str) -> str:
    """What the user calls an option; the engine's name where the user has no other."""
    return _NAMES.get().options.get(name, name) or name


def assignment(name: str, value: str) -> str | None:
    """What the user writes to give an option a value, such as `scope: policy`; None where the user cannot."""
    names = _NAMES.get()
    own = names.assignments.get(f"{name}: {value}")
    if own is not None:
        return own
    users = names.options.get(name, name)
    return None if users is None else f"{users}: {value}"


def revert_command(change_id: str) -> str:
    """The command that reverts a change of the host."""
    return f"{_NAMES.get().reverting} -e revert_change_id={change_id}"
