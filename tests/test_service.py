"""--by service: rows of an undocumented call, shown only where they fit the documented totals."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from cloud import NO_SUCH_CALL, Answer, Event, FakeCloud, refusal
from conftest import At, Run, ms

NOW = "2026-05-22T08:00:00+00:00"
NOON = ms("2026-05-20T12:00:00+00:00")
DAYS = ("--from", "2026-05-20", "--to", "2026-05-20", "--timezone", "UTC")
BY_SERVICE = (*DAYS, "--service-type", "preset", "--by", "service")
JSON = ("--format", "json")
ALL_TYPES = (*DAYS, "--service-type", "all", "--by", "service")
FIGURES = ["total_tokens", "prompt_tokens", "completion_tokens", "total_requests", "total_errors"]


def calls(name: str, tokens: int, count: int = 1, **fields: Any) -> list[Event]:
    """Return calls of a service with so many tokens each."""
    return [Event(NOON, tokens, tokens // 2, 7, service_name=name, **fields)] * count


# Twelve services, so that a list of the first ten is not complete.
TWELVE = [
    event
    for number in range(12)
    for event in calls(f"example-{number:02}", 1000 * (12 - number), count=10)
]


def names_and_tokens(rows: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return the names and tokens of rows."""
    return [(row["service"], row["total_tokens"]) for row in rows]


def row(name: str = "example", **fields: Any) -> dict[str, Any]:
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


def answer_with(cloud: FakeCloud, rows: list[Any], total: dict[str, Any]) -> None:
    """Let the cloud answer both calls with these figures."""
    cloud.on("list-service-statistics", Answer(200, {"items": rows}))
    cloud.on("show-statistics", Answer(200, total))


# --- What is asked ---


def test_the_list_is_asked_for_before_the_total(cloud: FakeCloud, run: Run, at: At) -> None:
    """With the same question, limit 99 and offset 0."""
    at(NOW)
    run(*BY_SERVICE, "--api-keys", "key-a", "--ips", "192.0.2.1")
    question = {
        "service_type": 2,
        "start_time": ms("2026-05-20T00:00:00+00:00"),
        "end_time": ms("2026-05-21T00:00:00+00:00") - 1,
        "timezone": "UTC",
        "infer_type": "real_time",
        "api_keys": ["key-a"],
        "ips": ["192.0.2.1"],
    }
    assert cloud.service_lists == [{**question, "limit": 99, "offset": 0}]
    assert cloud.statistics == [question]
    paths = [request.path.rpartition("/")[2] for request in cloud.seen]
    assert paths == ["projects", "list-service-statistics", "show-statistics"]


def test_each_service_type_is_asked_for_once(cloud: FakeCloud, run: Run, at: At) -> None:
    """All lists come before all totals."""
    at(NOW)
    run(*ALL_TYPES)
    assert [body["service_type"] for body in cloud.service_lists] == [2, 1, 4]
    assert sorted(body["service_type"] for body in cloud.statistics) == [1, 2, 4]
    paths = [request.path.rpartition("/")[2] for request in cloud.seen]
    assert paths == ["projects", *["list-service-statistics"] * 3, *["show-statistics"] * 3]


def test_batch_is_refused_before_anything_is_sent(cloud: FakeCloud, run: Run) -> None:
    """The list has no figures of batch inference."""
    result = run("--by", "service", "--infer-type", "batch", *JSON)
    assert result.code == 2
    assert "--by service" in result.error["message"]
    assert "batch" in result.error["message"]
    assert cloud.connections == []


# --- The forms that the answer might have ---


@pytest.mark.parametrize("form", ["items", "other list"])
def test_a_list_that_fits_is_shown(form: str, cloud: FakeCloud, run: Run, at: At) -> None:
    """Under items, or under the only list at the top level."""
    at(NOW)
    cloud.service_list_form = form
    cloud.events = [*calls("example-small", 10, 3), *calls("example-large", 5000, failed=True)]
    result = run(*BY_SERVICE, *JSON)
    document = result.document
    assert document["by"] == "service"
    assert document["rows"] == [
        {
            "service": "example-large",
            "total_tokens": 5000,
            "prompt_tokens": 2500,
            "completion_tokens": 7,
            "total_requests": 1,
            "total_errors": 1,
            "error_rate": 1.0,
        },
        {
            "service": "example-small",
            "total_tokens": 30,
            "prompt_tokens": 15,
            "completion_tokens": 21,
            "total_requests": 3,
            "total_errors": 0,
            "error_rate": 0.0,
        },
    ]
    assert document["totals"]["total_tokens"] == 5030
    assert document["totals"]["total_errors"] == 1
    assert result.notes == []


def test_items_beside_other_lists_are_the_rows(cloud: FakeCloud, run: Run) -> None:
    """A list of another kind does not matter then."""
    cloud.on("list-service", Answer(200, {"links": [], "items": [row()]}))
    cloud.on("show-statistics", Answer(200, {"total_token": 1.0, "total_request_count": 1,
        "total_prompt_token": 0.5, "total_completion_token": 0.5}))  # fmt: skip
    assert names_and_tokens(run("--by", "service", *JSON).document["rows"]) == [("example", 1000)]


@pytest.mark.parametrize("form", ["items", "other list"])
def test_more_services_than_one_answer_holds(form: str, cloud: FakeCloud, run: Run, at: At) -> None:
    """What the first 99 leave of the total is a row of its own, if it is little."""
    at(NOW)
    cloud.service_list_form = form
    cloud.events = [event for number in range(102) for event in calls(f"example-{number:03}", 500)]
    result = run(*BY_SERVICE, *JSON)
    rows = result.document["rows"]
    assert len(rows) == 100
    assert names_and_tokens(rows)[0] == ("example-000", 500)
    assert names_and_tokens(rows)[-2:] == [("example-098", 500), ("(not listed)", 1500)]
    for figure in FIGURES:
        assert sum(each[figure] for each in rows) == result.totals[figure]


def test_far_more_services_than_one_answer_holds(cloud: FakeCloud, run: Run, at: At) -> None:
    """Refused: who is missing might have used most."""
    at(NOW)
    cloud.events = [event for number in range(120) for event in calls(f"example-{number:03}", 500)]
    result = run(*BY_SERVICE, *JSON)
    assert result.code == 4
    assert re.search(r"\b99\b.*\b120\b|\b49500\b.*\b60000\b", result.error["message"])


# What must stand in the message: both sums, the fields that came, or the service's own words.
REFUSED: dict[str, list[str]] = {
    "first ten": ["100", "120"],
    "single tokens": ["780000000", "780000", "tokens"],
    "other names": ["service_name", "name, calls, failures, tokens, input_tokens, output_tokens"],
    "two lists": ["total, services, models"],
    "text": ["not a valid figure"],
    "empty": [" 0 ", "780000"],
    "twice": ["1560000", "780000", "tokens"],
    "refused": ["HTTP 400", "the request is not valid"],
    "no such call": ["HTTP 404", "The API does not exist"],
    "html": ["not JSON"],
}


@pytest.mark.parametrize(("form", "words"), REFUSED.items(), ids=REFUSED)
def test_a_list_that_does_not_fit_is_refused(
    form: str, words: list[str], cloud: FakeCloud, run: Run, at: At
) -> None:
    """Exit code 4, no figures, what came instead, and how to see it."""
    at(NOW)
    cloud.service_list_form = form
    cloud.events = list(TWELVE)
    result = run(*BY_SERVICE, *JSON)
    assert result.code == 4
    assert result.out == ""
    assert result.error["message"].startswith("list-service-statistics: ")
    for word in words:
        assert word in result.error["message"]
    assert "--raw" in result.error["hint"]
    assert "experimental" in result.error["hint"]
    assert result.error["retryable"] is False


NOT_ROWS: dict[str, tuple[Any, list[str]]] = {
    "a list": ([row()], ["the answer has 0 lists; its fields are: none"]),
    "a text": ('"items"', ["the answer has 0 lists; its fields are: none"]),
    "no list": ({"total": 0, "data": {"items": []}}, ["total, data"]),
    "items is no list": ({"items": {"a": row()}}, ["items"]),
    "a row is no object": ({"items": [row(), "example"]}, []),
    "a row is null": ({"items": [None]}, []),
    "the name is missing": (
        {"items": [{"request_count": 1, "cost": 1}]}, ["service_name", "request_count, cost"]
    ),
    "the name is a number": ({"items": [row(service_name=7)]}, ["service_name"]),
    "the name is null": ({"items": [row(service_name=None)]}, ["service_name"]),
    "tokens are negative": ({"items": [row(total_token=-1)]}, ["total_token"]),
    "half a call": ({"items": [row(request_count=0.5)]}, ["request_count"]),
    "errors are a boolean": ({"items": [row(error_count=True)]}, ["error_count"]),
    "an error in a good status": (
        {"error_code": "TEST.0001", "error_msg": "not open for this account"},
        ["TEST.0001", "not open for this account"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("content", "words"), NOT_ROWS.values(), ids=NOT_ROWS)
def test_what_are_no_rows_is_refused(
    content: Any, words: list[str], cloud: FakeCloud, run: Run
) -> None:
    """The message names fields, never their values."""
    cloud.on("list-service-statistics", Answer(200, content))
    result = run("--by", "service", *JSON)
    assert result.code == 4
    assert result.out == ""
    for word in words:
        assert word in result.error["message"]
    assert "--raw" in result.error["hint"]


@pytest.mark.parametrize("field", list(row()))
def test_every_field_is_needed(field: str, cloud: FakeCloud, run: Run) -> None:
    """What is missing is not taken for zero here: it may have another name."""
    incomplete = row()
    del incomplete[field]
    cloud.on("list-service-statistics", Answer(200, {"items": [incomplete]}))
    result = run("--by", "service", *JSON)
    assert result.code == 4
    assert field in result.error["message"].partition(";")[0]
    others = ", ".join(incomplete)
    assert others in result.error["message"]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (refusal(401, "APIGW.0301", "verify aksk signature fail"), 3),
        (refusal(403, "TEST.0403", "no permission"), 3),
        (NO_SUCH_CALL, 4),
        (refusal(501, "TEST.0501", "not here"), 5),
    ],
    ids=["401", "403", "404", "501"],
)
def test_the_list_can_be_refused_like_any_call(
    answer: Answer, code: int, cloud: FakeCloud, run: Run
) -> None:
    """Then the total is not asked for."""
    cloud.on("list-service-statistics", answer)
    result = run("--by", "service", *JSON)
    assert result.code == code
    assert result.error["http_status"] == answer.status
    assert len(cloud.service_lists) == 1
    assert cloud.statistics == []


# --- Rows and totals ---

TOTAL = {
    "total_request_count": 100,
    "total_error_count": 20,
    "total_token": 100.0,
    "total_prompt_token": 60.0,
    "total_completion_token": 40.0,
}
LISTED: dict[str, Any] = {
    "request_count": 95,
    "error_count": 0,
    "total_token": 95.0,
    "prompt_token": 0,
    "completion_token": 0,
}


def test_95_percent_of_requests_and_tokens_are_enough(cloud: FakeCloud, run: Run) -> None:
    """The rest is a row, for all figures. Only these two must be covered."""
    answer_with(cloud, [row(**LISTED)], TOTAL)
    result = run("--by", "service", *JSON)
    assert result.document["rows"][1] == {
        "service": "(not listed)",
        "total_tokens": 5000,
        "prompt_tokens": 60_000,
        "completion_tokens": 40_000,
        "total_requests": 5,
        "total_errors": 20,
        "error_rate": 4.0,
    }
    assert result.totals["total_tokens"] == 100_000


@pytest.mark.parametrize(
    ("field", "value", "sums"),
    [
        ("request_count", 94, ["94", "100"]),
        ("total_token", 94.999, ["94999", "100000"]),
        ("request_count", 101, ["101", "100"]),
        ("error_count", 21, ["21", "20"]),
        ("total_token", 100.001, ["100001", "100000"]),
        ("prompt_token", 60.001, ["60001", "60000"]),
        ("completion_token", 40.001, ["40001", "40000"]),
    ],
    ids=[
        "a request short", "a token short",
        "a request over", "an error over", "a token over", "a prompt token over",
        "a completion token over",
    ],
)  # fmt: skip
def test_sums_that_do_not_fit_are_refused(
    field: str, value: float, sums: list[str], cloud: FakeCloud, run: Run
) -> None:
    """By a single token or call; the message has both sums."""
    answer_with(cloud, [row(**{**LISTED, field: value})], TOTAL)
    result = run("--by", "service", *JSON)
    assert result.code == 4
    assert result.out == ""
    assert re.findall(r"\d+", result.error["message"]) == sums
    assert "preset" in result.error["message"]
    assert "--raw" in result.error["hint"]


def test_each_service_type_must_fit_by_itself(cloud: FakeCloud, run: Run, at: At) -> None:
    """A surplus of one type does not make up for what another lacks."""
    at(NOW)
    cloud.events = calls("example", 1000, 10) + calls("demo", 1000, 10, service_type=1)
    for service_type, count in ((2, 5), (1, 15)):
        cloud.on(
            "list-service",
            Answer(200, {"items": [row(request_count=count, total_token=float(count))]}),
            when=lambda body, number=service_type: body["service_type"] == number,  # type: ignore[misc]
        )
    assert run(*ALL_TYPES).code == 4


def test_without_usage_there_are_no_rows(cloud: FakeCloud, run: Run) -> None:
    """An empty list fits a total of zero, in every format."""
    document = run("--by", "service", *JSON).document
    assert document["rows"] == []
    assert document["totals"]["total_tokens"] == 0
    assert "No usage" in run("--by", "service").out
    lines = run("--by", "service", "--format", "csv").out.splitlines()
    assert lines == ["start,end,service," + ",".join(FIGURES) + ",error_rate"]
    assert "| **total** | **0** |" in run("--by", "service", "--format", "markdown").out


def test_a_call_between_the_two_requests_is_not_listed(cloud: FakeCloud, run: Run, at: At) -> None:
    """The total is asked for last, so it can only be larger."""
    at(NOW)
    cloud.events = list(TWELVE)
    late = Event(NOON, 123, 100, 23, service_name="example-late")
    cloud.on("show-statistics", lambda _: cloud.events.append(late), times=1)
    result = run(*BY_SERVICE, *JSON)
    assert result.document["rows"][-1] == {
        "service": "(not listed)",
        "total_tokens": 123,
        "prompt_tokens": 100,
        "completion_tokens": 23,
        "total_requests": 1,
        "total_errors": 0,
        "error_rate": 0.0,
    }
    assert result.totals["total_tokens"] == 780_123


def test_rows_are_sorted_by_tokens_and_then_by_name(cloud: FakeCloud, run: Run) -> None:
    """Whatever the order of the answer; what is not listed comes last, however large."""
    sizes = {"small": 1.0, "b": 50.0, "failed": 0.0, "large": 900.0, "a": 50.0}
    rows = [row(name, total_token=size, request_count=20) for name, size in sizes.items()]
    total = {"total_token": 1031.0, "total_request_count": 103}
    total.update({"total_prompt_token": 2.5, "total_completion_token": 2.5})
    answer_with(cloud, rows, total)
    shown = run("--by", "service", *JSON).document["rows"]
    assert names_and_tokens(shown) == [
        ("large", 900_000),
        ("a", 50_000),
        ("b", 50_000),
        ("small", 1000),
        ("failed", 0),
        ("(not listed)", 30_000),
    ]


def test_rows_of_the_same_name_are_added_up(cloud: FakeCloud, run: Run) -> None:
    """Such as two versions of a service."""
    rows = [
        row("example", version_name="V1", total_token=0.7),
        row("other", request_count=2, error_count=1, total_token=0.8),
        row("example", version_name="V2", total_token=0.301),
    ]
    total = {
        "total_request_count": 4,
        "total_error_count": 1,
        "total_token": 1.801,
        "total_prompt_token": 1.5,
        "total_completion_token": 1.5,
    }
    answer_with(cloud, rows, total)
    shown = run("--by", "service", *JSON).document["rows"]
    assert names_and_tokens(shown) == [("example", 1001), ("other", 800)]
    assert [each["total_requests"] for each in shown] == [2, 2]
    assert [each["prompt_tokens"] for each in shown] == [1000, 500]


def test_null_in_a_row_counts_as_zero(cloud: FakeCloud, run: Run) -> None:
    """As in the totals."""
    rows = [row(total_token=None, prompt_token=None, completion_token=None)]
    answer_with(cloud, rows, {"total_request_count": 1, "total_token": None})
    assert names_and_tokens(run("--by", "service", *JSON).document["rows"]) == [("example", 0)]


# --- Several service types ---


def test_a_name_in_two_types_has_two_rows(cloud: FakeCloud, run: Run, at: At) -> None:
    """The type follows the name; what is not listed is told apart as well."""
    at(NOW)
    cloud.events = [
        *calls("example", 1000, 40),
        *calls("example", 2000, 40, service_type=1),
        *calls("demo-endpoint", 7, 40, service_type=4),
    ]
    late = Event(NOON, 5, service_name="late", service_type=1)
    cloud.on("show-statistics", lambda _: cloud.events.append(late), times=1)
    result = run(*ALL_TYPES, *JSON)
    rows = result.document["rows"]
    assert list(rows[0])[:3] == ["service", "service_type", "total_tokens"]
    assert [(each["service"], each["service_type"], each["total_tokens"]) for each in rows] == [
        ("example", "my-service", 80_000),
        ("example", "preset", 40_000),
        ("demo-endpoint", "custom-endpoint", 280),
        ("(not listed)", "my-service", 5),
    ]
    assert result.totals["total_tokens"] == 120_285
    lines = run(*ALL_TYPES).out.split("\n\n")[1].splitlines()
    assert re.match("example.*my-service.* 80,000 ", lines[1])
    assert re.match("example.*preset.* 40,000 ", lines[2])
    records = list(csv.DictReader(io.StringIO(run(*ALL_TYPES, "--format", "csv").out)))
    assert [(each["service"], each["service_type"]) for each in records][:2] == [
        ("example", "my-service"),
        ("example", "preset"),
    ]


def test_one_own_type_needs_no_type_in_its_rows(cloud: FakeCloud, run: Run, at: At) -> None:
    """It stands above them."""
    at(NOW)
    cloud.events = calls("demo-chatbot", 10, service_type=1)
    document = run(*DAYS, "--by", "service", "--service-type", "my-service", *JSON).document
    assert names_and_tokens(document["rows"]) == [("demo-chatbot", 10)]
    assert "service_type" not in document["rows"][0]
    assert document["service_type"] == "my-service"


# --- Formats ---


def test_which_model_used_the_most_tokens(cloud: FakeCloud, run: Run, at: At) -> None:
    """The question that users ask first, as a table for people and for a chat."""
    at(NOW)
    cloud.events = [*calls("example-chat-small", 1000, 3), *calls("example-chat-large", 9000, 2)]
    assert run(*BY_SERVICE).out.split("\n\n")[1].splitlines() == [
        "                    tokens  requests  errors  error rate",
        "example-chat-large  18,000         2       0       0.00%  " + "#" * 22,
        "example-chat-small   3,000         3       0       0.00%  " + "#" * 4,
        "total               21,000         5       0       0.00%",
    ]
    assert run(*BY_SERVICE, "--format", "markdown").out.splitlines()[2:] == [
        "| service | tokens | requests | errors | error rate |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| example-chat-large | 18,000 | 2 | 0 | 0.00% |",
        "| example-chat-small | 3,000 | 3 | 0 | 0.00% |",
        "| **total** | **21,000** | **5** | **0** | **0.00%** |",
    ]


# Each with what is shown for it. Control characters would steer a terminal or break lines.
LABELS = {
    "escape sequence": ("a\x1b[31mb", "a [31mb"),
    "line breaks": ("a\r\nb\u2028c", "a b c"),
    "bell and backspaces": ("a\x07\x08\x08b", "a b"),
    "text direction": ("a\u202eb", "a b"),
    "NUL": ("a\x00b", "a b"),
    "pipe": ("a|b", "a|b"),
    "comma and quotes": ('a, "b"', 'a, "b"'),
    "Markdown": ("[a](b) **c** `d` <e>", "[a](b) **c** `d` <e>"),
    "backslash": ("a\\", "a\\"),
    "Chinese": ("\u5ba2\u670d", "\u5ba2\u670d"),
    "empty": ("", ""),
}


@pytest.mark.parametrize(("name", "shown"), LABELS.values(), ids=LABELS)
def test_names_are_harmless_in_every_format(
    name: str, shown: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """A customer may call an own service or endpoint anything."""
    at(NOW)
    cloud.events = calls(name, 1000)
    assert run(*BY_SERVICE, *JSON).document["rows"][0]["service"] == shown

    text = run(*BY_SERVICE, "--format", "csv").out
    records = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [record["service"] for record in records] == [shown]
    assert len(text.splitlines()) == 2

    escaped = re.sub(r"([\\|`\[\]<>*])", r"\\\1", shown)
    lines = run(*BY_SERVICE, "--format", "markdown").out.splitlines()
    assert lines[4] == f"| {escaped} | 1,000 | 1 | 0 | 0.00% |"
    assert len(lines) == 6

    table = run(*BY_SERVICE).out
    assert table.split("\n\n")[1].splitlines()[1].startswith(f"{shown} ")
    assert all(character.isprintable() or character == "\n" for character in table)


def test_a_very_long_name_keeps_its_ends_in_a_table(cloud: FakeCloud, run: Run, at: At) -> None:
    """And is whole in JSON."""
    at(NOW)
    name = "first-" + "x" * 300 + "-last"
    cloud.events = calls(name, 10**9)
    assert run(*BY_SERVICE, *JSON).document["rows"][0]["service"] == name
    lines = run(*BY_SERVICE).out.splitlines()
    assert max(map(len, lines)) == 80
    label = next(line for line in lines if line.startswith("first-")).split()[0]
    assert label.startswith("first-x")
    assert "x...x" in label
    assert label.endswith("x-last")


# --- --raw ---


@pytest.mark.parametrize("form", ["items", "other names", "two lists", "text", "empty", "twice"])
def test_raw_shows_both_calls_and_judges_neither(
    form: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """The list comes first, each with what was asked."""
    at(NOW)
    cloud.service_list_form = form
    cloud.events = list(TWELVE)
    entries = json.loads(run(*BY_SERVICE, "--raw").out)
    assert [entry["request"] for entry in entries] == [cloud.service_lists[0], cloud.statistics[0]]
    assert "items" in entries[0]["response"] or "services" in entries[0]["response"]
    assert entries[1]["response"]["total_request_count"] == 120


def test_raw_shows_the_answer_to_the_letter(cloud: FakeCloud, run: Run, at: At) -> None:
    """Whatever JSON it is: this is what there is to report."""
    at(NOW)
    text = '[{"unknown":  1.10, "name": "\u6a21\u578b"}, null]'
    cloud.on("list-service-statistics", Answer(200, text))
    assert f'"response": {text}}}' in run(*BY_SERVICE, "--raw").out


def test_raw_of_all_types_has_all_lists_first(cloud: FakeCloud, run: Run, at: At) -> None:
    """Then the totals, in the same order."""
    at(NOW)
    entries = json.loads(run(*ALL_TYPES, "--raw").out)
    assert [entry["request"]["service_type"] for entry in entries] == [2, 1, 4, 2, 1, 4]
    assert ["limit" in entry["request"] for entry in entries] == [True] * 3 + [False] * 3


def test_figures_that_the_list_does_not_have_make_no_row(
    cloud: FakeCloud, run: Run, at: At
) -> None:
    """Tasks and inferences are not shown here, so nothing can be missing from them."""
    at(NOW)
    total = {
        "total_request_count": 1,
        "total_token": 1.0,
        "total_prompt_token": 0.5,
        "total_completion_token": 0.5,
        "total_completion_tasks": 3,
        "total_infer_count": 7,
    }
    answer_with(cloud, [row()], total)
    assert names_and_tokens(run(*BY_SERVICE, *JSON).document["rows"]) == [("example", 1000)]
