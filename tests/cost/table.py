"""The figures: medians and ratios of what was measured, and how they are shown."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from statistics import median
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from tests.cost.cases import ALONE, HEAVY, HTTP, Case, Chosen, Y, queues
from tests.cost.meter import Pair

#: A further queue may cost twice what nagiosplugin alone needs for it.
QUEUE_LIMIT = 2.0
#: The second thousands of queues may cost that much more than the first: noise, not growth.
GROWTH_LIMIT = 1.3
HEAVY_LIMIT = 60 * 1024
Runs = Mapping[str, Sequence[Pair]]


class Row(NamedTuple):
    """A line of the table. *limit* belongs to *value*; None where there is none to keep."""

    name: str
    value: float
    unit: str
    limit: Optional[float] = None
    milliseconds: Optional[float] = None
    mebibytes: Optional[float] = None

    @property
    def kept(self) -> bool:
        """Tell whether the limit is kept."""
        return self.limit is None or self.value <= self.limit


def rows(chosen: Chosen, runs: Runs) -> List[Row]:
    """Return all figures, the commands' ratios first."""
    ratios = [_ratio(case, runs) for case in chosen.cases if not _judges_many(case)]
    return [*ratios, *_further_queues(chosen, runs), *_memory(runs)]


def _ratio(case: Case, runs: Runs) -> Row:
    pairs = runs[case.name]
    return Row(
        case.name,
        median(pair.own.cpu / pair.base.cpu for pair in pairs),
        "of Y" if case.base == Y else f"of {case.base}",
        case.limit,
        median(pair.own.cpu for pair in pairs) * 1000,
        median(pair.own.memory for pair in pairs) / 1024,
    )


def _judges_many(case: Case) -> bool:
    return case.name.endswith(" queues")


def _further_queues(chosen: Chosen, runs: Runs) -> Iterator[Row]:
    numbers = sorted({int(case.name.split()[-2]) for case in chosen.cases if _judges_many(case)})
    few, some, many = numbers
    program = "check"
    slope, growth = _slope(runs, program, few, many), _slope(runs, program, few, some)
    plain = _slope(runs, ALONE, few, many)
    yield Row("each further queue", slope / plain, f"of {ALONE}", QUEUE_LIMIT, slope * 1000)
    later = _slope(runs, program, some, many)
    yield Row(f"the same beyond {some:,}", later / growth, "of those before", GROWTH_LIMIT)


def _slope(runs: Runs, program: str, few: int, many: int) -> float:
    """Return the CPU seconds of each further queue between two numbers of them, pair by pair."""
    pairs = zip(runs[queues(program, few)], runs[queues(program, many)])
    return median(more.own.cpu - less.own.cpu for less, more in pairs) / (many - few)


def _memory(runs: Runs) -> Iterator[Row]:
    peak = {name: median(pair.own.memory for pair in runs[name]) for name in (Y, HTTP, HEAVY)}
    yield Row("peak memory, 4 queues", peak[HTTP] / peak[Y], "of Y", 1.0, None, peak[HTTP] / 1024)
    heavy = peak[HEAVY]
    limit = HEAVY_LIMIT / 1024
    yield Row("peak memory, 5,000 queues", heavy / 1024, "MiB", limit, None, heavy / 1024)


def machine() -> Dict[str, str]:
    """Say what the figures are of."""
    versions = {name: metadata.version(name) for name in ("requests", "urllib3", "nagiosplugin")}
    return {"python": platform.python_version(), "system": platform.platform(), **versions}


def text(table: Sequence[Row], left_out: Mapping[str, str], pairs: int) -> str:
    """Return the table in Markdown, and what it is of."""
    facts = machine()
    libraries = ", ".join(
        f"{name} {facts[name]}" for name in ("requests", "urllib3", "nagiosplugin")
    )
    what = (
        f"CPU time, user and system, medians of {pairs} pairs; Python {facts['python']}, "
        f"{libraries}. Y = python -c 'import requests, nagiosplugin'"
    )
    head = ("| case | CPU ms | ratio | limit | peak MiB |", "|---|---|---|---|---|")
    lines = [what, "", *head, *map(_line, table)]
    if left_out:
        lines += ["", *(f"left out: {name}: {why}" for name, why in left_out.items())]
    return "\n".join([*lines, ""])


def _line(row: Row) -> str:
    limit = "" if row.limit is None else f"≤ {row.limit:.2f}{'' if row.kept else ' MISSED'}"
    cells = [
        row.name,
        ""
        if row.milliseconds is None
        else f"{row.milliseconds:.{1 if row.milliseconds > 1 else 3}f}",
        f"{row.value:.2f} {row.unit}",
        limit,
        "" if row.mebibytes is None else f"{row.mebibytes:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def document(table: Sequence[Row], left_out: Mapping[str, str], runs: Runs) -> Dict[str, Any]:
    """Return all that is known, for machines."""
    return {
        "machine": {**machine(), "executable": sys.executable},
        "rows": [{**row._asdict(), "kept": row.kept} for row in table],
        "left_out": dict(left_out),
        "runs": {
            name: [{"base": pair.base._asdict(), "own": pair.own._asdict()} for pair in pairs]
            for name, pairs in runs.items()
        },
    }
