"""The strict reader of perfdata that other tests use accepts and rejects what it has to."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.perfdata import Datum, parse


def test_reads_every_field_in_order() -> None:
    metrics = parse("'a b.consumers'=1;@0:2;1: x=-0.5s;3.5;;-1;2 time=0.25s;;;0;10")
    assert list(metrics) == ["a b.consumers", "x", "time"]
    assert metrics["a b.consumers"] == Datum(Decimal(1), "", "@0:2", "1:")
    assert metrics["x"] == Datum(Decimal("-0.5"), "s", "3.5", "", Decimal(-1), Decimal(2))
    assert metrics["time"].maximum == 10


@pytest.mark.parametrize(
    "text",
    [
        *(" a=1", "a=1 ", "a=1  b=2", "a b=1", "'a=1", "''=1", "a=1 a=2", "'a=b c'=1", "'a|b c'=1"),
        *("a::b=1", "'a;b c'=1", "'a'=1", "'a\x1b b'=1", "a" * 81 + "=1", "a=1b=2", "a=1;2;3|b=1"),
        *("a=", "a=nan", "a=1E+3", "a=+1", "a=01", "a=1,5", "a=1parsec", "a=\u0661"),
        *("a=1;x", "a=1;:5", "a=1;5:1", "a=1;0:5", "a=1;~:5", "a=1;@~:5", "a=1;-5", "a=1;:"),
        *("a=1;;;5;1", "a=1;;;x", "a=1;;;;;", "a=1;;;2"),
    ],
)
def test_rejects(text: str) -> None:
    with pytest.raises(ValueError, match=r"label|metric|space|range"):
        parse(text)
