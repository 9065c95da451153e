"""Every text that the program says: errors, hints, notes, announcements, --help and --check.

TEXTS is the table of them. Each entry is a run and all that it writes to stderr. A text that the
program holds and no entry expects is an error, too. The words of argparse are its own.

All runs are at noon (UTC) of 22 May 2026. One call was made on the day before.
"""

from __future__ import annotations

import csv
import errno
import gc
import io
import json
import re
import shlex
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any, Callable, Iterator, Mapping, NamedTuple

import pytest
import requests
from cloud import AK, CUT_SHORT, NO_SUCH_CALL, NOT_JSON, SK, Answer, Event, FakeCloud, drop, refusal
from conftest import At, Clock, Result, Run, ms

import maas_rest_usage_stats as script

NOON = "2026-05-22T12:00:00+00:00"
HELP = Path(__file__).with_name("help.txt").read_text(encoding="utf-8")


class Text(NamedTuple):
    """A run, and what it says on stderr."""

    name: str
    command: str  # the arguments, written as in a shell
    stderr: str
    variables: Mapping[str, str | None] = {}
    files: Mapping[str, str] = {}  # in the current folder; others cannot read them
    cloud: Callable[[FakeCloud], object] | None = None
    patch: Callable[[pytest.MonkeyPatch], object] | None = None


def same_everywhere(stderr: str) -> str:
    """Return what a run says with N for the numbers that depend on the version of Python."""
    return re.sub(r"\(_ssl\.c:\d+\)", "(_ssl.c:N)", stderr)


# --- What brings the texts about ---

QUIET = "--period yesterday --service-type preset"  # a run without notes
BY_SERVICE = f"{QUIET} --by service"
NO_KEYS = dict.fromkeys(("HW_ACCESS_KEY", "HW_SECRET_KEY"))
KEYS_FILE = f"{AK}\n{SK}\n"
SIGNER = "huaweicloudsdkcore.signer.signer"
ZONES = "zoneinfo" if sys.version_info >= (3, 9) else "backports.zoneinfo"
HTML = "<html>a page of a firewall</html>"


def on(where: str, reaction: Any, times: int | None = None) -> Callable[[FakeCloud], object]:
    """Let the cloud react."""
    return lambda cloud: cloud.on(where, reaction, times)


def with_state(**attributes: Any) -> Callable[[FakeCloud], object]:
    """Set attributes of the cloud."""
    return lambda cloud: vars(cloud).update(attributes)


def raising(error: BaseException) -> Callable[..., Any]:
    """Return a function that raises an error."""

    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def with_broken_import(name: str, error: Exception) -> Callable[[pytest.MonkeyPatch], object]:
    """Let the import of a module raise an error."""

    class BrokenFinder(MetaPathFinder):
        def find_spec(self, fullname: str, *_: object) -> None:
            if fullname == name:
                raise error

    def break_import(patch: pytest.MonkeyPatch) -> None:
        patch.delitem(sys.modules, name, raising=False)
        patch.setattr(sys, "meta_path", [BrokenFinder(), *sys.meta_path])

    return break_import


class FullDisk(io.StringIO):
    """A stream that cannot be written to."""

    def write(self, _: str) -> int:
        """Fail."""
        raise OSError(errno.ENOSPC, "No space left on device")


# --- Hints ---

SEE_HELP = "hint: See maas_rest_usage_stats.py --help.\n"
INSTALL = (
    "hint: In the folder of the script, run: python3 -m venv .venv, then "
    ".venv/bin/python -m pip install -r requirements.txt "
    "(on Windows .venv\\Scripts\\python). Run the script with that python. "
    "Or install uv, and run: uv run maas_rest_usage_stats.py\n"
)
REPORT_BUG = "hint: This is a bug. Report it with the command and the lines above.\n"
GIVE_KEYS = (
    "hint: Use --credentials-file FILE, such as the console's credentials.csv. Or set "
    "HW_ACCESS_KEY and HW_SECRET_KEY, or HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK. Or write "
    "ak = AK and sk = SK into ~/.huaweicloud/credentials.\n"
)
GIVE_PROJECT = (
    "hint: Use --project-id ID, or set HW_PROJECT_ID. The console shows the id under "
    "My Credentials.\n"
)
ASK_FOR_LESS = (
    "hint: Try a shorter period, such as --period 29d, or one service type at a time. "
    "Both limits are not known for certain.\n"
)
CHECK_REGION = "hint: Check --region and --project-id. If they are right, report the message.\n"
CHECK_FIREWALL = (
    "hint: This answer did not come from the service. A proxy or firewall may have answered: "
    "check HTTPS_PROXY, or ask the administrator of the network.\n"
)
USE_OTHER_ROWS = (
    "hint: --by service is experimental, because the format of this answer is not documented. "
    "Use --by service-type. --raw shows the answer.\n"
)
CHECK_NETWORK = (
    "hint: Check --region, the network connection and the proxy (HTTPS_PROXY), then try again.\n"
)
WAIT = "hint: Wait some minutes, then run the command again.\n"
CHECK_SETTINGS = (
    "hint: Check the proxy (HTTPS_PROXY), the file of CA certificates (REQUESTS_CA_BUNDLE, "
    "CURL_CA_BUNDLE) and the clock of this machine.\n"
)

# --- The table ---

WRONG_ARGUMENTS = [
    Text(
        "unknown period",
        "--period 2w",
        "error: unknown period '2w'; use today, yesterday, this-week, last-week, this-month, "
        "last-month, last-1-days to last-29-days, 1d to 30d, or 1h to 720h.\n" + SEE_HELP,
    ),
    Text(
        "no time",
        "--from 22.05.2026",
        "error: --from '22.05.2026' is not a date or time; use YYYY-MM-DD or "
        "YYYY-MM-DDTHH:MM[:SS][+HH:MM].\n" + SEE_HELP,
    ),
    Text(
        "no such day",
        "--from 2026-05-01 --to 2026-02-31",
        "error: --to '2026-02-31' is not a date or time; use YYYY-MM-DD or "
        "YYYY-MM-DDTHH:MM[:SS][+HH:MM].\n" + SEE_HELP,
    ),
    Text(
        "period in the future",
        "--from 2026-05-23",
        "error: the period starts in the future; now is 2026-05-22 12:00:00+00:00.\n" + SEE_HELP,
    ),
    Text(
        "empty period",
        "--from 2026-05-20 --to 2026-05-19",
        "error: the period is empty: its end is not after its start.\n" + SEE_HELP,
    ),
    Text(
        "old period",
        "--from 2026-04-01 --to 2026-04-20",
        "error: the period ended before 2026-04-22 12:00:00+00:00, and older data is not kept; "
        "the earliest whole day that is available is 2026-04-23.\n" + SEE_HELP,
    ),
    Text(
        "unknown zone",
        "--timezone Asia/Shangai",
        "error: unknown time zone 'Asia/Shangai' in --timezone; use an IANA name, such as "
        "Asia/Shanghai or UTC (where no name is known, install the package tzdata).\n" + SEE_HELP,
    ),
    Text(
        "unknown zone in a variable",
        "",
        "error: unknown time zone 'Asia/Shangai' in TZ; use an IANA name, such as "
        "Asia/Shanghai or UTC (where no name is known, install the package tzdata).\n" + SEE_HELP,
        variables={"TZ": "Asia/Shangai"},
    ),
    Text(
        "two dashes as a value",
        "--period=--",
        "error: -- is not the value of an option.\n" + SEE_HELP,
    ),
    Text("end without a start", "--to 2026-05-20", "error: --to needs --from.\n" + SEE_HELP),
    Text(
        "two periods",
        "--period 7d --from 2026-05-20",
        "error: --period cannot be used with --from or --to.\n" + SEE_HELP,
    ),
    Text(
        "services in batch inference",
        "--by service --infer-type batch",
        "error: --by service cannot be used with --infer-type batch.\n" + SEE_HELP,
    ),
    Text(
        "rows without API keys",
        "--by api-key",
        "error: --by api-key needs --api-keys.\n" + SEE_HELP,
    ),
    Text("rows without addresses", "--by ip", "error: --by ip needs --ips.\n" + SEE_HELP),
    Text(
        "no region",
        "--region Guiyang",
        "error: --region 'Guiyang' is not of the form xx-yyyy-1; MaaS is offered in "
        "cn-southwest-2 and ap-southeast-1.\n" + SEE_HELP,
    ),
    Text(
        "no project id",
        "--project-id example",
        "error: --project-id 'example' is not 32 characters of 0-9a-z.\n" + SEE_HELP,
    ),
    Text(
        "unknown service type",
        "--service-type 5",
        "error: argument --service-type: unknown service type '5'; use preset (2), "
        "my-service (1), custom-endpoint (4) or all.\n" + SEE_HELP,
    ),
    Text(
        "service type 3",
        "--service-type 3",
        "error: argument --service-type: service type 3 is not accepted; "
        "use custom-endpoint (4).\n" + SEE_HELP,
    ),
    Text(
        "network as an address",
        "--ips 192.0.2.0/24",
        "error: argument --ips: '192.0.2.0/24' is not a single IPv4 or IPv6 address.\n" + SEE_HELP,
    ),
    Text(
        "missing file of API keys",
        "--api-keys @labels.txt",
        "error: cannot read 'labels.txt' of --api-keys: No such file or directory.\n" + SEE_HELP,
    ),
    Text(
        "long file of API keys",
        "--api-keys @labels.txt",
        "error: cannot read 'labels.txt' of --api-keys: the file is too long.\n" + SEE_HELP,
        files={"labels.txt": "k" * 1_048_577},
    ),
    Text(
        "empty file of API keys",
        "--api-keys @labels.txt",
        "error: the file 'labels.txt' of --api-keys has no API keys.\n" + SEE_HELP,
        files={"labels.txt": "\n"},
    ),
    Text(
        "quotes in a file of API keys",
        "--api-keys @labels.txt",
        "error: the API key '\"key-a\"' is in quotes; remove them.\n" + SEE_HELP,
        files={"labels.txt": '"key-a"\n'},
    ),
    Text(
        "API keys with a comma",
        "--api-keys key-a,key-b",
        "error: the API key 'key-a,key-b' has a comma or a quote; separate API keys by spaces.\n"
        + SEE_HELP,
    ),
    Text(
        "API key with a space at an end",
        "--api-keys 'key-a '",
        "error: the API key 'key-a ' has a character that cannot be printed, "
        "or a space at an end.\n" + SEE_HELP,
    ),
]

ACCESS = [
    Text("no credentials", "", "error: no credentials found.\n" + GIVE_KEYS, variables=NO_KEYS),
    Text(
        "no SK",
        "",
        "error: HW_ACCESS_KEY is set in the environment (HW_ACCESS_KEY, HW_SECRET_KEY), "
        "but HW_SECRET_KEY is not.\n" + GIVE_KEYS,
        variables={"HW_SECRET_KEY": None},
    ),
    Text(
        "no AK",
        "",
        "error: HUAWEICLOUD_SDK_SK is set in the environment "
        "(HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK), but HUAWEICLOUD_SDK_AK is not.\n" + GIVE_KEYS,
        variables={**NO_KEYS, "HUAWEICLOUD_SDK_SK": SK},
    ),
    Text(
        "odd SK",
        "",
        "error: HW_SECRET_KEY in the environment (HW_ACCESS_KEY, HW_SECRET_KEY) is not valid: "
        "it is shorter than 8 characters, or has a space, quote, semicolon, comma, control or "
        "non-ASCII character.\n" + GIVE_KEYS,
        variables={"HW_SECRET_KEY": "example"},
    ),
    Text(
        "missing credentials file",
        "--credentials-file credentials.csv",
        "error: cannot read the credentials file credentials.csv: No such file or directory.\n"
        + GIVE_KEYS,
    ),
    Text(
        "unknown credentials file",
        "--credentials-file notes.txt",
        "error: cannot recognize the format of the credentials file notes.txt; use "
        "credentials.csv of the console, AK and SK on two lines or as AK,SK, "
        "or NAME = VALUE lines.\n" + GIVE_KEYS,
        files={"notes.txt": "milk\nbread\nbutter\n"},
    ),
    Text(
        "odd project id",
        "",
        "error: the project id in the environment (HW_ACCESS_KEY, HW_SECRET_KEY) or in "
        "HW_PROJECT_ID is not 32 characters of 0-9a-z.\n" + GIVE_PROJECT,
        variables={"HW_PROJECT_ID": "example"},
    ),
    Text(
        "refused keys",
        "",
        "error: project look-up: HTTP 401: ak not exist "
        "(error code APIGW.0301, request id req-0001).\n"
        "hint: Check AK and SK, the token of temporary keys, the clock of this machine (at most "
        "15 minutes off), and that the AK belongs to the site of cn-southwest-2. The keys come "
        "from the environment (HW_ACCESS_KEY, HW_SECRET_KEY). More tries with wrong keys may "
        "lock the AK for five minutes.\n",
        cloud=on("iam", refusal(401, "APIGW.0301", "ak not exist")),
    ),
    Text(
        "refused keys of a file",
        "--credentials-file keys.txt --region ap-southeast-1",
        "error: project look-up: HTTP 401: ak not exist "
        "(error code APIGW.0301, request id req-0001).\n"
        "hint: Check AK and SK, the token of temporary keys, the clock of this machine (at most "
        "15 minutes off), and that the AK belongs to the site of ap-southeast-1. The keys come "
        "from the credentials file keys.txt. More tries with wrong keys may "
        "lock the AK for five minutes.\n",
        files={"keys.txt": KEYS_FILE},
        cloud=on("iam", refusal(401, "APIGW.0301", "ak not exist")),
    ),
    Text(
        "no permission",
        "",
        "error: show-statistics: HTTP 403: no permission "
        "(error code TEST.0403, request id req-0001).\n"
        "hint: Grant the user the policy ModelArts CommonOperations in the project of the region. "
        "Region: cn-southwest-2; project: 0123456789abcdef0123456789abcdef.\n",
        cloud=with_state(may_read_statistics=False),
    ),
    Text(
        "no permission to look up the project",
        "",
        "error: project look-up: HTTP 403: You are not authorized "
        "(error code 403, request id req-0001).\n" + GIVE_PROJECT,
        cloud=with_state(may_list_projects=False, may_list_own_projects=False),
    ),
    Text(
        "no project",
        "",
        "error: IAM lists 0 projects named cn-southwest-2; exactly one is needed.\n" + GIVE_PROJECT,
        cloud=with_state(projects=[]),
    ),
]

ANSWERS = [
    Text(
        "400",
        "",
        "error: show-statistics: HTTP 400: the time range is too long "
        "(error code TEST.0400, request id req-0001).\n" + ASK_FOR_LESS,
        cloud=with_state(longest_days=1),
    ),
    Text(
        "404",
        "",
        "error: show-statistics: HTTP 404: The API does not exist "
        "(error code TEST.0404, request id req-0001).\n" + CHECK_REGION,
        cloud=on("modelarts", NO_SUCH_CALL),
    ),
    Text(
        "404 that is not JSON",
        "",
        "error: show-statistics: HTTP 404: the answer gives no reason.\n" + CHECK_FIREWALL,
        cloud=on("modelarts", Answer(404, HTML)),
    ),
    Text(
        "200 that is not JSON",
        "",
        "error: show-statistics: the answer is not JSON.\n" + CHECK_FIREWALL,
        cloud=on("modelarts", NOT_JSON),
    ),
    Text(
        "redirect",
        "",
        "error: show-statistics: HTTP 302: a redirect to https://example.com/, "
        "which is not followed.\n" + CHECK_FIREWALL,
        cloud=on("modelarts", Answer(302, "", {"Location": "https://example.com/"})),
    ),
    Text(
        "redirect without a place",
        "",
        "error: show-statistics: HTTP 302: a redirect to an unknown place, "
        "which is not followed.\n" + CHECK_REGION,
        cloud=on("modelarts", Answer(302, {})),
    ),
    Text(
        "answer that is not compressed",
        "",
        "error: the answer of modelarts.cn-southwest-2.myhuaweicloud.com cannot be "
        "decompressed.\n" + CHECK_REGION,
        cloud=on("modelarts", Answer(200, "{}", {"Content-Encoding": "gzip"})),
    ),
    Text(
        "error with status 200",
        "",
        "error: show-statistics: the answer has none of the known figures; "
        "it says: TEST.1 quota used up (error code TEST.1).\n" + CHECK_REGION,
        cloud=on("modelarts", Answer(200, {"error_code": "TEST.1", "error_msg": "quota used up"})),
    ),
    Text(
        "text as a figure",
        "",
        "error: show-statistics: the value of total_tokens is not a valid figure.\n" + CHECK_REGION,
        cloud=on("modelarts", Answer(200, {"total_token": "7"})),
    ),
    Text(
        "half a request",
        "",
        "error: show-statistics: the value of total_requests is not a whole number.\n"
        + CHECK_REGION,
        cloud=on("modelarts", Answer(200, {"total_request_count": 1.5})),
    ),
    Text(
        "no list of projects",
        "",
        "error: project look-up: the answer is not a list of projects.\n" + CHECK_REGION,
        cloud=on("iam", Answer(200, {"projects": 7})),
    ),
    Text(
        "odd project id of IAM",
        "",
        "error: project look-up: the project id is not 32 characters of 0-9a-z.\n" + CHECK_REGION,
        cloud=with_state(projects=[{"name": "cn-southwest-2", "id": "../example"}]),
    ),
    Text(
        "error of IAM",
        "",
        "error: project look-up: HTTP 409: try another name "
        "(error code IAM.1, request id req-7).\n" + CHECK_REGION,
        cloud=on(
            "iam",
            Answer(
                409,
                {"error": {"code": "IAM.1", "message": "try another name", "request_id": "req-7"}},
            ),
        ),
    ),
    Text(
        "two lists of services",
        BY_SERVICE,
        "error: list-service-statistics: the answer has 2 lists; its fields are: "
        "total, services, models.\n" + USE_OTHER_ROWS,
        cloud=with_state(service_list_form="two lists"),
    ),
    Text(
        "no list of services",
        BY_SERVICE,
        "error: list-service-statistics: the answer has 0 lists; its fields are: none.\n"
        + USE_OTHER_ROWS,
        cloud=on("list-service-statistics", Answer(200, {})),
    ),
    Text(
        "service without a name",
        BY_SERVICE,
        "error: list-service-statistics: a row of the answer has no service_name "
        "that is a string.\n" + USE_OTHER_ROWS,
        cloud=on("list-service-statistics", Answer(200, {"items": [{"service_name": 7}]})),
    ),
    Text(
        "service without tokens",
        BY_SERVICE,
        "error: list-service-statistics: a row of the answer has no total_token; "
        "its fields are: service_name, tokens.\n" + USE_OTHER_ROWS,
        cloud=on(
            "list-service-statistics", Answer(200, {"items": [{"service_name": "a", "tokens": 7}]})
        ),
    ),
    Text(
        "services that do not fit the total",
        BY_SERVICE,
        "error: list-service-statistics: the services of type preset have 1500000 total tokens, "
        "but show-statistics counts 1500.\n" + USE_OTHER_ROWS,
        cloud=with_state(service_list_form="single tokens"),
    ),
    Text(
        "refused list of services",
        BY_SERVICE,
        "error: list-service-statistics: HTTP 400: the request is not valid "
        "(error code TEST.0400, request id req-0001).\n" + USE_OTHER_ROWS,
        cloud=with_state(service_list_form="refused"),
    ),
    Text(
        "more requests than a minute allows",
        "--from 2026-05-05 --to 2026-05-20 --by hour",
        "384 requests, at most 180 a minute: this takes about 2 minutes\n"
        "error: show-statistics: HTTP 400: no (error code TEST.1, request id req-0001).\n"
        + ASK_FOR_LESS,
        cloud=on("modelarts", refusal(400, "TEST.1", "no")),
    ),
]

NETWORK = [
    Text(
        "throttled for long",
        "",
        "error: show-statistics: HTTP 429: slow down. The service asks for a wait of 900 s "
        "(error code APIGW.0308, request id req-0001).\n" + WAIT,
        cloud=on("modelarts", refusal(429, "APIGW.0308", "slow down", "900")),
    ),
    Text(
        "throttled by something else",
        "",
        "error: show-statistics: HTTP 429: the answer gives no reason. "
        "The service asks for a wait of 900 s.\n" + WAIT,
        cloud=on("modelarts", Answer(429, HTML, {"Retry-After": "900"})),
    ),
    Text(
        "server error",
        "",
        "error: show-statistics: HTTP 501: the answer gives no reason.\n" + WAIT,
        cloud=on("modelarts", Answer(501, HTML)),
    ),
    Text(
        "dropped connection",
        "",
        "waiting 4 s before the next try: cannot reach "
        "modelarts.cn-southwest-2.myhuaweicloud.com: "
        "Remote end closed connection without response.\n"
        "waiting 8 s before the next try: cannot reach "
        "modelarts.cn-southwest-2.myhuaweicloud.com: "
        "Remote end closed connection without response.\n"
        "error: cannot reach modelarts.cn-southwest-2.myhuaweicloud.com: "
        "Remote end closed connection without response.\n" + CHECK_NETWORK,
        cloud=on("modelarts", drop),
    ),
    Text(
        "lost connection",
        "",
        "waiting 4 s before the next try: cannot reach "
        "iam.cn-southwest-2.myhuaweicloud.com: the connection was lost.\n"
        "waiting 8 s before the next try: cannot reach "
        "iam.cn-southwest-2.myhuaweicloud.com: the connection was lost.\n"
        "error: cannot reach iam.cn-southwest-2.myhuaweicloud.com: the connection was lost.\n"
        + CHECK_NETWORK,
        cloud=on("iam", CUT_SHORT),
    ),
    Text(
        "refusal of the proxy",
        "",
        "error: cannot reach iam.cn-southwest-2.myhuaweicloud.com: "
        "Tunnel connection failed: 407 Proxy Authentication Required.\n" + CHECK_SETTINGS,
        cloud=with_state(proxy_status=407),
    ),
    Text(
        "odd address of the proxy",
        "",
        "error: cannot reach iam.cn-southwest-2.myhuaweicloud.com: "
        "the address of the proxy cannot be used.\n" + CHECK_SETTINGS,
        variables={"HTTPS_PROXY": "nonsense://example.com"},
    ),
    Text(
        "expired certificate",
        "",
        "error: cannot reach iam.cn-southwest-2.myhuaweicloud.com: "
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired "
        "(_ssl.c:N) (CA certificates: ca.pem).\n" + CHECK_SETTINGS,
        variables={"REQUESTS_CA_BUNDLE": "ca.pem"},
        cloud=with_state(certificate="expired"),
    ),
    Text(
        "missing file of CA certificates",
        "",
        "error: cannot reach iam.cn-southwest-2.myhuaweicloud.com: Could not find a suitable TLS "
        "CA certificate bundle, invalid path: missing.pem.\n" + CHECK_SETTINGS,
        variables={"REQUESTS_CA_BUNDLE": "missing.pem"},
    ),
    Text(
        "file that an import opens",
        "",
        "error: cannot use a file of this machine: [Errno 13] Permission denied: 'tls.log'.\n"
        + CHECK_SETTINGS,
        patch=with_broken_import(
            SIGNER, PermissionError(errno.EACCES, "Permission denied", "tls.log")
        ),
    ),
]

THIS_MACHINE = [
    Text(
        "fault while credentials are read",
        "--credentials-file credentials.csv",
        "error: TypeError while credentials were read.\n" + REPORT_BUG,
        files={"credentials.csv": "a\nb\nc\n"},
        patch=lambda patch: patch.setattr(csv, "reader", raising(TypeError(SK))),
    ),
    Text(
        "package that cannot be imported",
        "",
        "error: a package cannot be imported: ImportError: libexample.so.3: no such file.\n"
        + INSTALL,
        patch=with_broken_import(SIGNER, ImportError("libexample.so.3: no such file")),
    ),
    Text(
        "zones that cannot be imported",
        "--timezone Asia/Shanghai",
        "error: a package cannot be imported: ModuleNotFoundError: no zones.\n" + INSTALL,
        patch=with_broken_import(ZONES, ModuleNotFoundError("no zones")),
    ),
    Text(
        "full disk",
        "",
        "error: the result cannot be written: No space left on device.\n"
        "hint: Free some space, or write to another place.\n",
        patch=lambda patch: patch.setattr(sys, "stdout", FullDisk()),
    ),
    Text(
        "fault while a request is sent",
        "",
        "error: LookupError while a request was sent.\n" + REPORT_BUG,
        patch=lambda patch: patch.setattr(requests.Session, "send", raising(LookupError(SK))),
    ),
]

ALL_NOTES = Text(
    "all notes, in their order",
    "--from 2026-04-01 --region cn-north-4 --credentials-file keys.txt",
    "note: The service keeps 30 days. Usage before 2026-04-22 12:00:00+00:00 is not included.\n"
    "note: The figures lag by one to two hours. The latest calls may be missing.\n"
    "note: Only preset services are counted. --service-type all includes the others.\n"
    "note: MaaS is not known to be offered in cn-north-4.\n"
    "note: Others can read the credentials file. To fix it: chmod 600 keys.txt\n"
    "note: No usage was found. Check the spelling of API keys and addresses, and other service "
    "types (--service-type all), and batch inference (--infer-type batch).\n",
    files={"keys.txt": KEYS_FILE},
    cloud=with_state(events=[]),
    patch=lambda _: Path("keys.txt").chmod(0o644),
)
UNUSED_API_KEYS = Text(
    "API keys without calls",
    QUIET + " --by api-key --api-keys key-a key-b ''",
    'note: No usage was found for the API keys key-b, "". Check the spelling of API keys and '
    "addresses, and other service types (--service-type all), and batch inference "
    "(--infer-type batch).\n",
)
UNUSED_ADDRESSES = Text(
    "addresses without calls",
    QUIET + " --by ip --ips 192.0.2.9 192.0.2.1",
    "note: No usage was found for the addresses 192.0.2.9. Check the spelling of API keys and "
    "addresses, and other service types (--service-type all), and batch inference "
    "(--infer-type batch).\n",
)
NO_BATCH_USAGE = Text(
    "no batch inference of any type",
    "--period yesterday --service-type all --infer-type batch",
    "note: No usage was found. Check the spelling of API keys and addresses.\n",
)
SUCCESS = [
    ALL_NOTES,
    NO_BATCH_USAGE,
    UNUSED_API_KEYS,
    UNUSED_ADDRESSES,
    Text(
        "wait",
        QUIET,
        "waiting 7 s before the next try: show-statistics: HTTP 429: slow down.\n",
        cloud=on("modelarts", refusal(429, "APIGW.0308", "slow down", "7"), times=1),
    ),
    Text("nothing to note", QUIET, ""),
]

INTERRUPT = [
    Text(
        "interrupt",
        "",
        "error: interrupted.\nhint: Run the command again.\n",
        cloud=on("iam", Answer(500)),
        patch=lambda patch: patch.setattr(Clock, "sleep", raising(KeyboardInterrupt())),
    ),
]

TEXTS_BY_EXIT_CODE = {
    2: WRONG_ARGUMENTS,
    3: ACCESS,
    4: ANSWERS,
    5: NETWORK,
    1: THIS_MACHINE,
    130: INTERRUPT,
    0: SUCCESS,
}
TEXTS = {}  # with their exit codes, by their names
for exit_code, texts in TEXTS_BY_EXIT_CODE.items():
    TEXTS.update({text.name: (text, exit_code) for text in texts})

BringAbout = Callable[..., Result]


@pytest.fixture
def bring_about(
    run: Run,
    cloud: FakeCloud,
    at: At,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> BringAbout:
    """Do the run of an entry, with more arguments."""

    def bring_about(text: Text, *more: str) -> Result:
        at(NOON)
        monkeypatch.chdir(tmp_path)
        Path("ca.pem").write_bytes(cloud.ca_file.read_bytes())
        for name, content in text.files.items():
            Path(name).write_text(content, encoding="utf-8")
            Path(name).chmod(0o600)
        cloud.events = [Event(ms("2026-05-21T12:00:00+00:00"), total=1500)]
        if text.cloud:
            text.cloud(cloud)
        with monkeypatch.context() as patch:
            if text.patch:
                text.patch(patch)
            return run(*shlex.split(text.command), *more, **text.variables)

    return bring_about


@pytest.mark.parametrize(("text", "code"), TEXTS.values(), ids=TEXTS)
def test_each_text_is_said_where_it_belongs(text: Text, code: int, bring_about: BringAbout) -> None:
    """All of stderr, and the exit code."""
    result = bring_about(text)

    assert same_everywhere(result.err) == text.stderr
    assert result.code == code


# --- No text is missing from the table ---

PROGRESS = "24 of 24 requests"
CHECK_LINES = """\
credentials  found  the environment (HW_ACCESS_KEY, HW_SECRET_KEY)
project      ok     0123456789abcdef0123456789abcdef
statistics   ok     1234 ms
"""
TESTED_ELSEWHERE = {  # parts of texts
    "another request has failed": "never shown: it ends a thread, and the other error is shown",
    " to UTC": "the zone of a period, in test_formats",
    "Huawei Cloud MaaS usage, ": "the sentence of --format markdown, in test_formats",
    " services in ": "the same",
    ", only the ": "the same",
}


def strings_of(code: CodeType) -> Iterator[str]:
    """Yield the constant strings of a function, and of the functions in it."""
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from strings_of(constant)


def texts_of_the_program() -> Iterator[str]:
    """Yield what may be a text, or a part of one, for people: it has two words or more."""
    found: list[str] = []
    for item in gc.get_objects():
        if isinstance(item, FunctionType) and item.__code__.co_filename == script.__file__:
            found += [text for text in strings_of(item.__code__) if text != item.__doc__]
    for name, value in vars(script).items():
        if isinstance(value, str) and name != "__doc__":
            found.append(value)
        elif isinstance(value, script.Kind):
            found += re.split("{[a-z_]+}", value.hint)
    for text in found:
        if re.search("[A-Za-z]{2}.* .*[A-Za-z]{2}", text):
            yield text


def test_the_table_has_each_text_of_the_program() -> None:
    """A new message needs an entry. Spaces do not count, because --help is wrapped."""
    expected = "".join([HELP, PROGRESS, CHECK_LINES, *(text.stderr for text, _ in TEXTS.values())])
    known = "".join(expected.split())

    texts = set(texts_of_the_program())

    missing = {text for text in texts if "".join(text.split()) not in known}
    assert missing == set(TESTED_ELSEWHERE)
    assert len(texts) > 100


# --- Errors in JSON ---

FIELDS = ("kind", "http_status", "error_code", "request_id", "retryable")
IN_JSON = {  # by the name of an entry
    "unknown period": ("usage", None, None, None, False),
    "no credentials": ("credentials", None, None, None, False),
    "refused keys": ("credentials", 401, "APIGW.0301", "req-0001", False),
    "no project": ("credentials", None, None, None, False),
    "no permission": ("permission", 403, "TEST.0403", "req-0001", False),
    "no permission to look up the project": ("permission", 403, "403", "req-0001", False),
    "400": ("service", 400, "TEST.0400", "req-0001", False),
    "404": ("service", 404, "TEST.0404", "req-0001", False),
    "200 that is not JSON": ("service", None, None, None, False),
    "error with status 200": ("service", None, "TEST.1", None, False),
    "error of IAM": ("service", 409, "IAM.1", "req-7", False),
    "refused list of services": ("service", 400, "TEST.0400", "req-0001", False),
    "throttled for long": ("network", 429, "APIGW.0308", "req-0001", True),
    "server error": ("network", 501, None, None, True),
    "dropped connection": ("network", None, None, None, True),
    "expired certificate": ("network", None, None, None, False),
    "package that cannot be imported": ("internal", None, None, None, False),
    "full disk": ("internal", None, None, None, False),
    "fault while a request is sent": ("internal", None, None, None, False),
    "interrupt": ("internal", None, None, None, True),
}


@pytest.mark.parametrize(("name", "values"), IN_JSON.items(), ids=IN_JSON)
def test_an_error_in_json_has_its_kind_and_what_the_service_said(
    name: str, values: tuple[Any, ...], bring_about: BringAbout
) -> None:
    """With the exit code that it has as text."""
    text, code = TEXTS[name]
    result = bring_about(text, "--format", "json")

    assert tuple(result.error[field] for field in FIELDS) == values
    assert result.code == code


def test_an_error_in_json_is_one_object_on_the_only_line(bring_about: BringAbout) -> None:
    """The message is without code and request id, which have fields of their own."""
    text, _ = TEXTS["400"]
    result = bring_about(text, "--format", "json")

    assert result.err == (
        '{"error": {"kind": "service", '
        '"message": "show-statistics: HTTP 400: the time range is too long.", '
        '"hint": "Try a shorter period, such as --period 29d, or one service type at a time. '
        'Both limits are not known for certain.", '
        '"http_status": 400, "error_code": "TEST.0400", "request_id": "req-0001", '
        '"retryable": false}}\n'
    )


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(400, "service", 4), (401, "credentials", 3), (403, "permission", 3), (418, "service", 4)],
)
def test_a_refusal_that_is_not_json_points_to_proxy_and_firewall(
    status: int, kind: str, code: int, cloud: FakeCloud, run: Run
) -> None:
    """Kind and exit code stay those of the status."""
    cloud.on("modelarts", Answer(status, HTML))

    result = run("--format", "json")

    assert f"hint: {result.error['hint']}\n" == CHECK_FIREWALL
    assert result.error["kind"] == kind
    assert result.code == code


@pytest.mark.parametrize("status", [402, 405, 409, 422, 499])
def test_the_advice_for_400_is_not_given_for_another_status(
    status: int, cloud: FakeCloud, run: Run
) -> None:
    """A shorter period would not help."""
    cloud.on("modelarts", refusal(status, "TEST.1", "no"))

    result = run()

    assert f"hint: {result.error['hint']}\n" == CHECK_REGION
    assert result.code == 4


# --- Errors that nobody expected ---


def test_a_bug_prints_its_own_traceback_without_secrets(
    run: Run, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the error and the hint. An exception behind it is not shown."""

    def break_down(_: object) -> None:
        try:
            json.loads("the exception behind it")
        except ValueError as error:
            message = f"no figures for {SK}"
            raise LookupError(message) from error

    monkeypatch.setattr(script, "read_total", break_down)
    result = run()

    lines = result.err.splitlines()
    assert result.code == 1
    assert lines[0] == "Traceback (most recent call last):"
    assert result.err.count("Traceback") == 1
    assert "JSONDecodeError" not in result.err
    assert any("in break_down" in line for line in lines)
    assert lines[-3] == "LookupError: no figures for ***"
    assert "\n".join(lines[-2:]) == (
        "error: unexpected LookupError.\n"
        "hint: This is a bug. Report it with the command and the lines above."
    )


def test_a_bug_with_json_ends_with_the_error_in_json(
    run: Run, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the traceback."""
    monkeypatch.setattr(script, "read_total", raising(LookupError("no figures")))
    result = run("--format", "json")

    assert result.code == 1
    assert result.error["kind"] == "internal"
    assert result.error["message"] == "unexpected LookupError."
    assert result.error["retryable"] is False


# --- Notes ---


@pytest.mark.parametrize("output", ["markdown", "csv"])
def test_notes_go_to_stderr(output: str, bring_about: BringAbout) -> None:
    """Programs and people read the result without them."""
    result = bring_about(ALL_NOTES, "--format", output)

    assert result.err == ALL_NOTES.stderr
    assert "note" not in result.out


def test_notes_are_in_the_json_document_and_nowhere_else(bring_about: BringAbout) -> None:
    """As a list of the same sentences."""
    result = bring_about(ALL_NOTES, "--format", "json")

    sentences = ALL_NOTES.stderr.replace("note: ", "").splitlines()
    assert result.document["notes"] == sentences
    assert result.err == ""


@pytest.mark.parametrize("text", [UNUSED_API_KEYS, UNUSED_ADDRESSES], ids=["API keys", "addresses"])
@pytest.mark.parametrize("output", ["table", "markdown", "json", "csv"])
def test_rows_of_zeros_are_noted_in_each_format(
    output: str, text: Text, bring_about: BringAbout
) -> None:
    """A value may be mistyped."""
    result = bring_about(text, "--format", output)

    assert [f"note: {note}\n" for note in result.notes] == [text.stderr]


def test_raw_answers_come_with_the_notes_that_need_no_figures(bring_about: BringAbout) -> None:
    """Raw answers are not judged."""
    result = bring_about(ALL_NOTES, "--raw")

    assert result.err == ALL_NOTES.stderr.partition("note: No usage")[0]


# --- Results that are texts ---


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_the_text_in_its_file(option: str, run: Run) -> None:
    """Word by word. help.txt is what a terminal shows."""
    result = run(option)

    assert result.out == HELP
    assert result.err == ""


def test_version_is_one_line(run: Run) -> None:
    """The name of the program and its version."""
    assert run("--version").out == "maas_rest_usage_stats.py 1.0.0\n"


def test_check_says_three_lines_with_the_milliseconds_of_the_statistics(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Here the cloud takes 1.2344 seconds. Other requests do not count."""
    cloud.on("iam", lambda _: clock.sleep(5))
    cloud.on("show-statistics", lambda _: clock.sleep(1.2344))

    result = run("--check")

    assert result.out == CHECK_LINES
    assert result.err == ""


def test_check_names_the_credentials_file(bring_about: BringAbout) -> None:
    """As the source of the keys, without a note, though others can read it."""
    result = bring_about(ALL_NOTES, "--check")

    assert result.out.splitlines()[0] == "credentials  found  the credentials file keys.txt"
    assert result.err == ""


def test_a_terminal_shows_how_many_requests_are_done(
    run: Run, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one line, which is erased at the end."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    result = run("--period", "yesterday", "--by", "hour", "--format", "json")

    assert result.err.endswith(f"\r{PROGRESS}\r{' ' * 17}\r")
