"""Every text that the program says: errors, hints, notes, announcements, --help and --check.

TEXTS is the table of them. Each entry is a run and all that it writes to stderr. A text that the
program holds and no entry expects is an error, too. The words of argparse are its own. The texts
of the sandbox are at the end.

All runs are at noon (UTC) of 22 May 2026. One call was made on the day before. Files have names
that could be keys, and where a message has a time, the zone of the run is not UTC.
"""

from __future__ import annotations

import csv
import errno
import gc
import io
import json
import os
import re
import shlex
import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any, Callable, Iterator, Mapping, NamedTuple

import pytest
import sandbox
from cloud import (
    AK,
    CUT_SHORT,
    NO_SUCH_CALL,
    NOT_JSON,
    PROJECT_IDS,
    SK,
    TOKEN,
    Answer,
    Event,
    FakeCloud,
    drop,
    refusal,
)
from conftest import SANDBOX, At, Clock, Result, Run, Start, ms
from requests.adapters import HTTPAdapter

import maas_rest_usage_stats as script

NOON = "2026-05-22T12:00:00+00:00"
HELP = Path(__file__).with_name("help.txt").read_text(encoding="utf-8")


class Text(NamedTuple):
    """What a run says on stderr, and what brings it about."""

    name: str
    stderr: str
    command: str = ""  # the arguments, written as in a shell
    variables: Mapping[str, str | None] = {}
    files: Mapping[str, str] = {}  # in the current folder
    cloud: Callable[[FakeCloud], object] | None = None
    patch: Callable[[pytest.MonkeyPatch], object] | None = None


def same_everywhere(stderr: str) -> str:
    """Return what a run says without what depends on the version of OpenSSL or Python."""
    stderr = re.sub(r"\[X509[^(]*", "[X509] no certificate ", stderr)
    return re.sub(r"\(_ssl\.c:\d+\)", "(_ssl.c:N)", stderr)


# --- What brings the texts about ---

# The name of a file, and how messages show it, because it could be a key.
NAME = "EXAMPLE0NAME0LIKE0A0KEY.txt"
SHOWN = "EXAM...0KEY.txt"

QUIET = "--period yesterday --service-type preset"  # a run without notes
BY_SERVICE = f"{QUIET} --by service"
NO_KEYS = dict.fromkeys(("HW_ACCESS_KEY", "HW_SECRET_KEY"))
KEYS_FILE = f"{AK}\n{SK}\n"
SIGNER = "huaweicloudsdkcore.signer.signer"
ZONES = "zoneinfo" if sys.version_info >= (3, 9) else "backports.zoneinfo"
IAM_ERROR = {"error": {"code": "IAM.1", "message": "try another name", "request_id": "req-7"}}
HTML = "<html>a page of a firewall</html>"
REGION = "cn-southwest-2"
IAM_HOST = "iam.cn-southwest-2.myhuaweicloud.com"
FIGURES = ["total_token", "total_prompt_token", "total_completion_token", "total_request_count"]
REFUSED = f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}"
HOST = "modelarts.cn-southwest-2.myhuaweicloud.com"


def on(where: str, reaction: Any, times: int | None = None) -> Callable[[FakeCloud], object]:
    """Let the cloud react."""
    return lambda cloud: cloud.on(where, reaction, times)


def on_statistics(answer: Any) -> Callable[[FakeCloud], object]:
    """Let the cloud give an answer, of status 200, to a request for statistics."""
    return on("show-statistics", Answer(200, answer))


def on_services(answer: Any) -> Callable[[FakeCloud], object]:
    """Let the cloud give an answer, of status 200, to a request for the list of services."""
    return on("list-service-statistics", Answer(200, answer))


def on_second_lookup(reaction: Any) -> Callable[[FakeCloud], object]:
    """Refuse the first look-up of the project, and let the cloud react to the second."""

    def prepare(cloud: FakeCloud) -> None:
        cloud.may_list_projects = False
        cloud.on("/v3/auth/projects", reaction)

    return prepare


def with_state(**attributes: Any) -> Callable[[FakeCloud], object]:
    """Set attributes of the cloud."""
    return lambda cloud: vars(cloud).update(attributes)


def with_projects(*ids: str) -> Callable[[FakeCloud], object]:
    """Let IAM know projects with these ids, all named like the region."""
    return with_state(projects=[{"name": REGION, "id": project_id} for project_id in ids])


def with_expired_certificate(cloud: FakeCloud) -> None:
    """Let the certificates of the cloud be expired, and copy those to trust to a file."""
    cloud.certificate = "expired"
    Path(NAME).write_bytes(cloud.ca_file.read_bytes())


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


class FullDisk(io.RawIOBase):
    """A stream that cannot be written to."""

    def writable(self) -> bool:
        """It is open."""
        return True

    def write(self, _: object) -> int | None:
        """Fail."""
        raise OSError(errno.ENOSPC, "No space left on device")


class FullPipe(FullDisk):
    """A stream that does not block and takes no more."""

    def write(self, _: object) -> int | None:
        """Take nothing."""
        return None


def with_stdout(stream: Any) -> Callable[[pytest.MonkeyPatch], object]:
    """Let the result go to a stream without a buffer, as with PYTHONUNBUFFERED."""
    return lambda patch: patch.setattr(sys, "stdout", io.TextIOWrapper(stream))


def announced(reason: str, *waits: int) -> str:
    """Return the announcements of waits, all for the same reason."""
    return "".join(f"waiting {wait} s before the next try: {reason}\n" for wait in waits)


def wrong(command: str, message: str, **more: Any) -> Text:
    """Return the entry of a usage error, which has no hint."""
    return Text(command or "variable", f"error: {message}.\n", command=command, **more)


# --- Hints ---

INSTALL = (
    "hint: In the folder of the script, run: python3 -m venv .venv, then "
    ".venv/bin/python -m pip install -r requirements.txt "
    "(on Windows .venv\\Scripts\\python). Run the script with that python. "
    "Or install uv, and run: uv run maas_rest_usage_stats.py\n"
)
REPORT_BUG = "hint: This is a bug. Report it with the command and all that it printed.\n"
FREE_SPACE = "hint: Free some space, or write to a file or an ordinary pipe.\n"
GIVE_KEYS = (
    "hint: Use --credentials-file FILE, such as the console's credentials.csv. Or set "
    "HW_ACCESS_KEY and HW_SECRET_KEY, or HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK. Or write "
    "ak = AK and sk = SK into ~/.huaweicloud/credentials.\n"
)
REMOVE_QUOTES = "hint: Remove quotes, spaces and line breaks, and check that the value is whole.\n"
GIVE_PROJECT = (
    "hint: Use --project-id ID, or set HW_PROJECT_ID. The console shows the id under "
    "My Credentials. Only cn-southwest-2 and ap-southeast-1 offer MaaS.\n"
)
ASK_FOR_LESS = (
    "hint: Try a shorter period, such as --period 29d, or one service type at a time. "
    "It is not known for certain which limits the service has.\n"
)
CHECK_REGION = "hint: Check --region and --project-id. If they are right, report the message.\n"
LOOK_FOR_NEWER = "hint: The service may have changed. Look for a newer version of this program.\n"
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
    wrong("--perod 7d", "unrecognized arguments: --perod 7d; see --help"),
    wrong(
        "--period 2w",
        "unknown period '2w'; use today, yesterday, this-week, last-week, this-month, last-month; "
        "last-1-days to last-29-days (whole days up to yesterday); 1d to 30d or 1h to 720h "
        "(up to now)",
    ),
    wrong(
        "--from 22.05.2026",
        "--from '22.05.2026' is not a date or time; use YYYY-MM-DD or "
        "YYYY-MM-DDTHH:MM[:SS][+HH:MM]",
    ),
    wrong(
        "--from 2026-05-23 --timezone Asia/Shanghai",
        "the period begins now or later; now is 2026-05-22 20:00:00+08:00",
    ),
    wrong(
        "--from 2026-05-20 --to 2026-05-19",
        "the period is empty: its end is not after its start",
    ),
    wrong(
        "--from 2026-04-01 --to 2026-04-20 --timezone Pacific/Kiritimati",
        "the period ended before 2026-04-23 02:00:00+14:00, and older usage is not kept; "
        "the earliest whole day that is available is 2026-04-24",
    ),
    wrong(
        "--timezone Asia/Shangai",
        "unknown time zone 'Asia/Shangai' in --timezone; use an IANA name, such as Asia/Shanghai "
        "or UTC (where no name is known, install the package tzdata)",
    ),
    wrong(
        "",
        "unknown time zone 'Asia/Shangai' in TZ; use an IANA name, such as Asia/Shanghai "
        "or UTC (where no name is known, install the package tzdata)",
        variables={"TZ": "Asia/Shangai"},
    ),
    wrong("--period=--", "an option cannot have the value --"),
    wrong("--to 2026-05-20", "--to needs --from"),
    wrong("--period 7d --from 2026-05-20", "--period cannot be used with --from or --to"),
    wrong("--by service --infer-type batch", "--by service cannot be used with --infer-type batch"),
    wrong("--by api-key", "--by api-key needs --api-keys"),
    wrong("--by ip", "--by ip needs --ips"),
    wrong(
        "--region Guiyang",
        "--region 'Guiyang' is not of the form xx-yyyy-1; "
        "cn-southwest-2 and ap-southeast-1 offer MaaS",
    ),
    wrong(
        "--project-id EXAMPLE0ID0LIKE0A0KEY",
        "--project-id 'EXAM...0KEY' is not 32 characters of 0-9 and a-z",
    ),
    wrong(
        "--service-type 5",
        "unknown service type '5'; use preset (2), my-service (1), custom-endpoint (4) or all",
    ),
    wrong("--service-type 3", "service type 3 is not accepted; use custom-endpoint (4)"),
    wrong("--ips 192.0.2.0/24", "--ips '192.0.2.0/24' is not a single IPv4 or IPv6 address"),
    wrong(
        f"--api-keys @missing/{NAME}",
        f"cannot read the file 'missing/{SHOWN}' of --api-keys: No such file or directory",
    ),
    wrong(
        f"--api-keys @{NAME}",
        f"the file '{SHOWN}' of --api-keys has no API keys",
        files={NAME: "\n"},
    ),
    wrong(
        "--api-keys key-a,key-b",
        "the API key 'key-a,key-b' is not 1 to 128 characters of a-z, A-Z, 0-9, _ and -; "
        "separate API keys by spaces, or in a file by line breaks",
    ),
]

REFUSED_KEYS_OF_A_FILE = Text(
    "refused keys of a file",
    "error: show-statistics: HTTP 401: ak not exist "
    "(error code APIGW.0301, request id req-0001).\n"
    "hint: Check AK, SK, the token of temporary keys, and that the clock of this machine is "
    "at most 15 minutes off. The AK must belong to the site of ap-southeast-1. These keys "
    f"come from the credentials file {SHOWN}. "
    "More tries with wrong keys may lock the AK for five minutes.\n",
    command=f"--credentials-file {NAME} --region ap-southeast-1 --project-id {'0' * 32}",
    files={NAME: KEYS_FILE},
    cloud=on("modelarts", refusal(401, "APIGW.0301", "ak not exist")),
)
ACCESS = [
    Text("no credentials", "error: no credentials found.\n" + GIVE_KEYS, variables=NO_KEYS),
    Text(
        "no SK",
        "error: HW_ACCESS_KEY is set in the environment, but HW_SECRET_KEY is not.\n" + GIVE_KEYS,
        variables={"HW_SECRET_KEY": None},
    ),
    Text(
        "no AK in a file",
        f"error: HUAWEICLOUD_SDK_SK is set in the credentials file {SHOWN}, "
        "but HUAWEICLOUD_SDK_AK is not.\n" + GIVE_KEYS,
        command=f"--credentials-file {NAME}",
        files={NAME: f"HUAWEICLOUD_SDK_SK = {SK}\n"},
    ),
    Text(
        "short SK",
        "error: HW_SECRET_KEY in the environment is not valid: it is shorter than 16 characters, "
        "or has a space, quote, semicolon, comma, control or non-ASCII character.\n"
        + REMOVE_QUOTES,
        variables={"HW_SECRET_KEY": "example"},
    ),
    Text(
        "quoted SK in a file",
        f"error: sk in the credentials file {SHOWN} is not valid: it is shorter than 16 "
        "characters, or has a space, quote, semicolon, comma, control or non-ASCII character.\n"
        + REMOVE_QUOTES,
        command=f"--credentials-file {NAME}",
        files={NAME: f'{AK}\n"{SK}"\n'},
    ),
    Text(
        "missing credentials file",
        f"error: cannot read the credentials file {SHOWN}: No such file or directory.\n"
        + GIVE_KEYS,
        command=f"--credentials-file {NAME}",
    ),
    Text(
        "unknown credentials file",
        f"error: cannot recognize the format of the credentials file {SHOWN}; use "
        "credentials.csv of the console, AK and SK on two lines or as AK,SK, "
        "or NAME = VALUE lines.\n" + GIVE_KEYS,
        command=f"--credentials-file {NAME}",
        files={NAME: "milk\nbread\nbutter\n"},
    ),
    Text(
        "odd project id in a variable",
        "error: HW_PROJECT_ID is not 32 characters of 0-9 and a-z.\n" + GIVE_PROJECT,
        command=f"--credentials-file {NAME}",
        variables={"HW_PROJECT_ID": "example"},
        files={NAME: KEYS_FILE},
    ),
    Text(
        "odd project id in a file",
        f"error: project_id in the credentials file {SHOWN} is not 32 characters of "
        "0-9 and a-z.\n" + GIVE_PROJECT,
        command=f"--credentials-file {NAME}",
        files={NAME: f"ak = {AK}\nsk = {SK}\nproject_id = example\n"},
    ),
    Text(
        "refused keys",
        "error: project look-up: HTTP 401: ak not exist "
        "(error code APIGW.0301, request id req-0001).\n"
        "hint: Check AK, SK, the token of temporary keys, and that the clock of this machine is "
        "at most 15 minutes off. The AK must belong to the site of cn-southwest-2. These keys "
        "come from the environment (HW_ACCESS_KEY, HW_SECRET_KEY, HW_SECURITY_TOKEN). "
        "More tries with wrong keys may lock the AK for five minutes.\n",
        variables={"HW_SECURITY_TOKEN": TOKEN},
        cloud=on("iam", refusal(401, "APIGW.0301", "ak not exist")),
    ),
    REFUSED_KEYS_OF_A_FILE,
    Text(
        "project of another region",
        "error: show-statistics: HTTP 403: the project is not one of cn-southwest-2 "
        "(error code TEST.0403, request id req-0001).\n"
        "hint: Grant the user the policy ModelArts CommonOperations in the project of the region. "
        "Region: cn-southwest-2; project: apsoutheast100000000000000000000. "
        "If this project belongs to another region, give no project id: IAM finds the right one.\n",
        command=f"--project-id {PROJECT_IDS['ap-southeast-1']}",
    ),
    Text(
        "no permission to list projects",
        "error: project look-up: HTTP 403: You are not authorized "
        "(error code 403, request id req-0001).\n" + GIVE_PROJECT,
        cloud=with_state(may_list_projects=False, may_list_own_projects=False),
    ),
    Text(
        "no project",
        "error: IAM lists 0 projects named cn-southwest-2; exactly one is needed.\n" + GIVE_PROJECT,
        cloud=with_projects(),
    ),
    Text(
        "two projects",
        "error: IAM lists 2 projects named cn-southwest-2; exactly one is needed.\n" + GIVE_PROJECT,
        cloud=with_projects("a" * 32, "b" * 32),
    ),
]

ANSWERS = [
    Text(
        "400 of the statistics",
        "error: show-statistics: HTTP 400: the time range is too long "
        "(error code TEST.0400, request id req-0001).\n" + ASK_FOR_LESS,
        cloud=with_state(longest_days=1),
    ),
    Text(
        "404 of the statistics",
        "error: show-statistics: HTTP 404: The API does not exist "
        "(error code TEST.0404, request id req-0001).\n" + CHECK_REGION,
        cloud=on("modelarts", NO_SUCH_CALL),
    ),
    Text(
        "409 without a reason",
        "error: show-statistics: HTTP 409: the answer gives no reason.\n" + CHECK_REGION,
        cloud=on("modelarts", Answer(409, {})),
    ),
    Text(
        "400 of IAM",
        "error: project look-up: HTTP 400: try another name "
        "(error code IAM.1, request id req-7).\n" + GIVE_PROJECT,
        cloud=on("iam", Answer(400, IAM_ERROR)),
    ),
    Text(
        "404 of the second look-up",
        "error: project look-up: HTTP 404: The API does not exist "
        "(error code TEST.0404, request id req-0001).\n" + GIVE_PROJECT,
        cloud=on_second_lookup(NO_SUCH_CALL),
    ),
    Text(
        "400 of the list of services",
        "error: list-service-statistics: HTTP 400: the request is not valid "
        "(error code TEST.0400, request id req-0001).\n" + USE_OTHER_ROWS,
        command=BY_SERVICE,
        cloud=with_state(service_list_form="refused"),
    ),
    Text(
        "404 of the list of services",
        "error: list-service-statistics: HTTP 404: The API does not exist "
        "(error code TEST.0404, request id req-0001).\n" + USE_OTHER_ROWS,
        command=BY_SERVICE,
        cloud=on("list-service-statistics", NO_SUCH_CALL),
    ),
    *(
        Text(
            f"{status} that is not JSON",
            f"error: {operation}: HTTP {status}: the answer gives no reason.\n" + CHECK_FIREWALL,
            cloud=on(where, Answer(status, HTML)),
        )
        for status, where, operation in (
            (400, "modelarts", "show-statistics"),
            (401, "iam", "project look-up"),
            (403, "iam", "project look-up"),
        )
    ),
    Text(
        "403 of the second look-up that is not JSON",
        "error: project look-up: HTTP 403: the answer gives no reason.\n" + CHECK_FIREWALL,
        cloud=on_second_lookup(Answer(403, HTML)),
    ),
    Text(
        "redirect",
        "error: show-statistics: HTTP 302: a redirect to https://example.com/?session="
        "EXAM...0KEY, which is not followed.\n" + CHECK_FIREWALL,
        cloud=on(
            "modelarts",
            Answer(302, "", {"Location": "https://example.com/?session=EXAMPLE0WORD0LIKE0A0KEY"}),
        ),
    ),
    Text(
        "redirect to a target that cannot be parsed",
        "error: project look-up: HTTP 301: a redirect to https://[example.com, "
        "which is not followed.\n" + CHECK_FIREWALL,
        cloud=on("iam", Answer(301, HTML, {"Location": "https://[example.com"})),
    ),
    Text(
        "redirect in JSON without a target",
        "error: show-statistics: HTTP 307: a redirect to an unknown place, "
        "which is not followed.\n" + CHECK_FIREWALL,
        cloud=on("modelarts", Answer(307, {"message": "moved"})),
    ),
    Text(
        "200 that is not JSON",
        announced("show-statistics: the answer is not JSON", 4, 8)
        + "error: show-statistics: the answer is not JSON.\n"
        + CHECK_FIREWALL,
        cloud=on("modelarts", NOT_JSON),
    ),
    Text(
        "answer with two lengths",
        announced(f"the answer of {HOST} has headers that are not valid", 4, 8)
        + f"error: the answer of {HOST} has headers that are not valid.\n"
        + CHECK_FIREWALL,
        cloud=on("modelarts", Answer(200, "{}", {"Content-Length": "2, 3"})),
    ),
    Text(
        "error with status 200",
        "error: show-statistics: the answer is an error; it says: quota used up "
        "(error code TEST.1).\n" + CHECK_REGION,
        cloud=on_statistics({"error_code": "TEST.1", "error_msg": "quota used up"}),
    ),
    Text(
        "renamed figure",
        "error: show-statistics: total_token is missing; the fields are: "
        "total_tokens, total_request_count.\n" + LOOK_FOR_NEWER,
        cloud=on_statistics({"total_tokens": 7, "total_request_count": 1}),
    ),
    Text(
        "text as a figure",
        "error: show-statistics: the value of total_tokens is not valid.\n" + LOOK_FOR_NEWER,
        cloud=on_statistics({"total_token": "7"}),
    ),
    Text(
        "half a request",
        "error: show-statistics: the value of total_requests is not a whole number.\n"
        + LOOK_FOR_NEWER,
        cloud=on_statistics(dict.fromkeys(FIGURES, 1.5)),
    ),
    Text(
        "no list of projects",
        "error: project look-up: the answer is not a list of projects.\n" + GIVE_PROJECT,
        cloud=on("iam", Answer(200, {"projects": 7})),
    ),
    Text(
        "odd project id of IAM",
        "error: project look-up: the project id is not 32 characters of 0-9 and a-z.\n"
        + GIVE_PROJECT,
        cloud=with_projects("../example"),
    ),
    Text(
        "list of services that is an error",
        "error: list-service-statistics: the answer is an error (error code 7).\n" + USE_OTHER_ROWS,
        command=BY_SERVICE,
        cloud=on_services({"error_code": 7, "items": []}),
    ),
    Text(
        "two lists of services",
        "error: list-service-statistics: the answer has 2 lists; the fields are: "
        "total, services, models.\n" + USE_OTHER_ROWS,
        command=BY_SERVICE,
        cloud=with_state(service_list_form="two lists"),
    ),
    Text(
        "no list of services",
        "error: list-service-statistics: the answer has 0 lists; the fields are: none.\n"
        + USE_OTHER_ROWS,
        command=BY_SERVICE,
        cloud=on_services({}),
    ),
    Text(
        "service without a name",
        "error: list-service-statistics: a service has no service_name "
        "that is a string.\n" + USE_OTHER_ROWS,
        command=BY_SERVICE,
        cloud=on_services({"items": [{"service_name": 7}]}),
    ),
    Text(
        "service without tokens",
        "error: list-service-statistics: total_token is missing; "
        "the fields are: service_name, tokens.\n" + USE_OTHER_ROWS,
        command=BY_SERVICE,
        cloud=on_services({"items": [{"service_name": "a", "tokens": 7}]}),
    ),
    Text(
        "services that do not fit the total",
        "error: list-service-statistics: the services of type preset have 1500000 total tokens, "
        "but show-statistics counts 1500.\n" + USE_OTHER_ROWS,
        command=BY_SERVICE,
        cloud=with_state(service_list_form="single tokens"),
    ),
    Text(
        "rows that exceed the total",
        "error: show-statistics: the rows have 4 requests, but without the filter there are "
        "only 1.\n"
        "hint: Two of the values may mean the same, such as an API key and its label: remove "
        "one. Otherwise the service does not understand this filter: leave out --by, --api-keys "
        "and --ips.\n",
        command=f"{QUIET} --by api-key --api-keys key-a key-b key-c key-d",
        cloud=with_state(ignores_filters=True),
    ),
    Text(
        "a little more requests than a minute allows",
        "192 requests, at most 180 a minute: this takes about 1 minute\n"
        "error: show-statistics: HTTP 400: no (error code TEST.1, request id req-0001).\n"
        + ASK_FOR_LESS,
        command="--from 2026-05-13 --to 2026-05-20 --by hour",
        cloud=on("modelarts", refusal(400, "TEST.1", "no")),
    ),
    Text(
        "more requests than two minutes allow",
        "384 requests, at most 180 a minute: this takes about 2 minutes\n"
        "error: show-statistics: HTTP 400: no (error code TEST.1, request id req-0001).\n"
        + ASK_FOR_LESS,
        command="--from 2026-05-05 --to 2026-05-20 --by hour",
        cloud=on("modelarts", refusal(400, "TEST.1", "no")),
    ),
]

NETWORK = [
    Text(
        "throttled for good",
        announced("show-statistics: HTTP 429: slow down", 4, 8, 16, 32)
        + "error: show-statistics: HTTP 429: slow down "
        "(error code APIGW.0308, request id req-0001).\n" + WAIT,
        cloud=on("modelarts", refusal(429, "APIGW.0308", "slow down")),
    ),
    Text(
        "throttled for long, by something else",
        "error: show-statistics: HTTP 429: the answer gives no reason; "
        "it asks for a wait of 900 s.\n" + WAIT,
        cloud=on("modelarts", Answer(429, HTML, {"Retry-After": "900"})),
    ),
    Text(
        "server error",
        "error: show-statistics: HTTP 501: the answer gives no reason.\n" + WAIT,
        cloud=on("modelarts", Answer(501, HTML)),
    ),
    Text(
        "dropped connection",
        announced(f"cannot reach {HOST}: Remote end closed connection without response", 4, 8)
        + f"error: cannot reach {HOST}: Remote end closed connection without response.\n"
        + CHECK_NETWORK,
        cloud=on("modelarts", drop),
    ),
    Text(
        "connection lost in the second look-up",
        announced(f"cannot reach {IAM_HOST}: the connection was lost", 4, 8)
        + f"error: cannot reach {IAM_HOST}: the connection was lost.\n"
        + CHECK_NETWORK,
        cloud=on_second_lookup(CUT_SHORT),
    ),
    Text(
        "proxy that does not find the host",
        announced(f"cannot reach {IAM_HOST}: Tunnel connection failed: 502 Bad Gateway", 4, 8)
        + f"error: cannot reach {IAM_HOST}: Tunnel connection failed: 502 Bad Gateway.\n"
        + CHECK_NETWORK,
        cloud=with_state(proxy_status=502),
    ),
    Text(
        "proxy that cannot be reached",
        announced(f"cannot reach the proxy: {REFUSED}", 4, 8)
        + f"error: cannot reach the proxy: {REFUSED}.\n"
        + CHECK_NETWORK,
        variables={"HTTPS_PROXY": "http://user:example@127.0.0.1:1"},
    ),
]

THIS_MACHINE = [
    Text(
        "proxy that asks for a password",
        f"error: cannot reach {IAM_HOST}: "
        "Tunnel connection failed: 407 Proxy Authentication Required.\n"
        "hint: Put user and password into the address of the proxy: "
        "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT. "
        "More tries with a wrong password may lock that account.\n",
        cloud=with_state(proxy_password="user:example"),
    ),
    Text(
        "proxy that forbids the host",
        f"error: cannot reach {IAM_HOST}: Tunnel connection failed: 403 Forbidden.\n"
        + CHECK_SETTINGS,
        cloud=with_state(proxy_status=403),
    ),
    Text(
        "address of a proxy that cannot be used",
        "error: the address of the proxy cannot be used; its form is http://HOST:PORT "
        "(a SOCKS proxy needs the package PySocks).\n" + CHECK_SETTINGS,
        variables={"HTTPS_PROXY": "nonsense://user:example@example.com"},
    ),
    Text(
        "expired certificate",
        f"error: cannot reach {IAM_HOST}: "
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired "
        f"(_ssl.c:N) (CA certificates: {SHOWN}).\n" + CHECK_SETTINGS,
        variables={"REQUESTS_CA_BUNDLE": NAME},
        cloud=with_expired_certificate,
    ),
    Text(
        "missing file of CA certificates",
        f"error: cannot reach {IAM_HOST}: Could not find a suitable TLS "
        f"CA certificate bundle, invalid path: {SHOWN}.\n" + CHECK_SETTINGS,
        variables={"REQUESTS_CA_BUNDLE": NAME},
    ),
    Text(
        "file of CA certificates without any",
        f"error: cannot reach {IAM_HOST}: [X509] no certificate (_ssl.c:N) "
        f"(CA certificates: {SHOWN}).\n" + CHECK_SETTINGS,
        variables={"REQUESTS_CA_BUNDLE": NAME},
        files={NAME: "no certificates\n"},
    ),
    Text(
        "key log in a missing folder",
        f"error: cannot reach {IAM_HOST}: [Errno 2] No such file or directory: "
        f"'missing/{SHOWN}'.\n" + CHECK_SETTINGS,
        variables={"SSLKEYLOGFILE": f"missing/{NAME}"},
    ),
    Text(
        "file that an import opens",
        "error: cannot use a file of this machine: [Errno 13] Permission denied: "
        f"'{SHOWN}'.\n" + CHECK_SETTINGS,
        patch=with_broken_import(SIGNER, PermissionError(errno.EACCES, "Permission denied", NAME)),
    ),
    Text(
        "package that cannot be imported",
        "error: a package cannot be imported: ImportError: libexample.so.3: no such file.\n"
        + INSTALL,
        patch=with_broken_import(SIGNER, ImportError("libexample.so.3: no such file")),
    ),
    Text(
        "zones that cannot be imported",
        "error: a package cannot be imported: ModuleNotFoundError: no zones.\n" + INSTALL,
        command="--timezone Asia/Shanghai",
        patch=with_broken_import(ZONES, ModuleNotFoundError("no zones")),
    ),
    Text(
        "full disk",
        "error: the result cannot be written: No space left on device.\n" + FREE_SPACE,
        patch=with_stdout(FullDisk()),
    ),
    Text(
        "full pipe that does not block",
        f"error: the result cannot be written: {os.strerror(errno.EAGAIN)}.\n" + FREE_SPACE,
        patch=with_stdout(FullPipe()),
    ),
    Text(
        "closed stdout",
        "error: stdout is closed.\n" + FREE_SPACE,
        patch=lambda patch: patch.setattr(sys, "stdout", None),
    ),
    Text(
        "fault while credentials are read, without a traceback",
        "error: TypeError while credentials were read.\n" + REPORT_BUG,
        command=f"--credentials-file {NAME}",
        files={NAME: "a\nb\nc\n"},
        patch=lambda patch: patch.setattr(csv, "reader", raising(TypeError(SK))),
    ),
    Text(
        "fault while a request is sent, without a traceback",
        "error: LookupError while a request was sent.\n" + REPORT_BUG,
        patch=lambda patch: patch.setattr(HTTPAdapter, "send", raising(LookupError(SK))),
    ),
]

ALL_NOTES = Text(
    "all notes, in their order",
    "note: The service keeps 30 days. Usage before 2026-04-22 20:00:00+08:00 is not included.\n"
    "note: The figures lag by one to two hours. The latest calls may be missing.\n"
    "note: Only preset services are counted. --service-type all includes the others.\n"
    "note: --by service is experimental. The name of a preset service stands for its model; "
    "other names are your own.\n"
    "note: No usage was found. Check other service types (--service-type all).\n",
    command="--from 2026-04-01 --timezone Asia/Shanghai --by service",
    cloud=with_state(events=[]),
)
UNUSED_API_KEYS = Text(
    "API keys without calls",
    'note: No usage was found for the API keys key-b, "", exam...0000. Check the spelling of the '
    "API keys, other service types (--service-type all), batch inference (--infer-type batch).\n",
    command=QUIET + " --by api-key --api-keys key-a key-b '' example-key-of-32-characters-0000",
)
SUCCESS = [
    Text("nothing to note", "", command=QUIET),
    ALL_NOTES,
    UNUSED_API_KEYS,
    Text(
        "addresses without calls",
        "note: No usage was found for the addresses 192.0.2.9. Check the spelling of the "
        "addresses, batch inference (--infer-type batch).\n",
        command="--period yesterday --service-type all --by ip --ips 192.0.2.9 192.0.2.1",
    ),
    Text(
        "no usage for filters",
        "note: No usage was found. Check the spelling of the API keys, the spelling of the "
        "addresses, other service types (--service-type all), batch inference "
        "(--infer-type batch).\n",
        command="--period yesterday --service-type 4 --api-keys key-a --ips 192.0.2.1",
    ),
    Text(
        "no batch inference of any type",
        "note: No usage was found. Check real-time inference (--infer-type real_time).\n",
        command="--period yesterday --by service-type --infer-type batch",
    ),
    Text(
        "no usage of any service",
        "note: --by service is experimental. The name of a preset service stands for its model; "
        "other names are your own.\n"
        "note: No usage was found.\n",
        command="--period yesterday --service-type all --by service",
        cloud=with_state(events=[]),
    ),
    Text(
        "wait that the service asks for",
        announced("show-statistics: HTTP 429: slow down", 7),
        command=QUIET,
        cloud=on("modelarts", refusal(429, "APIGW.0308", "slow down", "7"), times=1),
    ),
]

INTERRUPT = [
    Text(
        "interrupt",
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
TEXTS = [(text, code) for code, texts in TEXTS_BY_EXIT_CODE.items() for text in texts]

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
        for name, content in text.files.items():
            Path(name).write_text(content, encoding="utf-8")
        cloud.events = [Event(ms("2026-05-21T12:00:00+00:00"), total=1500)]
        if text.cloud:
            text.cloud(cloud)
        with monkeypatch.context() as patch:
            if text.patch:
                text.patch(patch)
            return run(*shlex.split(text.command), *more, **text.variables)

    return bring_about


@pytest.mark.parametrize(("text", "code"), TEXTS, ids=[text.name for text, _ in TEXTS])
def test_each_text_is_said_where_it_belongs(text: Text, code: int, bring_about: BringAbout) -> None:
    """All of stderr, and the exit code."""
    result = bring_about(text)

    assert same_everywhere(result.err) == text.stderr
    assert result.code == code


# --- Errors that nobody expected ---


def test_a_bug_prints_its_own_traceback_without_secrets(
    run: Run, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the error and the hint. An exception behind it is not shown."""

    def break_down(*_: object) -> None:
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
        "hint: This is a bug. Report it with the command and all that it printed."
    )


# --- Notes ---


@pytest.mark.parametrize("output", ["markdown", "csv"])
def test_notes_go_to_stderr(output: str, bring_about: BringAbout) -> None:
    """Programs and people read the result without them."""
    result = bring_about(ALL_NOTES, "--format", output)

    assert result.err == ALL_NOTES.stderr
    assert "note" not in result.out


@pytest.mark.parametrize("text", [ALL_NOTES, UNUSED_API_KEYS], ids=["all", "rows of zeros"])
def test_notes_are_in_the_json_document_and_nowhere_else(
    text: Text, bring_about: BringAbout
) -> None:
    """As a list of the same sentences."""
    result = bring_about(text, "--format", "json")

    sentences = text.stderr.replace("note: ", "").splitlines()
    assert result.document["notes"] == sentences
    assert result.err == ""


def test_raw_answers_come_with_the_notes_that_need_no_figures(bring_about: BringAbout) -> None:
    """Raw answers are not judged."""
    result = bring_about(ALL_NOTES, "--raw")

    assert result.err == ALL_NOTES.stderr.partition("note: No usage")[0]


# --- Results that are texts ---

CHECK_LINES = """\
credentials  found  the environment (HW_ACCESS_KEY, HW_SECRET_KEY)
project      ok     0123456789abcdef0123456789abcdef
statistics   ok
"""


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_is_the_text_in_its_file(option: str, run: Run) -> None:
    """Word by word. help.txt is what a terminal shows."""
    result = run(option)

    assert result.out == HELP
    assert result.err == ""


def test_version_is_one_line(run: Run) -> None:
    """The name of the program and its version."""
    assert run("--version").out == "maas_rest_usage_stats.py 2.0.0\n"


def test_check_says_three_lines(run: Run) -> None:
    """And no notes, though its period ends now."""
    result = run("--check")

    assert result.out == CHECK_LINES
    assert result.err == ""


def test_check_names_the_credentials_file(bring_about: BringAbout) -> None:
    """As the source of the keys, before anything is sent."""
    result = bring_about(REFUSED_KEYS_OF_A_FILE, "--check")

    assert result.out == (
        f"credentials  found  the credentials file {SHOWN}\n"
        "project      ok     00000000000000000000000000000000\n"
    )
    assert result.err == REFUSED_KEYS_OF_A_FILE.stderr


def test_a_terminal_shows_how_many_requests_are_done(
    run: Run, cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On one line, which is erased at the end."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    result = run("--period", "yesterday", "--by", "hour", "--format", "json")

    assert result.err.endswith(f"\r24 of 24 requests\r{' ' * 17}\r")


# --- The sandbox ---

FIRST_LINE = (
    "sandbox: all figures are made up. In the commands of README.md, write tests/sandbox.py "
    "instead of maas_rest_usage_stats.py (more: --sandbox-help).\n"
)
IGNORED_FILE = "sandbox: --credentials-file is ignored; the file was not read.\n"
UNKNOWN_FAULT = (
    "error: unknown fault 'nonsense'; known: throttled, throttled-for-long, wrong-key, "
    "locked-key, wrong-clock, no-project, no-permission, unreachable, proxy-password, "
    "expired-certificate, bad-answer, odd-list.\n"
    "hint: See python tests/sandbox.py --sandbox-help.\n"
)
SANDBOX_HELP = """\
usage: python tests/sandbox.py [arguments of the script] [--fault FAULT]
       python tests/sandbox.py --sandbox-help

Runs maas_rest_usage_stats.py without an account, against a fake cloud on this
machine. All figures are made up: 45 days of usage, the same in each region.
The other arguments go to the script unchanged, and the exit code is the
script's own. --credentials-file is ignored: the sandbox has an AK and SK of
its own.

made-up usage:
  API keys   key-a, key-b, "" (the last is the console's online experience)
  addresses  192.0.2.1, 192.0.2.2, 2001:db8::1
  services   example-chat-large, example-chat-small, example-reasoner (service type 2)
  services   demo-my-chatbot, demo-my-classifier (service type 1)
  services   demo-endpoint (service type 4)

faults (--fault may stand at any place):
  throttled            429 twice, then figures after 6 seconds (exit code 0)
  throttled-for-long   429 with a wait of 300 seconds (exit code 5)
  wrong-key            the SK is wrong (exit code 3)
  locked-key           the AK is locked for a few minutes (exit code 3)
  wrong-clock          the clocks differ by an hour (exit code 3)
  no-project           no permission to list projects (exit code 3)
  no-permission        no permission to read statistics (exit code 3)
  unreachable          no connection, tried for 16 seconds (exit code 5)
  proxy-password       the proxy asks for a password (exit code 1)
  expired-certificate  the certificate has expired (exit code 1)
  bad-answer           the statistics are HTML, tried for 16 seconds (exit code 4)
  odd-list             --by service gets unknown field names (exit code 4)

examples:
  python tests/sandbox.py --period last-week --by day
  python tests/sandbox.py --by api-key --api-keys key-a key-b
  python tests/sandbox.py --service-type all --infer-type batch --format json
  python tests/sandbox.py --check --fault no-permission
"""


@pytest.mark.parametrize(
    ("arguments", "code", "out", "err"),
    [
        ("", 0, "", FIRST_LINE),
        (f"--credentials-file {NAME}", 0, "", FIRST_LINE + IGNORED_FILE),
        ("--fault nonsense", 2, "", UNKNOWN_FAULT),
        ("--by day --sandbox-help", 0, SANDBOX_HELP, ""),
    ],
    ids=["first line", "credentials file", "unknown fault", "help"],
)
def test_the_sandbox_says_its_texts(
    arguments: str,
    code: int,
    out: str,
    err: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here without the script, which says the rest."""
    monkeypatch.setattr(sandbox, "run_script", lambda *_: 0)

    assert sandbox.main(arguments.split()) == code
    assert capsys.readouterr() == (out, err)


def test_the_sandbox_says_which_package_is_missing_and_how_to_install_it(start: Start) -> None:
    """With the Python that runs it. The option -S hides what is installed."""
    result = start(file=SANDBOX, python=["-S"]).result()

    assert result.code == 1
    assert result.err == (
        "error: No module named 'huaweicloudsdkcore'\n"
        f'hint: Run "{sys.executable}" -m pip install -r tests/sandbox-requirements.txt, '
        "in a virtual environment.\n"
    )


# --- No text is missing from this file ---

TESTED_ELSEWHERE = {  # parts of texts
    "the run has ended": "never shown: it ends a thread, and the other error is shown",
    "Huawei Cloud MaaS usage, ": "the sentence of --format markdown, in test_formats",
    " services in ": "the same",
    ", only the ": "the same",
    sandbox.THROTTLED_TEXT: "said by the cloud of the sandbox",
}


def strings_of(code: CodeType) -> Iterator[str]:
    """Yield the constant strings of a function, and of the functions in it."""
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, CodeType):
            yield from strings_of(constant)


def texts_of(module: ModuleType) -> Iterator[str]:
    """Yield what may be a text of a module, or a part of one: it has two words or more."""
    found: list[str] = []
    for item in gc.get_objects():
        if isinstance(item, FunctionType) and item.__code__.co_filename == module.__file__:
            found += [text for text in strings_of(item.__code__) if text != item.__doc__]
    for name, value in vars(module).items():
        if isinstance(value, str) and name != "__doc__":
            found += re.split("{[a-z_]+}", value)  # hints have places for a region and so on
    for text in found:
        if re.search("[A-Za-z]{2}.* .*[A-Za-z]{2}", text):
            yield text


def test_this_file_has_each_text_of_the_program_and_the_sandbox() -> None:
    """Spaces do not count, because --help is wrapped."""
    said = [text.stderr for text, _ in TEXTS]
    said += [HELP, CHECK_LINES, FIRST_LINE, IGNORED_FILE, UNKNOWN_FAULT, SANDBOX_HELP]
    known = "".join("".join(said).split())

    held = {*texts_of(script), *texts_of(sandbox)}
    missing = {text for text in held if "".join(text.split()) not in known}

    assert missing == set(TESTED_ELSEWHERE), (
        f"{missing ^ set(TESTED_ELSEWHERE)}: for a new text, add an entry to a list in "
        "TEXTS_BY_EXIT_CODE: a run that brings the text about, and all of stderr. "
        "Remove from TESTED_ELSEWHERE what is gone."
    )
    assert len(held) > 100
