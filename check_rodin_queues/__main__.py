"""The program: what must be true of the process before, and after, anything else runs."""

# `signal` itself is a thousand times slower to import: time in which a signal could come
import _signal  # type: ignore[import-not-found]

_signal.pthread_sigmask(_signal.SIG_BLOCK, (_signal.SIGTERM, _signal.SIGINT, _signal.SIGHUP))

import time  # noqa: E402

STARTED = time.monotonic()

import gc  # noqa: E402

gc.disable()  # nothing lives long enough to be collected: with it a check costs a tenth more

import os  # noqa: E402
import sys  # noqa: E402

# What lies beside the script is no library of ours. Not to look there for every module saves a
# hundredth, and a file that somebody leaves in a folder of plugins is not taken for one. Only where
# this package itself lies beside the script do its libraries, too.
_FOLDER = os.path.dirname(os.path.realpath(sys.argv[0]))
_SAFE = getattr(sys.flags, "safe_path", False)  # then it was not Python that put it there
if sys.path[:1] == [_FOLDER] and not __file__.startswith(_FOLDER) and not _SAFE:
    del sys.path[0]

TYPE_CHECKING = False  # `typing` itself may be more than there is memory for
if TYPE_CHECKING:
    from typing import NoReturn

_UNTOLD = b"RODIN_QUEUES UNKNOWN - internal error, and nothing more can be told of it\n"


def main() -> "NoReturn":
    """Run the check on the process's own arguments and end the process with its exit code."""
    try:
        _run()
    except BaseException:  # noqa: BLE001 — such as no memory for the first import
        try:
            os.write(1, _UNTOLD)
        finally:
            os._exit(_untold_code())


def _run() -> "NoReturn":
    import warnings  # noqa: PLC0415 — what fails here is told by main

    from check_rodin_queues.cli import Run  # noqa: PLC0415
    from check_rodin_queues.lifetime import Lifetime, open_standard_streams  # noqa: PLC0415
    from check_rodin_queues.output import Report  # noqa: PLC0415

    open_standard_streams()
    # engines take standard error for a part of the result
    warnings.simplefilter("ignore")
    sys.unraisablehook = id  # nothing is called and nothing said, which needs no memory
    untold = Report(_UNTOLD, _untold_code())
    lifetime = Lifetime(STARTED, untold)
    try:
        report = Run(sys.argv[1:], os.environ, lifetime).report()
    except BaseException:  # noqa: BLE001 — no memory to tell of an internal error
        report = untold
    lifetime.finish(report)


def _untold_code() -> int:
    """Return the exit code of an internal error, by the kind of the probe, if it is one."""
    asked = " ".join(sys.argv)
    return int("liveness" not in asked) if "--probe" in asked else 3


if __name__ == "__main__":
    main()
