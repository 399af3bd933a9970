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
    ("text", "reason"),
    [
        (" a=1", "no label"),
        ("a=1 ", "end with a space"),
        ("a=1  b=2", "no label"),
        ("a b=1", "no label"),
        ("'a=1", "no label"),
        ("''=1", "empty"),
        ("a=1 a=2", "twice"),
        ("'a=b'=1", "holds '='"),
        ("'a|b'=1", "holds"),
        ("a::b=1", "holds '::'"),
        ("'a;b c'=1", "holds ';'"),
        ("'a'=1", "quoted"),
        ("'a\x1b b'=1", "printed"),
        ("a" * 81 + "=1", "longer"),
        ("a=", "no plain decimal"),
        ("a=nan", "no plain decimal"),
        ("a=1E+3", "no plain decimal"),
        ("a=+1", "no plain decimal"),
        ("a=01", "no plain decimal"),
        ("a=1,5", "no plain decimal"),
        ("a=1parsec", "unknown unit"),
        ("a=1;x", "no range"),
        ("a=1;:5", "without its start"),
        ("a=1;5:1", "above its end"),
        ("a=1;0:5", "plain number"),
        ("a=1;~:5", "plain number"),
        ("a=1;@~:5", "plain number"),
        ("a=1;;;5;1", "minimum above"),
        ("a=1;;;x", "as a bound"),
        ("a=1;;;;;", "five fields"),
    ],
)
def test_rejects(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(text)
