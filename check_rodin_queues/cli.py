"""The composition: from the arguments to a report.

    words → Options → Access → answer → Snapshot → Selection → Verdict → Report

Every error of this package becomes a state and a sentence here and nowhere else. What needs a
library is imported where it is first used: the libraries are most of what a run costs, and --help
and a usage error need none.
"""

# ruff: noqa: PLC0415 — see the docstring

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Callable, Iterator, List, Mapping, Optional, Sequence

from check_rodin_queues import __version__, arguments
from check_rodin_queues.arguments import Options
from check_rodin_queues.conditions import DEFAULT_STATES
from check_rodin_queues.errors import AnswerError, CallError, ConfigError, UsageError
from check_rodin_queues.journal import DEBUG, MAX_BODY, NOTICE, REQUEST, Journal
from check_rodin_queues.labels import MAX_NAME, label_safe, one_line, shown_names
from check_rodin_queues.output import Report, plain, report
from check_rodin_queues.parser import DEFAULT_TIMEOUT, Shown
from check_rodin_queues.selection import covers, select, unused
from check_rodin_queues.states import State
from check_rodin_queues.verdict import Verdict

if TYPE_CHECKING:
    from check_rodin_queues.lifetime import Lifetime
    from check_rodin_queues.server import Server
    from check_rodin_queues.snapshot import Snapshot
    from check_rodin_queues.tokens import Token


#: How many queues -v names that are not judged.
_MAX_NAMED = 20


class Run:
    """One run. It knows at each moment what to report if the run has to end now."""

    def __init__(
        self, words: Sequence[str], environ: Mapping[str, str], lifetime: Lifetime
    ) -> None:
        self._words = words
        self._environ = environ
        self._lifetime = lifetime
        self._journal = Journal()
        self._probe = _probe_named_in(words)
        self._options: Optional[Options] = None
        self._token: Optional[Token] = None
        self._server_asked = False
        self._doing = "reading the options"
        self._failed: Callable[[AnswerError], Verdict] = self._unjudged
        lifetime.on_timeout = self.expired
        lifetime.on_signal = self.ended_by

    def report(self) -> Report:
        """Return what the process prints and its exit code, whatever happens on the way."""
        try:
            return self._written(self._verdict())
        except Shown as shown:
            return plain(str(shown))
        except CallError as error:
            self._hide_what_is_echoed(error)
            wrong = Verdict(State.UNKNOWN, str(error), mistaken=isinstance(error, UsageError))
            return self._written(wrong)
        except Exception as error:  # noqa: BLE001 — a bug must not look like a state of the queues
            return self._written(self._bug(error))

    def expired(self) -> Report:
        """Return the report for a run whose time is over; called in another thread."""
        timeout = self._options.timeout if self._options else DEFAULT_TIMEOUT
        why = f"{self._doing} took longer than {timeout:g} s"
        asked = self._doing.startswith("asking ")
        about = "its load and the network" if asked else "the load and the disks of this host"
        error = AnswerError("timeout", f"{why}. Check {about}, or raise -t")
        try:
            _lift_ceiling()
            return self._written(self._failed(error))
        except Exception:  # noqa: BLE001 — too late for anything but the plain fact
            return self._written(self._unjudged(error))

    def ended_by(self, signal: str) -> Report:
        """Return the report for a run that *signal* ends; called in another thread."""
        return self._written(
            Verdict(State.UNKNOWN, f"ended by {signal} while {self._doing}, before a result")
        )

    def _verdict(self) -> Verdict:
        options = self._parsed()
        from check_rodin_queues import answer

        try:
            # nothing keeps the body: it may be a megabyte
            snapshot = answer.parse(
                self._saved(options) if options.input else self._answer(options)
            )
        except AnswerError as error:
            return self._failed(error)
        self._doing = "judging the answer"
        return self._judged(snapshot=snapshot)

    def _parsed(self) -> Options:
        """Read the command line and, if it says so, the options of INI files before it."""
        options = self._take(arguments.parse(self._words))
        if not options.extra_opts:
            return options
        from check_rodin_queues import settings

        mistake = settings.mistaken_host(options)
        try:
            options = self._with_files(options.extra_opts)
        except CallError as error:
            raise mistake or error from None
        if mistake and not options.input:
            raise mistake
        return options

    def _with_files(self, locators: Sequence[str]) -> Options:
        from check_rodin_queues import extra_opts

        self._doing = "reading --extra-opts"
        known = arguments.known_options()
        found: List[str] = []
        try:
            for locator in locators:
                found += extra_opts.words(locator, self._environ, known)
        except extra_opts.UnreadableError as error:
            self._probe = _probe_named_in([*found, *error.words, *self._words])
            raise
        words = [*found, *self._words]
        self._probe = _probe_named_in(words)
        try:
            return self._take(arguments.parse(words))
        except (UsageError, Shown) as error:
            text = "no --help or --version there" if isinstance(error, Shown) else str(error)
            raise ConfigError(f"--extra-opts: in the file: {text}") from None

    def _take(self, options: Options) -> Options:
        self._options = options
        self._probe = options.probe
        self._journal.verbosity = options.verbosity
        self._lifetime.guard(options.timeout)
        return options

    def _saved(self, options: Options) -> bytes:
        """Return the answer in the file of --input."""
        from check_rodin_queues.answer import MAX_BYTES
        from check_rodin_queues.files import read_file
        from check_rodin_queues.settings import token_to_hide

        self._doing = "reading --input"
        self._token = token_to_hide(self._environ)
        self._load_judgement(options)
        body = read_file(options.input or "-", "--input", MAX_BYTES)
        if self._journal.wants(DEBUG):
            self._journal.note_body(self._shown(body.decode("utf-8", "replace"), MAX_BODY))
        self._failed = self._judged_failure
        return body

    def _answer(self, options: Options) -> bytes:
        """Ask the server; from here on a failure is judged with all that is known of the run."""
        from check_rodin_queues import settings

        server = self._server(options)
        self._doing = "reading the token"
        self._token = settings.token_of(options, self._environ)
        self._doing = "reading the certificates"
        access = settings.access_to(server, self._token, options, self._environ)
        if options.client_cert:
            from check_rodin_queues.trust import load_client_certificate

            load_client_certificate(options.client_cert, options.client_key)
        self._doing = "loading the libraries"
        from check_rodin_queues.libraries import load_requests

        load_requests(settings.may_need_tls(server, self._environ))  # before nagiosplugin: cheaper
        self._load_judgement(options)
        self._server_asked = True
        self._doing = f"asking {server.address}"
        self._failed = self._judged_failure
        from check_rodin_queues import client

        return client.ask(access, self._journal)

    def _load_judgement(self, options: Options) -> None:
        """Load what another thread needs for a verdict, before it may have to give one."""
        from check_rodin_queues import check  # noqa: F401

        if options.verbosity:
            from check_rodin_queues import details, redaction  # noqa: F401
        self._lifetime.loaded()

    def _server(self, options: Options) -> Server:
        from check_rodin_queues import settings

        try:
            return settings.server_of(options, self._environ)
        except UsageError as error:
            if options.extra_opts:  # then not the arguments alone
                raise ConfigError(str(error)) from None
            raise

    def _judged_failure(self, error: AnswerError) -> Verdict:
        # before it is cut: half a token is not found
        return self._judged(failure=AnswerError(error.condition, self._redact(str(error))))

    def _judged(
        self, failure: Optional[AnswerError] = None, snapshot: Optional[Snapshot] = None
    ) -> Verdict:
        from check_rodin_queues import check
        from check_rodin_queues.resources import Attempt

        options = self._options or arguments.parse([])
        selection = select(options.policy, snapshot) if snapshot else None
        names = shown_names(snapshot.names, self._shown) if snapshot else {}
        if snapshot and selection:
            left = [names[name] for name in snapshot.names if not covers(options.policy, name)]
            self._journal.note_left_out(left)
            names.update((name, label_safe(self._shown(name))) for name in selection.missing)
            for threshold in unused(options.policy, selection) if options.verbosity else ():
                self._journal.note(NOTICE, f"fits no queue: {threshold.origin}")
        attempt = Attempt(
            selection,
            failure,
            self._lifetime.elapsed() if self._server_asked else None,
            options.timeout,
            self._token.seconds_left(time.time()) if self._token and self._server_asked else None,
        )
        return check.judge(options.policy, attempt, names, lines=options.verbosity > 0)

    def _hide_what_is_echoed(self, error: CallError) -> None:
        """Have the token hidden also where it was given in the place of an argument."""
        secret = self._environ.get("RODIN_API_KEY", "").strip()
        if secret and secret in str(error):
            from check_rodin_queues.settings import token_to_hide

            self._token = token_to_hide(self._environ)

    def _redact(self, text: str) -> str:
        """Return *text* as it may be printed, without the token: neither before nor after that."""
        return self._token.redact(one_line(self._token.redact(text))) if self._token else text

    def _shown(self, text: str, size: int = MAX_NAME) -> str:
        """Return as much of a *text*, such as a queue's name, as is shown: it may be a megabyte."""
        return self._token.redact_start(text, size) if self._token else text[:size]

    def _written(self, verdict: Verdict) -> Report:
        verdict = verdict._replace(text=self._redact(verdict.text))
        return report(verdict, self._probe, map(self._redact, self._details(verdict)))

    def _details(self, verdict: Verdict) -> Iterator[str]:
        """Give what stands beneath the status, one by one: of 5,000 queues it is megabytes."""
        verbosity = self._options.verbosity if self._options else 0
        if verbosity:
            yield from verdict.lines
            yield from self._journal.shown()
        if verbosity >= REQUEST:
            yield from verdict.reasons

    def _unjudged(self, error: AnswerError) -> Verdict:
        """Return the verdict on an error before there is anything to judge by."""
        states = self._options.policy.states if self._options else DEFAULT_STATES
        return Verdict(states[error.condition], f"{error.condition}: {error}")

    def _bug(self, error: Exception) -> Verdict:
        import traceback

        where = traceback.extract_tb(error.__traceback__)[-1]
        for line in traceback.format_tb(error.__traceback__):
            self._journal.note(DEBUG, line)
        text = (
            f"the Python module {error.name} is missing. Install it for {sys.executable}"
            if isinstance(error, ModuleNotFoundError)
            else f"internal error: {type(error).__name__} at {where.filename.rpartition('/')[2]}:"
            f"{where.lineno}. Run with -vvv and report it, please (version {__version__})"
        )
        return Verdict(State.UNKNOWN, text)


def _probe_named_in(words: Sequence[str]) -> Optional[str]:
    """Return the kind of probe that is asked for, also in arguments that cannot be parsed."""
    if not any(word.startswith("--probe") for word in words):
        return None
    from check_rodin_queues.probes import named_in

    return named_in(words)


def _lift_ceiling() -> None:
    """Give the thread that tells the end the memory to do so.

    Nothing is imported for that: a disk that hangs must not make the end late.
    """
    lift = getattr(sys.modules.get("check_rodin_queues.memory"), "lift", None)
    if lift:  # else it is only about to be loaded, and no ceiling there yet
        lift()
