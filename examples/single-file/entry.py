"""The entry of the single file: that of the check, and a `certifi` that needs no directory.

requests asks certifi for the path of its root certificates when it is imported, and certifi in a
zip would write them to a temporary file. Here the path is in memory: no file is written.
"""

import functools
import os
import sys
import types
import zipimport

if sys.version_info < (3, 9):  # noqa: UP036 - the file runs on the Python that is there
    sys.stdout.write("RODIN_QUEUES UNKNOWN - this Python is too old. Use Python 3.9 or newer\n")
    sys.exit(3)

from check_rodin_queues import __main__ as program


@functools.cache
def where() -> str:
    """Return a path under which this process can read the root certificates; Linux only."""
    archive = zipimport.zipimporter(os.path.dirname(__file__))
    descriptor = os.memfd_create("cacert.pem")
    with open(descriptor, "wb", closefd=False) as file:
        file.write(archive.get_data(os.path.join("certifi", "cacert.pem")))
    return f"/proc/self/fd/{descriptor}"


certifi = types.ModuleType("certifi")
certifi.where = where  # type: ignore[attr-defined]  # a module made here has no attributes yet
sys.modules["certifi"] = certifi
program.main()
