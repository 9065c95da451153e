"""Breakdowns: rows without gaps or overlaps, their total, and what they leave of it."""

from __future__ import annotations

import json
import re
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from cloud import Answer, Event, FakeCloud, Request, refusal, together, usage_like
from conftest import At, Run, ms

NOW = "2026-11-03T10:15:30+00:00"  # a Tuesday
FIGURES = ["total_tokens", "prompt_tokens", "completion_tokens", "total_requests", "total_errors"]
NOON = ms("2026-11-01T12:00:00+00:00")
DAYS = ("--from", "2026-11-01", "--to", "2026-11-02", "--timezone", "UTC")
JSON = ("--format", "json")


def labels_and_tokens(rows: list[dict[str, Any]], name: str) -> list[tuple[str, int]]:
    """Return a label and the tokens of each row."""
    return [(row[name], row["total_tokens"]) for row in rows]


# --- Rows by time ---

# For each day when clocks change: its length in rows, and the rows around the change.
CLOCK_CHANGES: dict[str, tuple[str, str, int, list[str]]] = {
    "Berlin skips an hour": ("Europe/Berlin", "2026-03-29", 23, ["01:00+01:00", "03:00+02:00"]),
    "Berlin repeats one": (
        "Europe/Berlin", "2026-10-25", 25,
        ["01:00+02:00", "02:00+02:00", "02:00+01:00", "03:00+01:00"],
    ),
    "Lord Howe skips half an hour": (
        "Australia/Lord_Howe", "2026-10-04", 24,
        ["01:00+10:30", "02:30+11:00", "03:00+11:00"],
    ),
    "Lord Howe repeats half an hour": (
        "Australia/Lord_Howe", "2026-04-05", 25,
        ["00:00+11:00", "01:00+11:00", "01:30+10:30", "02:00+10:30"],
    ),
    "Havana repeats midnight": (
        "America/Havana", "2026-11-01", 25, ["00:00-04:00", "00:00-05:00", "01:00-05:00"],
    ),
    "Cairo has no midnight": ("Africa/Cairo", "2026-04-24", 23, ["01:00+03:00", "02:00+03:00"]),
    "Troll skips two hours": ("Antarctica/Troll", "2026-03-29", 22, ["00:00+00:00", "03:00+02:00"]),
    "Kathmandu has no change": ("Asia/Kathmandu", "2026-03-29", 24, ["01:00+05:45", "02:00+05:45"]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "day", "count", "around"), CLOCK_CHANGES.values(), ids=CLOCK_CHANGES
)
def test_a_day_when_clocks_change_has_a_row_for_each_local_hour(
    zone: str, day: str, count: int, around: list[str], run: Run, at: At
) -> None:
    """A row ends at each full local hour, and at a change of the offset. There are no gaps."""
    at((datetime.fromisoformat(f"{day}T12:00:00+00:00") + timedelta(days=2)).isoformat())
    argv = ("--from", day, "--to", day, "--by", "hour", "--timezone", zone, *JSON)
    document = run(*argv).document
    period, rows = document["period"], document["rows"]
    assert len(rows) == count
    expected = [f"{day}T{label[:5]}:00{label[5:]}" for label in around]  # with seconds
    assert " ".join(expected) in " ".join(row["hour"] for row in rows)
    assert rows[0]["start"] == period["start"]
    assert rows[-1]["end"] == period["end"]
    for row, next_row in zip(rows, rows[1:]):
        assert row["end"] == next_row["start"]
    for row in rows:
        assert row["start"] == row["hour"]
        assert row["partial"] is False


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="only POSIX reads all forms of TZ")
@pytest.mark.parametrize(
    ("variable", "count", "last"),
    [
        ("CET-1CEST,M3.5.0,M10.5.0/3", 25, "2026-10-25T23:00:00+01:00"),
        ("XXX-5:07", 24, "2026-10-25T23:00:00+05:07"),
    ],
)
def test_hours_of_a_zone_without_a_name(
    variable: str, count: int, last: str, run: Run, at: At
) -> None:
    """Rows follow the system's clocks, also where they are seven minutes off the hours of UTC."""
    at(NOW)
    argv = ("--from", "2026-10-25", "--to", "2026-10-25", "--by", "hour", *JSON)
    rows = run(*argv, TZ=variable).document["rows"]
    assert len(rows) == count
    assert rows[-1]["hour"] == last
    assert {row["partial"] for row in rows} == {False}


def test_a_call_belongs_to_one_row(cloud: FakeCloud, run: Run, at: At) -> None:
    """The first millisecond of a day is the next row's, the last one its own."""
    at(NOW)
    midnight = ms("2026-11-02T00:00:00+00:00")
    cloud.events = [Event(midnight - 1, 10), Event(midnight, 200)]
    result = run(*DAYS, "--by", "day", *JSON)
    assert labels_and_tokens(result.document["rows"], "day") == [
        ("2026-11-01", 10),
        ("2026-11-02", 200),
    ]
    assert result.totals["total_tokens"] == 210


def test_a_partial_day_keeps_its_label(run: Run, at: At) -> None:
    """30 days that end now are 31 rows, of which the first and the last are partial."""
    at(NOW)
    document = run("--period", "30d", "--by", "day", "--timezone", "Asia/Shanghai", *JSON).document
    rows = document["rows"]
    assert len(rows) == 31
    assert [row["day"] for row in rows if row["partial"]] == ["2026-10-04", "2026-11-03"]
    assert rows[0]["start"] == document["period"]["start"] == "2026-10-04T18:15:30+08:00"
    assert rows[-1]["end"] == document["period"]["end"] == "2026-11-03T18:15:30+08:00"
    weekdays = [row["weekday"] for row in rows]
    assert weekdays[:8] == ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def test_a_week_is_named_by_its_monday(cloud: FakeCloud, run: Run, at: At) -> None:
    """Also where the Monday lies outside of the period."""
    at(NOW)
    cloud.events = [Event(ms("2026-10-25T23:59:59+01:00"), 5)]
    argv = ("--period", "14d", "--by", "week", "--timezone", "Europe/Berlin")
    rows = run(*argv, *JSON).document["rows"]
    assert [(row["week"], row["start"][:10], row["partial"]) for row in rows] == [
        ("2026-10-19", "2026-10-20", True),
        ("2026-10-26", "2026-10-26", False),
        ("2026-11-02", "2026-11-02", True),
    ]
    assert [row["total_tokens"] for row in rows] == [5, 0, 0]


def test_a_partial_hour_is_named_by_its_start(run: Run, at: At) -> None:
    """24 hours that end within an hour are 25 rows, or 24 at the full hour."""
    at("2026-11-03T10:07:30+00:00")
    rows = run("--period", "24h", "--by", "hour", *JSON).document["rows"]
    assert [row["hour"] for row in rows if row["partial"]] == [
        "2026-11-02T10:07:30+00:00",
        "2026-11-03T10:00:00+00:00",
    ]
    assert len(rows) == 25
    at("2026-11-03T10:00:00+00:00")
    rows = run("--period", "24h", "--by", "hour", *JSON).document["rows"]
    assert [row["partial"] for row in rows] == [False] * 24


# --- Rows by service type, API key and address ---


def test_by_service_type_means_all_types(cloud: FakeCloud, run: Run, at: At) -> None:
    """Unless one is chosen."""
    at(NOW)
    cloud.events = [Event(NOON, 10**number, service_type=number) for number in (1, 2, 4)]
    result = run(*DAYS, "--by", "service-type", *JSON)
    assert labels_and_tokens(result.document["rows"], "service_type") == [
        ("preset", 100),
        ("my-service", 10),
        ("custom-endpoint", 10_000),
    ]
    assert result.totals["total_tokens"] == 10_110
    assert result.notes == []
    chosen = run(*DAYS, "--by", "service-type", "--service-type", "1", *JSON).document
    assert labels_and_tokens(chosen["rows"], "service_type") == [("my-service", 10)]
    assert chosen["totals"]["total_tokens"] == 10


def test_by_api_key_has_the_total_of_all_calls(cloud: FakeCloud, run: Run, at: At) -> None:
    """--api-keys selects rows, in the order given; --ips holds for the total, too."""
    at(NOW)
    cloud.events = [
        Event(NOON, 1, api_key="key-a"),
        Event(NOON, 20, 15, 5, api_key="key-b"),
        Event(NOON, 300, api_key=""),
        Event(NOON, 4000, 3000, 1000, api_key="other", failed=True),
        Event(NOON, 50_000, 30_000, 20_000, api_key="other", service_type=1),
        Event(NOON, 600_000, api_key="key-a", ip="192.0.2.9"),
    ]
    argv = (*DAYS, "--by", "api-key", "--ips", "192.0.2.1", "--service-type", "all")
    result = run(*argv, "--api-keys", "key-b", "", "--api-keys", "key-b", "key-a", "typo", *JSON)
    rows = result.document["rows"]
    assert labels_and_tokens(rows, "api_key") == [
        ("key-b", 20),
        ("", 300),
        ("key-a", 1),
        ("typo", 0),
        ("(others)", 54_000),
    ]
    assert rows[-1] == {
        "api_key": "(others)",
        "total_tokens": 54_000,
        "prompt_tokens": 33_000,
        "completion_tokens": 21_000,
        "total_requests": 2,
        "total_errors": 1,
        "error_rate": 0.5,
    }
    assert result.totals["total_tokens"] == 54_321
    assert result.document["api_keys"] is None
    assert result.document["ips"] == ["192.0.2.1"]


def test_by_ip_has_the_total_of_all_calls(cloud: FakeCloud, run: Run, at: At) -> None:
    """--ips selects rows; --api-keys holds for the total, too. Nothing is left here."""
    at(NOW)
    cloud.events = [
        Event(NOON, 1, ip="2001:db8::1"),
        Event(NOON, 20, ip="192.0.2.1"),
        Event(NOON, 300, ip="192.0.2.9", api_key="key-b"),
    ]
    argv = (*DAYS, "--by", "ip", "--ips", "2001:DB8:0:0::1", "192.0.2.1", "--api-keys", "key-a")
    result = run(*argv, *JSON)
    assert labels_and_tokens(result.document["rows"], "ip") == [
        ("2001:db8::1", 1),
        ("192.0.2.1", 20),
    ]
    assert result.totals["total_tokens"] == 21
    assert result.document["ips"] is None
    assert result.document["api_keys"] == ["key-a"]


@pytest.mark.parametrize(
    "argv",
    [["--by", "api-key", "--api-keys", "key-a"], ["--by", "ip", "--ips", "192.0.2.1"]],
    ids=["api-key", "ip"],
)
@pytest.mark.parametrize("output", ["table", "markdown"])
def test_what_selects_rows_is_not_called_a_filter(output: str, argv: list[str], run: Run) -> None:
    """The total above which it would stand has all calls."""
    out = run(*argv, "--format", output).out
    assert "API keys" not in out
    assert "addresses" not in out
    assert out.count(argv[-1]) == 1


def test_others_are_never_below_zero(cloud: FakeCloud, run: Run) -> None:
    """Figure by figure: a total that is smaller than the rows hides no calls that are left."""
    row = {"total_token": 5.0, "total_prompt_token": 2.0, "total_request_count": 7}
    total = {"total_token": 4.0, "total_prompt_token": 2.5, "total_request_count": 9}
    cloud.on("show-statistics", Answer(200, row), when=lambda body: "api_keys" in body)
    cloud.on("show-statistics", Answer(200, total))
    result = run("--by", "api-key", "--api-keys", "key-a", *JSON)
    rest = result.document["rows"][1]
    assert [rest[name] for name in FIGURES] == [0, 500, 0, 2, 0]
    assert result.totals["total_tokens"] == 4000


def test_others_are_summed_over_the_service_types(cloud: FakeCloud, run: Run) -> None:
    """A call that one type has too much makes up for one that another lacks."""
    calls_of_the_address = {2: 5, 1: 3, 4: 4}  # by service type; each has 4 calls in all

    def count_calls(request: Request) -> Answer:
        count = calls_of_the_address[request.body["service_type"]] if "ips" in request.body else 4
        return Answer(200, {"total_request_count": count})

    cloud.on("show-statistics", count_calls)
    result = run("--by", "ip", "--ips", "192.0.2.1", "--service-type", "all", *JSON)
    assert [row["total_requests"] for row in result.document["rows"]] == [5 + 3 + 4]
    assert result.totals["total_requests"] == 4 + 4 + 4


def test_rows_without_usage_are_noted(cloud: FakeCloud, run: Run, at: At) -> None:
    """Those with calls are not named; failed calls are calls. Without any, one note says so."""
    at(NOW)
    cloud.events = [Event(NOON, api_key="busy", failed=True)]
    argv = (*DAYS, "--service-type", "preset", "--by", "api-key", "--api-keys")
    notes = run(*argv, "busy", "idle", "mistyped", *JSON).notes
    assert len(notes) == 1
    assert "API keys idle, mistyped." in notes[0]
    assert run(*argv, "busy", *JSON).notes == []
    cloud.events = []
    assert len(run(*argv, "idle", *JSON).notes) == 1


# --- Totals, and the order of requests ---


@pytest.mark.parametrize(
    ("argv", "whole_argv"),
    [
        (["--by", "hour", "--period", "30h"], ["--period", "30h"]),
        (["--by", "day", "--service-type", "all"], ["--service-type", "all"]),
        (["--by", "week", "--period", "30d"], ["--period", "30d"]),
        (["--by", "service-type"], ["--service-type", "all"]),
        (["--by", "service"], []),
        (["--by", "api-key", "--api-keys", "key-a", "nobody"], []),
        (["--by", "ip", "--ips", "192.0.2.1"], []),
        (["--by", "service-type", "--infer-type", "batch"],
         ["--service-type", "all", "--infer-type", "batch"]),
    ],
    ids=["hour", "day", "week", "service-type", "service", "api-key", "ip", "batch"],
)  # fmt: skip
def test_rows_add_up_to_the_total_of_the_same_question_without_rows(
    argv: list[str], whole_argv: list[str], cloud: FakeCloud, run: Run, at: At
) -> None:
    """Figure by figure."""
    at(NOW)
    cloud.events = list(usage_like(ms(NOW), days=35, calls_a_day=20))
    document = run(*argv, *JSON).document
    totals = document["totals"]
    assert totals == run(*whole_argv, *JSON).totals
    assert totals["total_requests"] > 0
    counted = {name: value for name, value in totals.items() if name != "error_rate"}
    sums = {name: sum(row[name] for row in document["rows"]) for name in counted}
    assert sums == counted


def test_rows_are_asked_for_oldest_first_and_all_types_together(
    cloud: FakeCloud, run: Run, at: At
) -> None:
    """What the service forgets soonest is asked for first: nine requests are three days."""
    at(NOW)
    cloud.on("show-statistics", together(8), after=1, times=8)  # the first one goes alone
    run("--from", "2026-10-28", "--to", "2026-11-02", "--by", "day", "--service-type", "all")
    asked = [(body["start_time"], body["service_type"]) for body in cloud.statistics]
    first_days = [ms(f"2026-10-{day}T00:00:00+00:00") for day in (28, 29, 30)]
    assert asked[0] == (first_days[0], 2)
    assert sorted(asked[:9]) == [(day, number) for day in first_days for number in (1, 2, 4)]
    assert len(asked) == 18


def test_the_total_is_asked_for_after_the_rows(cloud: FakeCloud, run: Run) -> None:
    """So it has all calls that the rows have."""
    run("--by", "api-key", "--api-keys", "key-a", "key-b", "--service-type", "all")
    assert ["api_keys" in body for body in cloud.statistics] == [True] * 6 + [False] * 3
    assert sorted(body["service_type"] for body in cloud.statistics[6:]) == [1, 2, 4]


# --- By service: what is asked ---

BY_SERVICE = (*DAYS, "--service-type", "preset", "--by", "service")
ALL_SERVICES = (*DAYS, "--service-type", "all", "--by", "service")


def calls(name: str, tokens: int, count: int = 1, **fields: Any) -> list[Event]:
    """Return calls of a service with so many tokens each."""
    return [Event(NOON, tokens, tokens // 2, 7, service_name=name, **fields)] * count


def listed(name: str = "example", **fields: Any) -> dict[str, Any]:
    """Return a row of the service's list: a call with 1,000 tokens, unless fields say otherwise."""
    likely = {
        "service_name": name,
        "request_count": 1,
        "error_count": 0,
        "total_token": 1.0,
        "prompt_token": 0.5,
        "completion_token": 0.5,
    }
    return {**likely, **fields}


def answer_with(cloud: FakeCloud, rows: list[Any], requests: int, thousands: float) -> None:
    """Let the cloud answer with a list of services, and with a total."""
    total = {"total_request_count": requests, "total_token": thousands}
    cloud.on("list-service-statistics", Answer(200, {"items": rows}))
    cloud.on("show-statistics", Answer(200, total))


def test_the_list_is_asked_for_before_the_total(cloud: FakeCloud, run: Run, at: At) -> None:
    """With the same question, limit 99 and offset 0."""
    at(NOW)
    run(*BY_SERVICE, "--api-keys", "key-a", "--ips", "192.0.2.1")
    question = {
        "service_type": 2,
        "start_time": ms("2026-11-01T00:00:00+00:00"),
        "end_time": ms("2026-11-03T00:00:00+00:00") - 1,
        "timezone": "UTC",
        "infer_type": "real_time",
        "api_keys": ["key-a"],
        "ips": ["192.0.2.1"],
    }
    assert cloud.service_lists == [{**question, "limit": 99, "offset": 0}]
    assert cloud.statistics == [question]


def test_all_lists_are_asked_for_before_all_totals(cloud: FakeCloud, run: Run, at: At) -> None:
    """One for each service type."""
    at(NOW)
    run(*ALL_SERVICES)
    assert sorted(body["service_type"] for body in cloud.service_lists) == [1, 2, 4]
    assert sorted(body["service_type"] for body in cloud.statistics) == [1, 2, 4]
    operations = [request.path.rpartition("/")[2] for request in cloud.seen]
    assert operations == ["projects", *["list-service-statistics"] * 3, *["show-statistics"] * 3]


@pytest.mark.parametrize("form", ["items", "other names", "two lists", "text", "empty", "twice"])
def test_raw_shows_the_answers_of_both_calls_and_judges_neither(
    form: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """The lists first, then the totals, each with what was asked."""
    at(NOW)
    cloud.service_list_form = form
    cloud.events = calls("example", 1000, 20)
    entries = json.loads(run(*ALL_SERVICES, "--raw").out)
    asked = [(entry["request"]["service_type"], entry["request"].get("limit")) for entry in entries]
    assert asked == [(2, 99), (1, 99), (4, 99), (2, None), (1, None), (4, None)]
    assert "total" in entries[0]["response"]
    assert [entry["response"]["total_request_count"] for entry in entries[3:]] == [20, 0, 0]


# --- By service: forms of the list ---


@pytest.mark.parametrize("form", ["items", "other list"])
def test_services_are_the_items_or_the_only_list(
    form: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """A row for each, and the total."""
    at(NOW)
    cloud.service_list_form = form
    cloud.events = [*calls("example-small", 10, 3), *calls("example-large", 5000, failed=True)]
    document = run(*BY_SERVICE, *JSON).document
    assert [[row[name] for name in ("service", *FIGURES)] for row in document["rows"]] == [
        ["example-large", 5000, 2500, 7, 1, 1],
        ["example-small", 30, 15, 21, 3, 0],
    ]
    assert document["totals"]["total_tokens"] == 5030
    assert document["notes"] == []


def test_items_beside_another_list_are_the_services(cloud: FakeCloud, run: Run) -> None:
    """A list of another kind does not matter then."""
    cloud.on("list-service", Answer(200, {"links": [], "items": [listed()]}))
    rows = run("--by", "service", *JSON)
    assert rows.code == 0
    assert labels_and_tokens(rows.document["rows"], "service") == [("example", 1000)]


NOT_SERVICES: dict[str, tuple[Any, str]] = {
    "a list": ([listed()], "fields are: none"),
    "a text": ('"items"', "fields are: none"),
    "no list at the top": ({"total": 0, "data": {"items": []}}, "total, data"),
    "two lists": ({"services": [listed()], "models": [listed()]}, "services, models"),
    "items is no list": ({"items": {"a": listed()}}, "items"),
    "a row is no object": ({"items": [listed(), "example"]}, "service_name"),
    "a row is null": ({"items": [None]}, "service_name"),
    "the name is missing": ({"items": [{"request_count": 1}]}, "service_name"),
    "the name is a number": ({"items": [listed(service_name=7)]}, "service_name"),
    "the name is null": ({"items": [listed(service_name=None)]}, "service_name"),
    "tokens are negative": ({"items": [listed(total_token=-1)]}, "total_tokens"),
    "tokens are a text": ({"items": [listed(prompt_token="1.0")]}, "prompt_tokens"),
    "tokens are too many": ({"items": [listed(completion_token=10**18)]}, "completion_tokens"),
    "half a call": ({"items": [listed(request_count=0.5)]}, "total_requests"),
    "errors are a boolean": ({"items": [listed(error_count=True)]}, "total_errors"),
    "an error": ({"error_code": "TEST.1", "error_msg": "not open"}, "TEST.1 not open"),
    "HTML": ("<html></html>", "not JSON"),
}


@pytest.mark.parametrize(("content", "word"), NOT_SERVICES.values(), ids=NOT_SERVICES)
def test_other_forms_of_the_list_are_refused(
    content: Any, word: str, cloud: FakeCloud, run: Run
) -> None:
    """Exit code 4, no figures, and what is missing or came instead."""
    cloud.on("list-service-statistics", Answer(200, content))
    result = run("--by", "service", *JSON)
    assert result.code == 4
    assert result.out == ""
    assert result.error["kind"] == "service"
    assert result.error["retryable"] is False
    assert word in result.error["message"]


@pytest.mark.parametrize("field", list(listed()))
def test_each_field_of_a_service_is_needed(field: str, cloud: FakeCloud, run: Run) -> None:
    """A missing one may have another name, so it is no zero. The message has those that came."""
    incomplete = listed()
    del incomplete[field]
    cloud.on("list-service-statistics", Answer(200, {"items": [incomplete]}))
    result = run("--by", "service", *JSON)
    assert result.code == 4
    assert field in result.error["message"]
    assert "--raw" in result.error["hint"]


@pytest.mark.parametrize(("status", "code"), [(400, 4), (401, 3), (403, 3), (404, 4), (501, 5)])
def test_the_list_can_be_refused_like_any_call(
    status: int, code: int, cloud: FakeCloud, run: Run
) -> None:
    """Then the total is not asked for."""
    cloud.on("list-service-statistics", refusal(status, "TEST.1", "no"))
    result = run("--by", "service", *JSON)
    assert result.code == code
    assert result.error["http_status"] == status
    assert len(cloud.service_lists) == 1
    assert cloud.statistics == []


# --- By service: rows must fit the total ---


# Services; requests and thousands of tokens of the total; those of the services; whether they fit.
SUMS = [
    (1, 100_000, 95_000, 95_000.0, True),
    (1, 100_000, 94_999, 95_000.0, False),
    (1, 100_000, 95_000, 94_999.999, False),
    (1, 100_000, 101_000, 101_000.0, True),
    (1, 100_000, 101_001, 101_000.0, False),
    (1, 100_000, 101_000, 101_000.001, False),
    (1, 20, 10, 19.0, True),
    (1, 20, 9, 19.0, False),
    (1, 20, 10, 18.999, False),
    (2, 20, 30, 22.0, True),
    (2, 20, 31, 22.0, False),
    (2, 20, 30, 22.001, False),
    (2, 0, 10, 2.0, True),
    (2, 0, 11, 2.0, False),
]


@pytest.mark.parametrize(("services", "total", "requests", "thousands", "fits"), SUMS)
def test_services_must_fit_the_total(
    services: int,
    total: int,
    requests: int,
    thousands: float,
    fits: bool,
    cloud: FakeCloud,
    run: Run,
) -> None:
    """95 to 101 percent, or at most 10 requests and 1,000 tokens for each service apart."""
    rows = [listed("used", request_count=requests, total_token=thousands)]
    rows += [listed("unused", request_count=0, total_token=0)] * (services - 1)
    answer_with(cloud, rows, total, float(total))
    assert run("--by", "service", *JSON).code == (0 if fits else 4)


@pytest.mark.parametrize(
    ("fields", "sums"),
    [({"request_count": 900}, ["900", "1000"]), ({"total_token": 900.0}, ["900000", "1000000"])],
    ids=["requests", "tokens"],
)
def test_the_error_for_services_that_do_not_fit_has_both_sums(
    fields: dict[str, Any], sums: list[str], cloud: FakeCloud, run: Run
) -> None:
    """Theirs comes first. It names the type, and nothing is shown."""
    fitting = {"request_count": 1000, "total_token": 1000.0}
    answer_with(cloud, [listed(**{**fitting, **fields})], 1000, 1000.0)
    result = run("--by", "service", *JSON)
    assert result.code == 4
    assert result.out == ""
    assert re.findall(r"\d+", result.error["message"]) == sums
    assert "preset" in result.error["message"]
    assert "--raw" in result.error["hint"]


@pytest.mark.parametrize("form", ["first ten", "single tokens", "empty", "twice"])
def test_a_list_that_is_not_what_it_seems_is_refused(
    form: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Some services are missing, tokens are no thousands, or rows come twice."""
    at(NOW)
    cloud.service_list_form = form
    for number in range(12):
        cloud.events += calls(f"example-{number:02}", 2000, 10)
    assert run(*BY_SERVICE, *JSON).code == 4


def test_each_service_type_must_fit_by_itself(cloud: FakeCloud, run: Run, at: At) -> None:
    """A surplus of one type does not make up for what another lacks."""
    at(NOW)
    cloud.events = calls("example", 1000, 100) + calls("demo", 1000, 100, service_type=1)
    assert run(*ALL_SERVICES, *JSON).code == 0
    for service_type, count in ((2, 50), (1, 150)):
        cloud.on(
            "list-service",
            Answer(200, {"items": [listed(request_count=count, total_token=float(count))]}),
            when=lambda body, number=service_type: body["service_type"] == number,  # type: ignore[misc]
        )
    assert run(*ALL_SERVICES, *JSON).code == 4


def test_nothing_of_nothing_is_no_row(cloud: FakeCloud, run: Run) -> None:
    """Tables have the total, CSV has the header."""
    document = run("--by", "service", *JSON).document
    assert document["rows"] == []
    assert document["totals"]["total_tokens"] == 0
    csv = run("--by", "service", "--format", "csv").out
    assert csv == "start,end,service,service_type," + ",".join(FIGURES) + ",error_rate\n"
    assert run("--by", "service").out.split("\n\n")[1].splitlines()[1].startswith("total ")
    markdown = run("--by", "service", "--format", "markdown").out
    assert markdown.endswith("\n| **total** | **0** | **0** | **0** | **0** | **0** |  |\n")


# --- By service: rows ---


def test_what_the_list_leaves_is_the_last_row(cloud: FakeCloud, run: Run, at: At) -> None:
    """A list has 99 rows at most. Other figures than tokens and requests may differ more."""
    at(NOW)
    for number in range(102):
        cloud.events += calls(f"example-{number:03}", 500)
    cloud.on("show-statistics", lambda _: cloud.events.append(Event(NOON, failed=True)), times=1)
    result = run(*BY_SERVICE, *JSON)
    rows = result.document["rows"]
    assert len(rows) == 100
    assert labels_and_tokens(rows, "service")[98] == ("example-098", 500)
    rest = [rows[99][name] for name in ("service", "service_type", *FIGURES, "error_rate")]
    assert rest == ["(others)", None, 1500, 750, 21, 4, 1, 0.25]
    assert result.totals["total_requests"] == 103


def test_services_are_sorted_by_tokens_and_then_by_name(cloud: FakeCloud, run: Run) -> None:
    """Whatever the order of the answer; the rest comes last, however large."""
    sizes = {"small": 1.0, "b": 50.0, "failed": 0.0, "large": 900.0, "a": 50.0}
    rows = [listed(name, total_token=size) for name, size in sizes.items()]
    answer_with(cloud, rows, 5, 1003.0)
    shown = run("--by", "service", *JSON).document["rows"]
    assert labels_and_tokens(shown, "service") == [
        ("large", 900_000),
        ("a", 50_000),
        ("b", 50_000),
        ("small", 1000),
        ("failed", 0),
        ("(others)", 2000),
    ]


def test_rows_of_the_same_name_and_type_are_added_up(cloud: FakeCloud, run: Run) -> None:
    """Such as two versions of a service. Each row is rounded by itself, and null is zero."""
    rows = [
        listed("example", version_name="V1", total_token=0.7004),
        listed("other", request_count=2, error_count=1, total_token=0.8),
        listed("example", version_name="V2", total_token=0.3005, prompt_token=None),
    ]
    answer_with(cloud, rows, 4, 1.801)
    shown = run("--by", "service", *JSON).document["rows"]
    assert [[row[name] for name in ("service", *FIGURES)] for row in shown] == [
        ["example", 1001, 500, 1000, 2, 0],
        ["other", 800, 500, 500, 2, 1],
    ]


def test_a_name_in_three_types_has_three_rows(cloud: FakeCloud, run: Run) -> None:
    """Sorted by name and type. What one type has too much makes up for what another lacks."""
    for service_type, count in ((2, 103), (1, 97), (4, 100)):
        cloud.on(
            "list-service",
            Answer(200, {"items": [listed(request_count=count)]}),
            when=lambda body, number=service_type: body["service_type"] == number,  # type: ignore[misc]
        )
    cloud.on("show-statistics", Answer(200, {"total_request_count": 100, "total_token": 1.0}))
    rows = run("--by", "service", "--service-type", "all", *JSON).document["rows"]
    assert [(row["service"], row["service_type"], row["total_requests"]) for row in rows] == [
        ("example", "custom-endpoint", 100),
        ("example", "my-service", 97),
        ("example", "preset", 103),
    ]
