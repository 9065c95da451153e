"""What is sent, to whom, and how it is signed; and that the fake cloud notices wrong programs."""

from __future__ import annotations

import re
import runpy
import socket
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Callable

import pytest
import requests
from cloud import AK, PROJECT_ID, PROJECT_IDS, SK, TOKEN, Event, FakeCloud, Request, signature_of
from conftest import SCRIPT, At, Clock, Run, Start, ms

import maas_rest_usage_stats as script

IAM_HOST = "iam.cn-southwest-2.myhuaweicloud.com"
STATISTICS_HOST = "modelarts.cn-southwest-2.myhuaweicloud.com"
STATISTICS_PATH = f"/v1/{PROJECT_ID}/maas/monitoring/show-statistics"
SUB_PROJECT_ID = "subproject" + "0" * 22


def signed_names(request: Request) -> list[str]:
    """Return the names of the headers that a signature covers."""
    found = re.search("SignedHeaders=([^,]+)", request.headers["authorization"])
    assert found
    return found[1].split(";")


# --- The signature ---

SIGNED_AT = "2026-05-22T00:00:00+00:00"
SIGNATURES = {  # of the published rule: method, URL, body, token, signature
    "a POST": (
        "POST",
        f"https://{STATISTICS_HOST}{STATISTICS_PATH}",
        '{"service_type":2}',
        "",
        "fcea0c432f8da5e9e2406202d0d99fb054e09a6fcdb04f9e777d57748c6ef042",
    ),
    "a GET with a token": (
        "GET",
        f"https://{IAM_HOST}/v3/projects?name=cn-southwest-2",
        "",
        "TOKEN",
        "359b81c154ad7818831273b39137436d3dcb4281b0d86214ceb1556037a3cf77",
    ),
}


def prepared(method: str, url: str, body: str = "", token: str = "") -> requests.PreparedRequest:
    """Return a request that the program has signed."""
    credentials = script.Credentials(ak=AK, sk=SK, token=token, project_id="", origin="a test")
    return requests.Request(
        method,
        url,
        headers={"Content-Type": "application/json"},
        data=body,
        auth=script.Signature(credentials),
    ).prepare()


@pytest.mark.parametrize("vector", SIGNATURES.values(), ids=SIGNATURES)
def test_the_program_signs_as_published(vector: tuple[str, ...], at: At) -> None:
    """Its signature is the one that the published rule gives, and the URL stays as it is."""
    method, url, body, token, signature = vector
    at(SIGNED_AT)
    request = prepared(method, url, body, token)
    assert request.headers["X-Sdk-Date"] == "20260522T000000Z"
    assert request.headers["Authorization"].startswith(f"SDK-HMAC-SHA256 Access={AK}, ")
    assert request.headers["Authorization"].endswith(f", Signature={signature}")
    assert request.url == url


@pytest.mark.parametrize("vector", SIGNATURES.values(), ids=SIGNATURES)
def test_the_fake_cloud_signs_as_published(vector: tuple[str, ...]) -> None:
    """Its HMAC, which knows nothing of the program and the SDK, gives the same."""
    method, url, body, token, signature = vector
    host, _, path_and_query = url[len("https://") :].partition("/")
    path, _, query = path_and_query.partition("?")
    headers = {
        "content-type": "application/json",
        "host": host,
        "x-sdk-date": "20260522T000000Z",
        "x-security-token": token,
    }
    names = sorted(name for name, value in headers.items() if value)
    ours = signature_of(SK, method, f"/{path}", query, headers, names, body.encode())
    assert ours == signature


def test_the_query_that_is_signed_is_the_one_that_is_sent() -> None:
    """Also where requests and the Signer encode and sort it differently."""
    request = prepared("GET", f"https://{IAM_HOST}/v3/projects?name=x+y&c=&a=%7E\u91cf&b=1%2B1")
    assert str(request.url).partition("?")[2] == "a=~%E9%87%8F&b=1%2B1&c=&name=x%20y"


# --- Requests ---


def test_a_run_sends_two_requests(cloud: FakeCloud, run: Run, at: At) -> None:
    """One to IAM and one for the statistics, with exactly the fields that were asked for."""
    at("2026-05-22T00:00:00+00:00")
    assert run("--period", "1d", "--timezone", "Asia/Shanghai").code == 0

    look_up, statistics = cloud.seen
    assert (look_up.method, look_up.host) == ("GET", IAM_HOST)
    assert (look_up.path, look_up.query) == ("/v3/projects", "name=cn-southwest-2")
    assert look_up.content == b""
    assert (statistics.method, statistics.host) == ("POST", STATISTICS_HOST)
    assert (statistics.path, statistics.query) == (STATISTICS_PATH, "")
    assert statistics.body == {
        "service_type": 2,
        "start_time": ms("2026-05-21T00:00:00+00:00"),
        "end_time": ms("2026-05-22T00:00:00+00:00") - 1,
        "timezone": "Asia/Shanghai",
        "infer_type": "real_time",
    }


def test_headers_name_the_program_and_the_project(cloud: FakeCloud, run: Run) -> None:
    """The project only where it is known. There are no cookies and no empty token."""
    assert run().code == 0
    look_up, statistics = cloud.seen
    for request in (look_up, statistics):
        assert request.headers["content-type"] == "application/json"
        assert request.headers["user-agent"].startswith("huawei-cloud-maas-tokens-usage/")
        assert "cookie" not in request.headers
        assert "x-security-token" not in request.headers
    assert "x-project-id" not in look_up.headers
    assert statistics.headers["x-project-id"] == PROJECT_ID
    assert "x-project-id" in signed_names(statistics)


def test_the_token_of_temporary_keys_is_sent_and_signed(cloud: FakeCloud, run: Run) -> None:
    """With every request."""
    cloud.keys[AK] = (SK, TOKEN)
    assert run("--by", "day", "--period", "2d", HW_SECURITY_TOKEN=TOKEN).code == 0
    assert len(cloud.statistics) >= 2
    for request in cloud.seen:
        assert request.headers["x-security-token"] == TOKEN
        assert "x-security-token" in signed_names(request)


@pytest.mark.parametrize("region", PROJECT_IDS)
def test_each_region_has_its_hosts_and_its_project(region: str, cloud: FakeCloud, run: Run) -> None:
    """IAM and the statistics of the region are asked, for the project that bears its name."""
    assert run("--region", region, "--format", "json").document["project_id"] == PROJECT_IDS[region]
    assert cloud.connections == [
        f"iam.{region}.myhuaweicloud.com",
        f"modelarts.{region}.myhuaweicloud.com",
    ]
    look_up, statistics = cloud.seen
    assert look_up.query == f"name={region}"
    assert statistics.path == f"/v1/{PROJECT_IDS[region]}/maas/monitoring/show-statistics"


def test_with_a_project_id_iam_is_not_asked(cloud: FakeCloud, run: Run) -> None:
    """A sub-project can be asked for in this way."""
    cloud.projects.append({"id": SUB_PROJECT_ID, "name": "cn-southwest-2_team", "enabled": True})
    assert run("--project-id", SUB_PROJECT_ID).code == 0
    assert cloud.connections == [STATISTICS_HOST]
    assert cloud.seen[0].headers["x-project-id"] == SUB_PROJECT_ID


def test_without_permission_to_list_projects_the_users_own_are_asked_for(
    cloud: FakeCloud, run: Run
) -> None:
    """The second call has no filter: of all projects, the one named like the region counts."""
    cloud.may_list_projects = False
    sub_project = {"id": SUB_PROJECT_ID, "name": "cn-southwest-2_team", "enabled": True}
    cloud.projects.insert(0, sub_project)
    assert run("--format", "json").document["project_id"] == PROJECT_ID
    assert [request.path for request in cloud.seen] == [
        "/v3/projects",
        "/v3/auth/projects",
        STATISTICS_PATH,
    ]
    assert cloud.seen[1].query == ""


def test_the_netrc_file_is_not_used(cloud: FakeCloud, run: Run, home: Path) -> None:
    """Requests would send the passwords in it to the hosts that it names."""
    netrc = home / ("." + "netrc")
    lines = [f"machine {host} login me password example" for host in (IAM_HOST, STATISTICS_HOST)]
    netrc.write_text("\n".join(lines), encoding="utf-8")
    netrc.chmod(0o600)
    assert run(NETRC=str(netrc)).code == 0
    for request in cloud.seen:
        assert request.headers["authorization"].startswith("SDK-HMAC-SHA256 ")


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


def test_no_proxy_is_honoured(
    cloud: FakeCloud, run: Run, clock: Clock, looked_up: list[str]
) -> None:
    """Hosts in NO_PROXY are asked without the proxy, and the others through it."""
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
    variables: dict[str, str], cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """TLS is always verified."""
    assert run(**{"REQUESTS_CA_BUNDLE": None, **variables}).code == 5
    assert cloud.connections == [IAM_HOST]
    assert cloud.seen == []


def test_nothing_is_sent_to_a_host_with_the_certificate_of_another(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The host's name is verified, too."""
    cloud.certificate = "another host"
    assert run().code == 5
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
        changes = path != os.devnull and (
            bool(set(mode or "") & set("wax+")) or bool((flags or 0) & WRITING)
        )
    if changes:
        os.write(2, f"CHANGES THE DISK: {event} {arguments}\\n".encode())

sys.dont_write_bytecode = True
sys.argv.pop(0)
sys.addaudithook(report_changes)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.fixture
def spy(tmp_path: Path) -> Path:
    """Return the path of SPY."""
    path = tmp_path / "spy.py"
    path.write_text(SPY, encoding="utf-8")
    return path


def test_nothing_is_written_to_disk(cloud: FakeCloud, start: Start, spy: Path) -> None:
    """No file is opened for writing, made, renamed or removed, by the program or for it."""
    result = start(str(SCRIPT), "--by", "day", "--period", "2d", file=spy).result()
    assert result.code == 0
    assert len(cloud.statistics) >= 2
    assert "CHANGES THE DISK" not in result.err


def test_the_spy_notices_what_is_written(start: Start, spy: Path, tmp_path: Path) -> None:
    """Otherwise the test above would say nothing."""
    program = tmp_path / "writes.py"
    program.write_text(f"open({str(tmp_path / 'new')!r}, 'w')\nprint()\n", encoding="utf-8")
    assert "CHANGES THE DISK: open" in start(str(program), file=spy).result().err


def test_every_field_that_narrows_what_is_counted_is_sent() -> None:
    """A field of Scope that is not in its filters would be shown as active, and not be sent."""
    other_fields = {"period", "infer_type"}
    narrowing = [name for name in script.Scope._fields if name not in other_fields]
    start = datetime(2026, 5, 20, tzinfo=timezone.utc)
    period = script.Period(start, start + timedelta(days=1), zone=None)
    values = {name: (f"value of {name}",) for name in narrowing}
    scope = script.Scope(period=period, infer_type="batch", **values)

    body = script.Query("preset", scope).body()

    for value in values.values():
        assert value in body.values()


# --- Wrong programs ---
#
# Each is the program with a text replaced, wherever it stands. All get the same arguments and
# temporary keys.

WRONG_PROGRAM_ARGUMENTS = (
    *("--from", "2026-05-20", "--to", "2026-05-20", "--timezone", "Asia/Shanghai"),
    *("--service-type", "all", "--api-keys", "key-a", "--ips", "192.0.2.1", "2001:db8::1"),
    *("--by", "service", "--format", "json"),
)

REFUSED_PROGRAMS = {  # the text, what replaces it, and the status with which the cloud refuses
    "signs another body": ('body=request.body or ""', 'body="{}"', 401),
    "has a signature that has expired": (
        '["X-Sdk-Date"] = datetime.now(timezone.utc)',
        '["X-Sdk-Date"] = datetime.now(timezone(timedelta(hours=-1)))',
        401,
    ),
    "does not sign the content type": (
        '("Content-Type", "X-Project-Id")',
        '("X-Project-Id",)',
        401,
    ),
    "does not sign the token": ('headers["X-Security', 'request.headers["X-Security', 401),
    "does not send the token": ("if self._credentials.token:", "if False:", 401),
    "does not sign the project id": ('("Content-Type", "X-Project-Id")', '("Content-Type",)', 400),
    "does not send the project id": ('"X-Project-Id"] = self.project_id', '"X-Other"] = ""', 400),
    "asks for the project of another region": (
        "/v1/{self.project_id}/",
        f"/v1/{PROJECT_IDS['ap-southeast-1']}/",
        403,
    ),
    "asks the hosts of another region": (
        "{service}.{self.region}.",
        "{service}.ap-southeast-1.",
        403,
    ),
    "asks for service type 3": ('"custom-endpoint": 4', '"custom-endpoint": 3', 400),
    "sends seconds": ("int(self.start.timestamp()) * 1000", "int(self.start.timestamp())", 400),
    "sends an offset as the zone": ("return str(self.zone)", 'return "UTC+8"', 400),
    "asks for a page that is too long": ("LIST_LIMIT = 99", "LIST_LIMIT = 100", 400),
    "asks for no inference type": ('"infer_type": scope.infer_type', '"infer_type": None', 400),
    "sends a field of its own": ('"timezone": scope', '"time_zone": scope', 400),
}

MISCOUNTING_PROGRAMS = {  # the text, and what replaces it
    "counts the instant of the end": ("return start, end - 1", "return start, end"),
    "leaves out the last second": ("return start, end - 1", "return start, end - 1000"),
    "forgets the API keys": ("api_keys=read_api_keys(args.api_keys)", "api_keys=None"),
    "forgets the addresses": ("ips=read_ips(args.ips)", "ips=None"),
    "takes thousands for tokens": ("exact *= 1000", "exact *= 1"),
    "cuts decimals": ("exact = Decimal(value)", "exact = Decimal(int(value))"),
}

PROGRAMS_THAT_ASK_FOR_LESS = {
    "sends no time zone": ('"timezone": scope.period.zone_name()', '"timezone": None'),
}

UseProgram = Callable[[str, str], None]


@pytest.fixture
def use_wrong_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> UseProgram:
    """Let `run` use the program with a text replaced, wherever it stands."""

    def use(text: str, replacement: str) -> None:
        source = SCRIPT.read_text(encoding="utf-8")
        if text not in source:
            pytest.fail(f"{text!r} is no longer in the program: bring this table up to date")
        path = tmp_path / "wrong_program.py"
        path.write_text(source.replace(text, replacement), encoding="utf-8")
        wrong = runpy.run_path(str(path))
        monkeypatch.setattr(script, "main", wrong["main"])

    return use


@pytest.fixture
def run_there(cloud: FakeCloud, run: Run, at: At) -> Run:
    """Run the program where wrong ones are noticed: usage at each edge of what is asked for."""
    at("2026-05-22T12:00:00+08:00")
    cloud.keys[AK] = (SK, TOKEN)
    first = ms("2026-05-20T00:00:00+08:00")
    end = ms("2026-05-21T00:00:00+08:00")
    cloud.events = [
        Event(first - 1, total=100_000_000),
        Event(first, total=1001, prompt=900, completion=101),
        Event(end - 1, total=20_002, prompt=15_000, completion=5_002),
        Event(end, total=300_000),
        Event(first, total=4_000_000, api_key="key-b"),
        Event(first, total=50_000_000, ip="192.0.2.9"),
        Event(first, total=7, service_type=1),
        Event(first, total=8, service_type=4),
    ]

    def run_there() -> Any:
        cloud.seen.clear()
        return run(*WRONG_PROGRAM_ARGUMENTS, HW_SECURITY_TOKEN=TOKEN)

    return run_there


def test_the_right_program_counts_what_was_asked_for(run_there: Run) -> None:
    """Otherwise the tests below would say nothing."""
    assert run_there().totals["total_tokens"] == 1001 + 20_002 + 7 + 8


@pytest.mark.parametrize("wrong", REFUSED_PROGRAMS.values(), ids=REFUSED_PROGRAMS)
def test_the_cloud_refuses_a_program_that(
    wrong: tuple[str, str, int], run_there: Run, use_wrong_program: UseProgram
) -> None:
    """It answers with an error, as the real one does or may do."""
    text, replacement, status = wrong
    use_wrong_program(text, replacement)
    assert run_there().error["http_status"] == status


@pytest.mark.parametrize("wrong", MISCOUNTING_PROGRAMS.values(), ids=MISCOUNTING_PROGRAMS)
def test_figures_are_others_for_a_program_that(
    wrong: tuple[str, str], run_there: Run, use_wrong_program: UseProgram
) -> None:
    """Its requests are valid, and its figures wrong."""
    right_totals = run_there().totals
    use_wrong_program(*wrong)
    assert run_there().totals != right_totals


@pytest.mark.parametrize(
    "wrong", PROGRAMS_THAT_ASK_FOR_LESS.values(), ids=PROGRAMS_THAT_ASK_FOR_LESS
)
def test_requests_are_others_for_a_program_that(
    wrong: tuple[str, str], cloud: FakeCloud, run_there: Run, use_wrong_program: UseProgram
) -> None:
    """Its requests are valid and its figures right, for as long as the service's default fits."""
    run_there()
    right_requests = cloud.statistics
    use_wrong_program(*wrong)
    assert run_there().code == 0
    assert cloud.statistics != right_requests
