"""Documents of scheduled tasks, for the simulator's own tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.sax.saxutils import escape


def moment(seconds: float) -> str:
    """A time ``seconds`` from now as a StartBoundary."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def task_xml(
    *actions: tuple[str, str],
    start: str | None = None,
    end: str | None = None,
    settings: str = "",
    user: str = "S-1-5-18",
    declaration: str = '<?xml version="1.0" encoding="UTF-16"?>',
) -> str:
    """A task that runs ``actions`` (command, arguments) at ``start``, in an hour if that is not given."""
    boundary = f"<EndBoundary>{end}</EndBoundary>" if end else ""
    trigger = f"<TimeTrigger><StartBoundary>{start or moment(3600)}</StartBoundary>{boundary}</TimeTrigger>"
    steps = "".join(
        f"<Exec><Command>{escape(command)}</Command><Arguments>{escape(arguments)}</Arguments></Exec>"
        for command, arguments in actions
    )
    return (
        f'{declaration}<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">'
        f"<RegistrationInfo><Description>a test</Description></RegistrationInfo><Triggers>{trigger}</Triggers>"
        f'<Principals><Principal id="Author"><UserId>{user}</UserId></Principal></Principals>'
        f"<Settings>{settings}</Settings><Actions>{steps}</Actions></Task>"
    )
