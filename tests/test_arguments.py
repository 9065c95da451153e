"""Every argument: what is sent for it, and what is refused before anything is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Sequence

import pytest
from cloud import PROJECT_ID, PROJECT_IDS, Event, FakeCloud
from conftest import At, Result, Run, ms

NOW = "2026-11-03T10:15:30+00:00"  # data is kept from 2026-10-04T10:15:30
YESTERDAY = ms("2026-11-02T00:00:00+00:00")
NOT_A_WHEN = "is not a date or time"
WHEN_FORM = "YYYY-MM-DDTHH:MM"
OUT_OF_RANGE = "use 1d to 30d or 1h to 720h"
NEEDS_A_ZONE = "unknown time zone"
CHECK_ALONE = "--check cannot be used with"
SEE_HELP = "--help"

# What may be a key in the wrong place, and how it is shown.
LETTERS_20 = "EXAMPLE" + "a1b2c3d4e5f6g"
SIGNS_24 = "EXAMPLE" + "+/=_-" + "a1b2c3d4e5f6"


# --- Usage errors ---

# arguments, words of the message that say what is wrong, words that say what is right
WRONG = [
    ("--from 2026-11-01 --period 7d", "--period cannot be used with --from or --to", SEE_HELP),
    ("--to 2026-11-02 --period 7d", "--period cannot be used with --from or --to", SEE_HELP),
    ("--to 2026-11-02", "--to needs --from", SEE_HELP),
    # a range without an instant in it
    ("--from 2026-11-02 --to 2026-11-01", "empty", SEE_HELP),
    ("--from 2026-11-02T10:00 --to 2026-11-02T10:00", "empty", SEE_HELP),
    ("--from 2026-11-03T10:15:30Z", "empty", SEE_HELP),
    ("--from 2026-11-03T10:15:31Z", "starts in the future", SEE_HELP),
    ("--from 2026-11-04", "starts in the future", SEE_HELP),
    ("--from 9999-12-31", "starts in the future", SEE_HELP),
    # a range that is no longer kept
    (
        "--from 2026-09-01 --to 2026-10-03",
        "ended before",
        "whole day that is available is 2026-10-05",
    ),
    ("--from 2026-09-01 --to 2026-10-04T10:15:30Z", "ended before", "is 2026-10-05"),
    ("--from 0001-01-01 --to 0001-01-02", "ended before", "is 2026-10-05"),
    # --period
    ("--period", "--period", SEE_HELP),
    ("--period -7d", "--period", SEE_HELP),
    ("--period=", "unknown period ''", "last-month"),
    ("--period 7", "unknown period '7'", "1d to 30d, or 1h to 720h"),
    ("--period 7D", "unknown period '7D'", "today, yesterday, this-week, last-week"),
    ("--period 1000d", "unknown period '1000d'", "1d to 30d"),
    ("--period \u0667d", "unknown period", "1d to 30d"),
    ("--period 0d", OUT_OF_RANGE, SEE_HELP),
    ("--period 31d", OUT_OF_RANGE, SEE_HELP),
    ("--period 0h", OUT_OF_RANGE, SEE_HELP),
    ("--period 721h", OUT_OF_RANGE, SEE_HELP),
    # moments
    ("--from=", NOT_A_WHEN, WHEN_FORM),
    ("--from yesterday", "--from 'yesterday' is not a date or time", WHEN_FORM),
    ("--from 2026-02-30", NOT_A_WHEN, WHEN_FORM),
    ("--from 2026-11-1", NOT_A_WHEN, WHEN_FORM),
    ("--from 20261101", NOT_A_WHEN, WHEN_FORM),
    ("--from 01.11.2026", NOT_A_WHEN, WHEN_FORM),
    ("--from 2026-11-01T10", NOT_A_WHEN, WHEN_FORM),
    ("--from 2026-11-01T24:00", NOT_A_WHEN, WHEN_FORM),
    ("--from 2026-11-01T10:00:60", NOT_A_WHEN, WHEN_FORM),
    ("--from 2026-11-01T10:00:00.5", NOT_A_WHEN, WHEN_FORM),
    ("--from 2026-11-01Z", NOT_A_WHEN, WHEN_FORM),
    ("--from 2026-11-01+08:00", NOT_A_WHEN, WHEN_FORM),
    ("--from 2026-11-01T10:00+24:00", NOT_A_WHEN, WHEN_FORM),
    ("--from 2026-11-01 --to=", "--to '' is not a date or time", WHEN_FORM),
    ("--from 2026-11-01 --to tomorrow", "--to 'tomorrow' is not a date or time", WHEN_FORM),
    # zones: whatever file of that name there may be
    ("--timezone=", NEEDS_A_ZONE, "Asia/Shanghai or UTC"),
    ("--timezone Mars/Olympus", "'Mars/Olympus' in --timezone", "Asia/Shanghai or UTC"),
    (f"--timezone {'Ab/' * 300}B", NEEDS_A_ZONE, "IANA"),
    ("--timezone CST", NEEDS_A_ZONE, "IANA"),
    ("--timezone CST-8", NEEDS_A_ZONE, "IANA"),
    ("--timezone America", NEEDS_A_ZONE, "IANA"),
    ("--timezone ../zoneinfo/UTC", NEEDS_A_ZONE, "IANA"),
    ("--timezone /etc/localtime", NEEDS_A_ZONE, "IANA"),
    ("--timezone posixrules", NEEDS_A_ZONE, "IANA"),
    ("--timezone right/UTC", NEEDS_A_ZONE, "IANA"),
    ("--timezone zone.tab", NEEDS_A_ZONE, "IANA"),
    ("--timezone tzdata.zi", NEEDS_A_ZONE, "IANA"),
    ("--timezone asia/shanghai", NEEDS_A_ZONE, "IANA"),
    ("--timezone \u5317\u4eac", NEEDS_A_ZONE, "IANA"),
    # --region and --project-id: nothing else may get into the address of a request
    ("--region=", "xx-yyyy-1", SEE_HELP),
    ("--region guiyang", "cn-southwest-2 and ap-southeast-1", SEE_HELP),
    ("--region CN-southwest-2", "xx-yyyy-1", SEE_HELP),
    ("--region cn-southwest-2.example", "xx-yyyy-1", SEE_HELP),
    ("--region cn-southwest-2/../x", "xx-yyyy-1", SEE_HELP),
    ("--project-id=", "32 characters of 0-9a-z", SEE_HELP),
    ("--project-id 0123", "--project-id '0123' is not 32 characters of 0-9a-z.", SEE_HELP),
    ("--project-id ../../x", "32 characters of 0-9a-z", SEE_HELP),
    (f"--project-id {PROJECT_ID}0", "32 characters of 0-9a-z", SEE_HELP),
    (f"--project-id {PROJECT_ID.upper()}", "32 characters of 0-9a-z", SEE_HELP),
    # types
    ("--service-type 3", "custom-endpoint (4)", SEE_HELP),
    ("--service-type=", "preset (2), my-service (1), custom-endpoint (4) or all", SEE_HELP),
    ("--service-type 02", "unknown service type '02'", SEE_HELP),
    ("--service-type Preset", "unknown service type 'Preset'", SEE_HELP),
    ("--infer-type offline", "batch", SEE_HELP),
    # filters
    ("--ips", "--ips", SEE_HELP),
    ("--ips=", "''", "not networks or host names"),
    ("--ips 192.0.2.256", "'192.0.2.256'", "single addresses"),
    ("--ips 192.0.2.1 2001:db8::g", "'2001:db8::g'", "single addresses"),
    ("--ips 192.0.2.0/24", "'192.0.2.0/24'", "not networks"),
    ("--ips fe80::1%eth0", "'fe80::1%eth0'", "single addresses"),
    ("--ips 3221225985", "'3221225985'", "single addresses"),
    ("--api-keys", "--api-keys", SEE_HELP),
    ("--api-keys @/no/such/file", "/no/such/file", SEE_HELP),
    # rows and formats
    ("--by month", "service-type", SEE_HELP),
    ("--by api-key", "--by api-key needs --api-keys", SEE_HELP),
    ("--by api-key --ips 192.0.2.1", "--by api-key needs --api-keys", SEE_HELP),
    ("--by ip", "--by ip needs --ips", SEE_HELP),
    ("--by ip --api-keys key-a", "--by ip needs --ips", SEE_HELP),
    ("--by service --infer-type batch", "--infer-type batch", SEE_HELP),
    ("--format xml", "markdown", SEE_HELP),
    ("--format json --raw", "--raw", SEE_HELP),
    ("--raw --format table", "--raw", SEE_HELP),
    ("--check --by day", CHECK_ALONE, SEE_HELP),
    ("--check --raw", CHECK_ALONE, SEE_HELP),
    ("--check --format json", CHECK_ALONE, SEE_HELP),
    ("--check --format csv", CHECK_ALONE, SEE_HELP),
    ("--check --format markdown", CHECK_ALONE, SEE_HELP),
    ("7d", "value without an option", "quotes around a value"),
]
WRONG_WITHOUT_FORMAT = [
    case for case in WRONG if not {"--format", "--raw", "--check"} & set(case[0].split())
]


def both_sentences(result: Result) -> str:
    """Return message and hint: what is right may stand in either."""
    return f"{result.error['message']} {result.error['hint']}"


@pytest.mark.parametrize(("arguments", "wrong", "right"), WRONG)
def test_a_wrong_argument_is_explained_and_nothing_is_sent(
    arguments: str, wrong: str, right: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """The message names what is wrong; no hint speaks of AK and SK."""
    at(NOW)
    result = run(*arguments.split(" "))
    assert result.code == 2
    assert wrong in result.error["message"]
    assert right in both_sentences(result)
    assert "AK" not in result.error["hint"]
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("arguments", "in_json"),
    [
        ("--format json", True),
        ("--format=json", True),
        ("--format csv --format json", True),
        ("--format json --format csv", False),
        ("--format", False),
        ("", False),
    ],
)
def test_the_last_format_that_is_given_decides_how_an_error_is_written(
    arguments: str, in_json: bool, run: Run
) -> None:
    """As it decides on the result."""
    result = run(*arguments.split(), "--nonsense")
    assert result.code == 2
    assert result.err.startswith('{"error": ') is in_json


@pytest.mark.parametrize(("arguments", "wrong", "right"), WRONG_WITHOUT_FORMAT)
def test_a_wrong_argument_is_explained_in_json(
    arguments: str, wrong: str, right: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """The same for programs."""
    at(NOW)
    result = run("--format", "json", *arguments.split(" "))
    assert result.code == 2
    assert result.error["kind"] == "usage"
    assert result.error["retryable"] is False
    assert wrong in result.error["message"]
    assert right in both_sentences(result)
    assert cloud.connections == []


@pytest.mark.parametrize(
    "zone", ["Asia/Shanghai\n", "Asia/Shanghai ", "x\0y", "Asia/\0", "\ud800/x"], ids=ascii
)
def test_a_zone_with_characters_that_no_zone_has_is_refused(
    zone: str, cloud: FakeCloud, run: Run
) -> None:
    """Also those with which no file can be opened."""
    result = run("--timezone", zone)
    assert result.code == 2
    assert NEEDS_A_ZONE in result.error["message"]
    assert cloud.connections == []


@pytest.mark.parametrize(
    "option",
    ["--period", "--from", "--timezone", "--by", "--format", "--infer-type", "--region", "--ips"],
)
def test_two_dashes_are_no_value(option: str, cloud: FakeCloud, run: Run) -> None:
    """They are a sign of the command line's own."""
    assert run(f"{option}=--").code == 2
    assert cloud.connections == []


# --- Unknown options ---


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("--perio 7d", "unknown option: --perio."),
        ("--time UTC", "unknown option: --time."),
        ("--ak=short", "unknown option: --ak."),
        ("--ak short-value --sk short-value", "unknown option: --ak, --sk."),
        ("-k short-value", "unknown option: -k."),
        ("-kshort-value", "unknown option: -k."),
        ("-k=short-value", "unknown option: -k."),
        ("--insecure", "unknown option: --insecure."),
    ],
)
def test_an_unknown_option_is_named_and_its_value_is_not(
    arguments: str, named: str, cloud: FakeCloud, run: Run
) -> None:
    """It may have been meant for a secret, so the hint says that none is an argument."""
    result = run(*arguments.split())
    assert result.code == 2
    assert result.error["message"] == named
    assert "AK and SK are never given as arguments" in result.error["hint"]
    assert "short-value" not in result.err
    assert cloud.connections == []


# --- What was typed, where it may be a key ---

# arguments with VALUE in them; whether the message repeats it
PLACES = [
    ("--period VALUE", True),
    ("--from VALUE", True),
    ("--from 2026-11-01 --to VALUE", True),
    ("--timezone VALUE", True),
    ("--service-type VALUE", True),
    ("--infer-type VALUE", True),
    ("--ips VALUE", True),
    ("--ips 192.0.2.1 VALUE", True),
    ("--api-keys VALUE\r", True),
    ("--api-keys @VALUE", True),
    ("--by VALUE", True),
    ("--format VALUE", True),
    ("--check=VALUE", True),
    ("--VALUE", True),
    ("--VALUE=x", True),
    ("--region VALUE", True),
    ("--project-id VALUE", True),
    ("--sk VALUE", False),
    ("--sk=VALUE", False),
    ("-kVALUE", False),
    ("-k VALUE", False),
    ("VALUE", False),
]
SHORTENED = [(LETTERS_20, "EXAM...5f6g"), (SIGNS_24, "EXAM...e5f6")]


@pytest.mark.parametrize("value_and_shown", SHORTENED, ids=["letters", "signs"])
@pytest.mark.parametrize(("arguments", "repeated"), PLACES)
def test_what_may_be_a_key_is_shortened_wherever_it_is_typed(
    arguments: str, repeated: bool, value_and_shown: Sequence[str], cloud: FakeCloud, run: Run
) -> None:
    """It keeps its first and last four characters, or is not repeated at all."""
    value, shown = value_and_shown
    if "--VALUE=" in arguments:
        value = value.replace("=", "_")  # the name of an option ends at the first =
    if "--VALUE" in arguments:
        shown = "--E"  # the dashes belong to a run of 24 signs
    result = run(*arguments.replace("VALUE", value).split(" "))
    assert result.code == 2
    assert value not in result.err
    assert value[4:-4] not in result.err
    assert (shown in result.error["message"]) == repeated
    assert cloud.connections == []


def test_what_may_be_a_key_is_shortened_as_a_credentials_file(cloud: FakeCloud, run: Run) -> None:
    """AK or SK may have been given instead of the path."""
    result = run("--credentials-file", SIGNS_24)
    assert result.code == 3
    assert "EXAM...e5f6" in result.error["message"]
    assert SIGNS_24 not in result.err
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (LETTERS_20[:19], LETTERS_20[:19]),
        (SIGNS_24[:23], SIGNS_24[:23]),
        (f"x {LETTERS_20}.y", "x EXAM...5f6g.y"),
        (f"{LETTERS_20} {SIGNS_24}", "EXAM...5f6g EXAM...e5f6"),
        (f"_{LETTERS_20}", "_EXAM...5f6g"),
        (f"___{LETTERS_20[:19]}", f"___{LETTERS_20[:19]}"),
        (f"____{LETTERS_20}", "____...5f6g"),
        ("America/Argentina/Buenos_Aire", "Amer...Aire"),
    ],
)
def test_only_long_runs_are_shortened(value: str, shown: str, run: Run) -> None:
    """20 letters and digits, or 24 with +/=_- among them; the rest stays as it was typed."""
    assert f"'{shown}'" in run("--timezone", value).error["message"]


def test_what_was_typed_is_shown_on_one_line_in_ascii(run: Run) -> None:
    """It cannot act in a terminal."""
    message = run("--period", "7d\x1b[31m\n\u5317").error["message"]
    assert r"'7d\x1b[31m\n\u5317'" in message


# --- Service types, inference types and regions ---


@pytest.mark.parametrize(
    ("arguments", "number", "name"),
    [
        ("", 2, "preset"),
        ("--service-type preset", 2, "preset"),
        ("--service-type 2", 2, "preset"),
        ("--service-type my-service", 1, "my-service"),
        ("--service-type 1", 1, "my-service"),
        ("--service-type custom-endpoint", 4, "custom-endpoint"),
        ("--service-type 4", 4, "custom-endpoint"),
    ],
)
def test_a_service_type_is_asked_for_by_its_number(
    arguments: str, number: int, name: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """Once, and only its calls are counted."""
    at(NOW)
    cloud.events = [Event(YESTERDAY, total=1000 + kind, service_type=kind) for kind in (1, 2, 4)]
    result = run(*arguments.split(), "--format", "json")
    assert [body["service_type"] for body in cloud.statistics] == [number]
    assert result.totals["total_tokens"] == 1000 + number
    assert result.document["service_type"] == name


@pytest.mark.parametrize("arguments", ["--service-type all", "--by service-type"])
@pytest.mark.parametrize(
    ("region", "numbers"),
    [("cn-southwest-2", [1, 2, 4]), ("ap-southeast-1", [1, 2]), ("cn-north-4", [1, 2, 4])],
)
def test_all_is_every_type_that_the_region_offers(
    arguments: str, region: str, numbers: list[int], cloud: FakeCloud, run: Run, at: At
) -> None:
    """The types are added up; an unknown region is asked for all three."""
    at(NOW)
    cloud.events = [Event(YESTERDAY, total=10**kind, service_type=kind) for kind in (1, 2, 4)]
    result = run(*arguments.split(), "--region", region, "--format", "json")
    assert sorted(body["service_type"] for body in cloud.statistics) == numbers
    assert result.totals["total_tokens"] == sum(10**number for number in numbers)
    assert result.totals["total_requests"] == len(numbers)
    assert result.document["service_type"] == "all"


@pytest.mark.parametrize("service_type", ["my-service", "4"])
def test_by_service_type_keeps_to_the_type_that_was_asked_for(
    service_type: str, cloud: FakeCloud, run: Run
) -> None:
    """Only without --service-type it means all."""
    rows = run("--by", "service-type", "--service-type", service_type, "--format", "json")
    assert len(rows.document["rows"]) == 1
    assert len(cloud.statistics) == 1


@pytest.mark.parametrize("region", PROJECT_IDS)
def test_the_region_is_in_every_address(region: str, cloud: FakeCloud, run: Run) -> None:
    """Of IAM and of the statistics."""
    result = run("--region", region, "--format", "json")
    hosts = [f"iam.{region}.myhuaweicloud.com", f"modelarts.{region}.myhuaweicloud.com"]
    assert [request.host for request in cloud.seen] == hosts
    assert result.document["region"] == region


def test_the_inference_type_is_sent(cloud: FakeCloud, run: Run, at: At) -> None:
    """And only calls of that type are counted."""
    at(NOW)
    cloud.events = [Event(YESTERDAY, total=7, infer_type="batch"), Event(YESTERDAY, total=900)]
    batch = run("--infer-type", "batch", "--format", "json")
    real_time = run("--format", "json")
    assert [body["infer_type"] for body in cloud.statistics] == ["batch", "real_time"]
    assert batch.totals["total_tokens"] == 7
    assert real_time.totals["total_tokens"] == 900


# --- API keys and addresses ---


def test_without_filters_none_is_sent(cloud: FakeCloud, run: Run) -> None:
    """All calls are counted then; the JSON says null."""
    document = run("--format", "json").document
    assert "api_keys" not in cloud.statistics[0]
    assert "ips" not in cloud.statistics[0]
    assert document["api_keys"] is None
    assert document["ips"] is None


def test_filters_narrow_what_is_counted(cloud: FakeCloud, run: Run, at: At) -> None:
    """A call must have one of the keys and one of the addresses."""
    at(NOW)
    cloud.events = [
        Event(YESTERDAY, total=1, api_key="key-a", ip="192.0.2.1"),
        Event(YESTERDAY, total=10, api_key="key-b", ip="192.0.2.1"),
        Event(YESTERDAY, total=100, api_key="key-b", ip="2001:db8::1"),
        Event(YESTERDAY, total=1000, api_key="", ip="2001:db8::1"),
    ]
    argv = ["--api-keys", "key-b", "", "--ips", "2001:db8::1", "--format", "json"]
    result = run(*argv)
    assert result.totals["total_tokens"] == 1100
    assert result.document["api_keys"] == ["key-b", ""]
    assert result.document["ips"] == ["2001:db8::1"]


# arguments and the list that is sent
API_KEYS = [
    (["--api-keys", "key-b", "key-a"], ["key-b", "key-a"]),
    (["--api-keys", "key-b", "--api-keys", "key-a", "key-b"], ["key-b", "key-a"]),
    (["--api-keys", "", ""], [""]),
    (["--api-keys=", "--api-keys=key-a"], ["", "key-a"]),
    (["--api-keys", "my label", "\u56e2\u961f", "a,b"], ["my label", "\u56e2\u961f", "a,b"]),
    (["--api-keys", "Key-A", "key-a"], ["Key-A", "key-a"]),
]


@pytest.mark.parametrize(("argv", "sent"), API_KEYS, ids=ascii)
def test_api_keys_are_sent_as_given_each_once(
    argv: list[str], sent: list[str], cloud: FakeCloud, run: Run
) -> None:
    """Repeated options add up; inner blanks and any script are labels."""
    assert run(*argv).code == 0
    assert cloud.statistics[0]["api_keys"] == sent


@pytest.mark.parametrize(
    "api_key",
    [
        "key-a\r",
        " key-a",
        "key-a ",
        " ",
        "\t",
        "key\ta",
        "key-a\n",
        "\u3000key",
        "\u200bkey",
        "\ufeffkey",
        "key\ud800",
        "\udc80",
        "key\0",
        "\x1b[31m",
    ],
    ids=ascii,
)
@pytest.mark.parametrize("before", [[], ["key-b"]], ids=["alone", "second"])
def test_an_api_key_with_invisible_characters_is_refused(
    api_key: str, before: list[str], cloud: FakeCloud, run: Run
) -> None:
    """The service would count zero for it without a word. The message shows the character."""
    result = run("--api-keys", *before, api_key)
    assert result.code == 2
    assert f"{api_key!a} in --api-keys" in result.error["message"]
    assert "Windows" in result.error["hint"]
    assert cloud.connections == []


# addresses, and those that are sent
ADDRESSES = [
    ("192.0.2.1", ["192.0.2.1"]),
    ("2001:DB8:0:0::1", ["2001:db8::1"]),
    ("2001:0db8:0000:0000:0000:0000:0000:0001 2001:db8::1", ["2001:db8::1"]),
    ("::ffff:192.0.2.1", ["192.0.2.1"]),
    ("::FFFF:C000:201 192.0.2.1 192.0.2.2", ["192.0.2.1", "192.0.2.2"]),
    ("192.0.2.2 192.0.2.1 192.0.2.2", ["192.0.2.2", "192.0.2.1"]),
    ("192.0.2.2 --ips ::1 192.0.2.2", ["192.0.2.2", "::1"]),
]


@pytest.mark.parametrize(("arguments", "sent"), ADDRESSES)
def test_addresses_are_sent_in_canonical_form_each_once(
    arguments: str, sent: list[str], cloud: FakeCloud, run: Run
) -> None:
    """Duplicates are found after that; the JSON shows what was sent."""
    result = run("--ips", *arguments.split(), "--format", "json")
    assert cloud.statistics[0]["ips"] == sent
    assert result.document["ips"] == sent


@pytest.mark.parametrize(
    ("content", "sent"),
    [
        (b"key-a\nkey-b\n", ["key-a", "key-b"]),
        (b"key-a\r\nkey-b\r\n", ["key-a", "key-b"]),
        (b"\nkey-a\n\n\nkey-b", ["key-a", "key-b"]),
        (b"my label\nkey-a\nkey-a\n", ["my label", "key-a"]),
        (b"\xef\xbb\xbfkey-a\n", ["key-a"]),  # as Notepad may write it
        ("\u56e2\u961f\n".encode(), ["\u56e2\u961f"]),
    ],
    ids=ascii,
)
def test_api_keys_are_read_from_a_file(
    content: bytes, sent: list[str], cloud: FakeCloud, run: Run, tmp_path: Path
) -> None:
    """One on each line; blank lines are skipped, and files of Windows work."""
    path = tmp_path / "keys.txt"
    path.write_bytes(content)
    assert run("--api-keys", f"@{path}").code == 0
    assert cloud.statistics[0]["api_keys"] == sent


def test_the_keys_of_a_file_follow_the_same_rule(
    cloud: FakeCloud, run: Run, tmp_path: Path
) -> None:
    """A blank at the end of a line is not dropped without a word."""
    path = tmp_path / "keys.txt"
    path.write_bytes(b"key-a\nkey-b \n")
    result = run("--api-keys", f"@{path}")
    assert result.code == 2
    assert "'key-b ' in --api-keys" in result.error["message"]
    assert cloud.connections == []


@pytest.mark.parametrize("encoding", ["utf-16", "gbk"])
def test_a_file_of_api_keys_that_is_not_utf_8_is_refused(
    encoding: str, cloud: FakeCloud, run: Run, tmp_path: Path
) -> None:
    """As PowerShell and Chinese Windows write it."""
    path = tmp_path / "keys.txt"
    path.write_bytes("\u56e2\u961f\r\n".encode(encoding))
    assert run("--api-keys", f"@{path}").code == 2
    assert cloud.connections == []


# --- The most requests of a run ---

MANY_KEYS = [f"key-{number}" for number in range(181)]
MANY_ADDRESSES = [f"192.0.2.{number}" for number in range(1, 182)]
AT_MOST_180 = "requests here; at most 180 are allowed."
LESS_TIME = "Ask for a shorter period."
LESS_TIME_OR_ONE_TYPE = "Ask for a shorter period, or for one service type."
FEWER_KEYS = "Ask for fewer API keys."
FEWER_ADDRESSES = "Ask for fewer addresses."
FEWER_ADDRESSES_OR_ONE_TYPE = "Ask for fewer addresses, or for one service type."

TOO_MANY: Any = [
    (["--by", "hour", "--period", "181h"], f"--by hour needs 182 {AT_MOST_180}", LESS_TIME),
    (["--by", "hour", "--period", "8d"], f"--by hour needs 193 {AT_MOST_180}", LESS_TIME),
    (
        ["--by", "hour", "--period", "3d", "--service-type", "all"],
        f"--by hour needs 219 {AT_MOST_180}",
        LESS_TIME_OR_ONE_TYPE,
    ),
    (
        ["--by", "api-key", "--api-keys", *MANY_KEYS],
        f"--by api-key needs 181 {AT_MOST_180}",
        FEWER_KEYS,
    ),
    (["--by", "ip", "--ips", *MANY_ADDRESSES], f"--by ip needs 181 {AT_MOST_180}", FEWER_ADDRESSES),
    (
        ["--by", "ip", "--ips", *MANY_ADDRESSES[:61], "--service-type", "all"],
        f"--by ip needs 183 {AT_MOST_180}",
        FEWER_ADDRESSES_OR_ONE_TYPE,
    ),
]


@pytest.mark.parametrize(("argv", "message", "hint"), TOO_MANY, ids=[case[1] for case in TOO_MANY])
def test_a_breakdown_of_more_than_180_requests_is_refused(
    argv: list[str], message: str, hint: str, cloud: FakeCloud, run: Run, at: At
) -> None:
    """The message says how many it would take, and the hint what reduces them."""
    at(NOW)
    result = run(*argv)
    assert result.code == 2
    assert result.error["message"] == message
    assert result.error["hint"] == hint
    assert cloud.connections == []


def test_a_breakdown_of_180_requests_is_made(cloud: FakeCloud, run: Run) -> None:
    """It stays below the 200 a minute that the service allows."""
    result = run("--by", "api-key", "--api-keys", *MANY_KEYS[:180], "--format", "json")
    assert result.code == 0
    assert len(cloud.statistics) == 180


def test_filters_without_a_breakdown_are_one_request(cloud: FakeCloud, run: Run) -> None:
    """However many they are."""
    assert run("--api-keys", *MANY_KEYS, "--ips", *MANY_ADDRESSES).code == 0
    assert len(cloud.statistics) == 1


# --- The project id ---

OTHER_ID = "f" * 32


@pytest.mark.parametrize(
    ("argv", "variable"),
    [
        (["--project-id", PROJECT_ID], None),
        (["--project-id", PROJECT_ID], OTHER_ID),
        (["--project-id", PROJECT_ID], "not valid"),
        ([], PROJECT_ID),
    ],
    ids=["option", "option before variable", "option before wrong variable", "variable"],
)
def test_a_known_project_id_saves_the_look_up(
    argv: list[str], variable: str | None, cloud: FakeCloud, run: Run
) -> None:
    """The option comes first, then HW_PROJECT_ID; IAM is not asked."""
    result = run(*argv, "--format", "json", HW_PROJECT_ID=variable)
    assert result.document["project_id"] == PROJECT_ID
    assert [request.host.partition(".")[0] for request in cloud.seen] == ["modelarts"]
    assert cloud.seen[0].path.split("/")[2] == PROJECT_ID


@pytest.mark.parametrize("project_id", ["0123", "../../x", PROJECT_ID + "0", PROJECT_ID.upper()])
def test_a_malformed_project_id_in_the_environment_is_refused(
    project_id: str, cloud: FakeCloud, run: Run
) -> None:
    """It is an error of the credentials, and is sent nowhere."""
    result = run("--format", "json", HW_PROJECT_ID=project_id)
    assert result.code == 3
    assert result.error["kind"] == "credentials"
    assert "32 characters of 0-9a-z" in result.error["message"]
    assert cloud.connections == []


def test_a_malformed_project_id_is_blamed_on_its_own_variable(run: Run) -> None:
    """The variables of the keys are right."""
    assert "HW_PROJECT_ID" in run(HW_PROJECT_ID="0123").error["message"]


def test_a_file_without_api_keys_is_a_usage_error(
    tmp_path: Path, cloud: FakeCloud, run: Run
) -> None:
    """It would mean no API key at all, which no request can say."""
    path = tmp_path / "keys.txt"
    path.write_text("\n\n", encoding="utf-8")
    result = run("--api-keys", f"@{path}")
    assert result.code == 2
    assert "no API keys" in result.error["message"]
    assert cloud.connections == []


def test_a_check_may_ask_for_the_table(run: Run) -> None:
    """That is what it prints anyway."""
    assert run("--check", "--format", "table").code == 0


def test_a_region_of_another_form_is_explained_in_a_whole_sentence(run: Run) -> None:
    """With the regions that are known."""
    assert run("--region", "guiyang").error["message"] == (
        "--region 'guiyang' is not of the form xx-yyyy-1; "
        "MaaS is offered in cn-southwest-2 and ap-southeast-1."
    )
