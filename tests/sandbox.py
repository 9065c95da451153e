"""Run the script against a cloud of its own, without an account: python tests/sandbox.py [arguments of the script].

The cloud is the tests' fake one, on this machine, behind real TLS, filled with 45 days of made-up usage up to now.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cloud import AK, SK, FakeCloud, usage_like

SCRIPT = Path(__file__).resolve().parent.parent / "maas_rest_usage_stats.py"


def main() -> int:
    """Run it; return the script's exit code."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HW_", "HUAWEICLOUD_"))}
    proxies = ("NO_PROXY", "no_proxy", "https_proxy", "CURL_CA_BUNDLE")
    with tempfile.TemporaryDirectory() as folder, FakeCloud(Path(folder)) as cloud:
        cloud.events.extend(usage_like(int(time.time() * 1000), days=45, calls_a_day=200))
        environment = {name: value for name, value in kept.items() if name not in proxies}
        environment.update(cloud.environment, HW_ACCESS_KEY=AK, HW_SECRET_KEY=SK)
        return subprocess.run([sys.executable, str(SCRIPT), *sys.argv[1:]], env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
