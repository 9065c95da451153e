"""For every period form and zone: one request, with exactly the window that it means, and exact totals."""

from __future__ import annotations

import os
from typing import Callable

import pytest
from cloud import Event, FakeCloud
from conftest import Run, ms

NOW = "2026-11-03T10:15:30+00:00"  # a Tuesday, after the clock changes of Berlin (25 October) and New York (1 November)
SHANGHAI, NEW_YORK, BERLIN = "Asia/Shanghai", "America/New_York", "Europe/Berlin"

# arguments, zone, start and end in UTC; worked out by hand
WINDOWS = [
    ("", "UTC", "2026-10-27T10:15:30", "2026-11-03T10:15:30"),
    ("--period 7d", NEW_YORK, "2026-10-27T10:15:30", "2026-11-03T10:15:30"),
    ("--period 1d", BERLIN, "2026-11-02T10:15:30", "2026-11-03T10:15:30"),
    ("--period 14d", SHANGHAI, "2026-10-20T10:15:30", "2026-11-03T10:15:30"),
    ("--period 30d", BERLIN, "2026-10-04T10:15:30", "2026-11-03T10:15:30"),
    ("--period 1h", "UTC", "2026-11-03T09:15:30", "2026-11-03T10:15:30"),
    ("--period 720h", NEW_YORK, "2026-10-04T10:15:30", "2026-11-03T10:15:30"),
    ("--period today", "UTC", "2026-11-03T00:00:00", "2026-11-03T10:15:30"),
    ("--period today", SHANGHAI, "2026-11-02T16:00:00", "2026-11-03T10:15:30"),
    ("--period today", NEW_YORK, "2026-11-03T05:00:00", "2026-11-03T10:15:30"),
    ("--period today", BERLIN, "2026-11-02T23:00:00", "2026-11-03T10:15:30"),
    ("--period yesterday", "UTC", "2026-11-02T00:00:00", "2026-11-03T00:00:00"),
    ("--period yesterday", SHANGHAI, "2026-11-01T16:00:00", "2026-11-02T16:00:00"),
    ("--period yesterday", NEW_YORK, "2026-11-02T05:00:00", "2026-11-03T05:00:00"),
    ("--period yesterday", BERLIN, "2026-11-01T23:00:00", "2026-11-02T23:00:00"),
    ("--period this-week", "UTC", "2026-11-02T00:00:00", "2026-11-03T10:15:30"),
    ("--period this-week", SHANGHAI, "2026-11-01T16:00:00", "2026-11-03T10:15:30"),
    ("--period this-week", NEW_YORK, "2026-11-02T05:00:00", "2026-11-03T10:15:30"),
    ("--period this-week", BERLIN, "2026-11-01T23:00:00", "2026-11-03T10:15:30"),
    ("--period last-week", "UTC", "2026-10-26T00:00:00", "2026-11-02T00:00:00"),
    ("--period last-week", SHANGHAI, "2026-10-25T16:00:00", "2026-11-01T16:00:00"),
    ("--period last-week", NEW_YORK, "2026-10-26T04:00:00", "2026-11-02T05:00:00"),  # a week of 169 hours
    ("--period last-week", BERLIN, "2026-10-25T23:00:00", "2026-11-01T23:00:00"),
    ("--period this-month", "UTC", "2026-11-01T00:00:00", "2026-11-03T10:15:30"),
    ("--period this-month", SHANGHAI, "2026-10-31T16:00:00", "2026-11-03T10:15:30"),
    ("--period this-month", NEW_YORK, "2026-11-01T04:00:00", "2026-11-03T10:15:30"),
    ("--period this-month", BERLIN, "2026-10-31T23:00:00", "2026-11-03T10:15:30"),
    ("--from 2026-10-20 --to 2026-10-20", "UTC", "2026-10-20T00:00:00", "2026-10-21T00:00:00"),
    ("--from 2026-10-20 --to 2026-10-22", SHANGHAI, "2026-10-19T16:00:00", "2026-10-22T16:00:00"),
    ("--from 2026-11-01 --to 2026-11-01", NEW_YORK, "2026-11-01T04:00:00", "2026-11-02T05:00:00"),  # 25 hours
    ("--from 2026-10-25 --to 2026-10-25", BERLIN, "2026-10-24T22:00:00", "2026-10-25T23:00:00"),  # 25 hours
    ("--from 2026-10-30", SHANGHAI, "2026-10-29T16:00:00", "2026-11-03T10:15:30"),
    ("--from 2026-11-03 --to 2026-11-03", BERLIN, "2026-11-02T23:00:00", "2026-11-03T10:15:30"),
    ("--from 2026-10-30 --to 9999-12-31", NEW_YORK, "2026-10-30T04:00:00", "2026-11-03T10:15:30"),
    ("--from 2026-10-20T08:30 --to 2026-10-20T09:00:30", "UTC", "2026-10-20T08:30:00", "2026-10-20T09:00:30"),
    ("--from 2026-10-20T08:30 --to 2026-10-20T09:00", SHANGHAI, "2026-10-20T00:30:00", "2026-10-20T01:00:00"),
    ("--from 2026-10-25T02:30 --to 2026-10-25T03:00", BERLIN, "2026-10-25T00:30:00", "2026-10-25T02:00:00"),  # first 02:30
    ("--from 2026-10-20T08:30Z --to 2026-10-20T23:00+08:00", BERLIN, "2026-10-20T08:30:00", "2026-10-20T15:00:00"),
    ("--from 2026-10-20T08:30:10-0530 --to 2026-10-21", "UTC", "2026-10-20T14:00:10", "2026-10-22T00:00:00"),
    ("--from 2026-10-04T10:15:30Z --to 2026-10-05T00:00Z", "UTC", "2026-10-04T10:15:30", "2026-10-05T00:00:00"),
]


@pytest.mark.parametrize(("arguments", "zone", "start", "end"), WINDOWS)
def test_the_window_is_exact(
    arguments: str, zone: str, start: str, end: str, cloud: FakeCloud, run: Run, at: Callable[[str], None]
) -> None:
    """One request, for [start, end) to the millisecond; of usage at every edge just what is inside is counted."""
    at(NOW)
    first, after = ms(start + "+00:00"), ms(end + "+00:00")
    edges = (first - 1, first, first + 1, (first + after) // 2, after - 1, after, after + 1)
    cloud.events = [Event(moment, total=7**place * 10**6, prompt=7**place) for place, moment in enumerate(edges)]
    result = run(*arguments.split(), "--timezone", zone, "--format", "json")
    assert [(body["start_time"], body["end_time"]) for body in cloud.statistics] == [(first, after - 1)]
    assert cloud.statistics[0]["timezone"] == zone
    inside = [event for event in cloud.events if first <= event.at < after]
    assert result.totals["total_tokens"] == sum(event.total for event in inside)
    assert result.totals["prompt_tokens"] == sum(event.prompt for event in inside)
    assert result.totals["total_requests"] == len(inside) == 4
    period = result.document["period"]
    assert (ms(period["start"]), ms(period["end"])) == (first, after)
    assert period["timezone"] == zone
    assert period["complete"] is True
    assert period["start"][-6:] == {"UTC": "+00:00", SHANGHAI: "+08:00"}.get(zone, period["start"][-6:])


def test_a_blank_may_stand_for_the_t(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """An instant may be written as people do."""
    at(NOW)
    run("--from", "2026-10-20 08:30", "--to", "2026-10-20 09:00:01", "--timezone", "UTC")
    assert cloud.statistics[0]["start_time"] == ms("2026-10-20T08:30:00+00:00")
    assert cloud.statistics[0]["end_time"] == ms("2026-10-20T09:00:00.999+00:00")


def test_neighbouring_periods_share_no_instant(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """The end of one period and the start of the next are one millisecond apart on the wire."""
    at(NOW)
    run("--from", "2026-10-20", "--to", "2026-10-20", "--timezone", SHANGHAI)
    run("--from", "2026-10-21", "--to", "2026-10-21", "--timezone", SHANGHAI)
    assert cloud.statistics[0]["end_time"] + 1 == cloud.statistics[1]["start_time"]


def test_what_is_no_longer_kept_is_cut_off_and_said(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """A start before 30 days ago becomes that instant, with a note, and the period is not complete."""
    at(NOW)
    cloud.events = [Event(ms("2026-10-04T10:15:29.999+00:00"), 1), Event(ms("2026-10-04T10:15:30+00:00"), 20)]
    result = run("--from", "0001-01-01", "--to", "2026-10-10", "--format", "json", "--timezone", BERLIN)
    assert cloud.statistics[0]["start_time"] == ms("2026-10-04T10:15:30+00:00")
    assert result.document["period"]["start"] == "2026-10-04T12:15:30+02:00"
    assert result.document["period"]["complete"] is False
    assert result.totals["total_tokens"] == 20
    assert result.document["notes"] == result.notes
    assert len(result.notes) == 1
    assert "30 days" in result.notes[0]


def test_this_month_on_the_31st(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """The first hours of a long month are gone on its last day."""
    at("2026-10-31T10:00:00+00:00")
    result = run("--period", "this-month", "--timezone", "UTC", "--format", "json")
    assert result.document["period"]["start"] == "2026-10-01T10:00:00+00:00"
    assert result.document["period"]["complete"] is False


@pytest.mark.parametrize(
    ("end", "lags"),
    [("2026-11-03T08:15:29Z", False), ("2026-11-03T08:15:30Z", True), ("2026-11-03T10:15Z", True), ("2026-11-09", True)],
)
def test_the_lag_is_said(end: str, lags: bool, cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """A period that ends within two hours of now carries the note on the lag."""
    at(NOW)
    notes = run("--from", "2026-11-01", "--to", end, "--timezone", "UTC").notes
    assert [("lag" in note) for note in notes] == [True] * lags
    assert len(cloud.statistics) == 1


# TZ, what is sent as timezone, start of today in UTC; None: TZ is not set
SYSTEM_ZONES = [
    ("Asia/Shanghai", "Asia/Shanghai", "2026-11-02T16:00:00"),
    (":America/New_York", "America/New_York", "2026-11-03T05:00:00"),
    ("/usr/share/zoneinfo/Europe/Berlin", "Europe/Berlin", "2026-11-02T23:00:00"),
    ("UTC", "UTC", "2026-11-03T00:00:00"),
    ("CST-8", None, "2026-11-02T16:00:00"),
    ("EST5EDT,M3.2.0,M11.1.0", None, "2026-11-03T05:00:00"),
    ("CST", None, "2026-11-03T00:00:00"),
    ("", None, "2026-11-03T00:00:00"),
    ("No/Such_Zone", None, "2026-11-03T00:00:00"),
    ("<+0330>-3:30", None, "2026-11-02T20:30:00"),
]


@pytest.mark.parametrize(("setting", "sent", "start"), SYSTEM_ZONES)
def test_the_system_zone(
    setting: str, sent: str | None, start: str, cloud: FakeCloud, run: Run, at: Callable[[str], None]
) -> None:
    """A zone's name is sent when TZ is one; a rule or an abbreviation is neither sent nor guessed from."""
    at(NOW)
    result = run("--period", "today", "--format", "json", TZ=setting)
    assert cloud.statistics[0].get("timezone") == sent
    assert result.document["period"]["timezone"] == sent
    assert cloud.statistics[0]["start_time"] == ms(start + "+00:00")


@pytest.mark.parametrize("setting", [None, ":/etc/localtime", "/etc/localtime"])
@pytest.mark.parametrize(
    ("link", "sent"),
    [
        ("/usr/share/zoneinfo/Asia/Shanghai", "Asia/Shanghai"),
        ("../usr/share/zoneinfo/Etc/UTC", "Etc/UTC"),
        ("/var/db/timezone/zoneinfo/Europe/Berlin", "Europe/Berlin"),
        ("/usr/share/zoneinfo/Singapore", "Singapore"),
        ("/somewhere/else", None),
        (None, None),
    ],
)
def test_the_systems_link(
    setting: str | None,
    link: str | None,
    sent: str | None,
    cloud: FakeCloud,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without a TZ that names a zone the link /etc/localtime does; a container may have none."""

    def readlink(path: str) -> str:
        assert path == "/etc/localtime"
        if link is None:
            raise FileNotFoundError(path)
        return link

    with monkeypatch.context() as patch:
        patch.setattr(os, "readlink", readlink)
        run(TZ=setting)
    assert cloud.statistics[0].get("timezone") == sent


@pytest.mark.parametrize(
    "zone",
    ["CST", "CST-8", "", "No/Such", "America", "../etc/passwd", "/etc/localtime", "posixrules", "right/UTC",
     "zone.tab", "tzdata.zi", "leapseconds", "iso3166.tab", "asia/shanghai", "Asia/Shanghai\n", "x\0y", "北京"],
)
def test_an_unknown_zone_is_refused(zone: str, cloud: FakeCloud, run: Run) -> None:
    """What is no IANA zone is an error of the arguments, whatever file of that name there may be."""
    assert run("--timezone", zone).code == 2
    assert cloud.hosts == []


def test_a_midnight_that_the_clocks_skip(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """Cairo goes from 23:59 to 01:00 on 24 April 2026: that day begins with the change."""
    at("2026-05-01T00:00:00+00:00")
    run("--from", "2026-04-24", "--to", "2026-04-24", "--timezone", "Africa/Cairo")
    assert cloud.statistics[0]["start_time"] == ms("2026-04-23T22:00:00+00:00")
    assert cloud.statistics[0]["end_time"] + 1 == ms("2026-04-24T21:00:00+00:00")


@pytest.mark.parametrize("zone", ["EET-2EEST,M4.5.5/0,M10.5.4/24", "Africa/Cairo"])
def test_a_skipped_midnight_by_a_rule(zone: str, cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """The same where the system's zone is known by its rule only."""
    at("2026-04-27T00:00:00+00:00")
    rows = run("--from", "2026-04-22", "--to", "2026-04-25", "--by", "day", "--format", "json", TZ=zone).document["rows"]
    assert [row["day"] for row in rows] == ["2026-04-22", "2026-04-23", "2026-04-24", "2026-04-25"]
    assert [row["start"] for row in rows] == ["2026-04-22T00:00:00+02:00", "2026-04-23T00:00:00+02:00",
                                              "2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"]  # fmt: skip


def test_a_midnight_that_the_clocks_show_twice(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """Havana goes from 00:59 back to 00:00 on 1 November 2026: that day begins with the first."""
    at(NOW)
    run("--from", "2026-11-01", "--to", "2026-11-01", "--timezone", "America/Havana")
    assert cloud.statistics[0]["start_time"] == ms("2026-11-01T04:00:00+00:00")
    assert cloud.statistics[0]["end_time"] + 1 == ms("2026-11-02T05:00:00+00:00")
