"""Print what the script costs beside the least programs that could do the same; no test, since clocks are no judges.

python tests/benchmark.py [RUNS]
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cloud import AK, SK, FakeCloud

SCRIPT = str(Path(__file__).resolve().parent.parent / "maas_rest_usage_stats.py")
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
class Keys: ak, sk = (os.environ[name] for name in ("HW_ACCESS_KEY", "HW_SECRET_KEY"))
session = requests.Session()
def call(method, host, path, query, body, headers):
    headers = {"Content-Type": "application/json", "X-Sdk-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()), **headers}
    signed = Signer(Keys).sign(SdkRequest(method, "https", host, path, query_params=query, header_params=headers, body=body))
    answer = session.request(method, signed.url, data=body, headers=signed.header_params, timeout=(10, 30))
    answer.raise_for_status()
    return answer.json()
region = "cn-southwest-2"
found = call("GET", f"iam.{region}.myhuaweicloud.com", "/v3/projects", [("name", region)], "", {})
project = found["projects"][0]["id"]
now = int(time.time()) * 1000
body = json.dumps({"service_type": 2, "start_time": now - 604800000, "end_time": now - 1, "infer_type": "real_time"})
path = f"/v1/{project}/maas/monitoring/show-statistics"
print(call("POST", f"modelarts.{region}.myhuaweicloud.com", path, [], body, {"X-Project-Id": project}))
"""


def measure(argv: list[str], environment: dict[str, str]) -> float:
    """Return the seconds that a process takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, *argv], env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - began


def compare(title: str, ours: list[str], least: list[str], environment: dict[str, str], runs: int) -> None:
    """Print the medians of two programs that ran in turn, and their ratio."""
    pairs = [(measure(ours, environment), measure(least, environment)) for _ in range(runs + 1)][1:]
    mine, its = (statistics.median(column) for column in zip(*pairs))
    print(f"{title:<52}{mine * 1000:8.1f} ms{its * 1000:8.1f} ms   ratio {mine / its:.2f}")


def main() -> None:
    """Compare."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    print(f"Python {sys.version.split()[0]}, medians of {runs} runs")
    with tempfile.TemporaryDirectory() as folder, FakeCloud(Path(folder)) as cloud:
        bare, least = Path(folder, "bare.py"), Path(folder, "least.py")
        shown = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True, check=True).stdout
        options = len(re.findall(r"^  --", shown, re.MULTILINE))
        bare.write_text(BARE_PARSER.format(options=options), encoding="utf-8")
        least.write_text(LEAST_QUERY, encoding="utf-8")
        environment = {"HOME": folder, "PATH": os.defpath, "HW_ACCESS_KEY": AK, "HW_SECRET_KEY": SK, **cloud.environment}
        compare("--help, beside a bare parser of as many options", [SCRIPT, "--help"], [str(bare), "--help"], environment, runs)
        query = [SCRIPT, "--format", "json"]
        compare("one query, beside the least that makes its calls", query, [str(least)], environment, runs)
        cloud.delay = 0.05
        by_day = [SCRIPT, "--format", "json", "--by", "day", "--period", "30d"]
        compare("31 days, beside one query, at 50 ms an answer", by_day, query, environment, runs)
        cloud.reset()
        cloud.delay = 0.05
        subprocess.run([sys.executable, *by_day], env=environment, check=True, capture_output=True)
        print(json.dumps({"requests": len(cloud.seen), "connections": len(cloud.hosts), "at once": cloud.busiest}))


if __name__ == "__main__":
    main()
