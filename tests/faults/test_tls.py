"""TLS: what is wrong with a certificate is said, with the option that helps, and never let by."""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path
from typing import Callable, Dict, NamedTuple, Tuple

import pytest
import urllib3
from cryptography.x509.oid import NameOID

from tests.faults.behaviour import HEALTHY
from tests.faults.certificates import (
    CLIENT,
    DAY,
    Authority,
    Certificate,
    self_signed,
    weak_key,
)
from tests.faults.invariants import check_run
from tests.faults.proxy import Proxy
from tests.faults.server import FaultServer
from tests.faults.trial import Launcher, Trial

HOST = "127.0.0.1"

Ask = Callable[..., Trial]


class Fault(NamedTuple):
    """One way in which a server's certificate is wrong, and what the line has to hold.

    The words are the fault's and its advice's; an option stands for the advice.
    """

    make: Callable[[Authority, Authority], Certificate]
    words: Tuple[str, ...]
    option: str = ""
    host: str = HOST


def _below(root: Authority) -> Authority:
    return Authority("Intermediate of the tests", root)


def _without_chain(root: Authority) -> Certificate:
    return _below(root).issue(HOST)._replace(chain=())


def _chained(first: Authority) -> Certificate:
    """Return a certificate of an authority below *first*, with both in its chain."""
    leaf = Authority("Second", first).issue(HOST)
    return leaf._replace(chain=(*leaf.chain, first.certificate))


def _insists_on_rfc_5280() -> bool:
    """Tell whether this Python and urllib3 do; from Python 3.13 on, newer ones do."""
    flags = urllib3.util.ssl_.create_urllib3_context().verify_flags
    return bool(flags & ssl.VERIFY_X509_STRICT)


def _namesake(ca: Authority) -> Authority:
    """Return an authority of the same name with another key, as one that is made anew has.

    With identifiers of the keys, as new tools write them, it is only another issuer.
    """
    (name,) = ca.name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return Authority(str(name.value), strict=_insists_on_rfc_5280())


FAULTS: Dict[str, Fault] = {
    "untrusted": Fault(lambda _, other: other.issue(HOST), ("issuer",), "--ca-file"),
    "self_signed": Fault(lambda *_: self_signed(HOST), ("self-signed",), "--ca-file"),
    "expired": Fault(
        lambda ca, _: ca.issue(HOST, starts=-3 * DAY, ends=-DAY),
        ("has expired", "renew it on the server"),
    ),
    "not_yet_valid": Fault(
        lambda ca, _: ca.issue(HOST, starts=DAY, ends=3 * DAY),
        ("not yet valid", "clocks of both hosts"),
    ),
    "wrong_name": Fault(
        lambda ca, _: ca.issue("rodin.example"), ("for this host name",), "-H", "localhost"
    ),
    "wrong_address": Fault(lambda ca, _: ca.issue("127.0.0.2"), ("for this ip address",), "-H"),
    "wrong_usage": Fault(
        lambda ca, _: ca.issue(HOST, usage=[CLIENT]), ("usage", "for server authentication")
    ),
    "missing_intermediate": Fault(lambda ca, _: _without_chain(ca), ("intermediate",), "--ca-file"),
    "issuer_is_no_authority": Fault(
        lambda ca, _: Authority("No authority", ca, ca=False).issue(HOST),
        ("ca certificate", "by a real ca"),
    ),
    "weak_key": Fault(
        lambda ca, _: ca.issue(HOST, key=weak_key()), ("key is too weak", "renew it on the server")
    ),
    "expired_intermediate": Fault(
        lambda ca, _: Authority("Old intermediate", ca, ends=-DAY).issue(HOST),
        ("a ca above it has expired", "renew it on the server"),
        "--ca-file",
    ),
    "too_long_a_chain": Fault(
        lambda ca, _: _chained(Authority("First", ca, path_length=0)),
        ("chain is longer than a ca in it allows", "issue it by a ca that may"),
    ),
    "another_ca_of_this_name": Fault(
        lambda ca, _: _namesake(ca).issue(HOST),
        ("issuer" if _insists_on_rfc_5280() else "not by the ca that is trusted under this name",),
        "--ca-file",
    ),
}


def _check_advice(trial: Trial, words: Tuple[str, ...], option: str) -> None:
    """Assert that the line says what is wrong and what helps, and not first to look away."""
    text = trial.outcome.text.lower()
    assert [word for word in words if word not in text] == [], trial.outcome.text
    assert option in trial.outcome.text
    if "--insecure" in text:
        assert 0 <= text.index(option or "--ca-file") < text.index("--insecure")


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_certificate_is_told_apart(
    *, name: str, authority: Authority, stranger: Authority, ca_file: str, tmp_path: Path, ask: Ask
) -> None:
    fault = FAULTS[name]
    context = fault.make(authority, stranger).serve(tmp_path)
    with FaultServer(HEALTHY, context) as server:
        args = ("-H", server.url.replace(HOST, fault.host), "--ca-file", ca_file)
        trial = ask(server, *args)
        assert check_run(trial) == "CRITICAL"
        assert server.requests == []
        _check_advice(trial, ("certificate", *fault.words), fault.option)
        warned = ask(server, *args, "--state", "unreachable=warning", "-vvv")
        assert check_run(warned, lines=None) == "WARNING"


@pytest.mark.parametrize("name", FAULTS)
def test_a_bad_certificate_behind_a_proxy_is_not_let_by_either(
    *, name: str, authority: Authority, stranger: Authority, ca_file: str, tmp_path: Path, ask: Ask
) -> None:
    fault = FAULTS[name]
    context = fault.make(authority, stranger).serve(tmp_path)
    with FaultServer(HEALTHY, context) as server, Proxy() as proxy:
        args = ("-H", server.url.replace(HOST, fault.host), "--ca-file", ca_file)
        trial = ask(server, *args, env={"HTTPS_PROXY": proxy.url})
        assert check_run(trial) == "CRITICAL"
        assert server.requests == []
        assert server.connections == 1
        assert proxy.requests[0].startswith(b"CONNECT ")
        _check_advice(trial, ("certificate", *fault.words), fault.option)


def _takes_part_of_a_chain() -> bool:
    """Tell whether this Python and urllib3 do; from Python 3.13 on, newer ones do."""
    flags = urllib3.util.ssl_.create_urllib3_context().verify_flags
    return bool(flags & getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0))


def test_an_intermediate_without_its_root_is_told_apart(
    authority: Authority, tmp_path: Path, ask: Ask
) -> None:
    below = _below(authority)
    store = tmp_path / "store.pem"
    store.write_bytes(below.pem)
    with FaultServer(HEALTHY, below.issue(HOST).serve(tmp_path)) as server:
        trial = ask(server, "--ca-file", str(store))
    if _takes_part_of_a_chain():
        assert check_run(trial) == "OK"
        return
    assert check_run(trial) == "CRITICAL"
    assert server.requests == []
    _check_advice(trial, ("a ca above its issuer is not trusted", "up to the root"), "--ca-file")


def test_a_server_that_knows_no_such_name_is_told_apart(
    authority: Authority, ca_file: str, tmp_path: Path, ask: Ask
) -> None:
    context = authority.issue("localhost").serve(tmp_path)
    unknown = ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    context.sni_callback = lambda *_: unknown
    with FaultServer(HEALTHY, context) as server:
        trial = ask(server, "-H", server.url.replace(HOST, "localhost"), "--ca-file", ca_file)
    assert check_run(trial) == "CRITICAL"
    assert trial.outcome.text.endswith(
        " failed: tlsv1 unrecognized name. Name the host in -H as its certificate does"
    )


def test_a_certificate_of_an_old_tool_is_told_apart(tmp_path: Path, ask: Ask) -> None:
    """It lacks what RFC 5280 demands: refused where Python insists on that, else fine."""
    old = Authority("Old authority", strict=False)
    ca_file = tmp_path / "old.pem"
    ca_file.write_bytes(old.pem)
    with FaultServer(HEALTHY, old.issue(HOST).serve(tmp_path)) as server:
        trial = ask(server, "--ca-file", str(ca_file))
    if not _insists_on_rfc_5280():
        assert check_run(trial) == "OK"
        return
    assert check_run(trial) == "CRITICAL"
    assert server.requests == []
    _check_advice(trial, ("certificate", "rfc 5280", "key identifier", "new ca"), "")


@pytest.mark.parametrize("name", [name for name in FAULTS if name != "weak_key"])
def test_insecure_looks_away_and_says_so(
    name: str, authority: Authority, stranger: Authority, tmp_path: Path, ask: Ask
) -> None:
    context = FAULTS[name].make(authority, stranger).serve(tmp_path)
    with FaultServer(HEALTHY, context) as server:
        quiet = ask(server, "--insecure")
        loud = ask(server, "--insecure", "-v")
    assert check_run(quiet) == "OK"
    assert check_run(loud, lines=None) == "OK"
    assert "not verified" in loud.outcome.stdout.lower() or "insecure" in loud.outcome.stdout


def test_insecure_goes_through_the_proxy_as_well(ask: Ask, tls_server: FaultServer) -> None:
    tls_server.prepare(HEALTHY)
    with Proxy() as proxy:
        trial = ask(tls_server, "--insecure", env={"HTTPS_PROXY": proxy.url})
    assert check_run(trial) == "OK"
    assert proxy.heard.startswith(b"CONNECT ")


def test_a_verified_run_does_not_say_insecure(
    ask: Ask, tls_server: FaultServer, ca_file: str
) -> None:
    tls_server.prepare(HEALTHY)
    trial = ask(tls_server, "--ca-file", ca_file, "-v")
    assert check_run(trial, lines=None) == "OK"
    assert "insecure" not in trial.outcome.stdout
    assert "not verified" not in trial.outcome.stdout.lower()


def test_a_whole_chain_is_trusted(
    authority: Authority, ca_file: str, tmp_path: Path, ask: Ask
) -> None:
    with FaultServer(HEALTHY, _below(authority).issue(HOST).serve(tmp_path)) as server:
        assert check_run(ask(server, "--ca-file", ca_file)) == "OK"


def test_an_intermediate_that_the_administrator_names_is_enough(
    authority: Authority, tmp_path: Path, ask: Ask
) -> None:
    """A server without its intermediate is helped by a bundle that has it."""
    below = _below(authority)
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(authority.pem + below.pem)
    context = below.issue(HOST)._replace(chain=()).serve(tmp_path)
    with FaultServer(HEALTHY, context) as server:
        assert check_run(ask(server, "--ca-file", str(bundle))) == "OK"


def test_an_old_protocol_is_refused(
    authority: Authority, ca_file: str, tmp_path: Path, ask: Ask
) -> None:
    context = authority.issue(HOST).serve(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it is why the test is here
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1
    with FaultServer(HEALTHY, context) as server:
        trial = ask(server, "--ca-file", ca_file)
    assert check_run(trial) == "CRITICAL"
    assert "protocol" in trial.outcome.text
    assert trial.outcome.text.endswith(". Let the server speak TLS 1.2 or newer")
    assert server.requests == []


def test_plain_http_to_a_tls_server_fails(
    tls_server: FaultServer, launcher: Launcher, token_file: str
) -> None:
    tls_server.prepare(HEALTHY)
    url = tls_server.url.replace("https", "http")
    assert check_run(launcher.run("-H", url, "--token-file", token_file)) == "CRITICAL"
