"""When the service, the network or a setting fails: tries, waits, exit codes, messages, hints."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import socketserver
import threading
import time
from pathlib import Path
from typing import Any, Callable, Dict

import pytest
import requests
from cloud import (
    AK,
    CERTIFICATES,
    CUT_SHORT,
    DAY_MS,
    NOT_JSON,
    PROJECT_ID,
    SK,
    THREAD_NAME,
    TOKEN,
    Answer,
    Event,
    FakeCloud,
    Hold,
    Request,
    drop,
    refusal,
    slow,
    together,
)
from conftest import At, Clock, Result, Run, ms

AFTER_FAULT = [0.5, 1, 2, 4, 8]
AFTER_429 = [2, 4, 8, 16, 32]
BOTH_SERVICES = ["iam", "modelarts"]

Reaction = Any  # what FakeCloud.on takes
Variables = Dict[str, str]


@pytest.fixture
def three_days(at: At) -> list[str]:
    """Arguments that make four requests: one for IAM and one for each of three days."""
    at("2026-05-22T12:00:00+00:00")
    return ["--from", "2026-05-18", "--to", "2026-05-20", "--by", "day"]


@pytest.fixture
def thirty_days(cloud: FakeCloud, at: At) -> list[str]:
    """Arguments that ask for 30 days one by one; on each, 1001 tokens were used."""
    at("2026-05-31T12:00:00+00:00")
    first = ms("2026-05-02T00:00:00+00:00")
    cloud.events = [Event(first + day * DAY_MS, total=1001) for day in range(29)]
    return ["--from", "2026-05-01T12:00", "--to", "2026-05-30T23:59", "--by", "day"]


def announced_waits(result: Result) -> list[float]:
    """Return the seconds of the waits that were announced on stderr."""
    return [float(seconds) for seconds in re.findall("(?m)^waiting ([0-9.]+) s ", result.err)]


def requests_to(cloud: FakeCloud, service: str) -> int:
    """Return how many requests reached a service."""
    return sum(request.host.startswith(service) for request in cloud.seen)


# --- Faults that may pass: up to six tries ---

PASSING_FAULTS: dict[str, Reaction] = {
    "500": Answer(500),
    "502 with HTML": Answer(502, "<html>Bad Gateway</html>"),
    "503": Answer(503, {"error_msg": "busy"}),
    "504": Answer(504),
    "dropped": drop,
    "cut short": CUT_SHORT,
}
THROTTLING: dict[str, Reaction] = {
    "429": refusal(429, "APIGW.0308", "The throttling threshold has been reached"),
    "429 with nonsense": Answer(429, headers={"Retry-After": "soon"}),
    "429 with a negative wait": Answer(429, headers={"Retry-After": "-5"}),
    "429 with a fraction": Answer(429, headers={"Retry-After": "1.5"}),
    "429 with a date": Answer(429, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}),
}
FAULTS_AND_WAITS = [
    *((fault, AFTER_FAULT) for fault in PASSING_FAULTS.values()),
    *((fault, AFTER_429) for fault in THROTTLING.values()),
]
FAULT_NAMES = [*PASSING_FAULTS, *THROTTLING]


@pytest.mark.parametrize("times", [1, 5])
@pytest.mark.parametrize(("fault", "waits"), FAULTS_AND_WAITS, ids=FAULT_NAMES)
def test_up_to_five_faults_of_each_request_change_no_figure(
    fault: Reaction, waits: list[float], times: int, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Each request has six tries of its own."""
    cloud.events = [Event(int(time.time() * 1000) - DAY_MS, total=7)]
    for service in BOTH_SERVICES:
        cloud.on(service, fault, times=times)
    result = run("--format", "json")
    assert result.totals["total_tokens"] == 7
    assert clock.waits == waits[:times] * 2


@pytest.mark.parametrize("service", BOTH_SERVICES)
@pytest.mark.parametrize(("fault", "waits"), FAULTS_AND_WAITS, ids=FAULT_NAMES)
def test_the_sixth_fault_ends_the_run(
    fault: Reaction, waits: list[float], service: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Exit code 5, and the caller may try again."""
    cloud.on(service, fault)
    result = run("--format", "json")
    assert result.code == 5
    assert result.error["retryable"] is True
    assert clock.waits == waits
    assert requests_to(cloud, service) == 6


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_the_error_after_all_tries_is_the_last_answer(
    status: int, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """With its status, text and identifiers."""
    cloud.on("modelarts", Answer(500, {"error_msg": "the first answer"}), times=5)
    cloud.on("modelarts", refusal(status, "TEST.7", "the last answer"))
    error = run("--format", "json").error
    assert f"HTTP {status}" in error["message"]
    assert "the last answer" in error["message"]
    assert error["http_status"] == status
    assert error["error_code"] == "TEST.7"
    assert error["request_id"] == "req-0001"


@pytest.mark.parametrize("fault", [drop, CUT_SHORT], ids=["dropped", "cut short"])
def test_a_lost_connection_has_no_status(
    fault: Reaction, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The message names the host."""
    cloud.on("modelarts", fault)
    error = run("--format", "json").error
    assert error["http_status"] is None
    assert "modelarts.cn-southwest-2.myhuaweicloud.com" in error["message"]
    assert "connection" in error["message"]


def test_the_hint_after_throttling_is_to_come_back_later(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """It is not the network's fault."""
    cloud.on("modelarts", Answer(429))
    hint = run().error["hint"]
    assert "minutes" in hint
    assert "network" not in hint


def test_different_faults_share_the_tries(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """The wait fits the fault and the number of tries, and a refusal ends them."""
    cloud.on("modelarts", Answer(500), times=1)
    cloud.on("modelarts", Answer(429), times=1)
    cloud.on("modelarts", drop, times=1)
    cloud.on("modelarts", Answer(400))
    assert run().code == 4
    assert clock.waits == [0.5, 4, 2]


@pytest.mark.parametrize("asked", ["0", "7", "60", "007"])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("service", BOTH_SERVICES)
def test_retry_after_replaces_the_wait(
    service: str, status: int, asked: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Up to a minute."""
    cloud.on(service, Answer(status, headers={"Retry-After": asked}), times=1)
    assert run().code == 0
    assert clock.waits == [int(asked)]


@pytest.mark.parametrize("asked", ["61", "3600", "9" * 400], ids=["61", "3600", "very long"])
def test_a_longer_retry_after_ends_the_run_at_once(
    asked: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The caller may come back."""
    cloud.on("modelarts", Answer(429, headers={"Retry-After": asked}))
    result = run("--format", "json")
    assert result.code == 5
    assert result.error["retryable"] is True
    assert clock.waits == []
    assert len(cloud.statistics) == 1


def test_the_hint_says_how_long_to_wait_where_that_is_too_long(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The user may come back then."""
    cloud.on("modelarts", Answer(429, headers={"Retry-After": "900"}))
    assert "900 seconds" in run().error["hint"]


def test_a_401_is_not_worth_a_wait_whatever_the_answer_asks_for(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Its hint stays the one on the keys."""
    cloud.on("modelarts", Answer(401, headers={"Retry-After": "900"}))
    assert "lock" in run().error["hint"]


@pytest.mark.parametrize(
    ("asked", "waits", "code"),
    [([50, 50], [50, 50], 0), ([50, 51], [50], 5), ([60, 41], [60], 5)],
    ids=["100 seconds", "101 seconds", "101 seconds otherwise"],
)
def test_the_last_try_begins_100_seconds_after_the_first(
    asked: list[int], waits: list[int], code: int, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """At the latest."""
    for seconds in asked:
        cloud.on("modelarts", Answer(503, headers={"Retry-After": str(seconds)}), times=1)
    assert run().code == code
    assert clock.waits == waits


@pytest.mark.parametrize(("asked", "tries", "code"), [(40, 2, 0), (41, 1, 5)])
def test_the_time_that_answers_take_is_a_part_of_the_100_seconds(
    asked: int, tries: int, code: int, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Here a minute, by the clock of the test."""

    def answer_after_a_minute(_: Request) -> Answer:
        clock.sleep(60)
        return Answer(503, headers={"Retry-After": str(asked)})

    cloud.on("modelarts", answer_after_a_minute, times=1)
    assert run().code == code
    assert len(cloud.statistics) == tries


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [(None, [2, 4]), ("7", [7, 7]), ("50", [50, 50])],
    ids=["no Retry-After", "7", "50"],
)
def test_the_limit_of_requests_a_minute_is_waited_for(
    retry_after: str | None, waits: list[int], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Whether or not the cloud says how long: that is not known of the real one."""
    cloud.retry_after = retry_after
    cloud.requests_a_minute = 0

    def let_the_minute_pass(_: Request) -> None:
        cloud.requests_a_minute = 200

    cloud.on("modelarts", let_the_minute_pass, after=2, times=1)
    assert run().code == 0
    assert clock.waits == waits


@pytest.mark.parametrize(
    ("retry_after", "waits"),
    [(None, AFTER_429), ("7", [7, 7, 7, 7, 7]), ("60", [60])],
    ids=["no Retry-After", "7", "60"],
)
def test_the_limit_of_requests_a_minute_can_end_the_run(
    retry_after: str | None, waits: list[int], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """With what the cloud said."""
    cloud.retry_after = retry_after
    cloud.requests_a_minute = 0
    result = run("--format", "json")
    assert result.code == 5
    assert "throttling threshold" in result.error["message"]
    assert result.error["error_code"] == "APIGW.0308"
    assert clock.waits == waits


# --- Announcements ---


@pytest.mark.parametrize(
    ("fault", "announced"),
    [(Answer(500), [4, 8]), (Answer(429), [4, 8, 16, 32])],
    ids=["500", "429"],
)
def test_waits_of_over_two_seconds_are_announced(
    fault: Answer, announced: list[float], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """On stderr, while stdout holds the result alone."""
    cloud.on("modelarts", fault, times=5)
    result = run("--format", "json")
    assert announced_waits(result) == announced
    assert result.document["by"] is None


def test_an_announcement_says_why(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """On one line, in which no secret is shown and which ends somewhere."""
    answer = Answer(429, {"error_msg": "busy\n" + "x" * 50_000 + SK}, {"Retry-After": "9"})
    cloud.on("modelarts", answer, times=1)
    announcement = run("--format", "csv").err.splitlines()[0]
    assert announcement.startswith("waiting 9 s")
    assert "HTTP 429: busy xxx" in announcement
    assert len(announcement) < 2000


def test_requests_side_by_side_announce_the_same_wait_once(
    thirty_days: list[str], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """A wait of another length is announced as well."""
    cloud.on("show-statistics", together(8), after=1, times=8)
    cloud.on("show-statistics", Answer(429, headers={"Retry-After": "3"}), after=1, times=8)
    cloud.on("show-statistics", Answer(429, headers={"Retry-After": "5"}), after=1, times=1)
    result = run(*thirty_days)
    assert sorted(clock.waits) == [3, 3, 3, 3, 3, 3, 3, 3, 5]
    assert announced_waits(result) == [3, 5]


# --- 401: wrong, unknown, expired and locked keys ---


def with_clock_ahead(cloud: FakeCloud) -> None:
    """Let the cloud's clock be more than 15 minutes ahead."""
    cloud.clock_ahead = 1000


def with_clock_behind(cloud: FakeCloud) -> None:
    """Let the cloud's clock be more than 15 minutes behind."""
    cloud.clock_ahead = -1000


def with_locked_key(cloud: FakeCloud) -> None:
    """Let the AK be locked by failures of earlier runs."""
    cloud.failed_signatures = 6


def with_another_reason(cloud: FakeCloud) -> None:
    """Let the cloud give a reason that the program does not know."""
    cloud.on("myhuaweicloud", refusal(401, "APIGW.0301", "decrypt token fail"))


def with_permanent_keys(_: FakeCloud) -> None:
    """Leave the cloud as it is."""


def with_temporary_keys(cloud: FakeCloud) -> None:
    """Let the cloud know a token."""
    cloud.keys[AK] = (SK, TOKEN)


WRONG_SK = {"HW_SECRET_KEY": SK[::-1]}
UNAUTHORIZED = {  # what is wrong, variables, and words of the message and of the hint
    "wrong SK": (with_permanent_keys, WRONG_SK, "verify aksk signature fail", "Check the SK"),
    "wrong token": (
        with_temporary_keys,
        {"HW_SECURITY_TOKEN": TOKEN[::-1]},
        "verify aksk signature fail",
        "token",
    ),
    "unknown AK": (
        with_permanent_keys,
        {"HW_ACCESS_KEY": AK[::-1]},
        "ak not exist",
        "Check the AK",
    ),
    "clock behind": (with_clock_ahead, {}, "signature expired", "clock"),
    "clock ahead": (with_clock_behind, {}, "signature expired", "clock"),
    "expired keys": (with_clock_ahead, {}, "signature expired", "temporary keys"),
    "locked": (with_locked_key, {}, "reach the limit", "five minutes"),
    "other": (with_another_reason, {}, "decrypt token fail", "Check AK, SK"),
}


@pytest.mark.parametrize("argv", [[], ["--project-id", PROJECT_ID]], ids=["IAM", "statistics"])
@pytest.mark.parametrize("case", UNAUTHORIZED.values(), ids=UNAUTHORIZED)
def test_the_hint_of_a_401_knows_the_reason(
    case: tuple[Callable[[FakeCloud], None], Variables, str, str],
    argv: list[str],
    cloud: FakeCloud,
    run: Run,
    clock: Clock,
) -> None:
    """Exit code 3 after one try, with what the service says."""
    prepare, variables, said, advice = case
    prepare(cloud)
    result = run(*argv, "--format", "json", **variables)
    assert result.code == 3
    assert result.error["kind"] == "credentials"
    assert result.error["http_status"] == 401
    assert result.error["error_code"] == "APIGW.0301"
    assert result.error["request_id"] == "req-0001"
    assert result.error["retryable"] is False
    assert said in result.error["message"]
    assert advice in result.error["hint"]
    assert len(cloud.seen) == 1


NO_KEYS = {"HW_ACCESS_KEY": None, "HW_SECRET_KEY": None}


@pytest.mark.parametrize(
    ("ak_name", "sk_name"),
    [("HW_ACCESS_KEY", "HW_SECRET_KEY"), ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK")],
    ids=["HW", "SDK"],
)
def test_the_hint_of_a_401_names_the_variables_with_the_keys(
    ak_name: str, sk_name: str, cloud: FakeCloud, run: Run
) -> None:
    """And warns not to try again with the same keys."""
    variables = {**NO_KEYS, ak_name: AK, sk_name: SK[::-1]}
    hint = run(**variables).error["hint"]
    assert ak_name in hint
    assert sk_name in hint
    assert "again with the same keys" in hint


def test_the_hint_of_a_401_names_the_file_with_the_keys(
    cloud: FakeCloud, run: Run, tmp_path: Path
) -> None:
    """Not the variables, though they are set."""
    file = tmp_path / "two-lines"
    file.write_text(f"{AK}\n{SK[::-1]}\n", encoding="utf-8")
    hint = run("--credentials-file", str(file)).error["hint"]
    assert str(file) in hint
    assert "HW_ACCESS_KEY" not in hint


def test_the_hint_of_a_401_names_the_profile_with_the_keys(
    cloud: FakeCloud, run: Run, home: Path
) -> None:
    """By its path in the home folder."""
    profile = home / ".huaweicloud" / "credentials"
    profile.parent.mkdir()
    profile.write_text(f"[basic]\nak = {AK}\nsk = {SK[::-1]}\n", encoding="utf-8")
    assert ".huaweicloud/credentials" in run(**NO_KEYS).error["hint"]


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--check"],
        ["--by", "day", "--period", "30d", "--service-type", "all"],
        ["--by", "day", "--period", "30d", "--project-id", PROJECT_ID],
        ["--by", "service", "--service-type", "all", "--project-id", PROJECT_ID],
        ["--raw", "--by", "day", "--period", "30d", "--project-id", PROJECT_ID],
    ],
    ids=["total", "check", "by day", "by day with project", "by service", "raw"],
)
def test_a_wrong_key_costs_one_failed_signature(
    argv: list[str], cloud: FakeCloud, run: Run
) -> None:
    """A few more would lock the AK. The first signed request of a run goes alone."""
    cloud.on("myhuaweicloud", slow(0.1), times=1)  # others would arrive meanwhile
    assert run(*argv, **WRONG_SK).code == 3
    assert cloud.failed_signatures == 1


# --- 403: no permission ---


def test_a_403_on_the_statistics_names_region_and_project(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """For these the policy is missing. One try."""
    cloud.may_read_statistics = False
    result = run("--format", "json")
    assert result.code == 3
    assert result.error["kind"] == "permission"
    assert result.error["http_status"] == 403
    assert result.error["retryable"] is False
    assert "no permission" in result.error["message"]
    assert "CommonOperations" in result.error["hint"]
    assert "cn-southwest-2" in result.error["hint"]
    assert PROJECT_ID in result.error["hint"]
    assert len(cloud.statistics) == 1


def test_a_403_on_both_look_ups_points_to_the_project_id(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The policy of the statistics would not help."""
    cloud.may_list_projects = False
    cloud.may_list_own_projects = False
    result = run("--format", "json")
    assert result.code == 3
    assert result.error["kind"] == "permission"
    assert result.error["http_status"] == 403
    assert "not authorized" in result.error["message"]
    assert "--project-id" in result.error["hint"]
    assert "ModelArts" not in result.error["hint"]
    assert len(cloud.seen) == 2


@pytest.mark.parametrize(("status", "code"), [(401, 3), (400, 4), (501, 5)])
def test_another_error_of_the_second_look_up_keeps_its_own_hint(
    status: int, code: int, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """A project id would not help."""
    cloud.may_list_projects = False
    cloud.on("/v3/auth/projects", refusal(status, "TEST.1", "no"))
    result = run("--format", "json")
    assert result.code == code
    assert result.error["http_status"] == status
    assert "--project-id" not in result.error["hint"]


# --- Other refusals ---

REFUSALS = {  # the answer, and what its message says
    "400": (refusal(400, "TEST.1", "infer_type is wrong"), "infer_type is wrong"),
    "404": (refusal(404, "TEST.2", "The API does not exist"), "does not exist"),
    "405 without a body": (Answer(405), "HTTP 405"),
    "409 with HTML": (Answer(409, "<html>"), "HTTP 409"),
    "204": (Answer(204), "HTTP 204"),
    "nested": (Answer(400, {"error": {"code": 400, "message": "Request invalid"}}), "Request inv"),
    "code and message": (Answer(400, {"code": "X", "message": "Malformed"}), "Malformed"),
    "a list": (Answer(400, "[1]"), "HTTP 400"),
    "null": (Answer(400, "null"), "HTTP 400"),
    "odd types": (Answer(400, {"error_code": {"a": 1}, "error_msg": ["no"], "error": 7}), "no"),
    "endless brackets": (Answer(400, "[" * 100_000), "HTTP 400"),
    "not UTF-8": (Answer(400, b'{"error_msg": "\xff\xfe"}'), "HTTP 400"),
    "301": (Answer(301, "", {"Location": "https://example.com/a"}), "https://example.com/a"),
    "302": (Answer(302, "", {"Location": "/elsewhere"}), "/elsewhere"),
    "307": (Answer(307, "", {"Location": "https://example.com/b"}), "https://example.com/b"),
    "308 to nowhere": (Answer(308), "redirect"),
}


@pytest.mark.parametrize("service", BOTH_SERVICES)
@pytest.mark.parametrize(("answer", "said"), REFUSALS.values(), ids=REFUSALS)
def test_other_answers_are_refusals(
    answer: Answer, said: str, service: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Exit code 4 after one try, with what the service says. Redirects are not followed."""
    cloud.on(service, answer)
    result = run("--format", "json")
    assert result.code == 4
    assert result.error["kind"] == "service"
    assert result.error["http_status"] == answer.status
    assert result.error["retryable"] is False
    assert said in result.error["message"]
    assert requests_to(cloud, service) == 1
    assert len(cloud.seen) == 1 + BOTH_SERVICES.index(service)


def test_a_nested_error_has_a_code(cloud: FakeCloud, run: Run) -> None:
    """IAM may nest its errors once, and gives numbers as codes."""
    cloud.on("iam", Answer(400, {"error": {"code": 400, "message": "Request invalid"}}))
    assert run("--format", "json").error["error_code"] == "400"


@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, {"error_msg": "no", "request_id": "req-7"}),
        Answer(400, {"error_msg": "no"}, {"X-Request-Id": "req-7"}),
    ],
    ids=["body", "header"],
)
def test_the_request_id_may_come_in_the_body_or_in_a_header(
    answer: Answer, cloud: FakeCloud, run: Run
) -> None:
    """Whoever reports an error needs it."""
    cloud.on("modelarts", answer)
    assert run("--format", "json").error["request_id"] == "req-7"


def test_a_501_is_tried_once(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """It is the service's fault, and does not pass at once."""
    cloud.on("modelarts", Answer(501))
    result = run("--format", "json")
    assert result.code == 5
    assert result.error["retryable"] is True
    assert len(cloud.statistics) == 1


@pytest.mark.parametrize("service", BOTH_SERVICES)
@pytest.mark.parametrize(
    "body",
    [
        {"error_code": "TEST.0001", "error_msg": "quota used up"},
        {"error": {"code": "TEST.0001", "message": "quota used up"}},
    ],
    ids=["flat", "nested"],
)
def test_an_error_with_status_200_is_shown(
    body: Any, service: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """It has no figures and no projects, but says why."""
    cloud.on(service, Answer(200, body))
    result = run("--format", "json")
    assert result.code == 4
    assert "TEST.0001" in result.error["message"]
    assert "quota used up" in result.error["message"]
    assert result.error["error_code"] == "TEST.0001"


@pytest.mark.parametrize("service", BOTH_SERVICES)
@pytest.mark.parametrize(
    "answer",
    [NOT_JSON, Answer(200), Answer(200, "null"), Answer(200, "[]"), Answer(200, '{"total_token"')],
    ids=["HTML", "empty", "null", "a list", "half of it"],
)
def test_an_odd_answer_with_status_200_is_tried_once(
    answer: Answer, service: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Exit code 4."""
    cloud.on(service, answer)
    result = run("--format", "json")
    assert result.code == 4
    assert "answer" in result.error["message"]
    assert requests_to(cloud, service) == 1


def test_an_odd_answer_is_told_with_the_request_id_in_its_header(
    cloud: FakeCloud, run: Run
) -> None:
    """A report to the service needs it."""
    cloud.on("modelarts", Answer(200, "<html>", {"X-Request-Id": "req-77"}))
    assert run("--format", "json").error["request_id"] == "req-77"


def test_an_answer_that_is_not_compressed_as_it_says_is_tried_once(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Exit code 4."""
    cloud.on("modelarts", Answer(200, '{"total_token": 1}', {"Content-Encoding": "gzip"}))
    result = run()
    assert result.code == 4
    assert "decompressed" in result.error["message"]
    assert len(cloud.statistics) == 1


def test_a_start_exactly_30_days_old_is_asked_for(cloud: FakeCloud, run: Run, at: At) -> None:
    """In time, also a service that refuses older starts may accept it."""
    at("2026-05-22T12:00:00+00:00")
    cloud.refuses_old_starts = True
    assert run("--period", "30d", "--format", "json").document["period"]["complete"] is True


def test_if_such_a_start_arrives_too_late_the_hint_suggests_29_days(
    cloud: FakeCloud, run: Run, at: At
) -> None:
    """Whether the service refuses it a moment later is not known."""
    at("2026-05-22T12:00:00+00:00")
    cloud.refuses_old_starts = True
    cloud.clock_ahead = 1
    result = run("--period", "30d")
    assert result.code == 4
    assert "--period 29d" in result.error["hint"]


@pytest.mark.parametrize("raw", [[], ["--raw"]], ids=["rows", "raw"])
def test_the_hint_on_29_days_comes_with_services_too(
    raw: list[str], cloud: FakeCloud, run: Run, at: At
) -> None:
    """Other advice would run into the same refusal."""
    at("2026-05-22T12:00:00+00:00")
    cloud.refuses_old_starts = True
    cloud.clock_ahead = 1
    result = run("--period", "30d", "--by", "service", *raw)
    assert result.code == 4
    assert "--period 29d" in result.error["hint"]


def test_another_refusal_has_no_hint_on_old_starts(cloud: FakeCloud, run: Run) -> None:
    """The period is not the reason."""
    cloud.on("modelarts", Answer(400))
    assert "29d" not in run("--period", "29d").error["hint"]


@pytest.mark.parametrize("by", ["service-type", "service", "day"])
def test_one_refused_service_type_has_the_hint_to_ask_for_the_others(
    by: str, cloud: FakeCloud, run: Run
) -> None:
    """The documentation of the two sites differs on which types there are."""
    cloud.service_types["cn-southwest-2"] = [1, 2]
    result = run("--service-type", "all", "--by", by, "--period", "1d", "--format", "json")
    assert result.code == 4
    assert "must be one of [1 2]" in result.error["message"]
    assert result.error["hint"] == (
        "Ask for the service types one by one, with --service-type: "
        "preset, my-service, custom-endpoint."
    )


def test_the_only_service_type_has_no_such_hint(cloud: FakeCloud, run: Run) -> None:
    """There are no others."""
    cloud.service_types["cn-southwest-2"] = [1, 2]
    result = run("--service-type", "custom-endpoint")
    assert result.code == 4
    assert "one by one" not in result.error["hint"]


# --- The project ---

OURS = {"id": PROJECT_ID, "name": "cn-southwest-2"}
OTHER_ID = "f" * 32

UNCLEAR_PROJECTS: dict[str, Any] = {
    "none": [],
    "another region": [{"id": OTHER_ID, "name": "cn-north-4"}],
    "a sub-project": [{"id": OTHER_ID, "name": "cn-southwest-2_team"}],
    "two": [OURS, {"id": OTHER_ID, "name": "cn-southwest-2"}],
}


@pytest.mark.parametrize("projects", UNCLEAR_PROJECTS.values(), ids=UNCLEAR_PROJECTS)
def test_no_or_several_projects_point_to_the_project_id(
    projects: Any, cloud: FakeCloud, run: Run
) -> None:
    """Exit code 3; nothing is guessed."""
    cloud.on("iam", Answer(200, {"projects": projects}))
    result = run("--format", "json")
    assert result.code == 3
    assert result.error["kind"] == "credentials"
    assert "cn-southwest-2" in result.error["message"]
    assert "--project-id" in result.error["hint"]
    assert cloud.statistics == []


ODD_PROJECTS: dict[str, Any] = {
    "a path as the id": [{**OURS, "id": "../../elsewhere"}],
    "capital letters": [{**OURS, "id": PROJECT_ID.upper()}],
    "a number": [{**OURS, "id": 7}],
    "null": [{**OURS, "id": None}],
    "no id": [{"name": "cn-southwest-2"}],
    "a text": ["cn-southwest-2"],
    "no list": 7,
}


@pytest.mark.parametrize("projects", ODD_PROJECTS.values(), ids=ODD_PROJECTS)
def test_nothing_is_sent_with_an_odd_project_id(projects: Any, cloud: FakeCloud, run: Run) -> None:
    """Exit code 4: the answer is not valid."""
    cloud.on("iam", Answer(200, {"projects": projects}))
    result = run("--format", "json")
    assert result.code == 4
    assert "project" in result.error["message"]
    assert cloud.statistics == []


# --- Network ---


@pytest.mark.parametrize(
    "raised",
    [requests.exceptions.ConnectTimeout, requests.exceptions.ReadTimeout],
    ids=["to connect", "to read"],
)
def test_time_outs_are_retried(
    raised: type[Exception], run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A try has ten seconds to connect, and 30 to read."""
    timeouts = []

    def run_out_of_time(*_: Any, timeout: Any = None, **__: Any) -> None:
        timeouts.append(timeout)
        raise raised("no answer")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", run_out_of_time)
    result = run("--format", "json")
    assert result.code == 5
    assert result.error["retryable"] is True
    assert "in time" in result.error["message"]
    assert set(timeouts) == {(10, 30)}
    assert clock.waits == AFTER_FAULT


def test_an_unknown_host_is_retried(
    cloud: FakeCloud, run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Name servers have bad moments. The message has the system's words."""

    def look_up(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    result = run("--format", "json", HTTPS_PROXY=None)
    assert result.code == 5
    assert result.error["retryable"] is True
    assert "Name or service not known" in result.error["message"]
    assert "network" in result.error["hint"]
    assert "region" not in result.error["hint"]
    assert clock.waits == AFTER_FAULT


def test_an_unknown_region_may_be_mistyped(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """The hint of a network error says so. This proxy does not know the host."""
    error = run("--region", "cn-southwest-3", "--format", "json").error
    assert error["kind"] == "network"
    assert "mistyped" in error["hint"]
    assert "cn-southwest-3" in error["hint"]
    cloud.unknown_hosts.clear()


# --- Proxy ---


def test_a_proxy_that_does_not_listen_is_retried(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """Its password is in no message."""
    result = run("--format", "json", HTTPS_PROXY="http://somebody:EXAMPLEPASSWORD@127.0.0.1:1")
    assert result.code == 5
    assert result.error["retryable"] is True
    assert "proxy" in result.error["message"]
    assert "refused" in result.error["message"]
    assert "EXAMPLEPASSWORD" not in result.err
    assert clock.waits == AFTER_FAULT


def test_a_proxy_that_cannot_connect_is_retried(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """It answers 502."""
    cloud.proxy_status = 502
    result = run("--format", "json")
    assert result.code == 5
    assert result.error["retryable"] is True
    assert "proxy" in result.error["message"]
    assert "502" in result.error["message"]
    assert len(cloud.connections) == 6
    assert clock.waits == AFTER_FAULT


@pytest.mark.parametrize(
    ("status", "advice"), [(407, "password"), (403, "administrator")], ids=["407", "403"]
)
def test_a_proxy_that_refuses_is_asked_once(
    status: int, advice: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The same password again may lock an account."""
    cloud.proxy_status = status
    address = f"http://somebody:EXAMPLEPASSWORD@{cloud.proxy}"
    result = run("--format", "json", HTTPS_PROXY=address)
    assert result.code == 5
    assert result.error["kind"] == "network"
    assert result.error["retryable"] is False
    assert str(status) in result.error["message"]
    assert advice in result.error["hint"]
    assert "EXAMPLEPASSWORD" not in result.err
    assert len(cloud.connections) == 1


def test_https_before_a_plain_proxy_is_tried_once(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """The hint says what to write instead."""
    result = run("--format", "json", HTTPS_PROXY=f"https://{cloud.proxy}")
    assert result.code == 5
    assert result.error["retryable"] is False
    assert "proxy" in result.error["message"]
    assert "http://" in result.error["hint"]
    assert clock.waits == []


@pytest.mark.skipif(importlib.util.find_spec("socks") is not None, reason="PySocks is installed")
def test_a_socks_proxy_without_its_package_is_tried_once(run: Run, clock: Clock) -> None:
    """The hint names the package."""
    address = "socks5://me:EXAMPLEPASSWORD@127.0.0.1:9"
    result = run("--format", "json", HTTPS_PROXY=address)
    assert result.code == 5
    assert result.error["retryable"] is False
    assert "SOCKS" in result.error["message"]
    assert "PySocks" in result.error["hint"]
    assert "EXAMPLEPASSWORD" not in result.err
    assert clock.waits == []


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http://me:EXAMPLEPASSWORD@:0",
        "nonsense://me:EXAMPLEPASSWORD@host",
        "http://[::1",
        "http://a b:1",
        "http://me:EXAMPLEPASSWORD@host:99999",
        "http://me:EXAMPLEPASSWORD@host:port",
        "http://:@:",
        "http://me:EXAMPLEPASSWORD@a..b:1",
        "http://me:EXAMPLEPASSWORD\u56e2@host:1",
    ],
    ids=[
        "no host",
        "only a port",
        "scheme",
        "bracket",
        "blank",
        "large port",
        "port of letters",
        "only signs",
        "empty label",
        "password that no header can hold",
    ],
)
def test_an_invalid_address_of_the_proxy_is_tried_once(
    address: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The hint shows the form of an address."""
    result = run("--format", "json", HTTPS_PROXY=address)
    assert result.code == 5
    assert result.error["retryable"] is False
    assert "proxy" in result.error["message"]
    assert "http://" in result.error["hint"]
    assert "EXAMPLEPASSWORD" not in result.err
    assert clock.waits == []


def test_settings_are_told_without_the_name_of_a_variable(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The address of the proxy may come from another variable, or from the system."""
    cloud.proxy_status = 407
    assert "HTTPS_PROXY" not in run().err
    assert "HTTPS_PROXY" not in run(HTTPS_PROXY=f"https://{cloud.proxy}").err
    assert "HTTPS_PROXY" not in run(HTTPS_PROXY="http://").err


# --- Certificates ---

CA_FILES = {
    "missing": None,
    "empty": "",
    "nonsense": "nonsense",
    "not a certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
}


def check_ca_file_error(result: Result, clock: Clock) -> None:
    """Assert that a CA file is said to be unusable, after one try."""
    assert result.code == 5
    assert result.error["kind"] == "network"
    assert result.error["retryable"] is False
    assert "file of CA certificates" in result.error["message"]
    assert "REQUESTS_CA_BUNDLE" in result.error["hint"]
    assert "CURL_CA_BUNDLE" in result.error["hint"]
    assert clock.waits == []


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("content", CA_FILES.values(), ids=CA_FILES)
def test_a_ca_file_without_certificates_is_tried_once(
    content: str | None, variable: str, cloud: FakeCloud, run: Run, clock: Clock, tmp_path: Path
) -> None:
    """The hint names the variables that may name it."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    variables = {"REQUESTS_CA_BUNDLE": None, variable: str(path)}
    check_ca_file_error(run("--format", "json", **variables), clock)


def test_a_ca_file_that_cannot_be_read_is_tried_once(
    cloud: FakeCloud, run: Run, clock: Clock, tmp_path: Path
) -> None:
    """For lack of permission."""
    path = tmp_path / "ca.pem"
    path.write_bytes(cloud.ca_file.read_bytes())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user can read any file")
    check_ca_file_error(run("--format", "json", REQUESTS_CA_BUNDLE=str(path)), clock)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has such a file")
def test_a_ca_file_that_even_root_cannot_read_is_tried_once(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Reading it is an error of the system."""
    check_ca_file_error(run("--format", "json", REQUESTS_CA_BUNDLE="/proc/self/mem"), clock)


def check_certificate_error(result: Result, cloud: FakeCloud) -> None:
    """Assert that a certificate is said to be wrong, after one try."""
    assert result.code == 5
    assert result.error["kind"] == "network"
    assert result.error["retryable"] is False
    assert "certificate" in result.error["message"]
    assert "iam.cn-southwest-2.myhuaweicloud.com" in result.error["message"]
    assert len(cloud.connections) == 1


def test_an_untrusted_certificate_points_to_the_ca_variable(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """It is most likely that of a proxy which looks into TLS."""
    result = run("--format", "json", REQUESTS_CA_BUNDLE=None)
    check_certificate_error(result, cloud)
    assert "REQUESTS_CA_BUNDLE" in result.error["hint"]
    assert "clock" not in result.error["hint"]


@pytest.mark.parametrize("certificate", ["expired", "not yet valid"])
def test_a_certificate_out_of_date_points_to_the_clock(
    certificate: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Of this machine or of whoever made the certificate."""
    if certificate not in CERTIFICATES:
        pytest.skip("trustme for Python 3.8 cannot make such a certificate")
    cloud.certificate = certificate
    result = run("--format", "json")
    check_certificate_error(result, cloud)
    assert certificate in result.error["message"]
    assert "clock" in result.error["hint"]


# --- Several requests side by side ---


def wait_for_other_threads(before: set[threading.Thread]) -> None:
    """Wait until what the program has started, and may have left, has come to its end."""
    for thread in set(threading.enumerate()) - before:
        if thread.name != THREAD_NAME:
            thread.join(20)


def test_eight_requests_run_side_by_side(
    thirty_days: list[str], cloud: FakeCloud, run: Run
) -> None:
    """Eight arrive at once, and not more."""
    cloud.on("show-statistics", together(8), after=1, times=8)
    cloud.on("show-statistics", slow(0.1), after=1, times=8)  # a ninth would arrive meanwhile
    result = run(*thirty_days, "--format", "json")
    assert result.totals["total_tokens"] == 29 * 1001
    assert cloud.busiest == 8


def test_the_first_request_goes_alone(thirty_days: list[str], cloud: FakeCloud, run: Run) -> None:
    """The others follow its answer."""
    seen_meanwhile = []

    def watch(_: Request) -> None:
        time.sleep(0.1)  # others would arrive meanwhile
        seen_meanwhile.append(len(cloud.statistics))

    cloud.on("show-statistics", watch, times=1)
    assert run(*thirty_days).code == 0
    assert seen_meanwhile == [1]


def test_figures_are_exact_when_a_third_of_the_answers_is_429(
    thirty_days: list[str], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Nothing is lost, counted twice or put into another row."""
    days_of_429 = set()

    def throttle_each_third_day_once(request: Request) -> Answer | None:
        day = request.body["start_time"] // DAY_MS
        if day % 3 != 0 or day in days_of_429:
            return None
        days_of_429.add(day)
        return Answer(429)

    cloud.on("show-statistics", throttle_each_third_day_once)
    result = run(*thirty_days, "--format", "json")
    assert clock.waits == [2] * 10
    tokens = [row["total_tokens"] for row in result.document["rows"]]
    assert tokens == [0] + [1001] * 29
    assert result.totals["total_tokens"] == 29 * 1001


@pytest.mark.parametrize("output", ["table", "markdown", "json", "csv"])
def test_partial_sums_are_never_shown(
    output: str, three_days: list[str], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """If the last of the requests is refused, the run fails, and stdout stays empty."""
    cloud.on("show-statistics", refusal(400, "TEST.1", "the third day"), after=2, times=1)
    result = run(*three_days, "--format", output)
    assert result.code == 4
    assert result.out == ""
    assert "the third day" in result.error["message"]


@pytest.mark.parametrize("late", [None, Answer(503)], ids=["answered late", "failed late"])
def test_after_an_error_nothing_more_is_sent(
    late: Answer | None, thirty_days: list[str], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """One of eight is refused. The other seven end after the run; nothing is sent or retried."""
    held = Hold()

    def end_later(request: Request) -> Answer | None:
        held(request)
        return late

    cloud.on("show-statistics", together(8), after=1, times=8)
    cloud.on("show-statistics", refusal(400, "TEST.1", "the first error"), after=1, times=1)
    cloud.on("show-statistics", end_later, after=1)
    threads_before = set(threading.enumerate())

    result = run(*thirty_days)
    held.release.set()
    wait_for_other_threads(threads_before)

    assert result.code == 4
    assert "the first error" in result.error["message"]
    assert clock.waits == []
    assert len(cloud.statistics) == 1 + 8


# --- Whole hints, once each ---

WHOLE_HINTS = {
    "400": (
        Answer(400),
        "Check the region, the project id and the options, then report the message.",
    ),
    "429": (Answer(429), "The service limits requests. Try again in a few minutes."),
    "501": (Answer(501), "The service has a fault. Try again in a few minutes."),
    "503": (Answer(503), "The service has a fault. Try again in a few minutes."),
    "connection lost": (
        drop,
        "Check the network connection and the proxy settings, then try again.",
    ),
}


@pytest.mark.parametrize(("reaction", "hint"), WHOLE_HINTS.values(), ids=WHOLE_HINTS)
def test_a_hint_is_one_or_two_plain_sentences(
    reaction: Reaction, hint: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Word for word, so that no word of it is lost unnoticed."""
    cloud.on("modelarts", reaction)
    assert run().error["hint"] == hint


def test_a_403_names_policy_region_and_project_in_a_whole_sentence(
    cloud: FakeCloud, run: Run
) -> None:
    """It can be passed on to an administrator as it stands."""
    cloud.may_read_statistics = False
    assert run().error["hint"] == (
        "Grant the user the policy ModelArts CommonOperations in the project of the region. "
        f"Region: cn-southwest-2; project: {PROJECT_ID}."
    )


def test_a_redirect_without_a_target_is_told_as_such(cloud: FakeCloud, run: Run) -> None:
    """Some gateways forget it."""
    cloud.on("modelarts", Answer(302))
    assert "a redirect to an unknown place" in run().error["message"]


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (
            407,
            (
                "Correct user and password in the address of the proxy. "
                "More tries may lock the account."
            ),
        ),
        (403, "Ask the administrator of the proxy to allow this host."),
    ],
)
def test_the_hint_on_a_proxy_that_refuses_is_a_whole_sentence(
    status: int, hint: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Word for word."""
    cloud.proxy_status = status
    assert run().error["hint"] == hint


def test_the_hint_on_an_unknown_401_is_whole_sentences(cloud: FakeCloud, run: Run) -> None:
    """It names all that may be wrong, where the keys come from, and the danger."""
    cloud.on("modelarts", Answer(401))
    assert run().error["hint"] == (
        "Check AK, SK, and the token of temporary keys, and that they fit the site. "
        "The keys come from the environment (HW_ACCESS_KEY, HW_SECRET_KEY). "
        "Until this is corrected, trying again with the same keys may lock them."
    )


def test_the_hint_on_an_https_proxy_says_what_to_write_instead_of_what(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Not the other way round."""
    assert run(HTTPS_PROXY=f"https://{cloud.proxy}").error["hint"] == (
        "Begin the address of the proxy with http:// instead of https://."
    )


class HangUp(socketserver.BaseRequestHandler):
    """A plain proxy that closes the connection when it gets TLS."""

    def handle(self) -> None:
        """Read, and send nothing."""
        self.request.recv(65536)


def test_an_https_proxy_that_hangs_up_is_tried_once(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Not all plain proxies answer in words."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), HangUp) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        result = run(HTTPS_PROXY=f"https://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
    assert result.code == 5
    assert "the proxy does not speak TLS" in result.error["message"]
    assert clock.waits == []


@pytest.mark.parametrize("fault", ["certificate", "status"])
def test_each_network_error_in_an_unknown_region_says_that_it_may_be_mistyped(
    fault: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The cloud knows the region, and the program does not."""
    if fault == "certificate":
        cloud.certificate = "another host"
    else:
        cloud.on("modelarts", Answer(501))
    hint = run("--region", "cn-north-4").error["hint"]
    assert hint.startswith("Check --region: cn-north-4 may be mistyped. ")


def test_the_hint_on_an_unknown_region_is_whole_sentences(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The network may be the reason nevertheless."""
    hint = run("--region", "cn-southwest-3").error["hint"]
    cloud.unknown_hosts.clear()
    assert hint == (
        "Check --region: cn-southwest-3 may be mistyped. "
        "Check the network connection and the proxy settings, then try again."
    )
