"""The settings of a run: the options, completed from the environment and the files they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, Optional

from check_rodin_queues.arguments import Options
from check_rodin_queues.errors import ConfigError, UsageError
from check_rodin_queues.files import read_file
from check_rodin_queues.metrics import TOKEN_EXPIRES_IN
from check_rodin_queues.named import NamedTuple
from check_rodin_queues.selection import Policy
from check_rodin_queues.server import Server, parse_server
from check_rodin_queues.states import State
from check_rodin_queues.tokens import MAX_LENGTH, Token, parse_token

if TYPE_CHECKING:
    from check_rodin_queues.trust import Trust

HOST_VARIABLE = "RODIN_URL"
TOKEN_VARIABLE = "RODIN_API_KEY"  # noqa: S105 — a variable's name


class Access(NamedTuple):
    """What a request needs, besides the proxies that requests finds in the environment.

    *trust* is None where the server is not verified: plain HTTP, or --insecure.
    """

    server: Server
    token: Token
    trust: Optional[Trust]
    insecure: bool
    client_cert: Optional[str]
    client_key: Optional[str]


def server_of(options: Options, environ: Mapping[str, str]) -> Server:
    """Return the server of -H or RODIN_URL; raises UsageError."""
    if options.client_key and not options.client_cert:
        raise UsageError("--client-key needs --client-cert beside it")
    if options.host is not None:
        return parse_server(options.host, options.port, "-H/--host")
    named = environ.get(HOST_VARIABLE)
    if not named:
        raise UsageError(f"no server is named. Give -H/--host or set {HOST_VARIABLE}")
    return parse_server(named, options.port, HOST_VARIABLE)


def mistaken_host(options: Options) -> Optional[UsageError]:
    """Return what is wrong with the host and port of the arguments, whatever a file may add."""
    if options.host is not None and not options.input:
        try:
            parse_server(options.host, options.port, "-H/--host")
        except UsageError as error:
            return error
    return None


def may_need_tls(server: Server, environ: Mapping[str, str]) -> bool:
    """Tell whether a request may speak TLS: to *server*, or to a proxy of whatever kind."""
    proxied = any(name.lower().endswith("_proxy") for name in environ)
    return server.scheme == "https" or proxied


def token_of(options: Options, environ: Mapping[str, str]) -> Token:
    """Return the token of --token-file or RODIN_API_KEY; raises ConfigError."""
    token = _token(options.token_file, environ)
    if _limits_expiry(options.policy) and token.expires_at() is None:
        raise ConfigError(
            f"the threshold on {TOKEN_EXPIRES_IN.name} has nothing to judge: the token is no JWT "
            "with an exp. Take the threshold away"
        )
    return token


def token_to_hide(environ: Mapping[str, str]) -> Optional[Token]:
    """Return the token of RODIN_API_KEY where none is needed, so that it is not shown either."""
    try:
        return _token(None, environ)
    except ConfigError:
        return None


def access_to(server: Server, token: Token, options: Options, environ: Mapping[str, str]) -> Access:
    """Complete the settings for asking *server*; raises ConfigError."""
    return Access(
        server,
        token,
        _trust(server, options, environ),
        options.insecure,
        options.client_cert,
        options.client_key,
    )


def _trust(server: Server, options: Options, environ: Mapping[str, str]) -> Optional[Trust]:
    """Choose the store; a --ca-file is looked at even where nothing is verified."""
    verified = server.scheme == "https" and not options.insecure
    if not verified and not options.ca_file:
        return None
    from check_rodin_queues.trust import choose  # noqa: PLC0415 — plain HTTP does not need it

    chosen = choose(options.ca_file, environ, used=verified)
    return chosen if verified else None


def _token(path: Optional[str], environ: Mapping[str, str]) -> Token:
    if path is None:
        text = environ.get(TOKEN_VARIABLE)
        if not text:
            raise ConfigError(f"no API token. Give --token-file or set {TOKEN_VARIABLE}")
        return parse_token(text, TOKEN_VARIABLE)
    raw = read_file(path, "--token-file", 2 * MAX_LENGTH)
    return parse_token(raw.partition(b"\n")[0].decode("latin-1"), "--token-file")


def _limits_expiry(policy: Policy) -> bool:
    """Tell whether a threshold on token_expires_in is left after all removals."""
    last = {
        threshold.level: threshold.limit
        for threshold in policy.thresholds
        if threshold.selector.metric == TOKEN_EXPIRES_IN.name
    }
    return any(last.get(level) for level in (State.WARNING, State.CRITICAL))
