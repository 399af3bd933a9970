"""What a finding is about, with the name that people and perfdata have for it."""

from __future__ import annotations

from typing import Optional

import nagiosplugin

from check_rodin_queues.snapshot import Queue


class Subject(nagiosplugin.Resource):
    """What a finding is about; *queue* only if it is one, *shown* is its name for people.

    *explained*: its own words say what to do.
    """

    shown: str = ""
    queue: Optional[Queue] = None
    explained: bool = False

    def label(self, metric: str) -> str:
        """Return what perfdata calls *metric* of this subject.

        It is made when it is needed: those of 5,000 queues would take megabytes.
        """
        return f"{self.shown}.{metric}" if self.shown or self.queue else metric
