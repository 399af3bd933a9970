"""requests without what it can do without and a check never needs: an eighth of its cost.

requests looks for a detection of charsets, urllib3 and the standard library for compressions, at
import. Each of them goes without what is not installed, as its own code provides for; here they
are told so. Nothing of a library is changed: a body is read as UTF-8 or refused, and of
compressions only zlib's is read (see `client`).

requests before 2.32 (Debian 12 has 2.28) insists on a detection of charsets, and gets it.
"""

import importlib
import sys
from typing import Tuple

#: What is kept out. A name that no version looks for any more costs nothing.
OPTIONAL = (
    "charset_normalizer",
    "chardet",
    "bz2",
    "lzma",
    "brotli",
    "brotlicffi",
    "zstandard",
    "backports.zstd",
    "compression.zstd",
)
_IMPORTED_ANEW = ("requests", "urllib3")


def load_requests() -> None:
    """Import requests, without its optional imports if it can do without."""
    if "requests" in sys.modules:
        return
    hidden = [name for name in OPTIONAL if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # import then says: not there
    try:
        importlib.import_module("requests")
    except ImportError:
        _forget(_IMPORTED_ANEW)
    finally:
        for name in hidden:
            del sys.modules[name]
    importlib.import_module("requests")


def _forget(packages: Tuple[str, ...]) -> None:
    """Take half-imported *packages* away, so that their next import starts afresh."""
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]
