"""The command line: what is sent for each argument, and what is refused before anything is sent."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from cloud import API_KEYS, IPS, PROJECT_ID, PROJECT_IDS, Event, FakeCloud, usage_like
from conftest import At, Run, ms
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from maas_rest_usage_stats import main

NOW = "2026-11-03T10:15:30+00:00"  # a Tuesday; data is kept from 2026-10-04T10:15:30
YESTERDAY = ms("2026-11-02T00:00:00+00:00")
LABEL = "\u56e2\u961f"  # a label that is not ASCII

# What may be a key in the wrong place.
LETTERS_20 = "EXAMPLE" + "a1b2c3d4e5f6g"
SIGNS_24 = "EXAMPLE" + "+/=_-" + "a1b2c3d4e5f6"


# --- Usage errors ---

# Options, a word of the message for a wrong value, and wrong values.
WRONG_VALUES = {
    "--period": (
        "unknown period",
        ["", "7", "7D", "7w", "\u0667d", "0d", "31d", "0h", "721h", "1000h", "last-0-days",
         "last-30-days", "last-7-day", "last-2-weeks", "Today"],
    ),
    "--timezone": (
        "unknown time zone",
        ["", "Mars/Olympus", "asia/shanghai", "Asia/Shanghai ", "Asia//Shanghai", "America/",
         "CST", "CST-8", "Singapore", "utc", "posix/Europe/Berlin", "right/UTC",
         "../zoneinfo/UTC", "/usr/share/zoneinfo/UTC", f"{'Ab/' * 300}B", "Asia/\0", "\ud800/x",
         "Asia/\u4e0a\u6d77"],
    ),
    # Nothing else may get into the address of a request.
    "--region": (
        "xx-yyyy-1",
        ["", "guiyang", "CN-southwest-2", "cn-southwest-2.example", "cn-southwest-2/../x",
         "x.cn-southwest-2", "cn-southwest-2\n"],
    ),
    "--project-id": (
        "32 characters",
        ["", "../../x", PROJECT_ID[1:], f"{PROJECT_ID}0", PROJECT_ID.upper(), f"{PROJECT_ID}\n"],
    ),
    "--service-type": ("service type", ["", "3", "02", "0", "Preset", "all "]),
    "--infer-type": ("real_time", ["", "offline"]),
    "--ips": (
        "IPv4 or IPv6 address",
        ["", "192.0.2.256", "2001:db8::g", "192.0.2.0/24", "fe80::1%eth0", "3221225985",
         "example.com", "192.0.2.1,192.0.2.2"],
    ),
    "--by": ("service-type", ["", "month"]),
    "--format": ("markdown", ["", "xml"]),
}  # fmt: skip
CASES = [(name, text, word) for name, (word, values) in WRONG_VALUES.items() for text in values]


@pytest.mark.parametrize(("option", "text", "word"), CASES, ids=ascii)
def test_a_wrong_value_is_explained_and_nothing_is_sent(
    option: str, text: str, word: str, cloud: FakeCloud, run: Run
) -> None:
    """With exit code 2."""
    result = run(f"{option}={text}")
    assert result.code == 2
    assert word in result.error["message"]
    assert cloud.connections == []


# arguments, and a word of the message that tells this error from others
WRONG = [
    ("--from 2026-11-01 --period 7d", "--period cannot be used"),
    ("--from 2026-11-01 --to 2026-11-02 --period 7d", "--period cannot be used"),
    ("--to 2026-11-02", "--to needs --from"),
    ("--to 2026-11-02 --period 7d", "--to"),
    ("--from 2026-11-02 --to 2026-11-01", "empty"),
    ("--from 2026-11-02 --to 2026-10-20", "empty"),
    ("--from 2026-11-02T10:00 --to 2026-11-02T10:00", "empty"),
    ("--from 2026-11-03T10:15:30Z", "empty"),
    ("--from 2026-11-03T10:15:31Z", "future"),
    ("--from 2099-12-31", "future"),
    ("--period", "--period"),
    ("--ips", "--ips"),
    ("--ips 192.0.2.1 2001:db8::g", "2001:db8::g"),
    ("--api-keys", "--api-keys"),
    ("--by api-key", "needs --api-keys"),
    ("--by api-key --ips 192.0.2.1", "needs --api-keys"),
    ("--by ip", "needs --ips"),
    ("--by ip --api-keys key-a", "needs --ips"),
    ("--by service --infer-type batch", "--infer-type batch"),
    ("7d", "7d"),
    ("--perio 7d", "--perio"),  # no abbreviations
    ("--ak short", "--ak"),
    ("--check --period 31d", "unknown period"),
    ("--check --by ip", "needs --ips"),
]


@pytest.mark.parametrize(("arguments", "word"), WRONG)
def test_wrong_arguments_are_explained_and_nothing_is_sent(
    arguments: str, word: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """With exit code 2, also for a check."""
    at(NOW)
    result = run(*arguments.split())
    assert result.code == 2
    assert word in result.error["message"]
    assert cloud.connections == []


NOT_TIMES = [
    "", "yesterday", "2026-02-30", "2026-10-5", "20261005", "1999-12-31", "2100-01-01",
    "2026-10-25Z", "2026-10-25+08:00", "2026-10-25T10", "2026-10-25T24:00", "2026-10-25T10:60",
    "2026-10-25T10:00:60", "2026-10-25T10:00:00.5", "2026-10-25t10:00", "2026-10-25  10:00",
    "2026-10-25T10:00z", "2026-10-25T10:00+0800", "2026-10-25T10:00+24:00",
    "2026-10-25T10:00+08:60", " 2026-10-25", "2026-10-25\n",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_TIMES, ids=ascii)
def test_only_the_documented_forms_of_a_date_or_time_are_read(
    text: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """For both ends."""
    at(NOW)
    start = run(f"--from={text}")
    end = run("--from=2026-10-20", f"--to={text}")
    assert [start.code, end.code] == [2, 2]
    assert start.error["message"].startswith("--from ")
    assert end.error["message"].startswith("--to ")
    assert cloud.connections == []


DASHES = [
    ["--period=--"], ["--from=--"], ["--from=2026-11-01", "--to=--"], ["--timezone=--"],
    ["--service-type=--"], ["--infer-type=--"], ["--api-keys=--"],
    ["--api-keys=key-a", "--api-keys=--"], ["--ips=--"], ["--by=--"], ["--format=--"],
    ["--region=--"], ["--project-id=--"], ["--credentials-file=--"], ["--api-keys", "--"],
    ["--api-keys", "--", "key-a"], ["--ips", "192.0.2.1", "--", "192.0.2.2"], ["--period", "--"],
]  # fmt: skip


@pytest.mark.parametrize("argv", DASHES, ids=" ".join)
def test_two_dashes_are_not_a_value(argv: list[str], cloud: FakeCloud, run: Run, at: At) -> None:
    """They never mean that a filter is left out."""
    at(NOW)
    assert run(*argv).code == 2
    assert cloud.connections == []


def test_a_usage_error_comes_before_one_of_the_credentials(run: Run) -> None:
    """Arguments are judged first."""
    assert run("--period", "31d", HW_ACCESS_KEY=None, HW_SECRET_KEY=None).code == 2


def test_the_first_day_that_is_available_is_a_whole_one(run: Run, at: At) -> None:
    """The day on which the kept time begins counts only if it begins at its midnight."""
    at(NOW)
    refused = run("--from=2026-09-01", "--to=2026-10-04T10:15:30Z", "--timezone=UTC")
    assert refused.code == 2
    assert refused.error["message"].endswith(" 2026-10-05.")
    in_kiritimati = run("--from=2026-09-01", "--to=2026-10-01", "--timezone=Pacific/Kiritimati")
    assert in_kiritimati.error["message"].endswith(" 2026-10-06.")
    at("2026-11-03T00:00:00+00:00")
    at_midnight = run("--from=2026-09-01", "--to=2026-10-03", "--timezone=UTC")
    assert at_midnight.error["message"].endswith(" 2026-10-04.")


# --- What was typed, where it may be a key ---

# What is typed, with VALUE in a place of its own.
PLACES = [
    "--period VALUE", "--from VALUE", "--from 2026-11-01 --to VALUE", "--timezone VALUE",
    "--service-type VALUE", "--infer-type VALUE", "--ips 192.0.2.1 VALUE", "--api-keys VALUE\r",
    "--api-keys VALUE,x", "--by VALUE", "--format VALUE", "--check=VALUE", "--region VALUE",
    "--project-id VALUE", "--ak VALUE", "VALUE",
]  # fmt: skip
MASKED = [(LETTERS_20, "EXAM...5f6g"), (SIGNS_24, "EXAM...e5f6")]


@pytest.mark.parametrize("place", PLACES)
def test_what_may_be_a_key_is_masked_wherever_it_is_typed(
    place: str, cloud: FakeCloud, run: Run
) -> None:
    """Its first and last four characters are shown."""
    for value, shown in MASKED:
        result = run(*place.replace("VALUE", value).split(" "))
        assert result.code == 2
        assert value[4:-4] not in result.err
        assert shown in result.error["message"]
    assert cloud.connections == []


@pytest.mark.parametrize("argument", [f"--{LETTERS_20}", f"--{LETTERS_20}=x", f"-k{LETTERS_20}"])
def test_what_may_be_a_key_is_masked_as_an_option(
    argument: str, cloud: FakeCloud, run: Run
) -> None:
    """The dashes belong to what is masked."""
    result = run(argument)
    assert result.code == 2
    assert LETTERS_20[2:-4] not in result.err
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (LETTERS_20[1:], LETTERS_20[1:]),
        (SIGNS_24[1:], SIGNS_24[1:]),
        (f"x {LETTERS_20}.y", "x EXAM...5f6g.y"),
        (f"{LETTERS_20} {SIGNS_24}", "EXAM...5f6g EXAM...e5f6"),
        (f"___{LETTERS_20}", "___EXAM...5f6g"),
        (f"____{LETTERS_20}", "____...5f6g"),
        ("7d\x1b[31m\n\u5317", r"7d\x1b[31m\n\u5317"),
    ],
    ids=ascii,
)
def test_only_long_runs_are_masked(value: str, shown: str, run: Run) -> None:
    """20 letters and digits, or 24 with +/=_- among them. Nothing acts in a terminal."""
    assert f"'{shown}'" in run(f"--period={value}").error["message"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/no/{LETTERS_20}/keys", "/no/EXAM...5f6g/keys"),
        (f"/no/{LETTERS_20[1:]}/keys", f"/no/{LETTERS_20[1:]}/keys"),
        ("/no/such-folder/with_many/parts", "/no/such-folder/with_many/parts"),
    ],
)
@pytest.mark.parametrize(("option", "code"), [("--api-keys=@", 2), ("--credentials-file=", 3)])
def test_only_long_words_are_masked_in_a_path(
    option: str, code: int, path: str, shown: str, cloud: FakeCloud, run: Run
) -> None:
    """So a path stays readable."""
    result = run(f"{option}{path}")
    assert result.code == code
    assert shown in result.error["message"]
    assert cloud.connections == []


# --- Formats, regions and types ---

FORMATS = ["table", "markdown", "json", "csv", "raw"]


def format_of(out: str) -> str:
    """Return the format of a result."""
    if out.startswith("["):
        assert list(json.loads(out)[0]) == ["request", "response"]
        return "raw"
    if out.startswith("{"):
        assert "totals" in json.loads(out)
        return "json"
    if out.startswith("start,end,"):
        assert len(list(csv.DictReader(out.splitlines()))) == 1
        return "csv"
    return "markdown" if "| **total** |" in out else "table"


@pytest.mark.parametrize(
    ("arguments", "used"),
    [
        ("", "table"),
        *[(f"--format {name}", name) for name in FORMATS],
        ("--raw", "raw"),
        ("--format json --format csv", "csv"),
        ("--format csv --raw", "raw"),
        ("--raw --format json", "json"),
    ],
)
def test_the_last_format_counts(arguments: str, used: str, run: Run) -> None:
    """A table is the default; --raw is the same as --format raw."""
    result = run(*arguments.split())
    assert result.code == 0
    assert format_of(result.out) == used


@pytest.mark.parametrize(
    ("arguments", "in_json"),
    [
        ("--format json", True),
        ("--format=json", True),
        ("--format csv --format json", True),
        ("--raw --format json", True),
        ("--format json --format csv", False),
        ("--format=json --format=csv", False),
        ("--format json --raw", False),
        ("--format", False),
    ],
)
def test_the_last_format_decides_how_an_error_is_written(
    arguments: str, in_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    """As it decides on the result."""
    assert main([*arguments.split(), "--nonsense"]) == 2
    assert capsys.readouterr().err.startswith('{"error": ') is in_json


def test_what_is_asked_without_arguments(cloud: FakeCloud, run: Run, at: At) -> None:
    """The preset services of Guiyang, in real time, for seven days, without a filter."""
    at(NOW)
    document = run("--format", "json").document
    assert [request.host.split(".")[1] for request in cloud.seen] == ["cn-southwest-2"] * 2
    assert cloud.statistics == [
        {
            "service_type": 2,
            "infer_type": "real_time",
            "start_time": ms("2026-10-27T10:15:30+00:00"),
            "end_time": ms("2026-11-03T10:15:30+00:00") - 1,
            "timezone": "UTC",
        }
    ]
    assert document["service_type"] == "preset"
    assert document["service_types"] == ["preset"]
    assert document["infer_type"] == "real_time"
    assert document["api_keys"] is None
    assert document["ips"] is None
    assert document["by"] is None


@pytest.mark.parametrize(
    ("typed", "number", "name"),
    [
        ("preset", 2, "preset"),
        ("2", 2, "preset"),
        ("my-service", 1, "my-service"),
        ("1", 1, "my-service"),
        ("custom-endpoint", 4, "custom-endpoint"),
        ("4", 4, "custom-endpoint"),
    ],
)
@pytest.mark.parametrize("by", [[], ["--by", "service-type"]], ids=["total", "rows"])
def test_a_service_type_is_sent_as_its_number(
    by: list[str], typed: str, number: int, name: str, cloud: FakeCloud, run: Run
) -> None:
    """Alone, also where rows are by service type."""
    document = run("--service-type", typed, *by, "--format", "json").document
    assert [body["service_type"] for body in cloud.statistics] == [number]
    assert document["service_type"] == name
    assert document["service_types"] == [name]


@pytest.mark.parametrize("arguments", ["--service-type all", "--by service-type"])
@pytest.mark.parametrize(
    ("region", "types"),
    [
        ("cn-southwest-2", {2: "preset", 1: "my-service", 4: "custom-endpoint"}),
        ("ap-southeast-1", {2: "preset", 1: "my-service"}),
        ("cn-north-4", {2: "preset", 1: "my-service", 4: "custom-endpoint"}),
    ],
)
def test_all_is_every_type_that_the_region_offers(
    arguments: str, region: str, types: dict[int, str], cloud: FakeCloud, run: Run, at: At
) -> None:
    """The types are added up; a region that is not known is asked for all three."""
    at(NOW)
    cloud.events = [Event(YESTERDAY, total=10**kind, service_type=kind) for kind in (1, 2, 4)]
    result = run(*arguments.split(), "--region", region, "--format", "json")
    assert sorted(body["service_type"] for body in cloud.statistics) == sorted(types)
    assert result.document["service_type"] == "all"
    assert result.document["service_types"] == list(types.values())
    assert result.totals["total_tokens"] == sum(10**number for number in types)


@pytest.mark.parametrize("region", PROJECT_IDS)
def test_the_region_is_in_every_address(region: str, cloud: FakeCloud, run: Run) -> None:
    """That of IAM, and that of the statistics."""
    result = run("--region", region, "--format", "json")
    hosts = [f"iam.{region}.myhuaweicloud.com", f"modelarts.{region}.myhuaweicloud.com"]
    assert [request.host for request in cloud.seen] == hosts
    assert result.document["region"] == region


def test_of_a_repeated_option_the_last_counts(cloud: FakeCloud, run: Run) -> None:
    """Unless it is a list."""
    run("--service-type", "preset", "--infer-type", "batch", "--service-type", "my-service")
    assert [body["service_type"] for body in cloud.statistics] == [1]
    assert cloud.statistics[0]["infer_type"] == "batch"


# --- API keys and addresses ---


@pytest.mark.parametrize(
    ("argv", "sent"),
    [
        (["--api-keys", "key-b", "key-a"], ["key-b", "key-a"]),
        (["--api-keys", "key-b", "--api-keys", "key-a", "key-b"], ["key-b", "key-a"]),
        (["--api-keys", "", ""], [""]),
        (["--api-keys=-x", "--api-keys="], ["-x", ""]),
        (
            ["--api-keys", "my label", LABEL, "Key-A", "key-a"],
            ["my label", LABEL, "Key-A", "key-a"],
        ),
    ],
    ids=ascii,
)
def test_api_keys_are_sent_as_typed_each_once(
    argv: list[str], sent: list[str], cloud: FakeCloud, run: Run
) -> None:
    """In the order given. Spaces inside and any script are fine."""
    document = run(*argv, "--format", "json").document
    assert cloud.statistics[0]["api_keys"] == sent
    assert document["api_keys"] == sent


NOT_API_KEYS = [
    "key-a,key-b", "'key-a'", '"', '""', "key-a\r", " key-a", "key-a ", " ", "key\ta", "\u3000key",
    "\u200bkey", "\ufeffkey", "key\ud800", "key\0", "\x1b[31m",
]  # fmt: skip


@pytest.mark.parametrize("api_key", NOT_API_KEYS, ids=ascii)
def test_an_api_key_that_would_silently_count_as_zero_is_refused(
    api_key: str, cloud: FakeCloud, run: Run
) -> None:
    """Also behind others. The message shows its characters."""
    result = run("--api-keys", "key-b", api_key)
    assert result.code == 2
    assert ascii(api_key) in result.error["message"]
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ("192.0.2.1", ["192.0.2.1"]),
        ("2001:DB8:0:0::1 2001:0db8:0000:0000:0000:0000:0000:0001", ["2001:db8::1"]),
        ("::FFFF:C000:201 192.0.2.1 192.0.2.2", ["192.0.2.1", "192.0.2.2"]),
        ("192.0.2.2 --ips ::1 192.0.2.2", ["192.0.2.2", "::1"]),
    ],
)
def test_addresses_are_sent_in_canonical_form_each_once(
    arguments: str, sent: list[str], cloud: FakeCloud, run: Run
) -> None:
    """An IPv4 address in the form of IPv6 is the IPv4 address."""
    document = run("--ips", *arguments.split(), "--format", "json").document
    assert cloud.statistics[0]["ips"] == sent
    assert document["ips"] == sent


# --- Files of API keys ---


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of API keys to be written."""
    return tmp_path / "keys.txt"


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (b"key-b\nkey-a\nkey-b", ["key-b", "key-a"]),
        (b"\r\nkey-a\r\n \r\n\tkey-b \r\n", ["key-a", "key-b"]),
        (b'""\nkey-a\n', ["", "key-a"]),
        (
            b"a,b\nit's\n\"x\nmy label\n#1\n-x\n@y\n",
            ["a,b", "it's", '"x', "my label", "#1", "-x", "@y"],
        ),
        (LABEL.encode(), [LABEL]),
        (LABEL.encode("utf-8-sig"), [LABEL]),
        (LABEL.encode("utf-16"), [LABEL]),
        (b"\xfe\xff" + LABEL.encode("utf-16-be"), [LABEL]),
        (b"key-a\n\xff\n", ["key-a", "\ufffd"]),
    ],
    ids=ascii,
)
def test_api_keys_are_read_from_the_lines_of_a_file(
    content: bytes, sent: list[str], file: Path, cloud: FakeCloud, run: Run
) -> None:
    """Blank lines are skipped, and files of Windows work."""
    file.write_bytes(content)
    assert run("--api-keys", f"@{file}").code == 0
    assert cloud.statistics[0]["api_keys"] == sent


def test_files_and_typed_api_keys_are_one_list(home: Path, cloud: FakeCloud, run: Run) -> None:
    """In the order given, each once. A tilde is the home folder."""
    (home / "credentials").write_text("key-a\nkey-b\n", encoding="utf-8")
    run("--api-keys", "key-b", "@~/credentials", "--api-keys", "key-c", "key-a")
    assert cloud.statistics[0]["api_keys"] == ["key-b", "key-a", "key-c"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "no API keys"),
        (b"\n \n", "no API keys"),
        (b"key-a\n'key-b'\n", "quotes"),
        (b'"key-a"', "quotes"),
        (b"''", "quotes"),
        (b"key\ta", "printed"),
        (b"key-a\n\x1b[31m", "printed"),
    ],
    ids=ascii,
)
def test_a_file_with_anything_else_is_refused(
    content: bytes, word: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """An empty one would mean no API key at all."""
    file.write_bytes(content)
    result = run("--api-keys", f"@{file}")
    assert result.code == 2
    assert word in result.error["message"]
    assert cloud.connections == []


@pytest.mark.parametrize("path", ["/no/such/file", "", "/", "x\0"], ids=ascii)
def test_a_file_that_cannot_be_read_is_a_usage_error(path: str, cloud: FakeCloud, run: Run) -> None:
    """A missing one, a folder, or a name that no file has."""
    result = run("--api-keys", f"@{path}")
    assert result.code == 2
    assert f"cannot read {path!a}" in result.error["message"]
    assert cloud.connections == []


# --- Any question ---

USAGE = list(usage_like(ms(NOW), days=31, calls_a_day=60))
TYPES = {"preset": [2], "my-service": [1], "custom-endpoint": [4], "all": [1, 2, 4]}


@settings(
    deadline=None,
    derandomize=True,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    hours=st.integers(1, 720),
    service_type=st.sampled_from(sorted(TYPES)),
    infer_type=st.sampled_from(["real_time", "batch"]),
    api_keys=st.lists(st.sampled_from(API_KEYS), max_size=2, unique=True),
    ips=st.lists(st.sampled_from(IPS), max_size=2, unique=True),
)
def test_any_question_counts_just_the_calls_that_it_asks_for(
    hours: int,
    service_type: str,
    infer_type: str,
    api_keys: list[str],
    ips: list[str],
    cloud: FakeCloud,
    run: Run,
    at: At,
) -> None:
    """Of all kinds of calls in more than 30 days."""
    at(NOW)
    cloud.reset()
    cloud.events = USAGE
    argv = ["--period", f"{hours}h", "--service-type", service_type, "--infer-type", infer_type]
    if api_keys:
        argv += ["--api-keys", *api_keys]
    if ips:
        argv += ["--ips", *ips]
    counted = [
        event
        for event in USAGE
        if ms(NOW) - hours * 3_600_000 <= event.at < ms(NOW)
        and event.service_type in TYPES[service_type]
        and event.infer_type == infer_type
        and event.api_key in (api_keys or API_KEYS)
        and event.ip in (ips or IPS)
    ]

    totals = run(*argv, "--format", "json").totals

    assert totals["total_tokens"] == sum(event.total for event in counted)
    assert totals["prompt_tokens"] == sum(event.prompt for event in counted)
    assert totals["completion_tokens"] == sum(event.completion for event in counted)
    assert totals["total_requests"] == len(counted)
    assert totals["total_errors"] == sum(event.failed for event in counted)
    if infer_type == "batch":
        assert totals["completed_tasks"] == sum(event.tasks for event in counted)
        assert totals["inference_count"] == sum(event.inferences for event in counted)


def test_each_option_that_takes_several_values_is_a_filter_in_json(run: Run) -> None:
    """An option that is parsed and not sent would count all calls."""
    options = re.findall(r"--([a-z-]+) [A-Z]+ \[", run("--help").out)
    assert options == ["api-keys", "ips"]
    for option in options:
        value = "192.0.2.1"
        document = run(f"--{option}", value, "--format", "json").document
        assert document[option.replace("-", "_")] == [value]
