"""A ceiling on memory while an answer is taken apart.

A megabyte of brackets becomes a hundred megabytes of lists. Under the ceiling that ends in a
MemoryError, which is an answer too, instead of in the machine's memory.
"""

from __future__ import annotations

import contextlib
import os
import resource
from typing import Iterator

#: What parsing an answer may take on top of the rest, in bytes.
HEADROOM = 20 * 1024 * 1024
_STATM = "/proc/self/statm"
_DATA_FIELD = 5  # proc(5): pages of data and stack


@contextlib.contextmanager
def ceiling() -> Iterator[None]:
    """Bound the process's data segment to what it is now plus HEADROOM; Linux only."""
    before = resource.getrlimit(resource.RLIMIT_DATA)
    try:
        with open(_STATM, "rb") as statm:
            pages = int(statm.read().split()[_DATA_FIELD])
        limit = pages * os.sysconf("SC_PAGE_SIZE") + HEADROOM
        if before[0] in (resource.RLIM_INFINITY, -1) or limit < before[0]:
            resource.setrlimit(resource.RLIMIT_DATA, (limit, before[1]))
    except (OSError, ValueError):
        pass  # no /proc, or not ours to set: the checks of size remain
    try:
        yield
    finally:
        lift(before[0])


def lift(soft: int = -1) -> None:
    """Give the process back the memory that it may have, *soft* or all."""
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (hard if soft == -1 else soft, hard))
