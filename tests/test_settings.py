"""What is decided of the settings before anything is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Dict

import pytest

from check_rodin_queues.server import Server
from check_rodin_queues.settings import may_need_tls
from check_rodin_queues.tokens import MAX_LENGTH
from tests import live
from tests.console import run

#: A scheme, the environment, and whether a request may speak TLS.
TLS = [
    ("https", {}, True),
    ("https", {"PATH": "/bin"}, True),
    ("http", {}, False),
    ("http", {"PATH": "/bin", "proxy": "x", "PROXY_HOST": "x", "_PROXY_": "x"}, False),
    ("http", {"PATH": "/bin", "HTTPS_PROXY": "x"}, True),
    ("http", {"PATH": "/bin", "http_proxy": "x"}, True),
    ("http", {"Http_Proxy": "x", "PATH": "/bin"}, True),
    ("http", {"ALL_PROXY": "x"}, True),
]


@pytest.mark.parametrize(("scheme", "environ", "may"), TLS)
def test_when_a_request_may_need_tls(scheme: str, environ: Dict[str, str], *, may: bool) -> None:
    """A proxy may want it, too, of whatever kind; plain HTTP does without what it costs."""
    assert may_need_tls(Server(scheme, "127.0.0.1", None, ""), environ) is may


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"])
def test_plain_http_asks_for_no_certificates(variable: str) -> None:
    """So it does not matter what is wrong with them, unless an option names them."""
    with live.site() as asked:
        assert asked.judge(env={variable: "/nonexistent"}).state == "OK"
        found = asked.judge("--ca-file", "/nonexistent")
    assert found.text.startswith("--ca-file: ")


def test_the_longest_token_may_have_white_space_around_it_in_its_file(tmp_path: Path) -> None:
    token = "x" * MAX_LENGTH
    written = tmp_path / "token"
    written.write_text(f"{' ' * 1000}{token}{' ' * 1000}\n", encoding="ascii")
    with live.site(token=token) as asked:
        found = run("-H", asked.server.url, "--token-file", str(written))
    assert found.code == 0


def test_a_host_that_is_not_asked_is_no_mistake_either_where_a_file_has_one(tmp_path: Path) -> None:
    options = tmp_path / "options.ini"
    options.write_text("[check_rodin_queues]\nno-such-option=1\n", encoding="utf-8")
    args = ("--input", "-", "-H", "ftp://wrong", f"--extra-opts=@{options}")
    assert "--extra-opts: line 2" in run(*args).stdout
    assert "-H/--host" in run(*args[2:]).stdout
