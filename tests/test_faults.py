"""When the service, the network or a setting fails: tries, waits, pace, exit codes, Ctrl-C."""

from __future__ import annotations

import _thread
import gc
import importlib
import re
import socket
import socketserver
import threading
import time
from pathlib import Path
from typing import Any, Iterator
from urllib.parse import unquote

import pytest
import requests
from cloud import (
    AK,
    CERTIFICATES,
    CUT_SHORT,
    DAY_MS,
    PROJECT_ID,
    SK,
    THREAD_NAME,
    TOKEN,
    Answer,
    Event,
    FakeCloud,
    Hold,
    Reaction,
    Request,
    drop,
    refusal,
    together,
)
from conftest import At, Clock, Result, Run, Start, ms, posix_only

import maas_rest_usage_stats as script

WAITS = [0.5, 1, 2, 4, 8.0]
WAITS_AFTER_429 = [2, 4, 8, 16, 32.0]
NOON = "2026-05-31T12:00:00+00:00"
BY_30_DAYS = ["--from", "2026-05-01T12:00", "--to", "2026-05-30", "--by", "day"]
PROXY_ADDRESS = "http://somebody:EXAMPLEPASSWORD@"


@pytest.fixture
def thirty_days(cloud: FakeCloud, at: At) -> list[str]:
    """Arguments that ask for 30 days one by one; on the last 29, 1001 tokens each were used."""
    at(NOON)
    first = ms("2026-05-02T00:00:00+00:00")
    cloud.events = [Event(first + day * DAY_MS, total=1001) for day in range(29)]
    return BY_30_DAYS


class Arrivals:
    """When requests arrived, by the clock of the test. Make it before the rules for faults."""

    def __init__(self, cloud: FakeCloud, clock: Clock, where: str) -> None:
        self.times: list[float] = []
        self._clock = clock
        cloud.on(where, self._note)

    def _note(self, _: Request) -> None:
        self.times.append(self._clock.seconds)

    @property
    def waits(self) -> list[float]:
        """The seconds between requests."""
        pairs = zip(self.times, self.times[1:])
        return [round(later - earlier, 1) for earlier, later in pairs]

    def most_within(self, seconds: float) -> int:
        """Return how many requests arrived in the busiest time of this length."""
        counts = []
        for first in self.times:
            counts.append(sum(first <= other < first + seconds for other in self.times))
        return max(counts)


def announced_waits(result: Result) -> list[float]:
    """Return the seconds of the waits that were announced on stderr."""
    return [float(seconds) for seconds in re.findall("(?m)^waiting ([0-9.]+) s ", result.err)]


def wait_for_threads(before: set[threading.Thread]) -> None:
    """Wait until the threads that a run has left come to their end, as they must."""
    threads = [thread for thread in threading.enumerate() if thread.name != THREAD_NAME]
    for thread in set(threads) - before:
        thread.join(20)
        assert not thread.is_alive()


# --- Faults that may pass: up to six tries ---

PASSING_FAULTS: list[tuple[Reaction, list[float]]] = [
    (Answer(500), WAITS),
    (Answer(502, "<html>Bad Gateway</html>"), WAITS),
    (Answer(503, {"error_msg": "busy"}), WAITS),
    (Answer(504), WAITS),
    (drop, WAITS),
    (CUT_SHORT, WAITS),
    (Answer(429, {"error_msg": "slow down"}), WAITS_AFTER_429),
]
FAULT_NAMES = ["500", "502", "503", "504", "dropped", "cut short", "429"]


@pytest.mark.parametrize(("fault", "waits"), PASSING_FAULTS, ids=FAULT_NAMES)
def test_each_request_may_fail_five_times(
    fault: Reaction, waits: list[float], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The figures are as usual."""
    cloud.events = [Event(int(time.time() * 1000) - DAY_MS, total=7)]
    look_ups = Arrivals(cloud, clock, "iam")
    questions = Arrivals(cloud, clock, "modelarts")
    cloud.on("iam", fault, times=5)
    cloud.on("modelarts", fault, times=5)

    result = run("--format", "json")

    assert result.totals["total_tokens"] == 7
    assert look_ups.waits == waits
    assert questions.waits == waits


@pytest.mark.parametrize(("fault", "waits"), PASSING_FAULTS, ids=FAULT_NAMES)
def test_the_sixth_fault_ends_the_run(
    fault: Reaction, waits: list[float], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The caller may try again later."""
    arrivals = Arrivals(cloud, clock, "modelarts")
    cloud.on("modelarts", fault)

    result = run("--format", "json")

    assert result.code == 5
    assert result.error["kind"] == "network"
    assert result.error["retryable"] is True
    assert len(arrivals.times) == 6
    assert arrivals.waits == waits


def test_the_error_after_all_tries_is_the_last_answer(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """With its status, text and identifiers."""
    cloud.on("modelarts", Answer(500, {"error_msg": "the first answer"}), times=5)
    cloud.on("modelarts", refusal(503, "TEST.7", "the last answer"))

    error = run("--format", "json").error

    assert "the last answer" in error["message"]
    assert error["http_status"] == 503
    assert error["error_code"] == "TEST.7"
    assert error["request_id"] == "req-0001"


def test_different_faults_share_the_tries(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """Each wait fits its fault and the number of tries, and a refusal ends them."""
    arrivals = Arrivals(cloud, clock, "modelarts")
    cloud.on("modelarts", Answer(500), times=1)
    cloud.on("modelarts", Answer(429), times=1)
    cloud.on("modelarts", drop, times=1)
    cloud.on("modelarts", Answer(400))

    assert run().code == 4
    assert arrivals.waits == [0.5, 4, 2]


@pytest.mark.parametrize("asked", ["0", "7", "60", " 007 "])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_replaces_each_wait(
    status: int, asked: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Up to 60 seconds."""
    arrivals = Arrivals(cloud, clock, "modelarts")
    cloud.on("modelarts", Answer(status, headers={"Retry-After": asked}), times=5)
    assert run().code == 0
    assert arrivals.waits == [int(asked)] * 5


@pytest.mark.parametrize("asked", ["soon", "-5", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_a_retry_after_that_is_not_in_seconds_is_ignored(
    asked: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Also a date, since the clocks may differ."""
    arrivals = Arrivals(cloud, clock, "modelarts")
    cloud.on("modelarts", Answer(429, headers={"Retry-After": asked}), times=2)
    assert run().code == 0
    assert arrivals.waits == [2, 4]


@pytest.mark.parametrize("asked", ["61", "3600", "9" * 400], ids=["61", "3600", "very long"])
def test_a_longer_retry_after_ends_the_run_at_once(
    asked: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The message says how long to wait."""
    cloud.on("modelarts", Answer(429, headers={"Retry-After": asked}))

    result = run("--format", "json")

    assert result.code == 5
    assert result.error["retryable"] is True
    assert asked in result.error["message"]
    assert clock.seconds == 0
    assert len(cloud.statistics) == 1


# --- Announcements ---


@pytest.mark.parametrize(
    ("fault", "announced"),
    [
        (Answer(500), [4, 8]),
        (Answer(429), [4, 8, 16, 32]),
        (Answer(503, headers={"Retry-After": "3"}), [3]),
        (Answer(503, headers={"Retry-After": "2"}), []),
    ],
    ids=["500", "429", "3 s five times", "2 s five times"],
)
def test_waits_of_over_two_seconds_are_announced_once(
    fault: Answer, announced: list[float], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """On stderr, while stdout holds the result alone."""
    cloud.on("modelarts", fault, times=5)
    result = run("--format", "json")
    assert announced_waits(result) == announced
    assert result.document["by"] is None


def test_concurrent_requests_announce_the_same_wait_once(
    thirty_days: list[str], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """A wait of another length is announced as well."""
    cloud.on("show-statistics", together(8), after=1, times=8)
    cloud.on("show-statistics", Answer(429, headers={"Retry-After": "3"}), after=1, times=8)
    cloud.on("show-statistics", Answer(429, headers={"Retry-After": "5"}), after=1, times=1)
    assert announced_waits(run(*thirty_days)) == [3, 5]


# --- The pace: at most 180 requests begin within 60 seconds ---


def api_keys(count: int) -> list[str]:
    """Return arguments that make a run of this many rows, a total and a project look-up."""
    return ["--by", "api-key", "--api-keys", *[f"key-{number}" for number in range(count)]]


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch, cloud: FakeCloud) -> None:
    """Requests are sent one by one, so that each arrives when it begins; the cloud has no limit."""
    monkeypatch.setattr(script, "MAX_CONCURRENT", 1)
    cloud.requests_a_minute = None


def test_400_requests_begin_in_three_minutes(
    one_by_one: None, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """As many as allowed begin at once. A request may be half a second late on its way."""
    arrivals = Arrivals(cloud, clock, "myhuaweicloud")
    assert run(*api_keys(400), "--format", "csv").code == 0
    assert len(arrivals.times) == 402
    assert arrivals.most_within(60.5) == 180
    assert 120 <= clock.seconds < 125


def test_further_tries_count_for_the_pace(
    one_by_one: None, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Each of 100 requests is sent twice."""
    arrivals = Arrivals(cloud, clock, "show-statistics")
    failed: list[Any] = []

    def fail_once(request: Request) -> Answer | None:
        if request.body in failed:
            return None
        failed.append(request.body)
        return Answer(429, headers={"Retry-After": "0"})

    cloud.on("show-statistics", fail_once)

    assert run(*api_keys(99)).code == 0

    assert len(arrivals.times) == 200
    assert arrivals.most_within(60) == 179  # and the project look-up
    assert clock.seconds >= 60


def test_a_wait_for_the_pace_is_no_try(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """A request that has waited for its turn may fail five times, too."""
    cloud.requests_a_minute = None
    cloud.on(
        "modelarts",
        Answer(503, headers={"Retry-After": "0"}),
        times=5,
        when=lambda body: body.get("api_keys") == ["key-195"],
    )

    assert run(*api_keys(200)).code == 0

    assert len(cloud.statistics) == 201 + 5


def test_a_run_of_180_requests_does_not_wait(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """Here a project id saves the look-up. Nothing is announced."""
    result = run(*api_keys(179), "--project-id", PROJECT_ID, "--format", "json")
    assert result.document["by"] == "api-key"
    assert result.err == ""
    assert clock.seconds == 0


@pytest.mark.parametrize(
    ("requests_in_all", "minutes"), [(181, "1 min"), (360, "1 min"), (361, "2 min")]
)
def test_a_longer_run_says_first_how_long_it_takes(
    requests_in_all: int, minutes: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """One line, before anything else."""
    cloud.on("modelarts", Answer(400))
    first_line = run(*api_keys(requests_in_all - 1)).err.splitlines()[0]
    assert str(requests_in_all) in first_line
    assert minutes in first_line


# --- Answers that are tried once ---

REFUSALS = {  # the answer, the exit code, the kind and whether a later run may succeed
    "401": (Answer(401, {}), 3, "credentials", False),
    "403": (Answer(403, {}), 3, "permission", False),
    "400": (Answer(400, {}), 4, "service", False),
    "404": (Answer(404, {}), 4, "service", False),
    "408": (Answer(408, {}), 4, "service", False),
    "409 with HTML": (Answer(409, "<html>"), 4, "service", False),
    "a list": (Answer(400, "[1]"), 4, "service", False),
    "null": (Answer(400, "null"), 4, "service", False),
    "odd types": (Answer(400, {"error_code": {"a": 1}, "error": 7}), 4, "service", False),
    "endless brackets": (Answer(400, "[" * 100_000), 4, "service", False),
    "not UTF-8": (Answer(400, b'{"error_msg": "\xff\xfe"}'), 4, "service", False),
    "204": (Answer(204), 4, "service", False),
    "304": (Answer(304), 4, "service", False),
    "501": (Answer(501), 5, "network", True),
    "505": (Answer(505), 5, "network", True),
    "599": (Answer(599), 5, "network", True),
}


@pytest.mark.parametrize(("answer", "code", "kind", "retryable"), REFUSALS.values(), ids=REFUSALS)
def test_other_answers_end_the_run_at_once(
    answer: Answer,
    code: int,
    kind: str,
    retryable: bool,
    cloud: FakeCloud,
    run: Run,
    clock: Clock,
) -> None:
    """They would come again, and a wait that they ask for would not help."""
    cloud.on("modelarts", answer._replace(headers={"Retry-After": "77"}))

    result = run("--format", "json")

    assert result.code == code
    assert result.error["kind"] == kind
    assert result.error["http_status"] == answer.status
    assert result.error["retryable"] is retryable
    assert "77" not in result.error["message"]
    assert len(cloud.statistics) == 1


ERROR_BODIES = {
    "flat": {"error_code": "TEST.1", "error_msg": "the reason"},
    "nested": {"error": {"code": "TEST.1", "message": "the reason"}},
    "code and message": {"code": "TEST.1", "message": "the reason"},
}


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("body", ERROR_BODIES.values(), ids=ERROR_BODIES)
def test_an_error_may_come_in_three_forms(
    body: Any, status: int, cloud: FakeCloud, run: Run
) -> None:
    """Also with status 200, here instead of projects."""
    cloud.on("iam", Answer(status, body))

    result = run("--format", "json")

    assert result.code == 4
    assert "the reason" in result.error["message"]
    assert result.error["error_code"] == "TEST.1"


@pytest.mark.parametrize(
    ("body", "headers"),
    [({"request_id": "req-7"}, {}), ({}, {"X-Request-Id": "req-7"})],
    ids=["body", "header"],
)
def test_the_request_id_may_come_in_the_body_or_in_a_header(
    body: Any, headers: dict[str, str], cloud: FakeCloud, run: Run
) -> None:
    """Whoever reports an error needs it."""
    cloud.on("modelarts", Answer(400, body, headers))
    assert run("--format", "json").error["request_id"] == "req-7"


def test_an_answer_that_is_not_compressed_as_it_says_is_tried_once(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Exit code 4."""
    cloud.on("modelarts", Answer(200, '{"total_token": 1}', {"Content-Encoding": "gzip"}))
    result = run("--format", "json")
    assert result.code == 4
    assert result.error["retryable"] is False
    assert len(cloud.statistics) == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_no_firewall_though_its_answer_is_not_json(
    status: int, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The hint is to wait."""
    cloud.on("modelarts", Answer(status, "<html>"))
    assert "Wait" in run().error["hint"]


# --- Wrong keys, and no permission ---


@pytest.mark.parametrize(
    ("variables", "clock_ahead", "failures_before", "said"),
    [
        ({"HW_SECRET_KEY": SK[::-1]}, 0, 0, "verify aksk signature fail"),
        ({"HW_SECURITY_TOKEN": TOKEN}, 0, 0, "verify aksk signature fail"),
        ({"HW_ACCESS_KEY": AK[::-1]}, 0, 0, "ak not exist"),
        ({}, 1000, 0, "signature expired"),
        ({}, -1000, 0, "signature expired"),
        ({}, 0, 6, "reach the limit"),
    ],
    ids=["wrong SK", "needless token", "unknown AK", "clock behind", "clock ahead", "locked"],
)
def test_a_401_says_what_the_service_says(
    variables: dict[str, str],
    clock_ahead: float,
    failures_before: int,
    said: str,
    cloud: FakeCloud,
    run: Run,
) -> None:
    """Exit code 3 after one try."""
    cloud.clock_ahead = clock_ahead
    cloud.failed_signatures = failures_before

    result = run("--format", "json", **variables)

    assert result.code == 3
    assert result.error["kind"] == "credentials"
    assert result.error["http_status"] == 401
    assert result.error["error_code"] == "APIGW.0301"
    assert result.error["retryable"] is False
    assert said in result.error["message"]
    assert len(cloud.seen) == 1


@pytest.mark.parametrize(("status", "code"), [(401, 3), (400, 4), (501, 5)])
def test_another_error_of_the_second_look_up_keeps_its_own_hint(
    status: int, code: int, cloud: FakeCloud, run: Run
) -> None:
    """It is not about the permission to list projects."""
    cloud.may_list_projects = False
    cloud.on("/v3/auth/projects", refusal(status, "TEST.1", "no"))

    result = run("--format", "json")

    assert result.code == code
    assert result.error["http_status"] == status
    assert "set HW_PROJECT_ID" not in result.error["hint"]


# --- The network ---


@pytest.mark.parametrize("form", ["plain", "gzip", "chunks"])
def test_an_answer_may_come_plain_in_gzip_or_in_chunks(
    form: str, cloud: FakeCloud, run: Run
) -> None:
    """The figures are the same."""
    cloud.events = [Event(int(time.time() * 1000) - DAY_MS, total=1234)]
    cloud.answer_form = form
    assert run("--format", "json").totals["total_tokens"] == 1234


def test_a_connection_that_was_kept_may_be_closed_before_the_next_request(
    thirty_days: list[str], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The request goes over another."""
    cloud.hangs_up = True
    assert run(*thirty_days, "--format", "json").totals["total_tokens"] == 29 * 1001


@pytest.mark.parametrize(
    "raised", [requests.exceptions.ConnectTimeout, requests.exceptions.ReadTimeout]
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
    assert timeouts == [(10, 30)] * 6
    assert round(clock.seconds, 1) == sum(WAITS)


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
    assert round(clock.seconds, 1) == sum(WAITS)


@pytest.mark.parametrize("raised", [KeyError, OSError, requests.exceptions.ConnectionError])
def test_a_fault_in_signing_is_a_bug_and_no_network_error(
    raised: type[Exception], cloud: FakeCloud, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its traceback shows where, and no secret."""

    def fail(*_: object) -> None:
        raise raised(f"while signing with {SK}")

    signer = importlib.import_module("huaweicloudsdkcore.signer.signer").Signer
    monkeypatch.setattr(signer, "sign", fail)

    result = run("--format", "json")

    assert result.code == 1
    assert result.error["kind"] == "internal"
    assert result.error["retryable"] is False
    assert "Traceback" in result.err
    assert "while signing with ***" in result.err
    assert cloud.connections == []


# --- Settings of this machine: one try, and a later run fails as well ---


def check_setting_error(result: Result, clock: Clock) -> None:
    """Assert that a run has ended at once because of a setting."""
    assert result.code == 5
    assert result.error["kind"] == "network"
    assert result.error["retryable"] is False
    assert clock.seconds == 0
    assert "EXAMPLEPASSWORD" not in result.err


@pytest.mark.parametrize("in_address", ["EXAMPLEPASSWORD", "EXAMPLE%2F%40%3A"])
def test_a_proxy_gets_user_and_password_from_its_address(
    in_address: str, cloud: FakeCloud, run: Run
) -> None:
    """In an address, some characters are encoded."""
    cloud.proxy_password = f"somebody:{unquote(in_address)}"
    assert run(HTTPS_PROXY=f"http://somebody:{in_address}@{cloud.proxy}").code == 0


@pytest.mark.parametrize(
    ("proxy_status", "proxy_password", "said"),
    [(200, "somebody:another", "407"), (407, None, "407"), (403, None, "403")],
    ids=["wrong password", "407", "403"],
)
def test_a_proxy_that_refuses_is_asked_once(
    proxy_status: int,
    proxy_password: str | None,
    said: str,
    cloud: FakeCloud,
    run: Run,
    clock: Clock,
) -> None:
    """More tries with a wrong password may lock an account."""
    cloud.proxy_status = proxy_status
    cloud.proxy_password = proxy_password

    result = run("--format", "json", HTTPS_PROXY=PROXY_ADDRESS + cloud.proxy)

    check_setting_error(result, clock)
    assert said in result.error["message"]
    assert len(cloud.connections) == 1


def test_a_proxy_that_cannot_connect_is_asked_again(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """502 is no matter of settings."""
    cloud.proxy_status = 502

    result = run("--format", "json", HTTPS_PROXY=PROXY_ADDRESS + cloud.proxy)

    assert result.code == 5
    assert result.error["retryable"] is True
    assert "502" in result.error["message"]
    assert "EXAMPLEPASSWORD" not in result.err
    assert len(cloud.connections) == 6
    assert round(clock.seconds, 1) == sum(WAITS)


def test_a_proxy_that_does_not_listen_is_tried_again(run: Run, clock: Clock) -> None:
    """Its password is in no message."""
    result = run("--format", "json", HTTPS_PROXY=f"{PROXY_ADDRESS}127.0.0.1:1")

    assert result.code == 5
    assert result.error["retryable"] is True
    assert "refused" in result.error["message"]
    assert "EXAMPLEPASSWORD" not in result.err
    assert round(clock.seconds, 1) == sum(WAITS)


def test_https_before_the_address_of_a_plain_proxy_is_tried_once(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """It answers TLS in words that are no TLS."""
    result = run("--format", "json", HTTPS_PROXY=f"https://{cloud.proxy}")
    check_setting_error(result, clock)


class HangUp(socketserver.BaseRequestHandler):
    """A proxy or host that closes the connection when it gets the first bytes of TLS."""

    def handle(self) -> None:
        """Read, and send nothing."""
        self.request.recv(65536)


def test_a_connection_lost_during_the_tls_handshake_is_tried_again(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Unlike a certificate, it may be better next time."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), HangUp) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        address = f"https://127.0.0.1:{server.server_address[1]}"
        result = run("--format", "json", HTTPS_PROXY=address)
        server.shutdown()

    assert result.code == 5
    assert result.error["retryable"] is True


@pytest.mark.parametrize(
    "address",
    [
        "http://",
        "http://somebody:EXAMPLEPASSWORD@:0",
        "nonsense://somebody:EXAMPLEPASSWORD@odd-host",
        "socks5://somebody:EXAMPLEPASSWORD@odd-host:9",  # needs another package
        "http://[::1",
        "http://somebody:EXAMPLEPASSWORD@odd-host:99999",
        "http://somebody:EXAMPLEPASSWORD@odd-host:port",
        "http://:@:",
        "http://somebody:EXAMPLEPASSWORD@odd-host..b:1",
        "http://somebody:EXAMPLEPASSWORD\u56e2@odd-host:1",
    ],
)
def test_an_address_that_cannot_be_that_of_a_proxy_is_tried_once_and_not_shown(
    address: str, run: Run, clock: Clock
) -> None:
    """It may hold a password, wherever that is taken to end."""
    result = run("--format", "json", HTTPS_PROXY=address)
    check_setting_error(result, clock)
    assert "address of the proxy" in result.error["message"]
    assert "odd-host" not in result.err


@pytest.mark.parametrize("certificate", CERTIFICATES[1:])
def test_a_certificate_that_is_not_valid_is_asked_for_once(
    certificate: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The message has the system's words, and nothing is sent."""
    cloud.certificate = certificate

    result = run("--format", "json")

    check_setting_error(result, clock)
    assert "certificate" in result.error["message"]
    assert len(cloud.connections) == 1
    assert cloud.seen == []


BAD_CA_FILES = {
    "empty": "",
    "nonsense": "nonsense",
    "not a certificate": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
}


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("content", BAD_CA_FILES.values(), ids=BAD_CA_FILES)
def test_a_ca_file_without_certificates_is_named(
    content: str, variable: str, run: Run, clock: Clock, tmp_path: Path
) -> None:
    """It is tried once."""
    file = tmp_path / "example-ca.pem"
    file.write_text(content, encoding="utf-8")
    variables = {"REQUESTS_CA_BUNDLE": None, variable: str(file)}

    result = run("--format", "json", **variables)

    check_setting_error(result, clock)
    assert "example-ca.pem" in result.error["message"]


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_ca_file_that_is_missing_is_named(
    variable: str, run: Run, clock: Clock, tmp_path: Path
) -> None:
    """It is looked for once."""
    file = tmp_path / "no-such-folder" / "example-file"
    variables = {"REQUESTS_CA_BUNDLE": None, variable: str(file)}
    result = run("--format", "json", **variables)
    check_setting_error(result, clock)
    assert "example-file" in result.error["message"]


def test_a_log_of_tls_keys_that_cannot_be_opened_is_named(
    run: Run, clock: Clock, tmp_path: Path
) -> None:
    """Python keeps one if this variable is set."""
    file = tmp_path / "no-such-folder" / "example-file"
    result = run("--format", "json", SSLKEYLOGFILE=str(file))
    check_setting_error(result, clock)
    assert "example-file" in result.error["message"]


@pytest.mark.parametrize(
    ("package", "code"),
    [
        ("certifi.py", "def where():\n    return '/no-such-folder/example-file'\n"),
        ("requests.py", "open('/no-such-folder/example-file')\n"),
    ],
    ids=["the packages' own CA file", "a file opened by an import"],
)
def test_a_file_that_the_packages_miss_is_no_missing_package(
    package: str, code: str, start: Start, clock: Clock, tmp_path: Path
) -> None:
    """Some versions open files while they are imported, and not all name the file then."""
    (tmp_path / package).write_text(code, encoding="utf-8")
    result = start("--format", "json", PYTHONPATH=str(tmp_path), REQUESTS_CA_BUNDLE=None).result()
    check_setting_error(result, clock)


# --- Packages that cannot be imported ---

BROKEN_PACKAGES = {  # a file in the way, its text, and words of the message
    "ImportError": ("requests.py", 'raise ImportError("no libexample.so.3")', "no libexample.so.3"),
    "AttributeError": ("requests.py", "import sys\nsys.nonsense", "AttributeError"),
    "SyntaxError": ("huaweicloudsdkcore.py", "def", "SyntaxError"),
    "another requests.py": ("requests.py", "", "Session"),
    "another queue.py": ("queue.py", "", "queue"),
    "an SDK that is too old": ("huaweicloudsdkcore/__init__.py", "", "huaweicloudsdkcore.signer"),
}


@pytest.mark.parametrize(("file", "text", "said"), BROKEN_PACKAGES.values(), ids=BROKEN_PACKAGES)
def test_a_package_that_cannot_be_imported_is_exit_code_1(
    file: str, text: str, said: str, start: Start, tmp_path: Path
) -> None:
    """Whatever the import raises, the message has its words, and the hint says how to install."""
    path = tmp_path / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(text + "\n", encoding="utf-8")

    result = start("--format", "json", PYTHONPATH=str(tmp_path)).result()

    assert result.code == 1
    assert result.error["kind"] == "internal"
    assert result.error["retryable"] is False
    assert result.error["message"].startswith("a package cannot be imported: ")
    assert said in result.error["message"]
    assert "pip install" in result.error["hint"]
    assert result.err.count("\n") == 1


# --- Concurrent requests ---


def test_figures_are_exact_when_a_third_of_the_answers_is_429(
    thirty_days: list[str], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Nothing is lost, counted twice or put into another row."""
    throttled = set()

    def throttle_each_third_day_once(request: Request) -> Answer | None:
        day = request.body["start_time"] // DAY_MS
        if day % 3 != 0 or day in throttled:
            return None
        throttled.add(day)
        return Answer(429)

    cloud.on("show-statistics", throttle_each_third_day_once)

    result = run(*thirty_days, "--format", "json")

    assert len(cloud.statistics) == 40
    tokens = [row["total_tokens"] for row in result.document["rows"]]
    assert tokens == [0] + [1001] * 29
    assert result.totals["total_tokens"] == 29 * 1001


@pytest.mark.parametrize("output", ["table", "markdown", "json", "csv", "raw"])
def test_partial_sums_are_never_shown(
    output: str, thirty_days: list[str], cloud: FakeCloud, run: Run
) -> None:
    """If the last of the requests is refused, the run fails, and stdout stays empty."""
    cloud.on("show-statistics", refusal(400, "TEST.1", "the last day"), after=29)
    result = run(*thirty_days, "--format", output)
    assert result.code == 4
    assert result.out == ""
    assert "the last day" in result.error["message"]


@pytest.mark.parametrize(
    "late",
    [None, Answer(429, headers={"Retry-After": "9"}), Answer(403)],
    ids=["figures", "a fault", "a refusal"],
)
def test_the_first_error_ends_the_run_and_nothing_more_is_sent_or_said(
    late: Answer | None,
    thirty_days: list[str],
    cloud: FakeCloud,
    run: Run,
    clock: Clock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One of eight is refused. The answers of the other seven come after the end of the run."""
    held = Hold()
    late_answers = []

    def answer_after_the_run(request: Request) -> Answer | None:
        held(request)
        late_answers.append(late)
        return late  # None: the cloud's own figures

    # The first request goes alone, and the next eight are on their way at once.
    cloud.on("show-statistics", together(8), after=1, times=8)
    cloud.on("show-statistics", refusal(400, "TEST.1", "the first error"), after=1, times=1)
    cloud.on("show-statistics", answer_after_the_run, after=1)
    threads_before = set(threading.enumerate())

    result = run(*thirty_days)
    assert late_answers == []
    held.release.set()
    wait_for_threads(threads_before)

    assert result.code == 4
    assert "the first error" in result.error["message"]
    assert len(cloud.statistics) == 1 + 8
    assert clock.seconds == 0
    assert capsys.readouterr().err == ""


def test_a_wait_for_another_try_ends_with_the_run(
    thirty_days: list[str], cloud: FakeCloud, run: Run
) -> None:
    """Here without the clock of the tests: a request waits for a minute, and another is refused."""
    wait_begins = threading.Event()

    def refuse_late(_: Request) -> Answer:
        wait_begins.wait(20)
        return Answer(400)

    def ask_for_a_wait(_: Request) -> Answer:
        wait_begins.set()
        return Answer(503, headers={"Retry-After": "60"})

    cloud.on("show-statistics", together(2), after=1, times=2)
    cloud.on("show-statistics", refuse_late, after=1, times=1)
    cloud.on("show-statistics", ask_for_a_wait, after=1)
    threads_before = set(threading.enumerate())

    result = run(*thirty_days)
    wait_for_threads(threads_before)

    assert result.code == 4


# --- Ctrl-C ---


def check_interrupted(result: Result) -> None:
    """Assert that a run ended with error and hint, and nothing else on stderr."""
    lines = result.err.splitlines()
    assert result.code == 130
    assert len(lines) == 2
    assert lines[0].startswith("error: interrupted")
    assert lines[1].startswith("hint: ")


def after(requests: int, cloud: FakeCloud) -> threading.Event:
    """Return what is set when so many requests have arrived."""
    event = threading.Event()

    def look(_: Request) -> None:
        if len(cloud.seen) == requests:
            event.set()

    cloud.on("myhuaweicloud", look)
    return event


@posix_only
@pytest.mark.parametrize(
    ("arguments", "answered", "on_the_way"),
    [
        ("", 0, 1),
        ("", 1, 1),
        ("--check", 1, 1),
        ("--by hour --period yesterday", 2, 8),
        ("--raw --by hour --period yesterday", 7, 8),
    ],
    ids=["look-up", "total", "check", "eight hours", "raw"],
)
def test_ctrl_c_does_not_wait_for_answers(
    arguments: str, answered: int, on_the_way: int, cloud: FakeCloud, start: Start
) -> None:
    """Which the cloud would send after 20 seconds."""
    arrived = after(answered + on_the_way, cloud)
    hold = Hold()
    cloud.on("myhuaweicloud", hold, after=answered)
    process = start(*arguments.split())
    assert arrived.wait(30)

    process.interrupt()
    result = process.result(timeout=15)
    hold.release.set()

    check_interrupted(result)
    assert len(cloud.seen) == answered + on_the_way


@posix_only
def test_ctrl_c_ends_a_wait_for_another_try(cloud: FakeCloud, start: Start) -> None:
    """Here one of a minute."""
    cloud.on("modelarts", Answer(503, headers={"Retry-After": "60"}))
    process = start()
    assert process.popen.stderr
    assert process.popen.stderr.readline().startswith("waiting 60 s")

    process.interrupt()

    check_interrupted(process.result(timeout=15))


@posix_only
def test_ctrl_c_ends_a_wait_for_the_pace(cloud: FakeCloud, start: Start) -> None:
    """Further requests would begin a minute later."""
    arrived = after(180, cloud)
    process = start(*api_keys(200), "--format", "json")
    assert arrived.wait(30)

    process.interrupt()
    result = process.result(timeout=15)

    assert result.code == 130
    assert len(result.err.splitlines()) == 2  # the announcement and the error
    assert len(cloud.seen) == 180


@posix_only
def test_ctrl_c_while_packages_are_imported_is_no_missing_package(
    start: Start, tmp_path: Path
) -> None:
    """The import takes the longest part of the start."""
    code = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
    (tmp_path / "requests.py").write_text(code, encoding="utf-8")
    check_interrupted(start(PYTHONPATH=str(tmp_path)).result())


@posix_only
def test_ctrl_c_in_a_constructor_shows_nothing_of_destructors(start: Start, tmp_path: Path) -> None:
    """From Python 3.13 on, the destructor of half an answer fails, and Python would say so."""
    code = (
        "import http.client, os, signal\n"
        "def interrupt(*_, **__):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "http.client.HTTPResponse.__init__ = interrupt\n"
    )
    (tmp_path / "sitecustomize.py").write_text(code, encoding="utf-8")
    check_interrupted(start("--check", PYTHONPATH=str(tmp_path)).result())


@pytest.fixture
def without_garbage() -> Iterator[None]:
    """No destructor of what an earlier run has left swallows the interrupt."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_after_ctrl_c_nothing_more_is_sent_or_said(
    thirty_days: list[str],
    cloud: FakeCloud,
    run: Run,
    clock: Clock,
    without_garbage: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The eight requests on the way fail after the end of the run; none is sent again."""
    held = Hold()

    def interrupt(_: Request) -> None:
        _thread.interrupt_main()

    def fail_late(request: Request) -> Answer:
        held(request)
        return Answer(429, headers={"Retry-After": "9"})

    cloud.on("show-statistics", together(8), after=1, times=8)
    cloud.on("show-statistics", interrupt, after=1, times=1)
    cloud.on("show-statistics", fail_late, after=1)
    threads_before = set(threading.enumerate())

    result = run(*thirty_days)
    held.release.set()
    wait_for_threads(threads_before)

    check_interrupted(result)
    assert len(cloud.statistics) == 1 + 8
    assert clock.seconds == 0
    assert capsys.readouterr().err == ""


# --- What is not known of the service: each answer to it is handled ---


def test_a_span_of_30_days_may_be_too_long(cloud: FakeCloud, run: Run) -> None:
    """The hint suggests 29 days, and with them it works."""
    cloud.longest_days = 29

    refused = run("--period", "30d")
    accepted = run("--period", "29d")

    assert refused.code == 4
    assert "--period 29d" in refused.error["hint"]
    assert accepted.code == 0


@pytest.mark.parametrize("by", [[], ["--by", "service-type"], ["--by", "service"]])
def test_a_service_type_may_not_be_offered(by: list[str], cloud: FakeCloud, run: Run) -> None:
    """What the service says is shown; it never sees a 3 instead."""
    cloud.service_types["cn-southwest-2"] = [1, 2]

    refused = run("--service-type", "all", *by)
    accepted = run("--service-type", "preset", *by)

    assert refused.code == 4
    assert "service_type must be one of [1 2]" in refused.error["message"]
    assert accepted.code == 0


@pytest.mark.parametrize(
    ("strict_api_keys", "api_key", "code"),
    [
        (True, "Example_key-1", 0),
        (True, "a label", 4),
        (True, "", 0),
        (False, "Example_key-1", 0),
        (False, "a label", 0),
    ],
)
def test_api_keys_may_be_keys_or_labels(
    strict_api_keys: bool, api_key: str, code: int, cloud: FakeCloud, run: Run
) -> None:
    """The program sends either, and shows what the service says."""
    cloud.strict_api_keys = strict_api_keys
    assert run("--api-keys", api_key).code == code
    assert cloud.statistics[0]["api_keys"] == [api_key]


@pytest.mark.parametrize(
    ("retry_after", "waits"), [(None, [2, 4]), ("7", [7, 7])], ids=["not said", "7 s"]
)
def test_a_429_may_say_how_long_to_wait(
    retry_after: str | None, waits: list[float], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Here the limit of requests a minute is reached twice."""
    cloud.retry_after = retry_after
    cloud.requests_a_minute = 0

    def let_the_minute_pass(_: Request) -> None:
        cloud.requests_a_minute = 200

    arrivals = Arrivals(cloud, clock, "modelarts")
    cloud.on("modelarts", let_the_minute_pass, after=2, times=1)

    assert run().code == 0
    assert arrivals.waits == waits
