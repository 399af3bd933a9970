"""The pages are true: what they show is run, what they list is what the code lists."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from re import Match
from typing import Any

import pytest
from requests.utils import should_bypass_proxies

from check_rodin_queues.conditions import CONDITIONS, DEFAULT_STATES
from check_rodin_queues.connection_errors import _TIMEOUTS, CERTIFICATE_ERRORS
from check_rodin_queues.metrics import QUEUE_METRICS, RUN_METRICS
from check_rodin_queues.options import DEFAULT_CRITICAL, DEFAULT_TIMEOUT, build_parser
from check_rodin_queues.response import DOCUMENTED_QUEUES
from tests import table
from tests.domain import policy
from tests.samples import FILE, PAGES, ROOT, refreshed, samples
from tests.test_messages import BODIES, CONNECTIONS, ERRORS, PROXIES, REJECTED, VERDICTS

ALL_PAGES = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md"]
TEXTS = {page: page.read_text(encoding="utf-8") for page in ALL_PAGES}
SAMPLES = [(page, sample) for page in PAGES for sample in samples(page)]


def tables(head: str) -> list[dict[str, str]]:
    """Return the rows of all tables whose first column is named *head*, by column."""
    rows = []
    for text in TEXTS.values():
        for lines in re.findall(rf"^\| {head} \|.*\n(?:\|.*\n)*", text, re.MULTILINE):
            names, _, *cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines.splitlines()]
            rows += [{n.strip(): cell.strip() for n, cell in zip(names, line)} for line in cells]
    return rows


def quoted(cell: str) -> list[str]:
    """Return what stands in code quotes in *cell*."""
    return re.findall(r"`([^`]*)`", cell)


@pytest.mark.parametrize(
    "sample",
    [pytest.param(row[1], id=f"{row[0].stem}: {row[1]['command'][-50:]}") for row in SAMPLES],
)
def test_sample_shows_what_the_command_prints(sample: Match[str]) -> None:
    assert refreshed(sample) == sample[0], "run `.venv/bin/python share/make`"


def test_every_run_and_every_file_that_is_shown_is_a_sample() -> None:
    shown = [
        (page.name, block)
        for page in PAGES
        for block in re.findall(r"```console\n(\$ check_rodin_queues(?:.*\n)*?)```", TEXTS[page])
    ]
    ours = [sample[0].partition("console\n")[2][:-4] for _, sample in SAMPLES]
    assert [row for row in shown if row[1] not in ours] == []
    assert len(ours) >= 4
    text = "".join(TEXTS.values())
    assert len(FILE.findall(text)) == text.count("<!-- file: ")


def test_defaults_are_those_of_the_code() -> None:
    defaults = {row["what"]: row["default"] for row in tables("what") if "default" in row}
    assert defaults["time limit of the run"].startswith(f"{DEFAULT_TIMEOUT} seconds ")
    assert quoted(defaults["critical thresholds"]) == [DEFAULT_CRITICAL]
    assert quoted(defaults["required queues"])[:4] == list(DOCUMENTED_QUEUES)


def test_conditions_are_those_of_the_code() -> None:
    default = {row.name: row.default.name.lower() for row in CONDITIONS}
    rows = tables("condition")
    assert {name for row in rows for name in quoted(row["condition"])} == set(default)
    for row in rows:
        states = {cell.lower() for cell in row.values()} & {"ok", "warning", "critical", "unknown"}
        assert {default[name] for name in quoted(row["condition"])} == states, row


def test_metrics_are_those_of_the_code() -> None:
    queue = {f"QUEUE.{metric.name}" for metric in QUEUE_METRICS}
    total = {f"total.{metric.name}" for metric in QUEUE_METRICS if metric.is_field}
    shown = {label for row in tables("label") for label in quoted(row["label"])}
    assert shown == queue | total | {metric.name for metric in RUN_METRICS}


def thresholds() -> Iterator[str]:
    """Give the thresholds in the first column of any table."""
    for row in tables("[^|]+"):
        first = next(iter(row.values()))
        yield from (option for option in quoted(first) if re.match("-[wc] ", option))


@pytest.mark.parametrize("option", sorted(set(thresholds())))
def test_threshold_that_is_shown_is_accepted(option: str) -> None:
    assert len(policy(*shlex.split(option)).thresholds) > 2


def test_every_option_that_is_named_exists() -> None:
    known = {option for action in build_parser()._actions for option in action.option_strings}
    for page in PAGES:
        for command in re.findall(r"check_rodin_queues ([^`\n]*)", TEXTS[page]):
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", command)) - known == set(), page


def slugs(page: Path) -> list[str]:
    """Return the anchors of the headings of *page*, as the forges make them."""
    headings = re.findall(r"^#+ (.*)$", TEXTS[page], re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]


def links() -> Iterator[tuple[Path, str]]:
    """Give the links of each page to other files and headings."""
    for page, text in TEXTS.items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if "://" not in target:
                yield page, target


@pytest.mark.parametrize(
    ("page", "target"), sorted(set(links())), ids=lambda value: getattr(value, "stem", value)
)
def test_link_leads_to_a_file_and_a_heading(page: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    assert file.exists()
    assert not anchor or anchor in slugs(file)


def messages() -> Iterator[str]:
    """Give a message of every kind: from the tables of connection errors, and from other tests."""
    errors = [("unreachable", cause) for cause, _ in CERTIFICATE_ERRORS.values()]
    errors += [("timeout", cause) for cause, _ in _TIMEOUTS.values()]
    facts: dict[str, Any] = {"where": "proxy HOST:443", "host": "HOST", "timeout": 1}
    yield from (f"{cause.format(**facts)} ({condition})" for condition, cause in errors)
    yield from (f"HOST:443 sent {text.partition('. ')[0]} (invalid)" for text in BODIES.values())
    for _, line in table.rows(REJECTED + CONNECTIONS + PROXIES + ERRORS):
        yield f"{line.partition('. ')[0]} (unreachable)"
    for _, line in table.rows(VERDICTS):
        state, _, text = line.partition(" - ")
        if state != "OK":
            yield text


def bare(text: str) -> str:
    """Return *text* without parentheses and plurals, and with one number for all."""
    text = re.sub(r" \([^)]*\)|(?<=job)s|(?<=queue)s|(?<=consumer)s", "", text)
    return re.sub(r"(?<!HTTP )\b[\d.]*\d", "1", text)


@pytest.mark.parametrize("message", sorted(set(messages())))
def test_message_is_explained_in_the_section_of_its_condition(message: str) -> None:
    """A heading or a code quote there has its words; HOST and the like stand for any."""
    condition = re.search(rf"\(({'|'.join(DEFAULT_STATES)})\)", message)
    page = TEXTS[ROOT / "docs/troubleshooting.md"].partition(
        f"\n## {condition[1] if condition else 'Thresholds'}\n"
    )[2]
    section = page.partition("\n## ")[0]
    phrases = re.findall(r"^### (.*)$", section, re.MULTILINE)
    phrases += [code for code in quoted(section) if " " in code]
    cause = bare(message[: condition.start()] if condition else message)
    forms = [
        re.sub("HOST:PORT|HOST|QUEUE|NAME|CODE", ".+", re.escape(bare(row))) for row in phrases
    ]
    assert [form for form in forms if re.search(form, cause)], phrases


#: A form of NO_PROXY, and a server that is then connected directly.
NO_PROXY = {
    "rodin.example.com": "https://x.rodin.example.com",
    ".example.com": "https://rodin.example.com:1",
    "rodin.example.com:8443": "https://rodin.example.com:8443",
    "10.1.2.3": "http://10.1.2.3:1",
    "10.0.0.0/8": "https://10.9.9.9",
    "fd00::1": "https://[fd00::1]",
    "*": "http://rodin",
}


def test_forms_of_no_proxy_are_those_that_requests_reads() -> None:
    rows = tables("form")
    assert [quoted(row["form"])[0] for row in rows if "write instead" not in row] == [*NO_PROXY]
    assert [form for form, url in NO_PROXY.items() if not bypasses(url, form)] == []
    hosts = ("x.svc", "127.0.0.1", "[::1]", "[fd00::1]", "10.1.2.3:8443", "a.example.com")
    useless = [form for row in rows if "write instead" in row for form in quoted(row["form"])]
    assert len(useless) > 6
    assert [form for form in useless if any(bypasses(f"https://{at}", form) for at in hosts)] == []


def bypasses(url: str, no_proxy: str) -> bool:
    """Return whether requests connects to *url* without a proxy."""
    return bool(should_bypass_proxies(url, no_proxy))
