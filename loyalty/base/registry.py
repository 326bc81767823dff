"""One small register, used wherever upper apps plug into the core: checks of the proof, steps of the nightly
run, sections of a program file, kinds of facts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Named items in a fixed order: by `order`, then by the time of registering.

    Filled in `AppConfig.ready()`, read afterwards. A second item of the same name is a mistake and is
    refused.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._items: dict[str, tuple[int, T]] = {}

    def register(self, name: str, item: T, *, order: int = 0) -> T:
        if name in self._items:
            raise ValueError(f"{self._what} {name!r} is registered twice")
        self._items[name] = (order, item)
        return item

    def get(self, name: str) -> T | None:
        found = self._items.get(name)
        return found[1] if found else None

    def items(self) -> list[tuple[str, T]]:
        ranked = sorted(self._items.items(), key=lambda pair: pair[1][0])  # stable: keeps registering order
        return [(name, item) for name, (_, item) in ranked]

    def names(self) -> list[str]:
        return [name for name, _ in self.items()]

    def __getitem__(self, name: str) -> T:
        return self._items[name][1]

    def __iter__(self) -> Iterator[T]:
        return iter([item for _, item in self.items()])

    def __contains__(self, name: object) -> bool:
        return name in self._items

    def __len__(self) -> int:
        return len(self._items)
