"""Answers of a Rodin server as the tests write them down: the idle site, and what differs."""

from __future__ import annotations

import json
from typing import Dict, Mapping

from tests.oracle.judgement import DOCUMENTED

Queue = Mapping[str, object]


def queue(consumers: object = 1, job_awaiting: object = 0, job_running: object = 0) -> Queue:
    """Return one queue; a malformed one may hold anything."""
    return {"consumers": consumers, "job_awaiting": job_awaiting, "job_running": job_running}


IDLE: Dict[str, Queue] = {name: queue() for name in DOCUMENTED}


def answer(queues: Mapping[str, object]) -> str:
    """Return the body that holds exactly *queues*."""
    return json.dumps(queues)


def site(**changes: object) -> str:
    """Return the idle site with *changes*, where `mesh` stands for `rodin.mesh`."""
    return answer({**IDLE, **{f"rodin.{name}": value for name, value in changes.items()}})


def without(*names: str) -> str:
    """Return the idle site with these documented queues left out."""
    return answer({name: value for name, value in IDLE.items() if name not in names})


def doubled(first: str, second: str) -> str:
    """Return the idle site where `rodin.mesh` holds two members that are written side by side."""
    mesh = f'{{{first}, {second}, "job_awaiting": 0, "job_running": 0}}'
    return answer({**IDLE, "rodin.mesh": "MESH"}).replace('"MESH"', mesh)
