"""What is shown for what the service answers: each format to the letter, figures to the token."""

from __future__ import annotations

import csv
import io
import time

import pytest
from cloud import Answer, Event, FakeCloud, refusal
from conftest import At, Run, ms

NOW = "2026-05-22T08:00:00+08:00"
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

total tokens                   2,482,084,980      2.48 G
prompt tokens                  2,456,504,362      2.46 G
completion tokens                 24,872,928     24.87 M
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
start,end,total_tokens,prompt_tokens,completion_tokens,total_requests,total_errors,error_rate
2026-05-08T00:00:00+08:00,2026-05-21T00:00:00+08:00,\
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


# --- Whole texts: days, of which the period cuts the first ---

DAYS = {
    "table": f"""\
period    2026-05-14 06:00:00 to 2026-05-17 00:00:00 (Asia/Shanghai)
services  preset (real-time inference)
region    cn-southwest-2, project 0123456789abcdef0123456789abcdef

                              tokens  requests  errors  error rate
2026-05-14, Thu (partial)  2,000,000         1       0       0.00%  {"#" * 12}
2026-05-15, Fri            1,000,000         2       1      50.00%  {"#" * 6}
2026-05-16, Sat                    0         0       0
total                      3,000,000         3       1      33.33%

prompt tokens                      2,000,000      2.00 M
completion tokens                    500,000
""",
    "markdown": """\
Huawei Cloud MaaS usage, 2026-05-14 06:00:00 to 2026-05-17 00:00:00 (Asia/Shanghai): \
preset services in cn-southwest-2, real-time inference.

| day | total tokens | prompt tokens | completion tokens | total requests | total errors \
| error rate |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| 2026-05-14, Thu (partial) | 2,000,000 | 1,500,000 | 500,000 | 1 | 0 | 0.00% |
| 2026-05-15, Fri | 1,000,000 | 500,000 | 0 | 2 | 1 | 50.00% |
| 2026-05-16, Sat | 0 | 0 | 0 | 0 | 0 |  |
| **total** | **3,000,000** | **2,000,000** | **500,000** | **3** | **1** | **33.33%** |
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
"total_requests": 1, "total_errors": 0, "error_rate": 0.0},
    {"day": "2026-05-15", "weekday": "Fri", "start": "2026-05-15T00:00:00+08:00", \
"end": "2026-05-16T00:00:00+08:00", "partial": false, \
"total_tokens": 1000000, "prompt_tokens": 500000, "completion_tokens": 0, \
"total_requests": 2, "total_errors": 1, "error_rate": 0.5},
    {"day": "2026-05-16", "weekday": "Sat", "start": "2026-05-16T00:00:00+08:00", \
"end": "2026-05-17T00:00:00+08:00", "partial": false, \
"total_tokens": 0, "prompt_tokens": 0, "completion_tokens": 0, \
"total_requests": 0, "total_errors": 0, "error_rate": null}
  ],
  "notes": []
}
""",
    "csv": """\
start,end,day,weekday,partial,\
total_tokens,prompt_tokens,completion_tokens,total_requests,total_errors,error_rate
2026-05-14T06:00:00+08:00,2026-05-15T00:00:00+08:00,2026-05-14,Thu,True,\
2000000,1500000,500000,1,0,0.0
2026-05-15T00:00:00+08:00,2026-05-16T00:00:00+08:00,2026-05-15,Fri,False,1000000,500000,0,2,1,0.5
2026-05-16T00:00:00+08:00,2026-05-17T00:00:00+08:00,2026-05-16,Sat,False,0,0,0,0,0,
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


# --- Whole texts: services of all types, a filter, a Chinese name, and a rest ---

SERVICES = {
    "table": f"""\
period    2026-05-20 (Asia/Shanghai)
services  preset, my-service, custom-endpoint (real-time inference)
region    cn-southwest-2, project 0123456789abcdef0123456789abcdef
addresses 192.0.2.1
          2001:db8::1

                          tokens  requests  errors  error rate
example-chat, preset   2,000,000         2       0       0.00%  {"#" * 16}
demo|\u5ba2\u670d, my-service        500         2       1      50.00%  #
(others)                       7         1       0       0.00%  #
total                  2,000,507         5       1      20.00%

prompt tokens                      1,800,405      1.80 M
completion tokens                    200,102
""",
    "markdown": """\
Huawei Cloud MaaS usage, 2026-05-20 (Asia/Shanghai): \
preset, my-service, custom-endpoint services in cn-southwest-2, real-time inference, \
only the addresses 192.0.2.1, 2001:db8::1.

| service | total tokens | prompt tokens | completion tokens | total requests | total errors \
| error rate |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| example-chat, preset | 2,000,000 | 1,800,000 | 200,000 | 2 | 0 | 0.00% |
| demo\\|\u5ba2\u670d, my-service | 500 | 400 | 100 | 2 | 1 | 50.00% |
| (others) | 7 | 5 | 2 | 1 | 0 | 0.00% |
| **total** | **2,000,507** | **1,800,405** | **200,102** | **5** | **1** | **20.00%** |
""",
}


@pytest.mark.parametrize("output", SERVICES)
def test_rows_of_services(output: str, cloud: FakeCloud, run: Run, at: At) -> None:
    """A call between the list and the total is left over."""
    at(NOW)
    noon = ms("2026-05-20T12:00:00+08:00")
    chat = Event(noon, 1_000_000, 900_000, 100_000, service_name="example-chat")
    demo = Event(noon, 500, 400, 100, service_type=1, service_name="demo|\u5ba2\u670d")
    cloud.events = [chat, chat, demo, demo._replace(total=0, prompt=0, completion=0, failed=True)]
    late = Event(noon, 7, 5, 2, service_name="late")
    cloud.on("show-statistics", lambda _: cloud.events.append(late), times=1)
    day = ("--from", "2026-05-20", "--to", "2026-05-20", "--timezone", "Asia/Shanghai")
    argv = ("--by", "service", "--service-type", "all", "--ips", "192.0.2.1", "2001:DB8:0::1")
    result = run(*day, *argv, "--format", output)
    assert result.out == SERVICES[output]
    assert result.err == ""


# --- Batch inference has two more figures ---


def test_batch_inference(cloud: FakeCloud, run: Run, at: At) -> None:
    """Tasks and inferences follow the other figures, in rows and totals of every format."""
    at(NOW)
    moment = ms("2026-05-15T12:00:00+08:00")
    cloud.events = [
        Event(moment, 5000, infer_type="batch", tasks=1, inferences=1200),
        Event(moment, 7, infer_type="batch", tasks=2, inferences=34),
        Event(moment, 999, infer_type="real_time"),
    ]
    argv = (*DOCUMENTED_DAYS, "--infer-type", "batch", "--by", "service-type", "--format")
    figures = (
        '"total_tokens": 5007, "prompt_tokens": 0, "completion_tokens": 0, "total_requests": 2, '
        '"total_errors": 0, "error_rate": 0.0, "completed_tasks": 3, "inference_count": 1234}'
    )
    document = run(*argv, "json").out
    assert '  "infer_type": "batch",\n' in document
    assert f'  "totals": {{{figures},\n' in document
    assert f'    {{"service_type": "preset", {figures}\n' in document

    header, row = run(*argv, "csv").out.splitlines()
    assert header.endswith(",total_errors,error_rate,completed_tasks,inference_count")
    assert row.endswith(",preset,5007,0,0,2,0,0.0,3,1234")

    table = run(*argv, "table").out.splitlines()
    assert table[1] == "services  preset (batch inference)"
    assert table[8:] == [
        "prompt tokens                              0",
        "completion tokens                          0",
        "completed tasks                            3",
        "inference count                        1,234",
    ]

    markdown = run(*argv, "markdown").out.splitlines()
    assert markdown[0].endswith(", batch inference.")
    assert markdown[2].endswith("| error rate | completed tasks | inference count |")
    assert markdown[4] == "| preset | 5,007 | 0 | 0 | 2 | 0 | 0.00% | 3 | 1,234 |"
    assert markdown[5].endswith("| **0.00%** | **3** | **1,234** |")


def test_real_time_inference_has_no_batch_figures(cloud: FakeCloud, run: Run) -> None:
    """Whatever the service answers."""
    cloud.on("show-statistics", Answer(200, {"total_token": 1, "total_infer_count": 987654}))
    for output in FORMATS:
        assert "987" not in run("--format", output).out


# --- Names of labels in rows ---


@pytest.mark.parametrize(
    ("argv", "json_names", "csv_names"),
    [
        ("hour --period 3h", "hour start end partial", "start end hour partial"),
        ("week --period 9d", "week start end partial", "start end week partial"),
        ("api-key --api-keys a", "api_key", "start end api_key"),
        ("ip --ips 192.0.2.1", "ip", "start end ip"),
    ],
)
def test_rows_have_their_labels_before_the_figures(
    argv: str, json_names: str, csv_names: str, run: Run, at: At
) -> None:
    """JSON and CSV use the same names."""
    at(NOW)
    rows = run("--by", *argv.split(), "--format", "json").document["rows"]
    for row in rows:
        assert list(row) == [*json_names.split(), *FIGURES, "error_rate"]
    table = list(csv.DictReader(io.StringIO(run("--by", *argv.split(), "--format", "csv").out)))
    assert list(table[0]) == [*csv_names.split(), *FIGURES, "error_rate"]
    label = json_names.split(maxsplit=1)[0]
    assert [row[label] for row in table] == [row[label] for row in rows]


# --- Periods and zones in words ---


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--from", "2026-05-20", "--to", "2026-05-20"], "2026-05-20 (UTC)"),
        (["--from", "2026-05-20", "--to", "2026-05-21T12:00"],
         "2026-05-20 00:00:00 to 2026-05-21 12:00:00 (UTC)"),
        (["--from", "2026-05-20T12:00:07", "--to", "2026-05-20"],
         "2026-05-20 12:00:07 to 2026-05-21 00:00:00 (UTC)"),
        (["--from", "2026-04-24", "--to", "2026-04-24", "--timezone", "Africa/Cairo"],
         "2026-04-24 (Africa/Cairo)"),  # this day begins at 01:00
    ],
    ids=["one day", "the end is a time", "the start is a time", "a day without midnight"],
)  # fmt: skip
def test_whole_days_are_said_by_first_and_last_day(
    argv: list[str], words: str, run: Run, at: At
) -> None:
    """The same words stand in the table and in the sentence of Markdown."""
    at(NOW)
    assert run(*argv).out.startswith(f"period    {words}\n")
    sentence = run(*argv, "--format", "markdown").out
    assert sentence.startswith(f"Huawei Cloud MaaS usage, {words}: ")


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="only POSIX reads all forms of TZ")
@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("CST-8", "UTC+08:00"),
        ("XXX3:30", "UTC-03:30"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "UTC+02:00 to UTC+01:00"),
    ],
)
def test_a_zone_without_a_name_is_shown_by_its_offset(
    variable: str, words: str, run: Run, at: At
) -> None:
    """By two, if the clocks change in the period. JSON says null."""
    at("2026-11-03T10:15:30+00:00")
    days = ("--from", "2026-10-24", "--to", "2026-10-26")
    table = run(*days, TZ=variable).out
    assert table.startswith(f"period    2026-10-24 to 2026-10-26 ({words})\n")
    document = run(*days, "--format", "json", TZ=variable).document
    assert document["period"]["timezone"] is None


# --- Tables: large figures, long labels and 80 columns ---


@pytest.mark.parametrize(
    ("tokens", "short"),
    [(999_999, ""), (10**6, "1.00 M"), (999_994_999, "999.99 M"), (10**9, "1.00 G"),
     (10**12, "1.00 T"), (10**15, "1,000.00 T")],
)  # fmt: skip
def test_large_figures_are_also_short(tokens: int, short: str, cloud: FakeCloud, run: Run) -> None:
    """From a million on."""
    cloud.on("show-statistics", Answer(200, {"total_token": tokens / 1000}))
    words = run().out.splitlines()[4].split(maxsplit=3)
    assert words[:3] == ["total", "tokens", f"{tokens:,}"]
    assert "".join(words[3:]) == short


def answer_with(tokens: int, requests: int) -> Answer:
    """Return an answer with as many errors as requests."""
    figures = {"total_token": tokens // 1000, "total_request_count": requests}
    return Answer(200, {**figures, "total_error_count": requests})


LAYOUTS: dict[str, tuple[int, int, list[str]]] = {
    "the bar is shorter": (
        10**9,
        10**6,
        [
            "                                tokens   requests     errors  error rate",
            "label-of-23-characters-  1,000,000,000  1,000,000  1,000,000     100.00%  ######",
            "total                    1,000,000,000  1,000,000  1,000,000     100.00%",
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
    "figures stay whole": (
        10**18,
        10**10,
        [
            "                               tokens        requests          errors  error rate",
            "labe...rs-  1,000,000,000,000,000,000  10,000,000,000  10,000,000,000     100.00%",
            "total       1,000,000,000,000,000,000  10,000,000,000  10,000,000,000     100.00%",
        ],
    ),
}


@pytest.mark.parametrize(("tokens", "requests", "lines"), LAYOUTS.values(), ids=LAYOUTS)
def test_first_bars_give_way_and_then_labels(
    tokens: int, requests: int, lines: list[str], cloud: FakeCloud, run: Run
) -> None:
    """A label keeps its ends, and at least ten columns."""
    cloud.on("show-statistics", answer_with(tokens, requests))
    argv = ("--by", "api-key", "--api-keys", "label-of-23-characters-")
    assert run(*argv).out.split("\n\n")[1].splitlines() == lines


@pytest.mark.parametrize(("length", "bar"), [(27, "  #####"), (28, "")])
def test_a_bar_has_five_columns_at_least(
    length: int, bar: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """With less room there is none."""
    at(NOW)
    name = "n" * length
    cloud.events = [Event(ms("2026-05-20T12:00:00+00:00"), 1000, service_name=name)]
    lines = run("--by", "service").out.splitlines()
    assert f"{name}, preset   1,000         1       0       0.00%{bar}" in lines


def test_the_longest_bar_belongs_to_the_largest_row(cloud: FakeCloud, run: Run, at: At) -> None:
    """Others are in proportion, rounded up. The total and a row without tokens have no bar."""
    at(NOW)
    noon = ms("2026-05-20T12:00:00+00:00")
    cloud.events = [Event(noon, 1), Event(noon, 501, api_key="key-b"), Event(noon, 1000, ip="::1")]
    argv = ("--by", "api-key", "--api-keys", "key-b", "key-a", "unused")
    rows = run(*argv).out.split("\n\n")[1].splitlines()
    assert [row.count("#") for row in rows] == [0, 18, 34, 0, 0]


def test_chinese_labels_take_two_columns_a_character(cloud: FakeCloud, run: Run, at: At) -> None:
    """Fullwidth letters, too. Shortened or not, the figures stand below each other."""
    at(NOW)
    noon = ms("2026-05-20T12:00:00+00:00")
    wide = "\u5ba2"
    cloud.events = [Event(noon, 1000, service_name="\uff21" + wide * 29)]
    cloud.events += [Event(noon, 10, service_name="\uff22")]
    assert run("--by", "service").out.split("\n\n")[1].splitlines() == [
        " " * 42 + "  tokens  requests  errors  error rate",
        f"\uff21{wide * 9}...{wide * 5}, preset " + "   1,000         1       0       0.00%",
        "\uff22, preset" + " " * 32 + "      10         1       0       0.00%",
        "total" + " " * 37 + "   1,010         2       0       0.00%",
    ]


def test_what_was_asked_has_80_columns_at_most(run: Run, at: At) -> None:
    """A period in a zone with a long name is shortened in the middle."""
    at(NOW)
    zone = "America/Argentina/Buenos_Aires"
    line = run("--from", "2026-05-20T06:00", "--timezone", zone).out.splitlines()[0]
    assert line.startswith("period    2026-05-20 06:00:00 to 2026-05-2")
    assert line.endswith("(America/Argentina/Buenos_Aires)")
    assert len(line) == 80


# --- Labels of any kind ---

# A name, what JSON, CSV and tables show for it, and what Markdown shows.
NAMES = {
    "escape sequence": ("a\x1b[31mb", "a [31mb", r"a \[31mb"),
    "control characters": ("a\x00\x07\x08\x7f\x9bb", "a b", "a b"),
    "line breaks": ("a\r\n\x85\u2028\u2029b", "a b", "a b"),
    "text direction": ("a\u202e\u2066b", "a b", "a b"),
    "spaces": (" a  b ", "a b", "a b"),
    "pipes": ("a|b||", "a|b||", r"a\|b\|\|"),
    "backslashes": ("a\\|b\\", "a\\|b\\", r"a\\\|b\\"),
    "Markdown": ("[a](b) **c** `d` <e>", "[a](b) **c** `d` <e>", r"\[a\](b) \*\*c\*\* \`d\` \<e\>"),
    "quotes": ('"a", b', '"a", b', '"a", b'),
    "formula": ("=1+1", "=1+1", "=1+1"),
    "Chinese": ("\u5ba2\u670d", "\u5ba2\u670d", "\u5ba2\u670d"),
}


@pytest.mark.parametrize(("name", "shown", "in_markdown"), NAMES.values(), ids=NAMES)
def test_names_are_harmless_in_every_format(
    name: str, shown: str, in_markdown: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Customers may call own services and endpoints anything."""
    at(NOW)
    cloud.events = [Event(ms("2026-05-20T12:00:00+00:00"), 1000, service_name=name)]
    result = run("--by", "service", "--format", "json")
    assert result.out.isascii()
    assert result.document["rows"][0]["service"] == shown

    text = run("--by", "service", "--format", "csv").out
    records = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [record["service"] for record in records] == [shown]
    assert len(text.splitlines()) == 2

    lines = run("--by", "service", "--format", "markdown").out.splitlines()
    assert lines[4] == f"| {in_markdown}, preset | 1,000 | 0 | 0 | 1 | 0 | 0.00% |"
    assert len(lines) == 6

    rows = run("--by", "service").out.split("\n\n")[1].splitlines()
    assert rows[1].startswith(f"{shown}, preset ")
    assert len(rows) == 3


def test_filters_are_escaped_above_markdown_tables(run: Run) -> None:
    """What would act there is escaped as in the table."""
    argv = ("--api-keys", "a|`b`[c]<d>*\\", "", "--format", "markdown")
    sentence = run(*argv).out.splitlines()[0]
    assert sentence.endswith(r", only the API keys a\|\`b\`\[c\]\<d\>\*\\, " + '"".')


def test_the_online_experience_is_a_pair_of_quotes_for_people(run: Run) -> None:
    """Programs get the empty text."""
    argv = ("--by", "api-key", "--api-keys", "", "--format")
    assert run(*argv, "json").document["rows"][0]["api_key"] == ""
    assert next(csv.DictReader(io.StringIO(run(*argv, "csv").out)))["api_key"] == ""
    assert run(*argv, "table").out.split("\n\n")[1].splitlines()[1].startswith('"" ')
    assert run(*argv, "markdown").out.splitlines()[4].startswith('| "" |')


def test_filters_have_a_line_for_each_value(run: Run) -> None:
    """Their title stands before the first; JSON lists them as they were sent."""
    filters = ("--api-keys", "", "key-a", "key-b", "--ips", "192.0.2.1")
    assert run(*filters).out.splitlines()[3:8] == [
        'API keys  ""',
        "          key-a",
        "          key-b",
        "addresses 192.0.2.1",
        "",
    ]
    document = run(*filters, "--format", "json").document
    assert document["api_keys"] == ["", "key-a", "key-b"]
    assert document["ips"] == ["192.0.2.1"]


# --- Long API keys may be real keys ---

LONG_NAME = "example|" + "*k" * 12 + "\\end"
# What each format shows for it, as a filter or as the label of a row.
SHORTENED = {
    "table": r"example|...\end",
    "markdown": r"example\|...\\end",
    "json": r'"example|...\\end"',
    "csv": r",example|...\end,",
    "raw": r'["example|...\\end"]',
}


@pytest.mark.parametrize("output", SHORTENED)
def test_long_api_keys_are_shortened_in_rows(output: str, cloud: FakeCloud, run: Run) -> None:
    """To their first eight and last four characters, also where a format escapes them."""
    out = run("--by", "api-key", "--api-keys", LONG_NAME, "--format", output).out
    assert SHORTENED[output] in out
    assert "*k" not in out.replace("\\", "")
    assert cloud.statistics[0]["api_keys"] == [LONG_NAME]


@pytest.mark.parametrize("output", ["table", "markdown", "json", "raw"])
def test_long_api_keys_are_shortened_in_filters(output: str, run: Run) -> None:
    """CSV does not show filters."""
    out = run("--api-keys", LONG_NAME, "--format", output).out
    assert SHORTENED[output] in out
    assert "*k" not in out.replace("\\", "")


def test_long_api_keys_are_shortened_when_the_service_repeats_them(
    cloud: FakeCloud, run: Run
) -> None:
    """In an answer that --raw shows, and in the message of an error."""
    cloud.on("show-statistics", Answer(200, {"key": LONG_NAME}), times=1)
    out = run("--api-keys", LONG_NAME, "--raw").out
    assert r'"response": {"key": "example|...\\end"}' in out
    cloud.on("show-statistics", refusal(400, "TEST.0400", f"no API key {LONG_NAME}"))
    error = run("--api-keys", LONG_NAME).error
    assert r"no API key example|...\end" in error["message"]


def test_api_keys_of_32_characters_are_long(run: Run) -> None:
    """Shorter ones stay whole, so that labels stay distinct."""
    argv = ("--by", "api-key", "--api-keys", "x" * 32, "y" * 31)
    rows = run(*argv, "--format", "json").document["rows"]
    assert [row["api_key"] for row in rows] == ["x" * 8 + "..." + "x" * 4, "y" * 31]
    lines = run(*argv).out.splitlines()
    assert lines[5].startswith("xxxxxxxx...xxxx ")
    assert lines[6].startswith("y" * 31 + " ")


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
    "body", ["null", "[]", "7", '{"total_token": true}', '{"total_error_count": 0.5}', "[1e999]"]
)
def test_raw_judges_no_figures(body: str, cloud: FakeCloud, run: Run) -> None:
    """It is there to see what came."""
    cloud.on("show-statistics", Answer(200, body))
    assert f'"response": {body}}}]\n' in run("--raw").out


# --- Figures: exact to the token ---


@pytest.mark.parametrize(
    ("thousands", "tokens"),
    [
        ("0", 0),
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
        ("2482084.980", 2482084980),
        ("9007199254740993.123", 9007199254740993123),
        ("999999999999999999.999", 10**21 - 1),
    ],
)
def test_thousands_become_whole_tokens(
    thousands: str, tokens: int, cloud: FakeCloud, run: Run
) -> None:
    """Exactly; more than three decimals are rounded half up, and what is missing is 0."""
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
    [
        (0, 0, None, ""),
        (0, 7, 0.0, "0.00%"),
        (1, 3, 0.3333, "33.33%"),
        (2, 3, 0.6667, "66.67%"),
        (3, 3, 1.0, "100.00%"),
    ],
)
def test_the_error_rate_has_four_decimals(
    errors: int, requests: int, rate: float | None, shown: str, cloud: FakeCloud, run: Run
) -> None:
    """In percent two. Without requests there is none."""
    answer = {"total_error_count": errors, "total_request_count": requests}
    cloud.on("show-statistics", Answer(200, answer))
    assert run("--format", "json").totals["error_rate"] == rate
    assert run().out.splitlines()[-1].partition("error rate")[2].strip() == shown
    assert run("--format", "csv").out.endswith(f",{'' if rate is None else rate}\n")


INVALID: dict[str, str | bytes] = {
    "null": "null",
    "list": '[{"total_token": 7}]',
    "no known field": '{"total": 7}',
    "all null": '{"total_token": null}',
    "nested": '{"data": {"total_token": 7}}',
    "a text": '{"total_token": "7"}',
    "negative": '{"total_token": -0.001}',
    "negative calls": '{"total_error_count": -1}',
    "boolean": '{"total_token": true}',
    "false calls": '{"total_request_count": false}',
    "nested figure": '{"total_token": {"value": 7}}',
    "half a call": '{"total_request_count": 1.5}',
    "half a failure": '{"total_error_count": 0.1}',
    "half a task": '{"total_token": 7, "total_completion_tasks": 0.5}',
    "bad among good": '{"total_token": 7, "total_request_count": 1, "total_prompt_token": "x"}',
    "too many tokens": '{"total_completion_token": 1000000000000000000}',
    "too many calls": '{"total_request_count": 1e18}',
    "beyond float": '{"total_token": 1e999}',
    "beyond decimals": '{"total_token": 1e9999999999999999999}',
    "many digits": '{"total_token": ' + "9" * 6000 + "}",
    "NaN": '{"total_token": NaN}',
    "infinite": '{"total_token": Infinity}',
    "NaN elsewhere": '{"total_token": 1, "x": NaN}',
    "two documents": '{"total_token": 7}{"total_token": 8}',
    "not UTF-8": b'{"total_token": 7, "x": "\xff"}',
    "endless brackets": "[" * 100_000,
}


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID)
def test_an_answer_that_is_not_valid_never_becomes_a_total(
    body: str | bytes, cloud: FakeCloud, run: Run
) -> None:
    """Exit code 4, no figures, and no further try."""
    cloud.on("show-statistics", Answer(200, body, {"X-Request-Id": "req-77"}))
    result = run("--format", "json")
    assert result.code == 4
    assert result.out == ""
    assert result.error["kind"] == "service"
    assert result.error["request_id"] == "req-77"
    assert result.error["retryable"] is False
    assert len(cloud.statistics) == 1


def test_an_invalid_answer_that_gives_a_reason(cloud: FakeCloud, run: Run) -> None:
    """The message shows the code and the text of the service."""
    cloud.on("show-statistics", Answer(200, {"error_code": "TEST.7", "error_msg": "not for you"}))
    error = run("--format", "json").error
    assert "TEST.7 not for you" in error["message"]
    assert error["error_code"] == "TEST.7"
