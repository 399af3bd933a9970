"""What --help says beside the options: thresholds, metrics, conditions, exit codes, examples."""

from __future__ import annotations

from check_rodin_queues.conditions import CONDITIONS
from check_rodin_queues.metrics import QUEUE_METRICS, RUN_METRICS, TOTAL

DESCRIPTION = """\
Check the job queues of a Hyper3D Rodin server: how many consumers listen to
each queue, how many jobs wait and how many run."""

_EPILOG = """\
thresholds:
  RANGE is [@]START:END. Alert outside: 10 (0 to 10), 1: (below 1), ~:5 (above
  5), 5:10; inside: @5:10. SELECTOR is METRIC, of every queue, or
  QUEUE_GLOB.METRIC; without one the range is for job_awaiting.

metrics:
{metrics}

conditions and their states:
{conditions}

exit codes: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN and for --help; the worst
state wins, in the order CRITICAL, UNKNOWN, WARNING, OK.

examples:
  # warn from 21 waiting jobs on, in any queue; critical from 101 on
  check_rodin_queues -H rodin.example.com --token-file /etc/rodin/token \\
    -w 20 -c 100
  # one queue with limits of its own
  check_rodin_queues -H rodin.example.com --token-file /etc/rodin/token \\
    -w 20 -w 'rodin.mesh.job_awaiting=50' -c 'rodin.mesh.consumers=2:'
  # workers that scale to zero: no consumer is fine unless a job waits
  check_rodin_queues -H rodin.example.com --token-file /etc/rodin/token \\
    -c 'consumers='
  # a readiness probe of the worker for one queue
  check_rodin_queues -H rodin.example.com --token-file /etc/rodin/token \\
    -t 2 -q rodin.mesh --probe readiness
"""


def epilog() -> str:
    """Return what the help says below the options."""
    conditions = "\n".join(f"  {row.name:12} {row.default.name:9} {row.when}" for row in CONDITIONS)
    metrics = "\n".join(
        f"  {name:27} {meaning}"
        for name, meaning in (
            *((f"QUEUE.{row.name}", row.meaning) for row in QUEUE_METRICS),
            (f"{TOTAL}.METRIC", "one of the first three, summed"),
            *((row.name, row.meaning) for row in RUN_METRICS),
        )
    )
    return _EPILOG.format(conditions=conditions, metrics=metrics)
