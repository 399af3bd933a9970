"""Files and variables: how much is read, which paths are shown, and what is wrong with a file."""

from __future__ import annotations

import errno
import os
import pwd
import subprocess
from pathlib import Path

import pytest

from check_rodin_queues.errors import ConfigError
from check_rodin_queues.inputs import read_file, read_variable, shown_path, unreadable
from tests import table
from tests.console import SCRIPT, report, run
from tests.server import site


@pytest.mark.parametrize("size", [0, 10, 11, 12, 200_000])
@pytest.mark.parametrize("source", ["file", "-"])
def test_a_file_is_read_up_to_a_byte_beyond_its_limit(
    source: str, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a caller sees that it is larger."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    with path.open("rb") as file:
        monkeypatch.setattr("check_rodin_queues.inputs._STDIN", file.fileno())
        found = read_file("-" if source == "-" else str(path), "--input", 10)
    assert found == b"x" * min(size, 11)


def test_standard_input_is_read_although_it_comes_in_pieces() -> None:
    pieces = (site()[:9], site()[9:])
    source = f"(printf %s '{pieces[0]}'; sleep 0.3; printf %s '{pieces[1]}')"
    shell = f"{source} | {SCRIPT} --input - -c consumers=0:"
    assert subprocess.run(["sh", "-c", shell], check=False, capture_output=True).returncode == 0


def test_a_saved_response_has_at_most_one_mebibyte(tmp_path: Path) -> None:
    path = tmp_path / "response.json"
    path.write_text(f"\ufeff{site()}".ljust(1024 * 1024 - 2), encoding="utf-8")
    assert report(run("--input", str(path))).state == "OK"
    path.write_text(site().ljust(1024 * 1024 + 1))
    assert report(run("--input", str(path))).conditions == ("invalid",)


#: A path in the directory TMP, and whether it can be shown: it is a path, and not a secret.
PATHS = {
    **dict.fromkeys(("-", "TMP", "TMP/absent", "TMP/file", "TMP/link", "/", "file"), True),
    **dict.fromkeys(("absent", "./absent", "/absent", "TMP/absent/absent"), False),
    **dict.fromkeys(("TMP/file/absent", "a\0b", ""), False),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_path_is_shown_if_it_or_its_directory_exists(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directories / and . would let a secret through."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("absent")
    monkeypatch.chdir(tmp_path)
    given = path.replace("TMP", str(tmp_path))
    assert shown_path(given) == (given if PATHS[path] else "the file")


#: A path in the directory TMP, and what is wrong with it.
ERRORS = f"""\
TMP/absent => --input: cannot read TMP/absent: no such file. Check the path
TMP => --input: cannot read TMP: is a directory. Check the path
TMP/file/x => --input: cannot read the file: not a directory. Check the path
TMP/{"x" * 300} => --input: cannot read TMP/{"x" * 300}: file name too long. Check the path
"""


@table.each(ERRORS)
def test_the_line_of_a_file_that_cannot_be_read(situation: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError) as raised:
        read_file(situation.replace("TMP", str(tmp_path)), "--input", 10)
    assert str(raised.value).replace(str(tmp_path), "TMP") == line


def test_the_line_of_a_file_that_this_user_must_not_read() -> None:
    user = pwd.getpwuid(os.geteuid()).pw_name
    assert str(unreadable("/etc", "--token-file", PermissionError(errno.EACCES, "x"))) == (
        f"--token-file: cannot read /etc: permission denied for user {user}. "
        "Check owner and mode of the file and its directories"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [("x", "x"), (" \r\n\tx y\n", "x y"), ("\ufeffx", "x"), (" \ufeff x", "x"), (" \ufeff\n", "")],
)
def test_white_space_and_a_byte_order_mark_around_a_variable_are_stripped(
    value: str, expected: str
) -> None:
    assert read_variable({"A": value}, "A") == expected
    assert read_variable({}, "A") == ""
