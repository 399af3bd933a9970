"""The strict reader of perfdata, on which other tests lean, accepts and refuses what it should."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.perfdata import Datum, parse


def test_reads_every_field_in_order() -> None:
    line = "'a b.consumers'=1;@0:2;1: x=-0.5s;~:3.5;;-1;2 time=0.25s;;;0;10"
    with pytest.raises(ValueError, match="plain number"):
        parse(line)
    metrics = parse(line.replace("~:3.5", "3.5"))
    assert list(metrics) == ["a b.consumers", "x", "time"]
    assert metrics["a b.consumers"] == Datum(Decimal(1), "", "@0:2", "1:")
    assert metrics["x"] == Datum(Decimal("-0.5"), "s", "3.5", "", Decimal(-1), Decimal(2))
    assert metrics["time"].maximum == Decimal(10)


@pytest.mark.parametrize("text", ["", "a=1", "a=1;2", "a=1;;3", "'a'=9223372036854775807", "a=1%"])
def test_accepts(text: str) -> None:
    assert len(parse(text)) == bool(text)


def test_keeps_every_digit() -> None:
    assert parse("a=9223372036854775807")["a"].value == 2**63 - 1


def test_a_time_to_live_may_be_negative_so_its_range_keeps_the_tilde() -> None:
    assert parse("token_expires_in=-5s;~:7;@~:0")["token_expires_in"].warning == "~:7"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (" a=1", "no label"),
        ("a=1 ", "end with a space"),
        ("a=1  b=2", "no label"),
        ("a=1,b=2", "no plain decimal"),
        ("a b=1", "no label"),
        ("'a=1", "no label"),
        ("a'b=1", "no label"),
        ("=1", "empty"),
        ("''=1", "empty"),
        ("a=1 a=2", "twice"),
        ("a=1 'a'=2", "twice"),
        ("'a=b'=1", "holds '='"),
        ("'a|b'=1", "holds"),
        ("a::b=1", "holds '::'"),
        ("'a\x1b'=1", "printed"),
        ("'a\u202e'=1", "printed"),
        ("a" * 81 + "=1", "longer"),
        ("a=", "no plain decimal"),
        ("a=U", "no plain decimal"),
        ("a=nan", "no plain decimal"),
        ("a=inf", "no plain decimal"),
        ("a=1e3", "unknown unit|no plain decimal"),
        ("a=1E+3", "no plain decimal"),
        ("a=+1", "no plain decimal"),
        ("a=01", "no plain decimal"),
        ("a=1.", "no plain decimal"),
        ("a=.5", "no plain decimal"),
        ("a=1,5", "no plain decimal"),
        ("a=\u0661", "no plain decimal"),
        ("a=1 s", "no label"),
        ("a=1parsec", "unknown unit"),
        ("a=1;x", "no range"),
        ("a=1;@", "no range"),
        ("a=1;:", "without its start"),
        ("a=1;:5", "without its start"),
        ("a=1;5:1", "above its end"),
        ("a=1;-1", "above its end"),
        ("a=1;0:5", "plain number"),
        ("a=1;~:5", "plain number"),
        ("a=1;1e3:", "no range"),
        ("a=1;;;5;1", "minimum above"),
        ("a=1;;;x", "as a bound"),
        ("a=1;;;;inf", "as a bound"),
        ("a=1;;;;;", "five fields"),
    ],
)
def test_refuses(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse(text)
