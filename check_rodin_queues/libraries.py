"""requests without what it can do without and a check does not need: an eighth of its cost.

requests looks for a detection of charsets, urllib3 and the standard library for compressions and
for TLS, at import. Each of them goes without what is not there, as its own code provides for; here
they are told so. Nothing of a library is changed: a body is read as UTF-8 or refused, of
compressions only zlib's is read (see `client`), and TLS is kept out of plain HTTP alone.

requests before 2.32 (Debian 12 has 2.28) insists on a detection of charsets, and gets it all.
"""

from __future__ import annotations

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
#: Without ssl, requests would look for pyOpenSSL in its place.
TLS = ("ssl", "urllib3.contrib.pyopenssl")
_IMPORTED_ANEW = ("requests", "urllib3")


def load_requests(tls: bool) -> None:
    """Import requests, without its optional imports if it can do without; *tls* is one of them."""
    if "requests" in sys.modules:
        return
    unwanted = OPTIONAL if tls else (*OPTIONAL, *TLS)
    hidden = [name for name in unwanted if name not in sys.modules]
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
