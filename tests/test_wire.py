"""What is sent, to whom, in which order, and how it is signed."""

from __future__ import annotations

import re
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from cloud import (
    AK,
    PROJECT_ID,
    PROJECT_IDS,
    SK,
    TOKEN,
    Answer,
    FakeCloud,
    Request,
    refusal,
    signature_of,
    slow,
)
from conftest import SCRIPT, At, Clock, Run, Start, ms

IAM_HOST = "iam.cn-southwest-2.myhuaweicloud.com"
STATISTICS_HOST = "modelarts.cn-southwest-2.myhuaweicloud.com"
STATISTICS_PATH = f"/v1/{PROJECT_ID}/maas/monitoring/show-statistics"
SUB_PROJECT = {"id": "subproject" + "0" * 22, "name": "cn-southwest-2_team", "enabled": True}
LOOK_UPS = ["/v3/projects", "/v3/auth/projects"]


def signed_names(request: Request) -> list[str]:
    """Return the names of the headers that a signature covers."""
    found = re.search("SignedHeaders=([^,]+)", request.headers["authorization"])
    assert found
    return found[1].split(";")


# --- The signature ---

# Of requests on 22 May 2026 at 00:00 UTC, computed with openssl by the published rule.
POST_SIGNATURE = "fcea0c432f8da5e9e2406202d0d99fb054e09a6fcdb04f9e777d57748c6ef042"
GET_SIGNATURE = "c087aaaec9d43d1378fcb661e3d5daf4e97b15fe3393b9e43a7cc5eddefc5760"


@pytest.mark.parametrize(
    ("method", "host", "path", "query", "body", "token", "signature"),
    [
        ("POST", STATISTICS_HOST, STATISTICS_PATH, "", b'{"service_type":2}', "", POST_SIGNATURE),
        ("GET", IAM_HOST, "/v3/projects", "name=cn-southwest-2", b"", TOKEN, GET_SIGNATURE),
    ],
    ids=["POST", "GET with token"],
)
def test_the_fake_cloud_signs_as_published(
    method: str, host: str, path: str, query: str, body: bytes, token: str, signature: str
) -> None:
    """Its HMAC knows nothing of the program and the SDK, and checks all requests of all tests."""
    headers = {"content-type": "application/json", "host": host, "x-sdk-date": "20260522T000000Z"}
    if token:
        headers["x-security-token"] = token
    assert signature_of(SK, method, path, query, headers, sorted(headers), body) == signature


def test_the_program_signs_as_published(cloud: FakeCloud, run: Run, at: At) -> None:
    """The look-up of the project is the same request whenever it is sent at the same time."""
    at("2026-05-22T08:00:00+08:00")
    cloud.keys[AK] = (SK, TOKEN)
    assert run(HW_SECURITY_TOKEN=TOKEN, TZ="Asia/Shanghai").code == 0
    names = "content-type;host;x-sdk-date;x-security-token"
    authorization = f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders={names}, Signature={GET_SIGNATURE}"
    assert cloud.seen[0].headers["authorization"] == authorization


def test_token_and_project_are_signed(cloud: FakeCloud, run: Run) -> None:
    """Each where it is sent."""
    cloud.keys[AK] = (SK, TOKEN)
    assert run(HW_SECURITY_TOKEN=TOKEN).code == 0
    look_up, statistics = cloud.seen
    assert "x-project-id" not in look_up.headers
    assert statistics.headers["x-project-id"] == PROJECT_ID
    assert statistics.headers["x-security-token"] == TOKEN
    assert {"x-project-id", "x-security-token"} <= set(signed_names(statistics))


def test_each_try_is_signed_anew(cloud: FakeCloud, run: Run, clock: Clock, at: At) -> None:
    """A signature is accepted for 15 minutes."""

    def fail_for_long(_: Request) -> Answer:
        at("2026-05-22T00:20:00+00:00")
        return Answer(503)

    at("2026-05-22T00:00:00+00:00")
    cloud.on("show-statistics", fail_for_long, times=1)
    assert run("--project-id", PROJECT_ID).code == 0
    dates = [request.headers["x-sdk-date"] for request in cloud.seen]
    assert dates == ["20260522T000000Z", "20260522T002000Z"]


# --- Requests ---


def test_a_run_asks_iam_and_the_statistics(cloud: FakeCloud, run: Run, at: At) -> None:
    """With the fields that each request needs, and nothing more."""
    at("2026-05-22T00:00:00+00:00")
    assert run("--period", "1d").code == 0
    look_up, statistics = cloud.seen
    assert (look_up.method, look_up.host, look_up.path) == ("GET", IAM_HOST, "/v3/projects")
    assert look_up.query == "name=cn-southwest-2"
    assert look_up.content == b""
    assert (statistics.method, statistics.host) == ("POST", STATISTICS_HOST)
    assert (statistics.path, statistics.query) == (STATISTICS_PATH, "")
    assert statistics.body == {
        "service_type": 2,
        "start_time": ms("2026-05-21T00:00:00+00:00"),
        "end_time": ms("2026-05-22T00:00:00+00:00") - 1,
        "timezone": "UTC",
        "infer_type": "real_time",
    }


def test_the_list_of_services_is_asked_for_in_the_same_way(cloud: FakeCloud, run: Run) -> None:
    """Before the total, and with a limit and an offset."""
    assert run("--by", "service", "--project-id", PROJECT_ID).code == 0
    services, total = cloud.seen
    assert (services.method, services.host) == ("POST", STATISTICS_HOST)
    assert services.path == f"/v1/{PROJECT_ID}/maas/monitoring/list-service-statistics"
    assert services.body == {**total.body, "limit": 99, "offset": 0}


def test_headers_name_the_program(cloud: FakeCloud, run: Run) -> None:
    """And the type of what is sent."""
    assert run().code == 0
    for request in cloud.seen:
        assert request.headers["content-type"] == "application/json"
        assert request.headers["user-agent"].startswith("maas_rest_usage_stats.py/2.")


@pytest.mark.parametrize("region", PROJECT_IDS)
def test_each_region_has_its_hosts_and_its_project(region: str, cloud: FakeCloud, run: Run) -> None:
    """The project is the one that bears the region's name."""
    assert run("--region", region, "--format", "json").document["project_id"] == PROJECT_IDS[region]
    iam, modelarts = f"iam.{region}.myhuaweicloud.com", f"modelarts.{region}.myhuaweicloud.com"
    assert cloud.connections == [iam, modelarts]
    assert cloud.seen[0].query == f"name={region}"
    assert cloud.seen[1].path == f"/v1/{PROJECT_IDS[region]}/maas/monitoring/show-statistics"


def test_cookies_are_not_sent_on(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """Neither to the same host nor to another of the domain."""
    cookie = {"Set-Cookie": "session=example; Domain=myhuaweicloud.com; Path=/"}
    projects = {"projects": [{"id": PROJECT_ID, "name": "cn-southwest-2"}]}
    cloud.on("iam", Answer(200, projects, cookie))
    cloud.on("modelarts", Answer(503, {}, cookie), times=1)
    assert run().code == 0
    assert ["cookie" in request.headers for request in cloud.seen] == [False, False, False]


def test_passwords_of_a_netrc_file_are_not_sent(cloud: FakeCloud, run: Run, home: Path) -> None:
    """Requests would send them to the hosts that the file names."""
    netrc = home / ("." + "netrc")
    netrc.write_text("default login me password example\n", encoding="utf-8")
    netrc.chmod(0o600)
    assert run(NETRC=str(netrc)).code == 0
    for request in cloud.seen:
        assert request.headers["authorization"].startswith("SDK-HMAC-SHA256 ")


# --- The project ---


def test_without_permission_to_list_projects_the_users_own_are_asked_for(
    cloud: FakeCloud, run: Run
) -> None:
    """Of all these, the one that is named like the region counts."""
    cloud.may_list_projects = False
    cloud.projects.insert(0, SUB_PROJECT)
    assert run("--format", "json").document["project_id"] == PROJECT_ID
    assert [request.path for request in cloud.seen] == [*LOOK_UPS, STATISTICS_PATH]
    assert cloud.seen[1].query == ""


def test_without_any_permission_for_projects_a_project_id_is_needed(
    cloud: FakeCloud, run: Run
) -> None:
    """The policy for the statistics would not help."""
    cloud.may_list_projects = False
    cloud.may_list_own_projects = False
    result = run()
    assert result.code == 3
    assert "--project-id" in result.hint
    assert [request.path for request in cloud.seen] == LOOK_UPS


OTHER_REFUSALS = {
    "400": (refusal(400, "TEST.1", "no"), 4),
    "401": (refusal(401, "TEST.1", "no"), 3),
    "403 with HTML": (Answer(403, "<html>"), 4),
    "501": (refusal(501, "TEST.1", "no"), 5),
}


@pytest.mark.parametrize("look_up", [0, 1], ids=LOOK_UPS)
@pytest.mark.parametrize(("answer", "code"), OTHER_REFUSALS.values(), ids=OTHER_REFUSALS)
def test_another_refusal_of_a_look_up_ends_the_run(
    answer: Answer, code: int, look_up: int, cloud: FakeCloud, run: Run
) -> None:
    """It has nothing to do with the permission to list projects."""
    cloud.may_list_projects = look_up == 0
    cloud.on(LOOK_UPS[look_up], answer)
    assert run().code == code
    assert [request.path for request in cloud.seen] == LOOK_UPS[: look_up + 1]


OURS = {"id": PROJECT_ID, "name": "cn-southwest-2"}


@pytest.mark.parametrize("look_up", [0, 1], ids=LOOK_UPS)
@pytest.mark.parametrize(
    "projects",
    [[], [SUB_PROJECT], [OURS, {**OURS, "id": "f" * 32}]],
    ids=["none", "a sub-project", "two"],
)
def test_without_exactly_one_project_a_project_id_is_needed(
    projects: Any, look_up: int, cloud: FakeCloud, run: Run
) -> None:
    """Nothing is guessed. Both regions that offer MaaS are named."""
    cloud.may_list_projects = look_up == 0
    cloud.on(LOOK_UPS[look_up], Answer(200, {"projects": projects}))
    result = run()
    assert result.code == 3
    for words in ("--project-id", "cn-southwest-2", "ap-southeast-1"):
        assert words in result.hint
    assert cloud.statistics == []


@pytest.mark.parametrize(
    "projects",
    [
        [{**OURS, "id": "../../elsewhere"}],
        [{**OURS, "id": PROJECT_ID.upper()}],
        [{**OURS, "id": None}],
        [{"name": "cn-southwest-2"}],
        [{"id": PROJECT_ID}],
        ["cn-southwest-2"],
        None,
    ],
    ids=str,
)
def test_a_project_that_is_not_valid_is_asked_for_nothing(
    projects: Any, cloud: FakeCloud, run: Run
) -> None:
    """The answer of IAM is to blame."""
    cloud.on("iam", Answer(200, {"projects": projects}))
    result = run()
    assert result.code == 4
    assert "project" in result.message
    assert cloud.statistics == []


# --- Order, and how many at once ---


@pytest.mark.parametrize(
    ("arguments", "project_id"),
    [
        ("--by day", None),
        ("", PROJECT_ID),
        ("--check", PROJECT_ID),
        ("--raw --by hour --period 9h --service-type all", PROJECT_ID),
        ("--by service-type", PROJECT_ID),
        ("--by service --service-type all", PROJECT_ID),
        ("--by ip --ips 192.0.2.1 192.0.2.2", PROJECT_ID),
    ],
)
def test_a_wrong_key_costs_one_failed_signature(
    arguments: str, project_id: str | None, cloud: FakeCloud, run: Run
) -> None:
    """A few more would lock the AK."""
    cloud.keys[AK] = ("EXAMPLE-of-another-SK", "")
    cloud.on("myhuaweicloud", slow(0.05), times=1)  # other requests would arrive meanwhile
    assert run(*arguments.split(), HW_PROJECT_ID=project_id).code == 3
    assert cloud.failed_signatures == len(cloud.seen) == 1


def test_the_first_statistics_request_goes_alone(cloud: FakeCloud, run: Run) -> None:
    """The others wait for its answer."""
    arrived = []

    def watch(_: Request) -> None:
        time.sleep(0.1)  # other requests would arrive meanwhile
        arrived.append(len(cloud.statistics))

    cloud.on("show-statistics", watch, times=1)
    assert run("--by", "day").code == 0
    assert arrived == [1]


def test_eight_requests_are_sent_at_once(cloud: FakeCloud, run: Run) -> None:
    """And not more."""
    barrier = threading.Barrier(8, timeout=10)

    def wait_for_eight(_: Request) -> None:
        barrier.wait()
        time.sleep(0.1)  # a ninth would arrive meanwhile

    cloud.on("show-statistics", wait_for_eight, after=1, times=8)
    assert run("--by", "day", "--period", "20d").code == 0
    assert cloud.busiest == 8


# --- Proxy and TLS ---


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch, cloud: FakeCloud) -> list[str]:
    """The host names for which the program asks the system; all lead to the fake."""
    names: list[str] = []
    system_look_up = socket.getaddrinfo
    ip, port = cloud.proxy.split(":")

    def look_up(host: Any, asked_port: Any, *args: Any, **kwargs: Any) -> Any:
        if host == ip:
            return system_look_up(ip, asked_port, *args, **kwargs)
        names.append(host)
        return system_look_up(ip, int(port), *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


def test_without_a_proxy_the_hosts_are_asked_themselves(
    cloud: FakeCloud, run: Run, looked_up: list[str]
) -> None:
    """As at most places."""
    cloud.is_direct = True
    assert run(HTTPS_PROXY=None).code == 0
    assert [request.host for request in cloud.seen] == [IAM_HOST, STATISTICS_HOST]
    assert looked_up == [IAM_HOST, STATISTICS_HOST]
    assert cloud.connections == []


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_proxy_is_used(variable: str, cloud: FakeCloud, run: Run, looked_up: list[str]) -> None:
    """Whichever variable names it. The proxy, not this machine, looks up the hosts."""
    address = {"HTTPS_PROXY": None, variable: f"http://{cloud.proxy}"}
    assert run(**address).code == 0
    assert cloud.connections == [IAM_HOST, STATISTICS_HOST]
    assert looked_up == []


def test_hosts_in_no_proxy_are_asked_without_the_proxy(
    cloud: FakeCloud, run: Run, looked_up: list[str]
) -> None:
    """And the others through it."""

    def expect_no_proxy(_: Request) -> None:
        cloud.is_direct = True

    cloud.on("iam", expect_no_proxy)
    assert run(NO_PROXY=STATISTICS_HOST).code == 0
    assert cloud.connections == [IAM_HOST]
    assert looked_up == [STATISTICS_HOST]


def test_either_variable_names_the_certificates_to_trust(cloud: FakeCloud, run: Run) -> None:
    """REQUESTS_CA_BUNDLE, which most tests use, or CURL_CA_BUNDLE."""
    assert run(REQUESTS_CA_BUNDLE=None, CURL_CA_BUNDLE=str(cloud.ca_file)).code == 0


@pytest.mark.parametrize("variables", [{}, {"REQUESTS_CA_BUNDLE": ""}, {"PYTHONHTTPSVERIFY": "0"}])
def test_nothing_is_sent_to_a_host_that_is_not_trusted(
    variables: dict[str, str], cloud: FakeCloud, run: Run
) -> None:
    """TLS is always verified."""
    assert run(**{"REQUESTS_CA_BUNDLE": None, **variables}).code == 1
    assert cloud.connections == [IAM_HOST]
    assert cloud.seen == []


# --- The disk ---

# Runs a Python file, and prints a line on stderr for whatever changes the disk.
SPY = """\
import os, runpy, sys

CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.truncate")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

def report_changes(event, arguments):
    changes = event in CHANGES
    if event == "open":
        path, mode, flags = arguments
        changes = path != os.devnull and (set(mode or "") & set("wax+") or (flags or 0) & WRITING)
    if changes:
        os.write(2, f"CHANGES THE DISK: {event} {arguments}\\n".encode())

sys.dont_write_bytecode = True
sys.argv.pop(0)
sys.addaudithook(report_changes)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_nothing_is_written_to_disk(cloud: FakeCloud, start: Start, tmp_path: Path) -> None:
    """No file is opened for writing, made, renamed or removed, by the program or for it."""
    spy = tmp_path / "spy.py"
    spy.write_text(SPY, encoding="utf-8")
    result = start(str(SCRIPT), "--by", "day", "--period", "2d", file=spy).result()
    assert result.code == 0
    assert "CHANGES THE DISK" not in result.err

    writer = tmp_path / "writer.py"
    writer.write_text(f"print(open({str(tmp_path / 'new')!r}, 'w'))", encoding="utf-8")
    assert "CHANGES THE DISK: open" in start(str(writer), file=spy).result().err
