"""Whatever goes wrong: it recovers where it can, and ends with the right exit code, a sentence and a hint where not."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable
from urllib.parse import quote

import pytest
import requests
from cloud import AK, PROJECT_ID, SK, TOKEN, Event, FakeCloud, Fault, answer, cut, drop
from conftest import SCRIPT, Clock, Run, ms

import maas_rest_usage_stats as script

FAULTS: dict[str, Fault] = {
    "500": answer(500),
    "502 with HTML": answer(502, "<html>Bad Gateway</html>"),
    "503": answer(503, '{"error_msg": "busy"}'),
    "504": answer(504),
    "dropped": drop,
    "cut short": cut,
}
THROTTLED: dict[str, Fault] = {
    "429": answer(429, '{"error_code": "APIGW.0308", "error_msg": "The throttling threshold has been reached"}'),
    "429, nonsense": answer(429, Retry_After="soon"),
    "429, negative": answer(429, Retry_After="-5"),
    "429, a date": answer(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"),
}
FAULT_WAITS, THROTTLED_WAITS = [0.5, 1, 2, 4, 8], [2, 4, 8, 16, 32]
BOTH = ["iam", "modelarts"]


@pytest.mark.parametrize("service", BOTH)
@pytest.mark.parametrize("times", [1, 2, 5])
@pytest.mark.parametrize("fault", [*FAULTS, *THROTTLED])
def test_it_recovers(fault: str, times: int, service: str, cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """After up to five faults the figures are as exact as ever; long waits are announced, on stderr."""
    cloud.events = [Event(int(time.time() * 1000) - 10**7, 7)]
    cloud.faults[service].extend([{**FAULTS, **THROTTLED}[fault]] * times)
    result = run("--format", "json")
    waits = (FAULT_WAITS if fault in FAULTS else THROTTLED_WAITS)[:times]
    assert result.totals["total_tokens"] == 7
    assert clock.waits == waits
    announced = [line for line in result.err.splitlines() if line.startswith("waiting")]
    assert len(announced) == len([wait for wait in waits if wait > 2])


@pytest.mark.parametrize("service", BOTH)
@pytest.mark.parametrize("fault", [*FAULTS, *THROTTLED])
def test_it_gives_up(fault: str, service: str, cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """After six tries, with the last reason."""
    cloud.always[service] = {**FAULTS, **THROTTLED}[fault]
    result = run("--format", "json")
    assert result.code == 5
    assert result.error["retryable"] is True
    assert clock.waits == (FAULT_WAITS if fault in FAULTS else THROTTLED_WAITS)
    assert len([seen for seen in cloud.seen if seen.host.startswith(service)]) == 6
    status = int(fault[:3]) if fault[:3].isdigit() else None
    assert result.error["http_status"] == status
    assert str(status or "no answer") in result.error["message"]


@pytest.mark.parametrize("service", BOTH)
@pytest.mark.parametrize(("asked", "waits"), [("0", [0]), ("7", [7]), ("60", [60]), ("007", [7])])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after(
    status: int, asked: str, waits: list[float], service: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The service's own wait counts, where it is given in seconds."""
    cloud.faults[service].append(answer(status, Retry_After=asked))
    assert run().code == 0
    assert clock.waits == waits


@pytest.mark.parametrize("asked", ["61", "3600", "9" * 400])
def test_retry_after_too_long(asked: str, cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """A wait of over a minute ends the run at once; the caller may come back."""
    cloud.always["modelarts"] = answer(429, Retry_After=asked)
    result = run("--format", "json")
    assert (result.code, result.error["retryable"], clock.waits) == (5, True, [])
    assert len(cloud.statistics) == 1


def test_no_try_begins_late(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """No try begins more than 100 seconds after the first."""
    cloud.always["modelarts"] = answer(503, Retry_After="45")
    assert run().code == 5
    assert clock.waits == [45, 45]
    assert len(cloud.statistics) == 3


def test_a_fault_after_another(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """The tries are counted together; an error that no try mends ends them."""
    cloud.faults["modelarts"].extend([answer(500), answer(429), drop, answer(400, '{"error_msg": "no"}')])
    assert run().code == 4
    assert clock.waits == [0.5, 4, 2]


class Timeouts(requests.adapters.HTTPAdapter):
    """A network on which time runs out, as requests tells it."""

    kind: type[Exception] = requests.exceptions.ReadTimeout
    asked: list[Any] = []

    def send(self, *_: Any, timeout: Any = None, **__: Any) -> requests.Response:
        """Run out of time."""
        self.asked.append(timeout)
        raise self.kind("no answer")


@pytest.mark.parametrize("kind", [requests.exceptions.ReadTimeout, requests.exceptions.ConnectTimeout])
def test_time_outs(kind: type[Exception], cloud: FakeCloud, run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds to connect, 30 to read; six tries."""
    monkeypatch.setattr(Timeouts, "kind", kind)
    monkeypatch.setattr(Timeouts, "asked", [])
    monkeypatch.setattr(requests.sessions, "HTTPAdapter", Timeouts)
    result = run("--format", "json")
    assert (result.code, result.error["retryable"]) == (5, True)
    assert Timeouts.asked == [(10.0, 30.0)] * 6
    assert clock.waits == FAULT_WAITS
    assert cloud.hosts == []


def refusal(status: int, text: str, **more: str) -> Fault:
    """Return an answer as the gateway gives it."""
    return answer(status, json.dumps({"error_code": "APIGW.0301", "error_msg": text, "request_id": "req-77", **more}))


IAM = "Incorrect IAM authentication information: "
UNAUTHORIZED = {
    "wrong SK": (f"{IAM}verify aksk signature fail, canonicalRequest:POST|/v1/x/|x-security-token:{TOKEN}|", "SK"),
    "unknown AK": (f"{IAM}Get secretKey failed,ak:{AK},err:ak not exist", "AK"),
    "clock": (f"{IAM}signature expired, signature time:20211217T064303Z,server time:20211217T065804Z", "clock"),
    "locked": (f"{IAM}AK access failed to reach the limit,forbidden", "five minutes"),
    "other": ("decrypt token fail", "Check AK"),
}


@pytest.mark.parametrize("service", BOTH)
@pytest.mark.parametrize(("text", "hint"), UNAUTHORIZED.values(), ids=UNAUTHORIZED)
def test_401(text: str, hint: str, service: str, cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """One try only, a hint that knows the service, its code and request id; what it echoes of keys is not shown."""
    cloud.keys[AK] = (SK, TOKEN)
    cloud.always[service] = refusal(401, text)
    for argv in (["--format", "json"], ["--by", "day"], ["--check"]):
        cloud.seen.clear()
        result = run(*argv, HW_SECURITY_TOKEN=TOKEN)
        assert result.code == 3
        assert hint in result.err
        assert "req-77" in result.err
        assert "APIGW.0301" in result.err
        assert len(cloud.seen) == BOTH.index(service) + 1
        assert clock.waits == []
    error = run("--format", "json", HW_SECURITY_TOKEN=TOKEN).error
    assert (error["kind"], error["http_status"], error["error_code"], error["request_id"]) == ("credentials", 401, "APIGW.0301", "req-77")


@pytest.mark.parametrize("argv", [[], ["--by", "day", "--period", "30d", "--service-type", "all"], ["--check"], ["--project-id", PROJECT_ID, "--by", "day"]])  # fmt: skip
def test_a_wrong_key_costs_one_failed_signature(argv: list[str], cloud: FakeCloud, run: Run) -> None:
    """Five would lock the AK."""
    assert run(*argv, HW_SECRET_KEY=SK[::-1]).code == 3
    assert cloud.failed_signatures == 1


def test_403(cloud: FakeCloud, run: Run) -> None:
    """On the projects the second call helps; on both, and on the statistics, it is a matter of permission."""
    cloud.may_list_projects = False
    assert run().code == 0
    assert [seen.path for seen in cloud.seen[:2]] == ["/v3/projects", "/v3/auth/projects"]
    cloud.may_list_own_projects = False
    result = run("--format", "json")
    assert (result.code, result.error["kind"], result.error["http_status"], result.error["retryable"]) == (3, "permission", 403, False)
    assert "not authorized" in result.error["message"]
    cloud.may_list_projects, cloud.may_read_statistics = True, False
    result = run("--format", "json")
    assert (result.code, result.error["kind"], result.error["error_code"]) == (3, "permission", "ModelArts.0403")
    assert "CommonOperations" in result.error["hint"]
    assert result.error["request_id"] == "req-0001"  # of the header


REFUSED = {
    "400": (answer(400, '{"error_code": "MaaS.1", "error_msg": "service_type must be one of [1 2 4]"}'), "[1 2 4]"),
    "404": (answer(404, '{"error_msg": "The API does not exist"}'), "does not exist"),
    "405": (answer(405), "405"),
    "409 with HTML": (answer(409, "<html>"), "409"),
    "301 to another host": (answer(301, Location="https://example.com/"), "redirect"),
    "302 to the same": (answer(302, Location="/v3/projects"), "redirect"),
    "307": (answer(307, Location="https://example.com/"), "redirect"),
    "204": (answer(204), "204"),
    "nested": (answer(400, '{"error": {"code": 400, "message": "Request invalid", "title": "x"}}'), "Request invalid"),
    "a list": (answer(400, "[1]"), "400"),
    "odd types": (answer(400, '{"error_code": {"a": 1}, "error_msg": ["no", "way"], "error": 7}'), "way"),
    "deep": (answer(400, "[" * 100_000), "400"),
}


@pytest.mark.parametrize("service", BOTH)
@pytest.mark.parametrize(("fault", "word"), REFUSED.values(), ids=REFUSED)
def test_other_refusals(fault: Fault, word: str, service: str, cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """One try, exit code 4, the service's own text."""
    cloud.always[service] = fault
    result = run("--format", "json")
    assert (result.code, result.error["kind"], result.error["retryable"]) == (4, "service", False)
    assert word in result.error["message"]
    assert len(cloud.seen) == BOTH.index(service) + 1
    assert clock.waits == []


def test_501_is_tried_once(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """It is the service's fault, but no passing one."""
    cloud.always["modelarts"] = answer(501)
    result = run("--format", "json")
    assert (result.code, result.error["retryable"], clock.waits) == (5, True, [])


@pytest.mark.parametrize(
    ("projects", "code"),
    [
        ([], 3),
        ([{"id": "f" * 32, "name": "cn-north-1"}], 3),
        ([{"id": PROJECT_ID, "name": "cn-southwest-2"}, {"id": "f" * 32, "name": "cn-southwest-2"}], 3),
        ([{"id": "../../etc", "name": "cn-southwest-2"}], 4),
        ([{"id": PROJECT_ID.upper(), "name": "cn-southwest-2"}], 4),
        ([{"id": 7, "name": "cn-southwest-2"}], 4),
        ([{"id": None, "name": "cn-southwest-2"}], 4),
        ([{"name": "cn-southwest-2"}], 4),
        (["cn-southwest-2"], 4),
        ([{"id": "f" * 32, "name": "cn-southwest-2_sub"}, {"id": PROJECT_ID, "name": "cn-southwest-2"}], 0),
    ],
)
def test_projects(projects: list[Any], code: int, cloud: FakeCloud, run: Run) -> None:
    """None, several, or an id that is none: nothing is sent with it, and the way out is named."""
    cloud.always["iam"] = answer(200, json.dumps({"projects": projects}))
    result = run()
    assert result.code == code
    assert len(cloud.statistics) == (code == 0)
    if code == 3:
        assert "--project-id" in result.err


def test_the_second_call_has_no_filter(cloud: FakeCloud, run: Run) -> None:
    """Of all projects the one that is named exactly as the region counts."""
    cloud.may_list_projects = False
    cloud.projects.insert(0, {"id": "f" * 32, "name": "cn-southwest-2_mine"})
    assert run().code == 0


def test_dns(cloud: FakeCloud, run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that has no address."""

    def getaddrinfo(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    result = run("--format", "json", HTTPS_PROXY=None)
    assert (result.code, result.error["retryable"]) == (5, True)
    assert "Name or service not known" in result.error["message"]
    assert len(clock.waits) == 5
    assert cloud.hosts == []


def test_a_proxy_that_is_not_there(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """Its password is in no message."""
    result = run("--format", "json", HTTPS_PROXY="http://somebody:EXAMPLEPASSWORD@127.0.0.1:1")
    assert (result.code, result.error["retryable"]) == (5, True)
    assert "refused" in result.error["message"]
    assert "proxy" in result.error["message"]
    assert "EXAMPLEPASSWORD" not in result.err
    assert len(clock.waits) == 5
    assert cloud.hosts == []


def test_a_proxy_that_refuses(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """What it says is told."""
    result = run("--region", "cn-north-9", "--format", "json")
    assert result.code == 5
    assert "403" in result.error["message"]
    assert len(clock.waits) == 5
    cloud.hosts.clear()


@pytest.mark.parametrize(
    "address", ["http://", "http://me:EXAMPLEPASSWORD@:0", "foo://x:EXAMPLEPASSWORD@y", "http://[::1", "socks5://me:EXAMPLEPASSWORD@127.0.0.1:9", "http://x:99999"]
)
def test_a_proxy_address_that_is_nonsense(address: str, cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """It cannot be used, and no try mends that."""
    result = run("--format", "json", HTTPS_PROXY=address)
    assert result.code == 5
    assert "proxy" in result.err.lower()
    assert "EXAMPLEPASSWORD" not in result.err
    assert (cloud.hosts, clock.waits) == ([], [])


@pytest.mark.parametrize("content", [None, "", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_ca_file_that_is_none(content: str | None, cloud: FakeCloud, run: Run, clock: Clock, tmp_path: Path) -> None:
    """Missing or no certificates: exit code 5, neither retried nor retryable."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    result = run("--format", "json", REQUESTS_CA_BUNDLE=str(path))
    assert (result.code, result.error["retryable"], clock.waits) == (5, False, [])
    assert "REQUESTS_CA_BUNDLE" in result.error["hint"]
    assert cloud.seen == []


def test_an_answer_that_cannot_be_unpacked(cloud: FakeCloud, run: Run) -> None:
    """It says that it is compressed, and is not."""
    cloud.always["modelarts"] = answer(200, "no gzip", Content_Encoding="gzip")
    assert run().code == 4


# --- secrets


SPELLINGS = {  # of AK and SK: how a service may write them
    "behind a percent sign": "%{0}",
    "behind an escaped backslash": "C:\\\\{0}",
    "JSON's escape of a letter": "\\u0041{1}",
    "HTML": "&#65;{1}",
    "hexadecimal": "\\\\x41{1}",
    "with a NUL": "{2}\\u0000{3}",
    "with a blank of no width": "{2}\u200b{3}",
    "percent-encoded twice": "%2541{1}",
}


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_secrets_in_odd_spellings(spelling: str, status: int, cloud: FakeCloud, run: Run) -> None:
    """Letters of a key are no escapes because of what stands before them, and a key may itself begin with such letters."""
    ak, sk = "ABCDEF" + "0123456789XYZW", "ArnbfttABCDEFghijklm/+=0123456789"
    cloud.keys[ak] = (sk, "")
    for secret in (ak, sk):
        text = spelling.format(secret, secret[1:], secret[:4], secret[4:])
        cloud.always["modelarts"] = answer(status, f'{{"total_token": 1, "error_msg": "x {text} y"}}')
        for argv in (["--raw"], ["--format", "json"], []):
            result = run(*argv, HW_ACCESS_KEY=ak, HW_SECRET_KEY=sk)
            assert secret[5:] not in result.out + result.err
            assert ("***" in result.out + result.err) == (status == 400 or argv == ["--raw"])
    cloud.always["modelarts"] = answer(400, json.dumps({"error_msg": f"x {sk.replace('+', ' ')} y"}))
    assert "x *** y" in run(HW_ACCESS_KEY=ak, HW_SECRET_KEY=sk).err


ECHOES = {
    "as it is": "{}",
    "cut by a line break": "{0:.7}\n{1}",
    "inside a URL": "https://example.com/?k={2}&x=1",
    "escaped twice": '"{3}"',
}


@pytest.mark.parametrize("secret", [AK, SK, TOKEN])
@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_echoed_secrets_are_hidden(echo: str, status: int, secret: str, cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """Whatever the service echoes, and wherever it shows."""
    cloud.keys[AK] = (SK, TOKEN)
    text = echo.format(secret, secret[7:], quote(secret, safe=""), json.dumps(secret)[1:-1].replace("/", "\\/"))
    fields = {"total_token": 1, "error_msg": f"x {text}", "error_code": text, "request_id": text, text: text}
    cloud.always["modelarts"] = answer(status, json.dumps(fields))
    for argv in (["--format", "json"], ["--raw"], ["--by", "day"], ["--check"]):
        result = run(*argv, HW_SECURITY_TOKEN=TOKEN)
        assert secret[7:] not in "".join((result.out + result.err).split())
        assert ("***" in result.out + result.err) == (status != 200 or argv == ["--raw"])


def test_secrets_are_hidden_before_texts_are_cut(cloud: FakeCloud, run: Run) -> None:
    """The beginning of a key that is cut off would give it away."""
    cloud.always["modelarts"] = answer(400, json.dumps({"error_msg": "x" * (script.LONGEST_MESSAGE - 40) + SK}))
    result = run("--format", "json")
    assert "EXAMPLE" not in result.err
    assert len(result.error["message"]) <= script.LONGEST_MESSAGE


def test_secrets_of_a_source_not_used_are_hidden(cloud: FakeCloud, run: Run, tmp_path: Path) -> None:
    """The environment's keys do not show, though a file's are used."""
    other = "EXAMPLESK22222222222222222222"
    (tmp_path / "k").write_text(f"{AK}\n{SK}\n", encoding="utf-8")
    cloud.always["modelarts"] = answer(400, json.dumps({"error_msg": f"{other} and {SK}"}))
    result = run("--credentials-file", str(tmp_path / "k"), HW_ACCESS_KEY=other[::-1], HW_SECRET_KEY=other)
    assert "*** and ***" in result.err


def test_api_keys_that_look_like_keys_are_shortened(cloud: FakeCloud, run: Run) -> None:
    """Everywhere, also in what the service echoes; the service itself gets them whole."""
    key = "abcd9876543210987654wxyz"
    for argv in (["--format", "json"], ["--format", "csv", "--by", "api-key"], ["--by", "api-key"], ["--raw"], []):
        result = run("--api-keys", key, "short-key", *argv)
        assert key not in result.out + result.err
        assert ("abcd...wxyz" in result.out) == (argv != ["--format", "csv"])
        assert cloud.statistics[-1]["api_keys"][0] in (key, "short-key")
    assert run("--api-keys", key, "--format", "json").document["api_keys"] == ["abcd...wxyz"]
    for odd in ("abcd\t9876543210987654wxyz", "abcd\U0001f600987654321098765wxyz", 'abcd"\\9876543210987654wxyz'):
        for argv in (["--format", "json"], ["--raw"], ["--by", "api-key"], ["--by", "api-key", "--format", "json"]):
            assert "9876543210" not in run("--api-keys", odd, *argv).out
    cloud.always["modelarts"] = answer(400, json.dumps({"error_msg": f"no key {key}"}))
    assert "no key abcd...wxyz" in run("--api-keys", key).err


def test_a_terminal_is_not_steered(cloud: FakeCloud, run: Run) -> None:
    """What the service says is shown without control characters, on one line."""
    cloud.always["modelarts"] = answer(400, json.dumps({"error_msg": "a\x1b[2Jb\r\nc\u202ed"}))
    assert "error: statistics: a [2Jb c d (" in run().err


# --- --check


def lines_of(out: str) -> list[list[str]]:
    """Return the words of each line."""
    return [line.split() for line in out.splitlines()]


def test_check(cloud: FakeCloud, run: Run, at: Callable[[str], None], tmp_path: Path) -> None:
    """Three lines: where the credentials came from, the project id, the answer's time; for the last hour of preset."""
    at("2026-05-22T00:00:00+00:00")
    result = run("--check", "--service-type", "all", "--period", "30d", "--api-keys", "x", "--infer-type", "batch")
    words = lines_of(result.out)
    assert [line[:2] for line in words] == [["credentials", "ok"], ["project", "ok"], ["statistics", "ok"]]
    assert "HW_ACCESS_KEY" in result.out
    assert words[1][2] == PROJECT_ID
    assert words[2][3] == "ms"
    assert words[2][2].isdigit()
    hour = {"service_type": 2, "start_time": ms("2026-05-21T23:00:00+00:00"), "end_time": ms("2026-05-22T00:00:00+00:00") - 1}
    assert cloud.statistics == [{**hour, "timezone": "UTC", "infer_type": "real_time"}]
    (tmp_path / "k").write_text(f"{AK}\n{SK}\n", encoding="utf-8")
    assert str(tmp_path / "k") in run("--check", "--credentials-file", str(tmp_path / "k")).out


@pytest.mark.parametrize(
    ("step", "code", "variables"),
    [(0, 3, {"HW_SECRET_KEY": None}), (1, 3, {"HW_SECRET_KEY": SK[::-1]}), (1, 3, {"HW_ACCESS_KEY": "EXAMPLEAK9999999999"}),
     (1, 5, {"REQUESTS_CA_BUNDLE": None}), (1, 4, {}), (2, 3, {}), (2, 4, {}), (2, 5, {})],
)  # fmt: skip
def test_check_of_what_is_wrong(
    step: int, code: int, variables: dict[str, str | None], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Failed at the first that is wrong, skipped after it, and the error as ever."""
    if not variables:
        cloud.always[BOTH[step - 1]] = answer({3: 403, 4: 400, 5: 503}[code])
    result = run("--check", **variables)
    assert result.code == code
    assert [line[1] for line in lines_of(result.out)] == (["ok"] * step + ["failed"] + ["skipped"] * 2)[:3]
    assert clock.waits == (FAULT_WAITS if (step, code) == (2, 5) else [])


# --- interrupts and pipes


def started(environment: dict[str, str], *argv: str, **streams: Any) -> subprocess.Popen[str]:
    """Start the file."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.Popen([sys.executable, str(SCRIPT), *argv], env=environment, text=True, **pipes)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("argv", [[], ["--format", "json"], ["--by", "day", "--period", "30d"]])
def test_ctrl_c(argv: list[str], cloud: FakeCloud, environment: dict[str, str]) -> None:
    """130, no traceback, within a second or so, also among many requests; and nothing is sent afterwards."""
    waiting, over = threading.Event(), threading.Event()

    def hang(_: Any) -> Any:
        waiting.set()
        over.wait(10)
        return answer(200, '{"total_token": 1}')(_)

    many = "--by" in argv
    cloud.spoil = lambda _: hang if len(cloud.seen) > 2 or not many else None
    process = started(environment, *argv)
    assert waiting.wait(20)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 2
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert "interrupted" in err.splitlines()[-2 if "json" not in argv else -1]
    asked = len(cloud.hosts)
    time.sleep(0.2)
    assert len(cloud.hosts) == asked
    over.set()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes are POSIX")
@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["--format", "json"], ["--by", "day"], ["--nonsense"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe(argv: list[str], unbuffered: str, cloud: FakeCloud, environment: dict[str, str]) -> None:
    """The reader has had enough: the program ends quietly."""
    read, write = os.pipe()
    os.close(read)
    process = started({**environment, "PYTHONUNBUFFERED": unbuffered}, *argv, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=20)
    assert process.returncode == (2 if argv == ["--nonsense"] else 0)
    assert (err == "") == (argv != ["--nonsense"])
    read, write = os.pipe()
    os.close(read)
    process = started({**environment, "PYTHONUNBUFFERED": unbuffered}, "--nonsense", stderr=write)
    os.close(write)
    assert process.communicate(timeout=20)[0] == ""
    assert process.returncode == 2
    assert len(cloud.hosts) < 20


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a disk that is always full")
def test_a_full_disk(environment: dict[str, str]) -> None:
    """What cannot be written is no success."""
    with open("/dev/full", "w", encoding="utf-8") as full:
        process = started(environment, "--format", "json", stdout=full)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "No space left" in json.loads(err.splitlines()[-1])["error"]["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's way")
@pytest.mark.parametrize(
    ("argv", "closed", "code", "lines"),
    [("--format csv --period yesterday", "2>&-", 0, 2), ("--format csv", "2>/dev/full", 0, 2), ("--check", "2>&-", 0, 3),
     ("--period 3x", "2>&-", 2, 0), ("--help", ">&-", 0, 0), ("--format csv", ">&-", 0, 0), ("--period 3x", ">&- 2>&-", 2, 0)],
)  # fmt: skip
def test_closed_streams(argv: str, closed: str, code: int, lines: int, environment: dict[str, str]) -> None:
    """What the caller does not want to hear changes neither the figures nor the exit code."""
    command = f'"{sys.executable}" "{SCRIPT}" {argv} {closed}'
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, len(done.stdout.splitlines())) == (code, lines)
    assert "Traceback" not in done.stderr
    assert "AttributeError" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes are POSIX")
def test_a_closed_pipe_for_what_is_announced(cloud: FakeCloud, environment: dict[str, str]) -> None:
    """A wait that nobody reads of is a wait all the same, and the figures come."""
    cloud.spoil = lambda _: answer(429, Retry_After="3") if len(cloud.statistics) == 2 else None
    read, write = os.pipe()
    os.close(read)
    process = started(environment, "--format", "csv", "--by", "day", "--period", "3d", stderr=write)
    os.close(write)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert len(out.splitlines()) in (4, 5)


def test_a_long_wait_is_told_briefly(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """However much the service says."""
    cloud.faults["modelarts"].append(answer(429, json.dumps({"error_msg": "x" * 50_000 + SK}), Retry_After="9"))
    assert max(map(len, run().err.splitlines())) <= script.LONGEST_MESSAGE


def test_a_fault_of_the_program(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1, no traceback, nothing secret, and where to look."""

    def broken(*_: object) -> None:
        raise KeyError(SK)

    monkeypatch.setattr(script, "load_keys", broken)
    result = run("--format", "json")
    assert (result.code, result.error["kind"], result.error["retryable"]) == (1, "internal", False)
    assert "KeyError" in result.error["message"]


@pytest.mark.parametrize(
    ("encoding", "lacking", "had"), [("cp1252", "\u6d4b\u8bd5", "\u00e9"), ("cp936", "\U0001f600", "\u6d4b\u8bd5"), ("ascii", "\u00e9", "x")]
)
def test_a_console_that_lacks_characters(
    encoding: str, lacking: str, had: str, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows shows escapes where its code page has no letters, and what it has as it is."""
    written: list[str] = []

    def write(text: str) -> None:
        written.append(text.encode(encoding).decode(encoding))

    stream = SimpleNamespace(encoding=encoding, write=write, flush=lambda: None)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(os, "environ", {"HW_ACCESS_KEY": AK, "HW_SECRET_KEY": SK, **cloud.environment})
    assert script.main(["--api-keys", lacking, had]) == 0
    escaped = lacking.encode("ascii", "backslashreplace").decode("ascii")
    assert f"{escaped}, {had}" in "".join(written)


def test_a_path_with_blanks(tmp_path: Path, environment: dict[str, str]) -> None:
    """The file runs wherever it lies, under whatever name."""
    folder = tmp_path / "Program Files \u6d4b\u8bd5"
    folder.mkdir()
    copy = folder / "usage stats.py"
    copy.write_bytes(SCRIPT.read_bytes())
    done = subprocess.run([sys.executable, str(copy), "--check"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
