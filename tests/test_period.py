"""Periods, dates and zones: exactly the window that they mean. All figures are worked out by hand.

Rows by time are in test_by.
"""

from __future__ import annotations

import sys
import time
from typing import Iterator

import pytest
from cloud import PROJECT_ID, Answer, Event, FakeCloud
from conftest import At, Run, ms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if sys.version_info >= (3, 9):
    import zoneinfo
else:
    from backports import zoneinfo

# A Tuesday, after the clock changes of Berlin (25 October) and New York (1 November). Data is kept
# from 2026-10-04T10:15:30.
NOW = "2026-11-03T10:15:30+00:00"
SHANGHAI, NEW_YORK, BERLIN = "Asia/Shanghai", "America/New_York", "Europe/Berlin"
KATHMANDU, LORD_HOWE, HAVANA = "Asia/Kathmandu", "Australia/Lord_Howe", "America/Havana"
DAY_MS = 86_400_000
JSON = ("--format", "json")

has_tzset = hasattr(time, "tzset")
needs_tzset = pytest.mark.skipif(not has_tzset, reason="only POSIX reads all forms of TZ")


def utc(moment: str) -> int:
    """Return a moment that is written in UTC, without an offset, in milliseconds since 1970."""
    return ms(f"{moment}+00:00")


def window(cloud: FakeCloud) -> tuple[int, int]:
    """Return start and end, in milliseconds, of the last request; the end is exclusive."""
    body = cloud.statistics[-1]
    return body["start_time"], body["end_time"] + 1


def settings_of(zone: str) -> list[str]:
    """Return the values of TZ for a zone: one is read by zoneinfo, the other by the C library."""
    return [zone, f":{zone}"] if has_tzset else [zone]


# --- Windows ---

# arguments, zone, start and end in UTC, whether neither end was cut
WINDOWS = [
    # rolling: a day is 24 hours, whatever the clocks do
    ("", NEW_YORK, "2026-10-27T10:15:30", "2026-11-03T10:15:30", True),
    ("--period 30d", BERLIN, "2026-10-04T10:15:30", "2026-11-03T10:15:30", True),
    ("--period 1h", "UTC", "2026-11-03T09:15:30", "2026-11-03T10:15:30", True),
    # days, weeks and months of the zone
    ("--period today", SHANGHAI, "2026-11-02T16:00:00", "2026-11-03T10:15:30", False),
    ("--period today", "Pacific/Kiritimati", "2026-11-03T10:00:00", "2026-11-03T10:15:30", False),
    ("--period yesterday", NEW_YORK, "2026-11-02T05:00:00", "2026-11-03T05:00:00", True),
    ("--period this-week", BERLIN, "2026-11-01T23:00:00", "2026-11-03T10:15:30", False),
    ("--period last-week", NEW_YORK, "2026-10-26T04:00:00", "2026-11-02T05:00:00", True),
    ("--period this-month", NEW_YORK, "2026-11-01T04:00:00", "2026-11-03T10:15:30", False),
    ("--period last-7-days", NEW_YORK, "2026-10-27T04:00:00", "2026-11-03T05:00:00", True),
    # dates
    ("--from 2026-10-20 --to 2026-10-20", "UTC",
     "2026-10-20T00:00:00", "2026-10-21T00:00:00", True),
    ("--from 2026-11-03T10:15:29Z", BERLIN, "2026-11-03T10:15:29", "2026-11-03T10:15:30", True),
    # an end now, and later
    ("--from 2026-11-03 --to 2026-11-03T10:15:30Z", BERLIN,
     "2026-11-02T23:00:00", "2026-11-03T10:15:30", True),
    ("--from 2026-11-03 --to 2026-11-03T10:15:31Z", BERLIN,
     "2026-11-02T23:00:00", "2026-11-03T10:15:30", False),
    ("--from 2026-10-30 --to 2099-12-31", NEW_YORK,
     "2026-10-30T04:00:00", "2026-11-03T10:15:30", False),
    # a start 30 days ago, and earlier
    ("--from 2026-10-04T10:15:30Z", "UTC", "2026-10-04T10:15:30", "2026-11-03T10:15:30", True),
    ("--from 2026-10-04T10:15:29Z", "UTC", "2026-10-04T10:15:30", "2026-11-03T10:15:30", False),
    ("--from 2000-01-01 --to 2026-10-10", BERLIN,
     "2026-10-04T10:15:30", "2026-10-10T22:00:00", False),
]  # fmt: skip

# now, period, start and end in UTC, whether neither end was cut
OTHER_MONTHS = [
    ("2026-05-01T00:00:00", "last-month", "2026-04-01T00:00:00", "2026-05-01T00:00:00", True),
    ("2026-05-01T00:00:01", "last-month", "2026-04-01T00:00:01", "2026-05-01T00:00:00", False),
    ("2027-01-30T23:59:59", "last-month", "2026-12-31T23:59:59", "2027-01-01T00:00:00", False),
    ("2026-10-31T10:00:00", "this-month", "2026-10-01T10:00:00", "2026-10-31T10:00:00", False),
    ("2027-01-02T10:00:00", "last-week", "2026-12-21T00:00:00", "2026-12-28T00:00:00", True),
]


@pytest.mark.parametrize(
    ("now", "arguments", "zone", "start", "end", "complete"),
    [
        *[(NOW, *case) for case in WINDOWS],
        *[(f"{case[0]}+00:00", f"--period {case[1]}", "UTC", *case[2:]) for case in OTHER_MONTHS],
    ],
)
def test_a_period_is_one_request_for_exactly_its_window(
    now: str,
    arguments: str,
    zone: str,
    start: str,
    end: str,
    complete: bool,
    cloud: FakeCloud,
    run: Run,
    at: At,
) -> None:
    """The document has the same instants, and is complete unless an end was cut."""
    at(now)
    period = run(*arguments.split(), "--timezone", zone, *JSON).document["period"]
    assert len(cloud.statistics) == 1
    assert window(cloud) == (utc(start), utc(end))
    assert (ms(period["start"]), ms(period["end"])) == (utc(start), utc(end))
    assert period["complete"] is complete


def test_last_days_are_whole_days_up_to_yesterday(cloud: FakeCloud, run: Run, at: At) -> None:
    """From 1 to 29, none of which is cut."""
    at(NOW)
    today = ms("2026-11-03T00:00:00+08:00")
    for days in range(1, 30):
        argv = ("--period", f"last-{days}-days", "--timezone", SHANGHAI, *JSON)
        document = run(*argv, HW_PROJECT_ID=PROJECT_ID).document
        assert window(cloud) == (today - days * DAY_MS, today)
        assert document["period"]["complete"] is True


# zone, --from, --to, start and end in UTC; now is the end
TIMES = [
    (BERLIN, "2026-10-20T08:30", "2026-10-20T09:00:30",
     "2026-10-20T06:30:00", "2026-10-20T07:00:30"),
    (BERLIN, "2026-10-20 08:30", "2026-10-20", "2026-10-20T06:30:00", "2026-10-20T22:00:00"),
    (BERLIN, "2026-10-20T08:30Z", "2026-10-20 23:59+08:00",
     "2026-10-20T08:30:00", "2026-10-20T15:59:00"),
    # 02:59 occurs twice
    (BERLIN, "2026-10-25T02:59", "2026-10-25T03:00", "2026-10-25T00:59:00", "2026-10-25T02:00:00"),
    # days of 23, 25 and 24 and a half hours
    (BERLIN, "2026-03-29", "2026-03-29", "2026-03-28T23:00:00", "2026-03-29T22:00:00"),
    (NEW_YORK, "2026-11-01", "2026-11-01", "2026-11-01T04:00:00", "2026-11-02T05:00:00"),
    (LORD_HOWE, "2026-04-05", "2026-04-05", "2026-04-04T13:00:00", "2026-04-05T13:30:00"),
    # days with 00:00 twice, and without 00:00
    (HAVANA, "2026-11-01", "2026-11-01", "2026-11-01T04:00:00", "2026-11-02T05:00:00"),
    ("Africa/Cairo", "2026-04-24", "2026-04-24", "2026-04-23T22:00:00", "2026-04-24T21:00:00"),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "first", "last", "start", "end"), TIMES)
def test_a_date_is_a_local_day_and_a_time_is_an_end_itself(
    zone: str, first: str, last: str, start: str, end: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """A time that occurs twice means its first occurrence."""
    at(f"{end}+00:00")
    for setting in settings_of(zone):
        run("--from", first, "--to", last, TZ=setting)
        assert window(cloud) == (utc(start), utc(end))


def test_a_time_that_the_clocks_skip_is_taken(cloud: FakeCloud, run: Run, at: At) -> None:
    """02:30 does not exist on that day; half an hour before or after the change will do."""
    at("2026-04-01T00:00:00+00:00")
    for setting in settings_of(BERLIN):
        run("--from", "2026-03-29T02:30", "--to", "2026-03-29T12:00", TZ=setting)
        start, end = window(cloud)
        assert start in (utc("2026-03-29T00:30:00"), utc("2026-03-29T01:30:00"))
        assert end == utc("2026-03-29T10:00:00")


def test_now_is_a_whole_second_and_shown_in_the_zone(cloud: FakeCloud, run: Run, at: At) -> None:
    """On the wire and in the document."""
    at("2026-11-03T10:15:30.900+00:00")
    period = run("--period=1h", "--timezone", BERLIN, *JSON).document["period"]
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
    argv = ("--timezone", SHANGHAI, *JSON)
    before = run("--from=2026-10-20", "--to=2026-10-20", *argv)
    after = run("--from=2026-10-21", "--to=2026-10-21", *argv)
    # If the service excludes its end_time, the last millisecond of a period is lost.
    assert before.totals["total_tokens"] == (11 if end_is_inclusive else 1)
    assert after.totals["total_tokens"] == 100


def test_a_service_that_counts_whole_hours_gets_the_zone(
    cloud: FakeCloud, run: Run, at: At
) -> None:
    """Hours in Kathmandu begin 15 minutes after those of UTC, and are right all the same."""
    at(NOW)
    cloud.counts_whole_hours = True
    for number, hour in enumerate((10, 11, 12)):  # calls just before each hour and in it
        start = ms(f"2026-11-01T{hour}:00:00+05:45")
        cloud.events += [Event(start - 1, total=10**number), Event(start, total=5 * 10**number)]
    argv = ("--from", "2026-11-01T10:00", "--to", "2026-11-01T12:00", "--timezone", KATHMANDU)
    rows = run(*argv, "--by", "hour", *JSON).document["rows"]
    assert [row["total_tokens"] for row in rows] == [15, 150]


# --- Periods that are empty, too old or very new ---


def test_a_period_that_begins_in_this_second_is_empty(cloud: FakeCloud, run: Run, at: At) -> None:
    """A day, a week and a month begin in Shanghai. A second later there is something to ask."""
    at("2026-05-31T16:00:00.900+00:00")
    for period in ("today", "this-week", "this-month"):
        assert run("--period", period, "--timezone", SHANGHAI).code == 2
        assert cloud.connections == []
    at("2026-05-31T16:00:01+00:00")
    assert run("--period", "today", "--timezone", SHANGHAI).code == 0
    assert window(cloud) == (utc("2026-05-31T16:00:00"), utc("2026-05-31T16:00:01"))


def test_a_period_that_ended_30_days_ago_is_refused(cloud: FakeCloud, run: Run, at: At) -> None:
    """Of one that ended a second later, that second is asked for."""
    at(NOW)
    argv = ("--from", "2026-10-01", "--timezone", "UTC", "--to")
    assert run(*argv, "2026-10-04T10:15:30").code == 2
    assert cloud.connections == []
    assert run(*argv, "2026-10-04T10:15:31").code == 0
    assert window(cloud) == (utc("2026-10-04T10:15:30"), utc("2026-10-04T10:15:31"))


@pytest.mark.parametrize(
    ("period", "refuses_old_starts", "code"),
    [("30d", False, 0), ("30d", True, 4), ("29d", True, 0)],
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


@pytest.mark.parametrize(("end", "noted"), [("08:15:30", True), ("08:15:29", False)])
def test_a_period_that_ends_within_two_hours_of_now_lags(
    end: str, noted: bool, run: Run, at: At
) -> None:
    """At exactly two hours there is a note, and one second more is enough for none."""
    at(NOW)
    notes = run("--from", "2026-11-01", "--to", f"2026-11-03T{end}Z", *JSON).notes
    assert any("lag" in note for note in notes) is noted


def test_a_note_says_from_when_usage_is_kept(run: Run, at: At) -> None:
    """Only if the start was cut, and in the zone of the user."""
    at(NOW)
    argv = ("--timezone", SHANGHAI, *JSON)
    (kept,) = [note for note in run("--from=2026-10-01", *argv).notes if "30 days" in note]
    assert "2026-10-04 18:15:30+08:00" in kept
    assert not any("30 days" in note for note in run("--period=30d", *argv).notes)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--from 2026-11-04", ["begins now or later", "2026-11-03 18:15:30+08:00"]),
        ("--from 2026-11-04 --to 2026-11-05", ["begins now or later", "2026-11-03 18:15:30+08:00"]),
        ("--from 2026-09-01 --to 2026-09-30", ["2026-10-04 18:15:30+08:00", "2026-10-05"]),
    ],
)
def test_errors_have_times_in_the_zone_of_the_user(
    arguments: str, words: list[str], run: Run, at: At
) -> None:
    """For a period in the future it is now, for one of the past the first day that is kept."""
    at(NOW)
    result = run(*arguments.split(), "--timezone", SHANGHAI)
    assert result.code == 2
    for word in words:
        assert word in result.message


# --- Zones ---


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("UTC", "2026-11-03T00:00:00"),
        ("Singapore", "2026-11-02T16:00:00"),
        ("PRC", "2026-11-02T16:00:00"),
        ("Etc/GMT+5", "2026-11-03T05:00:00"),
        ("America/Argentina/Buenos_Aires", "2026-11-03T03:00:00"),
    ],
)
def test_a_zone_with_a_name_is_sent(
    zone: str, start: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """That of --timezone may be any that zoneinfo finds; that of TZ is UTC, or has a slash."""
    at(NOW)
    results = [run("--period=today", "--timezone", zone, *JSON)]
    if zone == "UTC" or "/" in zone:
        results.append(run("--period=today", *JSON, TZ=zone))
    assert [result.document["period"]["timezone"] for result in results] == [zone] * len(results)
    for body in cloud.statistics:
        assert body["timezone"] == zone
        assert body["start_time"] == utc(start)


@needs_tzset
@pytest.mark.parametrize(
    ("setting", "start"),
    [
        ("", "2026-11-03T00:00:00"),
        ("CST", "2026-11-03T00:00:00"),
        ("CST-8", "2026-11-02T16:00:00"),
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
    result = run("--period", "today", *JSON, TZ=setting)
    assert window(cloud) == (utc(start), ms(NOW))
    assert "timezone" not in cloud.statistics[0]
    assert result.document["period"]["timezone"] is None


@pytest.mark.parametrize("setting", [None, "PRC", "posix/Asia/Shanghai", "asia/shanghai"], ids=str)
def test_a_system_may_have_a_zone_without_a_name(
    setting: str | None, cloud: FakeCloud, run: Run
) -> None:
    """Whatever it makes of TZ, no name is sent."""
    assert run(*JSON, TZ=setting).document["period"]["timezone"] is None
    assert "timezone" not in cloud.statistics[0]


UNKNOWN_IN_TZ = ["Asia/Shangai", "Asia/Shanghai ", "EST5EDT/2"]
UNKNOWN_ZONES = [
    *UNKNOWN_IN_TZ, "", " Asia/Shanghai", "asia/shanghai", "Asia", "localtime",
    "posix/Asia/Shanghai", "../zoneinfo/UTC", "Asia/\0", "\ud800/x", f"{'Ab/' * 300}B",
]  # fmt: skip


@pytest.mark.parametrize("zone", UNKNOWN_ZONES, ids=lambda zone: ascii(zone)[:30])
def test_a_zone_that_is_not_known_is_refused(
    zone: str, cloud: FakeCloud, run: Run, without_garbage: None
) -> None:
    """In TZ, too, where it looks like a name: the C library would take it for UTC.

    The last zone exhausts the stack, and a destructor would fail there.
    """
    results = {"--timezone": run(f"--timezone={zone}")}
    if zone in UNKNOWN_IN_TZ:
        results["TZ"] = run(TZ=zone)
    for place, result in results.items():
        assert result.code == 2
        assert "unknown time zone" in result.message
        assert f"in {place}" in result.message
    assert cloud.connections == []


@pytest.mark.parametrize("setting", ["No/Such_Zone", SHANGHAI])
def test_the_option_comes_before_tz(setting: str, cloud: FakeCloud, run: Run, at: At) -> None:
    """Then TZ may even be wrong."""
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
    fields = ("total_token", "total_prompt_token", "total_completion_token")
    figures = dict.fromkeys([*fields, "total_request_count", "total_error_count"], 0)
    cloud.on("show-statistics", Answer(200, figures))
    assert run(TZ=setting).code == code


# --- Any text ---

printable = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
days = st.dates().map(str) | st.from_regex(r"\A2026-1[01]-[0-3]\d\Z")
clocks = st.sampled_from(["", "T00:00", " 23:59:59", "T12:00Z", "T12:00+08:00", "T12:00-09:30"])
times = printable | st.builds("{}{}".format, days, clocks)
periods = printable | st.from_regex(r"\A(last-)?\d{1,3}(-days|d|h)\Z")
zones = st.one_of(
    printable,
    st.from_regex(r"\A[A-Z<+]{1,4}[+-]?\d{0,2}(/[A-Za-z]{1,8})?(,M\d\.\d\.\d/\d)?\Z"),
    st.sampled_from(["UTC", SHANGHAI, "Africa/Cairo", ":Pacific/Kiritimati"]),
)


@settings(
    deadline=None,
    derandomize=True,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
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
