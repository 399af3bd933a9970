"""`--extra-opts`: options out of an INI file, as the monitoring-plugins read them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple

import pytest

from tests import live, report
from tests.answers import answer, queue, site
from tests.console import SCRIPT, environment, run
from tests.report import Report

#: Fifteen jobs wait; the thresholds of the files below tell what was read.
BODY = site(mesh=queue(1, 15, 1))


class Place:
    """A folder with INI files and the saved answer that they speak of."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "answer.json").write_text(BODY)

    def write(self, text: str, name: str = "test.ini") -> str:
        """Write an INI file and return its path."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return str(path)

    def judge(self, *args: str, env: Optional[Dict[str, str]] = None) -> Report:
        """Judge the saved answer with what *args* say."""
        return report.read(run("--input", str(self.folder / "answer.json"), *args, env=env))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a place of the test's own."""
    return Place(tmp_path)


def limits(found: Report) -> Tuple[str, str]:
    """Return the thresholds that mesh's waiting jobs have in perfdata."""
    metric = found.metrics["rodin.mesh.job_awaiting"]
    return metric.warning, metric.critical


SECTIONS = "[check_rodin_queues]\nwarning=10\n[special]\nwarning=20\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(["--extra-opts=@{}"], "10", id="the default section"),
        pytest.param(["--extra-opts=check_rodin_queues@{}"], "10", id="it can be named"),
        pytest.param(["--extra-opts=special@{}"], "20", id="another section"),
        pytest.param(["--extra-opts", "special@{}"], "20", id="a value of its own"),
        pytest.param(["--extra-opts", "@{}"], "10", id="a value of its own, the file alone"),
        pytest.param(["--extra-opts=@{}", "--extra-opts=special@{}"], "20", id="both, in order"),
        pytest.param(["--extra-opts=special@{}", "--extra-opts=@{}"], "10", id="in this order"),
    ],
)
def test_section_and_file(given: List[str], expected: str, place: Place) -> None:
    path = place.write(SECTIONS)
    found = place.judge(*(arg.replace("{}", path) for arg in given))
    assert limits(found) == (expected, "")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["--extra-opts"], "10"),
        (["--extra-opts="], "10"),
        (["--extra-opts", "special"], "20"),
        (["--extra-opts=special"], "20"),
        (["--extra-opts", "--critical=99"], "10"),
        (["--extra-opts", "-v", "--critical=99"], "10"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_file_of_the_environment(given: List[str], expected: str, place: Place) -> None:
    env = {"MP_CONFIG_FILE": place.write(SECTIONS)}
    outcome = run("--input", str(place.folder / "answer.json"), *given, env=env)
    assert limits(report.read(outcome, verbose=True))[0] == expected


def test_a_path_may_hold_an_at_sign(place: Place) -> None:
    path = place.write(SECTIONS, "a@b.ini")
    assert limits(place.judge(f"--extra-opts=special@{path}")) == ("20", "")


@pytest.mark.parametrize("name", ["monitoring-plugins.ini", "plugins.ini", "nagios-plugins.ini"])
def test_file_names_of_the_search_path(name: str, place: Place) -> None:
    place.write(SECTIONS, f"conf/{name}")
    env = {"NAGIOS_CONFIG_PATH": f":{place.folder}/absent::{place.folder}/conf:"}
    assert limits(place.judge("--extra-opts", env=env)) == ("10", "")


def test_the_order_of_the_search_path(place: Place) -> None:
    """Folder by folder, and in each the newest name first; a file that is named beats them all."""
    files = [
        place.write("[check_rodin_queues]\nw=1\n", "named.ini"),
        place.write("[check_rodin_queues]\nw=2\n", "one/monitoring-plugins.ini"),
        place.write("[check_rodin_queues]\nw=3\n", "one/plugins.ini"),
        place.write("[check_rodin_queues]\nw=4\n", "one/nagios-plugins.ini"),
        place.write("[check_rodin_queues]\nw=5\n", "two/monitoring-plugins.ini"),
    ]
    env = {
        "MP_CONFIG_FILE": files[0],
        "NAGIOS_CONFIG_PATH": f"{place.folder}/one:{place.folder}/two",
    }
    found = []
    for path in files:
        found.append(limits(place.judge("--extra-opts", env=env))[0])
        os.remove(path)
        env["MP_CONFIG_FILE"] = ""
    assert found == ["1", "2", "3", "4", "5"]


#: The monitoring-plugins' own places, in their order.
STANDARD = [
    "/usr/local/etc/monitoring-plugins/monitoring-plugins.ini",
    "/usr/local/etc/monitoring-plugins.ini",
    "/etc/monitoring-plugins/monitoring-plugins.ini",
    "/etc/monitoring-plugins.ini",
    "/etc/nagios/plugins.ini",
    "/usr/local/nagios/etc/plugins.ini",
    "/usr/local/etc/nagios/plugins.ini",
    "/etc/opt/nagios/plugins.ini",
    "/etc/nagios-plugins.ini",
    "/usr/local/etc/nagios-plugins.ini",
    "/etc/opt/nagios-plugins.ini",
]

#: Runs the check with each standard file in its place, the best one removed after each run; in a
#: mount namespace of its own, so that the machine's /etc and /usr/local stay as they are.
_IN_THE_STANDARD_PLACES = """
set -e
mount -t tmpfs none /usr/local
mount -t tmpfs none /etc
number=100
for file in $FILES; do
    mkdir -p "${file%/*}"
    printf '[check_rodin_queues]\\nwarning=7:%s\\n' "$number" > "$file"
    number=$((number + 1))
done
for file in $FILES; do
    "$SCRIPT" --input "$ANSWER" --extra-opts | grep -o "job_awaiting'=15;[^;]*" | head -n 1
    rm "$file"
done
"""


@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.call(["unshare", "-m", "true"], stderr=-3) != 0,
    reason="only root, and with unshare, can give a process an /etc of its own",
)
@pytest.mark.skipif(
    str(SCRIPT.resolve()).startswith("/usr/local"), reason="the program itself is in /usr/local"
)
def test_the_standard_places(place: Place) -> None:
    env = environment(
        {
            "FILES": " ".join(STANDARD),
            "SCRIPT": str(SCRIPT),
            "ANSWER": str(place.folder / "answer.json"),
        }
    )
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", _IN_THE_STANDARD_PLACES],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    expected = [f"job_awaiting'=15;7:{number}" for number in range(100, 100 + len(STANDARD))]
    assert done.stdout.splitlines() == expected


@pytest.mark.parametrize(
    ("text", "args", "expected"),
    [
        pytest.param("warning=10", [], ("10", ""), id="a value"),
        pytest.param("w=10", [], ("10", ""), id="a key of one letter"),
        pytest.param("c=10", [], ("", "10"), id="another key of one letter"),
        pytest.param("  warning  =  10  ", [], ("10", ""), id="space around"),
        pytest.param("\twarning\t=\t10\t", [], ("10", ""), id="tabs around"),
        pytest.param("warning=10\r\ncritical=20\r\n", [], ("10", "20"), id="DOS line ends"),
        pytest.param("# one\n; two\n  # three\nwarning=10", [], ("10", ""), id="comments"),
        pytest.param("#warning=10\n;warning=11\nw=12", [], ("12", ""), id="commented options"),
        pytest.param("\n\nwarning=10\n\n\n", [], ("10", ""), id="empty lines"),
        pytest.param("warning=10", ["-w", "20"], ("20", ""), id="the command line is the later"),
        pytest.param("warning=10\nwarning=20", [], ("20", ""), id="repeated keys, in order"),
        pytest.param("w=job_awaiting=10", [], ("10", ""), id="a selector behind one letter"),
        pytest.param(
            "warning=consumers=5:\nwarning=10", [], ("10", ""), id="a value with equals signs"
        ),
        pytest.param("warning=10", ["-c", "20"], ("10", "20"), id="added to the command line"),
        pytest.param("warning=10\nwarning=", [], ("", ""), id="an empty range removes"),
        pytest.param("warning=10", ["-w", ""], ("", ""), id="the command line removes"),
        pytest.param("warning=\ncritical=5", ["-w", "3"], ("3", "5"), id="set after a removal"),
        pytest.param("warning=10\n[other]\nwarning=20", [], ("10", ""), id="the next section"),
        pytest.param(
            "warning=10\n[other]\nwarning=20\n[check_rodin_queues]\ncritical=30",
            [],
            ("10", "30"),
            id="a section that is continued",
        ),
        pytest.param("warning=10\n[o]\nfrobnicate=1", [], ("10", ""), id="other sections' options"),
        pytest.param("warning=10\n[o]\nx y z", [], ("10", ""), id="what other sections hold"),
        pytest.param("warning=10\n[check_rodin]\nw=1", [], ("10", ""), id="the whole name counts"),
        pytest.param("warning=10\n[Check_rodin_queues]\nw=1", [], ("10", ""), id="case counts"),
    ],
)
def test_what_a_section_says(
    text: str, args: List[str], expected: Tuple[str, str], place: Place
) -> None:
    path = place.write(f"[check_rodin_queues]\n{text}\n")
    for order in (["--extra-opts", f"@{path}", *args], [*args, "--extra-opts", f"@{path}"]):
        assert limits(place.judge(*order)) == expected


def test_a_last_line_needs_no_end(place: Place) -> None:
    path = place.write("[check_rodin_queues]\nwarning=10")
    assert limits(place.judge(f"--extra-opts=@{path}")) == ("10", "")


def test_space_in_the_brackets_is_stripped(place: Place) -> None:
    path = place.write("[ check_rodin_queues ]\nwarning=10\n")
    assert limits(place.judge(f"--extra-opts=@{path}")) == ("10", "")


@pytest.mark.parametrize("flag", ["verbose=", "v=", "verbose = "])
def test_a_flag_has_an_empty_value(flag: str, place: Place) -> None:
    path = place.write(f"[check_rodin_queues]\ninput={place.folder}/answer.json\n{flag}\n")
    found = report.read(run("--extra-opts", f"@{path}"), verbose=True)
    assert found.more.startswith("[OK] rodin.mesh")


def test_verbosity_adds_up(place: Place) -> None:
    path = place.write(f"[check_rodin_queues]\ninput={place.folder}/answer.json\nv=\nv=\n")
    both = run("--extra-opts", f"@{path}", "-v")
    assert both.stdout == run("--input", f"{place.folder}/answer.json", "-vvv").stdout


def test_a_single_value_is_overridden(place: Place) -> None:
    other = place.folder / "other.json"
    other.write_text(answer({"alone": queue()}))
    path = place.write(f"[check_rodin_queues]\ninput={place.folder}/answer.json\n")
    args = ("--extra-opts", f"@{path}")
    assert "rodin.mesh.consumers" in report.read(run(*args)).metrics
    found = report.read(run("--input", str(other), *args, "--require="))
    assert "alone.consumers" in found.metrics


@pytest.mark.parametrize(
    ("line", "args", "expected"),
    [
        ("queue=rodin.mesh", ["-q", "rodin.pack"], {"rodin.mesh", "rodin.pack"}),
        ("q=rodin.mesh", ["-q", "rodin.pack"], {"rodin.mesh", "rodin.pack"}),
        ("exclude=rodin.mesh", ["-x", "rodin.pack"], {"rodin.remesh", "rodin.texture"}),
        ("x=rodin.mesh", ["-x", "rodin.pack"], {"rodin.remesh", "rodin.texture"}),
    ],
)
def test_globs_are_added(line: str, args: List[str], expected: Set[str], place: Place) -> None:
    path = place.write(f"[check_rodin_queues]\n{line}\n")
    found = place.judge("--extra-opts", f"@{path}", *args)
    assert {label.rpartition(".")[0] for label in found.metrics} == expected


def test_required_queues_and_states_are_added(place: Place) -> None:
    path = place.write("[check_rodin_queues]\nrequire=a\nstate=missing=warning\nstate=empty=ok\n")
    found = place.judge("--extra-opts", f"@{path}", "--require", "b", "--state", "stranded=ok")
    assert found.state == "WARNING"
    assert "a" in found.text.replace(",", " ").split()
    assert "b" in found.text.replace(".", " ").split()
    path = place.write("[check_rodin_queues]\nstate=missing=ok\n")
    args = ("--extra-opts", f"@{path}", "--require", "a")
    assert place.judge(*args, "--state", "missing=warning").state == "WARNING"


def test_it_names_server_and_token(place: Place) -> None:
    with live.site() as asked:
        path = place.write(
            f"[rodin]\nhost={asked.server.url}\ntoken-file={asked.token_file}\ntimeout=9\n"
        )
        found = report.read(run("--extra-opts", f"rodin@{path}"))
        assert found.state == "OK"
        assert str(found.metrics["time"].maximum) == "9"
        found = report.read(run("--extra-opts", f"rodin@{path}", "-t", "8"))
        assert str(found.metrics["time"].maximum) == "8"


def test_it_goes_before_the_environment(place: Place) -> None:
    """An option of the file is an option: it beats the default that a variable is."""
    with live.site() as asked:
        path = place.write(f"[check_rodin_queues]\nH={asked.server.url}\n")
        env = {"RODIN_URL": "http://127.0.0.1:1", "RODIN_API_KEY": live.TOKEN}
        assert report.read(run("--extra-opts", f"@{path}", env=env)).state == "OK"


def test_a_probe_can_be_asked_for(place: Place) -> None:
    path = place.write(f"[k8s]\nprobe=liveness\ninput={place.folder}/answer.json\n")
    outcome = run("--extra-opts", f"k8s@{path}", "-w", "10")
    assert report.probed(outcome) == 0
    assert "WARNING" in outcome.stdout


def test_the_file_can_be_standard_input(place: Place) -> None:
    args = ("--input", str(place.folder / "answer.json"), "--extra-opts=@-")
    found = report.read(run(*args, stdin="[check_rodin_queues]\nw=10\n"))
    assert limits(found) == ("10", "")


NO_OPTION = "there is no such option. See --help; leave its leading dashes out"
NO_EQUALS_SIGN = "it has no =; a line is OPTION=VALUE, a flag OPTION="
NO_SECTION = "the section [check_rodin_queues] is not in the file, or empty. Add it there"
A_RANGE = (
    "in the file: -w/--warning: what was given is not a range. Accepted: 10 (outside 0..10), "
    "1: (below 1), ~:5 (above 5), 5:10, @5:10 (inside), empty for none"
)
SECONDS = "in the file: -t/--timeout: takes seconds, 0.5 to 3600, such as 10 or 2.5"
BEFORE = "an option stands before the first [SECTION]"

#: Files that are wrong; the line that is, if one is; and what is said of it.
BAD: Dict[str, Tuple[str, int, str]] = {
    "no section": ("warning=10\n", 1, BEFORE),
    "an option before the first section": ("\nw=10\n[check_rodin_queues]\nw=1\n", 2, BEFORE),
    "nothing": ("", 0, NO_SECTION),
    "another section": ("[other]\nwarning=10\n", 0, NO_SECTION),
    "an empty section": ("[check_rodin_queues]\n# w=10\n[other]\nw=10\n", 0, NO_SECTION),
    "no equals sign": ("[check_rodin_queues]\nwarning\n", 2, NO_EQUALS_SIGN),
    "a flag without equals sign": ("[check_rodin_queues]\n\nverbose\n", 3, NO_EQUALS_SIGN),
    "no key": ("[check_rodin_queues]\n=10\n", 2, NO_OPTION),
    "an unknown option": ("[check_rodin_queues]\nfrobnicate=secret-canary\n", 2, NO_OPTION),
    "an abbreviated option": ("[check_rodin_queues]\nwarn=10\n", 2, NO_OPTION),
    "an option with its dash": ("[check_rodin_queues]\n-w=10\n", 2, NO_OPTION),
    "an option in capitals": ("[check_rodin_queues]\nWARNING=10\n", 2, NO_OPTION),
    "a letter in capitals": ("[check_rodin_queues]\nX=secret-canary\n", 2, NO_OPTION),
    "the token itself": ("[check_rodin_queues]\ntoken=secret-canary\n", 2, NO_OPTION),
    "a bad range": ("[check_rodin_queues]\nwarning=secret-canary\n", 0, A_RANGE),
    "a comment behind a value": ("[check_rodin_queues]\nwarning=10 # jobs\n", 0, A_RANGE),
    "a bad timeout": ("[check_rodin_queues]\ntimeout=secret-canary\n", 0, SECONDS),
    "an empty timeout": ("[check_rodin_queues]\ntimeout=\n", 0, SECONDS),
    "a value for a flag": (
        "[check_rodin_queues]\ninsecure=secret-canary\n",
        2,
        "this option takes no value: write nothing behind the =",
    ),
    "extra-opts itself": ("[check_rodin_queues]\nextra-opts=other\n", 2, NO_OPTION),
    "an unclosed section": (
        "[check_rodin_queues\nwarning=10\n",
        1,
        "a section is written [NAME]",
    ),
    "help": ("[check_rodin_queues]\nhelp=\n", 0, "in the file: no --help or --version there"),
    "version": ("[check_rodin_queues]\nV=\n", 0, "in the file: no --help or --version there"),
    "bytes that are no text": (
        "[check_rodin_queues]\nwarning=\udcff\n",
        0,
        "in the file: -w/--warning: takes names of queues in UTF-8",
    ),
    "a path with a NUL": (
        "[check_rodin_queues]\nca-file=secret\0canary\n",
        0,
        "in the file: --ca-file: takes a path",
    ),
    "too much": (
        "#" * (1024 * 1024) + "\n",
        0,
        "the file is larger than 1 MiB. Is it an INI file?",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_a_configuration_error(kind: str, place: Place) -> None:
    text, line, said = BAD[kind]
    path = place.folder / "bad.ini"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    outcome = run("--input", f"{place.folder}/answer.json", "--extra-opts", f"@{path}")
    assert (
        report.refused(outcome)
        == f"--extra-opts: {f'line {line} of the file: ' * (line > 0)}{said}"
    )


@pytest.mark.parametrize("line", ["w==10", "warning==10"])
def test_an_equals_sign_of_the_value_is_not_lost(line: str, place: Place) -> None:
    path = place.write(f"[check_rodin_queues]\n{line}\n")
    assert "SELECTOR has to end in a metric" in report.refused(
        run("--extra-opts", f"@{path}", "--input", f"{place.folder}/answer.json")
    )


def test_what_the_arguments_and_a_file_say_together_is_no_mistake_of_the_arguments(
    place: Place,
) -> None:
    """A key here and its certificate there; a host that --input makes void."""
    cert = place.write(f"[check_rodin_queues]\nclient-cert={place.folder}/absent.pem\n")
    key = ("-H", "h.example", "--client-key", "k", "--token-file", "/dev/null")
    said = report.refused(run(*key, "--extra-opts", f"@{cert}", env={"RODIN_API_KEY": "made-up"}))
    assert said == "--token-file: the token is empty. Put the API token there"
    saved = place.write(f"[check_rodin_queues]\ninput={place.folder}/answer.json\nw=10\n")
    found = report.read(run("-H", "http://u:p@h/x?y", "--extra-opts", f"@{saved}"))
    assert limits(found) == ("10", "")


def test_a_host_that_is_wrong_whatever_a_file_says_is_told_first(place: Place) -> None:
    broken = place.write("[check_rodin_queues]\nnonsense\n")
    for path in (broken, f"{place.folder}/absent.ini"):
        said = report.refused(run("-H", "http://u:p@h", "--extra-opts", f"@{path}"))
        assert said.startswith("-H/--host: takes HOST")


def test_a_port_of_a_file_that_does_not_fit_is_the_mistake_of_the_file(place: Place) -> None:
    path = place.write("[check_rodin_queues]\nport=90\n")
    args = ("-H", "http://h.example:80", "--extra-opts", f"@{path}", "--probe", "liveness")
    assert report.probed(run(*args)) == 0
    assert report.probed(run(*args[:2], "-p", "90", *args[2:])) == 1


def test_a_file_of_a_mebibyte_is_read(place: Place) -> None:
    start = "[check_rodin_queues]\nw=10\n"
    path = place.write(start + "#" * (1024 * 1024 - len(start)))
    assert limits(place.judge("--extra-opts", f"@{path}")) == ("10", "")


def test_a_section_that_is_no_default_is_not_repeated(place: Place) -> None:
    """It may be a secret in the wrong place."""
    path = place.write(SECTIONS)
    said = report.refused(run("--extra-opts", f"made-up@{path}"))
    assert said == f"--extra-opts: {NO_SECTION.replace('[check_rodin_queues]', 'that was named')}"


def test_a_short_option_may_have_a_value_with_a_dash(place: Place) -> None:
    path = place.write("[check_rodin_queues]\nq=-x\nw=-5:5\n")
    found = place.judge("--extra-opts", f"@{path}")
    assert "-x is missing from the answer" in found.text


def test_a_file_that_cannot_be_read_is_a_configuration_error(place: Place) -> None:
    for path in (f"{place.folder}/absent.ini", str(place.folder), "/dev/null/x", ""):
        report.refused(run("--extra-opts", f"@{path}"), "--extra-opts")


def test_no_file_anywhere_is_a_configuration_error(place: Place) -> None:
    env = {"MP_CONFIG_FILE": f"{place.folder}/absent.ini"}
    report.refused(run("--extra-opts", env=env), "--extra-opts")
    env = {"NAGIOS_CONFIG_PATH": str(place.folder)}
    if not any(map(os.path.exists, STANDARD)):
        report.refused(run("--extra-opts", env=env), "--extra-opts", "SECTION@FILE")


def test_an_endless_file_is_not_read_to_its_end() -> None:
    report.refused(run("--extra-opts", "@/dev/zero"), "--extra-opts")


def test_a_section_that_does_not_end_is_refused_at_once(place: Place) -> None:
    ini = place.write("[" + " " * 100_000 + "x\nw=1\n")
    found = place.judge("--extra-opts", f"@{ini}", "-t", "1")
    assert found.state == "UNKNOWN"
    assert "line 1 of the file: a section is written [NAME]" in found.text


def test_a_byte_order_mark_is_no_part_of_the_file(place: Place) -> None:
    ini = place.write("\ufeff[check_rodin_queues]\nwarning=10\n")
    assert limits(place.judge("--extra-opts", f"@{ini}")) == ("10", "")


@pytest.mark.parametrize("option", ["w", "warning"])
def test_an_empty_value_takes_a_threshold_away(place: Place, option: str) -> None:
    ini = place.write(f"[check_rodin_queues]\nwarning = 10\n{option} =\ncritical = 20\n")
    assert limits(place.judge("--extra-opts", f"@{ini}")) == ("", "20")
