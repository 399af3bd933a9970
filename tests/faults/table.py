"""The table of faults: what is done to the check, and which state and words it has to answer with.

A row is one fault. The states follow from the interface's table of conditions; `condition` is the
one that has to decide, so that `--state` can prove that the state came from there.
"""

from __future__ import annotations

from typing import List

from tests.faults.behaviour import HEALTHY
from tests.faults.row import Row
from tests.faults.rows import (
    encodings,
    extras,
    fields,
    floods,
    frames,
    framing,
    masses,
    names,
    protocols,
    stages,
    statuses,
    texts,
)

GROUPS = (
    protocols.connections,
    stages.stages,
    stages.drips,
    floods.floods,
    frames.frames,
    framing.chunking,
    framing.framing,
    protocols.not_http,
    statuses.redirects,
    statuses.statuses,
    texts.texts,
    encodings.encodings,
    fields.fields,
    fields.twins,
    extras.extras,
    masses.masses,
    names.names,
)

ROWS: List[Row] = [
    Row("healthy", "does nothing wrong", HEALTHY, "OK", ("4 queues",), tls=True),
    *(row for group in GROUPS for row in group()),
]

#: Rows that may be judged after all, where this Python has the memory for them.
HEAPS: List[Row] = list(masses.heaps())
