"""When the service, the network or a setting fails: tries, waits, pace, exit codes, Ctrl-C."""

from __future__ import annotations

import _thread
import contextlib
import gzip
import importlib
import re
import socket
import socketserver
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator, Optional
from urllib.parse import unquote

import pytest
import requests
from cloud import (
    CUT_SHORT,
    DAY_MS,
    NOT_JSON,
    REQUEST_ID,
    SK,
    THREAD_NAME,
    Answer,
    Event,
    FakeCloud,
    Hold,
    Reaction,
    Request,
    drop,
    refusal,
)
from conftest import At, Clock, Result, Run, Start, ms, posix_only

import maas_rest_usage_stats as script

pytestmark = pytest.mark.usefixtures("clock")  # the script waits without sleeping

WAITS = [0.5, 1.0, 2.0, 4.0, 8.0]
WAITS_AFTER_429 = [2.0, 4.0, 8.0, 16.0, 32.0]
PROXY_ADDRESS = "http://somebody:EXAMPLEPASSWORD@"
HTML = "<html>This is not JSON.</html>"
IN_GZIP = {"Content-Encoding": "gzip"}

React = Callable[[Request], Optional[Answer]]


def in_turn(*reactions: Reaction) -> React:
    """Return a reaction that is the next of these for each request, and the last for the rest."""
    left = list(reactions)
    lock = threading.Lock()

    def react(request: Request) -> Answer | None:
        with lock:
            reaction = left.pop(0) if len(left) > 1 else left[0]
        return reaction if isinstance(reaction, Answer) else reaction(request)

    return react


def when_waiting(count: int, react: React) -> React:
    """Return a reaction that comes when so many requests wait for it."""
    barrier = threading.Barrier(count, timeout=10)

    def wait(request: Request) -> Answer | None:
        barrier.wait()
        return react(request)

    return wait


@pytest.fixture
def thirty_days(cloud: FakeCloud, at: At) -> list[str]:
    """Arguments that ask for 30 days one by one; on the last 29, 1001 tokens each were used."""
    at("2026-05-31T12:00:00+00:00")
    first = ms("2026-05-02T00:00:00+00:00")
    cloud.events = [Event(first + day * DAY_MS, total=1001) for day in range(29)]
    return ["--from", "2026-05-01T12:00", "--to", "2026-05-30", "--by", "day"]


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
        return [round(after - before, 1) for before, after in zip(self.times, self.times[1:])]

    def most_within(self, seconds: float) -> int:
        """Return how many requests arrived in the busiest time of this length."""
        counts = []
        for first in self.times:
            counts.append(sum(first <= other < first + seconds for other in self.times))
        return max(counts)


def announced_waits(result: Result) -> list[float]:
    """Return the seconds of the waits that were announced on stderr."""
    return [float(seconds) for seconds in re.findall("(?m)^waiting ([0-9.]+) s ", result.err)]


@contextlib.contextmanager
def ended_threads() -> Iterator[None]:
    """At the end, wait for the threads that a run in this context has left, as they must end."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name != THREAD_NAME:
            thread.join(20)
            assert not thread.is_alive()


# --- Faults that may pass: up to six tries ---

PASSING_FAULTS: dict[str, tuple[Reaction, list[float], int]] = {
    "429": (Answer(429, {"error_msg": "slow down"}), WAITS_AFTER_429, 5),
    "500": (Answer(500), WAITS, 5),
    "502": (Answer(502), WAITS, 5),
    "503 with HTML": (Answer(503, HTML), WAITS, 5),
    "503 that is not gzip": (Answer(503, "{}", IN_GZIP), WAITS, 5),
    "504": (Answer(504), WAITS, 5),
    "dropped": (drop, WAITS, 5),
    "cut short": (CUT_SHORT, WAITS, 5),
    "200 with HTML": (NOT_JSON, WAITS, 4),
    "200 that is not gzip": (Answer(200, "{}", IN_GZIP), WAITS, 4),
    "gzip that is cut": (Answer(200, gzip.compress(b'{"total_token": 7}')[:20], IN_GZIP), WAITS, 4),
    "two lengths": (Answer(200, "{}", {"Content-Length": "2\r\nContent-Length: 3"}), WAITS, 4),
}


@pytest.mark.parametrize(("fault", "waits", "code"), PASSING_FAULTS.values(), ids=PASSING_FAULTS)
def test_a_request_may_fail_five_times_and_not_six(
    fault: Reaction, waits: list[float], code: int, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Here the look-up succeeds with its sixth try, and the statistics fail for good."""
    look_ups = Arrivals(cloud, clock, "iam")
    questions = Arrivals(cloud, clock, "modelarts")
    cloud.on("iam", fault, times=5)
    cloud.on("modelarts", fault)

    result = run()

    assert look_ups.waits == waits
    assert questions.waits == waits
    assert result.code == code
    assert ("firewall" in result.hint) == (code == 4)


def test_different_faults_share_the_tries(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """Each wait fits its fault and the number of tries, and a refusal ends them."""
    arrivals = Arrivals(cloud, clock, "modelarts")
    cloud.on("modelarts", in_turn(Answer(500), Answer(429), drop, NOT_JSON, Answer(400, {})))
    assert run().code == 4
    assert arrivals.waits == [0.5, 4, 2, 4]


def test_the_error_after_all_tries_is_the_last_answer(cloud: FakeCloud, run: Run) -> None:
    """With its status, text and identifiers."""
    first = [refusal(500, "TEST.1", "the first")] * 5
    cloud.on("modelarts", in_turn(*first, refusal(503, "TEST.7", "the last")))
    message = run().message
    for words in ("503", "the last", "TEST.7", REQUEST_ID):
        assert words in message


@pytest.mark.parametrize(
    ("status", "asked", "waits"),
    [
        (429, "0", [2, 4, 8, 16, 32]),
        (429, "1", [2, 4, 8, 16, 32]),
        (429, "7", [7, 7, 8, 16, 32]),
        (429, "60", [60, 60, 60, 60, 60]),
        (503, "1", [1, 1, 2, 4, 8]),
        (429, "-5", [2, 4, 8, 16, 32]),  # the next are not in seconds
        (429, "9.5", [2, 4, 8, 16, 32]),
        (429, "Wed, 21 Oct 2099 07:28:00 GMT", [2, 4, 8, 16, 32]),
    ],
)
def test_retry_after_makes_a_wait_longer_and_never_shorter(
    status: int, asked: str, waits: list[float], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """If it is in seconds: the clocks may differ."""
    arrivals = Arrivals(cloud, clock, "modelarts")
    cloud.on("modelarts", Answer(status, headers={"Retry-After": asked}), times=5)
    assert run().code == 0
    assert arrivals.waits == waits


@pytest.mark.parametrize("asked", ["61", "9" * 400], ids=["61", "very long"])
def test_a_retry_after_of_over_a_minute_ends_the_run_at_once(
    asked: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The caller may try again later."""
    cloud.on("modelarts", Answer(429, headers={"Retry-After": asked}))
    result = run()
    assert result.code == 5
    assert clock.seconds == 0
    assert len(cloud.statistics) == 1


# --- Announcements ---


@pytest.mark.parametrize(
    ("fault", "announced"),
    [(Answer(500), [4, 8]), (Answer(503, headers={"Retry-After": "3"}), [3, 4, 8])],
    ids=["500", "3 s or more"],
)
def test_waits_of_over_two_seconds_are_announced_once(
    fault: Answer, announced: list[float], cloud: FakeCloud, run: Run
) -> None:
    """On stderr, while stdout holds the result alone."""
    cloud.on("modelarts", fault, times=5)
    result = run("--format", "json")
    assert announced_waits(result) == announced
    assert result.document["by"] is None


def test_concurrent_requests_announce_the_same_wait_once(
    thirty_days: list[str], cloud: FakeCloud, run: Run
) -> None:
    """One of eight waits for another time, which is announced as well."""
    throttle = in_turn(
        Answer(429, headers={"Retry-After": "5"}), Answer(429, headers={"Retry-After": "3"})
    )
    cloud.on("show-statistics", when_waiting(8, throttle), after=1, times=8)
    assert sorted(announced_waits(run(*thirty_days))) == [3, 5]


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
    assert run(*api_keys(400)).code == 0
    assert len(arrivals.times) == 402
    assert arrivals.most_within(60.5) == 180
    assert 120 <= clock.seconds < 125


def test_further_tries_count_for_the_pace(
    one_by_one: None, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Each of 100 requests is sent twice, with half a second between."""
    arrivals = Arrivals(cloud, clock, "myhuaweicloud")
    failed: list[Any] = []

    def fail_once(request: Request) -> Answer | None:
        if request.body in failed:
            return None
        failed.append(request.body)
        return Answer(503)

    cloud.on("show-statistics", fail_once)

    assert run(*api_keys(99)).code == 0

    assert len(arrivals.times) == 201
    assert arrivals.most_within(60) == 180


def test_a_wait_for_the_pace_is_not_a_try(cloud: FakeCloud, run: Run) -> None:
    """A request that has waited for its turn may fail five times, too."""
    cloud.requests_a_minute = None
    is_late = {"api_keys": ["key-195"]}.items()
    cloud.on("modelarts", drop, times=5, when=lambda body: is_late <= body.items())
    assert run(*api_keys(200)).code == 0
    assert len(cloud.statistics) == 201 + 5


@pytest.mark.parametrize(
    ("count", "said"),
    [(180, "error"), (181, "1 minute"), (360, "1 minute"), (361, "2 minutes")],
)
def test_a_long_run_says_first_how_long_it_takes(
    count: int, said: str, cloud: FakeCloud, run: Run
) -> None:
    """One of 180 requests takes no time to speak of. Here the first of them is refused."""
    cloud.on("modelarts", Answer(400))
    first_line = run(*api_keys(count - 1)).err.splitlines()[0]
    assert said in first_line
    assert (str(count) in first_line) == (count > 180)


# --- Answers that are tried once ---

REFUSALS = {  # the answer, the exit code, and whether a proxy or firewall may have sent it
    "400": (Answer(400, {}), 4, False),
    "401": (Answer(401, {}), 3, False),
    "403": (Answer(403, {}), 3, False),
    "404": (Answer(404, {}), 4, False),
    "408": (Answer(408, {}), 4, False),
    "a list": (Answer(400, "[1]"), 4, False),
    "odd types": (Answer(400, {"error_code": {"a": 1}, "error": 7}), 4, False),
    "not UTF-8": (Answer(400, b'{"error_msg": "\xff\xfe"}'), 4, False),
    "endless brackets": (Answer(400, "[" * 100_000), 4, True),
    "401 with HTML": (Answer(401, HTML), 4, True),
    "403 with HTML": (Answer(403, HTML), 4, True),
    "403 that is not gzip": (Answer(403, HTML, IN_GZIP), 4, True),
    "404 without a body": (Answer(404), 4, True),
    "204": (Answer(204), 4, True),
    "304": (Answer(304), 4, True),
    "501": (Answer(501, {}), 5, False),
    "599 with HTML": (Answer(599, HTML), 5, False),
}


@pytest.mark.parametrize(("answer", "code", "is_foreign"), REFUSALS.values(), ids=REFUSALS)
def test_other_answers_end_the_run_at_once(
    answer: Answer, code: int, is_foreign: bool, cloud: FakeCloud, run: Run
) -> None:
    """They would come again, and a wait that they ask for would not help."""
    headers = {**answer.headers, "Retry-After": "77"}
    cloud.on("modelarts", answer._replace(headers=headers))

    result = run()

    assert result.code == code
    assert ("firewall" in result.hint) == is_foreign
    assert "77" not in result.message
    assert len(cloud.statistics) == 1


@pytest.mark.parametrize("body", ["", {"error_msg": "moved"}], ids=["no body", "JSON"])
@pytest.mark.parametrize("target", ["https://another-host.invalid/x", "http://[::1", "\xff:"])
def test_a_redirect_is_not_followed_and_its_target_is_named(
    target: str, body: Any, cloud: FakeCloud, run: Run
) -> None:
    """The token would go there. The target need not be valid."""
    cloud.on("iam", Answer(307, body, {"Location": target}))
    result = run()
    assert result.code == 4
    assert target in result.message
    assert "firewall" in result.hint
    assert len(cloud.connections) == len(cloud.seen) == 1


ERROR_BODIES = {
    "flat": {"error_code": "TEST.1", "error_msg": "the reason"},
    "nested": {"error": {"code": "TEST.1", "message": "the reason"}},
    "code and message": {"code": "TEST.1", "message": "the reason"},
}


@pytest.mark.parametrize("body", ERROR_BODIES.values(), ids=ERROR_BODIES)
@pytest.mark.parametrize("status", [200, 400])
def test_an_error_may_come_in_three_forms(
    status: int, body: Any, cloud: FakeCloud, run: Run
) -> None:
    """Also with status 200, here instead of projects."""
    cloud.on("iam", Answer(status, body))
    result = run()
    assert result.code == 4
    assert "the reason" in result.message
    assert "TEST.1" in result.message


@pytest.mark.parametrize(
    ("headers", "shown"),
    [({}, "req-in-body"), ({"X-Request-Id": "req-in-header"}, "req-in-header")],
    ids=["body", "both"],
)
def test_the_request_id_of_the_header_wins(
    headers: dict[str, str], shown: str, cloud: FakeCloud, run: Run
) -> None:
    """That of the body is shown if there is no other."""
    cloud.on("modelarts", Answer(400, {"request_id": "req-in-body"}, headers))
    assert re.findall("req-in-[a-z]+", run().err) == [shown]


# --- The network ---


@pytest.mark.parametrize("form", ["gzip", "chunks"])
def test_an_answer_may_come_in_gzip_or_in_chunks(form: str, cloud: FakeCloud, run: Run) -> None:
    """The figures are the same."""
    cloud.events = [Event(int(time.time() * 1000) - DAY_MS, total=1234)]
    cloud.answer_form = form
    assert run("--format", "json").totals["total_tokens"] == 1234


def test_a_connection_that_was_kept_may_be_closed_before_the_next_request(
    thirty_days: list[str], cloud: FakeCloud, run: Run
) -> None:
    """The request goes over another."""
    cloud.hangs_up = True
    assert run(*thirty_days, "--format", "json").totals["total_tokens"] == 29 * 1001


@pytest.mark.parametrize(
    "raised", [requests.exceptions.ConnectTimeout, requests.exceptions.ReadTimeout]
)
def test_time_outs_are_tried_again(
    raised: type[Exception], run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A try has ten seconds to connect, and 30 to read."""
    timeouts = []

    def run_out_of_time(*_: Any, timeout: Any = None, **__: Any) -> None:
        timeouts.append(timeout)
        raise raised("no answer")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", run_out_of_time)

    assert run().code == 5
    assert timeouts == [(10, 30)] * 6
    assert round(clock.seconds, 1) == sum(WAITS)


@pytest.fixture
def no_names(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The host names that were looked up; this system knows none."""
    names: list[str] = []

    def look_up(host: str, *_: object, **__: object) -> None:
        names.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


def test_a_host_whose_name_is_not_known_is_tried_again(no_names: list[str], run: Run) -> None:
    """Name servers have bad moments. The message has the system's words, and no proxy."""
    result = run(HTTPS_PROXY=None)
    assert result.code == 5
    assert "Name or service not known" in result.message
    assert "iam." in result.message
    assert "proxy" not in result.message
    assert len(no_names) == 6


@pytest.mark.parametrize("raised", [KeyError, requests.exceptions.ConnectionError])
def test_a_fault_in_signing_is_a_bug_and_not_a_network_error(
    raised: type[Exception], cloud: FakeCloud, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its traceback shows where, and no secret."""

    def fail(*_: object) -> None:
        raise raised(f"while signing with {SK}")

    signer = importlib.import_module("huaweicloudsdkcore.signer.signer").Signer
    monkeypatch.setattr(signer, "sign", fail)

    result = run()

    assert result.code == 1
    assert "Traceback" in result.err
    assert "while signing with ***" in result.err
    assert cloud.connections == []


# --- Settings of this machine: one try, and a later run fails as well ---


def check_setting_error(result: Result, clock: Clock) -> None:
    """Assert that a run has ended at once because of a setting, and shows nothing of the proxy."""
    assert result.code == 1
    assert clock.seconds == 0
    assert "EXAMPLEPASSWORD" not in result.err
    assert "odd-host" not in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("in_address", ["EXAMPLEPASSWORD", "EXAMPLE%2F%40%3A"])
def test_a_proxy_gets_user_and_password_from_its_address(
    in_address: str, cloud: FakeCloud, run: Run
) -> None:
    """In an address, some characters are encoded."""
    cloud.proxy_password = f"somebody:{unquote(in_address)}"
    assert run(HTTPS_PROXY=f"http://somebody:{in_address}@{cloud.proxy}").code == 0


@pytest.mark.parametrize(
    ("status", "password", "code", "said", "tries"),
    [
        (200, "somebody:another", 1, "407", 1),
        (403, None, 1, "403", 1),
        (429, None, 1, "429", 1),
        (502, None, 5, "502", 6),
    ],
    ids=["wrong password", "403", "429", "502"],
)
def test_a_proxy_that_refuses_is_asked_once(
    status: int, password: str | None, code: int, said: str, tries: int, cloud: FakeCloud, run: Run
) -> None:
    """More tries with a wrong password may lock an account. A 502 has nothing to do with that."""
    cloud.proxy_status = status
    cloud.proxy_password = password
    result = run(HTTPS_PROXY=PROXY_ADDRESS + cloud.proxy)
    assert result.code == code
    assert said in result.message
    assert "EXAMPLEPASSWORD" not in result.err
    assert len(cloud.connections) == tries


def test_a_proxy_whose_name_is_not_known_is_tried_again(no_names: list[str], run: Run) -> None:
    """The message has the system's words, and not the address of the proxy."""
    result = run(HTTPS_PROXY=f"{PROXY_ADDRESS}odd-host:8080")
    assert result.code == 5
    assert result.message.startswith("cannot reach the proxy: ")
    assert "Name or service not known" in result.message
    assert "EXAMPLEPASSWORD" not in result.err
    assert "odd-host" not in result.err
    assert len(no_names) == 6


def test_https_before_the_address_of_a_plain_proxy_is_tried_once(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """It answers TLS in words that are not TLS."""
    check_setting_error(run(HTTPS_PROXY=f"https://{cloud.proxy}"), clock)


class HangUp(socketserver.BaseRequestHandler):
    """A proxy that closes the connection when it gets the first bytes of TLS."""

    def handle(self) -> None:
        """Read, and send nothing."""
        self.request.recv(65536)


def test_a_connection_lost_during_the_tls_handshake_is_tried_again(run: Run, clock: Clock) -> None:
    """Unlike a certificate, it may be better next time."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), HangUp) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name=THREAD_NAME)
        thread.start()
        result = run(HTTPS_PROXY=f"https://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
        thread.join(10)

    assert not thread.is_alive()
    assert result.code == 5
    assert round(clock.seconds, 1) == sum(WAITS)


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
    """It may hold a password, wherever that is taken to end. SOCKS needs another package."""
    result = run(HTTPS_PROXY=address)
    check_setting_error(result, clock)
    assert "address of the proxy" in result.message
    assert "PySocks" in result.message


@pytest.mark.parametrize("certificate", ["expired", "another host"])
def test_a_certificate_that_is_not_valid_is_asked_for_once(
    certificate: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The message has the system's words, and nothing is sent."""
    cloud.certificate = certificate
    result = run()
    check_setting_error(result, clock)
    assert "certificate" in result.message
    assert len(cloud.connections) == 1
    assert cloud.seen == []


@pytest.mark.parametrize(
    ("package", "code"),
    [
        ("certifi.py", "def where():\n    return '/no-such-folder/example-file'\n"),
        ("requests.py", "open('/no-such-folder/example-file')\n"),
    ],
    ids=["the packages' own CA file", "a file opened by an import"],
)
def test_a_file_that_the_packages_miss_is_not_a_missing_package(
    package: str, code: str, start: Start, clock: Clock, tmp_path: Path
) -> None:
    """Some versions open files while they are imported, and not all name the file then."""
    (tmp_path / package).write_text(code, encoding="utf-8")
    result = start(PYTHONPATH=str(tmp_path), REQUESTS_CA_BUNDLE=None).result()
    check_setting_error(result, clock)
    assert "pip install" not in result.hint


# --- Packages that cannot be imported ---

BROKEN_PACKAGES = {  # a file in the way, its text, and words of the message
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

    result = start(PYTHONPATH=str(tmp_path)).result()

    assert result.code == 1
    assert said in result.message
    assert "pip install" in result.hint
    assert len(result.err.splitlines()) == 2


# --- Concurrent requests ---


def test_figures_are_exact_when_a_third_of_the_answers_is_429(
    thirty_days: list[str], cloud: FakeCloud, run: Run
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


@pytest.mark.parametrize(
    "late", [None, Answer(429, headers={"Retry-After": "9"})], ids=["figures", "a fault"]
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

    first_error = refusal(400, "TEST.1", "the first error")
    react = when_waiting(8, in_turn(first_error, answer_after_the_run))
    cloud.on("show-statistics", react, after=1, times=8)  # the first request goes alone

    with ended_threads():
        result = run(*thirty_days)
        answers_in_time = list(late_answers)
        held.release.set()

    assert result.code == 4
    assert "the first error" in result.message
    assert answers_in_time == []
    assert len(late_answers) == 7
    assert len(cloud.statistics) == 1 + 8
    assert clock.seconds == 0
    assert capsys.readouterr().err == ""


def test_a_wait_for_another_try_ends_with_the_run(
    thirty_days: list[str], cloud: FakeCloud, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here with a real clock: a request waits for a minute, and another is refused."""
    monkeypatch.setattr(script, "time", time)
    wait_begins = threading.Event()

    def refuse_late(_: Request) -> Answer:
        wait_begins.wait(20)
        return Answer(400)

    def ask_for_a_wait(_: Request) -> Answer:
        wait_begins.set()
        return Answer(503, headers={"Retry-After": "60"})

    react = when_waiting(2, in_turn(refuse_late, ask_for_a_wait))
    cloud.on("show-statistics", react, after=1, times=2)

    with ended_threads():
        result = run(*thirty_days)

    assert result.code == 4


# --- Ctrl-C ---


def check_interrupted(result: Result) -> None:
    """Assert that a run ended with error and hint, and nothing else on stderr."""
    assert result.code == 130
    assert result.message.startswith("interrupted")
    assert len(result.err.splitlines()) == 2


def after(count: int, cloud: FakeCloud) -> threading.Event:
    """Return what is set when so many requests have arrived."""
    event = threading.Event()

    def look(_: Request) -> None:
        if len(cloud.seen) == count:
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
    process = start(*api_keys(200))
    assert arrived.wait(30)

    process.interrupt()
    result = process.result(timeout=15)

    assert result.code == 130
    assert len(result.err.splitlines()) == 3  # the announcement, and error and hint
    assert len(cloud.seen) == 180


@posix_only
def test_ctrl_c_while_packages_are_imported_is_not_a_missing_package(
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


def test_after_ctrl_c_nothing_more_is_sent_or_said(
    thirty_days: list[str],
    cloud: FakeCloud,
    run: Run,
    clock: Clock,
    hears_ctrl_c: None,
    without_garbage: None,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The eight requests on the way fail after the end of the run; none is sent again."""
    held = Hold()

    def fail_late(request: Request) -> Answer:
        held(request)
        return Answer(429, headers={"Retry-After": "9"})

    def interrupt_and_fail_late(request: Request) -> Answer:
        _thread.interrupt_main()
        return fail_late(request)

    react = when_waiting(8, in_turn(interrupt_and_fail_late, fail_late))
    cloud.on("show-statistics", react, after=1, times=8)

    with ended_threads():
        result = run(*thirty_days)
        held.release.set()

    check_interrupted(result)
    assert len(cloud.statistics) == 1 + 8
    assert clock.seconds == 0
    assert capsys.readouterr().err == ""


# --- What is not known of the service: each answer to it is handled ---


def test_a_span_of_30_days_may_be_too_long(cloud: FakeCloud, run: Run) -> None:
    """The hint suggests 29 days, and with them it works."""
    cloud.longest_days = 29
    refused = run("--period", "30d")
    assert refused.code == 4
    assert "29d" in refused.hint
    assert run("--period", "29d").code == 0


@pytest.mark.parametrize("by", [[], ["--by", "service"]])
def test_a_service_type_may_not_be_offered(by: list[str], cloud: FakeCloud, run: Run) -> None:
    """What the service says is shown; it never sees a 3 instead."""
    cloud.service_types["cn-southwest-2"] = [1, 2]
    refused = run("--service-type", "all", *by)
    assert refused.code == 4
    assert "service_type must be one of [1 2]" in refused.message
    assert run("--service-type", "preset", *by).code == 0
