"""requests without what it can do without and a check does not need: an eighth of its cost.

requests looks for a detection of charsets, urllib3 and the standard library for compressions and
for TLS, at import. Each of them goes without what is not there, as its own code provides for; here
they are told so. Nothing of a library is changed: a body is read as UTF-8 or refused, of
compressions only zlib's is read (see `client`), and TLS is kept out of plain HTTP alone.

requests before 2.32 (Debian 12 has 2.28) insists on one detection of charsets, and gets one: the
cheaper if it is installed.
"""

from __future__ import annotations

import importlib
import logging  # they load it anyway
import sys
from typing import Tuple

#: The dearest first.
DETECTIONS: Tuple[str, ...] = ("chardet", "charset_normalizer")
#: A name that no version looks for any more costs nothing.
COMPRESSIONS = (
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


def load_requests(tls: bool) -> None:
    """Import requests, without its optional imports if it can do without; *tls* is one of them.

    If it cannot be imported at all, that is left to who needs it.
    """
    logging.getLogger().addHandler(logging.NullHandler())  # else it would be stderr: a result
    others = COMPRESSIONS if tls else (*COMPRESSIONS, *TLS)
    unwanted = DETECTIONS
    while not _imported_without((*unwanted, *others)) and unwanted:
        unwanted = unwanted[:-1]


def _imported_without(unwanted: Tuple[str, ...]) -> bool:
    """Import requests while *unwanted* modules seem not to be there; tell whether it agreed."""
    hidden = [name for name in unwanted if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # import then says: not there
    try:
        importlib.import_module("requests")
    except ImportError:
        return False
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
    return True
