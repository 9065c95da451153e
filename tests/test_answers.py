"""What is shown for what is answered: figures exact to the token, in every format."""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Callable

import pytest
from cloud import PROJECT_ID, Event, FakeCloud, answer
from conftest import Run, ms

NOW = "2026-05-22T08:00:00+08:00"
# what Huawei's own skill shows of an answer
EXAMPLE = {
    "total_request_count": 67188, "total_error_count": 8002, "total_token": 2482084.98, "total_prompt_token": 2456504.362,
    "total_completion_token": 24872.928, "total_completion_tasks": 0, "total_infer_count": 0,
}  # fmt: skip
DAYS = ("--from", "2026-05-08", "--to", "2026-05-21", "--timezone", "Asia/Shanghai")


def test_json(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """The document of the interface, to the letter."""
    at(NOW)
    cloud.always["modelarts"] = answer(200, json.dumps(EXAMPLE))
    document = run(*DAYS, "--format", "json").document
    assert document == {
        "period": {"start": "2026-05-08T00:00:00+08:00", "end": "2026-05-22T00:00:00+08:00",
                   "timezone": "Asia/Shanghai", "complete": True},
        "region": "cn-southwest-2",
        "project_id": PROJECT_ID,
        "service_type": "preset",
        "infer_type": "real_time",
        "api_keys": None,
        "ips": None,
        "totals": {"total_tokens": 2482084980, "prompt_tokens": 2456504362, "completion_tokens": 24872928,
                   "total_requests": 67188, "total_errors": 8002, "error_rate": 0.1191},
        "by": None,
        "rows": [],
        "notes": [],
    }  # fmt: skip
    assert list(document) == ["period", "region", "project_id", "service_type", "infer_type", "api_keys", "ips", "totals",
                              "by", "rows", "notes"]  # fmt: skip
    sent = {"service_type": 2, "start_time": 1778169600000, "end_time": 1779379199999, "timezone": "Asia/Shanghai"}
    assert cloud.statistics == [{**sent, "infer_type": "real_time"}]


def test_table(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """What was asked, then the figures."""
    at(NOW)
    cloud.always["modelarts"] = answer(200, json.dumps(EXAMPLE))
    result = run(*DAYS)
    assert result.out == (
        "service   preset, real_time\n"
        "region    cn-southwest-2, project 0123456789abcdef0123456789abcdef\n"
        "period    2026-05-08 00:00:00+08:00 to 2026-05-22 00:00:00+08:00\n"
        "zone      Asia/Shanghai\n"
        "\n"
        "total tokens                   2,482,084,980      2.48 G\n"
        "prompt tokens                  2,456,504,362      2.46 G\n"
        "completion tokens                 24,872,928     24.87 M\n"
        "total requests                        67,188\n"
        "total errors                           8,002      11.91%\n"
    )
    assert result.err == ""


def test_csv(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """A header of the same names, and one line for the total."""
    at(NOW)
    cloud.always["modelarts"] = answer(200, json.dumps(EXAMPLE))
    assert run(*DAYS, "--format", "csv").out == (
        "start,end,total_tokens,prompt_tokens,completion_tokens,total_requests,total_errors,error_rate\n"
        "2026-05-08T00:00:00+08:00,2026-05-22T00:00:00+08:00,2482084980,2456504362,24872928,67188,8002,0.1191\n"
    )


def test_raw(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """The answers as they came, figures to the last digit, with what was asked."""
    at(NOW)
    text = '{"total_token": 9007199254740993.123,  "total_error_count":0, "more": [1.10, "\\u00e9", "\u7528\u91cf"]}'
    cloud.always["modelarts"] = answer(200, text.encode())
    result = run(*DAYS, "--raw", "--service-type", "all")
    assert text in result.out
    pairs = json.loads(result.out)
    assert [pair["response"] for pair in pairs] == [json.loads(text)] * 3
    assert [pair["request"]["service_type"] for pair in pairs] == [2, 1, 4]
    assert all(pair["request"] in cloud.statistics for pair in pairs)


@pytest.mark.parametrize("output", ["table", "csv", "json"])
def test_nothing_was_used(output: str, cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """Zeros are a result; the table says what to try."""
    at(NOW)
    result = run(*DAYS, "--format", output)
    assert result.code == 0
    if output == "json":
        assert set(result.totals.values()) == {0, None}
        assert result.totals["error_rate"] is None
    if output == "csv":
        assert next(csv.DictReader(io.StringIO(result.out)))["error_rate"] == ""
    for word in ("--service-type", "batch", "--region", "lag"):
        assert (word in result.out) == (output == "table")
    assert max(map(len, result.out.splitlines())) <= 80 or output == "csv"


def test_exact_to_the_token(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """Where a float would have lost the last digits."""
    at(NOW)
    cloud.events = [Event(ms("2026-05-10T00:00:00+08:00"), 9007199254740993123, 9007199254740993001, 121)]
    totals = run(*DAYS, "--format", "json").totals
    assert totals["total_tokens"] == 9007199254740993123
    assert totals["prompt_tokens"] == 9007199254740993001
    assert totals["completion_tokens"] == 121


@pytest.mark.parametrize(
    ("thousands", "tokens"),
    [("0", 0), ("-0.0", 0), ("1", 1000), ("0.001", 1), ("1e3", 10**6), ("1.5E-3", 2), ("0.0004", 0), ("0.0006", 1), ("null", 0),
     ("2482084.980", 2482084980), ("123456789012345.678", 123456789012345678), ("0.29", 290), ("1.005", 1005),
     ("999999999999999999.999", 10**21 - 1)],
)  # fmt: skip
def test_thousands_become_whole_tokens(thousands: str, tokens: int, cloud: FakeCloud, run: Run) -> None:
    """Exactly; what is more than three decimals is rounded."""
    cloud.always["modelarts"] = answer(200, f'{{"total_token": {thousands}, "total_request_count": 3.0}}')
    totals = run("--format", "json").totals
    assert totals == {"total_tokens": tokens, "prompt_tokens": 0, "completion_tokens": 0, "total_requests": 3,
                      "total_errors": 0, "error_rate": 0.0}  # fmt: skip


@pytest.mark.parametrize(
    ("tokens", "shown"),
    [(999_994, ""), (999_995, "1.00 M"), (1_000_000, "1.00 M"), (999_994_999, "999.99 M"), (999_995_000, "1.00 G"),
     (2_482_084_980, "2.48 G"), (10**12, "1.00 T"), (10**15, "1,000.00 T")],
)  # fmt: skip
def test_large_figures_are_also_short(tokens: int, shown: str, cloud: FakeCloud, run: Run) -> None:
    """From a million on."""
    cloud.always["modelarts"] = answer(200, json.dumps({"total_token": tokens / 1000}))
    line = next(line for line in run().out.splitlines() if line.startswith("total tokens"))
    assert line.split(maxsplit=2)[2].partition(" ")[2].strip() == shown
    assert f" {tokens:,}" in line


NO_ANSWERS: dict[str, Any] = {
    "HTML": "<html><body>502</body></html>", "empty": "", "null": "null", "list": "[]", "number": "7", "text": '"total_token"',
    "true": "true", "no known field": '{"total": 7}', "all null": '{"total_token": null}', "nested": '{"data": {"total_token": 7}}',
    "a text": '{"total_token": "7"}', "negative": '{"total_token": -0.001}', "negative calls": '{"total_error_count": -1}',
    "NaN": '{"total_token": NaN}', "infinite": '{"total_token": Infinity}', "beyond float": '{"total_token": 1e999}',
    "beyond decimal": '{"total_token": 1e9999999999999999999}', "boolean": '{"total_token": true}', "list figure": '{"total_token": [7]}',
    "nested figure": '{"total_token": {"value": 7}}', "half a call": '{"total_request_count": 1.5}', "half a failure": '{"total_error_count": 0.1}',
    "deep": "[" * 100_000, "deep and closed": '{"a":' * 100_000 + "1" + "}" * 100_000, "not UTF-8": b'{"total_token": 7, "x": "\xff"}',
    "UTF-16": '{"total_token": 7}'.encode("utf-16"), "two documents": '{"total_token": 7}{"total_token": 8}',
    "NaN elsewhere": '{"total_token": 1, "x": NaN}', "many digits": '{"total_token": ' + "9" * 6000 + "}", "single quotes": "{'total_token': 7}",
}  # fmt: skip


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
@pytest.mark.parametrize("output", ["json", "table", "raw"])
def test_an_answer_that_is_none(body: str | bytes, output: str, cloud: FakeCloud, run: Run) -> None:
    """Exit code 4 and a sentence, never a total; and it is asked once only."""
    cloud.always["modelarts"] = answer(200, body)
    result = run("--raw") if output == "raw" else run("--format", output)
    assert result.code == 4
    assert len(cloud.statistics) == 1
    if output == "json":
        assert result.error["kind"] == "service"
        assert result.error["retryable"] is False


@pytest.mark.parametrize("body", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_no_list_of_projects(body: str | bytes, cloud: FakeCloud, run: Run) -> None:
    """The same for IAM, after which nothing is asked."""
    cloud.always["iam"] = answer(200, body)
    assert run().code == 4
    assert len(cloud.seen) == 1


@pytest.mark.parametrize("label", ["\u6d4b\u8bd5" * 30, "x" * 23, "y" * 300, "a\x1b[31mb\nc", "\udcff", '"quoted",'])
@pytest.mark.parametrize("output", ["table", "csv", "json", "raw"])
def test_labels_of_any_kind(label: str, output: str, cloud: FakeCloud, run: Run) -> None:
    """Whatever a key is labelled, the table keeps its width and the terminal its peace."""
    argv = ["--raw"] if output == "raw" else ["--format", output, "--by", "api-key"]
    out = run("--api-keys", label, "", *argv).out
    assert cloud.statistics[0]["api_keys"][0] == label
    if output == "table":
        assert "\x1b" not in out
        for line in out.splitlines():
            assert len(line) + sum(c > "\u2e80" for c in line) <= 80
    if output in ("json", "raw"):
        json.loads(out)
    if output == "csv" and len(label) < 24:
        assert [row["api_key"] for row in csv.DictReader(io.StringIO(out, newline=""))] == [label.replace("\udcff", "\\udcff"), ""]
