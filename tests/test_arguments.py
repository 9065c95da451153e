"""Every rule for arguments: exit code 2, a clear sentence, nothing sent."""

from __future__ import annotations

from typing import Callable

import pytest
from cloud import AK, PROJECT_ID, SK, Event, FakeCloud
from conftest import Run, ms

NOW = "2026-11-03T10:15:30+00:00"

# arguments and a word that the sentence must have
WRONG = [
    ("--from 2026-11-01 --period 7d", "--period"),
    ("--from 2026-11-01 --to 2026-11-02 --period today", "--period"),
    ("--to 2026-11-02 --period 7d", "--period"),
    ("--to 2026-11-02", "--from"),
    ("--from 2026-11-02 --to 2026-11-01", "empty"),
    ("--from 2026-11-02T10:00 --to 2026-11-02T10:00", "empty"),
    ("--from 2026-11-03T10:15:30Z", "empty"),
    ("--from 2026-11-03T10:15:31Z", "future"),
    ("--from 2026-11-04", "future"),
    ("--from 9999-12-31", "future"),
    ("--from 2026-09-01 --to 2026-10-03", "2026-10-04"),
    ("--from 2026-09-01 --to 2026-10-04T10:15:30Z", "2026-10-04"),
    ("--from 0001-01-01 --to 0001-01-02", "2026-10-04"),
    ("--timezone Mars/Olympus", "time zone"),
    ("--timezone CST", "time zone"),
    ("--region guiyang", "region"),
    ("--region CN-southwest-2", "region"),
    ("--region cn-southwest-2.evil.example", "region"),
    ("--region cn-southwest-2/../x", "region"),
    ("--service-type 3", "4"),
    ("--service-type deepseek", "custom-endpoint"),
    ("--service-type=", "custom-endpoint"),
    ("--infer-type offline", "real_time"),
    ("--ips 192.0.2.256", "192.0.2.256"),
    ("--ips 192.0.2.1 2001:db8::g", "2001:db8::g"),
    ("--ips 192.0.2.0/24", "ip_address"),
    ("--ips fe80::1%eth0", "ip_address"),
    ("--ips", "--ips"),
    ("--api-keys", "--api-keys"),
    ("--project-id 0123", "32"),
    ("--project-id=", "32"),
    ("--project-id ../../etc", "32"),
    (f"--project-id {PROJECT_ID.upper()}", "32"),
    ("--by hour", "--by"),
    ("--by api-key", "--api-keys"),
    ("--check --by day", "--check"),
    ("--check --raw", "--check"),
    ("--check --format json", "--check"),
    ("--check --format csv", "--check"),
    ("--format xml", "--format"),
    ("--format json --raw", "--raw"),
    ("--raw --format table", "--raw"),
    ("--period", "--period"),
    ("--period=", "period"),
    ("--period 7", "period"),
    ("--period 0d", "30d"),
    ("--period 31d", "30d"),
    ("--period 0h", "720h"),
    ("--period 721h", "720h"),
    ("--period 999d", "30d"),
    ("--period 1000d", "period"),
    ("--period 7D", "period"),
    ("--period -7d", "--period"),
    ("--period last-month", "this-month"),
    ("--period \u0667d", "period"),
    ("--from=", "date"),
    ("--from 2026-02-30", "date"),
    ("--from 2026-11-1", "date"),
    ("--from 20261101", "date"),
    ("--from 01.11.2026", "date"),
    ("--from 2026-11-01T24:00", "date"),
    ("--from 2026-11-01T10", "date"),
    ("--from 2026-11-01T10:00:60", "date"),
    ("--from 2026-11-01T10:00:00.5", "date"),
    ("--from 2026-11-01+08:00", "date"),
    ("--from 2026-11-01Z", "date"),
    ("--from 2026-11-01T10:00+24:00", "date"),
    ("--from yesterday", "date"),
    ("--from 2026-11-20T14:30:00.000Z", "2026-11-20T14:30:00.000Z"),
    ("--timezone America/Argentina/Buenos_Aire", "America/Argentina/Buenos_Aire"),
    ("--from 2026-11-01 --to=", "date"),
    ("--from 2026-11-01 --to tomorrow", "date"),
    ("--perio 7d", "unknown"),
    ("--time UTC", "unknown"),
    ("7d", "unknown"),
]


@pytest.mark.parametrize(("arguments", "word"), WRONG)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_broken_rule(
    arguments: str, word: str, *, as_json: bool, cloud: FakeCloud, run: Run, at: Callable[[str], None]
) -> None:
    """The sentence names what is wrong, and nothing is sent."""
    at(NOW)
    argv = arguments.split()
    takes_format = "--format" not in argv and "--raw" not in argv
    result = run(*(["--format", "json"] if as_json and takes_format and "--check" not in argv else []), *argv)
    assert result.code == 2
    assert word in result.err
    assert cloud.hosts == []


@pytest.mark.parametrize("arguments", ["--ak {ak}", "--ak={ak} --sk={sk}", "{ak} {sk}", "--period {sk}", "--timezone {sk}",
                                       "--from {sk}", "--project-id {sk}", "--region {sk}", "--service-type {sk}",
                                       "--ips {sk}"])  # fmt: skip
def test_a_key_as_an_argument_is_not_repeated(arguments: str, cloud: FakeCloud, run: Run) -> None:
    """No option takes a secret; one that is given all the same is not shown, also if it is not the environment's."""
    result = run(*arguments.format(ak=AK, sk=SK).split(), HW_ACCESS_KEY="EXAMPLEAK1111111111", HW_SECRET_KEY="EXAMPLESK11111111")
    assert result.code in (2, 3)
    assert cloud.hosts == []


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ("", 2), ("--service-type preset", 2), ("--service-type 2", 2), ("--service-type my-service", 1),
        ("--service-type 1", 1), ("--service-type custom-endpoint", 4), ("--service-type 4", 4),
    ],
)  # fmt: skip
def test_each_service_type(arguments: str, number: int, cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """By name and by number, the service is asked for its number, once."""
    at(NOW)
    cloud.events = [Event(ms("2026-11-02T00:00:00+00:00"), 1000 + kind, service_type=kind) for kind in (1, 2, 4)]
    result = run(*arguments.split(), "--format", "json")
    assert [body["service_type"] for body in cloud.statistics] == [number]
    assert result.totals["total_tokens"] == 1000 + number
    assert result.document["service_type"] == {1: "my-service", 2: "preset", 4: "custom-endpoint"}[number]


@pytest.mark.parametrize(
    ("region", "numbers"), [("cn-southwest-2", [2, 1, 4]), ("ap-southeast-1", [2, 1]), ("cn-north-4", [2, 1, 4])]
)
def test_all_service_types(
    region: str, numbers: list[int], cloud: FakeCloud, run: Run, at: Callable[[str], None]
) -> None:
    """All means every type that the region offers, added up; in an unknown region all three, with a note."""
    at(NOW)
    cloud.events = [Event(ms("2026-11-02T00:00:00+00:00"), 10**kind, failed=True, service_type=kind) for kind in (1, 2, 4)]
    result = run("--service-type", "all", "--region", region, "--format", "json")
    assert sorted(body["service_type"] for body in cloud.statistics) == sorted(numbers)
    assert {seen.host.split(".")[1] for seen in cloud.seen} == {region}
    assert result.totals["total_tokens"] == sum(10**number for number in numbers)
    assert result.totals["total_requests"] == result.totals["total_errors"] == len(numbers)
    assert result.document["service_type"] == "all"
    assert result.document["region"] == region
    assert any(region in note for note in result.notes) == (region == "cn-north-4")


def test_filters(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """Keys and addresses narrow what is counted; repeated options add up, and a value named twice counts once."""
    at(NOW)
    moment = ms("2026-11-02T00:00:00+00:00")
    pairs = [(key, ip) for key in ("key-a", "key-b", "") for ip in ("192.0.2.1", "2001:db8::1")]
    cloud.events = [Event(moment, 10**place, api_key=key, ip=ip) for place, (key, ip) in enumerate(pairs)]
    assert run("--format", "json").totals["total_tokens"] == 111111
    argv = ["--api-keys", "key-b", "", "--ips", "2001:db8::1", "--api-keys", "key-b", "--ips", "2001:db8::1"]
    result = run(*argv, "--format", "json")
    assert (cloud.statistics[-1]["api_keys"], cloud.statistics[-1]["ips"]) == (["key-b", ""], ["2001:db8::1"])
    assert result.totals["total_tokens"] == 101000
    assert (result.document["api_keys"], result.document["ips"]) == (["key-b", ""], ["2001:db8::1"])
    assert "api_keys" not in cloud.statistics[0]
    assert "ips" not in cloud.statistics[0]


def test_batch(cloud: FakeCloud, run: Run, at: Callable[[str], None]) -> None:
    """Batch inference has two figures more."""
    at(NOW)
    moment = ms("2026-11-02T00:00:00+00:00")
    cloud.events = [Event(moment, 7, infer_type="batch", tasks=3, inferences=5), Event(moment, 900)]
    result = run("--infer-type", "batch", "--format", "json")
    assert cloud.statistics[0]["infer_type"] == "batch"
    assert list(result.totals)[-3:] == ["error_rate", "completed_tasks", "inference_count"]
    assert (result.totals["total_tokens"], result.totals["completed_tasks"], result.totals["inference_count"]) == (7, 3, 5)


def test_the_project_id_skips_the_look_up(cloud: FakeCloud, run: Run) -> None:
    """With a project id IAM is not asked; the option beats the variable."""
    assert run("--project-id", PROJECT_ID, HW_PROJECT_ID="f" * 32).code == 0
    assert run(HW_PROJECT_ID=PROJECT_ID).code == 0
    assert {seen.host.partition(".")[0] for seen in cloud.seen} == {"modelarts"}


@pytest.mark.parametrize("project_id", ["0123", "../../etc", PROJECT_ID + "0", PROJECT_ID.upper()])
def test_a_malformed_project_id_of_the_environment(project_id: str, cloud: FakeCloud, run: Run) -> None:
    """It is an error of what comes with the credentials, and nothing is sent with it."""
    result = run(HW_PROJECT_ID=project_id)
    assert result.code == 3
    assert "HW_PROJECT_ID" in result.err
    assert cloud.hosts == []
