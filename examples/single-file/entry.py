"""The entry of the single file: the check's own, and the one thing that a zip does not allow.

requests asks certifi for the path of its root certificates as soon as it is imported, and certifi
in a zip would unpack them into a temporary folder for that. Here they are put into memory that has
a path instead: nothing is written anywhere, and where the system has no store they are what the
check trusts.
"""

import os
import sys
import zipimport

if sys.version_info < (3, 9):  # noqa: UP036 — nobody has asked before whether it is
    sys.stdout.write("RODIN_QUEUES UNKNOWN - this Python is too old. Run it with 3.9 or newer\n")
    sys.exit(3)

from check_rodin_queues import __main__ as program
from check_rodin_queues import libraries
from check_rodin_queues.lifetime import open_standard_streams

_load_requests = libraries.load_requests


def load_requests(tls: bool) -> None:
    """Import requests, and certifi before it with a path that needs no unpacking."""
    from certifi import core  # noqa: PLC0415 — --help does not need it

    if hasattr(core, "_CACERT_PATH"):  # else, some day, it unpacks: slower, not wrong
        archive = zipimport.zipimporter(os.path.dirname(__file__))
        roots = archive.get_data(os.path.join("certifi", "cacert.pem"))
        core._CACERT_PATH = _path_in_memory(roots)  # type: ignore[assignment]  # not only None
    _load_requests(tls)


def _path_in_memory(data: bytes) -> str:
    """Return a path under which this process, and no other, can read *data*; Linux only."""
    descriptor = os.memfd_create("cacert.pem")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(data)
    return f"/proc/self/fd/{descriptor}"


open_standard_streams()  # else the memory could get the number of a closed stream
libraries.load_requests = load_requests
program.main()
