"""Tries mutants, several at once, and keeps what came of each."""

from __future__ import annotations

import itertools
import json
import queue
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import chain
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

import pytest

from tests.mutation.mutants import Mutant
from tests.mutation.plugin import CHOSEN
from tests.mutation.reach import Reach
from tests.mutation.workplace import Workplace

#: pytest's exit code if all tests passed.
SURVIVED = 0
#: Plugins of pytest that a trial does without: most of its time would be their start.
UNUSED = ("cacheprovider", "hypothesispytest", "pytest_cov", "xdist")


class Attempt(NamedTuple):
    """What came of a mutant: pytest's exit code (-1: it took too long), and which test failed."""

    name: str
    seconds: float
    code: int
    by: str


class Trials:
    """Tries mutants in several workplaces at once, and keeps what came of them in a file."""

    def __init__(self, places: List[Workplace], reach: Reach, seconds: float, kept: Path) -> None:
        """Choose tests of so many *seconds* in all for each mutant."""
        self.places: queue.Queue[Workplace] = queue.Queue()
        for place in places:
            self.places.put(place)
        self.workers = len(places)
        self.reach = reach
        self.seconds = seconds
        self.kept = kept
        self.numbers = itertools.count(1)
        #: Those that failed, the latest first: they are likely to notice the next mutant too.
        self.failed: List[str] = []

    def run(self, every: List[Mutant]) -> Dict[str, Attempt]:
        """Return what came of each, now or in an earlier run whose tests took as long."""
        self.kept.touch()
        lines = self.kept.read_text(encoding="utf-8").splitlines()
        ended = {row["name"]: Attempt(**row) for row in map(json.loads, lines)}
        waiting = [mutant for mutant in every if self._is_open(ended.get(mutant.name))]
        with ThreadPoolExecutor(self.workers) as pool, self.kept.open("a", encoding="utf-8") as log:
            trials = [pool.submit(self._try, mutant) for mutant in waiting]
            for trial in as_completed(trials):
                attempt = trial.result()
                ended[attempt.name] = attempt
                log.write(json.dumps(attempt._asdict()) + "\n")
                log.flush()
        return ended

    def _is_open(self, attempt: Optional[Attempt]) -> bool:
        """Whether a mutant has still to be tried, or with more tests."""
        return attempt is None or (attempt.code == SURVIVED and attempt.seconds < self.seconds)

    def _try(self, mutant: Mutant) -> Attempt:
        """Run tests that reach a mutant until one fails."""
        code, by = SURVIVED, ""
        place = self.places.get()
        try:
            chosen = self.reach.chosen(
                mutant.module, mutant.line, self.seconds, imported=mutant.imported
            )
            for tests in chosen:
                first = [test for test in self.failed if test in tests]
                code, by = self._run(place, mutant, list(dict.fromkeys((*first, *tests))))
                if code != SURVIVED:
                    break
        finally:
            self.places.put(place)
        self.failed[:] = [by, *(test for test in self.failed if test != by)][:60]
        return Attempt(mutant.name, self.seconds, code, by)

    def _run(self, place: Workplace, mutant: Mutant, tests: List[str]) -> Tuple[int, str]:
        """Return pytest's exit code with this mutant in place, and the test that failed."""
        chosen = place.folder / "tests"
        chosen.write_text("\n".join(tests), encoding="utf-8")
        files = sorted({test.partition("::")[0] for test in tests})
        options = ("-x", "--tb=no", *chain.from_iterable(("-p", f"no:{name}") for name in UNUSED))
        with place.mutated(mutant, next(self.numbers)):
            code = place.pytest(
                *options, *files, within=3 * self.seconds + 60, env={CHOSEN: str(chosen)}
            )
        if code in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
            raise RuntimeError(f"pytest did not find what reaches {mutant.name}")
        failed = chosen.read_text(encoding="utf-8") if code == pytest.ExitCode.TESTS_FAILED else ""
        return code, failed
