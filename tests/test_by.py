"""Breakdowns: rows without gaps or overlaps that add up to the total, to the token."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import pytest
import time_machine
from cloud import Event, FakeCloud, usage_like
from conftest import At, Run, ms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if sys.version_info >= (3, 9):
    from zoneinfo import ZoneInfo
else:
    from backports.zoneinfo import ZoneInfo

NOW = "2026-11-03T10:15:30+00:00"
FIGURES = ["total_tokens", "prompt_tokens", "completion_tokens", "total_requests", "total_errors"]
QUARTER = timedelta(minutes=15)
JSON = ("--format", "json")

slow_examples = settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


# --- Any period in any zone, against a reckoning of its own ---


class Zone(NamedTuple):
    """How a zone is given to the script, and the rules by which the tests reckon it."""

    argument: str  # of --timezone; empty: the zone is the system's
    variable: str  # TZ
    rules: str


NAMED_ZONES = [
    "UTC",
    "Asia/Shanghai",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",  # half an hour
    "Asia/Kathmandu",  # 45 minutes
    "Pacific/Chatham",  # 45 minutes, and clock changes at 02:45
    "America/St_Johns",
    "Africa/Cairo",  # changes at midnight
    "America/Havana",
    "America/Santiago",
    "Asia/Beirut",
    "Antarctica/Troll",  # two hours
    "Africa/Casablanca",
    "Pacific/Kiritimati",
    "Etc/GMT+12",
]
ZONES = [Zone(name, "UTC", name) for name in NAMED_ZONES]
ZONES += [
    Zone("", "Europe/Berlin", "Europe/Berlin"),
    Zone("", "CST-8", "Asia/Shanghai"),
    Zone("", "NPT-5:45", "Asia/Kathmandu"),
    Zone("", "EST5EDT,M3.2.0,M11.1.0", "America/New_York"),
    Zone("", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "Australia/Lord_Howe"),
]

# Periods start at or near a clock change of one of the zones, or anywhere.
CHANGES = [
    "2026-03-08T05:00:00+00:00",  # Havana
    "2026-03-08T07:00:00+00:00",  # New York
    "2026-03-29T01:00:00+00:00",  # Berlin, Troll
    "2026-04-04T15:00:00+00:00",  # Lord Howe
    "2026-04-05T03:00:00+00:00",  # Santiago
    "2026-04-23T22:00:00+00:00",  # Cairo
    "2026-09-06T04:00:00+00:00",  # Santiago
    "2026-10-03T15:30:00+00:00",  # Lord Howe
    "2026-10-25T01:00:00+00:00",  # Berlin, Troll
    "2026-10-29T21:00:00+00:00",  # Cairo
    "2026-11-01T06:00:00+00:00",  # New York
]
HOUR_SECONDS = 3600
DAY_SECONDS = 86_400
near_a_change = st.builds(
    lambda change, back: ms(change) // 1000 - back,
    st.sampled_from(CHANGES),
    st.integers(0, 30 * HOUR_SECONDS) | st.integers(0, 60).map(lambda minutes: minutes * 60),
)
anywhere = st.integers(
    ms("2024-01-01T00:00:00+00:00") // 1000, ms("2027-01-01T00:00:00+00:00") // 1000
)


class Expected(NamedTuple):
    """A row as the tests reckon it."""

    start: datetime  # in UTC, like the next
    end: datetime
    label: str
    partial: bool


def place_of(moment: datetime, by: str, rules: ZoneInfo) -> Any:
    """Return what distinguishes the hour, day or week of a moment from its neighbours."""
    local = moment.astimezone(rules)
    if by == "hour":
        return local.date(), local.hour, local.utcoffset()
    if by == "day":
        return local.date()
    return local.isocalendar()[:2]


def label_of(moment: datetime, by: str, rules: ZoneInfo) -> str:
    """Return the label of the row that starts at a moment."""
    local = moment.astimezone(rules)
    if by == "hour":
        return local.isoformat()
    if by == "day":
        return local.date().isoformat()
    return (local.date() - timedelta(days=local.weekday())).isoformat()


def reckon(start: datetime, end: datetime, by: str, rules: ZoneInfo) -> list[Expected]:
    """Return the rows of a period, found by walking through it.

    The clocks of all zones of today agree with UTC at each quarter of an hour, also when they
    change.
    """
    edges = [start]
    moment = start - (start - datetime.min.replace(tzinfo=timezone.utc)) % QUARTER
    place = place_of(moment, by, rules)
    while moment + QUARTER < end:
        moment += QUARTER
        previous, place = place, place_of(moment, by, rules)
        if place != previous:
            edges.append(moment)
    edges.append(end)

    rows = []
    second = timedelta(seconds=1)
    for first, last in zip(edges, edges[1:]):
        place = place_of(first, by, rules)
        begins_before = place_of(first - second, by, rules) == place
        goes_on = place_of(last, by, rules) == place
        partial = begins_before or goes_on
        rows.append(Expected(first, last, label_of(first, by, rules), partial))
    return rows


def events_around(rows: list[Expected]) -> list[Event]:
    """Return calls a millisecond before, at and after each edge, each with other figures."""
    events = []
    for number, row in enumerate(rows, 1):
        for edge in (row.start, row.end):
            for offset in (-1, 0, 1):
                at = int(edge.timestamp()) * 1000 + offset
                events.append(Event(at, 1000 * number + offset, number, 7, failed=offset == 0))
    return events


def truth(events: list[Event], start: datetime, end: datetime) -> dict[str, int]:
    """Return the figures of the calls in [start, end)."""
    first, last = int(start.timestamp()) * 1000, int(end.timestamp()) * 1000
    inside = [event for event in events if first <= event.at < last]
    return {
        "total_tokens": sum(event.total for event in inside),
        "prompt_tokens": sum(event.prompt for event in inside),
        "completion_tokens": sum(event.completion for event in inside),
        "total_requests": len(inside),
        "total_errors": sum(event.failed for event in inside),
    }


def figures_of(row: dict[str, Any]) -> dict[str, int]:
    """Return the figures of a row or of the totals, without the error rate."""
    return {name: row[name] for name in FIGURES}


LONGEST = {"hour": 40 * HOUR_SECONDS, "day": 30 * DAY_SECONDS, "week": 30 * DAY_SECONDS}


@pytest.mark.parametrize("by", ["hour", "day", "week"])
@slow_examples
@given(
    zone=st.sampled_from(ZONES),
    start_seconds=near_a_change | anywhere,
    share=st.floats(0, 1),
    service_types=st.sampled_from(["preset", "all"]),
)
def test_rows_by_time_in_any_zone(
    by: str,
    zone: Zone,
    start_seconds: int,
    share: float,
    service_types: str,
    cloud: FakeCloud,
    run: Run,
) -> None:
    """No gap, no overlap; labels, cuts and figures as reckoned minute by minute."""
    start = datetime.fromtimestamp(start_seconds, timezone.utc)
    end = start + timedelta(seconds=1 + int(share * (LONGEST[by] - 1)))
    rules = ZoneInfo(zone.rules)
    expected = reckon(start, end, by, rules)
    cloud.reset()
    cloud.requests_a_minute = None
    cloud.events = events_around(expected)
    cloud.events += [
        event._replace(service_type=1, at=event.at + 500, total=3) for event in cloud.events
    ]
    counted = [event for event in cloud.events if service_types == "all" or event.service_type == 2]

    argv = ["--from", f"{start:%Y-%m-%dT%H:%M:%SZ}", "--to", f"{end:%Y-%m-%dT%H:%M:%SZ}"]
    if zone.argument:
        argv += ["--timezone", zone.argument]
    with time_machine.travel(end, tick=False):
        result = run(*argv, "--by", by, "--service-type", service_types, *JSON, TZ=zone.variable)
    rows = result.document["rows"]

    shown = []
    for row in rows:
        first, last = datetime.fromisoformat(row["start"]), datetime.fromisoformat(row["end"])
        assert first.utcoffset() == first.astimezone(rules).utcoffset()
        assert last.utcoffset() == last.astimezone(rules).utcoffset()
        shown.append(Expected(first, last, row[by], row["partial"]))
    assert shown == expected
    assert [figures_of(row) for row in rows] == [
        truth(counted, row.start, row.end) for row in expected
    ]
    assert figures_of(result.totals) == truth(counted, start, end)


@slow_examples
@given(
    hours=st.integers(1, 720),
    back=st.integers(0, 200),
    by=st.sampled_from(["service-type", "api-key", "ip"]),
    service_type=st.sampled_from(["preset", "my-service", "custom-endpoint", "all"]),
    infer_type=st.sampled_from(["real_time", "batch"]),
)
def test_rows_by_kind_add_up(
    hours: int, back: int, by: str, service_type: str, infer_type: str, cloud: FakeCloud, run: Run
) -> None:
    """Of every service type, key and address: the sums are those of the calls themselves."""
    cloud.reset()
    cloud.requests_a_minute = None
    cloud.events = list(usage_like(ms(NOW), days=40, calls_a_day=20))
    end = datetime.fromisoformat(NOW) - timedelta(hours=back)
    start = max(end - timedelta(hours=hours), datetime.fromisoformat(NOW) - timedelta(days=30))
    types = {"preset": [2], "my-service": [1], "custom-endpoint": [4], "all": [2, 1, 4]}
    keys, ips = ["key-b", ""], ["2001:db8::1", "192.0.2.1"]

    argv = ["--from", f"{start:%Y-%m-%dT%H:%M:%SZ}", "--to", f"{end:%Y-%m-%dT%H:%M:%SZ}"]
    argv += ["--by", by, "--service-type", service_type, "--infer-type", infer_type]
    argv += ["--api-keys", *keys, "--ips", *ips]
    with time_machine.travel(NOW, tick=False):
        result = run(*argv, *JSON)

    asked = []
    for event in cloud.events:
        type_fits = event.service_type in types[service_type] and event.infer_type == infer_type
        if type_fits and event.api_key in keys and event.ip in ips:
            asked.append(event)
    groups = {
        "api-key": [[event for event in asked if event.api_key == key] for key in keys],
        "ip": [[event for event in asked if event.ip == ip] for ip in ips],
        "service-type": [
            [event for event in asked if event.service_type == number]
            for number in types[service_type]
        ],
    }
    rows = result.document["rows"]
    assert [figures_of(row) for row in rows] == [truth(group, start, end) for group in groups[by]]
    assert figures_of(result.totals) == truth(asked, start, end)


# --- Days of clock changes, by hour, worked out by hand ---

# For each day: its length in rows, and the rows around the change.
CLOCK_CHANGES: dict[str, tuple[str, str, int, list[str]]] = {
    "Shanghai has none": ("Asia/Shanghai", "2026-03-29", 24, ["01:00+08:00", "02:00+08:00"]),
    "Kathmandu has none": ("Asia/Kathmandu", "2026-03-29", 24, ["01:00+05:45", "02:00+05:45"]),
    "Berlin skips an hour": ("Europe/Berlin", "2026-03-29", 23, ["01:00+01:00", "03:00+02:00"]),
    "Berlin repeats one": (
        "Europe/Berlin", "2026-10-25", 25,
        ["01:00+02:00", "02:00+02:00", "02:00+01:00", "03:00+01:00"],
    ),
    "New York skips one": ("America/New_York", "2026-03-08", 23, ["01:00-05:00", "03:00-04:00"]),
    "New York repeats one": (
        "America/New_York", "2026-11-01", 25,
        ["00:00-04:00", "01:00-04:00", "01:00-05:00", "02:00-05:00"],
    ),
    "Lord Howe skips half an hour": (
        "Australia/Lord_Howe", "2026-10-04", 24,
        ["01:00+10:30", "02:30+11:00", "03:00+11:00"],
    ),
    "Lord Howe repeats half an hour": (
        "Australia/Lord_Howe", "2026-04-05", 25,
        ["00:00+11:00", "01:00+11:00", "01:30+10:30", "02:00+10:30"],
    ),
    "Troll skips two hours": ("Antarctica/Troll", "2026-03-29", 22, ["00:00+00:00", "03:00+02:00"]),
    "Troll repeats two": (
        "Antarctica/Troll", "2026-10-25", 26,
        ["01:00+02:00", "02:00+02:00", "01:00+00:00", "02:00+00:00", "03:00+00:00"],
    ),
    "Santiago has no midnight": (
        "America/Santiago", "2026-09-06", 23, ["01:00-03:00", "02:00-03:00"],
    ),
    "Santiago repeats 23:00": (
        "America/Santiago", "2026-04-04", 25, ["22:00-03:00", "23:00-03:00", "23:00-04:00"],
    ),
    "Havana repeats midnight": (
        "America/Havana", "2026-11-01", 25, ["00:00-04:00", "00:00-05:00", "01:00-05:00"],
    ),
    "Cairo has no midnight": ("Africa/Cairo", "2026-04-24", 23, ["01:00+03:00", "02:00+03:00"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "day", "count", "around"), CLOCK_CHANGES.values(), ids=CLOCK_CHANGES
)
def test_hours_of_a_day_when_clocks_change(
    zone: str, day: str, count: int, around: list[str], run: Run, at: At
) -> None:
    """A row ends at each full local hour, and at a change of the offset."""
    at((datetime.fromisoformat(f"{day}T12:00:00+00:00") + timedelta(days=2)).isoformat())
    result = run("--from", day, "--to", day, "--by", "hour", "--timezone", zone, *JSON)
    rows = result.document["rows"]
    labels = [without_seconds(row["hour"]) for row in rows]
    assert len(rows) == count
    first = labels.index(f"{day}T{around[0]}")
    assert labels[first : first + len(around)] == [f"{day}T{label}" for label in around]
    assert [row["hour"] for row in rows] == [row["start"] for row in rows]
    assert {row["partial"] for row in rows} == {False}  # also the half hours of Lord Howe
    assert {label[:10] for label in labels} == {day}


def without_seconds(moment: str) -> str:
    """Return 2026-11-01T00:00-04:00 for 2026-11-01T00:00:00-04:00."""
    return moment[:16] + moment[19:]


def test_the_repeated_hour_has_rows_of_its_own(cloud: FakeCloud, run: Run, at: At) -> None:
    """What was used at 01:30 for the first time is not what was used at 01:30 again."""
    at(NOW)
    cloud.events = [
        Event(ms("2026-11-01T01:30:00-04:00"), 10),
        Event(ms("2026-11-01T01:30:00-05:00"), 200),
    ]
    argv = ("--from", "2026-11-01", "--to", "2026-11-01", "--timezone", "America/New_York")
    rows = run(*argv, "--by", "hour", *JSON).document["rows"]
    used = {row["hour"]: row["total_tokens"] for row in rows if row["total_tokens"]}
    assert used == {"2026-11-01T01:00:00-04:00": 10, "2026-11-01T01:00:00-05:00": 200}


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="only POSIX reads all forms of TZ")
@pytest.mark.parametrize(("by", "count", "clock"), [("hour", 48, ":00:00"), ("day", 2, "00:00:00")])
def test_rows_of_a_zone_with_an_odd_offset(
    by: str, count: int, clock: str, run: Run, at: At
) -> None:
    """Rows end on the local clock, also where it is seven minutes off the hours of UTC."""
    at(NOW)
    argv = ("--from", "2026-11-01", "--to", "2026-11-02", "--by", by)
    rows = run(*argv, *JSON, TZ="XXX-5:07").document["rows"]
    assert len(rows) == count
    assert all(row["start"].endswith(f"{clock}+05:07") for row in rows)
    assert {row["partial"] for row in rows} == {False}


def test_a_day_that_the_zone_skipped(run: Run, at: At) -> None:
    """Samoa had no 30 December 2011."""
    at("2012-01-03T00:00:00+00:00")
    argv = ("--from", "2011-12-29", "--to", "2012-01-01", "--timezone", "Pacific/Apia")
    rows = run(*argv, "--by", "day", *JSON).document["rows"]
    assert [row["day"] for row in rows] == ["2011-12-29", "2011-12-31", "2012-01-01"]
    assert rows[1]["start"] == "2011-12-31T00:00:00+14:00"


# --- Cut rows ---


def test_thirty_days_are_31_rows(run: Run, at: At) -> None:
    """The first and the last day are cut, and keep the label of the whole day."""
    at(NOW)
    document = run("--period", "30d", "--by", "day", "--timezone", "Asia/Shanghai", *JSON).document
    rows = document["rows"]
    assert len(rows) == 31
    assert [row["day"] for row in rows if row["partial"]] == ["2026-10-04", "2026-11-03"]
    assert rows[0]["start"] == document["period"]["start"] == "2026-10-04T18:15:30+08:00"
    assert rows[-1]["end"] == document["period"]["end"] == "2026-11-03T18:15:30+08:00"


def test_weeks_begin_on_monday(run: Run, at: At) -> None:
    """A cut week keeps the label of its Monday, even of one outside the period."""
    at(NOW)  # a Tuesday
    argv = ("--period", "14d", "--by", "week", "--timezone", "Europe/Berlin")
    rows = run(*argv, *JSON).document["rows"]
    assert [(row["week"], row["start"][:10], row["partial"]) for row in rows] == [
        ("2026-10-19", "2026-10-20", True),
        ("2026-10-26", "2026-10-26", False),
        ("2026-11-02", "2026-11-02", True),
    ]


def test_the_hours_of_now_and_a_day_ago_are_cut(run: Run, at: At) -> None:
    """24 hours that end within an hour are 25 rows, or 24 at the full hour."""
    at(NOW)
    rows = run("--period", "24h", "--by", "hour", *JSON).document["rows"]
    assert [row["hour"] for row in rows if row["partial"]] == [
        "2026-11-02T10:15:30+00:00",
        "2026-11-03T10:00:00+00:00",
    ]
    assert len(rows) == 25
    at("2026-11-03T10:00:00+00:00")
    rows = run("--period", "24h", "--by", "hour", *JSON).document["rows"]
    assert len(rows) == 24
    assert [row for row in rows if row["partial"]] == []


@pytest.mark.parametrize("output", ["table", "markdown"])
def test_cut_rows_are_marked_with_a_word(output: str, run: Run, at: At) -> None:
    """And only those."""
    at(NOW)
    out = run("--from", "2026-11-01T06:00", "--by", "day", "--format", output).out
    lines = [line.lstrip("| ") for line in out.splitlines()]
    days = [line for line in lines if line.startswith("2026-11")]
    assert days[0].startswith("2026-11-01 (partial) ")
    assert days[1].startswith("2026-11-02 ")
    assert days[2].startswith("2026-11-03 (partial) ")
    assert out.count("partial") == 2


# --- Service types, API keys and addresses ---


def test_by_service_type_means_all_types(cloud: FakeCloud, run: Run, at: At) -> None:
    """Unless one is chosen. The note that only preset services are counted does not come."""
    at(NOW)
    moment = ms("2026-11-02T00:00:00+00:00")
    cloud.events = [Event(moment, 10**number, service_type=number) for number in (1, 2, 4)]
    result = run("--to", "2026-11-02", "--from", "2026-11-01", "--by", "service-type", *JSON)
    rows = result.document["rows"]
    assert [(row["service_type"], row["total_tokens"]) for row in rows] == [
        ("preset", 100),
        ("my-service", 10),
        ("custom-endpoint", 10_000),
    ]
    assert result.totals["total_tokens"] == 10_110
    assert result.document["service_type"] == "all"
    assert result.notes == []
    chosen = run("--by", "service-type", "--service-type", "1", *JSON).document
    assert [row["service_type"] for row in chosen["rows"]] == ["my-service"]
    assert chosen["service_type"] == "my-service"


def test_by_api_key(cloud: FakeCloud, run: Run, at: At) -> None:
    """A row for each in the order given, the online experience too; a key twice counts once."""
    at(NOW)
    moment = ms("2026-11-02T00:00:00+00:00")
    keys = ("key-a", "key-b", "", "other")
    cloud.events = [Event(moment, 10**place, api_key=key) for place, key in enumerate(keys)]
    argv = ("--by", "api-key", "--api-keys", "key-b", "", "--api-keys", "key-b", "key-a")
    result = run(*argv, *JSON)
    rows = result.document["rows"]
    assert [(row["api_key"], row["total_tokens"]) for row in rows] == [
        ("key-b", 10),
        ("", 100),
        ("key-a", 1),
    ]
    assert result.totals["total_tokens"] == 111
    assert sorted(body["api_keys"] for body in cloud.statistics) == [[""], ["key-a"], ["key-b"]]


def test_by_ip(cloud: FakeCloud, run: Run, at: At) -> None:
    """A row for each address in canonical form; the filter on keys holds for all of them."""
    at(NOW)
    moment = ms("2026-11-02T00:00:00+00:00")
    cloud.events = [
        Event(moment, 1, ip="2001:db8::1"),
        Event(moment, 20, ip="192.0.2.1"),
        Event(moment, 300, ip="192.0.2.1", api_key="key-b"),
    ]
    argv = ("--by", "ip", "--ips", "2001:DB8:0:0::1", "::ffff:192.0.2.1", "192.0.2.1")
    rows = run(*argv, "--api-keys", "key-a", *JSON).document["rows"]
    assert [(row["ip"], row["total_tokens"]) for row in rows] == [
        ("2001:db8::1", 1),
        ("192.0.2.1", 20),
    ]
    assert {tuple(body["api_keys"]) for body in cloud.statistics} == {("key-a",)}


def test_keys_and_addresses_without_calls_are_noted(cloud: FakeCloud, run: Run, at: At) -> None:
    """Several are one note, in which those with calls are not named; failed calls are calls."""
    at(NOW)
    moment = ms("2026-11-01T00:00:00+00:00")
    cloud.events = [Event(moment, api_key="busy", ip="192.0.2.1", failed=True)]
    days = ("--from", "2026-11-01", "--to", "2026-11-02", "--service-type", "preset")
    keys = ("--api-keys", "busy", "idle", "mistyped")
    notes = run(*days, "--by", "api-key", *keys, *JSON).notes
    assert len(notes) == 1
    assert "API key" in notes[0]
    assert "idle, mistyped" in notes[0]
    assert "busy" not in notes[0]
    notes = run(*days, "--by", "ip", "--ips", "192.0.2.1", "192.0.2.2", *JSON).notes
    assert len(notes) == 1
    assert "address 192.0.2.2" in notes[0]
    assert "192.0.2.1" not in notes[0]
    assert run(*days, "--by", "api-key", "--api-keys", "busy", *JSON).notes == []
    assert run(*days, "--by", "day", "--api-keys", "idle", *JSON).notes == []


@pytest.mark.parametrize(
    "argv",
    [
        ["--by", "hour", "--period", "30h"],
        ["--by", "day", "--period", "7d", "--service-type", "all"],
        ["--by", "week", "--period", "30d"],
        ["--by", "service-type"],
        ["--by", "api-key", "--api-keys", "key-a", "key-b", ""],
        ["--by", "ip", "--ips", "192.0.2.1", "192.0.2.2", "2001:db8::1"],
    ],
    ids=["hour", "day", "week", "service-type", "api-key", "ip"],
)
def test_the_total_is_that_of_the_same_question_without_rows(
    argv: list[str], cloud: FakeCloud, run: Run, at: At
) -> None:
    """The rows are the only difference."""
    at(NOW)
    cloud.events = list(usage_like(ms(NOW), days=35, calls_a_day=20))
    broken_down = run(*argv, *JSON).document
    whole_argv = argv[2:]
    if "service-type" in argv:
        whole_argv = ["--service-type", "all"]
    whole = run(*whole_argv, *JSON).document
    assert broken_down["totals"]["total_requests"] > 0
    assert {**broken_down, "by": None, "rows": []} == whole


# --- Questions, each answered in one run ---


def at_noon(day: str, tokens: int, **fields: Any) -> Event:
    """Return a call at noon in Shanghai."""
    return Event(ms(f"{day}T12:00:00+08:00"), tokens, **fields)


QUESTIONS = ("--timezone", "Asia/Shanghai", "--service-type", "preset")


def test_is_our_usage_going_up_or_down(cloud: FakeCloud, run: Run, at: At) -> None:
    """Last week against the week before: two whole weeks, or what a fortnight has of three."""
    at(NOW)  # a Tuesday
    cloud.events = [
        at_noon("2026-10-19", 500),
        at_noon("2026-10-25", 500),
        at_noon("2026-10-26", 2000),
        at_noon("2026-11-02", 77),
    ]
    argv = (*QUESTIONS, "--by", "week", *JSON)
    rows = run("--from", "2026-10-19", "--to", "2026-11-01", *argv).document["rows"]
    assert [(row["week"], row["total_tokens"], row["partial"]) for row in rows] == [
        ("2026-10-19", 1000, False),
        ("2026-10-26", 2000, False),
    ]
    rows = run("--period", "14d", *argv).document["rows"]
    assert [(row["week"], row["total_tokens"], row["partial"]) for row in rows] == [
        ("2026-10-19", 500, True),
        ("2026-10-26", 2000, False),
        ("2026-11-02", 77, True),
    ]


def test_when_was_the_peak_yesterday(cloud: FakeCloud, run: Run, at: At) -> None:
    """The longest bar of 24 hours."""
    at(NOW)
    cloud.events = [
        Event(ms("2026-11-02T09:10:00+08:00"), 300),
        Event(ms("2026-11-02T14:59:59+08:00"), 900),
        Event(ms("2026-11-02T15:00:00+08:00"), 450),
        Event(ms("2026-11-03T09:00:00+08:00"), 5000),
    ]
    out = run("--period", "yesterday", *QUESTIONS, "--by", "hour").out
    hours = [line for line in out.splitlines() if line.startswith("2026-11-02T")]
    bars = {line.split()[0]: line.count("#") for line in hours if "#" in line}
    assert len(hours) == 24
    assert list(bars) == [
        "2026-11-02T09:00:00+08:00",
        "2026-11-02T14:00:00+08:00",
        "2026-11-02T15:00:00+08:00",
    ]
    longest = bars["2026-11-02T14:00:00+08:00"]
    assert bars["2026-11-02T09:00:00+08:00"] == -(-longest // 3)
    assert bars["2026-11-02T15:00:00+08:00"] == -(-longest // 2)


def test_which_client_used_most(cloud: FakeCloud, run: Run, at: At) -> None:
    """A row for each address, and the total of all three."""
    at(NOW)
    cloud.events = [
        at_noon("2026-11-01", 5000, ip="192.0.2.1"),
        at_noon("2026-11-01", 9000, ip="192.0.2.2"),
        at_noon("2026-11-02", 7, ip="2001:db8::1"),
    ]
    argv = ("--from", "2026-11-01", "--to", "2026-11-02", *QUESTIONS)
    out = run(*argv, "--by", "ip", "--ips", "192.0.2.1", "192.0.2.2", "2001:db8::1").out
    assert out.split("\n\n")[1].splitlines() == [
        "             tokens  requests  errors  error rate",
        "192.0.2.1     5,000         1       0       0.00%  " + "#" * 17,
        "192.0.2.2     9,000         1       0       0.00%  " + "#" * 29,
        "2001:db8::1       7         1       0       0.00%  #",
        "total        14,007         3       0       0.00%",
    ]


def test_a_table_of_two_weeks_for_an_e_mail(cloud: FakeCloud, run: Run, at: At) -> None:
    """One line on what was counted, and a table with a row per day."""
    at(NOW)
    cloud.events = [at_noon("2026-10-20", 1_000_000), at_noon("2026-11-02", 234, failed=True)]
    argv = ("--from", "2026-10-20", "--to", "2026-11-02", *QUESTIONS, "--by", "day")
    result = run(*argv, "--format", "markdown")
    lines = result.out.splitlines()
    assert lines[0].startswith("MaaS usage: service preset, real_time, region cn-southwest-2, ")
    assert lines[2:5] == [
        "| day | tokens | requests | errors | error rate |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| 2026-10-20 | 1,000,000 | 1 | 0 | 0.00% |",
    ]
    assert lines[-2:] == [
        "| 2026-11-02 | 234 | 1 | 1 | 100.00% |",
        "| **total** | **1,000,234** | **2** | **1** | **50.00%** |",
    ]
    assert len(lines) == 4 + 14 + 1
    assert result.err == ""


def test_the_note_on_names_without_calls_is_a_whole_sentence(run: Run, at: At) -> None:
    """It gives both reasons that there can be."""
    at(NOW)
    arguments = ("--period", "yesterday", "--service-type", "preset")
    names = ("--by", "api-key", "--api-keys", "one", "two")
    assert run(*arguments, *names).notes == [
        (
            "No calls for API key one, two: either none were made in this period, "
            "or the service does not know the API key."
        )
    ]
