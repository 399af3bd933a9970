"""The way through a run: from the arguments to a report.

    words + environment → Options → Client → response → Snapshot → Looks → Verdict → Report

Every error of this package becomes a state and a text here and nowhere else. The libraries are
imported after the arguments are parsed: they are most of what a run costs, and --help and a usage
error need none.
"""

# ruff: noqa: PLC0415 — see the docstring

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

from check_rodin_queues import __version__, output
from check_rodin_queues import options as command_line
from check_rodin_queues.conditions import STALLED
from check_rodin_queues.errors import CheckError, ConfigError, RequestError, State, UsageError
from check_rodin_queues.extra_opts import read_words
from check_rodin_queues.inputs import read_file, strip
from check_rodin_queues.lean_imports import load_requests
from check_rodin_queues.messages import Verdict
from check_rodin_queues.metrics import TOKEN_EXPIRES_IN
from check_rodin_queues.options import Options
from check_rodin_queues.output import DEBUG, NOTICE, REQUEST, Notes, Report
from check_rodin_queues.response import MAX_BYTES, Snapshot, parse
from check_rodin_queues.second_look import PAUSE, Looks, look_again
from check_rodin_queues.selection import covers, select, unmatched
from check_rodin_queues.server import HOST_VARIABLE, Server, find_server
from check_rodin_queues.thresholds import RUN, Thresholds
from check_rodin_queues.token import Token, find_token, token_to_redact

if TYPE_CHECKING:
    from check_rodin_queues.client import Client
    from check_rodin_queues.watchdog import Watchdog

#: How many excluded queues -v names.
_MAX_EXCLUDED = 20
_LOADING = "loading the libraries"


class Run:
    """One run. It knows at each moment what to report if the run has to end early."""

    def __init__(self, words: list[str], environ: Mapping[str, str], watchdog: Watchdog) -> None:
        self._words = words
        self._environ = environ
        self._watchdog = watchdog
        self._probe = command_line.find_probe(words)
        self._token: Optional[Token] = token_to_redact(environ)
        self._client: Optional[Client] = None
        self._notes = Notes()
        self._step = "reading the options"
        self._elapsed: Optional[float] = None
        self._kept: Optional[Looks] = None

    def report(self, parsed: Union[Options, UsageError]) -> Report:
        """Return what the process prints and its exit code, also if a step fails.

        *parsed* is the command line, or what is wrong with it.
        """
        try:
            if isinstance(parsed, UsageError):
                raise parsed  # noqa: TRY301 — the errors are handled in one place
            return self._report(self._check(self._read_options(parsed)))
        except CheckError as error:
            verdict = _unknown(error.cause, error.next_step)
            return self._report(verdict._replace(mistaken=isinstance(error, UsageError)))
        except Exception as error:  # noqa: BLE001 — a bug must not look like a state of the queues
            return self._report(self._internal_error(error))

    def _check(self, options: Options) -> Verdict:
        """Go the whole way; raises UsageError and ConfigError only before the server is asked."""
        try:
            if options.input is None:
                self._connect(options)
            begin = self._watchdog.elapsed()
            snapshot = self._ask(options)
            end = self._watchdog.elapsed()
            self._elapsed = end if self._client else None
            looks = self._look_again(snapshot, options, end - begin)
        except RequestError as failure:
            return self._judge_failure(options, failure)
        return self._judge_looks(options, looks)

    def _read_options(self, own: Options) -> Options:
        """Return *own* options, with those of the INI files that they name before them."""
        self._use(own)
        if not own.extra_opts:
            return own
        self._step = "reading --extra-opts"
        found: list[str] = []
        for locator in own.extra_opts:
            found += read_words(locator, self._environ)
        try:
            options = command_line.parse([*found, *self._words])
        except UsageError as error:
            raise ConfigError(f"--extra-opts: {error.cause}", error.next_step) from None
        self._use(options)
        return options

    def _use(self, options: Options) -> None:
        self._probe = options.probe
        self._notes.verbosity = options.verbosity
        self._watchdog.guard(options.timeout, lambda name: self._report(self._end(options, name)))

    def _connect(self, options: Options) -> None:
        """Make the client from everything that the options, the environment and files say."""
        if options.client_key and not options.client_cert:
            raise UsageError("--client-key: no --client-cert given", "Add --client-cert")
        server = self._find_server(options)
        self._step = "reading the API token"
        token = self._token = find_token(options.token_file, self._environ)
        self._require_expiry(options, token)
        self._step = "reading the certificates"
        context = self._tls_context(options, server)
        self._step = _LOADING
        load_requests(tls=context is not None)
        from check_rodin_queues import check  # noqa: F401 — the watchdog may need it
        from check_rodin_queues.client import Client

        self._watchdog.libraries_loaded()
        self._client = Client(server, token, context, self._watchdog, self._notes)

    def _find_server(self, options: Options) -> Server:
        try:
            return find_server(options.host, options.port, options.family, self._environ)
        except UsageError as error:
            if options.extra_opts and not any(w.startswith(("-H", "--host")) for w in self._words):
                raise ConfigError(error.cause, error.next_step) from None
            raise

    def _require_expiry(self, options: Options, token: Token) -> None:
        """Raise ConfigError if a threshold is on the expiry of a token that has none."""
        limits = Thresholds(options.policy.thresholds).limits(RUN, TOKEN_EXPIRES_IN.name)
        if limits and token.seconds_left(time.time()) is None:
            raise ConfigError(
                f"cannot check {TOKEN_EXPIRES_IN.name}: the API token is not a JWT with an expiry "
                "date (exp)",
                "Remove that threshold",
            )

    def _tls_context(self, options: Options, server: Server) -> object:
        """Return the SSLContext, None if no connection and no option needs one."""
        https_proxy = any(
            name.lower().endswith("_proxy") and strip(value).lower().startswith("https:")
            for name, value in self._environ.items()
        )
        if not (server.scheme == "https" or https_proxy or options.ca_file or options.client_cert):
            self._notes.add(REQUEST, "no TLS: http:// was requested")
            return None
        from check_rodin_queues.tls import create_context, find_ca_store

        store, verify = None, not options.insecure
        if options.ca_file or verify:
            store = find_ca_store(options.ca_file, self._environ)
            self._notes.add(REQUEST, f"CA store: {store.path} ({store.origin})")
        if not verify:
            self._notes.add(NOTICE, "--insecure: the server's certificate was not verified")
        return create_context(store, options.client_cert, options.client_key, verify=verify)

    def _ask(self, options: Options) -> Snapshot:
        """Return the snapshot of one response, or of the saved one."""
        if self._client:
            body = self._client.get()
            return parse(body, f"{self._client.route.peer} sent")
        self._step = "reading --input"
        body = read_file(options.input or "-", "--input", MAX_BYTES)
        return parse(body, "the saved response has", "Check the file of --input")

    def _look_again(self, first: Snapshot, options: Options, duration: float) -> Looks:
        """Ask again about stalled queues, while there is time and while it can change the result.

        *duration* is that of the first request, in seconds.
        """
        matters = output.can_matter(options.policy.states[STALLED], options.probe)

        def may_look() -> bool:
            is_time = self._watchdog.left() >= PAUSE + 2 * duration
            return matters and self._client is not None and is_time

        for looks in look_again(
            first, options.policy, lambda: self._ask(options), time.sleep, may_look
        ):
            self._kept = looks  # what counts if the run has to end during a later look
        if looks.note:
            self._notes.add(NOTICE, looks.note)
        return looks

    def _judge_looks(self, options: Options, looks: Looks) -> Verdict:
        policy, snapshot = options.policy, looks.snapshot
        selection = select(policy, snapshot)
        names = output.display_names(snapshot.names, self._redact)
        excluded = sorted(names[name] for name in snapshot.names if not covers(policy, name))
        if excluded:
            more = len(excluded) - _MAX_EXCLUDED
            shown = ", ".join(excluded[:_MAX_EXCLUDED]) + (f" and {more} more" if more > 0 else "")
            self._notes.add(NOTICE, f"excluded by -q and -x: {shown}")
        for threshold in unmatched(policy, selection) if self._notes.verbosity else ():
            self._notes.add(NOTICE, f"no queue matches {threshold.origin}")
        names.update((name, output.label_safe(self._redact(name))) for name in selection.missing)
        return self._judge(options, names, selection=selection, stalled=looks.stalled)

    def _judge_failure(self, options: Options, failure: RequestError) -> Verdict:
        if self._elapsed is None and self._client:
            self._elapsed = self._watchdog.elapsed()
        if options.host is None:
            failure.next_step = failure.next_step.replace("-H", HOST_VARIABLE)
        return self._judge(options, {}, failure=failure)

    def _judge(self, options: Options, names: Mapping[str, str], **found: Any) -> Verdict:
        from check_rodin_queues.check import Attempt, judge

        used = self._token if options.input is None else None
        attempt = Attempt(
            elapsed=self._elapsed,
            timeout=options.timeout,
            token_expires_in=used.seconds_left(time.time()) if used else None,
            token_place=used.place if used else "",
            **found,
        )
        return judge(options.policy, attempt, names)

    def _end(self, options: Options, signal_name: str) -> Verdict:
        """Return the verdict at a signal, or at the deadline; called in the watchdog's thread."""
        client, timeout = self._client, f"{options.timeout:g} s"
        if signal_name:
            doing = f"waiting for {client.route.peer}" if client else self._step
            step = "Set -t below the monitoring system's own timeout"
            return _unknown(f"interrupted by {signal_name} while {doing}", step)
        if client is None:
            step = "Check load and disks of the monitoring host"
            if options.input == "-":
                step = "Check the command that writes to standard input"
            cause = f"still {self._step} after {timeout}, the server was not asked (timeout)"
            return _unknown(cause, step)
        if self._kept:
            self._notes.add(NOTICE, f"second look failed: no response in {timeout}")
            return self._judge_looks(options, self._kept)
        from check_rodin_queues.connection_errors import timed_out

        failure = client.failure or timed_out(client.route, options.timeout)
        return self._judge_failure(options, failure)

    def _report(self, verdict: Verdict) -> Report:
        more: list[str] = []
        if self._notes.shows(NOTICE):
            more += output.long_output(verdict.findings) + self._notes.lines()
        if self._notes.shows(REQUEST):
            more += output.why(verdict.findings)
        return output.report(verdict, self._probe, more, self._redact)

    def _redact(self, text: str) -> str:
        return self._token.redact(text) if self._token else text

    def _internal_error(self, error: Exception) -> Verdict:
        import traceback

        for line in traceback.format_tb(error.__traceback__):
            self._notes.add(DEBUG, line)
        install = "Install the plugin again for this Python"
        if isinstance(error, ImportError):
            cause = f"the Python module {error.name} cannot be imported by {sys.executable}"
            return _unknown(cause, install)
        frames = traceback.extract_tb(error.__traceback__)
        file = frames[-1].filename.rpartition("/")[2]
        cause = f"{type(error).__name__} at {file}:{frames[-1].lineno}"
        if self._step == _LOADING and not self._client:
            cause = f"the Python modules of {sys.executable} cannot be imported: {cause}"
            return _unknown(cause, install)
        next_step = f"Run with -vvv and report it (version {__version__})"
        return _unknown(f"internal error: {cause}", next_step)


def _unknown(cause: str, next_step: str) -> Verdict:
    return Verdict(State.UNKNOWN, (cause,), next_step)
