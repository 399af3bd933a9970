"""Our NamedTuple beside that of typing: what one does with a class, the other does too."""

from __future__ import annotations

import typing
from typing import Any, Callable, Dict

import pytest

from check_rodin_queues import named


class Ours(named.NamedTuple):
    """Two fields, one with a default, and what else a class may have."""

    name: str
    number: int = 3

    @property
    def twice(self) -> int:
        """Twice the number."""
        return self.number * 2

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


class Theirs(typing.NamedTuple):
    """Two fields, one with a default, and what else a class may have."""

    name: str
    number: int = 3

    @property
    def twice(self) -> int:
        """Twice the number."""
        return self.number * 2

    def __str__(self) -> str:
        return f"{self.name} {self.number}"


Make = Callable[..., Any]

USES: Dict[str, Callable[[Make], Any]] = {
    "fields": lambda make: (make("a", 1).name, make("a", 1).number),
    "default": lambda make: make("a").number,
    "by name": lambda make: tuple(make(number=2, name="b")),
    "mixed": lambda make: tuple(make("c", number=2)),
    "equality": lambda make: (make("a") == make("a", 3), make("a") == make("b")),
    "hash": lambda make: hash(make("a")) == hash(("a", 3)),
    "unpacking": lambda make: [*make("a")],
    "replace": lambda make: tuple(make("a")._replace(number=7)),
    "property": lambda make: make("a").twice,
    "method": lambda make: str(make("a")),
    "documentation": lambda make: make("a").__doc__,
    "representation": lambda make: repr(make("a")).partition("(")[2],
}
ERRORS: Dict[str, Callable[[Make], Any]] = {
    "missing": lambda make: make(),
    "too many": lambda make: make("a", 1, 2),
    "unknown": lambda make: make("a", size=1),
    "twice": lambda make: make("a", 1, number=2),
    "once too often": lambda make: make("a", name="b"),
    "frozen": lambda make: setattr(make("a"), "number", 4),
    "no other attribute": lambda make: setattr(make("a"), "size", 4),
    "deleted": lambda make: delattr(make("a"), "name"),
}


@pytest.mark.parametrize("use", USES)
def test_it_does_what_typing_does(use: str) -> None:
    assert USES[use](Ours) == USES[use](Theirs)


def test_it_shows_itself_as_it_is_made() -> None:
    assert repr(Ours("a")) == "Ours(name='a', number=3)"
    assert repr(Ours("a")).replace("Ours", "Theirs") == repr(Theirs("a"))


def test_what_is_wrong_with_a_call_is_told() -> None:
    with pytest.raises(TypeError, match="name, number, each once"):
        USES["fields"](lambda *_: Ours())  # type: ignore[call-arg]  # it is the point


@pytest.mark.parametrize("error", ERRORS)
def test_it_refuses_what_typing_refuses(error: str) -> None:
    for make in (Ours, Theirs):
        with pytest.raises((TypeError, AttributeError)):
            ERRORS[error](make)
