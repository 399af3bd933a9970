"""The token: what can be sent, in which shapes it is found again, and when it expires."""

from __future__ import annotations

import base64
import binascii
import html
import html.entities
import json
import math
import re
import string
from typing import Callable, Dict, List, Optional, Tuple
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from check_rodin_queues.errors import ConfigError
from check_rodin_queues.labels import loosened, one_line, shown_names
from check_rodin_queues.redaction import Finder
from check_rodin_queues.tokens import MAX_LENGTH, Token, parse_token
from tests import report
from tests.answers import answer, queue
from tests.console import run
from tests.tokens import jwt

#: Its base64 has every digit that the URL-safe alphabet writes otherwise, at every offset.
ODD = "Zk>~?o?>/k~~{}+a%?>"


def token_of(text: str) -> Token:
    """Return the token *text*."""
    return parse_token(text, "RODIN_API_KEY")


def test_a_token_shows_itself_only_to_the_server() -> None:
    token = token_of(ODD)
    assert (repr(token), str(token), f"{token}") == ("Token(***)",) * 3
    assert token.authorization() == f"Bearer {ODD}"


#: Entities of HTML for what a token may hold besides letters and digits.
NAMED = {
    char: f"&{name}"
    for name, char in html.entities.html5.items()
    if name.endswith(";") and char in string.punctuation
}


def shapes(text: str) -> Dict[str, str]:
    """Return the ways in which a server may send *text* back, each whole or beside other text."""
    raw = text.encode()
    return {
        "bare": text,
        "percent-encoded": quote(text, safe=""),
        "percent-encoded in lower case": quote(text, safe="").lower(),
        "hex": raw.hex(),
        "hex in capitals": raw.hex().upper(),
        "in capitals": text.upper(),
        "JSON": json.dumps(text)[1:-1],
        "JSON of PHP": text.replace("/", "\\/"),
        "JSON of .NET": text.replace("+", "\\u002B").replace(">", "\\u003e"),
        "all of it for JSON": "".join(f"\\u{ord(char):04x}" for char in text),
        "HTML": html.escape(text),
        "HTML in capitals": html.escape(text).replace("&gt;", "&GT;"),
        "hexadecimal for HTML": "".join(f"&#x{ord(char):X};" for char in text),
        "decimal for HTML": "".join(f"&#{ord(char)};" for char in text),
        "all of it percent-encoded": "".join(f"%{ord(char):02x}" for char in text),
        "a part percent-encoded": quote(text, safe="/+"),
        "one character percent-encoded": f"{text[:3]}%{ord(text[3]):02X}{text[4:]}",
        "named for HTML": "".join(NAMED.get(char, char) for char in text),
        "JSON of Perl": "".join(f"\\x{{{ord(char):04x}}}" for char in text),
        "characters of Perl": "".join(f"\\N{{U+{ord(char):06X}}}" for char in text),
        "octal of C": "".join(f"\\{ord(char):03o}" for char in text),
        "octal of JavaScript": "".join(f"\\{ord(char):o}" for char in text),
        "eight digits of Python": "".join(f"\\U{ord(char):08x}" for char in text),
        "one character in eight digits": f"{text[:3]}\\U{ord(text[3]):08x}{text[4:]}",
        "braces of Rust": "".join(f"\\u{{{ord(char):06x}}}" for char in text),
        "eight digits for HTML": "".join(f"&#x{ord(char):08x};" for char in text),
        "ten digits for HTML": "".join(f"&#{ord(char):010d};" for char in text),
        "for a regular expression": re.escape(text),
        "for a shell": re.sub(r"([^0-9A-Za-z])", r"\\\1", text),
        "CSS": "".join(f"\\{ord(char):06x}" for char in text),
        "UTF-16": text.encode("utf-16-le").decode("latin-1")[:-1],
        "in two halves": f"{text[:9]} {text[9:]}",
        "in two lines": f"{text[:9]}\r\n{text[9:]}",
        "in two halves, percent-encoded": f"{text[:9]}%20{text[9:]}",
        "in two lines, percent-encoded": f"{text[:9]}%0D%0A{text[9:]}",
        "with a DEL, percent-encoded": f"{text[:9]}%7F{text[9:]}",
        "in two halves, percent-encoded three times": f"{text[:9]}%252520{text[9:]}",
        "with a DEL, percent-encoded three times": f"{text[:9]}%25257F{text[9:]}",
        "in two halves, with a space of HTML escaped three times": (
            f"{text[:9]}&amp;amp;nbsp;{text[9:]}"
        ),
        "in wide letters": "".join(chr(ord(char) + 0xFEE0) for char in text),
        "with soft hyphens": "\xad".join(text),
        "hex with spaces": text.encode().hex(" "),
        "JSON in JSON": json.dumps(json.dumps(text.replace("/", "\\/"))[1:-1])[1:-1],
        "percent-encoded three times": quote(quote(quote(text, safe=""), safe=""), safe=""),
        "base64 in lines": base64.encodebytes(5 * text.encode()).decode()[:127],
        "base64 in a JSON": json.dumps(base64.encodebytes(5 * text.encode()).decode())[1:129],
    }


@pytest.mark.parametrize("shape", shapes(ODD))
def test_a_shape_of_the_token_is_hidden(shape: str) -> None:
    written = shapes(ODD)[shape]
    whole = 5 * ODD if "base64" in shape else ODD
    assert token_of(whole).redact(f"(a) {written} b{written}(c)") == "(a) *** b***(c)"


def test_all_shapes_are_hidden_at_once() -> None:
    found = {name: shape for name, shape in shapes(ODD).items() if "base64" not in name}
    text = " , ".join(found.values())
    assert token_of(ODD).redact(text) == " , ".join(["***"] * len(found))


@pytest.mark.parametrize("text", ["a\\nb%41&amp;c", "%41%41%41", "\\\\u0041\\/", "&#65;&lt;&x;"])
def test_a_token_that_looks_escaped_is_hidden_as_it_is(text: str) -> None:
    assert token_of(text).redact(f"{text} \xe9 {text}") == "*** \xe9 ***"


@pytest.mark.parametrize(
    ("text", "written", "shown"),
    [
        ("abcd%2Fefgh/ijkl", "abcd%2Fefgh\\/ijkl", "***"),
        ('abcd%41efgh"ijkl', 'abcd%41efgh\\"ijkl', "***"),
        ('abcd&amp;efgh"ijkl', 'abcd&amp;efgh\\"ijkl', "***"),
        ('abcd%41efgh"ijkl', "abcd%41efgh&quot;ijkl", "***"),
        ("abcd%2525efgh/ijkl", "abcd%2525efgh%2Fijkl", "***"),
        ("a%41b/c", "a%41b%2Fc", "***"),
        # what is left of it is shorter than what is hidden
        ("%41%42%43/", "%41%42%43%2F", "%41%42%43%2F"),
    ],
)
def test_a_token_that_looks_escaped_is_hidden_where_it_is_escaped(
    text: str, written: str, shown: str
) -> None:
    """Only a part of it: to undo that undoes what was no escape, too."""
    assert token_of(text).redact(f"({written})") == f"({shown})"


def test_what_is_not_the_token_stays_as_it_is() -> None:
    escapes = "%41 &amp; \\n \\u0041 &#65; &#999; &nbsp; %zz \\x"
    text = f"\xe9 {escapes} \udc80 \u0130\u212a\u017f\U0001f980 < >"
    assert token_of(ODD).redact(text) == text


#: What becomes of a token when what may not be printed, or not in a label, becomes an underscore.
CLEANED = {
    "a_b_c_token": [
        "A|B_C=TOKEN",
        "a|b|c|token",
        "a=b'c|token",
        "a\x01b\x02c\x03token",
        "a|b\u202ec|token",
    ],
    "az_b_token": ["AZ|B_TOKEN"],
    "a__b_token": ["a::b_token", "a::b=token", "a||b|token", "a_|b_token"],
    "a=b_token==": ["a=b|token==", "a=b\x01token=="],
    "a=b_token": ["a'b=token", "a=b=token"],
    "a::b_token": ["a::b|token"],
    "a|b_token": ["a|b_token"],
}


@pytest.mark.parametrize(
    ("token", "written"), [(token, text) for token, texts in CLEANED.items() for text in texts]
)
def test_what_cleaning_makes_a_token_is_hidden(token: str, written: str) -> None:
    assert token_of(token).redact(f"<{written}>") == "<***>"
    assert token_of(token).redact(f"<{written[1:]}>") == f"<{written[1:]}>"


def test_a_token_that_begins_like_the_end_of_two_colons_is_hidden() -> None:
    """A label would have two underscores there, a line has one for the bar."""
    assert token_of(":b|c_token").redact("a::b_c_token") == "a:***"


#: Escapes that are not whole: what stands behind them may be taken for a part of them.
UNFINISHED = [
    "%",
    "%4",
    "\\",
    "\\x",
    "\\x4",
    "\\u00",
    "\\u004",
    "\\0",
    "&#",
    "&#x",
    "&#x4",
    "%u00",
    "&",
]
#: What a server may break a text with, or what a cleaning may have made of that.
BREAKS = {"nothing": "", "a line": "\r\n ", "no width": "\u200b", "bars": "|", "underscores": "_"}


@pytest.mark.parametrize("escape", UNFINISHED)
@pytest.mark.parametrize("between", BREAKS.values(), ids=BREAKS)
@pytest.mark.parametrize("slash", ["/", "\\/", "%2f"])
@pytest.mark.parametrize("token", ["abcdef/ghijklmn", "1234567/890123", "nbcdef/ghijklmn"])
def test_an_escape_that_is_not_whole_shows_no_token_behind_it(
    token: str, slash: str, between: str, escape: str
) -> None:
    """But for the first few characters, which may be a part of the escape."""
    broken = between.join(token).replace("/", slash)
    shown = token_of(token).redact(f"{escape}{broken} ")
    assert re.fullmatch(f"{re.escape(escape)}(. ?|[\\s\u200b|_]){{0,12}}[*]{{3}} ", shown), shown
    assert loosened(shown[len(escape) :].partition("***")[0]) in token[:3]


def test_what_an_escape_can_not_have_taken_is_missing() -> None:
    """It takes three characters at the most."""
    token = token_of("abcdefghij-klm")
    assert token.redact("%41 defghij-klm") == "%41 ***"
    assert token.redact("%41 efghij-klm") == "%41 efghij-klm"


@pytest.mark.parametrize(
    ("token", "written"),
    [
        ("a_secret_token_1", "a%5fsecret|token_1"),
        ("a_secret_token_1", "a&#95;secret=token'1"),
        ("a_secret_token_1", "a\\_secret%7ctoken\x011"),
        ("a=b/c=d/e=f", "a|b%2Fc|d%2Fe|f"),
        ("a_secret_token_1", "a_se|cr'et_to=ken_::1"),
        ("a::b_c", "a%3a:b|c"),
        ("***xx", "***xxxx"),
        ("***xx", "***xxxxxxxx"),
    ],
)
def test_a_mixture_is_hidden_before_and_after_it_is_cleaned(token: str, written: str) -> None:
    """A name that is hidden only after that is never found to be one that may be shown."""
    secret = token_of(token)
    once = secret.redact(one_line(secret.redact(f"<{written}>")))
    assert loosened(token) not in loosened(once)
    assert secret.redact(once) == once
    (shown,) = shown_names([written], secret.redact).values()
    assert secret.redact(shown) == shown


def test_of_what_becomes_the_token_ever_anew_nothing_is_shown() -> None:
    assert token_of("***xx").redact(f"<***{'xx' * 100}>") == ""


def test_what_is_near_the_letters_is_none() -> None:
    """One more than Z is no letter, and not the lower case of anything."""
    assert token_of("a{b{c_d").redact("<a[b[c|d>") == "<a[b[c|d>"
    assert token_of("a{b{c_d").redact("<a{b{c|d>") == "<***>"


@pytest.mark.parametrize("capitals", [False, True])
@pytest.mark.parametrize(
    ("name", "char"),
    [
        (name, char)
        for name, char in html.entities.html5.items()
        if name.endswith(";") and char in string.punctuation
    ],
)
def test_each_name_that_html_has_for_a_character_of_a_token_is_known(
    name: str, char: str, *, capitals: bool
) -> None:
    """Some have capitals, such as &Hat; and &UnderBar;, and whoever changes the case has others."""
    written = f"abc&{name.upper() if capitals else name}def"
    assert token_of(f"abc{char}def").redact(f"<{written}>") == "<***>"


#: What a server may do to a character, and what it may put before it.
CHANGES: List[Callable[[str], str]] = [
    *(str, str, str, str.upper),
    lambda char: chr(ord(char) + 0xFEE0),
    lambda char: "\u212a" if char == "k" else char,
    lambda char: "|" if char == "_" else char,
    lambda char: f"%{ord(char):02x}",
]
NOISE = [*[""] * 9, " ", "\n", "\xad", "\U0001f600", "\u0130", "\x01", "|", "'", "x"]


@pytest.mark.parametrize("text", ["tok_en", "k|en_s=", "a::b_c"])
@given(data=st.data())
def test_the_quick_look_overlooks_nothing(text: str, data: st.DataObject) -> None:
    """Most texts have no token, which is seen at once; the closer look would say the same."""
    change = data.draw(st.sampled_from(CHANGES))
    written = "".join(data.draw(st.sampled_from(NOISE)) + change(char) for char in text)
    token = token_of(text)
    shown = token.redact(f"({written})")
    assert shown == Finder(token._forms, 5).hidden(f"({written})")
    assert token.redact(shown) == shown
    again = token.redact(one_line(shown))
    assert token.redact(one_line(again)) == again
    (name,) = shown_names([written], token.redact).values()
    assert token.redact(name) == name


@pytest.mark.parametrize("verbosity", [(), ("-v",), ("-vvv",)], ids=str)
def test_a_token_that_a_saved_answer_does_not_need_is_not_shown_either(
    verbosity: Tuple[str, ...],
) -> None:
    """Nor judged: it may not be that of the answer."""
    token = jwt({"exp": 5})
    body = answer({token: queue(1, 5, 1), "a": queue()})
    args = ("--input", "-", "--require=", "-w", "4", *verbosity)
    outcome = run(*args, env={"RODIN_API_KEY": token}, stdin=body)
    assert token not in outcome.stdout
    found = report.read(outcome, verbose=True)
    assert found.text == (
        "***: job_awaiting is 5 (warning above 4). Add workers for ***, or see what holds them up"
    )
    assert "token_expires_in" not in outcome.stdout
    shown = report.read(run(*args, env={"RODIN_API_KEY": "a\nb"}, stdin=body), verbose=True)
    assert token[:40] in shown.text


@pytest.mark.parametrize("seen", [0, 1, 20, 33])
def test_no_part_of_a_token_is_left_where_a_saved_answer_is_cut(seen: int) -> None:
    """Two thousand characters are shown, of which so many would be the token's."""
    token = "0-made-up-for-the-cut-of-a-body-99"
    body = "x" * (2000 - seen) + token + "y" * 2000
    found = run("--input", "-", "-vvv", env={"RODIN_API_KEY": token}, stdin=body).stdout
    assert f"body: {'x' * 1900}" in found
    assert "0-made" not in found
    assert not re.search("x[^x\\n*]", found)


@pytest.mark.parametrize("encoded", ["hex", "base64", "base64 for URLs"])
@pytest.mark.parametrize("part", range(3))
def test_each_part_of_a_web_token_is_hidden_encoded_too(part: int, encoded: str) -> None:
    """Alone, and with what stands behind it."""
    parts = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJ0ZXN0cyJ9", "0123456789abcdefgh"]
    encode: Dict[str, Callable[[bytes], bytes]] = {
        "hex": binascii.hexlify,
        "base64": base64.b64encode,
        "base64 for URLs": base64.urlsafe_b64encode,
    }
    token = token_of(".".join(parts))
    for piece, edge in ((parts[part], 2), (".".join(parts[part:]), 2), (f"x{parts[part]}y", 5)):
        shown = token.redact(encode[encoded](piece.encode()).decode())
        assert "***" in shown
        assert len(shown.replace("***", "").replace("=", "")) <= edge


@pytest.mark.parametrize("part", range(3))
def test_each_part_of_a_web_token_is_hidden(part: int) -> None:
    parts = ["eyJhbGciOiJIUzI1NiJ9", "eyJzdWIiOiJ0ZXN0cyJ9", "0123456789abcdef"]
    token = token_of(".".join(parts))
    assert token.redact(f"<{parts[part]}>") == "<***>"
    assert token.redact("<0123456789abcde>") == "<0123456789abcde>"
    assert token_of(".".join(parts[:2])).redact(f"<{parts[1]}>") == f"<{parts[1]}>"
    assert token_of(".".join((*parts[:2], "0123456789abcde"))).redact("0123456789abcde") != "***"


@pytest.mark.parametrize("shape", [name for name in shapes(ODD) if "base64" not in name])
def test_no_part_of_the_token_is_left_at_a_cut(shape: str) -> None:
    written = shapes(ODD)[shape]
    token = token_of(ODD)
    for before in range(100 - len(written) - 2, 102):
        for behind in (0, 5, 5000):
            text = "." * before + written + "," * behind
            whole = f"{'.' * before}***{',' * behind}"[:100]
            shown = token.redact_start(text, 100)
            assert whole == shown if behind < 5000 else whole.startswith(shown)


def test_a_start_without_a_token_is_as_long_as_it_may_be() -> None:
    assert token_of("abcdefgh").redact_start("x" * 100, 100) == "x" * 100
    assert token_of("abcdefgh").redact_start("x" * 101, 100) == "x" * 100
    assert token_of("abc").redact_start("x" * 5000, 100) == "x" * 100
    assert token_of("abcdefgh").redact_start("x" * 5000, 100) == "x" * 100


#: How far beyond a cut this token is looked for: its hex, the longest escape for each digit.
REACH = 18 * len(b"secret-token".hex())


def test_a_start_that_need_not_be_cut_is_shown_whole() -> None:
    """The longest text of which all is looked through."""
    token = token_of("secret-token")
    text = f"secret-token{'x' * (40 + REACH - len('secret-token'))}"
    assert token.redact_start(text, 40) == f"***{'x' * 37}"


def test_what_is_hidden_before_does_not_bring_a_cut_token_into_view() -> None:
    token = token_of("secret-token")
    escaped = "".join(f"&amp;amp;#x0000{ord(char):x};" for char in "secret-token")
    start = f"{escaped * 2}{'x' * 29}secret-toke"
    assert len(start) == 40 + REACH
    assert "secr" not in token.redact_start(f"{start}n and more", 40)


def test_of_a_start_that_is_all_token_nothing_is_shown() -> None:
    token = token_of("secret-token")
    escaped = "".join(f"&#x0000{ord(char):x};" for char in "secret-token")
    assert token.redact_start(escaped * 20, 5) == ""


def test_a_token_that_is_too_short_to_be_hidden_keeps_no_start_from_being_cut() -> None:
    assert Token("ab").redact_start("ab" * 10, 5) == "ababa"


@pytest.mark.parametrize(("token", "near"), [("a{bcde", "a[bcde"), ("a`bcde", "a@bcde")])
def test_what_is_near_the_letters_is_none_behind_an_escape_either(token: str, near: str) -> None:
    assert Token(token).redact(f"%41{near}") == f"%41{near}"


@pytest.mark.parametrize("code", [*range(33), 127])
def test_a_control_character_within_hides_no_token(code: int) -> None:
    written = f"<secret{chr(code)}-token>"
    assert token_of("secret-token").redact(written) == "<***>"


@pytest.mark.parametrize("offset", range(6))
@pytest.mark.parametrize("behind", range(4))
@pytest.mark.parametrize("alphabet", [b"+/", b"-_"], ids=["standard", "URL"])
@pytest.mark.parametrize("text", [ODD, ODD[:-1], ODD[:-2], "abcde"])
def test_base64_of_a_text_with_the_token_is_hidden(
    text: str, alphabet: bytes, behind: int, offset: int
) -> None:
    """All digits are hidden that have no bit of what stands before or behind."""
    raw = b"<" * offset + text.encode() + b">" * behind
    encoded = base64.b64encode(raw, alphabet).decode()
    first = math.ceil(offset * 8 / 6)
    last = math.floor((offset + len(text)) * 8 / 6)
    hidden = token_of(text).redact(encoded)
    assert hidden == f"{encoded[:first]}***{encoded[last:]}"


@pytest.mark.parametrize(
    ("text", "written", "hidden"),
    [
        pytest.param("abcd", "abcd 61626364", "abcd ***", id="four characters say nothing"),
        pytest.param("abcde", "abcde", "***", id="five do"),
        pytest.param("33333", "3333333333", "***", id="the longest shape first"),
        pytest.param("a.c*e", "abcce a.c*e", "abcce ***", id="no pattern"),
    ],
)
def test_what_is_hidden_of_a_short_token(text: str, written: str, hidden: str) -> None:
    assert token_of(text).redact(written) == hidden


@pytest.mark.parametrize("length", [1, MAX_LENGTH - 1, MAX_LENGTH])
def test_a_token_has_at_most_16_kb(length: int) -> None:
    assert token_of("x" * length).authorization() == f"Bearer {'x' * length}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("x" * (MAX_LENGTH + 1), "longer than 16 KB"),
        ("ä", "characters outside ASCII"),
        ("a b", "a space, line break or control character"),
        ("a\nb", "a space, line break or control character"),
        ("a\x7fb", "a space, line break or control character"),
    ],
)
def test_what_cannot_be_sent_is_refused(text: str, said: str) -> None:
    assert MAX_LENGTH == 16 * 1024
    with pytest.raises(ConfigError, match=f"^RODIN_API_KEY: the token (is|has) {said}"):
        token_of(text)


@pytest.mark.parametrize(
    ("exp", "expected"),
    [
        (0, 0.0),
        (-1, -1.0),
        (1.5, 1.5),
        (2**53 - 1, 2.0**53 - 1),
        (1 - 2**53, 1 - 2.0**53),
        (2**53, None),
        (-(2**53), None),
        (True, None),
        ("1", None),
        (None, None),
    ],
)
def test_when_a_token_expires(exp: object, expected: Optional[float]) -> None:
    token = token_of(jwt({"exp": exp}))
    assert token.expires_at() == expected
    left = None if expected is None else math.floor(expected - 0.75)
    assert token.seconds_left(0.75) == left


def test_a_web_token_is_read_in_the_alphabet_of_urls() -> None:
    """Its digits 62 and 63 are - and _ (RFC 7515); what holds anything else is none."""
    token = jwt({"exp": 5, "sub": "~~~???>>>"})
    assert {"-", "_"} <= set(token)
    assert token_of(token).expires_at() == 5.0
    assert token_of(token.replace(".", ".!", 1)).expires_at() is None


@pytest.mark.parametrize("padding", range(120, 200, 2))
def test_no_part_of_a_token_is_left_where_the_first_line_is_cut(padding: int) -> None:
    """Such as of one that somebody has put into the name of the host."""
    token = "q7w3e5r1t9z2u4i6o8p0as7df3gh1jk"
    host = f"{'.'.join(['x' * 50] * 4)[:padding].rstrip('.')}.{token}.invalid"
    outcome = run("-H", f"http://{host}", env={"RODIN_API_KEY": token})
    assert outcome.stdout.startswith("RODIN_QUEUES CRITICAL - unreachable: ")
    assert "q7w3e5" not in outcome.stdout


@pytest.mark.parametrize(
    "args", [("-c", "1234-5678-9012-34"), ("--1234-5678-9012-34",), ("-1234-5678-9012-34",)]
)
def test_a_token_in_the_place_of_an_argument_is_not_echoed(args: Tuple[str, ...]) -> None:
    outcome = run("-H", "h.example", *args, env={"RODIN_API_KEY": " 1234-5678-9012-34\n"})
    assert outcome.code == 3
    assert "34-5678" not in outcome.stdout


def test_a_short_token_is_looked_for_before_and_after_the_line_is_cleaned() -> None:
    outcome = run("--input", "-", "-vvv", env={"RODIN_API_KEY": "a_b_c"}, stdin='"%61|b|c"')
    assert 'body: "***"' in outcome.stdout
