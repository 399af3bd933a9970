"""The judgement: nagiosplugin acquires the metrics, evaluates and presents them.

Attempt + Policy → resources → metrics → contexts → results → Verdict
"""

from __future__ import annotations

from typing import List, Mapping, Sequence

import nagiosplugin

from check_rodin_queues.conditions import CONDITIONS
from check_rodin_queues.contexts import ConditionContext, Contexts, packed
from check_rodin_queues.findings import Finding, Findings
from check_rodin_queues.resources import (
    AnswerResource,
    Attempt,
    QueueResource,
    RunResource,
    TotalResource,
)
from check_rodin_queues.selection import Policy
from check_rodin_queues.subjects import Subject
from check_rodin_queues.summary import Summary
from check_rodin_queues.verdict import Verdict


def judge(
    policy: Policy, attempt: Attempt, names: Mapping[str, str], *, lines: bool = False
) -> Verdict:
    """Judge *attempt* by *policy*; *names* are the shown ones. *lines*: also for -v and -vv."""
    complete = attempt.failure is None and not (attempt.selection and attempt.selection.malformed)
    conditions = [ConditionContext(row, policy.states[row.name]) for row in CONDITIONS]
    results = Findings()
    check = nagiosplugin.Check(Summary(results), results, *conditions)
    check.add(*_resources(attempt, names, Contexts(policy.thresholds, complete, check.add)))
    check()
    found = results.found
    verdict = Verdict(
        state=results.state,
        text=check.summary_str,
        perfdata=map(packed, check.perfdata),
        proven=any(finding.proven for finding in found),
    )
    return _with_details(verdict, found) if lines else verdict


def _with_details(verdict: Verdict, found: Sequence[Finding]) -> Verdict:
    from check_rodin_queues import details  # noqa: PLC0415 — nothing but -v needs it

    return verdict._replace(lines=details.rows(found), reasons=details.reasons(found))


def _resources(attempt: Attempt, names: Mapping[str, str], contexts: Contexts) -> List[Subject]:
    queues = attempt.selection.queues if attempt.selection else ()
    return [
        AnswerResource(attempt, names),
        *(
            QueueResource(names[queue.name], queue, contexts)
            for queue in sorted(queues, key=lambda queue: names[queue.name])
        ),
        TotalResource(attempt.selection, contexts),
        RunResource(attempt, contexts),
    ]
