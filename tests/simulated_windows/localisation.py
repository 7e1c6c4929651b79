"""Fault texts of a German host, so that a peer that reads texts is caught. The German wording is ours."""

from __future__ import annotations

GERMAN = {
    "Access is denied.": "Zugriff verweigert",
    "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.": (
        "Der WS-Verwaltungsdienst kann den Vorgang nicht in der in OperationTimeout angegebenen Zeit abschließen."
    ),
    "The specified class does not exist in the given namespace.": (
        "Die angegebene Klasse ist im angegebenen Namespace nicht vorhanden."
    ),
    "A parameter is not valid.": "Ein Parameter ist ungültig.",
}


def localise(text: str, language: str) -> str:
    """``text`` in ``language`` (``en-US`` or ``de-DE``); an unknown text becomes a general German one."""
    if language != "de-DE" or not text:
        return text
    return GERMAN.get(text.strip(), "Der WS-Verwaltungsdienst kann die Anforderung nicht verarbeiten.") + " "
