"""Run the script without an account, against the fake cloud of the tests on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, NamedTuple

HERE = Path(__file__).resolve().parent
SCRIPT = HERE.parent / "maas_rest_usage_stats.py"

try:
    import huaweicloudsdkcore  # noqa: F401  only to see whether it is installed
    import requests  # noqa: F401  the same
    from cloud import (
        AK,
        API_KEYS,
        IPS,
        NOT_JSON,
        SERVICES,
        SK,
        FakeCloud,
        refusal,
        usage_like,
    )
except ImportError as missing:
    sys.exit(
        f"error: {missing}\n"
        f'hint: Run "{sys.executable}" -m pip install -r tests/sandbox-requirements.txt, '
        "in a virtual environment."
    )
except KeyboardInterrupt:
    sys.exit(130)

FIRST_LINE = """\
sandbox: all figures are made up. In the commands of README.md, write tests/sandbox.py instead of \
maas_rest_usage_stats.py (more: --sandbox-help).
"""

HELP = """\
usage: python tests/sandbox.py [arguments of the script] [--fault FAULT]
       python tests/sandbox.py --sandbox-help

Runs maas_rest_usage_stats.py without an account, against a fake cloud on this
machine. All figures are made up: 45 days of usage, the same in each region.
The other arguments go to the script unchanged, and the exit code is the
script's own. --credentials-file is ignored: the sandbox has an AK and SK of
its own.

made-up usage:
{usage}

faults (--fault may stand at any place):
{faults}

examples:
  python tests/sandbox.py --period last-week --by day
  python tests/sandbox.py --by api-key --api-keys key-a key-b
  python tests/sandbox.py --service-type all --infer-type batch --format json
  python tests/sandbox.py --check --fault no-permission
"""

# Variables of the user that would lead the script away from the fake cloud.
KEY_PREFIXES = ("HW_", "HUAWEICLOUD_")
NETWORK_VARIABLES = ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


# --- Faults ---


THROTTLED_TEXT = "The throttling threshold has been reached"


def throttled(cloud: FakeCloud) -> None:
    """Throttle the first two statistics requests."""
    cloud.on("modelarts", refusal(429, "APIGW.0308", THROTTLED_TEXT), times=2)


def throttled_for_long(cloud: FakeCloud) -> None:
    """Throttle all statistics requests, and ask for a long wait."""
    cloud.on("modelarts", refusal(429, "APIGW.0308", THROTTLED_TEXT, retry_after="300"))


def wrong_key(cloud: FakeCloud) -> None:
    """Know another SK than the script has."""
    cloud.keys[AK] = (SK[::-1], "")


def locked_key(cloud: FakeCloud) -> None:
    """Have seen too many failed signatures."""
    cloud.failed_signatures = 100


def wrong_clock(cloud: FakeCloud) -> None:
    """Be an hour ahead."""
    cloud.clock_ahead = 3600.0


def no_project(cloud: FakeCloud) -> None:
    """Do not allow to list projects."""
    cloud.may_list_projects = False
    cloud.may_list_own_projects = False


def no_permission(cloud: FakeCloud) -> None:
    """Do not allow to read statistics."""
    cloud.may_read_statistics = False


def unreachable(cloud: FakeCloud) -> None:
    """Let the proxy find no way to the cloud."""
    cloud.proxy_status = 502


def proxy_password(cloud: FakeCloud) -> None:
    """Let the proxy ask for a password."""
    cloud.proxy_status = 407


def expired_certificate(cloud: FakeCloud) -> None:
    """Show a certificate that has expired."""
    cloud.certificate = "expired"


def bad_answer(cloud: FakeCloud) -> None:
    """Answer with HTML."""
    cloud.on("modelarts", NOT_JSON)


def odd_list(cloud: FakeCloud) -> None:
    """Call the fields of services otherwise than expected."""
    cloud.service_list_form = "other names"


class Fault(NamedTuple):
    """What the user can ask for with --fault: a line of help, and what it does to the cloud."""

    help: str
    apply: Callable[[FakeCloud], None]


FAULTS = {
    "throttled": Fault("429 twice, then figures after 6 seconds (exit code 0)", throttled),
    "throttled-for-long": Fault("429 with a wait of 300 seconds (exit code 5)", throttled_for_long),
    "wrong-key": Fault("the SK is wrong (exit code 3)", wrong_key),
    "locked-key": Fault("the AK is locked for a few minutes (exit code 3)", locked_key),
    "wrong-clock": Fault("the clocks differ by an hour (exit code 3)", wrong_clock),
    "no-project": Fault("no permission to list projects (exit code 3)", no_project),
    "no-permission": Fault("no permission to read statistics (exit code 3)", no_permission),
    "unreachable": Fault("no connection, tried for 16 seconds (exit code 5)", unreachable),
    "proxy-password": Fault("the proxy asks for a password (exit code 1)", proxy_password),
    "expired-certificate": Fault("the certificate has expired (exit code 1)", expired_certificate),
    "bad-answer": Fault("the statistics are HTML, tried for 16 seconds (exit code 4)", bad_answer),
    "odd-list": Fault("--by service gets unknown field names (exit code 4)", odd_list),
}


# --- The run ---


def sandbox_help() -> str:
    """Return the help of the sandbox itself."""
    api_keys = [api_key or '""' for api_key in API_KEYS]  # as one types them in a shell
    usage = [
        f"  API keys   {', '.join(api_keys)} (the last is the console's online experience)",
        f"  addresses  {', '.join(IPS)}",
    ]
    for service_type, names in SERVICES.items():
        usage.append(f"  services   {', '.join(names)} (service type {service_type})")
    faults = [f"  {name:<21}{fault.help}" for name, fault in FAULTS.items()]
    return HELP.format(usage="\n".join(usage), faults="\n".join(faults))


def script_environment(cloud: FakeCloud) -> dict[str, str]:
    """Return the user's environment, with keys and network settings of the fake cloud only."""
    environment = dict(os.environ)
    for name in os.environ:
        if name.upper().startswith(KEY_PREFIXES) or name.upper() in NETWORK_VARIABLES:
            del environment[name]
    environment.update(cloud.environment)
    environment["HW_ACCESS_KEY"] = AK
    environment["HW_SECRET_KEY"] = SK
    return environment


def run_script(argv: list[str], environment: dict[str, str]) -> int:
    """Run the script in a process of its own, and pass Ctrl-C on to it; return its exit code."""
    command = [sys.executable, str(SCRIPT), *argv]
    # In a session of its own the script gets Ctrl-C once: from here, and not from the terminal.
    with subprocess.Popen(command, env=environment, start_new_session=True) as process:

        def pass_on(*_: object) -> None:
            if os.name == "posix":  # on Windows the console sends it to both processes
                process.send_signal(signal.SIGINT)

        def end(*_: object) -> None:
            process.terminate()

        signal.signal(signal.SIGINT, pass_on)
        signal.signal(signal.SIGTERM, end)
        code = None
        while code is None:
            # If another thread receives the signal, a wait without an end would not notice it.
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = process.wait(timeout=0.1)
    if code < 0:  # a signal ended it
        code = 128 - code
    return code


def take_option(argv: list[str], name: str) -> tuple[list[str], str | None]:
    """Return the arguments without an option and its value, and the value; None if it is absent.

    The value is empty if it is missing. Of a repeated option, the last value counts.
    """
    rest = []
    value = None
    arguments = iter(argv)
    for argument in arguments:
        if argument == name:
            value = next(arguments, "")
        elif argument.startswith(f"{name}="):
            value = argument.partition("=")[2]
        else:
            rest.append(argument)
    return rest, value


def main(argv: list[str]) -> int:
    """Run the sandbox with the arguments; return the exit code."""
    if "--sandbox-help" in argv:
        sys.stdout.write(sandbox_help())
        return 0

    argv, fault_name = take_option(argv, "--fault")
    if fault_name is not None and fault_name not in FAULTS:
        sys.stderr.write(f"error: unknown fault '{fault_name}'; known: {', '.join(FAULTS)}.\n")
        sys.stderr.write("hint: See python tests/sandbox.py --sandbox-help.\n")
        return 2
    argv, credentials_file = take_option(argv, "--credentials-file")

    sys.stderr.write(FIRST_LINE)
    if credentials_file is not None:
        sys.stderr.write("sandbox: --credentials-file is ignored; the file was not read.\n")
    sys.stderr.flush()
    with tempfile.TemporaryDirectory() as folder, FakeCloud(Path(folder)) as cloud:
        cloud.events.extend(usage_like(int(time.time() * 1000)))
        if fault_name is not None:
            FAULTS[fault_name].apply(cloud)
        return run_script(argv, script_environment(cloud))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
