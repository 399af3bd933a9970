"""The tests of a bad day, for each monitoring system that runs a complete example."""

from __future__ import annotations

import re

import pytest

from tests.engines.rodin import BAD_DAY, PAGING, Day, Monitor, Site


class BadDay:
    """The tests. A subclass is in a module with the fixture `monitor`."""

    @pytest.mark.parametrize("number", range(len(BAD_DAY)), ids=[h.scenario for h in BAD_DAY])
    def test_hour_is_recorded_completely(self, day: Day, number: int) -> None:
        """The system has the plugin's text, long output and perfdata."""
        hour, reports, alone = day.pages[number]
        hour.check(reports[PAGING], alone)
        for watched, found in reports.items():
            hour.check_metrics(found.metrics, watched)

    def test_problem_becomes_hard_at_the_fifth_check(self, day: Day) -> None:
        """The first problem of the day is soft four times. After that, each change is hard."""
        assert day.alerts == [
            *[("CRITICAL", "SOFT")] * 4,
            *[(state, "HARD") for state in ("CRITICAL", "UNKNOWN", "OK")],
        ]

    def test_services_for_all_queues_send_mail(self, day: Day) -> None:
        """Each state of the service that pages sends one message. A backlog is only a warning."""
        subject = r"^-s .*(PROBLEM|RECOVERY).*? (\S+)(?: on \S+)? is (\w+)"
        assert sorted(re.findall(subject, day.mail, re.MULTILINE)) == [
            ("PROBLEM", "backlog", "WARNING"),
            ("PROBLEM", "queues", "CRITICAL"),
            ("PROBLEM", "queues", "UNKNOWN"),
            ("RECOVERY", "backlog", "OK"),
            ("RECOVERY", "queues", "OK"),
        ]
        assert "rodin.mesh" in day.mail

    def test_short_problem_sends_no_mail(self, day: Day, monitor: Monitor, site: Site) -> None:
        """A worker that is back before the fifth check leaves only soft states."""
        known = len(day.alerts)
        site.server.scenario = "dead-worker"
        monitor.wait_for("the problem is seen", lambda: monitor.alerts()[known:])
        site.server.scenario = "idle"
        monitor.wait_for("the recovery is seen", lambda: monitor.alerts()[-1][0] == "OK")
        later = monitor.alerts()[known:-1]
        assert set(later) == {("CRITICAL", "SOFT")}
        assert monitor.mail() == day.mail

    def test_token_stays_in_its_file(self, day: Day, monitor: Monitor, site: Site) -> None:
        """It is in no log, status file or cache."""
        assert day.pages[-1].alone.state == "OK"
        assert site.leaks(monitor.directory) == []
