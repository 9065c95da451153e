"""Print what the script costs beside the least programs that do the same.

python tests/benchmark.py [ROUNDS]

Each line has the median of the script, the median of the other program, and their ratio. This is
no test: clocks are not judged.
"""

from __future__ import annotations

import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cloud import AK, SK, FakeCloud, slow

SCRIPT = str(Path(__file__).resolve().parent.parent / "maas_rest_usage_stats.py")
ROUNDS = 15
BARE_PARSER = """
import argparse
parser = argparse.ArgumentParser()
for number in range({options}):
    parser.add_argument("--option%d" % number, help="some words of help")
parser.parse_args()
"""
LEAST_QUERY = """
import json, os, time
import requests
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

class Credentials:
    ak, sk = (os.environ[name] for name in ("HW_ACCESS_KEY", "HW_SECRET_KEY"))

session = requests.Session()

def call(method, host, path, query=(), body="", **headers):
    headers["Content-Type"] = "application/json"
    headers["X-Sdk-Date"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    unsigned = SdkRequest(
        method, "https", host, path, query_params=list(query), header_params=headers, body=body
    )
    signed = Signer(Credentials).sign(unsigned)
    answer = session.request(
        method, signed.url, data=body, headers=signed.header_params, timeout=(10, 30)
    )
    answer.raise_for_status()
    return answer.json()

region = "cn-southwest-2"
host = f"iam.{region}.myhuaweicloud.com"
project_id = call("GET", host, "/v3/projects", [("name", region)])["projects"][0]["id"]
now = int(time.time()) * 1000
body = {"service_type": 2, "start_time": now - 7 * 86400000, "end_time": now - 1}
print(call(
    "POST",
    f"modelarts.{region}.myhuaweicloud.com",
    f"/v1/{project_id}/maas/monitoring/show-statistics",
    body=json.dumps({**body, "infer_type": "real_time"}),
    **{"X-Project-Id": project_id},
))
"""


def seconds_of(argv: list[str], environment: dict[str, str]) -> float:
    """Return the seconds that a run of Python takes."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *argv], env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def compare(
    title: str, ours: list[str], least: list[str], environment: dict[str, str], rounds: int
) -> None:
    """Run two programs in turn, and print their medians and the ratio."""
    our_seconds = []
    least_seconds = []
    for number in range(rounds + 1):
        pair = seconds_of(ours, environment), seconds_of(least, environment)
        if number > 0:  # the first round fills the caches
            our_seconds.append(pair[0])
            least_seconds.append(pair[1])
    our_median = statistics.median(our_seconds)
    least_median = statistics.median(least_seconds)
    figures = f"{our_median * 1000:8.1f} ms{least_median * 1000:8.1f} ms"
    print(f"{title:<50}{figures}   ratio {our_median / least_median:.2f}")


def options_in_help() -> int:
    """Return the number of the script's options."""
    command = [sys.executable, SCRIPT, "--help"]
    page = subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    return len(re.findall(r"^  --", page, re.MULTILINE))


def main(argv: list[str]) -> None:
    """Compare the script with the least programs, and many requests with one."""
    rounds = int(argv[0]) if argv else ROUNDS
    print(f"Python {sys.version.split()[0]}, rounds: {rounds}")
    with tempfile.TemporaryDirectory() as folder, FakeCloud(Path(folder)) as cloud:
        cloud.requests_a_minute = None
        environment = {"HOME": folder, "PATH": os.defpath, **cloud.environment}
        environment["HW_ACCESS_KEY"] = AK
        environment["HW_SECRET_KEY"] = SK
        if "SYSTEMROOT" in os.environ:  # Windows cannot open sockets without it
            environment["SYSTEMROOT"] = os.environ["SYSTEMROOT"]

        bare = Path(folder, "bare.py")
        bare.write_text(BARE_PARSER.format(options=options_in_help()), encoding="utf-8")
        title = "--help and a bare parser with as many options"
        compare(title, [SCRIPT, "--help"], [str(bare), "--help"], environment, rounds)

        least = Path(folder, "least.py")
        least.write_text(LEAST_QUERY, encoding="utf-8")
        query = [SCRIPT, "--format", "json"]
        compare("a query and the least one", query, [str(least)], environment, rounds)

        cloud.on("modelarts", slow(0.05))
        days = [*query, "--by", "day", "--period", "30d"]
        compare("31 days and a query, at 50 ms a request", days, query, environment, rounds)
        print(f"most requests at once: {cloud.busiest}")


if __name__ == "__main__":
    main(sys.argv[1:])
