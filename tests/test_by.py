"""Breakdowns: rows that add up to the total to the token, asked side by side and with care."""

from __future__ import annotations

import csv
import io
import itertools
import json
import time
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Callable

import pytest
from cloud import PROJECT_ID, Event, FakeCloud, answer, usage_like
from conftest import Clock, Run, ms
from hypothesis import given, settings
from hypothesis import strategies as st

import maas_rest_usage_stats as script

NOW = "2026-11-03T10:15:30+00:00"
ZONES = ["UTC", "Asia/Shanghai", "America/New_York", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Chatham",
         "America/St_Johns", "Africa/Cairo", "America/Havana", "Asia/Beirut", "America/Santiago", "Pacific/Apia",
         "Pacific/Kiritimati", "Etc/GMT+12", "Africa/Casablanca", "Antarctica/Troll"]  # fmt: skip
FIGURES = ("total_tokens", "prompt_tokens", "completion_tokens", "total_requests", "total_errors")


def query(start: datetime, end: datetime, zone: tzinfo | None) -> script.Query:
    """Return a query by day."""
    period = script.Period(start, end, zone)
    return script.Query(period, "cn-southwest-2", PROJECT_ID, "preset", "real_time", None, None, ("preset",), None, "day", "json", ())


@settings(deadline=None, max_examples=300)
@given(
    zone=st.sampled_from(ZONES),
    start=st.integers(ms("2010-01-01T00:00:00+00:00") // 1000, ms("2030-01-01T00:00:00+00:00") // 1000),
    length=st.integers(1, 30 * 86400),
)
def test_days_are_disjoint_and_leave_no_gap(zone: str, start: int, length: int) -> None:
    """Whatever the zone's clocks do: each inner edge is a local midnight, and the edges of the period are its own."""
    rules = script.find_zone(zone)
    first = datetime.fromtimestamp(start, timezone.utc)
    last = first + timedelta(seconds=length)
    periods = [row.period for row in script.rows_of(query(first, last, rules))]
    assert periods[0].start == first
    assert periods[-1].end == last
    wire = [period.milliseconds() for period in periods]
    assert all(begin <= end for begin, end in wire)
    assert all(before[1] + 1 == after[0] for before, after in zip(wire, wire[1:]))
    assert len(periods) <= 31
    days = [period.local()[0].date() for period in periods]
    assert sorted(set(days)) == days
    for period in periods[1:]:
        before = (period.start - timedelta(seconds=1)).astimezone(rules)
        assert before.date() < period.local()[0].date()  # a new day begins: at 00:00, or with the change that skips it
        assert period.local()[0].time().hour <= 1 or before.date() + timedelta(days=1) < period.local()[0].date()


def test_a_day_that_a_zone_skipped() -> None:
    """Apia had no 30 December 2011."""
    rules = script.find_zone("Pacific/Apia")
    first, last = (datetime.fromisoformat(f"2011-12-{day}T22:00:00+00:00") for day in ("28", "31"))
    rows = script.rows_of(query(first, last, rules))
    assert [script.label_of(row)["day"] for row in rows] == ["2011-12-28", "2011-12-29", "2011-12-31", "2012-01-01"]


@settings(deadline=None, max_examples=25)
@given(zone=st.sampled_from(ZONES), hours=st.integers(1, 720), back=st.integers(0, 200))
def test_rows_add_up_to_the_whole(zone: str, hours: int, back: int) -> None:
    """In every figure, to the token: what is summed by day is what is summed at once."""
    end = datetime.fromisoformat(NOW) - timedelta(hours=back)
    events = list(usage_like(ms(NOW), days=40, calls_a_day=12, seed=zone))
    edges = [row.period.start for row in script.rows_of(query(end - timedelta(hours=hours), end, script.find_zone(zone)))]
    events += [Event(int(edge.timestamp()) * 1000 + off, 10**9 + off, 7, 5, True) for edge in edges for off in (-1, 0, 1)]

    def total(period: script.Period) -> list[int]:
        start, last = period.milliseconds()
        found = [event for event in events if start <= event.at <= last]
        figures = [(event.total, event.prompt, event.completion, int(event.failed)) for event in found]
        return [len(found), *(sum(figure[place] for figure in figures) for place in range(4))]

    whole = query(end - timedelta(hours=hours), end, script.find_zone(zone))
    rows = [total(row.period) for row in script.rows_of(whole)]
    assert [sum(column) for column in zip(*rows)] == total(whole.period)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kathmandu"])
@pytest.mark.parametrize("kind", ["preset", "all"])
def test_by_day(zone: str, kind: str, cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """The calendar days in the zone, each with its own start and end, and the same figures; the types are added up."""
    at(NOW)
    cloud.events.extend(usage_like(ms(NOW), days=35, calls_a_day=20))
    argv = ["--period", "30d", "--timezone", zone, "--service-type", kind, "--format", "json"]
    whole = run(*argv)
    asked = len(cloud.statistics)
    result = run(*argv, "--by", "day")
    rows = result.document["rows"]
    assert result.document["by"] == "day"
    assert len(rows) == 31
    assert len(cloud.statistics) - asked == 31 * (3 if kind == "all" else 1)
    assert list(rows[0])[:3] == ["day", "start", "end"]
    assert list(rows[0])[3:] == list(result.totals) == [*FIGURES, "error_rate"]
    assert rows[0]["start"] == result.document["period"]["start"]
    assert rows[-1]["end"] == result.document["period"]["end"]
    assert all(before["end"] == after["start"] for before, after in zip(rows, rows[1:]))
    assert [row["day"] for row in rows] == [row["start"][:10] for row in rows]
    assert result.totals == whole.totals
    assert result.totals["total_requests"] > 300
    for figure in FIGURES:
        assert sum(row[figure] for row in rows) == result.totals[figure]
    assert {**result.document, "by": None, "rows": []} == whole.document


def test_by_service_type(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """Without --service-type all that the region offers; with it, that one."""
    at(NOW)
    cloud.events = [Event(ms("2026-11-02T00:00:00+00:00"), 10**kind, service_type=kind) for kind in (1, 2, 4)]
    result = run("--by", "service-type", "--format", "json")
    assert [(row["service_type"], row["total_tokens"]) for row in result.document["rows"]] == [
        ("preset", 100), ("my-service", 10), ("custom-endpoint", 10000)
    ]  # fmt: skip
    assert list(result.document["rows"][0])[:2] == ["service_type", "total_tokens"]
    assert (result.document["service_type"], result.totals["total_tokens"]) == ("all", 10110)
    result = run("--by", "service-type", "--service-type", "1", "--format", "json")
    assert [row["service_type"] for row in result.document["rows"]] == ["my-service"]
    assert result.document["service_type"] == "my-service"
    result = run("--by", "service-type", "--region", "ap-southeast-1", "--format", "json")
    assert [row["service_type"] for row in result.document["rows"]] == ["preset", "my-service"]


def test_by_api_key(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """One row for each key, the online experience among them; a key named twice counts once."""
    at(NOW)
    moment = ms("2026-11-02T00:00:00+00:00")
    cloud.events = [Event(moment, 10**place, api_key=key) for place, key in enumerate(("key-a", "key-b", "", "other"))]
    argv = ["--by", "api-key", "--api-keys", "key-b", "", "--api-keys", "key-b", "--format"]
    result = run(*argv, "json")
    assert [(row["api_key"], row["total_tokens"]) for row in result.document["rows"]] == [("key-b", 10), ("", 100)]
    assert result.totals["total_tokens"] == 110
    assert result.document["api_keys"] == ["key-b", ""]
    assert sorted(body["api_keys"] for body in cloud.statistics) == [[""], ["key-b"]]
    rows = list(csv.DictReader(io.StringIO(run(*argv, "csv").out)))
    assert list(rows[0]) == ["start", "end", "api_key", *FIGURES, "error_rate"]
    assert [row["api_key"] for row in rows] == ["key-b", ""]
    assert '""' in run(*argv, "table").out


def test_csv(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """Start and end, the row's name, the figures; no total line, so that columns can be added up."""
    at(NOW)
    cloud.events = [Event(ms("2026-11-02T12:00:00+00:00"), 5, 3, 2, failed=True)]
    out = run("--by", "day", "--from", "2026-11-01", "--to", "2026-11-02", "--timezone", "Europe/Berlin", "--format", "csv").out
    assert out == (
        "start,end,day,total_tokens,prompt_tokens,completion_tokens,total_requests,total_errors,error_rate\n"
        "2026-11-01T00:00:00+01:00,2026-11-02T00:00:00+01:00,2026-11-01,0,0,0,0,0,\n"
        "2026-11-02T00:00:00+01:00,2026-11-03T00:00:00+01:00,2026-11-02,5,3,2,1,1,1.0\n"
    )


def test_table(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """A row each, a bar in proportion, days without calls as zero, and the total under them."""
    at(NOW)
    days = {"2026-10-30": 2_000_000, "2026-11-01": 1_000_000, "2026-11-02": 1}
    cloud.events = [Event(ms(f"{day}T12:00:00+00:00"), tokens) for day, tokens in days.items()]
    out = run("--by", "day", "--from", "2026-10-30", "--to", "2026-11-02", "--timezone", "UTC").out
    assert out == (
        "service   preset, real_time\n"
        "region    cn-southwest-2, project 0123456789abcdef0123456789abcdef\n"
        "period    2026-10-30 00:00:00+00:00 to 2026-11-03 00:00:00+00:00\n"
        "zone      UTC\n"
        "\n"
        "               tokens  requests  errors\n"
        f"2026-10-30  2,000,000         1       0  {'#' * 39}\n"
        "2026-10-31          0         0       0\n"
        f"2026-11-01  1,000,000         1       0  {'#' * 20}\n"
        "2026-11-02          1         1       0  #\n"
        "total       3,000,001         3       0\n"
        "\n"
        "total tokens                       3,000,001      3.00 M\n"
        "prompt tokens                              0\n"
        "completion tokens                          0\n"
        "total requests                             3\n"
        "total errors                               0       0.00%\n"
    )


@pytest.mark.parametrize("tokens", [0, 1, 10**9, 10**20])
def test_the_table_is_80_columns_wide_at_most(tokens: int, cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """However large the figures."""
    at(NOW)
    cloud.always["modelarts"] = answer(200, json.dumps({"total_token": tokens // 1000, "total_request_count": 10**12}))
    for argv in (["--by", "day", "--period", "30d"], ["--by", "api-key", "--api-keys", "x" * 23]):
        lines = run(*argv).out.splitlines()
        assert max(map(len, lines)) <= 80
    assert len(run("--by", "day", "--period", "30d").out.splitlines()) == 4 + 1 + 33 + 1 + 5


def test_side_by_side(cloud: FakeCloud, run: Run) -> None:
    """Up to eight at once over kept connections, after a first that goes alone."""
    cloud.delay = 0.05
    alone: list[int] = []
    cloud.spoil = lambda _: alone.append(cloud.busy) if len(cloud.statistics) == 1 else None
    result = run("--by", "day", "--period", "30d", "--format", "json")
    assert len(result.document["rows"]) == len(cloud.statistics)
    assert alone == [1]
    assert 4 <= cloud.busiest <= 8
    assert len(cloud.hosts) <= 10


def test_a_third_of_the_answers_429(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """Still exact."""
    cloud.events.extend(usage_like(int(time.time() * 1000), days=31, calls_a_day=20))
    whole = run("--period", "30d", "--format", "json")
    refused: set[int] = set()

    def spoil(body: dict[str, int]) -> object:
        key = body["start_time"]
        if key // 86_400_000 % 3 == 0 and key not in refused:
            refused.add(key)
            return answer(429)
        return None

    cloud.spoil = spoil  # type: ignore[assignment]
    result = run("--period", "30d", "--by", "day", "--format", "json")
    assert result.totals == whole.totals
    assert len(refused) >= 9
    assert clock.waits == [2] * len(refused)


@pytest.mark.parametrize(("status", "code"), [(400, 4), (403, 3), (401, 3), (501, 5)])
def test_the_tenth_day_refused(status: int, code: int, cloud: FakeCloud, run: Run) -> None:
    """The first failure ends the run: nothing further is sent, nothing is shown."""
    cloud.delay = 0.02
    calls = itertools.count(1)
    cloud.spoil = lambda _: answer(status) if next(calls) == 10 else None
    result = run("--period", "30d", "--by", "day", "--format", "json")
    assert (result.code, result.out) == (code, "")
    assert result.error["http_status"] == status
    time.sleep(0.2)  # what was on its way may still arrive
    asked = len(cloud.statistics)
    assert asked <= 20
    time.sleep(0.2)
    assert len(cloud.statistics) == asked


def test_what_waits_does_not_send_after_the_end(cloud: FakeCloud, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that waits to be tried again is not, when another has failed meanwhile."""
    monkeypatch.setattr(script, "FAULT", script.FAULT._replace(waits=(1.0,) * 5))
    monkeypatch.setattr(script, "STATUS_KINDS", {**script.STATUS_KINDS, 503: script.FAULT})

    calls = itertools.count(1)

    def spoil(_: object) -> object:
        call = next(calls)
        return answer(400 if call == 4 else 503) if call > 1 else None

    cloud.spoil = spoil  # type: ignore[assignment]
    result = run("--period", "30d", "--by", "day", "--format", "json")
    assert (result.code, result.error["http_status"]) == (4, 400)
    time.sleep(0.4)  # what was on its way may still arrive
    asked = len(cloud.statistics)
    time.sleep(1.2)
    assert len(cloud.statistics) == asked <= 16


def test_an_answer_that_is_none_among_many(cloud: FakeCloud, run: Run) -> None:
    """No half sums, ever."""
    calls = itertools.count(1)
    cloud.spoil = lambda _: answer(200, "{}") if next(calls) == 7 else None
    result = run("--period", "30d", "--by", "day")
    assert (result.code, result.out) == (4, "")
