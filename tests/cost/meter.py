#!/usr/bin/env python3
"""Runs commands in pairs and takes the operating system's account of each one.

A program of its own, and a small one: the peak memory of a child begins with that of its parent.
It reads a plan from standard input and writes what each run took to standard output, both JSON.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Dict, List, Mapping, NamedTuple, Tuple, TypedDict


class Plan(TypedDict):
    """What is compared with what, the environment for all of it, and how often each pair is run."""

    pairs: Mapping[str, Tuple[List[str], List[str]]]
    environment: Mapping[str, str]
    rounds: int


class Usage(NamedTuple):
    """What one process took: CPU seconds, user and system, peak memory in KiB; its exit code."""

    cpu: float
    memory: int
    code: int


def run(command: List[str], environment: Mapping[str, str]) -> Usage:
    """Run *command*, its output thrown away, and return what it and its children took."""
    files = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_RDWR, 0) for descriptor in range(3)]
    child = os.posix_spawnp(command[0], command, environment, file_actions=files)
    _, status, usage = os.wait4(child, 0)
    cpu = usage.ru_utime + usage.ru_stime
    return Usage(cpu, usage.ru_maxrss, os.waitstatus_to_exitcode(status))


class Pair(NamedTuple):
    """Two runs, one right after the other: what slows the machine down slows them both."""

    base: Usage
    own: Usage


def measure(plan: Plan) -> Dict[str, List[Pair]]:
    """Run all pairs of *plan* in turn, round by round, after one round that does not count."""
    found: Dict[str, List[Pair]] = {name: [] for name in plan["pairs"]}
    for number in range(plan["rounds"] + 1):
        for name, commands in plan["pairs"].items():
            pair = Pair(*(run(command, plan["environment"]) for command in commands))
            if number:
                found[name].append(pair)
    return found


if __name__ == "__main__":
    json.dump(measure(json.load(sys.stdin)), sys.stdout)
