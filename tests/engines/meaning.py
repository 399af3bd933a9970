"""What an engine has to record: what the server served, and what the plugin says on its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Sequence

from tests import perfdata
from tests.engines.programs import Account, run_as
from tests.engines.rodin import LIFETIME, LIMITS, RodinSite, Scene, counts

#: The options by which the examples watch all queues.
WATCH_ALL = (
    *("-v", "-w", "10", "-w", "rodin.mesh.job_awaiting=20"),
    *("-c", "50", "-c", "rodin.mesh.job_awaiting=100"),
)


def alone(site: RodinSite, script: Path, user: Account) -> str:
    """Return the plugin's output for the service of all queues when no engine is between."""
    server = ("-H", site.server.url, "--token-file", str(site.token_file))
    return run_as(user, str(script), *server, *WATCH_ALL).stdout


def timeless(text: str) -> str:
    """Return *text* without what differs between two runs: seconds that passed or remain."""
    return re.sub(r"\d+(\.\d+)?s\b", "(seconds)", text)


def check_perfdata(written: str, scene: Scene, queues: Sequence[str]) -> None:
    """Compare perfdata with what *scene* serves for *queues*, and with the examples' limits."""
    metrics = perfdata.parse(written)
    assert 0 <= metrics.pop("time").value < 10
    assert 0 < LIFETIME - metrics.pop("token_expires_in").value < 3600
    served = {k: v for k, v in counts(scene.scenario).items() if k.rpartition(".")[0] in queues}
    assert {label: datum.value for label, datum in metrics.items()} == served
    for label, datum in metrics.items():
        queue, _, count = label.rpartition(".")
        warning, critical = LIMITS[queue]
        if count == "job_awaiting":
            assert (datum.warning, datum.critical) == (str(warning), str(critical))
        if count == "consumers":
            assert (datum.warning, datum.critical) == ("", "1:")
