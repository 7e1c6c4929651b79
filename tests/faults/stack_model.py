"""The stack in ten lines: for each cell the layers over what was found first. The engine is held against it."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

Cell = Hashable
GROUND = "ground"


@dataclass
class Model:
    """layers: for each cell, from the bottom, who left which value. A name that is no change's is somebody else's."""

    layers: dict[Cell, list[tuple[str, Any]]] = field(default_factory=dict)
    _foreign: int = 0

    def copy(self) -> Model:
        return Model({cell: list(layers) for cell, layers in self.layers.items()}, self._foreign)

    @property
    def changes(self) -> set[str]:
        """Those that stand."""
        names = {name for layers in self.layers.values() for name, _value in layers}
        return {name for name in names if name != GROUND and not name.startswith("foreign")}

    def value(self, cell: Cell) -> Any:
        return self.layers[cell][-1][1]

    def write_all(self, who: str, values: Mapping[Any, Any]) -> None:
        """A change lays its values over what is there."""
        for cell, value in values.items():
            self.layers[cell].append((who, value))

    def remove(self, who: str) -> None:
        """End a change: its layers go, wherever they lie."""
        for cell, layers in self.layers.items():
            self.layers[cell] = [layer for layer in layers if layer[0] != who]

    def somebody_else(self, cell: Cell, value: Any) -> None:
        """A write of somebody else, over whatever is there. What a change had left is that change's again."""
        self._foreign += 1
        layers = self.layers[cell]
        while layers[-1][0].startswith("foreign"):
            layers.pop()
        if layers[-1][1] != value or layers[-1][0] == GROUND:
            layers.append((f"foreign{self._foreign}", value))

    @property
    def is_touched(self) -> bool:
        """Whether somebody else has ever written."""
        return self._foreign > 0

    def is_disowned(self, who: str) -> bool:
        """Whether somebody else has written right over a change: it is not undone without force."""
        for layers in self.layers.values():
            names = [name for name, _value in layers]
            if who in names and self._only_foreign(names[names.index(who) + 1 :], at_least=1):
                return True
        return False

    def expose(self, who: str) -> None:
        """Force: what somebody else has laid over a change goes as well, down to it, unless another change is there."""
        for cell, layers in self.layers.items():
            names = [name for name, _value in layers]
            if who in names and self._only_foreign(names[names.index(who) + 1 :]):
                self.layers[cell] = layers[: names.index(who) + 1]

    @staticmethod
    def _only_foreign(names: Collection[str], at_least: int = 0) -> bool:
        return len(names) >= at_least and all(name.startswith("foreign") for name in names)
