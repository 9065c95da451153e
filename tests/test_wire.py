"""What is sent, to whom, in which order, and how it is signed."""

from __future__ import annotations

import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest
import requests
from cloud import (
    AK,
    PROJECT_ID,
    PROJECT_IDS,
    SK,
    Answer,
    FakeCloud,
    Request,
    refusal,
    signature_of,
    slow,
    together,
)
from conftest import SCRIPT, At, Clock, Run, Start, ms

import maas_rest_usage_stats as script

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

# Of the published rule: method, host, path, query, body, token, signature.
POST_VECTOR = (
    "POST",
    STATISTICS_HOST,
    STATISTICS_PATH,
    "",
    '{"service_type":2}',
    "",
    "fcea0c432f8da5e9e2406202d0d99fb054e09a6fcdb04f9e777d57748c6ef042",
)
GET_VECTOR = (
    "GET",
    IAM_HOST,
    "/v3/projects",
    "name=cn-southwest-2",
    "",
    "TOKEN",
    "359b81c154ad7818831273b39137436d3dcb4281b0d86214ceb1556037a3cf77",
)
each_vector = pytest.mark.parametrize(
    ("method", "host", "path", "query", "body", "token", "signature"),
    [POST_VECTOR, GET_VECTOR],
    ids=["POST", "GET with token"],
)


def signed(method: str, url: str, body: str = "", token: str = "") -> requests.PreparedRequest:
    """Return a request that the program has signed."""
    credentials = script.Credentials(AK, SK, token, project_id="", origin="a test")
    headers = {"Content-Type": "application/json"}
    return script.sign(requests.Request(method, url, headers, data=body).prepare(), credentials)


@each_vector
def test_the_program_signs_as_published(
    method: str, host: str, path: str, query: str, body: str, token: str, signature: str, at: At
) -> None:
    """The URL stays as it is."""
    at("2026-05-22T00:00:00+00:00")
    url = f"https://{host}{path}?{query}".rstrip("?")
    request = signed(method, url, body, token)
    assert request.headers["X-Sdk-Date"] == "20260522T000000Z"
    assert request.headers["Authorization"].startswith(f"SDK-HMAC-SHA256 Access={AK}, ")
    assert request.headers["Authorization"].endswith(f", Signature={signature}")
    assert request.url == url


@each_vector
def test_the_fake_cloud_signs_as_published(
    method: str, host: str, path: str, query: str, body: str, token: str, signature: str
) -> None:
    """Its HMAC knows nothing of the program and the SDK."""
    headers = {
        "content-type": "application/json",
        "host": host,
        "x-sdk-date": "20260522T000000Z",
        "x-security-token": token,
    }
    names = sorted(name for name, value in headers.items() if value)
    assert signature_of(SK, method, path, query, headers, names, body.encode()) == signature


def test_the_query_that_is_signed_is_the_one_that_is_sent() -> None:
    """Also where requests and the Signer encode and sort it differently."""
    request = signed("GET", f"https://{IAM_HOST}/v3/projects?name=x+y&c=&a=%7E\u91cf&b=1%2B1")
    assert str(request.url).partition("?")[2] == "a=~%E9%87%8F&b=1%2B1&c=&name=x%20y"


def test_each_try_is_signed_anew(cloud: FakeCloud, run: Run, clock: Clock, at: At) -> None:
    """A signature is accepted for 15 minutes. Its date is in UTC."""

    def fail_for_long(_: Request) -> Answer:
        at("2026-05-22T00:20:00+00:00")
        return Answer(503)

    at("2026-05-22T00:00:00+00:00")
    cloud.on("show-statistics", fail_for_long, times=1)
    assert run("--project-id", PROJECT_ID, TZ="Asia/Shanghai").code == 0
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


def test_all_that_narrows_the_question_is_sent(cloud: FakeCloud, run: Run, at: At) -> None:
    """A zone without a name is not."""
    at("2026-05-22T00:00:00+00:00")
    filters = ["--api-keys", "key-a", "", "--ips", "192.0.2.1", "--infer-type", "batch"]
    assert run("--period", "1h", "--service-type", "4", *filters, TZ="CST-8").code == 0
    assert cloud.statistics == [
        {
            "service_type": 4,
            "start_time": ms("2026-05-21T23:00:00+00:00"),
            "end_time": ms("2026-05-22T00:00:00+00:00") - 1,
            "infer_type": "batch",
            "api_keys": ["key-a", ""],
            "ips": ["192.0.2.1"],
        }
    ]


def test_the_list_of_services_is_asked_for_in_the_same_way(cloud: FakeCloud, run: Run) -> None:
    """It has a limit and an offset, too."""
    assert run("--by", "service", "--project-id", PROJECT_ID).code == 0
    services, total = cloud.seen
    assert (services.method, services.host) == ("POST", STATISTICS_HOST)
    assert services.path == f"/v1/{PROJECT_ID}/maas/monitoring/list-service-statistics"
    assert services.body == {**total.body, "limit": 99, "offset": 0}


def test_headers_name_the_program_and_the_project(cloud: FakeCloud, run: Run) -> None:
    """The project is signed where it is known."""
    assert run().code == 0
    look_up, statistics = cloud.seen
    assert look_up.headers["content-type"] == "application/json"
    assert re.fullmatch(
        r"huawei-cloud-maas-tokens-usage/1\.\d+\.\d+", look_up.headers["user-agent"]
    )
    assert signed_names(look_up) == ["content-type", "host", "x-sdk-date"]
    assert "x-project-id" not in look_up.headers
    assert statistics.headers["content-type"] == "application/json"
    assert statistics.headers["user-agent"] == look_up.headers["user-agent"]
    assert signed_names(statistics) == ["content-type", "host", "x-project-id", "x-sdk-date"]
    assert statistics.headers["x-project-id"] == PROJECT_ID


@pytest.mark.parametrize("region", PROJECT_IDS)
def test_each_region_has_its_hosts_and_its_project(region: str, cloud: FakeCloud, run: Run) -> None:
    """The project is the one that bears the region's name."""
    assert run("--region", region, "--format", "json").document["project_id"] == PROJECT_IDS[region]
    iam, modelarts = f"iam.{region}.myhuaweicloud.com", f"modelarts.{region}.myhuaweicloud.com"
    assert cloud.connections == [iam, modelarts]
    assert cloud.seen[0].query == f"name={region}"
    assert cloud.seen[1].path == f"/v1/{PROJECT_IDS[region]}/maas/monitoring/show-statistics"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int, cloud: FakeCloud, run: Run) -> None:
    """The token would go to the target."""
    cloud.on("show-statistics", Answer(status, "", {"Location": f"https://{IAM_HOST}/x"}))
    result = run("--project-id", PROJECT_ID, "--format", "json")
    assert result.code == 4
    assert result.error["http_status"] == status
    assert len(cloud.seen) == 1


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
    result = run("--format", "json")
    assert result.code == 3
    assert (result.error["kind"], result.error["http_status"]) == ("permission", 403)
    assert "--project-id" in result.error["hint"]
    assert [request.path for request in cloud.seen] == LOOK_UPS


@pytest.mark.parametrize(("status", "code"), [(400, 4), (401, 3), (404, 4), (501, 5)])
def test_after_another_refusal_the_users_own_projects_are_not_asked_for(
    status: int, code: int, cloud: FakeCloud, run: Run
) -> None:
    """It has nothing to do with permissions."""
    cloud.on("iam", refusal(status, "TEST.1", "no"))
    result = run("--format", "json")
    assert result.code == code
    assert result.error["http_status"] == status
    assert len(cloud.seen) == 1


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
    """Nothing is guessed."""
    cloud.may_list_projects = look_up == 0
    cloud.on(LOOK_UPS[look_up], Answer(200, {"projects": projects}))
    result = run("--format", "json")
    assert result.code == 3
    assert result.error["kind"] == "credentials"
    assert "cn-southwest-2" in result.error["message"]
    assert "--project-id" in result.error["hint"]
    assert cloud.statistics == []


@pytest.mark.parametrize(
    "projects",
    [
        [{**OURS, "id": "../../elsewhere"}],
        [{**OURS, "id": PROJECT_ID.upper()}],
        [{**OURS, "id": PROJECT_ID + "0"}],
        [{**OURS, "id": 7}],
        [{**OURS, "id": None}],
        [{"name": "cn-southwest-2"}],
        [{"id": PROJECT_ID}],
        ["cn-southwest-2"],
        7,
        None,
    ],
    ids=str,
)
def test_a_project_that_is_not_valid_is_asked_for_nothing(
    projects: Any, cloud: FakeCloud, run: Run
) -> None:
    """The answer of IAM is to blame."""
    cloud.on("iam", Answer(200, {"projects": projects}))
    result = run("--format", "json")
    assert result.code == 4
    assert result.error["kind"] == "service"
    assert "project" in result.error["message"]
    assert cloud.statistics == []


# --- Order, and how many at once ---


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "--check",
        "--raw --by day --service-type all",
        "--by hour --period 9h",
        "--by day",
        "--by week --period 30d",
        "--by service-type",
        "--by service --service-type all",
        "--by api-key --api-keys key-a key-b",
        "--by ip --ips 192.0.2.1 192.0.2.2",
    ],
)
@pytest.mark.parametrize("project_id", [None, PROJECT_ID], ids=["project unknown", "project known"])
def test_a_wrong_key_costs_one_failed_signature(
    project_id: str | None, arguments: str, cloud: FakeCloud, run: Run
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
    cloud.on("show-statistics", together(8), after=1, times=8)
    cloud.on("show-statistics", slow(0.1), after=1, times=8)  # a ninth would arrive meanwhile
    assert run("--by", "day", "--period", "20d").code == 0
    assert cloud.busiest == 8


# --- Proxy and TLS ---


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Host names for which the program asks the system, which knows none of them."""
    names: list[str] = []
    system_look_up = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "127.0.0.1":
            return system_look_up(host, *args, **kwargs)
        names.append(host)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_proxy_is_used(variable: str, cloud: FakeCloud, run: Run, looked_up: list[str]) -> None:
    """Whichever variable names it. The proxy, not this machine, looks up the hosts."""
    address = {"HTTPS_PROXY": None, variable: f"http://{cloud.proxy}"}
    assert run(**address).code == 0
    assert cloud.connections == [IAM_HOST, STATISTICS_HOST]
    assert looked_up == []


def test_hosts_in_no_proxy_are_asked_without_the_proxy(
    cloud: FakeCloud, run: Run, clock: Clock, looked_up: list[str]
) -> None:
    """And the others through it."""
    assert run(NO_PROXY=STATISTICS_HOST).code == 5
    assert cloud.connections == [IAM_HOST]
    assert set(looked_up) == {STATISTICS_HOST}


def test_either_variable_names_the_certificates_to_trust(cloud: FakeCloud, run: Run) -> None:
    """REQUESTS_CA_BUNDLE, which most tests use, or CURL_CA_BUNDLE."""
    assert run(REQUESTS_CA_BUNDLE=None, CURL_CA_BUNDLE=str(cloud.ca_file)).code == 0


@pytest.mark.parametrize(
    "variables",
    [{}, {"REQUESTS_CA_BUNDLE": ""}, {"CURL_CA_BUNDLE": ""}, {"PYTHONHTTPSVERIFY": "0"}],
    ids=["no variable", "empty", "other one empty", "Python's switch"],
)
def test_nothing_is_sent_to_a_host_that_is_not_trusted(
    variables: dict[str, str], cloud: FakeCloud, run: Run
) -> None:
    """TLS is always verified."""
    assert run(**{"REQUESTS_CA_BUNDLE": None, **variables}).code == 5
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
