"""The API token: where it is read from, which are errors, when it expires, how it is redacted."""

from __future__ import annotations

import base64
import math
from pathlib import Path
from typing import Optional

import pytest

from check_rodin_queues.errors import ConfigError
from check_rodin_queues.token import Token, find_token, token_to_redact
from tests import table
from tests.tokens import FORMS, jwt

LONGEST = "x" * 16 * 1024


def sent(token_file: Optional[str] = None, **environ: str) -> str:
    """Return the token that is sent."""
    return find_token(token_file, environ).authorization.partition("Bearer ")[2]


# --- sources ------------------------------------------------------------------------------------


def test_the_first_source_that_is_given_is_used(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("token-of-one")
    two.write_text("token-of-two")
    env = {"RODIN_API_KEY_FILE": str(two), "RODIN_API_KEY": "token-itself"}
    assert sent(str(one), **env) == "token-of-one"
    assert sent(None, **env) == "token-of-two"
    assert sent(None, **{**env, "RODIN_API_KEY_FILE": " \n"}) == "token-itself"
    assert [find_token(str(one), env).place, find_token(None, env).place] == [str(one), str(two)]
    assert find_token(None, {"RODIN_API_KEY": "a"}).place == "RODIN_API_KEY"


@pytest.mark.parametrize(
    "form", ["{}", "{}\n", "{}\r\n", " \t{}\t \n", "{}\nsecond line\n", "\ufeff{}\n", " \ufeff{}"]
)
def test_white_space_and_a_byte_order_mark_are_stripped(form: str, tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(form.format("a-token").encode())
    assert sent(str(path)) == sent(RODIN_API_KEY_FILE=f"\ufeff{path}\n") == "a-token"
    if "second" not in form:
        assert sent(RODIN_API_KEY=form.format("a-token")) == "a-token"


def test_the_longest_token_can_have_white_space_around_it(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{' ' * 9000}{LONGEST}\n")
    assert sent(str(path)) == LONGEST


#: What the file TOKEN has, and what is wrong with it; and the same for RODIN_API_KEY.
ERRORS = """\
_ => --token-file: the API token is empty. Put the token in TOKEN
/second => --token-file: the API token is empty. Put the token in TOKEN
Bearer made-up
  --token-file: the API token has a space or control character inside. Write the token alone
  in TOKEN, without 'Bearer', quotes or a name
made\0up
  --token-file: the API token has a space or control character inside. Write the token alone
  in TOKEN, without 'Bearer', quotes or a name
m\xe4de-up => --token-file: the API token has characters outside ASCII. Copy it to TOKEN again
LONGx => --token-file: the API token is longer than 16 KiB. Check the path
"""


@table.each(ERRORS)
def test_the_line_of_a_token_that_cannot_be_sent(situation: str, line: str, tmp_path: Path) -> None:
    text = situation.replace("/", "\n").replace("LONG", LONGEST).replace("_", "")
    path = tmp_path / "token"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigError) as raised:
        find_token(str(path), {"RODIN_API_KEY": "sound"})
    assert str(raised.value).replace(str(path), "TOKEN") == line
    if text.strip() == text != "":
        said = line.replace("--token-file", "RODIN_API_KEY").replace("TOKEN", "RODIN_API_KEY")
        with pytest.raises(ConfigError) as raised:
            find_token(None, {"RODIN_API_KEY": text})
        assert str(raised.value) == said
        assert token_to_redact({"RODIN_API_KEY": text}) is None


#: --token-file and RODIN_API_KEY_FILE, and what is wrong with the first that is given.
SOURCES = """\
_ _ => no API token given. Use --token-file or set RODIN_API_KEY
_ made-up => RODIN_API_KEY_FILE: cannot read the file: no such file. Check the path
/ /dev/stdin => --token-file: cannot read /: is a directory. Check the path
"""


@table.each(SOURCES)
def test_the_line_of_a_source_that_cannot_be_read(situation: str, line: str) -> None:
    """No further source is used instead."""
    token_file, variable = (None if word == "_" else word for word in situation.split())
    environ = {"RODIN_API_KEY_FILE": variable, "RODIN_API_KEY": "sound"} if variable else {}
    with pytest.raises(ConfigError) as raised:
        find_token(token_file, environ)
    assert str(raised.value) == line


def test_without_a_server_only_the_variable_is_looked_at() -> None:
    """The token in it is redacted though it is not needed; no file is opened."""
    found = token_to_redact({"RODIN_API_KEY_FILE": "/nonexistent", "RODIN_API_KEY": " secret\n"})
    assert found
    assert found.authorization == "Bearer secret"
    assert token_to_redact({"RODIN_API_KEY_FILE": "/nonexistent"}) is None


# --- what is read from it -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exp", "expected"),
    [
        *((0, -1), (-1, -2), (1.5, 0), (2, 1), (2**53 - 1, 2**53 - 2), (2**53, None)),
        *((-(2**53), None), (True, None), ("1", None), (None, None), ([], None)),
    ],
)
def test_when_a_token_expires(exp: object, expected: Optional[int]) -> None:
    token = Token(jwt({"exp": exp, "sub": "~~~???>>>"}), "")
    assert token.seconds_left(0.75) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("a.b", "a.b.c", "a.b.c.d", "..", jwt([5]), jwt({}), jwt({"exp": 5}) + ".x"),
        f"a.{base64.urlsafe_b64encode(b'[' * 9999).decode()}.c",
    ],
    ids=lambda text: str(text)[:20],
)
def test_a_token_without_an_expiry(text: str) -> None:
    assert Token(text, "").seconds_left(0) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("aZ09-._~+/", True), ("a==", True), ('"a"', False), ("KEY=token", False)),
        *(("{}", False), ("=", False), ("a=b", False), ("a,b", False)),
    ],
)
def test_what_looks_like_a_bearer_token(text: str, *, expected: bool) -> None:
    assert Token(text, "").is_well_formed is expected


# --- redaction ----------------------------------------------------------------------------------

#: Its base64 has every digit that the URL-safe alphabet writes otherwise, at every alignment.
ODD = "Zk>~?o?>/k~~{}+a%?>"


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_redacted(form: str) -> None:
    shown = FORMS[form](ODD)
    assert Token(ODD, "").redact(f"\xe9(a) {shown} b{shown}") == "\xe9(a) *** b***"


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("behind", range(3))
@pytest.mark.parametrize("alphabet", [b"+/", b"-_"], ids=["standard", "URL"])
def test_base64_of_a_text_with_the_token_is_redacted(
    alphabet: bytes, behind: int, before: int
) -> None:
    """All digits that hold nothing of what stands before or behind."""
    raw = b"<" * before + ODD.encode() + b">" * behind
    encoded = base64.b64encode(raw, alphabet).decode()
    first, last = math.ceil(before * 8 / 6), math.floor((before + len(ODD)) * 8 / 6)
    assert Token(ODD, "").redact(encoded) == f"{encoded[:first]}***{encoded[last:]}"


@pytest.mark.parametrize("form", ["as it is", "percent, all", "hex"])
@pytest.mark.parametrize("part", range(3))
def test_each_part_of_a_jwt_is_redacted(part: int, form: str) -> None:
    parts = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJ0ZXN0cyJ9", "0123456789abcdef"]
    token = Token(".".join(parts), "")
    assert token.redact(f"<{FORMS[form](parts[part])}>") == "<***>"
    assert token.redact("<0123456789abcde>") == "<0123456789abcde>"


@pytest.mark.parametrize(
    ("token", "text", "shown"),
    [
        pytest.param("abcd", "abcd", "abcd", id="four characters are too common"),
        pytest.param("abcde", "abcde 6162636465", "*** ***", id="five are not"),
        pytest.param("33333", "3333333333", "***", id="the longest form first"),
        pytest.param("a.c*e", "abcce a.c*e", "abcce ***", id="not a pattern"),
        pytest.param("a%41b/c", "a%41b/c a%2541b/c", "*** ***", id="a token that looks escaped"),
        pytest.param(
            "abcdefgh", "%41 &amp; \\n \\u0041 &#65; %zz &x", None, id="what is not the token stays"
        ),
        pytest.param("abcdefgk", "\u0130\udc80 abcdefg\u212a", None, id="other letters stay"),
    ],
)
def test_what_is_redacted(token: str, text: str, shown: Optional[str]) -> None:
    assert Token(token, "").redact(text) == (text if shown is None else shown)


def test_no_text_form_shows_a_token() -> None:
    token = Token("made-up", "")
    assert [repr(token), str(token), f"{token}"] == ["Token(***)"] * 3
