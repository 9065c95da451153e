"""What is shown for what the service answers: each format to the letter, figures to the token."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import unicodedata
from fractions import Fraction
from typing import Any

import pytest
from cloud import PROJECT_ID, Answer, Event, FakeCloud
from conftest import At, Run, ms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

NOW = "2026-05-22T08:00:00+08:00"
TABLE_FORMATS = ("table", "markdown", "json", "csv")
FIELDS_OF_CALLS = ("total_request_count", "total_error_count")
FIELDS_OF_BATCH = ("total_completion_tasks", "total_infer_count")
FIELDS_OF_TOKENS = ("total_token", "total_prompt_token", "total_completion_token")
FIELDS = FIELDS_OF_TOKENS + FIELDS_OF_CALLS + FIELDS_OF_BATCH
FIGURES = ["total_tokens", "prompt_tokens", "completion_tokens", "total_requests", "total_errors"]
SHANGHAI = ("--timezone", "Asia/Shanghai", "--service-type", "preset")


def markdown_cells(line: str) -> list[str]:
    """Return the cells of a Markdown table's line as a renderer shows them."""
    cells = re.split(r"(?<!\\)(?:\\\\)*\|", line)
    return [re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", cell.strip()) for cell in cells[1:-1]]


def columns(line: str) -> int:
    """Return how many columns of a terminal a line takes; Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in line)


def widest(text: str) -> int:
    """Return the columns of the widest line."""
    return max(columns(line) for line in text.splitlines())


# --- The answer that Huawei's own skill shows, in every format ---

# Asked for 8 May 2026, 00:00, to 21 May, 00:00, in UTC+8; without the last millisecond.
DOCUMENTED_DAYS = ("--from", "2026-05-08", "--to", "2026-05-20", *SHANGHAI)
DOCUMENTED_REQUEST = {
    "service_type": 2,
    "start_time": 1778169600000,
    "end_time": 1779292799999,
    "timezone": "Asia/Shanghai",
    "infer_type": "real_time",
}
DOCUMENTED_ANSWER = (
    '{"total_request_count": 67188, "total_error_count": 8002, "total_token": 2482084.98, '
    '"total_prompt_token": 2456504.362, "total_completion_token": 24872.928, '
    '"total_completion_tasks": 0, "total_infer_count": 0}'
)
DOCUMENTED = {
    "table": """\
service   preset, real_time
region    cn-southwest-2, project 0123456789abcdef0123456789abcdef
period    2026-05-08 00:00:00+08:00 to 2026-05-21 00:00:00+08:00
zone      Asia/Shanghai

total tokens                   2,482,084,980      2.48 G
prompt tokens                  2,456,504,362      2.46 G
completion tokens                 24,872,928     24.87 M
total requests                        67,188
total errors                           8,002      11.91%
""",
    "markdown": """\
MaaS usage: service preset, real_time, region cn-southwest-2, \
project 0123456789abcdef0123456789abcdef, \
period 2026-05-08 00:00:00+08:00 to 2026-05-21 00:00:00+08:00, zone Asia/Shanghai

|  | total tokens | prompt tokens | completion tokens | total requests | total errors \
| error rate |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| **total** | **2,482,084,980** | **2,456,504,362** | **24,872,928** | **67,188** | **8,002** \
| **11.91%** |
""",
    "json": """\
{
  "period": {"start": "2026-05-08T00:00:00+08:00", "end": "2026-05-21T00:00:00+08:00", \
"timezone": "Asia/Shanghai", "complete": true},
  "region": "cn-southwest-2",
  "project_id": "0123456789abcdef0123456789abcdef",
  "service_type": "preset",
  "infer_type": "real_time",
  "api_keys": null,
  "ips": null,
  "totals": {"total_tokens": 2482084980, "prompt_tokens": 2456504362, \
"completion_tokens": 24872928, "total_requests": 67188, "total_errors": 8002, \
"error_rate": 0.1191},
  "by": null,
  "rows": [],
  "notes": []
}
""",
    "csv": """\
start,end,total_tokens,prompt_tokens,completion_tokens,total_requests,total_errors,error_rate
2026-05-08T00:00:00+08:00,2026-05-21T00:00:00+08:00,\
2482084980,2456504362,24872928,67188,8002,0.1191
""",
}


@pytest.mark.parametrize("output", TABLE_FORMATS)
def test_the_documented_answer_to_the_letter(
    output: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Without --by: what was counted, and the total."""
    at(NOW)
    cloud.on("show-statistics", Answer(200, DOCUMENTED_ANSWER))
    result = run(*DOCUMENTED_DAYS, "--format", output)
    assert result.out == DOCUMENTED[output]
    assert result.err == ""
    assert cloud.statistics == [DOCUMENTED_REQUEST]


def test_raw_shows_what_was_asked_and_the_answer_as_it_came(
    cloud: FakeCloud, run: Run, at: At
) -> None:
    """The answer's own digits, blanks and order."""
    at(NOW)
    answer = '{"total_token": 9007199254740993.123,  "more": [1.10, "\\u00e9", "\u7528\u91cf"]}'
    cloud.on("show-statistics", Answer(200, answer))
    result = run(*DOCUMENTED_DAYS, "--raw")
    request = json.dumps(DOCUMENTED_REQUEST)
    assert result.out == f'[{{"request": {request},\n "response": {answer}}}]\n'
    assert result.err == ""


def test_raw_has_an_entry_for_each_request(cloud: FakeCloud, run: Run, at: At) -> None:
    """In the order of the rows and their service types, whatever the order of the answers."""
    at(NOW)
    cloud.events = [Event(ms("2026-05-21T12:00:00+08:00"), 5000, service_type=1)]
    days = ("--from", "2026-05-20", "--to", "2026-05-21", "--timezone", "Asia/Shanghai")
    entries = json.loads(run(*days, "--by", "day", "--service-type", "all", "--raw").out)
    asked = [
        (entry["request"]["start_time"], entry["request"]["service_type"]) for entry in entries
    ]
    first, second = ms("2026-05-20T00:00:00+08:00"), ms("2026-05-21T00:00:00+08:00")
    assert asked == [(first, 2), (first, 1), (first, 4), (second, 2), (second, 1), (second, 4)]
    tokens = [entry["response"]["total_token"] for entry in entries]
    assert tokens == [0, 0, 0, 0, 5.0, 0]


# --- Rows, in every format ---

ROW_DAYS = ("--from", "2026-05-14T06:00", "--to", "2026-05-17", *SHANGHAI, "--by", "day")
ROWS = {
    "table": f"""\
service   preset, real_time
region    cn-southwest-2, project 0123456789abcdef0123456789abcdef
period    2026-05-14 06:00:00+08:00 to 2026-05-18 00:00:00+08:00
zone      Asia/Shanghai

                         tokens  requests  errors  error rate
2026-05-14 (partial)  2,000,000         1       0       0.00%  {"#" * 17}
2026-05-15            1,000,000         2       1      50.00%  {"#" * 9}
2026-05-16                    1         1       0       0.00%  #
2026-05-17                    0         0       0
total                 3,000,001         4       1      25.00%

total tokens                       3,000,001      3.00 M
prompt tokens                      2,000,000      2.00 M
completion tokens                    500,000
total requests                             4
total errors                               1      25.00%
""",
    "markdown": """\
MaaS usage: service preset, real_time, region cn-southwest-2, \
project 0123456789abcdef0123456789abcdef, \
period 2026-05-14 06:00:00+08:00 to 2026-05-18 00:00:00+08:00, zone Asia/Shanghai

| day | tokens | requests | errors | error rate |
| --- | ---: | ---: | ---: | ---: |
| 2026-05-14 (partial) | 2,000,000 | 1 | 0 | 0.00% |
| 2026-05-15 | 1,000,000 | 2 | 1 | 50.00% |
| 2026-05-16 | 1 | 1 | 0 | 0.00% |
| 2026-05-17 | 0 | 0 | 0 |  |
| **total** | **3,000,001** | **4** | **1** | **25.00%** |
""",
    "json": """\
{
  "period": {"start": "2026-05-14T06:00:00+08:00", "end": "2026-05-18T00:00:00+08:00", \
"timezone": "Asia/Shanghai", "complete": true},
  "region": "cn-southwest-2",
  "project_id": "0123456789abcdef0123456789abcdef",
  "service_type": "preset",
  "infer_type": "real_time",
  "api_keys": null,
  "ips": null,
  "totals": {"total_tokens": 3000001, "prompt_tokens": 2000000, "completion_tokens": 500000, \
"total_requests": 4, "total_errors": 1, "error_rate": 0.25},
  "by": "day",
  "rows": [
    {"day": "2026-05-14", "start": "2026-05-14T06:00:00+08:00", \
"end": "2026-05-15T00:00:00+08:00", "partial": true, \
"total_tokens": 2000000, "prompt_tokens": 1500000, "completion_tokens": 500000, \
"total_requests": 1, "total_errors": 0, "error_rate": 0.0},
    {"day": "2026-05-15", "start": "2026-05-15T00:00:00+08:00", \
"end": "2026-05-16T00:00:00+08:00", "partial": false, \
"total_tokens": 1000000, "prompt_tokens": 500000, "completion_tokens": 0, \
"total_requests": 2, "total_errors": 1, "error_rate": 0.5},
    {"day": "2026-05-16", "start": "2026-05-16T00:00:00+08:00", \
"end": "2026-05-17T00:00:00+08:00", "partial": false, \
"total_tokens": 1, "prompt_tokens": 0, "completion_tokens": 0, \
"total_requests": 1, "total_errors": 0, "error_rate": 0.0},
    {"day": "2026-05-17", "start": "2026-05-17T00:00:00+08:00", \
"end": "2026-05-18T00:00:00+08:00", "partial": false, \
"total_tokens": 0, "prompt_tokens": 0, "completion_tokens": 0, \
"total_requests": 0, "total_errors": 0, "error_rate": null}
  ],
  "notes": []
}
""",
    "csv": """\
start,end,day,partial,\
total_tokens,prompt_tokens,completion_tokens,total_requests,total_errors,error_rate
2026-05-14T06:00:00+08:00,2026-05-15T00:00:00+08:00,2026-05-14,True,2000000,1500000,500000,1,0,0.0
2026-05-15T00:00:00+08:00,2026-05-16T00:00:00+08:00,2026-05-15,False,1000000,500000,0,2,1,0.5
2026-05-16T00:00:00+08:00,2026-05-17T00:00:00+08:00,2026-05-16,False,1,0,0,1,0,0.0
2026-05-17T00:00:00+08:00,2026-05-18T00:00:00+08:00,2026-05-17,False,0,0,0,0,0,
""",
}


@pytest.mark.parametrize("output", TABLE_FORMATS)
def test_rows_to_the_letter(output: str, cloud: FakeCloud, run: Run, at: At) -> None:
    """A cut day, a day with a failed call, a day with a single token, and a day without calls."""
    at(NOW)
    cloud.events = [
        Event(ms("2026-05-14T12:00:00+08:00"), 2_000_000, 1_500_000, 500_000),
        Event(ms("2026-05-15T00:00:00+08:00"), 1_000_000, 500_000),
        Event(ms("2026-05-15T23:59:59+08:00"), failed=True),
        Event(ms("2026-05-16T12:00:00+08:00"), 1),
    ]
    result = run(*ROW_DAYS, "--format", output)
    assert result.out == ROWS[output]
    assert result.err == ""


LISTED = {
    "service_name": "example-chat-large",
    "request_count": 1,
    "error_count": 0,
    "total_token": 1.5,
    "prompt_token": 0,
    "completion_token": 0,
}
TIMES = ["start", "end", "partial"]
BREAKDOWNS: list[tuple[list[str], list[str], list[str]]] = [
    (["hour", "--period", "3h"], ["hour", *TIMES], ["start", "end", "hour", "partial"]),
    (["day", "--period", "2d"], ["day", *TIMES], ["start", "end", "day", "partial"]),
    (["week", "--period", "9d"], ["week", *TIMES], ["start", "end", "week", "partial"]),
    (["service-type"], ["service_type"], ["start", "end", "service_type"]),
    (["api-key", "--api-keys", "a"], ["api_key"], ["start", "end", "api_key"]),
    (["ip", "--ips", "192.0.2.1"], ["ip"], ["start", "end", "ip"]),
    (["service"], ["service"], ["start", "end", "service"]),
    (
        ["service", "--service-type", "all"],
        ["service", "service_type"],
        ["start", "end", "service", "service_type"],
    ),
]


@pytest.mark.parametrize(
    ("argv", "json_names", "csv_names"),
    BREAKDOWNS,
    ids=["hour", "day", "week", "service-type", "api-key", "ip", "service", "service, all types"],
)
def test_rows_have_their_labels_before_the_figures(
    argv: list[str], json_names: list[str], csv_names: list[str], cloud: FakeCloud, run: Run, at: At
) -> None:
    """By the same names in JSON and CSV."""
    at(NOW)
    cloud.on("list-service", Answer(200, {"items": [LISTED]}))
    cloud.on("show-statistics", Answer(200, {"total_token": 1.5, "total_request_count": 1}))
    rows = run("--by", *argv, "--format", "json").document["rows"]
    for row in rows:
        assert list(row) == [*json_names, *FIGURES, "error_rate"]
    table = list(csv.DictReader(io.StringIO(run("--by", *argv, "--format", "csv").out)))
    assert list(table[0]) == [*csv_names, *FIGURES, "error_rate"]
    assert [row[json_names[0]] for row in table] == [row[json_names[0]] for row in rows]


def test_a_month_by_day_takes_45_lines_of_json(run: Run, at: At) -> None:
    """31 rows, since a month that ends now cuts two days."""
    at(NOW)
    result = run("--period", "30d", "--by", "day", *SHANGHAI, "--format", "json")
    assert len(result.document["rows"]) == 31
    assert len(result.out.splitlines()) == 45


def test_filters_are_shown(run: Run, at: At) -> None:
    """In what was asked, and in the document; the online experience as a pair of quotes."""
    at(NOW)
    filters = ("--api-keys", "", "key-a", "--ips", "2001:DB8:0::1", "192.0.2.1")
    table = run(*DOCUMENTED_DAYS, *filters).out.splitlines()
    assert table[4].endswith('  "", key-a')
    assert table[5].endswith(" 2001:db8::1, 192.0.2.1")
    markdown = run(*DOCUMENTED_DAYS, *filters, "--format", "markdown").out.splitlines()
    assert ' "", key-a, ' in markdown[0]
    assert markdown[0].endswith(" 2001:db8::1, 192.0.2.1")
    document = run(*DOCUMENTED_DAYS, *filters, "--format", "json").document
    assert document["api_keys"] == ["", "key-a"]
    assert document["ips"] == ["2001:db8::1", "192.0.2.1"]


def test_the_zone_without_a_name(run: Run, at: At) -> None:
    """The clock is the system's; JSON says null, and a person reads whose clock it is."""
    at(NOW)
    period = run("--period", "today", "--format", "json", TZ="CST-8").document["period"]
    assert period["timezone"] is None
    assert period["start"] == "2026-05-22T00:00:00+08:00"
    assert "zone      the system's\n" in run("--period", "today", TZ="CST-8").out


# --- Batch inference has two more figures ---


def test_batch_adds_tasks_and_inferences(cloud: FakeCloud, run: Run, at: At) -> None:
    """To totals and rows of every format but the rows of tables."""
    at(NOW)
    moment = ms("2026-05-15T12:00:00+08:00")
    cloud.events = [
        Event(moment, 5000, infer_type="batch", tasks=1, inferences=1200),
        Event(moment, 7, infer_type="batch", tasks=2, inferences=34),
        Event(moment, 999, infer_type="real_time"),
    ]
    argv = (*DOCUMENTED_DAYS, "--infer-type", "batch")
    more = {"completed_tasks": 3, "inference_count": 1234}

    document = run(*argv, "--by", "service-type", "--format", "json").document
    assert list(document["totals"]) == [*FIGURES, "error_rate", *more]
    assert {**document["totals"], **more} == document["totals"]
    assert document["totals"]["total_tokens"] == 5007
    assert document["rows"] == [{"service_type": "preset", **document["totals"]}]
    assert document["infer_type"] == "batch"

    lines = run(*argv, "--format", "csv").out.splitlines()
    assert lines[0].endswith(",total_errors,error_rate,completed_tasks,inference_count")
    assert lines[1].endswith(",5007,0,0,2,0,0.0,3,1234")

    assert run(*argv).out.endswith(
        "total errors                               0       0.00%\n"
        "completed tasks                            3\n"
        "inference count                        1,234\n"
    )
    header, _, total = run(*argv, "--format", "markdown").out.splitlines()[-3:]
    assert markdown_cells(header)[-3:] == ["completed tasks", "inference count", "error rate"]
    assert markdown_cells(total)[-3:] == ["**3**", "**1,234**", "**0.00%**"]


def test_real_time_has_no_batch_figures(cloud: FakeCloud, run: Run) -> None:
    """Whatever the service answers."""
    cloud.on("show-statistics", Answer(200, {"total_token": 1, "total_infer_count": 987654}))
    for output in TABLE_FORMATS:
        text = run("--format", output).out
        assert "987" not in text
        assert "inference" not in text.replace("_", " ")


# --- Nothing was used ---

FILTERS = ("--api-keys", "nobody", "--ips", "192.0.2.99")
ADVICE: list[tuple[list[str], list[str]]] = [
    ([], ["--service-type all", "--infer-type batch"]),
    (["--service-type", "all"], ["--infer-type batch"]),
    (["--infer-type", "batch"], ["--service-type all"]),
    (["--infer-type", "batch", "--service-type", "all"], []),
    (["--api-keys", "x"], ["--api-keys", "--service-type all", "--infer-type batch"]),
    (["--ips", "192.0.2.9", "--service-type", "all"], ["--ips", "--infer-type batch"]),
    ([*FILTERS, "--service-type", "all", "--infer-type", "batch"], ["--api-keys", "--ips"]),
    (["--by", "service-type"], ["--infer-type batch"]),
    (["--by", "service"], ["--service-type all"]),
    (["--by", "service", "--service-type", "all"], []),
]


@pytest.mark.parametrize(("argv", "expected"), ADVICE, ids=[" ".join(case[0]) for case in ADVICE])
def test_all_zero_says_what_to_try(argv: list[str], expected: list[str], run: Run) -> None:
    """First the filters that were given, then what was not asked already."""
    result = run("--period", "7d", *argv)
    advice = " ".join(result.out.partition("\nNo usage")[2].split())
    assert re.findall("--[a-z-]+(?: all| batch)?", advice) == expected
    assert advice.startswith("found.")
    assert "region" not in advice  # the other one belongs to another site with other keys
    assert widest(result.out) <= 80


def test_failed_calls_are_usage(cloud: FakeCloud, run: Run) -> None:
    """Even without a token."""
    cloud.on("show-statistics", Answer(200, {"total_request_count": 1, "total_error_count": 1}))
    assert "No usage" not in run().out


def test_zeros_are_a_result_for_programs(run: Run) -> None:
    """An error rate without requests is null, or empty."""
    zeros = dict.fromkeys(FIGURES, 0)
    assert run("--format", "json").totals == {**zeros, "error_rate": None}
    lines = run("--format", "csv").out.splitlines()
    assert len(lines) == 2
    assert lines[1].endswith(",0,0,0,0,0,")


# --- Large figures, long labels, and 80 columns ---


@pytest.mark.parametrize(
    ("tokens", "short"),
    [
        (999_994, ""),
        (999_995, "1.00 M"),
        (1_000_000, "1.00 M"),
        (999_994_999, "999.99 M"),
        (999_995_000, "1.00 G"),
        (2_482_084_980, "2.48 G"),
        (10**12, "1.00 T"),
        (10**15, "1,000.00 T"),
    ],
)
def test_large_figures_are_also_short(tokens: int, short: str, cloud: FakeCloud, run: Run) -> None:
    """From a million on."""
    cloud.on("show-statistics", Answer(200, {"total_token": tokens / 1000}))
    line = re.search("^total tokens +([0-9,]+) *(.*)$", run().out, re.MULTILINE)
    assert line
    assert line[1] == f"{tokens:,}"
    assert line[2] == short


def answer_with(tokens: int, requests: int) -> Answer:
    """Return an answer with as many errors as requests."""
    figures = {"total_token": tokens // 1000, "total_request_count": requests}
    return Answer(200, {**figures, "total_error_count": requests})


TABLES: dict[str, tuple[int, int, list[str]]] = {
    "there is room": (
        1000,
        1,
        [
            "                         tokens  requests  errors  error rate",
            "label-of-23-characters-   1,000         1       1     100.00%  " + "#" * 17,
            "total                     1,000         1       1     100.00%",
        ],
    ),
    "the bar is shorter": (
        10**9,
        10**6,
        [
            "                                tokens   requests     errors  error rate",
            "label-of-23-characters-  1,000,000,000  1,000,000  1,000,000     100.00%  ######",
            "total                    1,000,000,000  1,000,000  1,000,000     100.00%",
        ],
    ),
    "there is no bar": (
        10**10,
        10**7,
        [
            "                                 tokens    requests      errors  error rate",
            "label-of-23-characters-  10,000,000,000  10,000,000  10,000,000     100.00%",
            "total                    10,000,000,000  10,000,000  10,000,000     100.00%",
        ],
    ),
    "the label is shorter": (
        10**12,
        10**9,
        [
            "                                tokens       requests         errors  error rate",
            "label-of...racters-  1,000,000,000,000  1,000,000,000  1,000,000,000     100.00%",
            "total                1,000,000,000,000  1,000,000,000  1,000,000,000     100.00%",
        ],
    ),
}


@pytest.mark.parametrize(("tokens", "requests", "expected"), TABLES.values(), ids=TABLES)
def test_first_bars_give_way_and_then_long_labels(
    tokens: int, requests: int, expected: list[str], cloud: FakeCloud, run: Run
) -> None:
    """A table of rows has at most 80 columns, and figures stay whole."""
    cloud.on("show-statistics", answer_with(tokens, requests))
    argv = ("--by", "api-key", "--api-keys", "label-of-23-characters-")
    table = run("--period", "7d", *argv).out.split("\n\n")[1]
    assert table.splitlines() == expected


@pytest.mark.parametrize("tokens", [0, 1000, 10**9, 10**15])
@pytest.mark.parametrize(
    "argv",
    [
        ["--by", "day", "--period", "30d"],
        ["--by", "hour", "--period", "12h"],
        ["--by", "service-type"],
        ["--by", "api-key", "--api-keys", "x" * 23, "y" * 300, "z"],
        ["--by", "ip", "--ips", "2001:db8:1111:2222:3333:4444:5555:6666"],
        ["--api-keys", *(f"label of application number {number}" for number in range(9))],
    ],
    ids=["day", "hour", "service-type", "api-key", "ip", "filters"],
)
def test_a_table_has_80_columns_at_most(
    argv: list[str], tokens: int, cloud: FakeCloud, run: Run
) -> None:
    """However large its figures and however long its labels."""
    cloud.on("show-statistics", answer_with(tokens, tokens // 10**5))
    assert widest(run(*argv).out) <= 80


# --- Labels of any kind ---

LABELS = {
    "Chinese": "\u5ba2\u6237\u670d\u52a1",
    "comma and quotes": 'one, "two"',
    "quote first": '"',
    "pipe": "a|b",
    "escaped pipe": "a\\|b",
    "backslash last": "a\\",
    "code": "`rm`",
    "link": "[x](https://a.bc)",
    "image": "![x](y)",
    "HTML": "<b>x</b>",
    "bold": "**x**",
    "blanks inside": "two words",
    "looks like JSON": '{"a": [1]}',
    "looks like an option's value": "=1+1",
    "23 characters": "x" * 23,
}


@pytest.mark.parametrize("label", LABELS.values(), ids=LABELS)
def test_labels_stay_labels(label: str, cloud: FakeCloud, run: Run) -> None:
    """In every format a reader gets back what was typed, and nothing breaks."""
    argv = ("--by", "api-key", "--api-keys", label, "", "--format")
    document = run(*argv, "json").document
    assert [row["api_key"] for row in document["rows"]] == [label, ""]
    assert document["api_keys"] == [label, ""]

    records = csv.DictReader(io.StringIO(run(*argv, "csv").out, newline=""))
    assert [record["api_key"] for record in records] == [label, ""]

    lines = run(*argv, "markdown").out.splitlines()
    cells = [markdown_cells(line) for line in lines[2:]]
    assert [len(row) for row in cells] == [5, 5, 5, 5, 5]
    assert [row[0] for row in cells[2:]] == [label, '""', "**total**"]

    table = run(*argv, "table").out.split("\n\n")[1].splitlines()
    assert table[1].startswith(label + " ")
    assert table[2].startswith('"" ')
    assert cloud.statistics[0]["api_keys"] == [label]


@pytest.mark.parametrize("character", list("\\|`[]<>*"))
def test_markdown_escapes_what_would_act(character: str, run: Run) -> None:
    """Above the table and in it; dots, commas and dashes stay readable."""
    argv = ("--by", "api-key", "--api-keys", f"a{character}b.c-d", "--format", "markdown")
    lines = run(*argv).out.splitlines()
    assert lines[0].endswith(f" a\\{character}b.c-d")
    assert lines[4].startswith(f"| a\\{character}b.c-d |")


def test_long_labels_that_begin_or_end_alike_stay_distinct(run: Run) -> None:
    """A sum by label would otherwise merge them."""
    keys = ("team-a-0123456789-example", "team-b-0123456789-example", "team-a-012345678-examples")
    rows = run("--by", "api-key", "--api-keys", *keys, "--format", "json").document["rows"]
    labels = [row["api_key"] for row in rows]
    assert labels == ["team-a-0...mple", "team-b-0...mple", "team-a-0...ples"]


# --- Figures: exact to the token ---


def test_figures_are_exact_where_a_float_is_not(cloud: FakeCloud, run: Run) -> None:
    """Neither one answer nor the sum of several loses a digit."""
    answer = '{"total_token": 9007199254740993.123, "total_prompt_token": 9007199254740993.001}'
    cloud.on("show-statistics", Answer(200, answer))
    result = run("--by", "service-type", "--format", "json")
    assert [row["total_tokens"] for row in result.document["rows"]] == [9007199254740993123] * 3
    assert result.totals["total_tokens"] == 27021597764222979369
    assert result.totals["prompt_tokens"] == 27021597764222979003


@pytest.mark.parametrize(
    ("thousands", "tokens"),
    [
        ("0", 0),
        ("-0.0", 0),
        ("1", 1000),
        ("0.001", 1),
        ("1e3", 10**6),
        ("1.5E-3", 2),
        ("0.0004", 0),
        ("0.0006", 1),
        ("null", 0),
        ("0.29", 290),
        ("1.005", 1005),
        ("2482084.980", 2482084980),
        ("123456789012345.678", 123456789012345678),
        ("999999999999999.9994", 999999999999999999),
    ],
)
def test_thousands_become_whole_tokens(
    thousands: str, tokens: int, cloud: FakeCloud, run: Run
) -> None:
    """Exactly; what is more than three decimals is rounded, and what is missing is 0."""
    answer = f'{{"total_token": {thousands}, "total_request_count": 3.0}}'
    cloud.on("show-statistics", Answer(200, answer))
    assert run("--format", "json").totals == {
        "total_tokens": tokens,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_requests": 3,
        "total_errors": 0,
        "error_rate": 0.0,
    }


@pytest.mark.parametrize(
    ("errors", "requests", "rate", "shown"),
    [(1, 3, 0.3333, "33.33%"), (2, 3, 0.6667, "66.67%"), (1, 1, 1.0, "100.00%")],
)
def test_the_error_rate_has_four_decimals(
    errors: int, requests: int, rate: float, shown: str, cloud: FakeCloud, run: Run
) -> None:
    """And two in percent."""
    answer = {"total_error_count": errors, "total_request_count": requests}
    cloud.on("show-statistics", Answer(200, answer))
    assert run("--format", "json").totals["error_rate"] == rate
    assert run().out.splitlines()[-1].split()[-1] == shown


# --- What is no answer ---

NOT_JSON: dict[str, str | bytes] = {
    "HTML": "<html><body>502</body></html>",
    "empty": "",
    "blank": " \n",
    "single quotes": "{'total_token': 7}",
    "two documents": '{"total_token": 7}{"total_token": 8}',
    "cut": '{"total_token": 7',
    "NaN": '{"total_token": NaN}',
    "infinite": '{"total_token": Infinity}',
    "NaN elsewhere": '{"total_token": 1, "x": NaN}',
    "not UTF-8": b'{"total_token": 7, "x": "\xff"}',
    "UTF-16": '{"total_token": 7}'.encode("utf-16"),
    "endless brackets": "[" * 100_000,
    "deep": '{"a":' * 100_000 + "1" + "}" * 100_000,
}
NO_FIGURES: dict[str, str] = {
    "null": "null",
    "list": "[]",
    "number": "7",
    "text": '"total_token"',
    "true": "true",
    "no known field": '{"total": 7}',
    "all null": '{"total_token": null}',
    "nested": '{"data": {"total_token": 7}}',
    "a text": '{"total_token": "7"}',
    "an empty text": '{"total_token": ""}',
    "negative": '{"total_token": -0.001}',
    "negative calls": '{"total_error_count": -1}',
    "boolean": '{"total_token": true}',
    "false calls": '{"total_request_count": false}',
    "list figure": '{"total_token": [7]}',
    "nested figure": '{"total_token": {"value": 7}}',
    "half a call": '{"total_request_count": 1.5}',
    "half a failure": '{"total_error_count": 0.1}',
    "half a task": '{"total_completion_tasks": 0.5}',
    "bad among good": '{"total_token": 7, "total_request_count": 1, "total_prompt_token": "x"}',
    "beyond float": '{"total_token": 1e999}',
}
BEYOND_ALL_BOUNDS = {
    "huge exponent": '{"total_token": 1e9999999999999999999}',
    "many digits": '{"total_token": ' + "9" * 6000 + "}",
}


@pytest.mark.parametrize(
    "body",
    [*NOT_JSON.values(), *NO_FIGURES.values(), *BEYOND_ALL_BOUNDS.values()],
    ids=[*NOT_JSON, *NO_FIGURES, *BEYOND_ALL_BOUNDS],
)
@pytest.mark.parametrize("output", ["json", "table"])
def test_what_is_no_answer_never_becomes_a_total(
    body: str | bytes, output: str, cloud: FakeCloud, run: Run
) -> None:
    """Exit code 4 and a sentence; and it is asked once only."""
    cloud.on("show-statistics", Answer(200, body))
    result = run("--format", output)
    assert result.code == 4
    assert result.out == ""
    assert result.error["message"].startswith("show-statistics: ")
    assert len(cloud.statistics) == 1


def test_the_error_of_an_invalid_answer_in_full(cloud: FakeCloud, run: Run) -> None:
    """It names the field, and is not worth another try."""
    answer = Answer(200, {"total_token": 7, "total_prompt_token": -1}, {"X-Request-Id": "req-77"})
    cloud.on("show-statistics", answer)
    error = run("--format", "json").error
    assert "total_prompt_token" in error["message"]
    assert error["kind"] == "service"
    assert error["request_id"] == "req-77"
    assert error["retryable"] is False


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_raw_needs_json(body: str | bytes, cloud: FakeCloud, run: Run) -> None:
    """Otherwise its own output would be none."""
    cloud.on("show-statistics", Answer(200, body))
    result = run("--raw")
    assert result.code == 4
    assert "not JSON" in result.error["message"]


@pytest.mark.parametrize("body", NO_FIGURES.values(), ids=NO_FIGURES)
def test_raw_judges_no_figures(body: str, cloud: FakeCloud, run: Run) -> None:
    """It is there to see what came."""
    cloud.on("show-statistics", Answer(200, body))
    assert f'"response": {body}}}]' in run("--raw").out


# --- JSON of any shape ---

# Figures are kept below 10 to the 17th: what the service could count is far less.
numbers = st.one_of(
    st.integers(-2, 10**17),
    st.floats(max_value=1e17),
    st.just(math.inf),
    st.decimals(allow_nan=False, places=5, min_value=-1, max_value=10**12).map(float),
)
leaves = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5))
names = st.sampled_from(FIELDS) | st.text(max_size=4)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
figures = st.integers(0, 10**9) | st.integers(0, 10**9).map(lambda count: count / 1000)
answers = st.dictionaries(st.sampled_from(FIELDS), figures | leaves, max_size=7)


def is_json(document: Any) -> bool:
    """Return whether Python's JSON is JSON: NaN and the infinities are not."""
    try:
        json.dumps(document, allow_nan=False)
    except ValueError:
        return False
    return True


def figures_in(document: Any) -> dict[str, Fraction] | None:
    """Return the figures of an answer, by the words of the references alone; None if it is none."""
    if not is_json(document) or not isinstance(document, dict):
        return None
    found = {}
    for name in FIELDS:
        value = document.get(name)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
            return None
        figure = Fraction(json.dumps(value))
        if name not in FIELDS_OF_TOKENS and figure.denominator != 1:
            return None
        found[name] = figure
    return found or None


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(document=trees | answers)
def test_json_of_any_shape_gives_a_total_exactly_where_it_is_an_answer(
    document: Any, cloud: FakeCloud, run: Run
) -> None:
    """Else exit code 4."""
    cloud.reset()
    cloud.on("show-statistics", Answer(200, json.dumps(document)))
    result = run("--project-id", PROJECT_ID, "--format", "json")
    expected = figures_in(document)
    if expected is None:
        assert result.code == 4
        return
    totals = result.totals
    for figure, field in zip(FIGURES, FIELDS_OF_TOKENS + FIELDS_OF_CALLS):
        unit = 1000 if field in FIELDS_OF_TOKENS else 1
        exact = expected.get(field, Fraction(0)) * unit
        assert abs(totals[figure] - exact) <= Fraction(1, 2)
        assert isinstance(totals[figure], int)


def test_long_filters_are_wrapped_below_their_first_value(cloud: FakeCloud, run: Run) -> None:
    """Without a break at a hyphen, which would look like another label."""
    labels = [f"label-of-application-{number}" for number in range(4)]
    lines = run("--api-keys", *labels).out.splitlines()
    assert "API keys  label-of-application-0, label-of-application-1," in lines
    assert "          label-of-application-2, label-of-application-3" in lines


@pytest.mark.parametrize(("length", "bar"), [(35, "  #####"), (36, "")])
def test_a_bar_has_five_columns_at_least(
    length: int, bar: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """With less room there are no bars."""
    at(NOW)
    name = "n" * length
    cloud.events = [Event(ms("2026-05-20T12:00:00+00:00"), total=1000, service_name=name)]
    lines = run("--by", "service", "--service-type", "preset").out.splitlines()
    assert f"{name}   1,000         1       0       0.00%{bar}" in lines
