"""What a run must say: state, exit code and metrics, out of arguments and an answer.

Follows the interface page from top to bottom: selection, required queues, conditions, metrics,
thresholds, worst state, probe.
"""

from __future__ import annotations

import math
from fractions import Fraction
from types import MappingProxyType
from typing import Dict, FrozenSet, Iterable, List, Mapping, NamedTuple, Optional, Tuple

from tests.oracle import answer, globs, names, ranges
from tests.oracle.objections import (
    ConfigurationError,
    MalformedError,
    RefusedError,
    UnspecifiedError,
)
from tests.oracle.ranges import Measure, Range

DOCUMENTED = ("rodin.mesh", "rodin.pack", "rodin.remesh", "rodin.texture")
COUNTS = ("consumers", "job_awaiting", "job_running")
QUEUE_METRICS = (*COUNTS, "awaiting_per_consumer", "busy_ratio")
WHOLE_METRICS = ("time", "token_expires_in")
FAILURES = ("unreachable", "timeout", "auth", "throttled", "invalid")
DEFAULTS = {
    "stranded": "critical",
    "stalled": "warning",
    "missing": "critical",
    "empty": "unknown",
    "unreachable": "critical",
    "timeout": "critical",
    "auth": "unknown",
    "throttled": "unknown",
    "invalid": "unknown",
}
WORST_FIRST = ("critical", "unknown", "warning", "ok")
#: Up to here a quotient may be a float without anybody noticing.
EXACT = 2**53
EXIT_CODES = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}


class Case(NamedTuple):
    """One run: its arguments as data, and the answer that it meets.

    *body* is a saved answer, or a 200 of a server if *asked*; *failure* names the condition that
    stands in for a body. *seconds* and *expires* are the facts that only the run itself knows.
    """

    body: bytes = b""
    failure: str = ""
    asked: bool = False
    queue: Tuple[str, ...] = ()
    exclude: Tuple[str, ...] = ()
    require: Tuple[str, ...] = ()
    warning: Tuple[str, ...] = ()
    critical: Tuple[str, ...] = ()
    state: Tuple[str, ...] = ()
    seconds: Fraction = Fraction(0)
    expires: Optional[Fraction] = None

    def arguments(self) -> List[str]:
        """Return the judging options as a command line has them; each value joined to its name."""
        return [
            f"--{name}={value}"
            for name in ("queue", "exclude", "require", "warning", "critical", "state")
            for value in getattr(self, name)
        ]


class Metric(NamedTuple):
    """A metric of perfdata: *certain* if it must be shown, else it only may be."""

    value: Fraction
    warning: Optional[Range]
    critical: Optional[Range]
    certain: bool = True


class Problem(NamedTuple):
    """One thing that is not well: a condition, or a label that is out of its range."""

    state: str
    what: str
    queue: str = ""
    proven: bool = False


class Expectation(NamedTuple):
    """What the page says of a run; *mistaken* if the arguments alone are why it is *refused*."""

    state: str
    problems: Tuple[Problem, ...] = ()
    metrics: Mapping[str, Metric] = MappingProxyType({})
    required: FrozenSet[str] = frozenset()
    shown: Mapping[str, str] = MappingProxyType({})
    refused: bool = False
    mistaken: bool = False

    @property
    def code(self) -> int:
        """The exit code without a probe."""
        return EXIT_CODES[self.state]

    def probe(self, kind: str) -> int:
        """Return the exit code that a probe of this *kind* has."""
        if kind == "liveness":
            fails = self.mistaken or any(
                problem.proven and problem.state == "critical" for problem in self.problems
            )
        else:
            fails = self.state in {"critical", "unknown"}
        return int(fails)


class _Option(NamedTuple):
    """A threshold option: its *glob* is empty where it has none."""

    glob: str
    metric: str
    range: Optional[Range]

    def names(self, owner: Optional[str], metric: str) -> bool:
        """Tell whether it is for *metric* of the queue *owner*, None for what has no queue."""
        if self.metric != metric:
            return False
        if owner is None:
            return not self.glob
        if self.glob == names.TAKEN:
            return False
        return not self.glob or globs.matches(self.glob, owner)

    def names_sum(self, metric: str) -> bool:
        """Tell whether it is for the sum of *metric*."""
        return self.glob == names.TAKEN and self.metric == metric


def expect(case: Case) -> Expectation:
    """Return what the page says of *case*; raise UnspecifiedError where it says nothing."""
    try:
        return _Judge(case).expectation()
    except RefusedError as error:
        mistaken = not isinstance(error, ConfigurationError)
        return Expectation("unknown", refused=True, mistaken=mistaken)


def _names(text: str) -> List[str]:
    """Return the queues that one --require names."""
    if not globs.plain(text):
        raise UnspecifiedError("a required queue whose name looks like a glob")
    found = [name for name in text.split(",") if name.strip()]
    if text and not found:
        raise RefusedError("not empty, and yet no name")
    if any(name != name.strip() for name in found):
        raise UnspecifiedError("a name with white space around it")
    return found


class _Judge:
    """Everything that the judgement of one case needs at once."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.states = _states(case.state)
        self.globs = [globs.check(glob) for glob in case.queue]
        self.excluded = [globs.check(glob) for glob in case.exclude]
        self.warning = [_option(text) for text in case.warning]
        self.critical = [_option("consumers=1:"), *(_option(text) for text in case.critical)]
        self.queues: Dict[str, Optional[answer.Queue]] = {}
        self.failure = case.failure
        if not case.failure:
            self.read()
        self.required = frozenset(self.require())
        self.problems: List[Problem] = []
        self.metrics: Dict[str, Metric] = {}

    def read(self) -> None:
        try:
            self.queues = answer.read(self.case.body)
        except MalformedError:
            self.failure = "invalid"

    def selects(self, name: str) -> bool:
        wanted = not self.globs or any(globs.matches(glob, name) for glob in self.globs)
        return wanted and not any(globs.matches(glob, name) for glob in self.excluded)

    def selected(self) -> List[str]:
        return sorted(name for name in self.queues if self.selects(name))

    def require(self) -> Iterable[str]:
        if self.case.require:
            for text in self.case.require:
                yield from _names(text)
        else:
            yield from (name for name in DOCUMENTED if self.selects(name))
        for glob in self.globs:
            if globs.plain(glob) and not self.selects(glob):
                raise UnspecifiedError("a queue that -q names and -x leaves out")
            if globs.plain(glob):
                yield glob
        for option in self.warning + self.critical:
            plain = option.glob and globs.plain(option.glob) and option.glob != names.TAKEN
            if plain and self.selects(option.glob):
                yield option.glob

    def expectation(self) -> Expectation:
        shown = names.shown(self.queues)
        if self.failure:
            self.condition(self.failure)
        else:
            self.judge_answer(shown)
        self.judge_run()
        worst = min(
            (problem.state for problem in self.problems), key=WORST_FIRST.index, default="ok"
        )
        return Expectation(worst, tuple(self.problems), self.metrics, self.required, shown)

    def condition(self, name: str, queue: str = "") -> None:
        proven = name in {"stranded", "stalled", "missing"}
        self.problems.append(Problem(self.states[name], name, queue, proven))

    def judge_answer(self, shown: Dict[str, str]) -> None:
        selected = self.selected()
        sound = {name: self.queues[name] for name in selected}
        if None in sound.values():
            self.condition("invalid")
        if not selected:
            self.condition("empty")
        if any(queue is not None for queue in self.queues.values()):
            for name in sorted(self.required - set(self.queues)):
                self.condition("missing", name)
        for name, queue in sound.items():
            if queue is not None:
                self.judge_queue(name, shown[name], queue)
        self.judge_sum([queue for queue in sound.values() if queue is not None], len(selected))

    def judge_queue(self, name: str, shown: str, queue: answer.Queue) -> None:
        if queue.job_awaiting and not queue.consumers:
            self.condition("stranded", name)
        if queue.job_awaiting and queue.consumers and not queue.job_running:
            self.condition("stalled", name)
        for metric, value in _queue_metrics(queue):
            warning = [option for option in self.warning if option.names(name, metric)]
            critical = [option for option in self.critical if option.names(name, metric)]
            if metric not in COUNTS and warning + critical and max(queue) > EXACT:
                raise UnspecifiedError("a quotient of numbers that a float cannot hold")
            label = f"{shown}.{metric}"
            self.judge(label, value, (warning, critical), always=metric in COUNTS, proven=True)

    def judge_sum(self, sound: List[answer.Queue], selected: int) -> None:
        if not selected or len(sound) != selected:
            return
        for metric in COUNTS:
            value = Fraction(sum(getattr(queue, metric) for queue in sound))
            warning = [option for option in self.warning if option.names_sum(metric)]
            critical = [option for option in self.critical if option.names_sum(metric)]
            label = f"{names.TAKEN}.{metric}"
            self.judge(label, value, (warning, critical), always=False, proven=True)

    def judge_run(self) -> None:
        """Judge time and token; with a saved answer their thresholds are not used."""
        if not self.case.asked:
            return
        token = self.level(None, "token_expires_in")
        if self.case.expires is not None:
            self.judge("token_expires_in", self.case.expires, token, always=True, proven=False)
        elif any(_winner(options) for options in token):
            raise ConfigurationError("a threshold on a token whose expiry is not known")
        warning, critical = time = self.level(None, "time")
        if any(problem.what in FAILURES for problem in self.problems):
            limits = (_winner(warning), _winner(critical))
            self.metrics["time"] = Metric(self.case.seconds, *limits)  # shown, and not judged
        else:
            self.judge("time", self.case.seconds, time, always=True, proven=False)

    def level(self, owner: Optional[str], metric: str) -> Tuple[List[_Option], List[_Option]]:
        return (
            [option for option in self.warning if option.names(owner, metric)],
            [option for option in self.critical if option.names(owner, metric)],
        )

    def judge(
        self,
        label: str,
        value: Measure,
        options: Tuple[List[_Option], List[_Option]],
        *,
        always: bool,
        proven: bool,
    ) -> None:
        warning, critical = _winner(options[0]), _winner(options[1])
        if critical is not None and critical.alerts(value):
            self.problems.append(Problem("critical", label, proven=proven))
        elif warning is not None and warning.alerts(value):
            self.problems.append(Problem("warning", label, proven=proven))
        named = any(option for level in options for option in level)
        certain = always or warning is not None or critical is not None
        if value != math.inf and (certain or named):
            self.metrics[label] = Metric(Fraction(value), warning, critical, certain)


def _winner(options: List[_Option]) -> Optional[Range]:
    return options[-1].range if options else None


def _queue_metrics(queue: answer.Queue) -> Iterable[Tuple[str, Measure]]:
    for metric in COUNTS:
        yield metric, Fraction(getattr(queue, metric))
    if queue.consumers:
        yield "awaiting_per_consumer", Fraction(queue.job_awaiting, queue.consumers)
        yield "busy_ratio", Fraction(queue.job_running, queue.consumers)
    else:
        yield "awaiting_per_consumer", math.inf if queue.job_awaiting else Fraction(0)


def _option(text: str) -> _Option:
    selector, equals, range_text = text.rpartition("=")
    glob, dot, metric = selector.rpartition(".") if equals else ("", "", "job_awaiting")
    if dot and not glob:
        raise UnspecifiedError("a selector with an empty name")
    if metric not in _known_metrics(glob):
        raise RefusedError(f"no metric: {metric!r}")
    return _Option(globs.check(glob) if glob else "", metric, ranges.read(range_text))


def _known_metrics(glob: str) -> Tuple[str, ...]:
    if glob == names.TAKEN:
        return COUNTS
    return QUEUE_METRICS if glob else QUEUE_METRICS + WHOLE_METRICS


def _states(texts: Tuple[str, ...]) -> Dict[str, str]:
    states = dict(DEFAULTS)
    for text in texts:
        for item in text.split(","):
            condition, _, state = item.partition("=")
            if not item:
                raise UnspecifiedError("an empty item in a list of states")
            if condition not in DEFAULTS or state not in EXIT_CODES:
                raise RefusedError(f"no condition or state: {item!r}")
            states[condition] = state
    return states
