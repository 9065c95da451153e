"""Breakdowns: their rows, in which order they are asked for, and when they do not fit the total.

That each breakdown asks for the right calls and adds them up is in test_pairs.
"""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from cloud import Answer, Event, FakeCloud, Request, refusal, together
from conftest import At, Run, ms

NOW = "2026-11-03T10:15:30+00:00"  # a Tuesday
NOON = ms("2026-11-01T12:00:00+00:00")
DAYS = ("--from", "2026-11-01", "--to", "2026-11-02", "--timezone", "UTC")
JSON = ("--format", "json")
FIGURES = ["total_tokens", "prompt_tokens", "completion_tokens", "total_requests", "total_errors"]


def columns(rows: list[dict[str, Any]], *names: str) -> list[list[Any]]:
    """Return these fields of each row."""
    return [[row[name] for name in names] for row in rows]


def figures(**fields: Any) -> Answer:
    """Return an answer of ShowStatistics with these fields; the others are zero."""
    zeros = {
        "total_request_count": 0,
        "total_error_count": 0,
        "total_token": 0.0,
        "total_prompt_token": 0.0,
        "total_completion_token": 0.0,
    }
    return Answer(200, {**zeros, **fields})


# --- Rows by time ---

# For each day when clocks change: how many rows it has, and those around the change.
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
    "Caracas skips the rest of an hour": (
        "America/Caracas", "2016-05-01", 24, ["02:00-04:30", "03:00-04:00"],
    ),
    "Troll skips two hours": ("Antarctica/Troll", "2026-03-29", 22, ["00:00+00:00", "03:00+02:00"]),
}  # fmt: skip
if hasattr(time, "tzset"):  # zones without a name, which only POSIX systems have
    CLOCK_CHANGES["a rule repeats an hour"] = (
        "CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25", 25, ["02:00+02:00", "02:00+01:00"],
    )  # fmt: skip
    CLOCK_CHANGES["a rule with odd minutes"] = (
        "XXX-5:07", "2026-10-25", 24, ["01:00+05:07", "02:00+05:07"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "day", "count", "around"), CLOCK_CHANGES.values(), ids=CLOCK_CHANGES
)
def test_a_day_when_clocks_change_has_a_row_for_each_local_hour(
    zone: str, day: str, count: int, around: list[str], run: Run, at: At
) -> None:
    """A row ends at each full local hour, and at a change of the offset. There are no gaps."""
    at(f"{day[:8]}30T00:00:00+00:00")
    document = run("--from", day, "--to", day, "--by", "hour", *JSON, TZ=zone).document
    rows = document["rows"]
    assert len(rows) == count
    expected = [f"{day}T{hour[:5]}:00{hour[5:]}" for hour in around]  # with seconds
    assert " ".join(expected) in " ".join(row["hour"] for row in rows)
    assert [row["start"] for row in rows] == [row["hour"] for row in rows]
    edges = [row["start"] for row in rows] + [document["period"]["end"]]
    assert columns(rows, "start", "end") == [list(pair) for pair in zip(edges, edges[1:])]
    assert rows[0]["start"] == document["period"]["start"]
    assert {row["partial"] for row in rows} == {False}


# zone, breakdown, --from, label and start in UTC of each row, and now
LONG_ROWS: dict[str, tuple[str, str, str, dict[str, str], str]] = {
    "days of Berlin": (
        "Europe/Berlin", "day", "2026-10-24",
        {"2026-10-24": "2026-10-23T22:00", "2026-10-25": "2026-10-24T22:00",
         "2026-10-26": "2026-10-25T23:00"},
        "2026-10-26T23:00",
    ),
    "days of Cairo": (  # 2026-04-24 begins at 01:00
        "Africa/Cairo", "day", "2026-04-23",
        {"2026-04-23": "2026-04-22T22:00", "2026-04-24": "2026-04-23T22:00"},
        "2026-04-24T21:00",
    ),
    "weeks of Berlin": (
        "Europe/Berlin", "week", "2026-10-19",
        {"2026-10-19": "2026-10-18T22:00", "2026-10-26": "2026-10-25T23:00"},
        "2026-11-01T23:00",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("zone", "by", "first", "starts", "now"), LONG_ROWS.values(), ids=LONG_ROWS
)
def test_days_and_weeks_have_their_own_length(
    zone: str, by: str, first: str, starts: dict[str, str], now: str, run: Run, at: At
) -> None:
    """Where the clocks change, too. Each ends where the next begins."""
    at(f"{now}:00+00:00")
    rows = run("--from", first, "--by", by, "--timezone", zone, *JSON).document["rows"]
    assert [row[by] for row in rows] == list(starts)
    edges = [ms(f"{edge}:00+00:00") for edge in [*starts.values(), now]]
    assert [ms(row["start"]) for row in rows] == edges[:-1]
    assert [ms(row["end"]) for row in rows] == edges[1:]
    assert {row["partial"] for row in rows} == {False}


def test_a_day_is_over_though_the_clocks_show_its_date_again(run: Run, at: At) -> None:
    """At 00:01 on 2010-11-07 the clocks of St. John's went back to 23:01."""
    at("2010-11-07T03:15:00+00:00")
    argv = ("--period", "1h", "--by", "day", "--timezone", "America/St_Johns")
    rows = run(*argv, *JSON).document["rows"]
    assert columns(rows, "day", "start") == [
        ["2010-11-06", "2010-11-06T23:45:00-02:30"],
        ["2010-11-07", "2010-11-07T00:00:00-02:30"],
    ]
    at("2010-11-07T03:45:00+00:00")
    rows = run(*argv, *JSON).document["rows"]
    assert columns(rows, "day", "start") == [["2010-11-07", "2010-11-06T23:15:00-03:30"]]


def test_an_hour_begins_where_the_clocks_change(run: Run, at: At) -> None:
    """On Lord Howe Island, 01:30 follows 01:59: a period from there on cuts nothing."""
    at("2026-04-06T00:00:00+00:00")
    argv = ("--from=2026-04-05T01:30+10:30", "--to=2026-04-05T03:00+10:30", "--by=hour", *JSON)
    rows = run(*argv, "--timezone", "Australia/Lord_Howe").document["rows"]
    assert columns(rows, "hour", "partial") == [
        ["2026-04-05T01:30:00+10:30", False],
        ["2026-04-05T02:00:00+10:30", False],
    ]


def test_a_partial_day_keeps_its_label(run: Run, at: At) -> None:
    """30 days that end now are 31 rows. The first and the last one are partial."""
    at(NOW)
    rows = run("--period", "30d", "--by", "day", "--timezone", "Asia/Shanghai", *JSON).document[
        "rows"
    ]
    assert len(rows) == 31
    names = ("day", "weekday", "start", "end")
    assert columns([row for row in rows if row["partial"]], *names) == [
        ["2026-10-04", "Sun", "2026-10-04T18:15:30+08:00", "2026-10-05T00:00:00+08:00"],
        ["2026-11-03", "Tue", "2026-11-03T00:00:00+08:00", "2026-11-03T18:15:30+08:00"],
    ]


def test_a_week_is_named_by_its_monday(run: Run, at: At) -> None:
    """Also where the Monday lies outside of the period."""
    at(NOW)
    rows = run("--period", "14d", "--by", "week", "--timezone", "UTC", *JSON).document["rows"]
    assert columns(rows, "week", "start", "partial") == [
        ["2026-10-19", "2026-10-20T10:15:30+00:00", True],
        ["2026-10-26", "2026-10-26T00:00:00+00:00", False],
        ["2026-11-02", "2026-11-02T00:00:00+00:00", True],
    ]


def test_a_partial_hour_is_named_by_its_start(run: Run, at: At) -> None:
    """An hour that ends within an hour is two rows, or one at the full hour."""
    at("2026-11-03T10:07:30+00:00")
    rows = run("--period", "1h", "--by", "hour", *JSON).document["rows"]
    assert columns(rows, "hour", "partial") == [
        ["2026-11-03T09:07:30+00:00", True],
        ["2026-11-03T10:00:00+00:00", True],
    ]
    at("2026-11-03T10:00:00+00:00")
    rows = run("--period", "1h", "--by", "hour", *JSON).document["rows"]
    assert columns(rows, "hour", "partial") == [["2026-11-03T09:00:00+00:00", False]]


# --- The order of requests ---


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


def test_all_lists_are_asked_for_before_all_totals(cloud: FakeCloud, run: Run) -> None:
    """Calls in between are then in the total, and only there."""
    run("--by", "service", "--service-type", "all")
    operations = [request.path.rpartition("/")[2] for request in cloud.seen]
    assert operations == ["projects", *["list-service-statistics"] * 3, *["show-statistics"] * 3]


# --- Rows by API key and address ---


@pytest.mark.parametrize(
    "argv",
    [["--by", "api-key", "--api-keys", "key-a"], ["--by", "ip", "--ips", "192.0.2.1"]],
    ids=["api-key", "ip"],
)
def test_what_selects_rows_is_not_called_a_filter(argv: list[str], run: Run, at: At) -> None:
    """The total below has all calls."""
    for output in ("table", "markdown"):
        out = run(*argv, "--format", output).out
        assert "API keys" not in out
        assert "addresses" not in out
        assert out.count(argv[-1]) == 1


def test_others_are_never_below_zero(cloud: FakeCloud, run: Run) -> None:
    """Figure by figure: where the total has fewer, other figures are still what is left."""
    row = figures(total_token=5.0, total_prompt_token=2.0, total_request_count=7)
    cloud.on("show-statistics", row, when=lambda body: "api_keys" in body)
    total = figures(total_token=4.0, total_prompt_token=2.5, total_request_count=9)
    cloud.on("show-statistics", total)
    result = run("--by", "api-key", "--api-keys", "key-a", *JSON)
    assert columns(result.document["rows"][1:], *FIGURES) == [[0, 500, 0, 2, 0]]
    assert result.totals["total_tokens"] == 4000


def test_others_are_summed_over_the_service_types(cloud: FakeCloud, run: Run) -> None:
    """A call that one type has too much makes up for one that another lacks."""
    calls_of_the_address = {2: 5, 1: 3, 4: 4}  # by service type; each has 4 calls in all

    def count_calls(request: Request) -> Answer:
        count = calls_of_the_address[request.body["service_type"]] if "ips" in request.body else 4
        return figures(total_request_count=count)

    cloud.on("show-statistics", count_calls)
    result = run("--by", "ip", "--ips", "192.0.2.1", "--service-type", "all", *JSON)
    assert columns(result.document["rows"], "total_requests") == [[12]]
    assert result.totals["total_requests"] == 12


@pytest.mark.parametrize(
    ("total", "rows", "code"),
    [(0, 2, 0), (0, 3, 4), (100, 102, 0), (100, 103, 4), (300, 303, 0), (300, 304, 4)],
)
def test_rows_have_at_most_one_percent_or_two_requests_more_than_the_total(
    total: int, rows: int, code: int, cloud: FakeCloud, run: Run
) -> None:
    """All rows together."""
    counts = {"192.0.2.1": rows - 1, "192.0.2.2": 1}
    for ip, count in counts.items():
        answer = figures(total_request_count=count)
        cloud.on("show-statistics", answer, when=lambda body, ip=ip: body.get("ips") == [ip])  # type: ignore[misc]
    cloud.on("show-statistics", figures(total_request_count=total))
    assert run("--by", "ip", "--ips", *counts).code == code


def test_a_service_that_ignores_filters_is_noticed(cloud: FakeCloud, run: Run, at: At) -> None:
    """Each row would have all calls."""
    at(NOW)
    cloud.events = [Event(NOON, 1000)] * 3
    cloud.ignores_filters = True
    result = run(*DAYS, "--by", "api-key", "--api-keys", "key-a", "key-b")
    assert result.code == 4
    assert "6 requests" in result.message


def test_rows_without_usage_are_noted(cloud: FakeCloud, run: Run, at: At) -> None:
    """Those with calls are not named; failed calls are calls. Without any, one note says so."""
    at(NOW)
    cloud.events = [Event(NOON, api_key="busy", failed=True)]
    argv = (*DAYS, "--service-type", "preset", "--by", "api-key", "--api-keys")
    (note,) = run(*argv, "busy", "idle", "mistyped", *JSON).notes
    assert "API keys idle, mistyped." in note
    assert run(*argv, "busy", *JSON).notes == []
    cloud.events = []
    assert len(run(*argv, "idle", *JSON).notes) == 1


# --- Labels, titles and shares ---


def test_api_keys_that_are_shown_alike_have_a_number(cloud: FakeCloud, run: Run, at: At) -> None:
    """Long ones are shortened, in labels and in titles."""
    at(NOW)
    long_keys = [f"abcd{number}{'0' * 30}wxyz" for number in (1, 2, 3)]
    cloud.events = [Event(NOON, 1, api_key=long_keys[1])]
    argv = (*DAYS, "--by", "api-key", "--api-keys", *long_keys)
    rows = run(*argv, *JSON).document["rows"]
    assert columns(rows, "api_key", "total_tokens") == [
        ["abcd...wxyz", 0],
        ["abcd...wxyz (2)", 1],
        ["abcd...wxyz (3)", 0],
    ]
    assert "\nabcd...wxyz (2)  " in run(*argv).out


def test_an_hour_that_the_clocks_repeat_has_a_number(run: Run, at: At) -> None:
    """For people. In JSON, its offset tells it from the other."""
    at(NOW)
    argv = ("--from=2026-10-25T02:00+02:00", "--to=2026-10-25T03:00+01:00", "--by=hour")
    lines = run(*argv, TZ="Europe/Berlin").out.splitlines()
    titles = [line[:25].rstrip() for line in lines if line.startswith("2026")]
    assert titles == ["2026-10-25, Sun 02:00", "2026-10-25, Sun 02:00 (2)"]


def test_a_service_that_is_called_others_is_told_from_the_rest(cloud: FakeCloud, run: Run) -> None:
    """By a number in tables. In JSON, it has a type."""
    answer_with(cloud, [listed("(others)")], requests=2, thousands=2.0)
    rows = run("--by", "service", *JSON).document["rows"]
    assert columns(rows, "service", "service_type") == [["(others)", "preset"], ["(others)", None]]
    assert "\n(others) (2)  " in run("--by", "service").out


def test_shares_are_computed_from_whole_tokens(cloud: FakeCloud, run: Run, at: At) -> None:
    """0.06746 is 0.0675 for programs and 6.7% for people; 6.8% would be rounded twice."""
    at(NOW)
    cloud.events = [Event(NOON, 6_746, api_key="small"), Event(NOON, 93_254, api_key="large")]
    argv = (*DAYS, "--by", "api-key", "--api-keys", "small", "large", "unused")
    document = run(*argv, *JSON).document
    assert columns(document["rows"], "share") == [[0.0675], [0.9325], [0.0]]
    assert "share" not in document["totals"]
    words = [line.split() for line in run(*argv).out.splitlines()]
    assert [line[2] for line in words if line[:1] in (["small"], ["large"], ["unused"])] == [
        "6.7%",
        "93.3%",
        "0.0%",
    ]
    assert ["total", "100,000", "100.0%", "2", "0", "0.00%"] in words


def test_without_tokens_there_are_no_shares(cloud: FakeCloud, run: Run, at: At) -> None:
    """Null, and nothing in a table."""
    at(NOW)
    cloud.events = [Event(NOON, api_key="key-a")]
    argv = (*DAYS, "--by", "api-key", "--api-keys", "key-a")
    assert columns(run(*argv, *JSON).document["rows"], "share") == [[None]]
    out = run(*argv).out
    assert "share" in out
    assert "100.0%" not in out


# --- By service: forms of the list ---


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


def answer_with(cloud: FakeCloud, rows: Any, requests: int, thousands: float) -> None:
    """Let the cloud answer with a list of services, and with a total."""
    cloud.on("list-service-statistics", Answer(200, {"items": rows}))
    cloud.on("show-statistics", figures(total_request_count=requests, total_token=thousands))


def test_services_are_the_items_or_the_only_list(cloud: FakeCloud, run: Run, at: At) -> None:
    """A row for each, with all its figures."""
    at(NOW)
    small, large = "example-small", "example-large"
    cloud.events = [Event(NOON, 10, 5, 7, service_name=small)] * 3
    cloud.events += [Event(NOON, 5000, 2500, 7, failed=True, service_name=large)]
    for form in ("items", "other list"):
        cloud.service_list_form = form
        document = run(*DAYS, "--by", "service", *JSON).document
        assert columns(document["rows"], "service", "service_type", *FIGURES) == [
            [large, "preset", 5000, 2500, 7, 1, 1],
            [small, "preset", 30, 15, 21, 3, 0],
        ]


def test_items_beside_another_list_are_the_services(cloud: FakeCloud, run: Run) -> None:
    """A list of another kind does not matter then. Error codes that say no error do not, either."""
    content = {"links": [], "items": [listed()], "error_code": "0"}
    cloud.on("list-service", Answer(200, content))
    rows = run("--by", "service", *JSON).document["rows"]
    assert columns(rows, "service", "total_tokens") == [["example", 1000]]


@pytest.mark.parametrize("items", [[], None], ids=["empty", "null"])
def test_a_list_without_services_has_no_rows(items: Any, cloud: FakeCloud, run: Run) -> None:
    """That fits a total of nothing."""
    answer_with(cloud, items, requests=0, thousands=0)
    assert run("--by", "service", *JSON).document["rows"] == []


NOT_SERVICES: dict[str, tuple[Any, str]] = {
    "a list": ([listed()], "0 lists"),
    "no list at the top": ({"total": 0, "data": {"items": []}}, "total, data"),
    "two lists": ({"services": [listed()], "models": [listed()]}, "services, models"),
    "items is no list": ({"items": {"a": listed()}}, "items"),
    "a row is no object": ({"items": [listed(), "example"]}, "service_name"),
    "the name is null": ({"items": [listed(service_name=None)]}, "service_name"),
    "tokens are a text": ({"items": [listed(prompt_token="1.0")]}, "prompt_tokens"),
    "half a call": ({"items": [listed(request_count=0.5)]}, "total_requests"),
    "an error": ({"items": [listed()], "error_code": "TEST.1", "error_msg": "no"}, "it says: no"),
}
for needed in listed():  # one that is missing may have another name, so it is no zero
    others = {name: value for name, value in listed().items() if name != needed}
    NOT_SERVICES[f"no {needed}"] = ({"items": [others]}, needed)


@pytest.mark.parametrize(("content", "word"), NOT_SERVICES.values(), ids=NOT_SERVICES)
def test_other_forms_of_the_list_are_refused(
    content: Any, word: str, cloud: FakeCloud, run: Run
) -> None:
    """The message says what is missing or came instead, and the hint how to see the answer."""
    cloud.on("list-service-statistics", Answer(200, content))
    result = run("--by", "service")
    assert result.code == 4
    assert word in result.message
    assert "--raw" in result.hint


@pytest.mark.parametrize(
    ("status", "code", "is_experimental"),
    [(404, 4, True), (401, 3, False), (403, 3, False)],
)
def test_the_list_can_be_refused_like_any_call(
    status: int, code: int, is_experimental: bool, cloud: FakeCloud, run: Run
) -> None:
    """Then the total is not asked for. What may be due to the experiment has a hint of its own."""
    cloud.on("list-service-statistics", refusal(status, "TEST.1", "no"))
    result = run("--by", "service")
    assert result.code == code
    assert ("--by service-type" in result.hint) is is_experimental
    assert len(cloud.service_lists) == 1
    assert cloud.statistics == []


def test_raw_shows_the_answers_of_both_calls_and_judges_neither(
    cloud: FakeCloud, run: Run, at: At
) -> None:
    """The lists first, then the totals, each with what was asked."""
    at(NOW)
    cloud.service_list_form = "text"
    cloud.events = [Event(NOON, 1000)] * 20
    argv = (*DAYS, "--service-type", "all", "--by", "service", "--raw")
    entries = json.loads(run(*argv).out)
    asked = [(entry["request"]["service_type"], entry["request"].get("limit")) for entry in entries]
    assert asked == [(2, 99), (1, 99), (4, 99), (2, None), (1, None), (4, None)]
    assert entries[0]["response"]["items"][0]["request_count"] == "20"
    assert [entry["response"]["total_request_count"] for entry in entries[3:]] == [20, 0, 0]


# --- By service: rows must fit the total ---

# Services; requests and thousands of tokens of the total; those of the services; whether they fit.
SUMS = [
    (1, 1000, 100.0, 940, 94.0, True),
    (1, 1000, 100.0, 939, 94.0, False),
    (1, 1000, 100.0, 940, 93.999, False),
    (1, 1000, 100.0, 1060, 106.0, True),
    (1, 1000, 100.0, 1061, 106.0, False),
    (1, 1000, 100.0, 1060, 106.001, False),
    (2, 1000, 100.0, 1060, 107.0, True),
    (2, 1000, 100.0, 1060, 107.001, False),
    (0, 10, 0.0, 0, 0.0, True),
    (0, 11, 0.0, 0, 0.0, False),
    (0, 0, 0.001, 0, 0.0, False),
]


@pytest.mark.parametrize(("services", "total", "total_tokens", "requests", "tokens", "fits"), SUMS)
def test_services_must_fit_the_total(
    services: int,
    total: int,
    total_tokens: float,
    requests: int,
    tokens: float,
    fits: bool,
    cloud: FakeCloud,
    run: Run,
) -> None:
    """By 5 % of it, and by 10 requests in all and 1,000 tokens for each service."""
    rows = [
        listed("used", request_count=requests, total_token=tokens),
        listed("unused", request_count=0, total_token=0),
    ]
    answer_with(cloud, rows[:services], total, total_tokens)
    result = run("--by", "service")
    assert result.code == (0 if fits else 4)
    assert fits or "preset" in result.message


@pytest.mark.parametrize("form", ["first ten", "single tokens", "empty", "twice"])
def test_a_list_that_is_not_what_it_seems_is_refused(
    form: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Some services are missing, tokens are no thousands, or rows come twice."""
    at(NOW)
    cloud.service_list_form = form
    for number in range(12):
        cloud.events += [Event(NOON, 2000, service_name=f"example-{number:02}")] * 10
    assert run(*DAYS, "--by", "service").code == 4


def test_each_service_type_must_fit_by_itself(cloud: FakeCloud, run: Run) -> None:
    """A surplus of one type does not make up for what another lacks."""
    for service_type, count in ((2, 50), (1, 150), (4, 100)):
        cloud.on(
            "list-service",
            Answer(200, {"items": [listed(request_count=count, total_token=count)]}),
            when=lambda body, number=service_type: body["service_type"] == number,  # type: ignore[misc]
        )
    cloud.on("show-statistics", figures(total_request_count=100, total_token=100.0))
    assert run("--by", "service", "--service-type", "custom-endpoint").code == 0
    assert run("--by", "service", "--service-type", "all").code == 4


def test_what_the_list_leaves_is_the_last_row(cloud: FakeCloud, run: Run, at: At) -> None:
    """A list has 99 rows at most. Other figures than tokens and requests may differ more."""
    at(NOW)
    for number in range(102):
        cloud.events.append(Event(NOON, 500, 250, 7, service_name=f"example-{number:03}"))
    cloud.on("show-statistics", lambda _: cloud.events.append(Event(NOON, failed=True)), times=1)
    document = run(*DAYS, "--by", "service", *JSON).document
    assert columns(document["rows"][98:], "service", "service_type", *FIGURES) == [
        ["example-098", "preset", 500, 250, 7, 1, 0],
        ["(others)", None, 1500, 750, 21, 4, 1],
    ]
    assert document["totals"]["total_requests"] == 103


# --- By service: order and sums of rows ---


def test_services_are_sorted_by_tokens_and_then_by_name(cloud: FakeCloud, run: Run) -> None:
    """Whatever the order of the answer; the rest comes last, however large."""
    sizes = {"small": 1.0, "b": 50.0, "failed": 0.0, "large": 900.0, "a": 50.0}
    rows = [listed(name, total_token=size) for name, size in sizes.items()]
    answer_with(cloud, rows, requests=5, thousands=1003.0)
    shown = run("--by", "service", *JSON).document["rows"]
    assert columns(shown, "service", "total_tokens") == [
        ["large", 900_000],
        ["a", 50_000],
        ["b", 50_000],
        ["small", 1000],
        ["failed", 0],
        ["(others)", 2000],
    ]


def test_services_of_several_types_are_sorted_by_name_alone(cloud: FakeCloud, run: Run) -> None:
    """A table has the type behind the name, which must not change the order."""
    answer_with(cloud, [listed("demo chat"), listed("demo")], requests=2, thousands=2.0)
    rows = run("--by", "service", "--service-type", "all", *JSON).document["rows"]
    assert [row["service"] for row in rows] == ["demo"] * 3 + ["demo chat"] * 3


def test_rows_of_the_same_name_and_type_are_added_up(cloud: FakeCloud, run: Run) -> None:
    """Such as two versions of a service. Each row is rounded by itself, and null is zero."""
    rows = [
        listed("example", version_name="V1", total_token=0.7004),
        listed("other", request_count=2, error_count=1, total_token=0.8),
        listed("example", version_name="V2", total_token=0.3005, prompt_token=None),
    ]
    answer_with(cloud, rows, requests=4, thousands=1.801)
    shown = run("--by", "service", *JSON).document["rows"]
    assert columns(shown, "service", *FIGURES) == [
        ["example", 1001, 500, 1000, 2, 0],
        ["other", 800, 500, 500, 2, 1],
    ]
