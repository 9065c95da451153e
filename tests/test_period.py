"""Every period, date and zone: exactly the window that it means, in one request."""

from __future__ import annotations

import os
import sys
import time
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from cloud import PROJECT_ID, Answer, Event, FakeCloud, refusal
from conftest import At, Run, ms
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

if sys.version_info >= (3, 9):
    import zoneinfo
else:
    from backports import zoneinfo

# A Tuesday, after the clock changes of Berlin (25 October) and New York (1 November). Data is kept
# from 2026-10-04T10:15:30.
NOW = "2026-11-03T10:15:30+00:00"
SHANGHAI, NEW_YORK, BERLIN = "Asia/Shanghai", "America/New_York", "Europe/Berlin"
KATHMANDU, LORD_HOWE = "Asia/Kathmandu", "Australia/Lord_Howe"
DAY_MS = 86_400_000

needs_tzset = pytest.mark.skipif(
    not hasattr(time, "tzset"), reason="only the C library of POSIX systems reads all forms of TZ"
)


def utc(moment: str) -> int:
    """Return a moment that is written in UTC, without an offset, in milliseconds since 1970."""
    return ms(f"{moment}+00:00")


# --- Windows ---

# arguments, zone, start and end in UTC; worked out by hand
WINDOWS = [
    # rolling: a day is 24 hours, whatever the clocks do
    ("", "UTC", "2026-10-27T10:15:30", "2026-11-03T10:15:30"),
    ("--period 7d", NEW_YORK, "2026-10-27T10:15:30", "2026-11-03T10:15:30"),
    ("--period 1d", BERLIN, "2026-11-02T10:15:30", "2026-11-03T10:15:30"),
    ("--period 14d", SHANGHAI, "2026-10-20T10:15:30", "2026-11-03T10:15:30"),
    ("--period 30d", BERLIN, "2026-10-04T10:15:30", "2026-11-03T10:15:30"),
    ("--period 1h", "UTC", "2026-11-03T09:15:30", "2026-11-03T10:15:30"),
    ("--period 720h", NEW_YORK, "2026-10-04T10:15:30", "2026-11-03T10:15:30"),
    # days, weeks and months of the zone
    ("--period today", "UTC", "2026-11-03T00:00:00", "2026-11-03T10:15:30"),
    ("--period today", SHANGHAI, "2026-11-02T16:00:00", "2026-11-03T10:15:30"),
    ("--period today", NEW_YORK, "2026-11-03T05:00:00", "2026-11-03T10:15:30"),
    ("--period today", BERLIN, "2026-11-02T23:00:00", "2026-11-03T10:15:30"),
    ("--period today", KATHMANDU, "2026-11-02T18:15:00", "2026-11-03T10:15:30"),
    ("--period today", LORD_HOWE, "2026-11-02T13:00:00", "2026-11-03T10:15:30"),
    ("--period today", "Pacific/Kiritimati", "2026-11-03T10:00:00", "2026-11-03T10:15:30"),
    ("--period yesterday", "UTC", "2026-11-02T00:00:00", "2026-11-03T00:00:00"),
    ("--period yesterday", SHANGHAI, "2026-11-01T16:00:00", "2026-11-02T16:00:00"),
    ("--period yesterday", NEW_YORK, "2026-11-02T05:00:00", "2026-11-03T05:00:00"),
    ("--period yesterday", BERLIN, "2026-11-01T23:00:00", "2026-11-02T23:00:00"),
    ("--period yesterday", KATHMANDU, "2026-11-01T18:15:00", "2026-11-02T18:15:00"),
    ("--period this-week", "UTC", "2026-11-02T00:00:00", "2026-11-03T10:15:30"),
    ("--period this-week", SHANGHAI, "2026-11-01T16:00:00", "2026-11-03T10:15:30"),
    ("--period this-week", NEW_YORK, "2026-11-02T05:00:00", "2026-11-03T10:15:30"),
    ("--period this-week", BERLIN, "2026-11-01T23:00:00", "2026-11-03T10:15:30"),
    ("--period last-week", "UTC", "2026-10-26T00:00:00", "2026-11-02T00:00:00"),
    ("--period last-week", SHANGHAI, "2026-10-25T16:00:00", "2026-11-01T16:00:00"),
    ("--period last-week", NEW_YORK, "2026-10-26T04:00:00", "2026-11-02T05:00:00"),  # 169 hours
    ("--period last-week", BERLIN, "2026-10-25T23:00:00", "2026-11-01T23:00:00"),
    ("--period this-month", "UTC", "2026-11-01T00:00:00", "2026-11-03T10:15:30"),
    ("--period this-month", SHANGHAI, "2026-10-31T16:00:00", "2026-11-03T10:15:30"),
    ("--period this-month", NEW_YORK, "2026-11-01T04:00:00", "2026-11-03T10:15:30"),
    ("--period this-month", BERLIN, "2026-10-31T23:00:00", "2026-11-03T10:15:30"),
    # dates
    ("--from 2026-10-20 --to 2026-10-20", "UTC", "2026-10-20T00:00:00", "2026-10-21T00:00:00"),
    ("--from 2026-10-20 --to 2026-10-22", SHANGHAI, "2026-10-19T16:00:00", "2026-10-22T16:00:00"),
    ("--from 2026-11-01 --to 2026-11-01", NEW_YORK, "2026-11-01T04:00:00", "2026-11-02T05:00:00"),
    ("--from 2026-10-25 --to 2026-10-25", BERLIN, "2026-10-24T22:00:00", "2026-10-25T23:00:00"),
    ("--from 2026-10-20 --to 2026-10-20", KATHMANDU, "2026-10-19T18:15:00", "2026-10-20T18:15:00"),
    ("--from 2026-10-30", SHANGHAI, "2026-10-29T16:00:00", "2026-11-03T10:15:30"),
    ("--from 2026-11-03 --to 2026-11-03", BERLIN, "2026-11-02T23:00:00", "2026-11-03T10:15:30"),
    ("--from 2026-10-30 --to 9999-12-31", NEW_YORK, "2026-10-30T04:00:00", "2026-11-03T10:15:30"),
    # times, and both mixed
    (
        "--from 2026-10-20T08:30 --to 2026-10-20T09:00:30",
        "UTC",
        "2026-10-20T08:30:00",
        "2026-10-20T09:00:30",
    ),
    (
        "--from 2026-10-20T08:30 --to 2026-10-20",
        SHANGHAI,
        "2026-10-20T00:30:00",
        "2026-10-20T16:00:00",
    ),
    (
        "--from 2026-10-20T08:30Z --to 2026-10-20T23:00+08:00",
        BERLIN,
        "2026-10-20T08:30:00",
        "2026-10-20T15:00:00",
    ),
    (
        "--from 2026-10-20T08:30:10-0530 --to 2026-10-21",
        "UTC",
        "2026-10-20T14:00:10",
        "2026-10-22T00:00:00",
    ),
    (
        "--from 2026-10-04T10:15:30Z --to 2026-10-05T00:00Z",
        "UTC",
        "2026-10-04T10:15:30",
        "2026-10-05T00:00:00",
    ),
    (  # 02:30 and 02:45 occur twice: both ends are the first
        "--from 2026-10-25T02:30 --to 2026-10-25T02:45",
        BERLIN,
        "2026-10-25T00:30:00",
        "2026-10-25T00:45:00",
    ),
]


@pytest.mark.parametrize(("arguments", "zone", "start", "end"), WINDOWS)
def test_the_window_is_exact(
    arguments: str, zone: str, start: str, end: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Of usage at both edges, just what is inside is counted, to the millisecond."""
    at(NOW)
    first, after = utc(start), utc(end)
    inside = [first, first + 1, after - 1]
    outside = [first - 1, after, after + 1]
    cloud.events = [Event(moment, total=1_000_000, prompt=1) for moment in outside]
    cloud.events += [Event(moment, total=1000, prompt=10) for moment in inside]
    result = run(*arguments.split(), "--timezone", zone, "--format", "json")
    assert len(cloud.statistics) == 1
    assert cloud.statistics[0]["start_time"] == first
    assert cloud.statistics[0]["end_time"] == after - 1
    assert cloud.statistics[0]["timezone"] == zone
    assert result.totals["total_tokens"] == 3000
    assert result.totals["prompt_tokens"] == 30
    assert result.totals["total_requests"] == 3
    period = result.document["period"]
    assert ms(period["start"]) == first
    assert ms(period["end"]) == after
    assert period["timezone"] == zone
    assert period["complete"] is True


# zone, day, start and end of that day in UTC; the time of asking is a week later
DAYS_OF_CLOCK_CHANGES = [
    (NEW_YORK, "2026-03-08", "2026-03-08T05:00:00", "2026-03-09T04:00:00"),  # 23 hours
    (BERLIN, "2026-03-29", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),  # 23 hours
    (LORD_HOWE, "2026-04-05", "2026-04-04T13:00:00", "2026-04-05T13:30:00"),  # 24 and a half
    (LORD_HOWE, "2026-10-04", "2026-10-03T13:30:00", "2026-10-04T13:00:00"),  # 23 and a half
    ("Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00", "2026-10-29T22:00:00"),  # 23:00 twice
    ("America/Havana", "2026-11-01", "2026-11-01T04:00:00", "2026-11-02T05:00:00"),  # 00:00 twice
]


@pytest.mark.parametrize("prefix", ["", pytest.param(":", marks=needs_tzset)], ids=["name", "C"])
@pytest.mark.parametrize(("zone", "day", "start", "end"), DAYS_OF_CLOCK_CHANGES)
def test_a_day_on_which_the_clocks_change(
    zone: str, day: str, start: str, end: str, prefix: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """It begins and ends at local midnight, by zoneinfo and (with a colon) by the C library."""
    at((datetime.fromisoformat(f"{end}+00:00") + timedelta(days=7)).isoformat())
    assert run("--from", day, "--to", day, TZ=f"{prefix}{zone}").code == 0
    assert cloud.statistics[0]["start_time"] == utc(start)
    assert cloud.statistics[0]["end_time"] + 1 == utc(end)


# zone, day, start and end of that day in UTC: the clocks go from 24:00 of the day before to 01:00
DAYS_WITHOUT_MIDNIGHT = [
    ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00", "2026-04-24T21:00:00"),
    ("America/Havana", "2026-03-08", "2026-03-08T05:00:00", "2026-03-09T04:00:00"),
    ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00", "2026-03-29T21:00:00"),
]


@pytest.mark.parametrize("prefix", ["", ":"], ids=["name", "C"])
@pytest.mark.parametrize(("zone", "day", "start", "end"), DAYS_WITHOUT_MIDNIGHT)
def test_a_day_without_midnight_begins_with_the_change(
    zone: str, day: str, start: str, end: str, prefix: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """It takes no hour from the day before."""
    at((datetime.fromisoformat(f"{end}+00:00") + timedelta(days=7)).isoformat())
    argv = ["--from", day, "--to", day, "--by", "day", "--format", "json"]
    rows = run(*argv, TZ=f"{prefix}{zone}").document["rows"]
    assert [row["day"] for row in rows] == [day]
    assert cloud.statistics[0]["start_time"] == utc(start)
    assert cloud.statistics[0]["end_time"] + 1 == utc(end)


@pytest.mark.parametrize("zone", [BERLIN, pytest.param(":Europe/Berlin", marks=needs_tzset)])
def test_a_time_that_the_clocks_skip_is_taken(
    zone: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """02:30 does not exist on that day; half an hour before or after the change will do."""
    at("2026-04-01T00:00:00+00:00")
    assert run("--from", "2026-03-29T02:30", "--to", "2026-03-29T12:00", TZ=zone).code == 0
    near_ones = [utc("2026-03-29T00:30:00"), utc("2026-03-29T01:30:00")]
    assert cloud.statistics[0]["start_time"] in near_ones


def test_a_blank_may_stand_for_the_t(cloud: FakeCloud, run: Run, at: At) -> None:
    """A time may be written as people do."""
    at(NOW)
    run("--from", "2026-10-20 08:30", "--to", "2026-10-20 10:00:01+01:00", "--timezone", "UTC")
    assert cloud.statistics[0]["start_time"] == utc("2026-10-20T08:30:00")
    assert cloud.statistics[0]["end_time"] == utc("2026-10-20T09:00:00.999")


def test_now_is_a_whole_second(cloud: FakeCloud, run: Run, at: At) -> None:
    """On the wire and in the output."""
    at("2026-11-03T10:15:30.900+00:00")
    result = run("--period", "1h", "--format", "json")
    assert result.document["period"]["start"] == "2026-11-03T09:15:30+00:00"
    assert result.document["period"]["end"] == "2026-11-03T10:15:30+00:00"
    assert cloud.statistics[0]["end_time"] == utc("2026-11-03T10:15:29.999")


@pytest.mark.parametrize("end_is_inclusive", [True, False])
def test_neighbouring_periods_share_no_instant(
    end_is_inclusive: bool, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Nothing counts twice, whether the service includes its end_time or not (not known)."""
    at(NOW)
    cloud.end_is_inclusive = end_is_inclusive
    edge = utc("2026-10-20T16:00:00")
    cloud.events = [Event(edge + shift, total=10**place) for place, shift in enumerate([-2, -1, 0])]
    before = run("--from=2026-10-20", "--to=2026-10-20", "--timezone", SHANGHAI, "--format", "json")
    after = run("--from=2026-10-21", "--to=2026-10-21", "--timezone", SHANGHAI, "--format", "json")
    assert cloud.statistics[0]["end_time"] == edge - 1
    assert cloud.statistics[1]["start_time"] == edge
    # If the service excludes its end_time, the last millisecond of a period is lost.
    assert before.totals["total_tokens"] == (11 if end_is_inclusive else 1)
    assert after.totals["total_tokens"] == 100


@pytest.mark.parametrize(
    ("zone", "now", "start"),
    [
        ("UTC", "2026-06-01T00:00:00.000+00:00", "2026-06-01T00:00:00"),
        ("UTC", "2026-06-01T00:00:00.900+00:00", "2026-06-01T00:00:00"),
        (SHANGHAI, "2026-05-31T16:00:00.000+00:00", "2026-05-31T16:00:00"),
    ],
)
@pytest.mark.parametrize("period", ["today", "this-week", "this-month"])
def test_the_second_in_which_a_period_begins_is_its_length(
    period: str, zone: str, now: str, start: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """A Monday and first of a month begins; nothing is refused as empty."""
    at(now)
    result = run("--period", period, "--timezone", zone, "--format", "json")
    assert result.code == 0
    assert cloud.statistics[0]["start_time"] == utc(start)
    assert cloud.statistics[0]["end_time"] == utc(start) + 999


@pytest.mark.parametrize("period", ["today", "this-week", "this-month"])
def test_one_second_later_it_is_a_period_like_any_other(
    period: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """It ends now."""
    at("2026-06-01T00:00:01+00:00")
    run("--period", period, "--timezone", "UTC")
    assert cloud.statistics[0]["end_time"] == utc("2026-06-01T00:00:00.999")


# --- What the service keeps ---


def test_what_is_no_longer_kept_is_cut_off_and_said(cloud: FakeCloud, run: Run, at: At) -> None:
    """A start before 30 days ago becomes that instant, and the period is not complete."""
    at(NOW)
    oldest = utc("2026-10-04T10:15:30")
    cloud.events = [Event(oldest - 1, total=1), Event(oldest, total=20)]
    argv = ["--from", "0001-01-01", "--to", "2026-10-10", "--timezone", BERLIN, "--format", "json"]
    result = run(*argv, "--service-type", "preset")
    assert cloud.statistics[0]["start_time"] == oldest
    assert result.document["period"]["start"] == "2026-10-04T12:15:30+02:00"
    assert result.document["period"]["complete"] is False
    assert result.totals["total_tokens"] == 20
    assert len(result.notes) == 1
    assert "keeps 30 days" in result.notes[0]
    assert "2026-10-04 12:15:30+02:00" in result.notes[0]


# now, period, start and end in UTC, whether it is complete
MONTHS = [
    ("2026-03-01T00:00:00", "last-month", "2026-02-01T00:00:00", "2026-03-01T00:00:00", True),
    ("2026-05-01T00:00:00", "last-month", "2026-04-01T00:00:00", "2026-05-01T00:00:00", True),
    ("2026-05-01T00:00:01", "last-month", "2026-04-01T00:00:01", "2026-05-01T00:00:00", False),
    ("2026-11-03T10:15:30", "last-month", "2026-10-04T10:15:30", "2026-11-01T00:00:00", False),
    ("2027-01-30T23:59:59", "last-month", "2026-12-31T23:59:59", "2027-01-01T00:00:00", False),
    ("2026-10-31T00:00:00", "this-month", "2026-10-01T00:00:00", "2026-10-31T00:00:00", True),
    ("2026-10-31T10:00:00", "this-month", "2026-10-01T10:00:00", "2026-10-31T10:00:00", False),
]


@pytest.mark.parametrize(("now", "period", "start", "end", "complete"), MONTHS)
def test_a_month_is_cut_to_what_is_kept(
    now: str,
    period: str,
    start: str,
    end: str,
    complete: bool,
    cloud: FakeCloud,
    run: Run,
    at: At,
) -> None:
    """A note says so exactly when something is missing."""
    at(f"{now}+00:00")
    result = run("--period", period, "--timezone", "UTC", "--format", "json")
    assert cloud.statistics[0]["start_time"] == utc(start)
    assert cloud.statistics[0]["end_time"] + 1 == utc(end)
    assert result.document["period"]["complete"] is complete
    cut_notes = [note for note in result.notes if "keeps 30 days" in note]
    assert len(cut_notes) == (0 if complete else 1)


@pytest.mark.parametrize(
    ("now", "earliest_day"),
    [
        ("2026-10-31T10:00:00", "is 2026-10-02."),
        ("2026-10-31T00:00:00", "is 2026-10-01."),
        ("2026-05-31T00:00:01", "is 2026-05-02."),
    ],
)
def test_last_month_is_refused_on_a_31st(
    now: str, earliest_day: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Nothing of it is kept; the earliest whole day that is kept is named."""
    at(f"{now}+00:00")
    result = run("--period", "last-month", "--timezone", "UTC")
    assert result.code == 2
    assert "ended before" in result.error["message"]
    assert earliest_day in f"{result.error['message']} {result.error['hint']}"
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("zone", "earliest_day"),
    [(SHANGHAI, "is 2026-10-05."), ("Pacific/Kiritimati", "is 2026-10-06.")],
)
def test_the_earliest_whole_day_is_one_of_the_zone(
    zone: str, earliest_day: str, run: Run, at: At
) -> None:
    """Where it is tomorrow already, it is a day later."""
    at(NOW)
    result = run("--from", "2026-09-01", "--to", "2026-10-01", "--timezone", zone)
    assert result.code == 2
    assert earliest_day in f"{result.error['message']} {result.error['hint']}"


# What the service does with a start that was 30 days old when it was sent is not known.
AT_THE_EDGE = ["--period 30d", "--period 720h", "--from 2026-01-01", "--period last-month"]


@pytest.mark.parametrize("arguments", AT_THE_EDGE)
def test_a_service_that_cuts_old_starts_answers(
    arguments: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """It counts what it still keeps when the request arrives a second later."""
    at(NOW)
    cloud.clock_ahead = 1
    oldest = utc("2026-10-04T10:15:30")
    cloud.events = [Event(oldest, total=1), Event(oldest + 1000, total=10)]
    assert run(*arguments.split(), "--format", "json").totals["total_tokens"] == 10


@pytest.mark.parametrize("arguments", AT_THE_EDGE)
def test_a_service_that_refuses_old_starts_is_explained(
    arguments: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """The hint has a period that it accepts."""
    at(NOW)
    cloud.clock_ahead = 1
    cloud.refuses_old_starts = True
    result = run(*arguments.split(), "--format", "json")
    assert result.code == 4
    assert result.error["http_status"] == 400
    assert "--period 29d" in result.error["hint"]
    assert len(cloud.statistics) == 1


def test_29_days_are_taken_by_a_service_that_refuses_old_starts(
    cloud: FakeCloud, run: Run, at: At
) -> None:
    """The hint is right."""
    at(NOW)
    cloud.clock_ahead = 60
    cloud.refuses_old_starts = True
    assert run("--period", "29d").code == 0


def test_another_refusal_does_not_speak_of_29_days(cloud: FakeCloud, run: Run) -> None:
    """The start is not at the edge."""
    cloud.on("show-statistics", refusal(400, "TEST.1", "no"))
    result = run("--period", "29d")
    assert result.code == 4
    assert "29d" not in result.error["hint"]


# --- Notes ---

LAG, CUT, PRESET_ONLY = "lag by one to two hours", "keeps 30 days", "Only preset services"
LONG_AGO = "--from 2026-10-20 --to 2026-10-20"

# arguments, and the words of the notes in their order
NOTES = [
    ("", [LAG, PRESET_ONLY]),
    (LONG_AGO, [PRESET_ONLY]),
    (f"{LONG_AGO} --by day", [PRESET_ONLY]),
    (f"{LONG_AGO} --service-type preset", []),
    (f"{LONG_AGO} --service-type all", []),
    (f"{LONG_AGO} --by service-type", []),
    (f"{LONG_AGO} --service-type 2 --region cn-north-4", ["offered in cn-north-4"]),
    (f"{LONG_AGO} --service-type 2 --region ap-southeast-1", []),
    ("--from 2026-11-01 --to 2026-11-03T08:15:29Z --service-type 2", []),
    ("--from 2026-11-01 --to 2026-11-03T08:15:30Z --service-type 2", [LAG]),
    ("--from 2026-11-01 --to 2026-11-09 --service-type 2", [LAG]),
    ("--period yesterday --service-type 2", []),
    ("--from 2026-09-01 --to 2026-10-20 --service-type 2", [CUT]),
    ("--from 2026-10-04T10:15:30Z --to 2026-10-20 --service-type 2", []),
    ("--from 2026-09-01 --region cn-north-4", [CUT, LAG, PRESET_ONLY, "offered in cn-north-4"]),
]


@pytest.mark.parametrize(("arguments", "words"), NOTES)
@pytest.mark.parametrize("output", ["table", "json"])
def test_notes_come_only_where_they_apply(
    output: str, arguments: str, words: list[str], run: Run, at: At
) -> None:
    """On the lag, on what is kept, on other service types, and on an unknown region."""
    at(NOW)
    result = run(*arguments.split(), "--format", output, "--timezone", "UTC")
    assert len(result.notes) == len(words)
    for word, note in zip(words, result.notes):
        assert word in note


# --- The system's zone ---

# TZ, what is sent as timezone, start of today in UTC
SYSTEM_ZONES = [
    ("UTC", "UTC", "2026-11-03T00:00:00"),
    ("Etc/UTC", "Etc/UTC", "2026-11-03T00:00:00"),
    (SHANGHAI, SHANGHAI, "2026-11-02T16:00:00"),
    ("America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires", "2026-11-03T03:00:00"),
    ("Etc/GMT+5", "Etc/GMT+5", "2026-11-03T05:00:00"),
]
ZONES_OF_THE_C_LIBRARY = [
    ("", "2026-11-03T00:00:00"),
    ("CST", "2026-11-03T00:00:00"),
    ("Singapore", "2026-11-02T16:00:00"),
    ("CST-8", "2026-11-02T16:00:00"),
    ("<+0330>-3:30", "2026-11-02T20:30:00"),
    ("EST5EDT,M3.2.0,M11.1.0", "2026-11-03T05:00:00"),
    ("EET-2EEST,M4.5.5/0,M10.5.4/24", "2026-11-02T22:00:00"),
    (":America/New_York", "2026-11-03T05:00:00"),
    (":No/Such_Zone", "2026-11-03T00:00:00"),
    ("/usr/share/zoneinfo/Europe/Berlin", "2026-11-02T23:00:00"),
    (":/usr/share/zoneinfo/Europe/Berlin", "2026-11-02T23:00:00"),
]


@pytest.mark.parametrize(("setting", "name", "start"), SYSTEM_ZONES)
def test_a_tz_that_is_a_name_is_sent(
    setting: str, name: str, start: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """UTC, and every IANA name with a slash."""
    at(NOW)
    result = run("--period", "today", "--format", "json", TZ=setting)
    assert cloud.statistics[0]["timezone"] == name
    assert cloud.statistics[0]["start_time"] == utc(start)
    assert result.document["period"]["timezone"] == name


@needs_tzset
@pytest.mark.parametrize(("setting", "start"), ZONES_OF_THE_C_LIBRARY)
def test_other_forms_of_tz_are_the_c_librarys(
    setting: str, start: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Rules, abbreviations and paths: days follow its clock, and no name is guessed or sent."""
    at(NOW)
    result = run("--period", "today", "--format", "json", TZ=setting)
    assert "timezone" not in cloud.statistics[0]
    assert cloud.statistics[0]["start_time"] == utc(start)
    assert result.document["period"]["timezone"] is None


@pytest.mark.parametrize(
    "setting",
    [
        "Asia/Shangai",
        "Asia/Shanghai ",
        "asia/shanghai",
        " Asia/Shanghai",
        "No/Such_Zone",
        "Asia//Shanghai",
        "Asia/",
        "../zoneinfo/UTC",
        "EST5EDT/2",
        "Asia/\u4e0a\u6d77",
    ],
    ids=ascii,
)
def test_a_tz_with_a_slash_must_be_known(setting: str, cloud: FakeCloud, run: Run) -> None:
    """The C library would take it for UTC without a word."""
    result = run("--format", "json", TZ=setting)
    assert result.code == 2
    assert result.error["kind"] == "usage"
    assert f"{setting!a} in TZ" in result.error["message"]
    assert "Asia/Shanghai or UTC" in f"{result.error['message']} {result.error['hint']}"
    assert cloud.connections == []


@pytest.mark.parametrize("setting", ["No/Such_Zone", SHANGHAI, "CST-8", None], ids=str)
def test_the_option_comes_before_tz(
    setting: str | None, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Whatever TZ is."""
    at(NOW)
    run("--period", "today", "--timezone", NEW_YORK, TZ=setting)
    assert cloud.statistics[0]["timezone"] == NEW_YORK
    assert cloud.statistics[0]["start_time"] == utc("2026-11-03T05:00:00")


@pytest.mark.parametrize("setting", [None, "", ":/etc/localtime"], ids=str)
def test_the_systems_link_is_not_believed(
    setting: str | None, cloud: FakeCloud, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container /etc/localtime may name another zone than the one in force."""
    real_readlink = os.readlink

    def readlink(path: Any, **others: Any) -> Any:
        if os.fspath(path) == "/etc/localtime":
            return "/usr/share/zoneinfo/Asia/Shanghai"
        return real_readlink(path, **others)

    with monkeypatch.context() as patch:
        patch.setattr(os, "readlink", readlink)
        result = run("--format", "json", TZ=setting)
    assert "timezone" not in cloud.statistics[0]
    assert result.document["period"]["timezone"] is None


# --- No zone data ---


@pytest.fixture
def no_zone_data(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Hide the time zone database of the system, and that of the package tzdata."""
    for name in list(sys.modules):
        if name.startswith("tzdata."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(to=[])
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()


@pytest.mark.usefixtures("no_zone_data")
@pytest.mark.parametrize(
    ("argv", "setting"), [(["--timezone", SHANGHAI], "UTC"), ([], SHANGHAI)], ids=["option", "TZ"]
)
def test_without_zone_data_the_package_is_named(
    argv: list[str], setting: str, cloud: FakeCloud, run: Run
) -> None:
    """The name may be right, so it is no usage error."""
    result = run(*argv, "--format", "json", TZ=setting)
    assert result.code == 1
    assert result.error["kind"] == "internal"
    assert result.error["message"] == "time zone data is missing; install tzdata."
    assert "-m pip install huaweicloudsdkcore requests tzdata, then" in result.error["hint"]
    assert cloud.connections == []


@pytest.mark.usefixtures("no_zone_data")
@pytest.mark.parametrize("setting", ["UTC", pytest.param("CST-8", marks=needs_tzset)])
def test_utc_and_rules_need_no_zone_data(setting: str, cloud: FakeCloud, run: Run) -> None:
    """The cloud of this test answers without looking at the zone."""
    cloud.on("show-statistics", Answer(200, {"total_token": 1}))
    assert run(TZ=setting).code == 0


# --- Any text ---

ANY = settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

near_days = st.dates(date(2026, 9, 25), date(2026, 11, 10))
clocks = st.sampled_from(["", "T00:00", " 23:59:59", "T12:00Z", "T12:00+08:00", "T12:00-0930"])
whens = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"\A\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?)?\Z"),
    st.datetimes().map(lambda moment: moment.isoformat(sep=" ", timespec="minutes")),
    st.builds("{}{}".format, near_days, clocks),
    st.sampled_from(["0001-01-01", "9999-12-31", "0001-01-01T00:00+23:59"]),
    st.sampled_from(["9999-12-31T23:59:59-23:59", "1970-01-01T00:00Z"]),
)
periods = st.one_of(st.text(max_size=8), st.from_regex(r"\A\d{1,4}[dhDwm]\Z"))
zone_names = st.sampled_from(
    [
        "UTC",
        SHANGHAI,
        NEW_YORK,
        BERLIN,
        LORD_HOWE,
        KATHMANDU,
        "America/St_Johns",
        "Africa/Cairo",
        "Pacific/Kiritimati",
        "America/Havana",
        "Asia/Beirut",
        "Pacific/Pago_Pago",
    ]
)
texts_like_zones = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.from_regex(r"\A[A-Z<+]{1,4}[+-]?\d{0,2}(/[A-Za-z]{1,8})?(,M\d\.\d\.\d/\d)?\Z"),
    st.from_regex(r"\A[:/]?(Asia|Europe|right|posix|\.\.)/[A-Za-z_/]{0,10}\Z"),
    zone_names,
    zone_names.map("{} ".format),
    zone_names.map(":{}".format),
)


def is_no_dashes(text: str) -> bool:
    """Leave out what argparse takes for a sign of its own: test_arguments.py has it."""
    return text != "--"


def run_as_new(run: Run, cloud: FakeCloud, *argv: str, **variables: str) -> int:
    """Run with a cloud as new, check what holds for any text, and return the exit code."""
    cloud.reset()
    cloud.requests_a_minute = None
    result = run(*argv, "--format", "json", HW_PROJECT_ID=PROJECT_ID, **variables)
    assert result.code in (0, 2)
    if result.code == 2:
        assert result.error["kind"] == "usage"
        assert cloud.connections == []
        return 2
    assert len(cloud.statistics) == 1
    start, after = cloud.statistics[0]["start_time"], cloud.statistics[0]["end_time"] + 1
    assert start < after <= start + 30 * DAY_MS
    assert start % 1000 == 0
    assert after % 1000 == 0
    assert ms(result.document["period"]["start"]) == start
    assert ms(result.document["period"]["end"]) == after
    return 0


@ANY
@given(
    start=whens.filter(is_no_dashes), end=st.none() | whens.filter(is_no_dashes), zone=zone_names
)
@example(start="2026-11-03T10:15:29Z", end=None, zone="UTC")
def test_any_text_is_a_range_or_a_usage_error(
    start: str, end: str | None, zone: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Something is sent exactly when it is a range that is kept."""
    at(NOW)
    argv = [f"--from={start}", f"--timezone={zone}"]
    if end is not None:
        argv.append(f"--to={end}")
    run_as_new(run, cloud, *argv)


@ANY
@given(text=periods.filter(is_no_dashes))
@example(text="30d")
@example(text="1h")
def test_any_text_is_a_period_or_a_usage_error(text: str, cloud: FakeCloud, run: Run) -> None:
    """Whatever the hour is."""
    run_as_new(run, cloud, f"--period={text}")


@ANY
@given(text=texts_like_zones.filter(is_no_dashes))
def test_any_text_is_a_zone_or_a_usage_error(text: str, cloud: FakeCloud, run: Run) -> None:
    """And a zone that is taken is sent by its name."""
    if run_as_new(run, cloud, f"--timezone={text}") == 0:
        assert cloud.statistics[0]["timezone"] == text


@ANY
@given(setting=texts_like_zones)
def test_any_tz_is_a_zone_or_a_usage_error(setting: str, cloud: FakeCloud, run: Run) -> None:
    """Only one that names a zone with a slash, and wrongly, is refused."""
    names_a_zone = "/" in setting and "," not in setting and setting[0] not in ":/"
    code = run_as_new(run, cloud, TZ=setting)
    if code == 2:
        assert names_a_zone
    elif names_a_zone or setting == "UTC":
        assert cloud.statistics[0]["timezone"] == setting
    else:
        assert "timezone" not in cloud.statistics[0]


@settings(ANY, max_examples=60)
@given(length=st.integers(1, 720))
def test_a_rolling_period_has_its_length(length: int, cloud: FakeCloud, run: Run, at: At) -> None:
    """In hours, and in days of 24 hours, up to now."""
    at(NOW)
    cases = [(f"{length}h", length)]
    if length <= 30:
        cases.append((f"{length}d", length * 24))
    for period, hours in cases:
        assert run_as_new(run, cloud, "--period", period) == 0
        assert cloud.statistics[0]["start_time"] == ms(NOW) - hours * 3_600_000
        assert cloud.statistics[0]["end_time"] + 1 == ms(NOW)


def first_instant_of(day: date, zone: str) -> int:
    """Return, in milliseconds, the first second at which a calendar in the zone shows the day.

    It is looked for among all seconds around that day, without reckoning with offsets.
    """
    tz = zoneinfo.ZoneInfo(zone)
    noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc).timestamp())
    before, shown = noon - 2 * 86_400, noon + 2 * 86_400
    while shown - before > 1:
        middle = (before + shown) // 2
        if datetime.fromtimestamp(middle, tz).date() >= day:
            shown = middle
        else:
            before = middle
    return shown * 1000


@settings(ANY, max_examples=100)
@given(
    zone=zone_names,
    first=st.dates(date(2026, 1, 5), date(2026, 12, 20)),
    length=st.integers(0, 20),
)
@example(zone="Africa/Cairo", first=date(2026, 4, 24), length=0)
@example(zone="Asia/Beirut", first=date(2026, 3, 29), length=0)
@example(zone="Asia/Beirut", first=date(2026, 10, 24), length=1)
@example(zone="America/Havana", first=date(2026, 3, 8), length=0)
@example(zone="America/Havana", first=date(2026, 11, 1), length=0)
def test_days_are_those_of_a_calendar_in_the_zone(
    zone: str, first: date, length: int, cloud: FakeCloud, run: Run, at: At
) -> None:
    """From the first instant of the first day to the first after the last, over any change."""
    last = first + timedelta(days=length)
    at(f"{last + timedelta(days=3)}T00:00:00+00:00")
    code = run_as_new(run, cloud, f"--from={first}", f"--to={last}", "--timezone", zone)
    assert code == 0
    assert cloud.statistics[0]["start_time"] == first_instant_of(first, zone)
    day_after = last + timedelta(days=1)
    assert cloud.statistics[0]["end_time"] + 1 == first_instant_of(day_after, zone)


def test_notes_are_whole_sentences(run: Run, at: At) -> None:
    """Word for word, since they are passed on to readers of the figures."""
    at(NOW)
    cut = "2026-10-04 10:15:30+00:00"
    assert run("--from", "2026-09-01", "--region", "cn-north-4", "--timezone", "UTC").notes == [
        f"The service keeps 30 days. Usage before {cut} is not included.",
        "The figures lag by one to two hours. The latest calls may be missing.",
        "Only preset services are counted. --service-type all includes the others.",
        "MaaS is not known to be offered in cn-north-4. The request is sent anyway.",
    ]
