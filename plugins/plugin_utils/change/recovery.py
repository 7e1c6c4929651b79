# Copyright (c) winops contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is done about a change that a run left half-way, and how a change ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..errors import NOTHING_WRITTEN, stating
from ..tables.settings import KEYS, Layer
from ..windows.scheduled_task import delete_task
from ..windows.smb_configuration import get_configuration
from .host import Host
from .journal import DamagedEntry, Entry, Status
from .plan import Change
from .snapshot import restore


def close(host: Host, entry: Entry, status: Status, note: str) -> Entry:
    """End a change that was undone: no expiry, a status, nothing pending."""
    if entry.expires_at:
        delete_task(host.session, entry.change_id)
    entry = host.journal.finish(entry, status, note)
    host.journal.nothing_pending()
    return entry


@dataclass(frozen=True)
class Recovery:
    """What was done about a run that was cut off. changed: whether settings were put back."""

    told: str
    changed: bool


def recover(host: Host) -> Recovery | None:
    """Finish or undo what a run that was cut off has left, and say so. The caller holds the host.

    What all stands as wanted was only not signed off. What somebody else changed meanwhile is left as it is.
    """
    with stating(NOTHING_WRITTEN):
        change_id = host.journal.pending()
    if change_id is None:
        return None
    with stating(f"The change {change_id} of a run that was cut off is not dealt with yet: run again to do it."):
        return _recover(host, change_id)


def _recover(host: Host, change_id: str) -> Recovery | None:
    try:
        entry = host.journal.read(change_id)
    except DamagedEntry as error:
        host.journal.nothing_pending()
        return Recovery(f"A run was cut off, and what it left cannot be undone: {error}", False)
    if entry is None:
        host.journal.forget(change_id)
        host.journal.nothing_pending()
        return Recovery(f"A run cut off before its first write left the change {change_id}; it was removed.", False)
    if entry.status not in (Status.PENDING, Status.FAILED):
        host.journal.nothing_pending()
        return None
    foreign = changed_since(host, entry)
    if not foreign and all(_stands(host, change) for change in entry.wanted):
        host.journal.finish(entry, Status.APPLIED, "completed by the run after the one that was cut off")
        host.journal.nothing_pending()
        return Recovery(f"A run that was cut off had completed the change {change_id}; it was signed off.", False)
    ours = tuple(item for item in entry.before.held if item.location not in foreign)
    with stating("Some of its values may have been put back already.", changed=True):
        restore(host.session, host.registry, replace(entry.before, held=ours))
    left = f" Left as somebody else set it since: {', '.join(sorted(foreign))}." if foreign else ""
    close(host, entry, Status.ROLLED_BACK, f"cut off; undone by the next run.{left}")
    return Recovery(f"A run cut off in the middle left the change {change_id}; it was undone.{left}", True)


def changed_since(host: Host, entry: Entry) -> dict[str, str]:
    """Locations whose value is neither what the change found nor what it wrote, with what they hold now."""
    wanted = {(change.setting.name, change.layer): change for change in entry.wanted}
    foreign = {}
    for item in entry.before.held:
        now = host.registry.value(item.key, item.name)
        change = wanted.get((item.setting.name, item.layer))
        if now == item.value or (change is not None and _holds(change, now.data if now else None)):
            continue
        # Putting back what ran stores it first: seen where undoing was cut off.
        if now is not None and item.running is not None and now.data == int(item.running):
            continue
        if now is None and item.layer is Layer.LOCAL:
            continue  # SetConfiguration may store a value equal to the default by storing none.
        foreign[item.location] = str(now or "absent")
    return foreign


def _holds(change: Change, data: object) -> bool:
    return data is None if change.after is None else isinstance(data, int) and bool(data) is change.after


def _stands(host: Host, change: Change) -> bool:
    """Whether a change is in force: stored, and for the local layer running as well."""
    if change.layer is Layer.LOCAL:
        running = get_configuration(host.session, change.setting.side).get(change.setting.cim_property)
        if running is not change.after:
            return False
    value = host.registry.value(KEYS[change.setting.side][change.layer], change.setting.names[change.layer])
    return _holds(change, value.data if value else None)
