"""What is done for the cost of a start: it is most of what a run costs.

| lever | gain of a run |
|---|---|
| patterns of the libraries are compiled when they are used; most never are | 13 % |
| no charset detection (`chardet`, `charset_normalizer`): bodies are read as UTF-8 | 8 % |
| no `ssl` and no `_hashlib`, which load OpenSSL, over plain HTTP | 6 % |
| no `bz2` and `lzma`: only zlib's encodings are read | 0.7 % |
| Python 3.15: the libraries load their modules when they use them (`ssl` is one) | 15 % there |
| `client`: urllib3 does not parse the URL, by a pattern with all forms of IPv6 | 3 % |
| `__main__`: no garbage collection; `watchdog`: os._exit | 4 %, 9 % |
| `cli`: libraries are imported after the arguments are parsed | 80 % of --help |

The libraries try to import these modules and go without those that are missing, so nothing of a
library is changed. A version that insists on one gets it, and the start costs more.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any, Callable

_CHARSETS = ("chardet", "charset_normalizer")
_COMPRESSIONS = ("bz2", "lzma")
#: Without ssl, requests would look for pyOpenSSL in its place.
_TLS = ("ssl", "urllib3.contrib.pyopenssl", "_hashlib")
_compile = re.compile


class LazyPattern:
    """A pattern that is compiled when it is first used. Its copies are compiled patterns."""

    def __init__(self, *args: Any) -> None:
        self._args = args

    def __getattr__(self, name: str) -> Any:
        if name == "_compiled":
            self._compiled = _compile(*self._args)
            return self._compiled
        return getattr(self._compiled, name)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What `isinstance` sees; `re` asks it too."""
        return re.Pattern

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _compile, self._args

    def __eq__(self, other: object) -> bool:
        return bool(self._compiled == getattr(other, "_compiled", other))

    def __hash__(self) -> int:
        return hash(self._compiled)

    def __repr__(self) -> str:
        return repr(self._compiled)


def compile_patterns_late() -> None:
    """Let every later `re.compile` return at once."""

    def compile_late(pattern: Any, flags: Any = 0) -> Any:
        return pattern if isinstance(pattern, re.Pattern) else LazyPattern(pattern, flags)

    re.compile = compile_late


def load_requests(tls: bool) -> None:
    """Import requests without its optional imports; *tls* says whether TLS is one of them.

    If requests cannot be imported at all, the import that needs it says so.
    """
    import logging  # noqa: PLC0415 — the libraries import it anyway

    logging.getLogger().addHandler(logging.NullHandler())  # stderr would be part of the result
    os.environ.pop("SSLKEYLOGFILE", None)  # urllib3 would write the session keys there
    python: Any = sys
    if hasattr(sys, "set_lazy_imports"):  # not for this package: an upgrade may remove its files
        python.set_lazy_imports_filter(lambda importer, *_: not importer.startswith(__package__))
        python.set_lazy_imports("all")
    others = _COMPRESSIONS if tls else (*_COMPRESSIONS, *_TLS)
    # requests before 2.32 insists on one charset detection, some Pythons on _hashlib
    for absent in ((*_CHARSETS, *others), (_CHARSETS[0], *others), ()):
        if _imports_without(absent):
            break
        sys.modules.pop("hashlib", None)


def _imports_without(modules: tuple[str, ...]) -> bool:
    """Import requests as if *modules* were not installed; return whether it agreed."""
    hidden = [name for name in modules if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # import then raises ImportError
    try:
        import requests.adapters  # noqa: F401, PLC0415 — requests alone would load it later
    except ImportError:
        return False
    finally:
        for name in hidden:
            sys.modules.pop(name, None)
    return True
