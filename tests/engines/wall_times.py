"""How long a probe by exec takes in a small container, as a table: `python -m` runs this module.

Each row is run in turn with the others, so that a busy machine is busy for all of them. The time is
podman's own: start of the runtime, joining the container, the program, and back.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import Dict, List, Mapping, NamedTuple, Tuple

from tests.engines import images, manifest
from tests.engines.containers import USER, Container, plugin_container
from tests.engines.podman import Podman
from tests.engines.programs import free_port
from tests.engines.rodin import serve

#: The limits, as podman writes them and as Kubernetes does.
LIMITS: Mapping[str, str] = {"0.1": "100m", "0.25": "250m", "0.5": "500m"}

NOTHING = "`true`: the container runtime alone"
LIBRARIES = "`python -c 'import requests, nagiosplugin'`"
USAGE = "usage error"
HEALTHY = "the queue is healthy"
UNREACHABLE = "connection refused"


class Row(NamedTuple):
    """What is run, and in which environment beside the container's."""

    argv: Tuple[str, ...]
    env: Mapping[str, str] = {}


def rows() -> Dict[str, Row]:
    """Return what is measured, by the name in the table."""
    probe = manifest.probe("readiness").argv
    python = str(Path(probe[0]).with_name("python"))
    nobody = {"RODIN_URL": f"http://127.0.0.1:{free_port()}"}
    return {
        NOTHING: Row(("true",)),
        USAGE: Row((*probe, "--no-such-option")),
        UNREACHABLE: Row(probe, nobody),
        HEALTHY: Row(probe),
        LIBRARIES: Row((python, "-c", "import requests, nagiosplugin")),
    }


def measure(container: Container, runs: int) -> Dict[str, float]:
    """Return the median seconds of each row."""
    seconds: Dict[str, List[float]] = {name: [] for name in rows()}
    for _ in range(runs):
        for name, row in rows().items():
            seconds[name].append(container.exec(*row.argv, env=row.env).seconds)
    return {name: statistics.median(values) for name, values in seconds.items()}


def table(columns: Mapping[str, Mapping[str, float]]) -> str:
    """Return the medians by row and limit in Markdown."""
    lines = [f"| seconds | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    for name in rows():
        cells = (f"{medians[name]:.2f}" for medians in columns.values())
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Make the image, measure at every limit and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=31, help="of each row (default: 31)")
    runs = parser.parse_args().runs
    with Podman() as podman, tempfile.TemporaryDirectory() as folder:
        images.make_base(podman)
        images.make_plugin(podman)
        with serve(Path(folder), USER) as site:
            columns = {}
            for cpus, limit in LIMITS.items():
                with plugin_container(podman, site, cpus) as container:
                    columns[limit] = measure(container, runs)
    print(table(columns))  # noqa: T201 - it is what somebody asked for


if __name__ == "__main__":
    main()
