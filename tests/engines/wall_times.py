"""Measure how long an exec probe takes in a small container; print a Markdown table.

    python -m tests.engines.wall_times [--runs 31]

It needs root and the programs of the engine tests. The rows take turns, so that a busy machine is
busy for all of them. The time is podman's: it starts the runtime, which joins the container and
runs the program.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Dict, List, Mapping, Tuple

from tests.engines.containers import USER, Container, Podman, plugin_container, probe
from tests.engines.programs import free_port
from tests.engines.rodin import serve

#: The CPU limits in podman's form and in that of Kubernetes.
LIMITS: Mapping[str, str] = {"0.1": "100m", "0.25": "250m", "0.5": "500m"}

NOTHING = "`true`: the container runtime alone"
LIBRARIES = "`python -c 'import requests, nagiosplugin'`"
USAGE = "usage error"
HEALTHY = "the queue is healthy"
UNREACHABLE = "connection refused"


def rows() -> Dict[str, Tuple[Tuple[str, ...], Mapping[str, str]]]:
    """Return command and extra environment of each row."""
    argv = probe("readiness").argv
    python = str(Path(argv[0]).with_name("python"))
    return {
        NOTHING: (("true",), {}),
        USAGE: ((*argv, "--no-such-option"), {}),
        UNREACHABLE: (argv, {"RODIN_URL": f"http://127.0.0.1:{free_port()}"}),
        HEALTHY: (argv, {}),
        LIBRARIES: ((python, "-c", "import requests, nagiosplugin"), {}),
    }


def measure(container: Container, runs: int) -> Dict[str, float]:
    """Return the median seconds of each row."""
    commands = rows()
    seconds: Dict[str, List[float]] = {name: [] for name in commands}
    for _ in range(runs):
        for name, (argv, env) in commands.items():
            seconds[name].append(container.exec(*argv, env=env).seconds)
    return {name: statistics.median(values) for name, values in seconds.items()}


def main() -> int:
    """Measure with each limit and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=31, help="of each row (default: 31)")
    runs = parser.parse_args().runs
    columns = []
    with Podman() as podman, tempfile.TemporaryDirectory() as directory:
        podman.make_images()
        with serve(Path(directory), USER) as site:
            for cpus in LIMITS:
                with plugin_container(podman, site, cpus) as container:
                    columns.append(measure(container, runs))
    lines = [f"| seconds | {' | '.join(LIMITS.values())} |", f"|---|{'---|' * len(columns)}"]
    lines += [f"| {name} | {' | '.join(f'{c[name]:.2f}' for c in columns)} |" for name in rows()]
    sys.stdout.write("\n".join([*lines, ""]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
