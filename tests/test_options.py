"""The options: what each does, what stands in for it, and what is no option at all."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Dict, List

import pytest

import check_rodin_queues
from check_rodin_queues.arguments import known_options
from tests import live, report
from tests.answers import answer, queue, site
from tests.console import run
from tests.faults.punctuality import in_time
from tests.faults.writes import watching, written
from tests.saved import ask, judge

CANARY = "canary-of-the-tests"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """Return the path of a file for the token."""
    return tmp_path / "token"


@pytest.mark.parametrize(
    "written",
    [
        "{}",
        "{}\n",
        "{}\r\n",
        "  {}\t \n",
        "{}\nsecond line\n",
        "{}\n\n\n",
        "\t{}",
    ],
    ids=repr,
)
def test_the_token_is_the_first_line_of_its_file(written: str, token_file: Path) -> None:
    with live.site() as asked:
        token_file.write_bytes(written.replace("{}", live.TOKEN).encode())
        args = ("-H", asked.server.url, "--token-file", str(token_file))
        assert report.read(run(*args)).state == "OK"
        sent = asked.server.requests[-1].headers.get_all("Authorization")
    assert sent == [f"Bearer {live.TOKEN}"]


def test_the_token_comes_from_the_environment() -> None:
    with live.site() as asked:
        env = {"RODIN_API_KEY": live.TOKEN}
        assert report.read(run("-H", asked.server.url, env=env)).state == "OK"


def test_the_token_file_wins_over_the_environment(token_file: Path) -> None:
    with live.site() as asked:
        token_file.write_text(live.TOKEN)
        env = {"RODIN_API_KEY": CANARY}
        args = ("-H", asked.server.url, "--token-file", str(token_file))
        assert report.read(run(*args, env=env)).state == "OK"
        token_file.write_text(CANARY)
        found = report.read(run(*args, env={"RODIN_API_KEY": live.TOKEN}))
        assert found.state == "UNKNOWN"


def test_a_token_file_that_fails_does_not_fall_back(token_file: Path) -> None:
    with live.site() as asked:
        args = ("-H", asked.server.url, "--token-file", str(token_file))
        report.refused(run(*args, env={"RODIN_API_KEY": live.TOKEN}), "--token-file")
        assert not asked.server.requests


@pytest.mark.parametrize("env", [{}, {"RODIN_API_KEY": ""}], ids=["unset", "empty"])
def test_no_token_is_a_configuration_error(env: Dict[str, str]) -> None:
    outcome = run("-H", "http://127.0.0.1:9", env=env)
    report.refused(outcome, "--token-file", "RODIN_API_KEY")


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"\n",
        b" \t\n",
        b"\nsecond",
        b"a\0b",
        b"a\x1bb",
        b"a\rb\n",
        b"a\x7fb",
        "tökén".encode(),
        b"\xff",
        b"x" * 16385,
    ],
    ids=lambda value: repr(value[:12]),
)
def test_a_token_that_cannot_be_sent_is_refused(written: bytes, token_file: Path) -> None:
    token_file.write_bytes(written)
    args = ("-H", "http://127.0.0.1:9", "--token-file", str(token_file))
    text = report.refused(run(*args), "token")
    shown = written[:20].decode("latin-1").strip()
    assert not shown or shown not in text


def test_a_token_file_that_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent", "", "/dev/null/x"):
        args = ("-H", "http://127.0.0.1:9", "--token-file", str(path))
        report.refused(run(*args), "--token-file")


def test_input_is_judged_without_server_and_token(tmp_path: Path) -> None:
    saved = tmp_path / "answer.json"
    saved.write_text(site(mesh=queue(0, 7, 0)))
    found = report.read(run("--input", str(saved)))
    assert found.state == "CRITICAL"
    assert "time" not in found.metrics
    assert found == judge(saved.read_text())


def test_input_ignores_host_and_token(tmp_path: Path) -> None:
    """What they would be asked for is not looked at, were it even wrong."""
    with live.site("dead-worker") as asked:
        env = {"RODIN_API_KEY": "not\nsendable", "RODIN_URL": "http://user@x"}
        given = ("-H", asked.server.url, "--token-file", str(tmp_path / "absent"))
        outcome = run("--input", "-", *given, stdin=site(), env=env)
        assert report.read(outcome).state == "OK"
        assert not asked.server.requests


def test_an_answer_that_cannot_be_read_is_a_configuration_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent", ""):
        report.refused(run("--input", str(path)), "--input")


@pytest.mark.parametrize(
    "seconds", ["0.5", "3600", "10", "2.5", "0.500", "010", "3600.0"], ids=lambda value: value
)
def test_a_timeout_is_a_number_of_seconds(seconds: str) -> None:
    with live.site("rejected") as asked:
        found = report.read(asked.run(f"--timeout={seconds}"))
        while not asked.server.requests:  # a busy machine can take half a second to come so far
            found = report.read(asked.run(f"--timeout={seconds}"))
    assert found.metrics["time"].maximum == pytest.approx(float(seconds))


@pytest.mark.parametrize(
    "seconds",
    [
        "0",
        "0.49",
        "0.4999999999",
        "3600.1",
        "3600.0000001",
        "-1",
        "x",
        "",
        "inf",
        "nan",
        "1e1",
        "10s",
        " 10",
        "1_0",
        "1,5",
        "\u0661\u0660",
        "0x10",
        "9" * 400,
    ],
)
@pytest.mark.parametrize("option", ["-t", "--timeout="])
def test_a_bad_timeout_is_a_usage_error(option: str, seconds: str) -> None:
    args = [option + seconds] if option.endswith("=") else [option, seconds]
    report.refused(ask(site(), *args), "--timeout", "0.5", "3600")


def test_the_timeout_is_ten_seconds_by_default() -> None:
    with live.site() as asked:
        assert asked.judge().metrics["time"].maximum == 10


@pytest.mark.parametrize("seconds", [0.7, 1.5])
def test_the_timeout_ends_the_run(seconds: float) -> None:
    with live.site("silent") as asked:
        outcome = in_time(lambda: asked.run("-t", str(seconds)), seconds, earliest=seconds)
    found = report.read(outcome)
    assert found.state == "CRITICAL"
    assert found.text.startswith("timeout: ")


def test_the_dripping_body_ends_in_time() -> None:
    """A byte a second keeps every socket operation short, and the clock goes on."""
    with live.site("dripping") as asked:
        found = asked.judge("-t", "1.5", "--state", "timeout=warning")
    assert found.state == "WARNING"


def test_verbosity_grows() -> None:
    with live.site("busy") as asked:
        outputs = [asked.run(*args) for args in ([], ["-v"], ["-vv"], ["-vvv"])]
    reports = [report.read(outcome, verbose=True) for outcome in outputs]
    assert [found.state for found in reports] == ["OK"] * 4
    lengths = [found.more.count("\n") for found in reports]
    assert lengths[0] == 0
    assert lengths[1] >= 4
    assert lengths == sorted(set(lengths))
    assert [line.split()[1] for line in reports[1].more.splitlines()[:4]] == [
        "rodin.mesh",
        "rodin.pack",
        "rodin.remesh",
        "rodin.texture",
    ]
    url = f"{asked.server.url}/api/v2/queue_status_check"
    assert [url in found.more for found in reports] == [False, False, True, True]


@pytest.mark.parametrize(
    ("args", "same"),
    [
        (["-v", "-v"], ["-vv"]),
        (["--verbose", "--verbose"], ["-vv"]),
        (["-v", "--verbose"], ["-vv"]),
        (["-vw5:", "-vw", ""], ["-vv", "-w", "5:", "-w", ""]),
        (["--verbose", "-vv"], ["-vvv"]),
    ],
)
def test_verbosity_can_be_said_in_several_ways(args: List[str], same: List[str]) -> None:
    outcome = ask(site(), *args)
    assert outcome.stdout == ask(site(), *same).stdout
    assert "\nwhy: " in outcome.stdout


@pytest.mark.parametrize("scenario", ["busy", "rejected", "server-error", "silent", "redirect"])
def test_the_token_is_never_shown(scenario: str) -> None:
    with live.site(scenario, token=CANARY) as asked:
        outcome = asked.run("-vvv", "-t", "1" if scenario == "silent" else "10")
    assert CANARY not in outcome.stdout


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_version(option: str) -> None:
    outcome = run(option)
    assert (outcome.code, outcome.stderr) == (3, "")
    assert outcome.stdout == f"check_rodin_queues {check_rodin_queues.__version__}\n"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_tells_everything(option: str) -> None:
    outcome = run(option)
    assert (outcome.code, outcome.stderr) == (3, "")
    for word in (
        *("-H", "-p", "-t", "-q", "-x", "-w", "-c", "-v", "-V", "-h"),
        *("--host", "--port", "--token-file", "--input", "--timeout", "--ca-file"),
        *("--client-cert", "--client-key", "--insecure", "--queue", "--exclude", "--require"),
        *("--warning", "--critical", "--state", "--probe", "--extra-opts", "--verbose"),
        *("--version", "--help", "RODIN_URL", "RODIN_API_KEY", "REQUESTS_CA_BUNDLE"),
        *("stranded", "stalled", "missing", "empty", "unreachable", "timeout", "auth"),
        *("throttled", "invalid", "consumers", "job_awaiting", "job_running", "busy_ratio"),
        *("awaiting_per_consumer", "total", "token_expires_in", "readiness", "liveness"),
    ):
        assert word in outcome.stdout, word
    assert max(map(len, outcome.stdout.splitlines())) <= 80


def test_help_is_what_was_read_and_approved() -> None:
    """A change of it has to be made in help.txt too.

    From Python 3.13 on argparse names the value of two options once, and so breaks other lines.
    """
    approved = (Path(__file__).parent / "help.txt").read_text(encoding="utf-8")
    twice = re.compile(r"^ {2}(-\w) (\S+), (--\S+) \2(?=\s)", re.MULTILINE)
    shown = run("--help").stdout
    assert twice.sub(r"\1, \3 \2", shown).split() == twice.sub(r"\1, \3 \2", approved).split()
    if sys.version_info < (3, 13):
        assert shown == approved


@pytest.mark.parametrize("columns", ["20", "300"])
def test_help_is_the_same_in_every_terminal(columns: str) -> None:
    """And what an option does stands below or beside it, from column 26 on."""
    shown = run("--help").stdout
    assert run("--help", env={"COLUMNS": columns}).stdout == shown
    options = shown.partition("\nthe server:\n")[2].partition("\nthresholds:\n")[0]
    for line in options.splitlines():
        assert not line.startswith(" ") or re.match(r" {2}-| {26}\S", line), line


@pytest.mark.parametrize(
    ("args", "beginning"),
    [
        (["--help", "--frobnicate"], "usage: check_rodin_queues "),
        (["--frobnicate", "-h"], "usage: check_rodin_queues "),
        (["-h", "-w", "x"], "usage: check_rodin_queues "),
        (["--version", "stray"], "check_rodin_queues "),
        (["-H", "http://user@x", "-V"], "check_rodin_queues "),
        (["-w", "x", "--help"], "RODIN_QUEUES UNKNOWN - -w/--warning: "),
        (["--probe=x", "--version"], "RODIN_QUEUES UNKNOWN - --probe: "),
    ],
)
def test_help_and_version_are_shown_unless_a_value_before_is_wrong(
    args: List[str], beginning: str
) -> None:
    outcome = run(*args)
    assert (outcome.code, outcome.stderr) == (3, "")
    assert outcome.stdout.startswith(beginning)


#: Every long option, cut: options are not abbreviated.
ABBREVIATED = [
    "--hos=x",
    "--por=5",
    "--token=x",
    "--token-fil=x",
    "--inpu=-",
    "--time=5",
    "--ca=x",
    "--client-c=x",
    "--client-k=x",
    "--insec",
    "--que=x",
    "--excl=x",
    "--req=x",
    "--warn=5",
    "--crit=5",
    "--stat=stalled=ok",
    "--prob=liveness",
    "--extra=x",
    "--verb",
    "--vers",
    "--hel",
]


@pytest.mark.parametrize("option", ABBREVIATED)
def test_options_are_not_abbreviated(option: str) -> None:
    report.refused(ask(site(), option), "--help")


#: Command lines with something that is no option, with a secret in each.
STRANGE = {
    "a stray word": [CANARY],
    "a stray word in the middle": ["-w", "5", CANARY, "-v"],
    "after two dashes": ["--", CANARY],
    "an option for the token": [f"--token={CANARY}"],
    "an option for the token, apart": ["--token", CANARY],
    "an option for the key": [f"--api-key={CANARY}"],
    "a password": ["-P", CANARY],
    "a letter with a word": [f"-z{CANARY}"],
    "the secret as an option": [f"--{CANARY}"],
    "a range": ["-w", CANARY],
    "a range with a selector": [f"-wjob_awaiting={CANARY}"],
    "a selector": [f"-w{CANARY}=5"],
    "a state": ["--state", f"stalled={CANARY}"],
    "a condition": ["--state", f"{CANARY}=ok"],
    "a timeout": ["-t", CANARY],
    "a port": ["-p", CANARY],
    "a probe": ["--probe", CANARY],
    "a value for a flag": [f"--insecure={CANARY}"],
    "a file that is not there": ["--token-file", CANARY, "-H", "http://127.0.0.1:9"],
    "an INI that is not there": ["--extra-opts", f"@{CANARY}"],
    "a section that is not there": ["--extra-opts", f"{CANARY}@/dev/null"],
    "a CA file that is not there": ["--ca-file", CANARY, "-H", "127.0.0.1:9"],
    "a host with user info": ["-H", f"http://{CANARY}@127.0.0.1"],
    "a host with a query": ["-H", f"http://127.0.0.1/?{CANARY}"],
}


@pytest.mark.parametrize("case", STRANGE)
def test_what_may_be_a_secret_is_not_echoed(case: str) -> None:
    args = STRANGE[case]
    if {"--token-file", "--ca-file", "-H"} & set(args):
        outcome = run(*args, env={"RODIN_API_KEY": "made-up"})
    else:
        outcome = ask(site(), *args)
    text = report.refused(outcome)
    assert CANARY not in text


@pytest.mark.parametrize(
    "option",
    [
        *("-H", "--host", "-p", "--port", "--token-file", "--input", "-t", "--timeout"),
        *("--ca-file", "--client-cert", "--client-key", "-q", "--queue", "-x", "--exclude"),
        *("--require", "-w", "--warning", "-c", "--critical", "--state", "--probe"),
    ],
)
def test_an_option_without_its_value_is_a_usage_error(option: str) -> None:
    report.refused(run(option), option)


@pytest.mark.parametrize(
    "option", ["--insecure", "-v", "--verbose", "--extra-opts", "-w", "--probe", "-q"]
)
def test_a_mistake_is_one_line(option: str) -> None:
    report.refused(run(option, "\x1b[31m\n|evil=1", "\u2028"))


FORMS = "10 (outside 0..10), 1: (below 1), ~:5 (above 5), 5:10, @5:10 (inside), empty for none"
METRICS = (
    "consumers, job_awaiting, job_running, awaiting_per_consumer, busy_ratio, total.consumers, "
    "total.job_awaiting, total.job_running, time, token_expires_in"
)

#: Mistakes, and the whole message that each gets.
MESSAGES = {
    "": "no server is named. Give -H/--host or set RODIN_URL",
    "-H a": "no API token. Give --token-file or set RODIN_API_KEY",
    "--frobnicate": "--frobnicate is no option. See --help for the options there are",
    "--tokn=made-up": "--tokn is no option. See --help for the options there are",
    "--Tokn=made-up": "argument 1 belongs to no option. See --help for the options there are",
    "-v stray": "argument 2 belongs to no option. See --help for the options there are",
    "-w 10:5": f"-w/--warning: the start of '10:5' is above its end. Accepted: {FORMS}",
    "-c 1:2:3": f"-c/--critical: '1:2:3' is not a range. Accepted: {FORMS}",
    "-w ten": f"-w/--warning: what was given is not a range. Accepted: {FORMS}",
    "-w jobs=5": f"-w/--warning: SELECTOR has to end in a metric. Metrics: {METRICS}",
    "-t 0": "-t/--timeout: takes seconds, 0.5 to 3600",
    "-p x": "-p/--port: takes a port, 1 to 65535",
    "-H a:1 -p 2": "-p/--port: -H/--host names another port, 1. Give one of the two",
    "-H http://u@h": (
        "-H/--host: takes HOST, HOST:PORT, https://HOST[:PORT][/PREFIX] or http://..., "
        "without user, query or fragment"
    ),
    "--state stalled=fine": (
        "--state: takes CONDITION=STATE. Conditions: stranded, stalled, missing, empty, "
        "unreachable, timeout, auth, throttled, invalid. States: ok, warning, critical, unknown"
    ),
    "--probe live": "--probe: takes one of readiness, startup, liveness",
    "--require=,": "--require: takes names of queues, separated by commas, and no globs",
    "--require a*": "--require: takes names of queues, separated by commas, and no globs",
    "-H a --token-file /nonexistent": (
        "--token-file: cannot read the file: no such file or directory. Check the path"
    ),
    "--input /nonexistent": (
        "--input: cannot read the file: no such file or directory. Check the path"
    ),
    "--insecure=1": "--insecure: takes no value",
}


def test_a_letter_that_is_tied_to_a_flag_is_none() -> None:
    """Python from 3.12 on does not say which argument it stood in."""
    assert report.refused(run("-vQ")) in (
        "-v/--verbose: takes no value",
        "an argument belongs to no option. See --help for the options there are",
    )


@pytest.mark.parametrize(
    "option", ["--token-file", "--input", "--ca-file", "--client-cert", "--client-key"]
)
def test_an_empty_path_is_refused(option: str) -> None:
    assert report.refused(run("-H", "h.example", option, "")) == f"{option}: takes a path"


@pytest.mark.parametrize("option", ["-q", "--queue", "-x", "--exclude"])
def test_an_empty_glob_is_refused(option: str) -> None:
    said = report.refused(ask(site(), option, ""))
    assert said.endswith(": takes the name of a queue or a glob such as 'rodin.*'")


@pytest.mark.parametrize("line", MESSAGES)
def test_a_mistake_gets_its_message(line: str) -> None:
    assert run(*line.split()).stdout == f"RODIN_QUEUES UNKNOWN - {MESSAGES[line]}\n"


#: What an option says to the value `--`, which argparse up to Python 3.12 makes nothing of.
DASHES = {
    "--require": "-- is missing from the answer",
    "--queue": "-- is missing from the answer, no queue of 4 is selected",
    "--exclude": "4 queues, 4 consumers",
    "--ca-file": "--ca-file: cannot read the file",
    "--client-cert": "--client-cert: cannot read the file",
    "--client-key": "--client-key",
    "--host": "cannot resolve the name in --",
    "--port": "-p/--port: takes a port",
    "--token-file": "--token-file: cannot read the file",
    "--input": "--input: cannot read the file",
    "--timeout": "-t/--timeout: takes seconds",
    "--warning": "-w/--warning: '--' is not a range",
    "--critical": "-c/--critical: '--' is not a range",
    "--state": "--state: takes CONDITION=STATE",
    "--probe": "--probe: takes one of",
    "--extra-opts": "--extra-opts: there is no INI file",
    "--insecure": "--insecure: takes no value",
}


@pytest.mark.parametrize("option", [name for name in known_options() if name[1] == "-"])
def test_two_dashes_are_a_value_like_any_other(option: str) -> None:
    said = DASHES.get(option, f"{option}: takes no value")
    with live.site() as asked:
        found = asked.judge(f"{option}=--", env={"NAGIOS_CONFIG_PATH": "/nonexistent"})
    assert said in found.text
    judged = option in ("--require", "--queue", "--exclude", "--host")
    assert judged or found.state == "UNKNOWN"


@pytest.mark.parametrize("words", [["-w", "--"], ["-w--"], ["-c", "--"], ["-c--"], ["-t--"]])
def test_two_dashes_are_no_value_for_a_number(words: List[str]) -> None:
    assert run("-H", "a", *words).code == 3
    failed = run("-H", "a", *words, "--probe", "liveness")
    assert failed.code == 1
    assert "takes" in failed.stdout or "is not a range" in failed.stdout


def test_values_may_begin_with_a_dash() -> None:
    """Argparse alone would take `-5:5` for an option."""
    body = answer({"-x": queue(1, 9, 1), "a": queue(1, 2, 1)})
    assert judge(body, "--require=", "--queue=-x", "-w", "-5:5").state == "WARNING"
    assert judge(body, "--require=", "-x-x", "-w", "-5:5").state == "OK"
    assert judge(body, "--require=", "-w", "-5:5").state == "WARNING"
    assert judge(body, "--require=", "--warning", "-5:9").state == "OK"


@pytest.mark.parametrize("option", ["-w", "-c", "--warning", "--critical"])
@pytest.mark.parametrize(
    ("written", "limit"),
    [("-5:5", "-5:5"), ("-5:6", "-5:6"), ("-0", "0"), ("-x.consumers=-1:", "")],
)
def test_a_range_may_begin_with_a_dash(option: str, written: str, limit: str) -> None:
    found = judge(answer({"-x": queue(1, 5, 1)}), "--require=", option, written)
    datum = found.metrics["-x.job_awaiting" if limit else "-x.consumers"]
    assert (datum.warning if option in ("-w", "--warning") else datum.critical) == (limit or "-1:")


def test_a_letter_behind_a_flag_is_not_shown() -> None:
    """It may be a secret; what argparse makes of it depends on Python."""
    assert "made-up" not in report.refused(run("-vQmade-up"))


@pytest.mark.parametrize(
    "args", [["-w5"], ["-w", "5"], ["--warning=5"], ["--warning", "5"], ["-w", "1", "-w5"]]
)
def test_a_value_can_be_given_in_several_ways(args: List[str]) -> None:
    found = judge(site(), *args)
    assert found.metrics["rodin.mesh.job_awaiting"].warning == "5"


def test_a_single_value_that_is_repeated_is_the_last() -> None:
    with live.site() as asked:
        assert asked.judge("-t", "8", "-t", "7").metrics["time"].maximum == 7


def test_there_are_no_retries() -> None:
    for scenario in ("server-error", "rejected", "throttled", "hang-up", "bad-answer"):
        with live.site(scenario) as asked:
            asked.judge()
            assert len(asked.server.requests) == 1


@pytest.mark.parametrize(
    "proxy",
    [
        *(
            "http://u:canary@",
            "u:canary@127.0.0.1:1",
            "http://",
            "http://:1",
            "http://[",
            "http://127.0.0.1:x",
            "::",
        ),
        *("ftp://127.0.0.1:1", "http://127.0.0.1:99999", "http://127.0.0.1:0"),
    ],
)
def test_a_proxy_that_is_no_address_is_told_as_such(proxy: str) -> None:
    with live.site() as asked:
        outcome = asked.run(env={"HTTP_PROXY": proxy, "http_proxy": proxy})
        assert not asked.server.requests
    found = report.read(outcome)
    assert found.state == "CRITICAL"
    assert found.text.startswith("unreachable: the proxy that the environment names is no http://")
    assert "HTTP_PROXY" in found.text
    assert "canary" not in outcome.stdout


def test_a_proxy_comes_from_the_environment() -> None:
    """The simulator stands in for a proxy: it is asked for the whole URL."""
    with live.site() as asked:
        proxy = asked.server.url
        args = ("-H", "http://rodin.invalid", "--token-file", asked.token_file)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            report.read(run(*args, env={name: proxy}))
        paths = [request.path for request in asked.server.requests]
        assert paths == ["http://rodin.invalid/api/v2/queue_status_check"] * 3
        run(*args, env={"http_proxy": proxy, "NO_PROXY": "rodin.invalid"})
        assert len(asked.server.requests) == 3


def test_no_file_is_written(tmp_path: Path) -> None:
    """It keeps no state on disk: it runs where it may not write, and leaves nothing behind."""
    env = {**watching(tmp_path), "HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    here = sorted([*os.listdir(tmp_path), "writes"])
    with live.site() as asked:
        assert asked.judge(env=env).state == "OK"
        assert asked.server.requests
    assert written(tmp_path) == []
    assert sorted(os.listdir(tmp_path)) == here
