"""The output: a verdict as the lines that Nagios, Icinga and the kubelet read, and its exit code.

    RODIN_QUEUES STATE - TEXT | PERFDATA
    long output, for -v

Text from the server must not end a line, begin perfdata or steer a terminal: it is sanitized here.
"""

from collections.abc import Iterable, Sequence
from typing import Callable, NamedTuple, Optional

from check_rodin_queues.errors import State
from check_rodin_queues.messages import Finding, Verdict, by_queue, limit_words, shown, worst_first
from check_rodin_queues.metrics import QUEUE_METRICS, TOTAL, decimal

NAME = "RODIN_QUEUES"
#: The most bytes before the perfdata: databases of monitoring systems keep 255.
MAX_STATUS = 254
#: The longest display name, in characters: with a dot and a metric, its longest label has 80.
MAX_DISPLAY_NAME = 79 - max(len(metric.name) for metric in QUEUE_METRICS)
_LIVENESS = "liveness"
#: How many bytes of a long problem are kept before its next step is dropped.
_MIN_PROBLEM = 80


#: The verbosity from which on a note is shown: -v, -vv, -vvv.
NOTICE, REQUEST, DEBUG = 1, 2, 3


class Notes:
    """What a run did, for -v. Text from the server is redacted before it is added.

    It is redacted once more, with the rest of the output, before it is printed.
    """

    def __init__(self) -> None:
        self.verbosity = 0
        self._notes: list[tuple[int, str]] = []

    def shows(self, level: int) -> bool:
        """Return whether a note of this level is shown."""
        return level <= self.verbosity

    def add(self, level: int, text: str) -> None:
        """Add *text*, shown from verbosity *level* on."""
        self._notes.append((level, text))

    def lines(self) -> list[str]:
        """Return the notes to show, in the order in which they were added."""
        return [text for level, text in self._notes if self.shows(level)]


class Report(NamedTuple):
    """What the process leaves: bytes for standard output, and an exit code."""

    output: bytes
    code: int


def report(
    verdict: Verdict, kind: Optional[str], more: Sequence[str], redact: Callable[[str], str]
) -> Report:
    """Return *verdict* with *more* lines, or as the answer to an exec probe of *kind*."""
    clean = verdict._replace(
        problems=tuple(_clean(problem, redact) for problem in verdict.problems),
        next_step=_clean(verdict.next_step, redact),
    )
    if kind:
        failed = fails(verdict, kind)
        outcome = f" ({kind} probe {'fails' if failed else 'passes'})"
        line = status_line(clean, MAX_STATUS - len(outcome)) + outcome
        return Report(_encoded(f"{line}\n"), int(failed))
    lines = [status_line(clean, MAX_STATUS), *(_clean(line, redact) for line in more)]
    if verdict.perfdata:
        lines[0] += f" | {' '.join(verdict.perfdata)}"
    return Report(_encoded("\n".join((*lines, ""))), verdict.state.value)


def _clean(text: str, redact: Callable[[str], str]) -> str:
    """Sanitize *text*; sanitizing can complete a token, so it is redacted before and after."""
    return redact(one_line(redact(text)))


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def fails(verdict: Verdict, kind: str) -> bool:
    """Return whether *verdict* fails a probe of *kind*; WARNING never does.

    A failed liveness probe restarts the container, so only the queue data themselves fail it, or
    wrong arguments: they can only be a mistake in the manifest.
    """
    if verdict.mistaken:
        return True
    if kind == _LIVENESS:
        return verdict.proven
    return verdict.state in (State.CRITICAL, State.UNKNOWN)


def can_matter(state: State, kind: Optional[str]) -> bool:
    """Return whether a queue condition with *state* can decide the exit code."""
    if kind is None:
        return state is not State.OK
    return state is State.CRITICAL or (state is State.UNKNOWN and kind != _LIVENESS)


def status_line(verdict: Verdict, size: int) -> str:
    """Return the line before the perfdata, of at most *size* bytes.

    The problems that do not fit are counted. The next step is at the end, if it fits behind the
    first problem.
    """
    start = f"{NAME} {verdict.state.name} - "
    problems = verdict.problems
    end = f". {verdict.next_step}" if verdict.next_step else ""
    for number in range(min(len(problems), size), 0, -1):
        line = f"{start}{'; '.join(problems[:number])}{_more(len(problems) - number)}{end}"
        if _size(line) <= size:
            return line
    more = _more(len(problems) - 1)
    if _size(start + more + end) + _MIN_PROBLEM > size:
        end = ""
    problem, room = problems[0], size - _size(start + more + end)
    if _size(problem) > room:
        problem = _encoded(problem)[: room - 3].decode("utf-8", "ignore") + "..."
        end = end if more else end[1:]
    return start + problem + more + end


def _more(number: int) -> str:
    return f"; and {number} more" if number else ""


def _size(text: str) -> int:
    return len(_encoded(text))


def one_line(text: str) -> str:
    """Return *text* with `_` for what could end its line, begin perfdata or steer a terminal."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else "_" for char in text)
    return text.replace("|", "_")


def label_safe(text: str) -> str:
    """Return *text* as it can stand in a label, not yet unique."""
    for char in "'=;":
        text = text.replace(char, "_")
    return one_line(text).replace("::", "__")[:MAX_DISPLAY_NAME] or "_"


def display_names(names: Iterable[str], redact: Callable[[str], str]) -> dict[str, str]:
    """Return the display name of each raw name; no two are equal, and none is TOTAL.

    Names that need no change keep it. The others get `_2`, `_3`, ... in the order of the raw names
    if their name is taken.
    """
    safe = {name: redact(label_safe(redact(name))) for name in sorted(set(names))}
    display = {name: name for name in safe if safe[name] == name != TOTAL}
    taken = {TOTAL, *display}
    numbers: dict[str, int] = {}
    for name, wanted in safe.items():
        if name in display:
            continue
        candidate = wanted
        while candidate in taken:
            numbers[wanted] = numbers.get(wanted, 1) + 1
            suffix = f"_{numbers[wanted]}"
            candidate = wanted[: MAX_DISPLAY_NAME - len(suffix)] + suffix
        display[name] = candidate
        taken.add(candidate)
    return display


def long_output(findings: Sequence[Finding]) -> list[str]:
    """Return a line for each queue, in columns, and for everything else; the worst first.

    Icinga Web makes a dot of the tag, so exactly one blank follows it.
    """
    groups = by_queue(findings)
    rows = [_cells(group) for group in groups]
    widths = [max(map(len, column)) for column in zip(*(row for row in rows if len(row) > 1))]
    lines = []
    for group, row in zip(groups, rows):
        cells = row
        if len(row) > 1:
            cells = [cell.ljust(width) for cell, width in zip(row, widths) if width]
        lines.append(f"[{group[0].state.name}] {'  '.join(cells).rstrip()}")
    return lines


def _cells(group: Sequence[Finding]) -> list[str]:
    """Return the text for each column, or a single one if *group* is not about a queue."""
    first = group[0]
    if first.queue is None:
        return [shown(first) + _limits(first)]
    texts = {
        finding.name: f"{finding.name} {decimal(finding.value)}{_limits(finding)}"
        for finding in group
        if finding.is_metric
    }
    conditions = ", ".join(finding.name for finding in group if not finding.is_metric)
    return [first.display, *(texts.get(metric.name, "") for metric in QUEUE_METRICS), conditions]


def _limits(finding: Finding) -> str:
    """Return the thresholds in parentheses, the level of a breached one in capitals."""
    words = []
    for threshold in finding.limits[::-1]:
        is_breached = finding.state and threshold.limit.side(finding.value)
        level = threshold.level.name if is_breached else threshold.level.name.lower()
        words.append(f"{level} {limit_words(threshold)}")
    return f" ({', '.join(words)})" if words else ""


def why(findings: Sequence[Finding]) -> list[str]:
    """Return why each finding has its state, for -vv, the problems first."""
    lines = []
    for finding in worst_first(findings):
        if not finding.is_metric:
            where = f"{finding.display}: " if finding.display else ""
            lines.append(f"why: {where}{finding.name} is {finding.state.name}")
        for threshold in finding.limits:
            side = threshold.limit.side(finding.value)
            words = limit_words(threshold, side)
            outcome = f"{threshold.level.name}, {words}" if side else f"not {words}"
            if side and finding.state is State.OK:
                outcome = "not judged without a complete response"
            lines.append(f"why: {shown(finding)}: {outcome}, by {threshold.origin}")
    return lines
