"""A JSON reader for answers that forgets nothing: no member, no digit, no repetition.

The grammar is RFC 8259's and nothing beyond it. An object stays the list of its members, so that
the same name given twice can be seen, and a number stays the text that was sent.
"""

from __future__ import annotations

from typing import Callable, List, NamedTuple, Tuple, Union

from tests.oracle.objections import MalformedError, UnspecifiedError

#: Deeper than any answer means to be; what a reader does there is its own business.
DEPTH_LIMIT = 100

_SPACE = " \t\n\r"
_DIGITS = "0123456789"
_HEXADECIMAL = _DIGITS + "abcdefABCDEF"
_ESCAPES = {
    '"': '"',
    "\\": "\\",
    "/": "/",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
}


class Number(NamedTuple):
    """A number as it was sent."""

    text: str


class Object(NamedTuple):
    """The members of an object in their order, repeated ones included."""

    members: Tuple[Tuple[str, Value], ...]


class Array(NamedTuple):
    """The items of an array."""

    items: Tuple[Value, ...]


Value = Union[str, Number, Object, Array, bool, None]


def read(body: bytes) -> Value:
    """Return the one value that *body* holds; raise MalformedError if it is not JSON."""
    if body[:3] == b"\xef\xbb\xbf" or b"\x00" in body[:4]:
        raise UnspecifiedError("a byte order mark or another encoding than UTF-8")
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError("not UTF-8") from error
    return _Reader(text).document()


class _Reader:
    """A position in a text, moved on by each thing that is read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0

    def document(self) -> Value:
        value = self.value()
        self.skip_space()
        if self.position != len(self.text):
            raise self.failure("something follows the value")
        return value

    def failure(self, reason: str) -> MalformedError:
        return MalformedError(f"{reason} at character {self.position}")

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def take(self) -> str:
        found = self.peek()
        if not found:
            raise self.failure("the text ends")
        self.position += 1
        return found

    def skip_space(self) -> None:
        while self.peek() and self.peek() in _SPACE:
            self.position += 1

    def value(self) -> Value:
        self.skip_space()
        first = self.peek()
        if first == "{":
            return self.nested(self.object)
        if first == "[":
            return self.nested(self.array)
        if first == '"':
            return self.string()
        if first and first in _DIGITS + "-":
            return self.number()
        return self.word()

    def nested(self, reader: Callable[[], Value]) -> Value:
        self.depth += 1
        if self.depth > DEPTH_LIMIT:
            raise UnspecifiedError("nested deeper than any answer")
        value = reader()
        self.depth -= 1
        return value

    def word(self) -> Value:
        for word, value in (("true", True), ("false", False), ("null", None)):
            if self.text.startswith(word, self.position):
                self.position += len(word)
                return value
        raise self.failure("no value")

    def object(self) -> Object:
        members: List[Tuple[str, Value]] = []
        self.take()
        self.skip_space()
        if self.peek() == "}":
            self.take()
            return Object(())
        while True:
            self.skip_space()
            if self.peek() != '"':
                raise self.failure("no name of a member")
            name = self.string()
            self.skip_space()
            if self.take() != ":":
                raise self.failure("no colon after a name")
            members.append((name, self.value()))
            if self.closes("}"):
                return Object(tuple(members))

    def array(self) -> Array:
        items: List[Value] = []
        self.take()
        self.skip_space()
        if self.peek() == "]":
            self.take()
            return Array(())
        while True:
            items.append(self.value())
            if self.closes("]"):
                return Array(tuple(items))

    def closes(self, bracket: str) -> bool:
        self.skip_space()
        found = self.take()
        if found not in {",", bracket}:
            raise self.failure("neither a comma nor an end")
        return found == bracket

    def string(self) -> str:
        self.take()
        units: List[str] = []
        while True:
            found = self.take()
            if found == '"':
                return _join_surrogates(units)
            if ord(found) < 0x20:
                raise self.failure("a bare control character")
            units.append(self.escaped() if found == "\\" else found)

    def escaped(self) -> str:
        found = self.take()
        if found == "u":
            digits = "".join(self.take() for _ in range(4))
            if any(digit not in _HEXADECIMAL for digit in digits):
                raise self.failure("not four hexadecimal digits")
            return chr(int(digits, 16))
        if found not in _ESCAPES:
            raise self.failure("an unknown escape")
        return _ESCAPES[found]

    def number(self) -> Number:
        start = self.position
        if self.peek() == "-":
            self.take()
        if self.peek() == "0":
            self.take()
        else:
            self.digits()
        if self.peek() == ".":
            self.take()
            self.digits()
        if self.peek() in {"e", "E"}:
            self.take()
            if self.peek() in {"+", "-"}:
                self.take()
            self.digits()
        return Number(self.text[start : self.position])

    def digits(self) -> None:
        if not self.peek() or self.peek() not in _DIGITS:
            raise self.failure("no digit")
        while self.peek() and self.peek() in _DIGITS:
            self.position += 1


def _join_surrogates(units: List[str]) -> str:
    """Return the text of *units*, where a high and a low surrogate in a row are one character."""
    joined: List[str] = []
    for unit in units:
        if joined and "\ud800" <= joined[-1] <= "\udbff" and "\udc00" <= unit <= "\udfff":
            high = ord(joined.pop()) - 0xD800
            joined.append(chr(0x10000 + (high << 10) + ord(unit) - 0xDC00))
        else:
            joined.append(unit)
    return "".join(joined)
