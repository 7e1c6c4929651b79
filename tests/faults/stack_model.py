"""The stack in ten lines: for each cell the layers over what was found first. The engine is held against it."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

Cell = Hashable
GROUND = "ground"


@dataclass
class Model:
    """layers: for each cell, from the bottom, who left which value. A name that is no change's is somebody else's."""

    layers: dict[Cell, list[tuple[str, Any]]] = field(default_factory=dict)

    def value(self, cell: Cell) -> Any:
        return self.layers[cell][-1][1]

    def write(self, who: str, cell: Cell, value: Any) -> None:
        self.layers[cell].append((who, value))

    def on_top(self, who: str, cell: Cell) -> bool:
        return self.layers[cell][-1][0] == who

    def remove(self, who: str) -> None:
        """End a change: its layers go, wherever they lie."""
        for cell, layers in self.layers.items():
            self.layers[cell] = [layer for layer in layers if layer[0] != who]

    def expose(self, who: str) -> None:
        """Force: what somebody else has laid over a change goes as well, down to it, unless another change is there."""
        for cell, layers in self.layers.items():
            names = [name for name, _value in layers]
            if who in names and all(name.startswith("foreign") for name in names[names.index(who) + 1 :]):
                self.layers[cell] = layers[: names.index(who) + 1]
