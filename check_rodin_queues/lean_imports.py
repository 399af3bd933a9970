"""What is done for the cost of a start: it is most of what a run costs.

| lever | gain of a run |
|---|---|
| no charset detection (`chardet`, `charset_normalizer`): bodies are read as UTF-8 | 8 % |
| no `ssl` over plain HTTP | 4 % |
| no `bz2` and `lzma`: only zlib's encodings are read | 0.7 % |
| `__main__`: no garbage collection; `watchdog`: os._exit | 4 %, 9 % |
| `cli`: libraries are imported after the arguments are parsed | 80 % of --help |

The libraries try to import these modules and go without those that are missing, so nothing of a
library is changed. A version that insists on one gets it, and the start costs more.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Tuple

_CHARSETS: Tuple[str, ...] = ("chardet", "charset_normalizer")
_COMPRESSIONS = ("bz2", "lzma")
#: Without ssl, requests would look for pyOpenSSL in its place.
_TLS = ("ssl", "urllib3.contrib.pyopenssl")


def load_requests(tls: bool) -> None:
    """Import requests without its optional imports; *tls* says whether TLS is one of them.

    If requests cannot be imported at all, the import that needs it says so.
    """
    import logging  # noqa: PLC0415 — the libraries import it anyway

    logging.getLogger().addHandler(logging.NullHandler())  # stderr would be part of the result
    os.environ.pop("SSLKEYLOGFILE", None)  # urllib3 would write the session keys there
    others = _COMPRESSIONS if tls else (*_COMPRESSIONS, *_TLS)
    charsets = _CHARSETS
    while not _imports_without((*charsets, *others)) and charsets:
        charsets = charsets[:-1]  # requests before 2.32 insists on one of them


def _imports_without(modules: Tuple[str, ...]) -> bool:
    """Import requests as if *modules* were not installed; return whether it agreed."""
    hidden = [name for name in modules if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # import then raises ImportError
    try:
        importlib.import_module("requests")
    except ImportError:
        return False
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
    return True
