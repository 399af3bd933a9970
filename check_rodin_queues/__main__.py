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

import warnings  # noqa: E402
from typing import NoReturn  # noqa: E402

from check_rodin_queues.cli import Run  # noqa: E402
from check_rodin_queues.lifetime import Lifetime, open_standard_streams  # noqa: E402


def main() -> NoReturn:
    """Run the check on the process's own arguments and end the process with its exit code."""
    open_standard_streams()
    warnings.simplefilter("ignore")
    lifetime = Lifetime(STARTED)
    lifetime.finish(Run(sys.argv[1:], os.environ, lifetime).report())


if __name__ == "__main__":
    main()
