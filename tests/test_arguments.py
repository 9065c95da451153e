"""The command line: what is sent for each argument, and what is refused before anything is sent."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from cloud import PROJECT_ID, Event, FakeCloud
from conftest import At, Run, ms

NOW = "2026-11-03T10:15:30+00:00"  # a Tuesday; data is kept from 2026-10-04T10:15:30
YESTERDAY = ms("2026-11-02T00:00:00+00:00")


# --- Usage errors ---

# Options, a word of the message for a wrong value, and wrong values.
WRONG_VALUES = {
    "--period": (
        "unknown period",
        ["", "7", "7D", "7w", "\u0667d", "0d", "31d", "0h", "721h", "last-0-days", "last-30-days",
         "last-7-day", "Today"],
    ),
    # Nothing else may get into the address of a request.
    "--region": (
        "xx-yyyy-1",
        ["", "guiyang", "CN-southwest-2", "cn-southwest-2/../x", "x.cn-southwest-2",
         "cn-southwest-2\n"],
    ),
    "--project-id": (
        "32 characters",
        ["", "../../x", PROJECT_ID[1:], f"{PROJECT_ID}0", PROJECT_ID.upper(), f"{PROJECT_ID}\n"],
    ),
    "--service-type": ("service type", ["", "02", "0", "Preset"]),
    "--infer-type": ("real_time", ["", "offline"]),
    "--ips": (
        "IPv4 or IPv6 address",
        ["", "192.0.2.256", "192.0.2.0/24", "fe80::1%eth0", "3221225985", "example.com",
         "192.0.2.1,192.0.2.2"],
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
    assert word in result.message
    assert cloud.connections == []


# arguments, and a word of the message that tells this error from others
WRONG = [
    ("--from 2026-11-01 --to 2026-11-02 --period 7d", "--period cannot be used"),
    ("--to 2026-11-02", "--to needs --from"),
    ("--to 2026-11-02 --period 7d", "--to"),
    ("--from 2026-11-02 --to 2026-11-01", "empty"),
    ("--from 2026-11-02 --to 2026-09-20", "empty"),
    ("--from 2026-11-02T10:00 --to 2026-11-02T10:00", "empty"),
    ("--from 2026-11-03T10:15:30Z", "now"),
    ("--from 2026-11-03T10:15:31Z --to 2026-11-04", "begins now or later"),
    ("--service-type 3", "custom-endpoint (4)"),
    ("--ips", "--ips"),
    ("--ips 192.0.2.1 2001:db8::g", "2001:db8::g"),
    ("--api-keys", "--api-keys"),
    ("--by api-key --ips 192.0.2.1", "needs --api-keys"),
    ("--by ip --api-keys key-a", "needs --ips"),
    ("--by service --infer-type batch", "--infer-type batch"),
    ("7d", "7d"),
    ("--perio 7d", "--perio"),  # no abbreviations
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
    assert word in result.message
    assert cloud.connections == []


NOT_TIMES = [
    "", "yesterday", "2026-02-30", "2026-10-5", "20261005", "1999-12-31", "2100-01-01",
    "2026-10-25+08:00", "2026-10-25T10", "2026-10-25T24:00", "2026-10-25T10:60",
    "2026-10-25T10:00:60", "2026-10-25T10:00:00.5", "2026-10-25t10:00", "2026-10-25  10:00",
    "2026-10-25T10:00z", "2026-10-25T10:00+0800", "2026-10-25T10:00+24:00", " 2026-10-25",
    "2026-10-25\n",
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
    assert start.message.startswith("--from ")
    assert end.message.startswith("--to ")
    assert cloud.connections == []


DASHES = [
    ["--api-keys=--"], ["--api-keys=key-a", "--api-keys=--"], ["--ips=--"], ["--by=--"],
    ["--from=2026-11-01", "--to=--"], ["--credentials-file=--"], ["--api-keys", "--"],
    ["--api-keys", "--", "key-a"], ["--ips", "192.0.2.1", "--", "192.0.2.2"],
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


@pytest.mark.parametrize(
    ("now", "zone", "earliest"),
    [
        (NOW, "UTC", "2026-10-05"),
        (NOW, "Pacific/Kiritimati", "2026-10-06"),  # where 5 October began at 10:00 UTC of the 4th
        ("2026-11-03T00:00:00+00:00", "UTC", "2026-10-04"),
        ("2026-11-03T00:00:01+00:00", "UTC", "2026-10-05"),
    ],
)
def test_the_first_day_that_is_available_is_a_whole_one(
    now: str, zone: str, earliest: str, run: Run, at: At
) -> None:
    """The day on which the kept time begins counts only if it begins at its midnight."""
    at(now)
    result = run("--from=2026-09-01", "--to=2026-10-01", "--timezone", zone)
    assert result.code == 2
    assert result.message.endswith(f"is {earliest}.")


# --- Words that may be keys ---

# 20 letters and digits; 32 characters of a key, and the signs at its end.
LETTERS = "EXAMPLEa1b2c3d4e5f6g"
SIGNS = "EXAMPLE_a1-b2+c3_d4-e5+f6_g7-h8i=="
# What is typed, with VALUE in a place of its own.
PLACES = [
    "--period VALUE", "--from VALUE", "--by VALUE", "--region VALUE", "--ips VALUE",
    "--api-keys=@/no/VALUE/file", "--credentials-file=/no/VALUE/file", "--check=VALUE",
    "--ak=VALUE", "VALUE",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_what_may_be_a_key_is_shortened_wherever_it_is_typed(
    place: str, cloud: FakeCloud, run: Run
) -> None:
    """Its first and last four characters are shown."""
    for value, shown in [(LETTERS, "EXAM...5f6g"), (SIGNS, "EXAM...8i==")]:
        result = run(*place.replace("VALUE", value).split(" "))
        assert result.code in (2, 3)
        assert shown in result.message
        assert value[4:-4] not in result.err
    assert cloud.connections == []


def test_a_long_api_key_is_shortened_though_it_is_not_valid(run: Run) -> None:
    """Two may have been joined. It needs no upper-case letters for that."""
    result = run("--api-keys", "alpha-production-key1;beta-production-key2")
    assert "'alph...key2'" in result.message
    assert "production" not in result.err


def test_an_option_that_may_be_a_key_is_shortened(run: Run) -> None:
    """A key may have been pasted behind the dashes."""
    result = run(f"--{LETTERS}")
    assert result.code == 2
    assert LETTERS[4:-4] not in result.err


READABLE = {
    "19 characters": LETTERS[1:],
    "31 characters": SIGNS[:31],
    "no digit": "CustomersOfTheInternationalSite",
    "no upper-case letter": "customers-of-cn-southwest-2-and-others",
    "a project id": PROJECT_ID,
    "a path": "my-Keys1/of_the+team=One/customers-of-cn-southwest-2",
}


@pytest.mark.parametrize("value", READABLE.values(), ids=READABLE)
def test_other_words_stay_readable(value: str, run: Run) -> None:
    """Otherwise nobody could find the misspelt one."""
    assert f"'{value}'" in run(f"--period={value}").message


def test_what_was_typed_cannot_steer_a_terminal(run: Run) -> None:
    """Its control characters and line breaks are escaped."""
    assert r"'7d\x1b[31m\n\u2028'" in run("--period=7d\x1b[31m\n\u2028").message


# --- Formats ---


def format_of(out: str) -> str:
    """Return the format of a result without rows."""
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
        ("--format table", "table"),
        ("--format markdown", "markdown"),
        ("--format json --format csv", "csv"),
        ("--format raw", "raw"),
        ("--format csv --raw", "raw"),
        ("--raw --format json", "json"),
    ],
)
def test_the_last_format_counts(arguments: str, used: str, run: Run) -> None:
    """A table is the default; --raw is the same as --format raw."""
    assert format_of(run(*arguments.split()).out) == used


# --- Types ---


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
    ("number", "name"), [(2, "preset"), (1, "my-service"), (4, "custom-endpoint")]
)
@pytest.mark.parametrize("by", [[], ["--by", "service-type"]], ids=["total", "rows"])
def test_a_service_type_is_sent_as_its_number(
    by: list[str], number: int, name: str, cloud: FakeCloud, run: Run
) -> None:
    """Alone, also where rows are by service type. A region need not be known to offer it."""
    for typed in (name, str(number)):
        document = run("--service-type", typed, *by, "--format", "json").document
        assert document["service_type"] == name
        assert document["service_types"] == [name]
    run("--service-type", name, *by, "--region", "cn-north-4")
    assert [body["service_type"] for body in cloud.statistics] == [number] * 3


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
    cloud.events = [Event(YESTERDAY, total=10**kind, service_type=kind) for kind in types]
    result = run(*arguments.split(), "--region", region, "--format", "json")
    assert sorted(body["service_type"] for body in cloud.statistics) == sorted(types)
    assert result.document["service_type"] == "all"
    assert result.document["service_types"] == list(types.values())
    assert result.totals["total_tokens"] == sum(10**number for number in types)


def test_a_type_that_was_named_is_sent_to_any_region(cloud: FakeCloud, run: Run) -> None:
    """The international site may offer custom endpoints one day."""
    cloud.service_types["ap-southeast-1"] = [1, 2, 4]
    run("--service-type", "custom-endpoint", "--region", "ap-southeast-1")
    assert [body["service_type"] for body in cloud.statistics] == [4]


def test_of_a_repeated_option_the_last_counts(cloud: FakeCloud, run: Run) -> None:
    """Unless it is a list."""
    run("--service-type", "preset", "--infer-type", "batch", "--service-type", "my-service")
    assert [body["service_type"] for body in cloud.statistics] == [1]
    assert cloud.statistics[0]["infer_type"] == "batch"


# --- API keys and addresses ---


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of API keys to be written."""
    return tmp_path / "keys.txt"


@pytest.mark.parametrize(
    ("argv", "sent"),
    [
        (["--api-keys", "key-b", "--api-keys", "key-a", "key-b"], ["key-b", "key-a"]),
        (["--api-keys", "", ""], [""]),
        (["--api-keys=-x", "--api-keys="], ["-x", ""]),
        (["--api-keys", "Key_A", "key_a", "0", "x" * 128], ["Key_A", "key_a", "0", "x" * 128]),
    ],
    ids=["in the order given", "the online experience", "as values", "all characters"],
)
def test_api_keys_are_sent_as_typed_each_once(
    argv: list[str], sent: list[str], cloud: FakeCloud, run: Run
) -> None:
    """JSON says the same."""
    document = run(*argv, "--format", "json").document
    assert cloud.statistics[0]["api_keys"] == sent
    assert document["api_keys"] == sent


@pytest.mark.parametrize(
    "content",
    [
        b'key-b\n""\nkey-a\nkey-b',
        b'\r\n  key-b\r\n \t\r\n""  \r\n\tkey-a \r\n',
        b'\xef\xbb\xbfkey-b\n""\nkey-a\n',
        'key-b\n""\nkey-a\n'.encode("utf-16"),
        b"\xfe\xff" + 'key-b\r\n""\r\nkey-a\r\n'.encode("utf-16-be"),
    ],
    ids=["lines", "CRLF, blanks and spaces", "BOM", "UTF-16", "UTF-16, big-endian"],
)
def test_api_keys_are_read_from_the_lines_of_a_file(
    content: bytes, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """A line with two quotes is the online experience."""
    file.write_bytes(content)
    assert run("--api-keys", f"@{file}").code == 0
    assert cloud.statistics[0]["api_keys"] == ["key-b", "", "key-a"]


def test_files_and_typed_api_keys_are_one_list(home: Path, cloud: FakeCloud, run: Run) -> None:
    """In the order given, each once. A tilde is the home folder."""
    (home / "credentials").write_text("key-a\nkey-b\n", encoding="utf-8")
    run("--api-keys", "key-b", "@~/credentials", "--api-keys", "key-c", "key-a")
    assert cloud.statistics[0]["api_keys"] == ["key-b", "key-a", "key-c"]


NOT_API_KEYS = {
    "comma": "alpha,beta",
    "full-width comma": "alpha\uff0cbeta",
    "semicolon": "alpha;beta",
    "quotes": "'alpha'",
    "curly quotes": "\u201calpha\u201d",
    "space": "my label",
    "comment": "alpha # prod",
    "masked": "alph****alpha",
    "shortened": "cust...key1",
    "path": "@alpha@",
    "Chinese": "\u5ba2\u670d",
    "zero-width space": "\u200balpha",
    "full-width letters": "\uff41lpha",
    "129 characters": "x" * 129,
}


@pytest.mark.parametrize("api_key", NOT_API_KEYS.values(), ids=NOT_API_KEYS)
def test_an_api_key_that_would_silently_count_as_zero_is_refused(
    api_key: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """Typed or from a file, also behind others."""
    file.write_text(f"key-b\n{api_key}\n", encoding="utf-8")
    for argv in (["--api-keys", "key-b", f"x{api_key}"], ["--api-keys", f"@{file}"]):
        result = run(*argv)
        assert result.code == 2
        assert "the API key " in result.message
    assert cloud.connections == []


@pytest.mark.parametrize("api_key", [" key-a", "key-a\r", " ", "key\ud800"], ids=ascii)
def test_an_api_key_is_not_stripped_when_typed(api_key: str, cloud: FakeCloud, run: Run) -> None:
    """Nor does it stand for the online experience. The message shows its characters."""
    result = run("--api-keys", api_key)
    assert result.code == 2
    assert ascii(api_key) in result.message
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "no API keys"),
        (b"\n \n", "no API keys"),
        ("\u5ba2\u670d\n".encode("gbk"), "the API key "),
        ("key-a\n".encode("utf-16-le"), "the API key "),
        (b"key-a\n# key-b\n", "the API key "),
    ],
    ids=["empty", "blank", "GBK", "UTF-16 without a BOM", "comment"],
)
def test_a_file_with_anything_else_is_refused(
    content: bytes, word: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """An empty one would mean no API key at all."""
    file.write_bytes(content)
    result = run("--api-keys", f"@{file}")
    assert result.code == 2
    assert word in result.message
    assert cloud.connections == []


@pytest.mark.parametrize("path", ["/no/such/file", "", "/"])
def test_a_file_that_cannot_be_read_is_a_usage_error(path: str, cloud: FakeCloud, run: Run) -> None:
    """A missing one, or a folder."""
    result = run("--api-keys", f"@{path}")
    assert result.code == 2
    assert "cannot read" in result.message
    assert f"'{path}'" in result.message
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ("192.0.2.2 192.0.2.1 --ips ::1 192.0.2.2", ["192.0.2.2", "192.0.2.1", "::1"]),
        ("2001:DB8:0:0::1 2001:0db8:0000:0000:0000:0000:0000:0001", ["2001:db8::1"]),
        ("::FFFF:C000:201 192.0.2.1", ["192.0.2.1"]),
    ],
)
def test_addresses_are_sent_in_canonical_form_each_once(
    arguments: str, sent: list[str], cloud: FakeCloud, run: Run
) -> None:
    """An IPv4 address in the form of IPv6 is the IPv4 address."""
    document = run("--ips", *arguments.split(), "--format", "json").document
    assert cloud.statistics[0]["ips"] == sent
    assert document["ips"] == sent


def test_each_option_that_takes_several_values_is_a_filter_in_json(run: Run) -> None:
    """An option that is read and not sent would count all calls."""
    options = re.findall(r"--([a-z-]+) [A-Z]+ \[", run("--help").out)
    assert options == ["api-keys", "ips"]
    for option, value in zip(options, ["key-a", "192.0.2.1"]):
        document = run(f"--{option}", value, "--format", "json").document
        assert document[option.replace("-", "_")] == [value]
