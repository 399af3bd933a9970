"""requests without the detection of charsets, which a check never needs: a tenth of its cost.

requests looks for charset_normalizer or chardet at import. From 2.32 on it does without, as its
own code provides for, and warns; older ones (Debian 12 has 2.28) cannot be imported so and get
what they want. Nothing of requests is changed: a body is read as UTF-8 or refused.
"""

import importlib
import sys

_DETECTORS = ("charset_normalizer", "chardet")


def load_requests() -> None:
    """Import requests, without its charset detection if it can do without."""
    if "requests" in sys.modules:
        return
    hidden = [name for name in _DETECTORS if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # import then says: not there
    try:
        importlib.import_module("requests")
    except ImportError:
        _forget("requests")
    finally:
        for name in hidden:
            del sys.modules[name]
    importlib.import_module("requests")


def _forget(package: str) -> None:
    """Take the half-imported *package* away, so that its next import starts afresh."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
