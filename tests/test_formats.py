"""What is shown for what the service answers: each format to the letter, figures to the token."""

from __future__ import annotations

import csv
import io
import os
import sys
import time
from typing import Any, Callable

import pytest
from cloud import Answer, Event, FakeCloud, refusal
from conftest import At, Clock, Run, ms

NOW = "2026-05-22T08:00:00+08:00"
NOON = ms("2026-05-20T12:00:00+08:00")
DAY = ("--from", "2026-05-20", "--to", "2026-05-20")
FORMATS = ("table", "markdown", "json", "csv")
FIGURES = ["total_tokens", "prompt_tokens", "completion_tokens", "total_requests", "total_errors"]
SHANGHAI = ("--timezone", "Asia/Shanghai", "--service-type", "preset")


# --- Whole texts: the answer that Huawei's own skill shows ---

DOCUMENTED_DAYS = ("--from", "2026-05-08", "--to", "2026-05-20", *SHANGHAI)
DOCUMENTED_ANSWER = (
    '{"total_request_count": 67188, "total_error_count": 8002, "total_token": 2482084.98, '
    '"total_prompt_token": 2456504.362, "total_completion_token": 24872.928, '
    '"total_completion_tasks": 0, "total_infer_count": 0}'
)
DOCUMENTED = {
    "table": """\
period    2026-05-08 to 2026-05-20 (Asia/Shanghai)
services  preset (real-time inference)
region    cn-southwest-2, project 0123456789abcdef0123456789abcdef

total tokens                   2,482,084,980
prompt tokens                  2,456,504,362
completion tokens                 24,872,928
total requests                        67,188
total errors                           8,002
error rate                            11.91%
""",
    "markdown": """\
Huawei Cloud MaaS usage, 2026-05-08 to 2026-05-20 (Asia/Shanghai): \
preset services in cn-southwest-2, real-time inference.

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
  "service_types": ["preset"],
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
start,end,region,service_types,infer_type,api_keys,ips,\
total_tokens,prompt_tokens,completion_tokens,total_requests,total_errors,error_rate
2026-05-08T00:00:00+08:00,2026-05-21T00:00:00+08:00,cn-southwest-2,preset,real_time,,,\
2482084980,2456504362,24872928,67188,8002,0.1191
""",
}


@pytest.mark.parametrize("output", FORMATS)
def test_the_documented_answer(output: str, cloud: FakeCloud, run: Run, at: At) -> None:
    """Without --by: what was counted, and the total."""
    at(NOW)
    cloud.on("show-statistics", Answer(200, DOCUMENTED_ANSWER))
    result = run(*DOCUMENTED_DAYS, "--format", output)
    assert result.out == DOCUMENTED[output]
    assert result.err == ""


# --- Whole texts: days ---

DAYS = {
    "table": f"""\
period    2026-05-14 06:00:00 to 2026-05-17 00:00:00 (Asia/Shanghai)
services  preset (real-time inference)
region    cn-southwest-2, project 0123456789abcdef0123456789abcdef

                      tokens   share  requests  errors    rate
2026-05-14, Thu *  2,000,000   66.7%         1       0   0.00%  {"#" * 16}
2026-05-15, Fri    1,000,000   33.3%         2       1  50.00%  {"#" * 8}
2026-05-16, Sat            0    0.0%         0       0
total              3,000,000  100.0%         3       1  33.33%
* partial

prompt tokens                      2,000,000
completion tokens                    500,000
""",
    "markdown": """\
Huawei Cloud MaaS usage, 2026-05-14 06:00:00 to 2026-05-17 00:00:00 (Asia/Shanghai): \
preset services in cn-southwest-2, real-time inference.

| day | total tokens | prompt tokens | completion tokens | total requests | total errors \
| error rate | share |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| 2026-05-14, Thu (partial) | 2,000,000 | 1,500,000 | 500,000 | 1 | 0 | 0.00% | 66.7% |
| 2026-05-15, Fri | 1,000,000 | 500,000 | 0 | 2 | 1 | 50.00% | 33.3% |
| 2026-05-16, Sat | 0 | 0 | 0 | 0 | 0 |  | 0.0% |
| **total** | **3,000,000** | **2,000,000** | **500,000** | **3** | **1** | **33.33%** \
| **100.0%** |
""",
    "json": """\
{
  "period": {"start": "2026-05-14T06:00:00+08:00", "end": "2026-05-17T00:00:00+08:00", \
"timezone": "Asia/Shanghai", "complete": true},
  "region": "cn-southwest-2",
  "project_id": "0123456789abcdef0123456789abcdef",
  "service_type": "preset",
  "service_types": ["preset"],
  "infer_type": "real_time",
  "api_keys": null,
  "ips": null,
  "totals": {"total_tokens": 3000000, "prompt_tokens": 2000000, "completion_tokens": 500000, \
"total_requests": 3, "total_errors": 1, "error_rate": 0.3333},
  "by": "day",
  "rows": [
    {"day": "2026-05-14", "weekday": "Thu", "start": "2026-05-14T06:00:00+08:00", \
"end": "2026-05-15T00:00:00+08:00", "partial": true, \
"total_tokens": 2000000, "prompt_tokens": 1500000, "completion_tokens": 500000, \
"total_requests": 1, "total_errors": 0, "error_rate": 0.0, "share": 0.6667},
    {"day": "2026-05-15", "weekday": "Fri", "start": "2026-05-15T00:00:00+08:00", \
"end": "2026-05-16T00:00:00+08:00", "partial": false, \
"total_tokens": 1000000, "prompt_tokens": 500000, "completion_tokens": 0, \
"total_requests": 2, "total_errors": 1, "error_rate": 0.5, "share": 0.3333},
    {"day": "2026-05-16", "weekday": "Sat", "start": "2026-05-16T00:00:00+08:00", \
"end": "2026-05-17T00:00:00+08:00", "partial": false, \
"total_tokens": 0, "prompt_tokens": 0, "completion_tokens": 0, \
"total_requests": 0, "total_errors": 0, "error_rate": null, "share": 0.0}
  ],
  "notes": []
}
""",
    "csv": """\
start,end,region,service_types,infer_type,api_keys,ips,day,weekday,partial,\
total_tokens,prompt_tokens,completion_tokens,total_requests,total_errors,error_rate,share
2026-05-14T06:00:00+08:00,2026-05-15T00:00:00+08:00,cn-southwest-2,preset,real_time,,,\
2026-05-14,Thu,true,2000000,1500000,500000,1,0,0.0,0.6667
2026-05-15T00:00:00+08:00,2026-05-16T00:00:00+08:00,cn-southwest-2,preset,real_time,,,\
2026-05-15,Fri,false,1000000,500000,0,2,1,0.5,0.3333
2026-05-16T00:00:00+08:00,2026-05-17T00:00:00+08:00,cn-southwest-2,preset,real_time,,,\
2026-05-16,Sat,false,0,0,0,0,0,,0.0
""",
}


@pytest.mark.parametrize("output", FORMATS)
def test_rows_of_days(output: str, cloud: FakeCloud, run: Run, at: At) -> None:
    """A partial day, a day with a failed call, and a day without calls."""
    at(NOW)
    cloud.events = [
        Event(ms("2026-05-14T12:00:00+08:00"), 2_000_000, 1_500_000, 500_000),
        Event(ms("2026-05-15T00:00:00+08:00"), 1_000_000, 500_000),
        Event(ms("2026-05-15T23:59:59+08:00"), failed=True),
    ]
    argv = ("--from", "2026-05-14T06:00", "--to", "2026-05-16", *SHANGHAI, "--by", "day")
    result = run(*argv, "--format", output)
    assert result.out == DAYS[output]
    assert result.err == ""


# --- Whole texts: services of all types, filters, a Chinese name, and a rest ---

# What each line of CSV says. The online experience is "", whose quotes CSV doubles.
ASKED = (
    "2026-05-20T00:00:00+08:00,2026-05-21T00:00:00+08:00,cn-southwest-2,"
    'preset+my-service+custom-endpoint,real_time,"""""+key-a",192.0.2.1+2001:db8::1'
)
SERVICES = {
    "table": f"""\
period    2026-05-20 (Asia/Shanghai)
services  preset, my-service, custom-endpoint (real-time inference)
region    cn-southwest-2, project 0123456789abcdef0123456789abcdef
API keys  ""
          key-a
addresses 192.0.2.1
          2001:db8::1

                          tokens   share  requests  errors    rate
example-chat, preset   2,000,000   80.0%         2       0   0.00%  {"#" * 12}
demo|\u5ba2\u670d, my-service    500,000   20.0%         2       1  50.00%  ###
(others)                       7    0.0%         1       0   0.00%  #
total                  2,500,007  100.0%         5       1  20.00%

prompt tokens                      2,200,005
completion tokens                    300,002
""",
    "markdown": """\
Huawei Cloud MaaS usage, 2026-05-20 (Asia/Shanghai): \
preset, my-service, custom-endpoint services in cn-southwest-2, real-time inference, \
only the API keys "", key-a, only the addresses 192.0.2.1, 2001:db8::1.

| service | total tokens | prompt tokens | completion tokens | total requests | total errors \
| error rate | share |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| example-chat, preset | 2,000,000 | 1,800,000 | 200,000 | 2 | 0 | 0.00% | 80.0% |
| demo\\|\u5ba2\u670d, my-service | 500,000 | 400,000 | 100,000 | 2 | 1 | 50.00% | 20.0% |
| (others) | 7 | 5 | 2 | 1 | 0 | 0.00% | 0.0% |
| **total** | **2,500,007** | **2,200,005** | **300,002** | **5** | **1** | **20.00%** \
| **100.0%** |
""",
    "csv": f"""\
start,end,region,service_types,infer_type,api_keys,ips,service,service_type,\
total_tokens,prompt_tokens,completion_tokens,total_requests,total_errors,error_rate,share
{ASKED},example-chat,preset,2000000,1800000,200000,2,0,0.0,0.8
{ASKED},demo|\u5ba2\u670d,my-service,500000,400000,100000,2,1,0.5,0.2
{ASKED},(others),,7,5,2,1,0,0.0,0.0
""",
}


@pytest.mark.parametrize("output", SERVICES)
def test_rows_of_services(output: str, cloud: FakeCloud, run: Run, at: At) -> None:
    """A call between the list and the total is left over."""
    at(NOW)
    chat = Event(NOON, 1_000_000, 900_000, 100_000, service_name="example-chat")
    demo = Event(NOON, 500_000, 400_000, 100_000, service_type=1, service_name="demo|\u5ba2\u670d")
    cloud.events = [chat, chat, demo, demo._replace(total=0, prompt=0, completion=0, failed=True)]
    late = Event(NOON, 7, 5, 2, service_name="late")
    cloud.on(
        "show-statistics",
        lambda _: cloud.events.append(late),
        when=lambda body: body["service_type"] == late.service_type,
    )
    filters = ("--api-keys", "", "key-a", "--ips", "192.0.2.1", "2001:DB8:0::1")
    argv = (*DAY, *SHANGHAI, "--service-type", "all", "--by", "service", *filters)
    assert run(*argv, "--format", output).out == SERVICES[output]


# --- Figures of batch inference, and other labels ---


def test_batch_inference_has_two_more_figures(cloud: FakeCloud, run: Run, at: At) -> None:
    """Tasks and inferences follow the error rate, in rows and totals of every format."""
    at(NOW)
    cloud.events = [
        Event(NOON, 5000, infer_type="batch", tasks=1, inferences=1200),
        Event(NOON, 7, infer_type="batch", tasks=2, inferences=34),
        Event(NOON, 999, tasks=4, inferences=4),
    ]
    argv = (*DAY, "--infer-type", "batch", "--by", "service-type", "--service-type", "preset")
    document = run(*argv, "--format", "json").out
    figures = '"error_rate": 0.0, "completed_tasks": 3, "inference_count": 1234'
    assert '  "infer_type": "batch",\n' in document
    assert f'"total_errors": 0, {figures}}},\n' in document
    assert f'"total_errors": 0, {figures}, "share": 1.0}}\n' in document

    header, row = run(*argv, "--format", "csv").out.splitlines()
    assert header.endswith(",total_errors,error_rate,completed_tasks,inference_count,share")
    assert row.endswith(",5007,0,0,2,0,0.0,3,1234,1.0")
    header, total = run(*DAY, "--infer-type", "batch", "--format", "csv").out.splitlines()
    assert header.endswith(",total_errors,error_rate,completed_tasks,inference_count")
    assert total.endswith(",5007,0,0,2,0,0.0,3,1234")

    table = run(*argv).out.splitlines()
    assert table[1] == "services  preset (batch inference)"
    assert table[-2:] == [
        "completed tasks                            3",
        "inference count                        1,234",
    ]

    markdown = run(*argv, "--format", "markdown").out.splitlines()
    assert markdown[0].endswith(", batch inference.")
    assert markdown[2].endswith("| error rate | completed tasks | inference count | share |")
    assert markdown[5].endswith("| **0.00%** | **3** | **1,234** | **100.0%** |")


@pytest.mark.parametrize(
    ("argv", "json_names", "csv_names"),
    [
        ("hour --period 3h", "hour start end partial", "hour partial"),
        ("week --period 9d", "week start end partial", "week partial"),
        ("service-type", "service_type", "service_type"),
        ("api-key --api-keys a", "api_key", "api_key"),
        ("ip --ips 192.0.2.1", "ip", "ip"),
    ],
)
def test_rows_have_their_labels_before_the_figures(
    argv: str, json_names: str, csv_names: str, run: Run, at: At
) -> None:
    """JSON and CSV use the same names and values."""
    at(NOW)
    rows = run("--by", *argv.split(), "--format", "json").document["rows"]
    lines = list(csv.reader(io.StringIO(run("--by", *argv.split(), "--format", "csv").out)))
    figures = [*FIGURES, "error_rate", "share"]
    common = ["start", "end", "region", "service_types", "infer_type", "api_keys", "ips"]
    for row in rows:
        assert list(row) == [*json_names.split(), *figures]
    assert lines[0] == [*common, *csv_names.split(), *figures]
    label = json_names.split(maxsplit=1)[0]
    assert [line[7] for line in lines[1:]] == [row[label] for row in rows]


def test_csv_has_a_header_though_the_list_of_services_is_empty(run: Run) -> None:
    """A program finds the columns that it looks for."""
    assert run("--by", "service", "--format", "csv").out == (
        "start,end,region,service_types,infer_type,api_keys,ips,service,service_type,"
        "total_tokens,prompt_tokens,completion_tokens,total_requests,total_errors,error_rate,share\n"
    )


def test_the_online_experience_is_a_pair_of_quotes(run: Run) -> None:
    """JSON has the empty text."""
    argv = ("--by", "api-key", "--api-keys", "", "--format")
    assert run(*argv, "json").document["rows"][0]["api_key"] == ""
    assert next(csv.DictReader(io.StringIO(run(*argv, "csv").out)))["api_key"] == '""'
    assert run(*argv, "table").out.split("\n\n")[1].splitlines()[1].startswith('"" ')
    assert run(*argv, "markdown").out.splitlines()[4].startswith('| "" |')


@pytest.mark.parametrize(
    ("by", "whole", "partial"),
    [
        ("hour", "2026-11-28, Sat 05:00", "2026-11-28, Sat 06:00"),
        ("day", "2026-11-27, Fri", "2026-11-28, Sat"),
        ("week", "2026-11-16", "2026-11-23"),
    ],
)
def test_people_see_which_rows_are_partial(
    by: str, whole: str, partial: str, run: Run, at: At
) -> None:
    """A star in tables, with a line that explains it, and a word in Markdown."""
    at("2026-11-29T00:00:00+08:00")
    start = f"{whole[:10]}T05:00" if by == "hour" else whole[:10]
    argv = ("--from", start, "--to", "2026-11-28T06:30", *SHANGHAI, "--by", by)
    table = run(*argv).out.split("\n\n")[1].splitlines()
    assert table[1].startswith(f"{whole}    ")
    assert table[2].startswith(f"{partial} *  ")
    assert table[4] == "* partial"
    markdown = run(*argv, "--format", "markdown").out.splitlines()
    assert markdown[4].startswith(f"| {whole} | ")
    assert markdown[5].startswith(f"| {partial} (partial) | ")


def test_services_have_no_type_where_one_type_is_asked(cloud: FakeCloud, run: Run, at: At) -> None:
    """It would be the same for all."""
    at(NOW)
    cloud.events = [Event(NOON, 1000, service_name="demo")]
    assert table_of_rows(run(*DAY, "--by", "service").out)[1].startswith("demo  ")
    markdown = run(*DAY, "--by", "service", "--format", "markdown").out.splitlines()
    assert markdown[4].startswith("| demo | ")


# --- Periods, zones and notes ---


def test_an_hour_that_the_clocks_repeat_is_no_single_time(run: Run, at: At) -> None:
    """Its start and end look alike, and both are shown."""
    at("2026-10-26T00:00:00+00:00")
    ends = ("--from", "2026-10-25T02:30+02:00", "--to", "2026-10-25T02:30+01:00")
    period = run(*ends, "--timezone", "Europe/Berlin").out.splitlines()[0]
    assert period == "period    2026-10-25 02:30:00 to 2026-10-25 02:30:00 (Europe/Berlin)"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (DAY, "2026-05-20 (UTC)"),
        (
            ("--from", "2026-05-20", "--to", "2026-05-21T12:00"),
            "2026-05-20 00:00:00 to 2026-05-21 12:00:00 (UTC)",
        ),
        (
            ("--from", "2026-05-20T12:00:07", "--to", "2026-05-20"),
            "2026-05-20 12:00:07 to 2026-05-21 00:00:00 (UTC)",
        ),
        (  # this day begins at 01:00
            ("--from", "2026-04-24", "--to", "2026-04-24", "--timezone", "Africa/Cairo"),
            "2026-04-24 (Africa/Cairo)",
        ),
    ],
    ids=["one day", "the end is a time", "the start is a time", "a day without midnight"],
)
def test_whole_days_are_said_by_first_and_last_day(
    argv: tuple[str, ...], words: str, run: Run, at: At
) -> None:
    """The same words stand in the table and in the sentence of Markdown."""
    at(NOW)
    assert run(*argv).out.startswith(f"period    {words}\n")
    sentence = run(*argv, "--format", "markdown").out
    assert sentence.startswith(f"Huawei Cloud MaaS usage, {words}: ")


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="only POSIX reads all forms of TZ")
@pytest.mark.parametrize(
    ("variable", "words"),
    [("XXX3:30", "UTC-03:30"), ("CET-1CEST,M3.5.0,M10.5.0/3", "UTC+02:00 to UTC+01:00")],
)
def test_a_zone_without_a_name_is_shown_by_its_offset(
    variable: str, words: str, run: Run, at: At
) -> None:
    """By two, if the clocks change in the period."""
    at("2026-11-03T10:15:30+00:00")
    table = run("--from", "2026-10-24", "--to", "2026-10-26", TZ=variable).out
    assert table.startswith(f"period    2026-10-24 to 2026-10-26 ({words})\n")


@pytest.mark.parametrize(
    ("start", "end", "is_cut"),
    [
        ("2026-05-01", "2026-05-20", False),
        ("2026-05-01", "2026-05-30", True),
        ("2026-04-01", "2026-05-20", True),
    ],
    ids=["whole", "into the future", "from before what is kept"],
)
def test_people_read_that_a_period_is_incomplete(
    start: str, end: str, is_cut: bool, run: Run, at: At
) -> None:
    """At either end."""
    at(NOW)
    argv = ("--from", start, "--to", end, "--format")
    assert run(*argv, "table").out.splitlines()[0].endswith(" (UTC) (incomplete)") == is_cut
    assert (" (UTC) (incomplete): preset " in run(*argv, "markdown").out) == is_cut


def test_notes_are_in_the_json_document_or_on_stderr(run: Run) -> None:
    """They are the same in all formats. Here they are on the lag, the type and the zeros."""
    in_json = run("--format", "json")
    assert len(in_json.notes) == 3
    assert in_json.err == ""
    for output in ("table", "markdown", "csv"):
        assert run("--format", output).notes == in_json.notes


# --- Tables: shares, bars and columns ---


def table_of_rows(out: str) -> list[str]:
    """Return the lines of the table of rows: headings, rows and total."""
    return out.split("\n\n")[1].splitlines()


def test_a_share_is_rounded_once(cloud: FakeCloud, run: Run, at: At) -> None:
    """From whole tokens: 0.348 % is 0.3 % for people, though 0.35 % would be 0.4 %."""
    at(NOW)
    cloud.events = [Event(NOON, 348), Event(NOON, 99_652, api_key="key-b")]
    argv = (*DAY, "--by", "api-key", "--api-keys", "key-a", "--format")
    assert [row["share"] for row in run(*argv, "json").document["rows"]] == [0.0035, 0.9965]
    lines = table_of_rows(run(*argv, "table").out)
    assert [line.split()[2] for line in lines[1:]] == ["0.3%", "99.7%", "100.0%"]


def test_without_tokens_there_are_no_shares(cloud: FakeCloud, run: Run, at: At) -> None:
    """Nor is there a bar."""
    at(NOW)
    cloud.events = [Event(NOON, failed=True)]
    argv = (*DAY, "--by", "service-type", "--service-type", "preset", "--format")
    assert run(*argv, "json").document["rows"][0]["share"] is None
    assert run(*argv, "csv").out.endswith(",1,1,1.0,\n")
    assert run(*argv, "markdown").out.endswith("| **1** | **1** | **100.00%** |  |\n")
    assert table_of_rows(run(*argv, "table").out) == [
        "        tokens  share  requests  errors     rate",
        "preset       0                1       1  100.00%",
        "total        0                1       1  100.00%",
    ]


@pytest.fixture
def terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], None]:
    """Let stdout look like a terminal with some columns, as far as its width is concerned."""

    def set_columns(columns: int) -> None:
        monkeypatch.setattr(sys.stdout, "fileno", lambda: 1)
        monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((columns, 24)))

    return set_columns


@pytest.mark.parametrize(
    ("columns", "bar"),
    [(None, 32), (120, 40), (87, 39), (53, 5), (52, 0), (0, 32)],
    ids=["a pipe", "120", "87", "53", "52", "a terminal that says 0"],
)
def test_the_longest_bar_is_as_wide_as_the_terminal_allows(
    columns: int | None,
    bar: int,
    cloud: FakeCloud,
    run: Run,
    at: At,
    terminal: Callable[[int], None],
) -> None:
    """Of 40 columns at most, and of 5 at least. The table itself takes 46 columns here, and 2."""
    at(NOW)
    cloud.events = [Event(NOON, 1000)]
    if columns is not None:
        terminal(columns)
    argv = (*DAY, "--by", "api-key", "--api-keys", "key-a")
    row = "key-a   1,000  100.0%         1       0  0.00%"
    assert table_of_rows(run(*argv).out)[1] == f"{row}  {'#' * bar}".rstrip()


def test_bars_are_in_proportion_and_rounded_up(cloud: FakeCloud, run: Run, at: At) -> None:
    """Any token is seen. The total and a row without tokens have no bar."""
    at(NOW)
    cloud.events = [Event(NOON, 1000), Event(NOON, 501, api_key="key-b"), Event(NOON, 1, ip="::1")]
    cloud.events += [Event(NOON, 1, api_key="")]
    argv = (*DAY, "--by", "api-key", "--api-keys", "key-b", "key-a", "key-c")
    lines = table_of_rows(run(*argv).out)
    assert [line.count("#") for line in lines] == [0, 15, 29, 0, 1, 0]


def test_labels_are_never_shortened(run: Run) -> None:
    """A table may be wider than the terminal."""
    label = "a-label-without-any-digits-" * 4
    lines = table_of_rows(run("--by", "api-key", "--api-keys", label).out)
    assert lines[1].startswith(f"{label}  ")


def test_wide_characters_take_two_columns(cloud: FakeCloud, run: Run, at: At) -> None:
    """Chinese ones and full-width letters. The figures stand below each other."""
    at(NOW)
    cloud.events = [Event(NOON, 1000, service_name="\uff21" + "\u5ba2" * 19)]
    cloud.events += [Event(NOON, 10, service_name="b")]
    assert table_of_rows(run(*DAY, "--by", "service").out) == [
        " " * 40 + "  tokens   share  requests  errors   rate",
        "\uff21" + "\u5ba2" * 19 + "   1,000   99.0%         1       0  0.00%",
        "b" + " " * 39 + "      10    1.0%         1       0  0.00%",
        "total" + " " * 35 + "   1,010  100.0%         2       0  0.00%",
    ]


# --- Labels of any kind ---

# A name, what JSON, CSV and tables show for it, and what Markdown shows.
NAMES = [
    ("a\x1b[31mb", "a [31mb", r"a \[31mb"),
    ("b\x00\x07\x7f\x9b\r\n\x85\u2028\u202e\u2066c", "b c", "b c"),
    (" d  e ", "d e", "d e"),
    ("|f|", "|f|", r"\|f\|"),
    ("\\|g\\", "\\|g\\", r"\\\|g\\"),
    ("[h](i) **j** `k` <l>", "[h](i) **j** `k` <l>", r"\[h\](i) \*\*j\*\* \`k\` \<l\>"),
    ("_m_ ~~n~~ &lt;", "_m_ ~~n~~ &lt;", r"\_m\_ \~\~n\~\~ \&lt;"),
    ('"o", p', '"o", p', '"o", p'),
    ("=1+1", "=1+1", "=1+1"),
    ("", "", '""'),
]


def test_names_are_harmless_in_every_format(cloud: FakeCloud, run: Run, at: At) -> None:
    """Customers may call own services and endpoints anything."""
    at(NOW)
    tokens = 1000
    for name, _, _ in NAMES:
        cloud.events.append(Event(NOON, tokens, service_name=name))
        tokens -= 1
    argv = (*DAY, "--by", "service", "--format")
    shown = [shown for _, shown, _ in NAMES]

    rows = run(*argv, "json").document["rows"]
    lines = list(csv.DictReader(io.StringIO(run(*argv, "csv").out, newline="")))
    markdown = run(*argv, "markdown").out.splitlines()[4:-1]
    table = table_of_rows(run(*argv, "table").out)[1:-1]

    assert [row["service"] for row in rows] == shown
    assert [line["service"] for line in lines] == [name or '""' for name in shown]
    assert [line.split(" | ")[0] for line in markdown] == [f"| {escaped}" for *_, escaped in NAMES]
    assert [line[:20].rstrip() for line in table] == [name or '""' for name in shown]


def test_what_was_asked_is_escaped_above_markdown_tables(run: Run) -> None:
    """The names of zones, and API keys, may have underscores."""
    argv = ("--timezone", "America/New_York", "--api-keys", "key_a", "", "--format", "markdown")
    sentence = run(*argv).out.splitlines()[0]
    assert r"America/New\_York" in sentence
    assert sentence.endswith(r', only the API keys key\_a, "".')


# --- Long API keys may be real keys ---

LONG_KEY = "cust_production_team_billing_ke1"  # 32 characters
READABLE_KEYS = [LONG_KEY[1:], "customers-of-the-production-team-billing"]


@pytest.mark.parametrize("option", [["--by", "api-key"], []], ids=["rows", "filter"])
@pytest.mark.parametrize("output", [*FORMATS, "raw"])
def test_an_api_key_of_32_characters_with_a_digit_is_shortened(
    output: str, option: list[str], cloud: FakeCloud, run: Run
) -> None:
    """Others stay readable. It is sent as it is."""
    result = run(*option, "--api-keys", LONG_KEY, *READABLE_KEYS, "--format", output)
    assert LONG_KEY in cloud.statistics[0]["api_keys"]
    out = result.out.replace("\\", "") + result.err
    assert "cust..._ke1" in out
    assert LONG_KEY not in out
    for readable in READABLE_KEYS:
        assert readable in out


def test_a_long_api_key_is_shortened_when_the_service_repeats_it(
    cloud: FakeCloud, run: Run
) -> None:
    """In an answer that --raw shows, and in the message of an error."""
    cloud.on("show-statistics", Answer(200, {"key": LONG_KEY}), times=1)
    assert '"response": {"key": "cust..._ke1"}' in run("--api-keys", LONG_KEY, "--raw").out
    cloud.on("show-statistics", refusal(400, "TEST.0400", f"no API key {LONG_KEY}"))
    assert "no API key cust..._ke1" in run("--api-keys", LONG_KEY).message


# --- --raw: answers as they came ---


def test_raw_shows_what_was_asked_and_the_answer_to_the_letter(
    cloud: FakeCloud, run: Run, at: At
) -> None:
    """The answer's own digits, spaces and order."""
    at(NOW)
    answer = '{"total_token": 9007199254740993.123,  "more": [1.10, "\\u00e9", "\u7528\u91cf"]}'
    cloud.on("show-statistics", Answer(200, answer))
    result = run(*DOCUMENTED_DAYS, "--raw")
    request = (
        '{"service_type": 2, "start_time": 1778169600000, "end_time": 1779292799999, '
        '"infer_type": "real_time", "timezone": "Asia/Shanghai"}'
    )
    assert result.out == f'[{{"request": {request},\n "response": {answer}}}]\n'
    assert result.err == ""


@pytest.mark.parametrize(
    "body", ["null", "[1e999]", '{"total_token": true}', '{"error_code": "TEST.1"}']
)
def test_raw_judges_neither_figures_nor_error_codes(body: str, cloud: FakeCloud, run: Run) -> None:
    """It is there to see what came."""
    cloud.on("show-statistics", Answer(200, body))
    assert f'"response": {body}}}]\n' in run("--raw").out


# --- Figures: exact to the token ---

FIELDS = (
    "total_request_count",
    "total_error_count",
    "total_token",
    "total_prompt_token",
    "total_completion_token",
)


def answer_with(**figures: str) -> Answer:
    """Return an answer with some fields in JSON; the other ones that must be there are 0."""
    fields = {**dict.fromkeys(FIELDS, "0"), **figures}
    return Answer(200, "{" + ", ".join(f'"{name}": {fields[name]}' for name in fields) + "}")


BATCH_FIELDS = ["total_completion_tasks", "total_infer_count"]


@pytest.mark.parametrize("field", [*FIELDS, *BATCH_FIELDS])
def test_one_figure_is_enough_for_usage(field: str, cloud: FakeCloud, run: Run) -> None:
    """Then no note says that nothing was found."""
    cloud.on("show-statistics", answer_with(**{**dict.fromkeys(BATCH_FIELDS, "0"), field: "1"}))
    result = run("--infer-type", "batch", "--period", "yesterday")
    assert result.code == 0
    assert "No usage" not in result.err


@pytest.mark.parametrize(
    ("thousands", "tokens"),
    [
        ("null", 0),
        ("-0.0", 0),
        ("1", 1000),
        ("0.001", 1),
        ("1e3", 10**6),
        ("0.29", 290),
        ("1.005", 1005),
        ("0.0004999", 0),
        ("0.0005", 1),
        ("0.0025", 3),
        ("9007199254740993.123", 9007199254740993123),
        ("999999999999999999.999", 10**21 - 1),
    ],
)
def test_thousands_become_whole_tokens(
    thousands: str, tokens: int, cloud: FakeCloud, run: Run
) -> None:
    """Exactly. More than three decimals are rounded half up, and null is 0."""
    cloud.on("show-statistics", answer_with(total_token=thousands, total_request_count="3.0"))
    totals = run("--format", "json").totals
    assert totals["total_tokens"] == tokens
    assert totals["prompt_tokens"] == 0
    assert totals["total_requests"] == 3


@pytest.mark.parametrize(
    ("errors", "requests", "rate", "shown"),
    [
        (0, 0, None, ""),
        (0, 7, 0.0, "0.00%"),
        (2, 3, 0.6667, "66.67%"),
        (3, 3, 1.0, "100.00%"),
    ],
)
def test_the_error_rate_has_four_decimals(
    errors: int, requests: int, rate: float | None, shown: str, cloud: FakeCloud, run: Run
) -> None:
    """In percent two. Without requests there is none."""
    answer = answer_with(total_error_count=str(errors), total_request_count=str(requests))
    cloud.on("show-statistics", answer)
    assert run("--format", "json").totals["error_rate"] == rate
    assert run().out.splitlines()[-1].partition("error rate")[2].strip() == shown
    assert run("--format", "csv").out.endswith(f",{'' if rate is None else rate}\n")


INVALID_FIGURES = [
    ("total_token", '"7"'),
    ("total_token", "-0.001"),
    ("total_token", "true"),
    ("total_token", '{"value": 7}'),
    ("total_token", "1e999"),
    ("total_completion_token", "1000000000000000000"),
    ("total_request_count", "false"),
    ("total_request_count", "1.5"),
    ("total_request_count", "1e18"),
    ("total_error_count", "-1"),
    ("total_error_count", "0.1"),
    ("total_infer_count", "0.5"),
]


@pytest.mark.parametrize(("field", "value"), INVALID_FIGURES)
def test_a_figure_that_is_not_valid_never_becomes_a_total(
    field: str, value: str, cloud: FakeCloud, run: Run
) -> None:
    """Exit code 4, and no further try. Here all other figures are valid."""
    batch = {"total_completion_tasks": "1", "total_infer_count": "1"}
    cloud.on("show-statistics", answer_with(**{**batch, field: value}))
    result = run("--infer-type", "batch")
    assert result.code == 4
    assert "the value of " in result.message
    assert len(cloud.statistics) == 1


def test_figures_of_batch_inference_do_not_matter_elsewhere(cloud: FakeCloud, run: Run) -> None:
    """Whatever the service answers, they are neither judged nor shown."""
    cloud.on("show-statistics", answer_with(total_infer_count='"x"'))
    assert "inference_count" not in run("--format", "json").totals


@pytest.mark.parametrize("missing", [*FIELDS, "total_completion_tasks", "total_infer_count"])
def test_a_figure_that_is_missing_is_never_taken_for_zero(
    missing: str, cloud: FakeCloud, run: Run
) -> None:
    """A renamed field would otherwise be a wrong zero. The message names it."""
    fields = dict.fromkeys([*FIELDS, "total_completion_tasks", "total_infer_count"], 7)
    fields["renamed"] = fields.pop(missing)
    cloud.on("show-statistics", Answer(200, fields))
    result = run("--infer-type", "batch")
    assert result.code == 4
    assert missing in result.message


@pytest.mark.parametrize("body", ["null", "7", '[{"total_token": 7}]', '{"data": {}}'])
def test_json_without_figures_is_not_taken_for_zero(body: str, cloud: FakeCloud, run: Run) -> None:
    """Exit code 4, and no further try."""
    cloud.on("show-statistics", Answer(200, body))
    assert run().code == 4
    assert len(cloud.statistics) == 1


NOT_QUITE_JSON = {
    "beyond decimals": "1e9999999999999999999",
    "many digits": "9" * 6000,
    "two documents": "0} {",
    "endless brackets": "[" * 100_000,
}


@pytest.mark.parametrize("value", NOT_QUITE_JSON.values(), ids=NOT_QUITE_JSON)
def test_what_only_looks_like_json_never_becomes_a_total(
    value: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Not even in a field that nobody reads."""
    cloud.on("show-statistics", answer_with(other=value))
    assert run().code == 4


@pytest.mark.parametrize("error_code", [None, "", 0, "0"])
def test_an_error_code_may_say_that_there_is_no_error(
    error_code: object, cloud: FakeCloud, run: Run
) -> None:
    """In some of the usual spellings."""
    cloud.on("show-statistics", Answer(200, {**dict.fromkeys(FIELDS, 7), "error_code": error_code}))
    assert run("--format", "json").totals["total_requests"] == 7


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({**dict.fromkeys(FIELDS, 7), "error_code": "TEST.7"}, "error code TEST.7"),
        ({**dict.fromkeys(FIELDS, 7), "error_code": 7}, "error code 7"),
        ({"error_msg": "not for you"}, "not for you"),
    ],
    ids=["a text", "a number", "no code and no figures"],
)
def test_an_answer_that_is_an_error_says_so_whatever_figures_it_has(
    fields: dict[str, Any], shown: str, cloud: FakeCloud, run: Run
) -> None:
    """The message shows the code or the text of the service."""
    cloud.on("show-statistics", Answer(200, fields))
    result = run()
    assert result.code == 4
    assert shown in result.message
