"""Periods, dates and zones: exactly the window that they mean, and its rows by time."""

from __future__ import annotations

import sys
import time
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Any, Iterator, NamedTuple

import pytest
import time_machine
from cloud import PROJECT_ID, Answer, Event, FakeCloud
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
LORD_HOWE = "Australia/Lord_Howe"
MINUTE = timedelta(minutes=1)
DAY_MS = 86_400_000

needs_tzset = pytest.mark.skipif(
    not hasattr(time, "tzset"), reason="only the C library of POSIX systems reads all forms of TZ"
)
few_examples = settings(
    deadline=None,
    derandomize=True,
    max_examples=12,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def utc(moment: str) -> int:
    """Return a moment that is written in UTC, without an offset, in milliseconds since 1970."""
    return ms(f"{moment}+00:00")


def window(cloud: FakeCloud) -> tuple[int, int]:
    """Return start and end, in milliseconds, of the only request; the end is exclusive."""
    (body,) = cloud.statistics
    return body["start_time"], body["end_time"] + 1


def three_days_after(day: str) -> str:
    """Return a moment at which a day is over in every zone."""
    return f"{date.fromisoformat(day) + timedelta(days=3)}T00:00:00+00:00"


# --- Windows ---

# arguments, zone, start and end in UTC; worked out by hand
WINDOWS = [
    # rolling: a day is 24 hours, whatever the clocks do
    ("", NEW_YORK, "2026-10-27T10:15:30", "2026-11-03T10:15:30"),
    ("--period 1d", BERLIN, "2026-11-02T10:15:30", "2026-11-03T10:15:30"),
    ("--period 30d", BERLIN, "2026-10-04T10:15:30", "2026-11-03T10:15:30"),
    ("--period 1h", "UTC", "2026-11-03T09:15:30", "2026-11-03T10:15:30"),
    ("--period 720h", NEW_YORK, "2026-10-04T10:15:30", "2026-11-03T10:15:30"),
    # days, weeks and months of the zone
    ("--period today", "UTC", "2026-11-03T00:00:00", "2026-11-03T10:15:30"),
    ("--period today", SHANGHAI, "2026-11-02T16:00:00", "2026-11-03T10:15:30"),
    ("--period today", LORD_HOWE, "2026-11-02T13:00:00", "2026-11-03T10:15:30"),
    ("--period today", "Pacific/Kiritimati", "2026-11-03T10:00:00", "2026-11-03T10:15:30"),
    ("--period yesterday", "UTC", "2026-11-02T00:00:00", "2026-11-03T00:00:00"),
    ("--period yesterday", NEW_YORK, "2026-11-02T05:00:00", "2026-11-03T05:00:00"),
    ("--period yesterday", "Asia/Kathmandu", "2026-11-01T18:15:00", "2026-11-02T18:15:00"),
    ("--period this-week", BERLIN, "2026-11-01T23:00:00", "2026-11-03T10:15:30"),
    ("--period last-week", "UTC", "2026-10-26T00:00:00", "2026-11-02T00:00:00"),
    ("--period last-week", NEW_YORK, "2026-10-26T04:00:00", "2026-11-02T05:00:00"),  # 169 hours
    ("--period this-month", SHANGHAI, "2026-10-31T16:00:00", "2026-11-03T10:15:30"),
    ("--period this-month", NEW_YORK, "2026-11-01T04:00:00", "2026-11-03T10:15:30"),
    ("--period last-1-days", "UTC", "2026-11-02T00:00:00", "2026-11-03T00:00:00"),
    ("--period last-7-days", NEW_YORK, "2026-10-27T04:00:00", "2026-11-03T05:00:00"),
    ("--period last-19-days", SHANGHAI, "2026-10-14T16:00:00", "2026-11-02T16:00:00"),
    ("--period last-29-days", "UTC", "2026-10-05T00:00:00", "2026-11-03T00:00:00"),
    # dates
    ("--from 2026-10-20 --to 2026-10-20", "UTC", "2026-10-20T00:00:00", "2026-10-21T00:00:00"),
    ("--from 2026-10-20 --to 2026-10-22", SHANGHAI, "2026-10-19T16:00:00", "2026-10-22T16:00:00"),
    ("--from 2026-10-30", SHANGHAI, "2026-10-29T16:00:00", "2026-11-03T10:15:30"),
    ("--from 2026-11-03 --to 2026-11-03", BERLIN, "2026-11-02T23:00:00", "2026-11-03T10:15:30"),
    ("--from 2026-10-30 --to 2099-12-31", NEW_YORK, "2026-10-30T04:00:00", "2026-11-03T10:15:30"),
    ("--from 2026-11-03T10:15:29Z", BERLIN, "2026-11-03T10:15:29", "2026-11-03T10:15:30"),
    # what the service still keeps begins here
    ("--from 2026-10-04T10:15:30Z", "UTC", "2026-10-04T10:15:30", "2026-11-03T10:15:30"),
]


@pytest.mark.parametrize(("arguments", "zone", "start", "end"), WINDOWS)
def test_a_period_is_one_request_for_exactly_its_window(
    arguments: str, zone: str, start: str, end: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """It is complete, and the document has the same instants."""
    at(NOW)
    result = run(*arguments.split(), "--timezone", zone, "--format", "json")
    assert window(cloud) == (utc(start), utc(end))
    assert cloud.statistics[0]["timezone"] == zone
    period = result.document["period"]
    assert (ms(period["start"]), ms(period["end"])) == (utc(start), utc(end))
    assert period["timezone"] == zone
    assert period["complete"] is True


# --from, --to, start and end in UTC; all dates without an offset are those of Berlin
TIMES = [
    ("2026-10-20T08:30", "2026-10-20T09:00:30", "2026-10-20T06:30:00", "2026-10-20T07:00:30"),
    ("2026-10-20 08:30", "2026-10-20", "2026-10-20T06:30:00", "2026-10-20T22:00:00"),
    ("2026-10-20T08:30Z", "2026-10-20 23:59+08:00", "2026-10-20T08:30:00", "2026-10-20T15:59:00"),
    ("2026-10-20T08:30:10-05:30", "2026-10-21", "2026-10-20T14:00:10", "2026-10-21T22:00:00"),
    ("2026-10-25T02:59", "2026-10-25T03:00", "2026-10-25T00:59:00", "2026-10-25T02:00:00"),
]


@pytest.mark.parametrize(("first", "last", "start", "end"), TIMES)
@pytest.mark.parametrize("prefix", ["", pytest.param(":", marks=needs_tzset)], ids=["name", "C"])
def test_a_time_is_an_end_itself(
    prefix: str, first: str, last: str, start: str, end: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """One that occurs twice means its first occurrence, by zoneinfo and by the C library."""
    at(NOW)
    run("--from", first, "--to", last, TZ=f"{prefix}{BERLIN}")
    assert window(cloud) == (utc(start), utc(end))


# zone, day, start and end of that day in UTC
DAYS_OF_CLOCK_CHANGES = [
    (BERLIN, "2026-03-29", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),  # 23 hours
    (NEW_YORK, "2026-11-01", "2026-11-01T04:00:00", "2026-11-02T05:00:00"),  # 25 hours
    (LORD_HOWE, "2026-04-05", "2026-04-04T13:00:00", "2026-04-05T13:30:00"),  # 24 and a half
    ("America/Havana", "2026-11-01", "2026-11-01T04:00:00", "2026-11-02T05:00:00"),  # 00:00 twice
    ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00", "2026-04-24T21:00:00"),  # no 00:00
    ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00", "2026-03-29T21:00:00"),  # no 00:00
]


@pytest.mark.parametrize("prefix", ["", pytest.param(":", marks=needs_tzset)], ids=["name", "C"])
@pytest.mark.parametrize(("zone", "day", "start", "end"), DAYS_OF_CLOCK_CHANGES)
def test_a_day_on_which_the_clocks_change_has_its_own_length(
    zone: str, day: str, start: str, end: str, prefix: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """It begins and ends at local midnight, by zoneinfo and by the C library."""
    at(three_days_after(day))
    run("--from", day, "--to", day, TZ=f"{prefix}{zone}")
    assert window(cloud) == (utc(start), utc(end))


@pytest.mark.parametrize("prefix", ["", pytest.param(":", marks=needs_tzset)], ids=["name", "C"])
def test_a_time_that_the_clocks_skip_is_taken(
    prefix: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """02:30 does not exist on that day; half an hour before or after the change will do."""
    at("2026-04-01T00:00:00+00:00")
    run("--from", "2026-03-29T02:30", "--to", "2026-03-29T12:00", TZ=f"{prefix}{BERLIN}")
    start, end = window(cloud)
    assert start in (utc("2026-03-29T00:30:00"), utc("2026-03-29T01:30:00"))
    assert end == utc("2026-03-29T10:00:00")


def test_now_is_a_whole_second_and_shown_in_the_zone(cloud: FakeCloud, run: Run, at: At) -> None:
    """On the wire and in the document."""
    at("2026-11-03T10:15:30.900+00:00")
    period = run("--period=1h", "--timezone", BERLIN, "--format", "json").document["period"]
    assert window(cloud) == (utc("2026-11-03T09:15:30"), utc("2026-11-03T10:15:30"))
    assert period["start"] == "2026-11-03T10:15:30+01:00"
    assert period["end"] == "2026-11-03T11:15:30+01:00"


@pytest.mark.parametrize("end_is_inclusive", [True, False])
def test_neighbouring_periods_share_no_instant(
    end_is_inclusive: bool, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Nothing counts twice, whether the service includes its end_time or not (not known)."""
    at(NOW)
    cloud.end_is_inclusive = end_is_inclusive
    edge = utc("2026-10-20T16:00:00")
    cloud.events = [Event(edge - 2, total=1), Event(edge - 1, total=10), Event(edge, total=100)]
    argv = ("--timezone", SHANGHAI, "--format", "json")
    before = run("--from=2026-10-20", "--to=2026-10-20", *argv)
    after = run("--from=2026-10-21", "--to=2026-10-21", *argv)
    # If the service excludes its end_time, the last millisecond of a period is lost.
    assert before.totals["total_tokens"] == (11 if end_is_inclusive else 1)
    assert after.totals["total_tokens"] == 100


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-05-31T16:00:00.900+00:00", "2026-05-31T16:00:01"),
        ("2026-05-31T16:00:01+00:00", "2026-05-31T16:00:01"),
        ("2026-05-31T16:00:02+00:00", "2026-05-31T16:00:02"),
    ],
)
@pytest.mark.parametrize("period", ["today", "this-week", "this-month"])
def test_in_the_second_in_which_a_period_begins_it_is_one_second_long(
    period: str, now: str, end: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """A day, a week and a month begin in Shanghai. Later the period ends now."""
    at(now)
    run("--period", period, "--timezone", SHANGHAI)
    assert window(cloud) == (utc("2026-05-31T16:00:00"), utc(end))


# --- What the service keeps ---


def test_what_is_no_longer_kept_is_cut_off(cloud: FakeCloud, run: Run, at: At) -> None:
    """A start before 30 days ago becomes that instant."""
    at(NOW)
    argv = ("--from", "2000-01-01", "--to", "2026-10-10", "--timezone", BERLIN)
    result = run(*argv, "--format", "json")
    assert window(cloud) == (utc("2026-10-04T10:15:30"), utc("2026-10-10T22:00:00"))
    assert result.document["period"]["start"] == "2026-10-04T12:15:30+02:00"
    assert result.document["period"]["complete"] is False
    assert [note for note in result.notes if "before 2026-10-04 12:15:30+02:00 is not" in note]


# now, period, start and end in UTC, whether it is complete
CUT_PERIODS = [
    ("2026-03-01T00:00:00", "last-month", "2026-02-01T00:00:00", "2026-03-01T00:00:00", True),
    ("2026-05-01T00:00:00", "last-month", "2026-04-01T00:00:00", "2026-05-01T00:00:00", True),
    ("2026-05-01T00:00:01", "last-month", "2026-04-01T00:00:01", "2026-05-01T00:00:00", False),
    ("2027-01-30T23:59:59", "last-month", "2026-12-31T23:59:59", "2027-01-01T00:00:00", False),
    ("2026-10-31T00:00:00", "this-month", "2026-10-01T00:00:00", "2026-10-31T00:00:00", True),
    ("2026-10-31T10:00:00", "this-month", "2026-10-01T10:00:00", "2026-10-31T10:00:00", False),
]


@pytest.mark.parametrize(("now", "period", "start", "end", "complete"), CUT_PERIODS)
def test_a_month_is_complete_unless_it_is_cut(
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
    assert window(cloud) == (utc(start), utc(end))
    assert result.document["period"]["complete"] is complete
    assert any("keeps 30 days" in note for note in result.notes) is not complete


def test_last_month_is_refused_when_nothing_of_it_is_kept(
    cloud: FakeCloud, run: Run, at: At
) -> None:
    """As a range that ended exactly 30 days ago."""
    at("2026-10-31T00:00:00+00:00")
    assert run("--period", "last-month", "--timezone", "UTC").code == 2
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("period", "refuses_old_starts", "code"),
    [("30d", False, 0), ("30d", True, 4), ("29d", False, 0), ("29d", True, 0)],
)
def test_a_start_that_is_30_days_old_on_arrival_is_cut_or_refused_by_the_service(
    period: str, refuses_old_starts: bool, code: int, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Which of both is not known. A day less is fine with either."""
    at(NOW)
    cloud.clock_ahead = 1
    cloud.refuses_old_starts = refuses_old_starts
    assert run("--period", period).code == code
    assert len(cloud.statistics) == 1


# --- The system's zone ---


@pytest.mark.parametrize(
    ("setting", "start"),
    [
        ("UTC", "2026-11-03T00:00:00"),
        (SHANGHAI, "2026-11-02T16:00:00"),
        ("America/Argentina/Buenos_Aires", "2026-11-03T03:00:00"),
        ("Etc/GMT+5", "2026-11-03T05:00:00"),
    ],
)
def test_a_tz_that_is_a_name_is_sent(
    setting: str, start: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """UTC, and every IANA name with a slash."""
    at(NOW)
    result = run("--period", "today", "--format", "json", TZ=setting)
    assert window(cloud) == (utc(start), ms(NOW))
    assert cloud.statistics[0]["timezone"] == setting
    assert result.document["period"]["timezone"] == setting


@needs_tzset
@pytest.mark.parametrize(
    ("setting", "start"),
    [
        ("", "2026-11-03T00:00:00"),
        ("CST", "2026-11-03T00:00:00"),
        ("Singapore", "2026-11-02T16:00:00"),
        ("CST-8", "2026-11-02T16:00:00"),
        ("<+0330>-3:30", "2026-11-02T20:30:00"),
        ("EET-2EEST,M4.5.5/0,M10.5.4/24", "2026-11-02T22:00:00"),
        (":America/New_York", "2026-11-03T05:00:00"),
        (":No/Such_Zone", "2026-11-03T00:00:00"),
        ("/usr/share/zoneinfo/Europe/Berlin", "2026-11-02T23:00:00"),
    ],
)
def test_other_forms_of_tz_are_the_c_librarys(
    setting: str, start: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Rules, abbreviations and paths: days follow its clock, and no name is guessed or sent."""
    at(NOW)
    result = run("--period", "today", "--format", "json", TZ=setting)
    assert window(cloud) == (utc(start), ms(NOW))
    assert "timezone" not in cloud.statistics[0]
    assert result.document["period"]["timezone"] is None


def test_without_tz_the_zone_has_no_name(cloud: FakeCloud, run: Run) -> None:
    """Wherever the machine is."""
    assert run("--format", "json", TZ=None).document["period"]["timezone"] is None
    assert "timezone" not in cloud.statistics[0]


UNKNOWN_ZONES = [
    "Asia/Shangai", "Asia/Shanghai ", "asia/shanghai", " Asia/Shanghai", "Asia/", "../zoneinfo/UTC",
    "EST5EDT/2", "posix/Europe/Berlin", "Asia/\u4e0a\u6d77",
]  # fmt: skip


@pytest.mark.parametrize("setting", UNKNOWN_ZONES, ids=ascii)
def test_a_tz_with_a_slash_must_be_known(setting: str, cloud: FakeCloud, run: Run) -> None:
    """The C library would take it for UTC without a word."""
    result = run(TZ=setting)
    assert result.code == 2
    assert "unknown time zone" in result.error["message"]
    assert "in TZ" in result.error["message"]
    assert cloud.connections == []


@pytest.mark.parametrize("setting", ["No/Such_Zone", SHANGHAI, "CST-8", None], ids=str)
def test_the_option_comes_before_tz(
    setting: str | None, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Whatever TZ is."""
    at(NOW)
    run("--period", "today", "--timezone", NEW_YORK, TZ=setting)
    assert window(cloud) == (utc("2026-11-03T05:00:00"), ms(NOW))
    assert cloud.statistics[0]["timezone"] == NEW_YORK


@pytest.fixture
def no_zone_data(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
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
    ("setting", "code"), [("UTC", 0), pytest.param("CST-8", 0, marks=needs_tzset), (SHANGHAI, 2)]
)
def test_only_names_need_zone_data(setting: str, code: int, cloud: FakeCloud, run: Run) -> None:
    """The cloud of this test answers without looking at the zone."""
    cloud.on("show-statistics", Answer(200, {"total_token": 1}))
    assert run(TZ=setting).code == code


# --- Rows by time ---


class Zone(NamedTuple):
    """How a zone is given to the script, and the rules by which the tests reckon it."""

    argv: list[str]
    variable: str  # TZ
    rules: tzinfo


ZONES = [
    Zone(["--timezone", name], "UTC", zoneinfo.ZoneInfo(name))
    for name in (BERLIN, LORD_HOWE, "America/Havana", "Africa/Cairo", "Antarctica/Troll")
]
if hasattr(time, "tzset"):
    ZONES += [
        Zone([], "EST5EDT,M3.2.0,M11.1.0", zoneinfo.ZoneInfo(NEW_YORK)),
        Zone([], "XXX-5:07", timezone(timedelta(hours=5, minutes=7))),
    ]

# Instants at which the clocks of these zones change.
CHANGES = [
    "2026-03-08T05:00:00+00:00",  # Havana
    "2026-03-08T07:00:00+00:00",  # New York
    "2026-03-29T01:00:00+00:00",  # Berlin, Troll
    "2026-04-04T15:00:00+00:00",  # Lord Howe
    "2026-10-03T15:30:00+00:00",  # Lord Howe
    "2026-10-25T01:00:00+00:00",  # Berlin, Troll
    "2026-10-29T21:00:00+00:00",  # Cairo
    "2026-11-01T06:00:00+00:00",  # New York
]


class Row(NamedTuple):
    """A row as the tests reckon it."""

    label: str
    start: datetime
    end: datetime
    partial: bool


def unit_of(moment: datetime, by: str, rules: tzinfo) -> Any:
    """Return what distinguishes the hour, day or week of a moment from its neighbours."""
    local = moment.astimezone(rules)
    if by == "hour":
        return local.date(), local.hour, local.utcoffset()
    if by == "day":
        return local.date()
    return local.isocalendar()[:2]


def label_of(moment: datetime, by: str, rules: tzinfo) -> str:
    """Return the label of the row that starts at a moment."""
    local = moment.astimezone(rules)
    if by == "hour":
        return local.isoformat()
    if by == "day":
        return local.date().isoformat()
    return (local.date() - timedelta(days=local.weekday())).isoformat()


def reckon(start: datetime, end: datetime, by: str, rules: tzinfo) -> list[Row]:
    """Return the rows of a period, found by walking through it minute by minute."""
    edges = [start]
    unit = unit_of(start, by, rules)
    minute = start.replace(second=0) + MINUTE
    while minute < end:
        previous, unit = unit, unit_of(minute, by, rules)
        if unit != previous:
            edges.append(minute)
        minute += MINUTE
    edges.append(end)

    rows = []
    for first, last in zip(edges, edges[1:]):
        unit = unit_of(first, by, rules)
        began_before = unit_of(first - timedelta(seconds=1), by, rules) == unit
        goes_on = unit_of(last, by, rules) == unit
        rows.append(Row(label_of(first, by, rules), first, last, began_before or goes_on))
    return rows


@pytest.mark.parametrize(("by", "hours"), [("hour", 40), ("day", 30 * 24), ("week", 30 * 24)])
@few_examples
@given(
    zone=st.sampled_from(ZONES),
    change=st.sampled_from(CHANGES),
    before=st.integers(0, 26 * 60).map(lambda minutes: minutes * 60) | st.integers(0, 93_600),
    share=st.floats(0.05, 1),
)
def test_rows_by_time_are_those_of_the_local_clock(
    by: str,
    hours: int,
    zone: Zone,
    change: str,
    before: int,
    share: float,
    cloud: FakeCloud,
    run: Run,
) -> None:
    """No gap and no overlap over clock changes, and each call in the row of its instant."""
    start = datetime.fromisoformat(change) - timedelta(seconds=before)
    end = start + timedelta(seconds=int(share * hours * 3600))
    expected = reckon(start, end, by, zone.rules)
    cloud.reset()
    for number, row in enumerate(expected, 1):  # calls in the first and the last millisecond
        cloud.events.append(Event(ms(row.start.isoformat()), total=number))
        cloud.events.append(Event(ms(row.end.isoformat()) - 1, total=1000 * number))

    argv = [f"--from={start.isoformat()}", f"--to={end.isoformat()}", *zone.argv, "--by", by]
    with time_machine.travel(end, tick=False):
        result = run(*argv, "--format", "json", TZ=zone.variable)

    shown = []
    calls = []
    for row in result.document["rows"]:
        first, last = datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])
        shown.append(Row(row[by], first, last, row["partial"]))
        calls.append((row["total_requests"], row["total_tokens"]))
    assert shown == expected
    assert calls == [(2, 1001 * number) for number in range(1, len(expected) + 1)]
    assert result.totals["total_tokens"] == sum(tokens for _, tokens in calls)


# --- Any period ---


def first_instant_of(day: date, rules: tzinfo) -> int:
    """Return, in milliseconds, the first second at which a calendar with these rules shows a day.

    It is looked for among all seconds around that day, without reckoning with offsets.
    """
    noon = ms(f"{day}T12:00:00+00:00") // 1000
    before, shown = noon - 2 * 86_400, noon + 2 * 86_400
    while shown - before > 1:
        middle = (before + shown) // 2
        if datetime.fromtimestamp(middle, rules).date() >= day:
            shown = middle
        else:
            before = middle
    return shown * 1000


@settings(few_examples, max_examples=25)
@given(
    zone=st.sampled_from(ZONES),
    first=st.dates(date(2026, 1, 5), date(2026, 12, 20)),
    length=st.integers(0, 20),
)
@example(zone=ZONES[2], first=date(2026, 3, 8), length=0)
@example(zone=ZONES[3], first=date(2026, 10, 24), length=6)
def test_days_are_those_of_a_calendar_in_the_zone(
    zone: Zone, first: date, length: int, cloud: FakeCloud, run: Run, at: At
) -> None:
    """From the first instant of the first day to the first after the last, over any change."""
    last = first + timedelta(days=length)
    day_after = last + timedelta(days=1)
    at(three_days_after(str(last)))
    cloud.reset()
    run(f"--from={first}", f"--to={last}", *zone.argv, TZ=zone.variable)
    expected = first_instant_of(first, zone.rules), first_instant_of(day_after, zone.rules)
    assert window(cloud) == expected


near_days = st.dates(date(2026, 9, 25), date(2026, 11, 10))
clocks = st.sampled_from(["", "T00:00", " 23:59:59", "T12:00Z", "T12:00+08:00", "T12:00-09:30"])
zone_names = st.sampled_from(["UTC", SHANGHAI, "Africa/Cairo", "Pacific/Kiritimati"])
printable = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
times = st.one_of(
    printable,
    st.from_regex(r"\A\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?)?\Z"),
    st.builds("{}{}".format, near_days, clocks),
    st.builds("{}{}".format, near_days, clocks),
)
periods = st.one_of(printable, st.from_regex(r"\A(last-)?\d{1,3}(-days|d|h)\Z"))
zones = st.one_of(
    printable,
    st.from_regex(r"\A[A-Z<+]{1,4}[+-]?\d{0,2}(/[A-Za-z]{1,8})?(,M\d\.\d\.\d/\d)?\Z"),
    st.from_regex(r"\A[:/]?(Asia|right|posix|\.\.)/[A-Za-z_/]{0,10}\Z"),
    st.builds("{}{}".format, st.sampled_from(["", ":"]), zone_names),
)


@settings(few_examples, max_examples=120)
@given(
    options=st.one_of(
        st.tuples(times.map("--from={}".format)),
        st.tuples(times.map("--from={}".format), times.map("--to={}".format)),
        st.tuples(periods.map("--period={}".format)),
        st.tuples(zones.map("--timezone={}".format)),
    ),
    variable=zones,
)
def test_any_text_is_a_period_that_is_kept_or_a_usage_error(
    options: tuple[str, ...], variable: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Something is sent exactly when there is no error."""
    at(NOW)
    cloud.reset()
    result = run(*options, HW_PROJECT_ID=PROJECT_ID, TZ=variable)
    assert result.code in (0, 2)
    if result.code == 2:
        assert cloud.connections == []
    else:
        start, end = window(cloud)
        assert ms(NOW) - 30 * DAY_MS <= start < end <= ms(NOW)
        assert start % 1000 == end % 1000 == 0
