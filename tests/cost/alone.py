"""nagiosplugin alone: judges as many queues as the argument says, three metrics and two thresholds.

Without the garbage collector, as the check itself runs.
"""

import gc

gc.disable()

import os  # noqa: E402
import sys  # noqa: E402
from typing import Generator  # noqa: E402

import nagiosplugin  # noqa: E402


class Queues(nagiosplugin.Resource):
    """Gives the metrics of *number* queues."""

    def __init__(self, number: int) -> None:
        self.number = number

    def probe(self) -> Generator[nagiosplugin.Metric, None, None]:
        """Give three metrics for each queue."""
        for index in range(self.number):
            for field in ("consumers", "job_awaiting", "job_running"):
                yield nagiosplugin.Metric(f"rodin.queue.{index}.{field}", 1, min=0, context=field)


def main() -> None:
    """Judge them and write the perfdata."""
    check = nagiosplugin.Check(
        Queues(int(sys.argv[1])),
        nagiosplugin.ScalarContext("consumers", None, "1:"),
        nagiosplugin.ScalarContext("job_awaiting", "20", None),
        nagiosplugin.ScalarContext("job_running"),
    )
    check()
    os.write(1, f"{check.summary_str} | {' '.join(check.perfdata)}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    main()
