"""What is sent, to whom, and how it is signed."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable

import pytest
import requests
from cloud import AK, PROJECT_ID, SK, TOKEN, Event, FakeCloud, signature_of
from conftest import Run, ms

import maas_rest_usage_stats as script

STATISTICS = f"https://modelarts.cn-southwest-2.myhuaweicloud.com/v1/{PROJECT_ID}/maas/monitoring/show-statistics"
PROJECTS = "https://iam.cn-southwest-2.myhuaweicloud.com/v3/projects?name=cn-southwest-2"
VECTORS = [  # of the published rule: method, URL, body, token, signature
    ("POST", STATISTICS, '{"service_type":2}', "", "fcea0c432f8da5e9e2406202d0d99fb054e09a6fcdb04f9e777d57748c6ef042"),
    ("GET", PROJECTS, "", "TOKEN", "359b81c154ad7818831273b39137436d3dcb4281b0d86214ceb1556037a3cf77"),
]


@pytest.mark.parametrize(("method", "url", "body", "token", "signature"), VECTORS)
def test_the_signature_vectors(
    method: str, url: str, body: str, token: str, signature: str, at: Callable[[str], None]
) -> None:
    """The script's signature and the fake cloud's own HMAC both give what the rule gives."""
    at("2026-05-22T00:00:00+00:00")
    auth = script.Signature(script.Keys(AK, SK, token, "", "a test"))
    request = requests.Request(method, url, {"Content-Type": "application/json"}, data=body or None, auth=auth).prepare()
    names = ["content-type", "host", "x-sdk-date", *(["x-security-token"] if token else [])]
    authorization = f"SDK-HMAC-SHA256 Access={AK}, SignedHeaders={';'.join(names)}, Signature={signature}"
    assert request.headers["Authorization"] == authorization
    assert request.url == url
    headers = {name.lower(): value for name, value in request.headers.items()}
    path, _, query = url.partition(".com")[2].partition("?")
    assert signature_of(SK, method, path, query, headers, names, body.encode()) == signature


def test_what_was_signed_is_sent() -> None:
    """Also where requests and the Signer would encode a query differently."""
    auth = script.Signature(script.Keys(AK, SK, "", "", "a test"))
    request = requests.Request("GET", PROJECTS, params={"b": "x y+z", "a": "\u91cf~", "c": ""}, auth=auth).prepare()
    assert str(request.url).partition("?")[2] == "a=%E9%87%8F~&b=x%20y%2Bz&c=&name=cn-southwest-2"


def test_two_signed_requests(cloud: FakeCloud, run: Run) -> None:
    """One to IAM, one to ShowStatistics, with nothing of requests' own that is not needed."""
    assert run("--format", "json").code == 0
    assert [(seen.method, seen.host, seen.path, seen.query) for seen in cloud.seen] == [
        ("GET", "iam.cn-southwest-2.myhuaweicloud.com", "/v3/projects", "name=cn-southwest-2"),
        ("POST", "modelarts.cn-southwest-2.myhuaweicloud.com", f"/v1/{PROJECT_ID}/maas/monitoring/show-statistics", ""),
    ]
    assert [target.partition(":")[2] for target in cloud.hosts] == ["443", "443"]
    for seen in cloud.seen:
        assert seen.headers["content-type"] == "application/json"
        assert "huawei-cloud-maas-tokens-usage/" in seen.headers["user-agent"]
        assert "cookie" not in seen.headers
    assert [seen.headers.get("x-project-id") for seen in cloud.seen] == [None, PROJECT_ID]


def test_a_temporary_pair(cloud: FakeCloud, run: Run) -> None:
    """Its token is sent and signed with every request; with the wrong one the cloud refuses."""
    cloud.keys[AK] = (SK, TOKEN)
    assert run(HW_SECURITY_TOKEN=TOKEN).code == 0
    for seen in cloud.seen:
        assert "x-security-token" in re.findall("SignedHeaders=([^,]+)", seen.headers["authorization"])[0].split(";")
    assert run().code == 3
    assert run(HW_SECURITY_TOKEN=TOKEN[::-1]).code == 3


def test_the_clock_may_not_be_far_off(cloud: FakeCloud, run: Run, at: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The cloud takes no signature that is older than 15 minutes, and the hint names the clock."""
    at("2026-05-22T00:00:00+00:00")
    stale = SimpleNamespace(now=lambda zone: datetime(1970, 1, 1, tzinfo=zone))
    query = script.read_query

    def then_stale(*args: Any) -> script.Query:
        found = query(*args)
        monkeypatch.setattr(script, "datetime", stale)
        return found

    monkeypatch.setattr(script, "read_query", then_stale)
    result = run()
    assert result.code == 3
    assert "clock" in result.err
    assert len(cloud.seen) == 1


def test_the_netrc_file_is_not_used(cloud: FakeCloud, run: Run, home: Path) -> None:
    """Requests would send its passwords to hosts that are named there."""
    lines = [f"machine {host}.cn-southwest-2.myhuaweicloud.com login me password secret" for host in ("iam", "modelarts")]
    (home / ".netrc").write_text("\n".join(lines), encoding="utf-8")
    assert run().code == 0
    for seen in cloud.seen:
        assert seen.headers["authorization"].startswith("SDK-HMAC-SHA256 ")


def test_without_the_ca(cloud: FakeCloud, run: Run, clock: object) -> None:
    """TLS is verified: exit code 5, not retryable, not retried, and a sentence on the certificate."""
    result = run("--format", "json", REQUESTS_CA_BUNDLE=None)
    assert result.code == 5
    assert "certificate" in result.error["message"]
    assert "REQUESTS_CA_BUNDLE" in result.error["hint"]
    assert result.error["retryable"] is False
    assert len(cloud.hosts) == 1
    assert cloud.seen == []


def test_the_region_is_asked(cloud: FakeCloud, run: Run) -> None:
    """Both hosts are the region's, and IAM is asked for the region's project."""
    assert run("--region", "ap-southeast-1").code == 0
    assert [seen.host for seen in cloud.seen] == [f"{host}.ap-southeast-1.myhuaweicloud.com" for host in ("iam", "modelarts")]
    assert cloud.seen[0].query == "name=ap-southeast-1"


def test_the_file_as_a_program(cloud: FakeCloud, run_file: Run, home: Path) -> None:
    """The same in a process of its own, and nothing is left in the home folder."""
    cloud.events = [Event(ms("2026-11-20T00:00:00+00:00"), 1)]
    result = run_file("--format", "json")
    assert result.code == 0
    assert len(cloud.seen) == 2
    assert list(home.rglob("*")) == []


def test_nothing_is_written(cloud: FakeCloud, run_file: Run, tmp_path: Path) -> None:
    """No file is opened for writing, created, renamed or removed during a run."""
    spy = tmp_path / "spy.py"
    spy.write_text(
        "import os, runpy, sys\n"
        "sys.dont_write_bytecode = True\n"
        "def hook(event, args):\n"
        "    writes = event == 'open' and args[0] != os.devnull and (\n"
        "        (isinstance(args[1], str) and set(args[1]) & set('wax+'))\n"
        "        or (isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)))\n"
        "    if writes or event in ('os.mkdir', 'os.rename', 'os.remove', 'os.link', 'os.symlink', 'os.truncate'):\n"
        "        os.write(2, f'WRITES {event} {args}\\n'.encode())\n"
        "sys.addaudithook(hook)\n"
        "sys.argv.pop(0)\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n",
        encoding="utf-8",
    )
    result = run_file("--by", "day", "--period", "3d", before=(str(spy),))
    assert result.code == 0
    assert len(cloud.statistics) in (3, 4)
    assert "WRITES" not in result.err
    (tmp_path / "writer.py").write_text(f"open({str(tmp_path / 'x')!r}, 'w').close()", encoding="utf-8")
    spied = subprocess.run([sys.executable, str(spy), str(tmp_path / "writer.py")], capture_output=True, text=True, check=True)
    assert "WRITES open" in spied.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's way")
def test_the_fake_cloud_is_no_pushover(cloud: FakeCloud, run: Run) -> None:
    """A wrong SK, an unknown AK: it refuses, so that what it takes means something."""
    assert run(HW_SECRET_KEY=SK[::-1]).code == 3
    assert run(HW_ACCESS_KEY="EXAMPLEAK9999999999").code == 3
    assert cloud.failed_signatures == 2
