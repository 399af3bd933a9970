"""The start and the end of the process."""

import signal

# they wait for the watchdog: until it runs, nothing could report them
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))

import time  # noqa: E402

STARTED = time.monotonic()

import gc  # noqa: E402

gc.disable()  # the run is too short for garbage collection, which would add 4 % CPU

from check_rodin_queues.lean_imports import compile_patterns_late  # noqa: E402

compile_patterns_late()

import os  # noqa: E402
import sys  # noqa: E402
import warnings  # noqa: E402
from typing import NoReturn, Union  # noqa: E402

# Remove the script's directory from the import path: a stray file in a plugin directory must not
# be imported as a module. Keep it if the package is there, since its dependencies then are, too.
_DIRECTORY = os.path.dirname(os.path.realpath(sys.argv[0]))
if sys.path[:1] == [_DIRECTORY] and not __file__.startswith(_DIRECTORY):
    del sys.path[0]

_FALLBACK = b"RODIN_QUEUES UNKNOWN - internal error, no details. Run with -vvv and report it\n"


def main() -> None:
    """Run the check on the arguments of the process, and end the process with the exit code."""
    asked = " ".join(sys.argv)
    code = int("liveness" not in asked) if "--probe" in asked else 3
    try:
        _run(code)
    except BaseException:  # noqa: BLE001 — such as no memory for an import
        _end(_FALLBACK, code)


def _run(fallback_code: int) -> None:
    # imported here, so that main reports what fails
    from check_rodin_queues.errors import State, UsageError  # noqa: PLC0415
    from check_rodin_queues.options import DEFAULT_TIMEOUT, HelpRequested, Options, parse  # noqa: PLC0415

    try:
        parsed: Union[Options, UsageError] = parse(sys.argv[1:])
    except HelpRequested as text:
        _end(str(text).encode(), State.UNKNOWN.value)
    except UsageError as error:
        parsed = error
    from check_rodin_queues.cli import Run  # noqa: PLC0415
    from check_rodin_queues.output import Report  # noqa: PLC0415
    from check_rodin_queues.watchdog import Watchdog, open_standard_streams  # noqa: PLC0415

    open_standard_streams()
    # monitoring systems take standard error for a part of the result
    warnings.simplefilter("ignore")
    sys.unraisablehook = id  # nothing is printed
    watchdog = Watchdog(STARTED, DEFAULT_TIMEOUT, Report(_FALLBACK, fallback_code))
    run = Run(sys.argv[1:], os.environ, watchdog)
    watchdog.finish(run.report(parsed))


def _end(text: bytes, code: int) -> NoReturn:
    """Write *text*, if anyone reads it, and end the process."""
    try:
        os.write(1, text)
    finally:
        os._exit(code)


if __name__ == "__main__":
    main()
