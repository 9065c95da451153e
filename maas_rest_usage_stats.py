#!/usr/bin/env python3
# /// script
# requires-python = ">=3.8"
# dependencies = [
#   "huaweicloudsdkcore>=3.1.150,<4",
#   "requests>=2.32,<3",
#   "backports.zoneinfo>=0.2.1; python_version < '3.9'",
#   "tzdata; sys_platform == 'win32'",
# ]
# ///
"""Tell how much the models of Huawei Cloud MaaS (Model as a Service) were used.

examples:
  maas_rest_usage_stats.py                             the last seven days
  maas_rest_usage_stats.py --from 2026-05-08 --to 2026-05-21   both days whole

sources of keys, of which the first that is there counts, and other variables:
  --credentials-file FILE           AK on line 1, SK on line 2, or other forms
  HW_ACCESS_KEY, HW_SECRET_KEY      and HW_SECURITY_TOKEN for temporary keys
  HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK, HUAWEICLOUD_SDK_SECURITY_TOKEN,
  HUAWEICLOUD_SDK_PROJECT_ID        the same by the SDK's names
  ~/.huaweicloud/credentials        or HUAWEICLOUD_SDK_CREDENTIALS_FILE
  HW_PROJECT_ID                     project id, where the keys come without one
  HTTPS_PROXY, REQUESTS_CA_BUNDLE   proxy, and file of the certificates to trust
  TZ                                zone of dates, where --timezone names none

exit codes:
  0  the figures are on stdout      3  keys, permission or project refused
  1  a fault of this program        4  the service refused, or made no sense
  2  wrong arguments (130: Ctrl-C)  5  the service could not be reached
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import errno
import gc
import os
import re
import sys
import time
from datetime import datetime, timedelta, timezone, tzinfo

TYPE_CHECKING = False  # as in typing, whose import costs half of what argparse's does
if TYPE_CHECKING:
    from typing import Any, Callable, Iterator, Mapping, NamedTuple, NoReturn, Sequence, TextIO

    from requests import PreparedRequest, Response
else:

    class _NamedTupleMeta(type):
        """Makes a class with annotated fields a named tuple, as typing.NamedTuple does."""

        def __new__(cls, name: str, _: object, body: dict[str, Any]) -> type:
            defaults = [body.pop(field) for field in body["__annotations__"] if field in body]
            fields = collections.namedtuple(name, body["__annotations__"], defaults=defaults)  # noqa: PYI024
            return type(name, (fields,), body)

    NamedTuple = type.__new__(_NamedTupleMeta, "NamedTuple", (), {})

# --- Constants, each with its source ---------------------------------------------------------------------------------
__version__ = "1.0.0"
PROGRAM = "maas_rest_usage_stats.py"
WIDTH = 80  # columns of the help and of the table
# https://support.huaweicloud.com/api-maas/ShowStatistics.html gives 3 for custom endpoints; the service itself answers
# "service_type must be one of [1 2 4]", as Huawei's own skill has seen.
SERVICE_TYPES = {"preset": 2, "my-service": 1, "custom-endpoint": 4}
TYPE_NAMES = {**{n: n for n in (*SERVICE_TYPES, "all")}, **{str(number): n for n, number in SERVICE_TYPES.items()}}
# The types on that page, and of the other region on support.huaweicloud.com/intl/en-us/api-maas/ShowStatistics.html
REGIONS = {"cn-southwest-2": tuple(SERVICE_TYPES), "ap-southeast-1": ("preset", "my-service")}
REGION_FORM = re.compile(r"[a-z]{2}-[a-z]+-[0-9]{1,3}")
PROJECT_ID_FORM = re.compile(r"[0-9a-z]{32}")  # both pages
KEPT = timedelta(days=30)  # both pages: nothing older is there, and no request may span more
LAG = timedelta(hours=2)  # the console's documentation: its figures lag by one to two hours
# Of the answer, in the order of Usage. Tokens come in thousands with up to three decimals, as Huawei's own skill says.
THOUSANDS = ("total_token", "total_prompt_token", "total_completion_token")
COUNTS = ("total_request_count", "total_error_count", "total_completion_tasks", "total_infer_count")
LARGEST_FIGURE = 10**18  # what is larger is no figure; up to here decimal's 28 digits are exact
DAY = timedelta(days=1)
ROLLING = re.compile(r"([0-9]{1,3})([dh])")
PERIODS = "today, yesterday, this-week, last-week, this-month, or the last 1d to 30d or 1h to 720h"
WHEN = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(Z|[+-][0-9]{2}:?[0-9]{2})?)?")
WHEN_FORMS = "2026-05-08, 2026-05-08T14:30 or 2026-05-08T14:30:00+08:00"
ZONE_FORM = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")  # of IANA names; zoneinfo opens other files, too

# AK, SK, token and project id as Terraform names them, the SDK, the SDK's profile file, and we where nobody does.
HW_NAMES = ("HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN", "HW_PROJECT_ID")
SDK_NAMES = tuple(f"HUAWEICLOUD_SDK_{name}" for name in ("AK", "SK", "SECURITY_TOKEN", "PROJECT_ID"))
PROFILE_NAMES = ("ak", "sk", "security_token", "project_id")
LISTED_NAMES = ("AK", "SK", "token", "")
PROFILE_FILE, PROFILE_VARIABLE = "~/.huaweicloud/credentials", "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
CSV_COLUMNS = ("access key id", "secret access key")  # of the console's credentials.csv
NAMED_VALUE = re.compile(r"^(?:export\s+)?(\w+)[ \t]*[=:][ \t]*([\"']?)(.*)\2$", re.MULTILINE)
FILE_HINT = """The forms are: AK and SK (and a token) on a line each; AK,SK on one line; KEY=VALUE lines with the names
of the environment variables; the console's credentials.csv; an INI profile with a section [basic]."""
FILE_LIMIT = 65536  # bytes
SHORTEST_KEYS = (8, 8, 5)  # characters of AK, SK, token; what is shorter is none, and hiding it would garble texts
SHORTENED_FROM = 24  # characters; a value of --api-keys that long may be a key itself
LONGEST_MESSAGE = 1000  # characters of a text of others that are shown
BY = {"day": 10, "service-type": 15, "api-key": 23}  # what rows can be, and the columns of their labels
SIGNED_HEADERS = ("Content-Type", "X-Project-Id")  # beside the Signer's own; proxies may change others on the way
TIMEOUTS = (10.0, 30.0)  # seconds to connect, and to read
FAULT_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before each further try
THROTTLED_WAITS = (2.0, 4.0, 8.0, 16.0, 32.0)  # the same after a 429
LONGEST_WAIT = 60.0  # seconds; a Retry-After beyond it ends the run
TRYING_TIME = 100.0  # seconds from a call's first try, after which none begins
ANNOUNCED_WAIT = 2.0  # seconds; longer waits are told
SIDE_BY_SIDE = 8  # calls at most

# --- Nouns -----------------------------------------------------------------------------------------------------------
class Period(NamedTuple):
    """The half-open time [start, end), both in UTC, and the zone to show it in, which is None for the system's."""

    start: datetime
    end: datetime
    zone: tzinfo | None
    complete: bool = True  # unless its start was cut off

    def local(self) -> tuple[datetime, datetime]:
        """Return start and end as the zone's clocks show them."""
        return self.start.astimezone(self.zone), self.end.astimezone(self.zone)

    def milliseconds(self) -> tuple[int, int]:
        """Return start and end for the wire, which counts its end inclusively: only here is that known."""
        return int(self.start.timestamp()) * 1000, int(self.end.timestamp()) * 1000 - 1


class Usage(NamedTuple):
    """Whole tokens and calls. The total is the service's own, which is not prompt plus completion."""

    total_tokens: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_requests: int = 0
    total_errors: int = 0
    completed_tasks: int = 0  # this and the next: of batch inference only
    inference_count: int = 0

    def __add__(self, other: tuple[Any, ...]) -> Usage:
        """Add figure by figure."""
        return Usage(*(mine + its for mine, its in zip(self, other)))


class Query(NamedTuple):
    """What is asked: the arguments, judged."""

    period: Period
    region: str  # this and the next five: in the order of the JSON output
    project_id: str | None
    service_type: str
    infer_type: str
    api_keys: tuple[str, ...] | None
    ips: tuple[str, ...] | None
    types: tuple[str, ...]  # the service types to ask for and add up
    credentials_file: str | None
    by: str | None
    output: str
    notes: tuple[str, ...]


class Keys(NamedTuple):
    """A pair of keys, the token of a temporary pair, and what is known of their source."""

    ak: str
    sk: str
    token: str
    project_id: str
    origin: str
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"Keys(origin={self.origin!r})"


class Report(NamedTuple):
    """What came of a query."""

    query: Query
    rows: list[tuple[Query, Usage]]
    total: Usage
    answers: list[tuple[str, str, Usage]]  # the bodies of the calls, the texts that came, and what they say


# --- Errors ----------------------------------------------------------------------------------------------------------
class Kind(NamedTuple):
    """A kind of failure: its name and exit code, what then helps, and whether trying again may."""

    name: str
    exit_code: int
    hint: str
    retryable: bool = False
    waits: tuple[float, ...] = ()  # seconds before each further try that the program itself makes


INTERNAL = Kind("internal", 1, "This is a fault of the program; please report it with the command that met it.")
USAGE = Kind("usage", 2, f"See {PROGRAM} --help. Keys are never given as arguments.")
CREDENTIALS = Kind("credentials", 3, "Set HW_ACCESS_KEY and HW_SECRET_KEY, or give --credentials-file FILE.")
PERMISSION = Kind("permission", 3, "The user needs the policy ModelArts CommonOperations in the region's project.")
SERVICE = Kind("service", 4, "Check region, project id and options; if they are right, the service may have changed.")
NETWORK = Kind("network", 5, "Check network and proxy (HTTPS_PROXY), then try again in some minutes.", retryable=True)
FAULT = NETWORK._replace(waits=FAULT_WAITS)
THROTTLED = NETWORK._replace(waits=THROTTLED_WAITS, hint="The service limits requests: try again in some minutes.")
UNTRUSTED = NETWORK._replace(retryable=False, hint="Name the file of CA certificates to trust in REQUESTS_CA_BUNDLE.")
INTERRUPTED = Kind("internal", 130, "Nothing was changed; run it again when you like.", retryable=True)
STATUS_KINDS = {401: CREDENTIALS, 403: PERMISSION, 429: THROTTLED, 500: FAULT, 502: FAULT, 503: FAULT, 504: FAULT}
# What the service says with a 401 (its pages on APIGW.0301, and bodies in public issues), and what then helps.
UNAUTHORIZED_HINTS = {
    "signature expired": "Set this machine's clock, which is over 15 minutes off; or temporary keys have expired.",
    r"\bak\b.*not exist": "The service does not know the AK: check it, and that it belongs to the region's site.",
    "verify aksk signature fail": "The SK does not fit the AK: check the SK, and the token of temporary keys.",
    "reach the limit": "Too many wrong signatures locked the AK: wait five minutes, then try right keys once.",
    "": "Check AK and SK, the token of temporary keys, and that the keys belong to the region's site.",
}


class RunError(Exception):
    """An end without a result. Its facts are what the service said: http_status, error_code, request_id."""

    def __init__(self, kind: Kind, message: str, hint: str = "", wait: float | None = None, **facts: Any) -> None:
        super().__init__(message.rstrip(". ") + ".")
        self.kind, self.hint, self.facts = kind, hint or kind.hint, facts
        self.wait = wait  # seconds that the service asked for


# --- Secrets ---------------------------------------------------------------------------------------------------------
def shorten(value: str) -> str:
    """Return a value that may be a key as its first and last four characters."""
    return value if len(value) < SHORTENED_FROM else f"{value[:4]}...{value[-4:]}"


def hide(text: str, shown_as: Mapping[str, str]) -> str:
    """Return a text without secrets: as they are, encoded for URLs, JSON or HTML, or with breaks between characters."""
    bare = re.sub(r"[^!-~]|\+", "", text)
    encoded = re.search(r"\\|%[0-9A-Fa-f]{2}|&#", text)
    for secret in sorted(shown_as, key=len, reverse=True):
        text = text.replace(secret, shown_as[secret])
        if encoded or secret.replace("+", "") in bare:  # else it is nowhere, and a pattern for it would take its time
            hexed = ((re.escape(c), ord(c), "?" if c == "+" else "") for c in secret)  # a blank may stand for a plus
            spelled = (rf"\\*(?:{c}|(?i:(?:%(?:25)*|x|&#x){n:02x};?|u{n:04x}|&#{n};?)){q}" for c, n, q in hexed)
            text = shown_as[secret].join(re.split(r"(?:[^!-~]|\\+[bfnrt]|\\+u00[01].)*".join(spelled), text))
    return text


# --- Time ------------------------------------------------------------------------------------------------------------
def find_zone(name: str) -> tzinfo | None:
    """Return the zone of an IANA name, or None if there is none, or no data of zones."""
    if name in ("UTC", "Etc/UTC"):  # which need no data
        return timezone(timedelta(0), name)
    try:
        if sys.version_info >= (3, 9):
            from zoneinfo import ZoneInfo
        else:
            from backports.zoneinfo import ZoneInfo
        return ZoneInfo(name) if ZONE_FORM.fullmatch(name) else None
    except (ImportError, KeyError, ValueError, OSError):  # no package, no such file, no path, a folder
        return None


def system_zone(environ: Mapping[str, str]) -> tzinfo | None:
    """Return the zone that TZ or the system's link names, or None: a rule or CST is not guessed from."""
    name = environ.get("TZ", ":/etc/localtime").lstrip(":")
    if name.startswith("/"):
        with contextlib.suppress(OSError):  # no link, as on Windows
            name = os.path.join(os.path.dirname(name), os.readlink(name))
        return find_zone(name.partition("/zoneinfo/")[2])
    return find_zone(name) if "/" in name or name == "UTC" else None


def instant(moment: datetime, zone: tzinfo | None) -> datetime:
    """Return in UTC an aware moment, or a naive one of the zone's clocks: the first time they show it, or skip it."""
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    try:
        found = moment.astimezone(timezone.utc)  # still naive, it is the system's
        behind = moment - found.astimezone().replace(tzinfo=None) if moment.tzinfo is None else timedelta(0)
        return found + max(behind, timedelta(0))  # Python 3.11 goes back where the system's clocks skip a moment
    except (OverflowError, ValueError, OSError):  # the first and last days of the calendar, far outside any period
        return moment.replace(tzinfo=timezone.utc)


def named_span(text: str, zone: tzinfo | None, now: datetime) -> tuple[datetime, datetime]:
    """Return start and end of a --period in UTC; raises RunError."""
    rolling = ROLLING.fullmatch(text)
    if rolling:
        length = int(rolling[1]) * (DAY if rolling[2] == "d" else timedelta(hours=1))
        if not timedelta(0) < length <= KEPT:
            raise RunError(USAGE, "a rolling period is 1d to 30d or 1h to 720h, since the service keeps 30 days")
        return now - length, now
    today = datetime.combine(now.astimezone(zone), datetime.min.time())
    monday = today - today.weekday() * DAY
    spans = {
        "today": (today, today + DAY),
        "yesterday": (today - DAY, today),
        "this-week": (monday, today + DAY),
        "last-week": (monday - 7 * DAY, monday),
        "this-month": (today.replace(day=1), today + DAY),
    }
    if text not in spans:
        raise RunError(USAGE, f"there is no period {text!a}", f"The periods are {PERIODS}.")
    return instant(spans[text][0], zone), instant(spans[text][1], zone)


def read_when(text: str, zone: tzinfo | None, *, ends_day: bool = False) -> datetime:
    """Return a --from or --to in UTC: of a plain date its first instant, or with ends_day its end; raises RunError."""
    parts = WHEN.fullmatch(text)
    try:
        day, clock, offset = parts.groups("") if parts else ("", "", "")
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}")
        if offset:
            moment = moment.replace(tzinfo=datetime.strptime(offset.replace("Z", "+0000"), "%z").tzinfo)
        if ends_day and not clock and moment < datetime.max - DAY:  # noqa: DTZ901 - as naive as the date
            moment += DAY
    except ValueError:
        raise RunError(USAGE, f"{text!a} is no date or time", f"Write {WHEN_FORMS}.") from None
    return instant(moment, zone)


def askable_period(start: datetime, end: datetime, zone: tzinfo | None, now: datetime) -> Period:
    """Return the part of [start, end) that has passed and is still kept; raises RunError where there is none."""
    oldest = now - KEPT
    if start > now:
        raise RunError(USAGE, "the range starts in the future")
    if min(end, now) <= start:
        raise RunError(USAGE, "the range is empty: its end is not after its start, or it begins just now")
    if end <= oldest:
        day = oldest.astimezone(zone).date()
        raise RunError(USAGE, f"the service keeps 30 days: the earliest day to ask for is {day}", "Start there.")
    return Period(max(start, oldest), min(end, now), zone, start >= oldest)


# --- Arguments -------------------------------------------------------------------------------------------------------
class Parser(argparse.ArgumentParser):
    """A parser whose errors are this program's."""

    def error(self, message: str) -> NoReturn:
        """Raise RunError for what argparse finds wrong."""
        raise RunError(USAGE, message)


def ip_address(text: str) -> str:
    """Return an IPv4 or IPv6 address as it is; raises ValueError, also for a scope, which belongs to no client."""
    import ipaddress
    ipaddress.ip_address(text.replace("%", "/"))
    return text


def build_parser() -> Parser:
    """Return the parser of the command line; its help is the docstring of this file around the options."""
    description, _, epilog = (__doc__ or "").partition("\n\n")
    parser = Parser(PROGRAM, description=description, epilog=epilog, allow_abbrev=False, add_help=False)
    parser.formatter_class = lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=WIDTH)
    if sys.version_info >= (3, 14):
        parser.color = False
    options = parser.add_argument_group("options")
    shape = options.add_mutually_exclusive_group()
    add = options.add_argument
    add("--period", help=f"{PERIODS} (default: 7d)")
    add("--from", dest="start", metavar="WHEN", help=f"start: {WHEN_FORMS}")
    add("--to", dest="end", metavar="WHEN", help="end; a plain date includes that whole day (default: now)")
    add("--timezone", metavar="ZONE", help="IANA name of the zone of dates (default: the system's)")
    add("--service-type", metavar="TYPE", help="preset (2, the default), my-service (1), custom-endpoint (4), or all")
    add("--infer-type", choices=("real_time", "batch"), default="real_time", help="default: real_time")
    add("--api-keys", metavar="KEY", nargs="+", action="extend", help='only calls by these ("": online experience)')
    add("--ips", metavar="IP", nargs="+", action="extend", type=ip_address, help="only calls from these addresses")
    add("--by", choices=tuple(BY), help="a row for each, and their total")
    shape.add_argument("--format", choices=("table", "json", "csv"), help="default: table")
    shape.add_argument("--raw", action="store_true", help="the service's answers, unchanged, as a JSON array")
    add("--region", default="cn-southwest-2", help=f"{' or '.join(REGIONS)} (default: cn-southwest-2)")
    add("--project-id", metavar="ID", help="the project, instead of a look-up through IAM")
    add("--credentials-file", metavar="FILE", help="the file with AK and SK")
    add("--check", action="store_true", help="only try credentials, project and statistics, a line for each")
    add("--version", action="store_true", help="show the version")
    add("--help", "-h", action="store_true", help="show this help")
    return parser


def judge(args: argparse.Namespace, unknown: Sequence[str]) -> None:
    """Raise RunError for the first rule that is broken. What is unknown may be a key, so it is not shown."""
    options = ", ".join(text.partition("=")[0] for text in unknown if text.startswith("--"))
    no_project_id = args.project_id is not None and not PROJECT_ID_FORM.fullmatch(args.project_id)
    more_than_check = args.by or args.raw or args.format in ("json", "csv")
    rules = (
        (unknown, f"unknown arguments: {options or 'values without an option'}"),
        (args.period is not None and (args.start, args.end) != (None, None), "--period excludes --from and --to"),
        (args.start is None and args.end is not None, "--to needs --from"),
        (args.service_type == "3", "the service takes no type 3: a custom endpoint is custom-endpoint, or 4"),
        (args.service_type not in (None, *TYPE_NAMES), f"--service-type is one of {', '.join(TYPE_NAMES)}"),
        (not REGION_FORM.fullmatch(args.region), f"--region is of the form xx-yyyy-1; MaaS is in {', '.join(REGIONS)}"),
        (no_project_id, "--project-id is not 32 characters of 0-9a-z"),
        (args.by == "api-key" and not args.api_keys, "--by api-key needs --api-keys"),
        (args.check and more_than_check, "--check excludes --by, --raw, and any format but the table"),
    )
    for broken, message in rules:
        if broken:
            raise RunError(USAGE, message)


def read_period(args: argparse.Namespace, environ: Mapping[str, str], now: datetime) -> Period:
    """Return the period that the arguments ask for; raises RunError."""
    zone = system_zone(environ) if args.timezone is None else find_zone(args.timezone)
    if zone is None and args.timezone is not None:
        if find_zone("Asia/Shanghai") is None:
            package = "tzdata" if sys.version_info >= (3, 9) else "backports.zoneinfo"
            raise RunError(INTERNAL, f"{package} is missing", f'Install: "{sys.executable}" -m pip install {package}')
        raise RunError(USAGE, f"no time zone: {args.timezone!a}; give an IANA name such as Asia/Shanghai")
    if args.start is None:
        start, end = named_span("7d" if args.period is None else args.period, zone, now)
    else:
        start = read_when(args.start, zone)
        end = now if args.end is None else read_when(args.end, zone, ends_day=True)
    return askable_period(start, end, zone, now)


def read_query(args: argparse.Namespace, environ: Mapping[str, str], now: datetime) -> Query:
    """Return what the arguments ask for, with notes on what keeps the figures from being all; raises RunError."""
    args.period = read_period(args, environ, now)
    if args.check:
        args.period = Period(now - timedelta(hours=1), now, args.period.zone)
        args.service_type, args.infer_type, args.api_keys, args.ips = "preset", "real_time", None, None
    args.service_type = TYPE_NAMES[args.service_type or ("all" if args.by == "service-type" else "preset")]
    args.types = REGIONS.get(args.region, tuple(SERVICE_TYPES)) if args.service_type == "all" else (args.service_type,)
    args.api_keys, args.ips = (values and tuple(dict.fromkeys(values)) for values in (args.api_keys, args.ips))
    args.output = "check" if args.check else "raw" if args.raw else args.format or "table"
    start = args.period.local()[0]
    notes = {
        f"The service keeps 30 days: what was used before {start} is not counted.": not args.period.complete,
        "The service's figures lag by one to two hours: the latest calls may be missing.": now - args.period.end <= LAG,
        f"MaaS is not known to be in {args.region}; it is asked all the same.": args.region not in REGIONS,
    }
    args.notes = tuple(note for note, applies in notes.items() if applies)
    return Query(*(getattr(args, field) for field in Query._fields))


# --- Credentials -----------------------------------------------------------------------------------------------------
def keys_named(values: Mapping[str, str], names: Sequence[str], origin: str) -> Keys | None:
    """Return the keys of these names, or None if neither AK nor SK is there; raises RunError, which shows no value."""
    ak, sk, token, project_id = (values.get(name, "") for name in names)
    if not ak and not sk:
        return None
    for value, name, shortest in sorted(zip((ak, sk, token), names, SHORTEST_KEYS), key=lambda found: bool(found[0])):
        if not re.fullmatch("[!-~]*", value):
            raise RunError(CREDENTIALS, f"the {name} of {origin} holds a blank, a line break or a non-ASCII character")
        if len(value) < shortest and (value or name in names[:2]):
            what = f"the {name} of {origin} is too short to be one" if value else f"{origin} has no {name}: half a pair"
            raise RunError(CREDENTIALS, what)
    return Keys(ak, sk, token, project_id, origin)


def values_in(lines: Sequence[str]) -> dict[str, str]:
    """Return the values in a file's lines by name, of INI in section [basic]; or as listed, or in credentials.csv."""
    import csv
    basic = re.split(r"(?m)^\[basic\]$", "\n".join(lines))[-1]
    pairs = NAMED_VALUE.findall(re.split(r"(?m)^\[", basic)[0])
    named = {name.lower() if name.lower() in PROFILE_NAMES else name: value for name, _, value in pairs}
    listed: Sequence[str] = lines
    if len(lines) == 1 or "," in lines[0]:
        listed, *rows = [*filter(any, csv.reader(lines, skipinitialspace=True))] or [[]]
        columns = [name.strip().lower() for name in listed]
        if rows:
            listed = [dict(zip(columns, rows[0])).get(name, "") for name in CSV_COLUMNS] if len(rows) == 1 else ()
    fits = 1 <= len(listed) <= 3 and re.fullmatch("([0-9A-Za-z_-]{8,})?", listed[0].strip())
    return {**(dict(zip(LISTED_NAMES, map(str.strip, listed))) if fits else {}), **named}


def read_keys_file(path: str) -> Keys:
    """Return the keys in a file of any form; raises RunError, which shows nothing of what is in it."""
    import shlex
    path = os.path.expanduser(path)
    origin = f"the credentials file {path}"
    try:
        with open(path, "rb") as file:
            content = file.read(FILE_LIMIT + 1)
            exposed = os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o044
        text = content.decode("utf-8-sig")
    except (OSError, ValueError) as error:  # a ValueError for a path that no file can have, and for what is no UTF-8
        reason = getattr(error, "strerror", None) or "no text in UTF-8"
        raise RunError(CREDENTIALS, f"{origin} cannot be read: {reason}", FILE_HINT) from None
    lines = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]
    if "\0" in text or len(content) > FILE_LIMIT or not lines:
        raise RunError(CREDENTIALS, f"{origin} is empty, binary or too long", FILE_HINT)
    for names in (HW_NAMES, SDK_NAMES, PROFILE_NAMES, LISTED_NAMES):
        keys = keys_named(values_in(lines), names, origin)
        if keys:
            note = f"Others can read the credentials file; mend it with: chmod 600 {shlex.quote(path)}"
            return keys._replace(notes=(note,) if exposed else ())
    raise RunError(CREDENTIALS, f"{origin} is of no known form", FILE_HINT)


def load_keys(query: Query, environ: Mapping[str, str]) -> Keys:
    """Return the keys of the first source that is there, and the project id if it is known; raises RunError."""
    path = query.credentials_file
    sources = (HW_NAMES, SDK_NAMES) if path is None else ()
    found = (keys_named(environ, names, f"the environment ({names[0]}, {names[1]})") for names in sources)
    keys = next(filter(None, found), None)
    if keys is None:
        profile = environ.get(PROFILE_VARIABLE) or PROFILE_FILE
        if path is None and profile == PROFILE_FILE and not os.path.exists(os.path.expanduser(profile)):
            raise RunError(CREDENTIALS, "there are no credentials")
        keys = read_keys_file(profile if path is None else path)
    project_id = query.project_id or keys.project_id or environ.get(HW_NAMES[3], "")
    if project_id and not PROJECT_ID_FORM.fullmatch(project_id):
        message = f"the project id of {keys.origin}, or in HW_PROJECT_ID, is not 32 characters of 0-9a-z"
        raise RunError(CREDENTIALS, message, "Correct or remove it, or give --project-id.")
    return keys._replace(project_id=project_id)


# --- Signature -------------------------------------------------------------------------------------------------------
class Signature:
    """Signs requests with AK and SK. As requests' auth it also keeps .netrc out."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request at the moment of sending; the Signer encodes the query anew, so its URL is the one to send."""
        from urllib.parse import parse_qsl, urlsplit

        from huaweicloudsdkcore.sdk_request import SdkRequest
        from huaweicloudsdkcore.signer.signer import Signer
        url = urlsplit(str(request.url))
        headers = {name: value for name, value in request.headers.items() if name in SIGNED_HEADERS}
        headers["X-Sdk-Date"] = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        headers.update({"X-Security-Token": self._keys.token} if self._keys.token else {})
        unsigned = SdkRequest(request.method, url.scheme, url.netloc, url.path, header_params=headers)
        unsigned.query_params, unsigned.body = parse_qsl(url.query, keep_blank_values=True), request.body or ""
        signed = Signer(self._keys).sign(unsigned)
        request.headers.update(signed.header_params)
        request.url = signed.url
        return request


# --- Cloud -----------------------------------------------------------------------------------------------------------
def unreachable(error: BaseException, host: str) -> RunError:
    """Return the error for what requests raised, in the system's words: its own may hold the password of a proxy."""
    from requests import exceptions
    reason = "no answer in time" if isinstance(error, exceptions.Timeout) else "it broke off"
    cause: BaseException | None = error
    while cause:
        if hasattr(cause, "verify_message"):  # ssl.SSLCertVerificationError
            return RunError(UNTRUSTED, f"the certificate of {host} is not trusted: {cause.verify_message}")
        tunnel = str(cause) if str(cause).startswith("Tunnel connection failed") else ""  # what a proxy answered
        reason = tunnel or getattr(cause, "strerror", None) or reason
        inner = cause.args[0] if cause.args and isinstance(cause.args[0], BaseException) else None
        cause = cause.__cause__ or cause.__context__ or inner
    if type(error) is OSError or re.search("X509|PEM", reason):
        return RunError(UNTRUSTED, "the file of CA certificates cannot be used", "Correct REQUESTS_CA_BUNDLE.")
    if isinstance(error, (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError)):
        through = " through the proxy" if isinstance(error, exceptions.ProxyError) else ""
        return RunError(FAULT, f"no answer from {host}{through}: {reason}")
    if isinstance(error, exceptions.ContentDecodingError):
        return RunError(SERVICE, f"the answer of {host} cannot be unpacked")
    return RunError(NETWORK, f"no way to {host}: the address of the proxy makes no sense", "Correct HTTPS_PROXY.")


def read_json(text: str) -> Any:
    """Return what JSON says, with exact decimals; raises ValueError, also for NaN."""
    import json
    from decimal import Decimal
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=int)  # int("NaN") fails
    except (ArithmeticError, RecursionError) as error:  # an exponent beyond all bounds, or brackets without end
        raise ValueError from error


def refused(operation: str, response: Response, content: object) -> RunError:
    """Return the error for a status other than 200, with what the body says: flat, or nested as IAM may."""
    fields = content if isinstance(content, dict) else {}
    fields = {**fields, **fields["error"]} if isinstance(fields.get("error"), dict) else fields
    code = fields.get("error_code") or fields.get("code")
    request_id = response.headers.get("X-Request-Id") or fields.get("request_id")
    status = response.status_code
    words = str(fields.get("error_msg") or fields.get("message") or "no reason given")
    text = "a redirect, which is not followed" if 300 <= status < 400 else words
    facts = {"http_status": status, "error_code": code and str(code), "request_id": request_id and str(request_id)}
    about = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items() if value)
    hint = next(hint for words, hint in UNAUTHORIZED_HINTS.items() if re.search(words, text)) if status == 401 else ""
    wait = re.fullmatch("[0-9]+", response.headers.get("Retry-After", "").strip())
    kind = STATUS_KINDS.get(status, NETWORK if status >= 500 else SERVICE)
    return RunError(kind, f"{operation}: {text} ({about})", hint, float(wait[0]) if wait else None, **facts)


class Cloud:
    """The one door to the network: signs and sends a call, tries again where that may help, judges the answer."""

    def __init__(self, keys: Keys, tell: Callable[[str], None]) -> None:
        gc.disable()  # these imports make much and free nothing; looking for it takes up to a tenth of their time
        try:
            import huaweicloudsdkcore.signer.signer  # noqa: F401 - if it is missing, to know before anything is sent
            import requests
        except ImportError:
            command = f'"{sys.executable}" -m pip install huaweicloudsdkcore requests'
            raise RunError(INTERNAL, "huaweicloudsdkcore or requests is missing", f"Install them: {command}") from None
        finally:
            gc.enable()
        self.closed = False  # once it is, nothing more is sent
        self._tell = tell
        self._session = requests.Session()
        self._session.auth = Signature(keys)
        self._session.headers["User-Agent"] = f"huawei-cloud-maas-tokens-usage/{__version__}"

    def ask(self, operation: str, url: str, body: str = "", project_id: str = "") -> tuple[str, Any]:
        """Return the text and the JSON of the answer to a POST, or to a GET if there is no body; raises RunError."""
        first, tries = time.monotonic(), 0
        while True:
            try:
                return self._send(operation, url, body, project_id)
            except RunError as error:
                if self.closed or tries >= len(error.kind.waits):
                    raise
                wait = error.kind.waits[tries] if error.wait is None else error.wait
                if wait > LONGEST_WAIT or time.monotonic() + wait - first > TRYING_TIME:
                    raise
                if wait > ANNOUNCED_WAIT:
                    self._tell(f"waiting {wait:g} s: {error}")
            time.sleep(wait)
            tries += 1

    def _send(self, operation: str, url: str, body: str, project_id: str) -> tuple[str, Any]:
        if self.closed:
            raise RunError(INTERRUPTED, "another call has failed")
        headers = {"Content-Type": "application/json", **({"X-Project-Id": project_id} if project_id else {})}
        try:
            response = self._session.request(
                "POST" if body else "GET", url, data=body, headers=headers, timeout=TIMEOUTS, allow_redirects=False
            )
        except (OSError, ValueError, TypeError) as error:  # the last two for the addresses of some proxies
            raise unreachable(error, url.split("/")[2]) from error
        try:
            text = response.content.decode("utf-8")
            content = read_json(text)
        except ValueError:
            text, content = "", None
        if response.status_code != 200:
            raise refused(operation, response, content)
        if not text:
            raise RunError(SERVICE, f"{operation}: the answer is no JSON")
        return text, content


def find_project_id(cloud: Cloud, region: str) -> str:
    """Return the id of the region's project from IAM, https://support.huaweicloud.com/api-iam/; raises RunError."""
    operation, host = "project look-up", f"https://iam.{region}.myhuaweicloud.com"
    try:
        _, content = cloud.ask(operation, f"{host}/v3/projects?name={region}")
    except RunError as error:
        if error.kind != PERMISSION:
            raise
        _, content = cloud.ask(operation, f"{host}/v3/auth/projects")  # needs no permission, and has no filter
    try:
        found = [str(project["id"]) for project in content["projects"] if project["name"] == region]
        sane = all(map(PROJECT_ID_FORM.fullmatch, found))
    except (KeyError, TypeError):
        sane = False
    if not sane:
        raise RunError(SERVICE, f"{operation}: the answer is no list of projects")
    if len(found) != 1:
        message = f"IAM knows {len(found) or 'no'} project{'s' if found else ''} of the name {region}"
        raise RunError(CREDENTIALS, message, "Give --project-id ID; the console shows it under My Credentials.")
    return found[0]


def whole_figure(name: str, value: Any) -> int:
    """Return a field of an answer in tokens or calls; raises RunError for what is no figure."""
    from decimal import ROUND_HALF_UP, Decimal
    if value is None:
        return 0
    number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    if not number or not 0 <= value < LARGEST_FIGURE or (name in COUNTS and value % 1):
        raise RunError(SERVICE, f"statistics: {name} of the answer is no figure")
    return int((Decimal(value) * (1000 if name in THOUSANDS else 1)).to_integral_value(ROUND_HALF_UP))


def statistics(cloud: Cloud, query: Query) -> tuple[str, str, Usage]:
    """Ask ShowStatistics for a single service type; return body, text and usage of the answer, or raise RunError."""
    import json
    start, end = query.period.milliseconds()
    fields = {"service_type": SERVICE_TYPES[query.types[0]], "start_time": start, "end_time": end,
              "timezone": query.period.zone and str(query.period.zone), "infer_type": query.infer_type,
              "api_keys": query.api_keys, "ips": query.ips}  # fmt: skip
    given = {name: value for name, value in fields.items() if value is not None}
    url = f"https://modelarts.{query.region}.myhuaweicloud.com/v1/{query.project_id}/maas/monitoring/show-statistics"
    text, content = cloud.ask("statistics", url, json.dumps(given), query.project_id or "")
    figures = [content.get(name) for name in THOUSANDS + COUNTS] if isinstance(content, dict) else []
    if figures.count(None) == len(figures):
        raise RunError(SERVICE, "statistics: the answer has none of the known figures")
    shown = {**given, **({"api_keys": [*map(shorten, query.api_keys)]} if query.api_keys else {})}
    return json.dumps(shown), text, Usage(*map(whole_figure, THOUSANDS + COUNTS, figures))


# --- Sums ------------------------------------------------------------------------------------------------------------
def rows_of(query: Query) -> list[Query]:
    """Return a query for each row of the result: for each day, cut by the period's ends, each type, or each key."""
    if query.by == "service-type":
        return [query._replace(service_type=name, types=(name,)) for name in query.types]
    if query.by == "api-key":
        return [query._replace(api_keys=(key,)) for key in query.api_keys or ()]
    rows, start, day = [], query.period.start, datetime.combine(query.period.local()[0], datetime.min.time())
    while query.by and start < query.period.end:
        day += DAY
        end = min(instant(day, query.period.zone), query.period.end)
        if end > start:  # which is not so where a zone has skipped a day
            rows.append(query._replace(period=query.period._replace(start=start, end=end)))
            start = end
    return rows or [query]


def side_by_side(cloud: Cloud, queries: Sequence[Query]) -> list[tuple[str, str, Usage]]:
    """Return the answers to queries, or raise what failed first. One goes ahead: a wrong key costs one signature."""
    import threading
    answers = {0: statistics(cloud, queries[0])}
    errors: list[Exception] = []

    def work(places: range) -> None:
        try:
            for place in places:
                answers[place] = statistics(cloud, queries[place])
        except Exception as error:  # noqa: BLE001 - whatever it is, it is noted before the others stop
            errors.append(error)
            cloud.closed = True

    shares = [range(1 + first, len(queries), SIDE_BY_SIDE) for first in range(min(SIDE_BY_SIDE, len(queries) - 1))]
    threads = [threading.Thread(target=work, args=(share,), daemon=True) for share in shares]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive() and not cloud.closed:
                thread.join(0.1)  # without a limit Windows would not hear Ctrl-C, nor we of the others' errors
    finally:
        cloud.closed = True
    if errors:
        raise errors[0]
    return [answers[place] for place in range(len(queries))]


def make_report(cloud: Cloud, query: Query) -> Report:
    """Ask for each row of a query, and add up; raises RunError if a single call fails, since half a sum is none."""
    rows = rows_of(query)
    answers = side_by_side(cloud, [row._replace(types=(name,)) for row in rows for name in row.types])
    usages, types = [usage for _, _, usage in answers], len(answers) // len(rows)
    sums = [(row, sum(usages[types * place : types * (place + 1)], Usage())) for place, row in enumerate(rows)]
    return Report(query, sums, sum(usages, Usage()), answers)


# --- Showing ---------------------------------------------------------------------------------------------------------
def printable(text: str) -> str:
    """Return a text of others on one line, not too long, without what would steer a terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 3]}..."


def figures_of(usage: Usage, query: Query) -> dict[str, int | float | None]:
    """Return the figures under the names that programs read; error_rate is None when there were no requests."""
    rate = round(usage.total_errors / usage.total_requests, 4) if usage.total_requests else None
    named = {**dict(zip(Usage._fields[:5], usage)), "error_rate": rate}
    return {**named, **dict(zip(Usage._fields[5:], usage[5:]))} if query.infer_type == "batch" else named


def span_of(period: Period) -> dict[str, str]:
    """Return start and end in ISO 8601 with the zone's offset."""
    return dict(zip(("start", "end"), (moment.isoformat() for moment in period.local())))


def label_of(row: Query) -> dict[str, str]:
    """Return what sets a row apart from the others, its name first."""
    if row.by == "day":
        return {"day": str(row.period.local()[0].date()), **span_of(row.period)}
    if row.by == "api-key":
        return {"api_key": shorten((row.api_keys or ("",))[0])}
    return {"service_type": row.service_type} if row.by else {}


def json_text(report: Report) -> str:
    """Return the report as one JSON document."""
    import json
    query = report.query
    zone, complete = query.period.zone and str(query.period.zone), query.period.complete
    document = {
        "period": {**span_of(query.period), "timezone": zone, "complete": complete},
        **{name: getattr(query, name) for name in Query._fields[1:7]},
        "api_keys": query.api_keys and [shorten(key) for key in query.api_keys],
        "totals": figures_of(report.total, query),
        "by": query.by,
        "rows": [{**label_of(row), **figures_of(usage, row)} for row, usage in report.rows if query.by],
        "notes": query.notes,
    }
    return json.dumps(document, indent=2) + "\n"


def csv_text(report: Report) -> str:
    """Return a header, and a line for each row."""
    import csv
    import io
    rows = [{**span_of(row.period), **label_of(row), **figures_of(usage, row)} for row, usage in report.rows]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([rows[0], *(row.values() for row in rows)])
    return text.getvalue()


def raw_text(report: Report) -> str:
    """Return a JSON array of the statistics as they were asked and answered, to the letter."""
    text = ",\n".join(f'{{"request": {body},\n "response": {text}}}' for body, text, _ in report.answers)
    return f"[{text}]\n"


def row_lines(report: Report) -> Iterator[str]:
    """Yield a line for each row, for people: its main figures, and a bar in proportion to its tokens."""
    import unicodedata
    most = max(usage.total_tokens for _, usage in report.rows) or 1
    lines: list[tuple[str, ...]] = [("", "tokens", "requests", "errors")]
    for row, usage in [*report.rows, (report.query._replace(by=None), report.total)]:
        label = printable(next(iter(label_of(row).values()), "total")) or '""'
        lines.append((label, *(f"{usage[place]:,}" for place in (0, 3, 4))))
    label_width, *widths = BY[report.query.by or "day"], *(max(map(len, column)) for column in list(zip(*lines))[1:])
    room = max(0, WIDTH - label_width - sum(widths) - 8)
    bars = ["", *("#" * -(-usage.total_tokens * room // most) for _, usage in report.rows), ""]
    for (label, *cells), bar in zip(lines, bars):
        cut = label[: label_width // (1 if label.isascii() else 2)]
        width = label_width - sum(unicodedata.east_asian_width(c) in "WF" for c in cut)  # those take two columns
        figures = "".join(f"  {cell:>{columns}}" for cell, columns in zip(cells, widths))
        yield f"{cut:<{width}}{figures}  {bar}".rstrip()


def total_lines(usage: Usage, query: Query) -> Iterator[str]:
    """Yield a line for each figure of a total, for people: also short if it is large; if all is zero, what to try."""
    rate = figures_of(usage, query)["error_rate"]
    for name, count in zip(Usage._fields, usage if query.infer_type == "batch" else usage[:5]):
        units = {"T": 1e12, "G": 1e9, "M": 1e6}.items()
        short = next((f"{count / size:,.2f} {unit}" for unit, size in units if count >= size * 0.999995), "")
        beside = f"{rate:.2%}" if name == "total_errors" and rate is not None else short
        yield f"{name.replace('_', ' '):<18}{count:>26,} {beside:>11}".rstrip()
    if not any(usage):
        yield "\nNothing was used, or it was used elsewhere. Try --service-type all, --infer-type"
        yield "batch, the other --region or a longer --period; and figures lag by 1 to 2 hours."


def table_text(report: Report) -> str:
    """Return the report for people, at most 80 columns wide: what was asked, the rows, the total."""
    import textwrap
    query, lines = report.query, []
    asked = {
        "service": f"{query.service_type}, {query.infer_type}",
        "region": f"{query.region}, project {query.project_id}",
        "period": " to ".join(map(str, query.period.local())),
        "zone": str(query.period.zone or "the system's"),
        "API keys": ", ".join(shorten(printable(key)) or '""' for key in query.api_keys or ()),
        "IPs": ", ".join(query.ips or ()),
    }
    for name, text in asked.items():
        width = WIDTH if text.isascii() else WIDTH // 2  # Chinese characters take two columns
        line = textwrap.fill(f"{name:<9} {text}", width, subsequent_indent=" " * 10, break_on_hyphens=False)
        lines += [line] if text else []
    lines += ["", *row_lines(report)] if query.by else []
    return "\n".join((*lines, "", *total_lines(report.total, query), ""))


def check_text(signs: Sequence[str]) -> str:
    """Return a line for each step of --check: what was found, else where it ended."""
    results = [*(f"ok       {sign}" for sign in signs), "failed", "skipped", "skipped"]
    return "".join(f"{step:<12} {result}\n" for step, result in zip(("credentials", "project", "statistics"), results))


def error_text(error: RunError, shown_as: Mapping[str, str], *, as_json: bool) -> str:
    """Return the end of stderr, in lines or as JSON; secrets, and what may be one, are hidden before texts are cut."""
    import json
    keylike = r"[0-9A-Za-z+=_-]{24,}" if error.kind == USAGE else "$^"  # what was typed in a wrong place
    message = re.sub(keylike, lambda word: shorten(word.group()), str(error))
    facts = {**dict.fromkeys(("http_status", "error_code", "request_id")), **error.facts}
    said = {"message": message, "hint": error.hint, **facts}
    fields = {name: printable(hide(text, shown_as)) if isinstance(text, str) else text for name, text in said.items()}
    if as_json:
        return json.dumps({"error": {"kind": error.kind.name, **fields, "retryable": error.kind.retryable}}) + "\n"
    return f"error: {fields['message']}\nhint: {fields['hint']}\n"


def write(stream: TextIO | None, text: str) -> bool:
    """Write a text, with escapes for what the stream lacks; return whether anybody reads on, or raise RunError."""
    if stream is None:  # the caller has closed it
        return True
    try:
        stream.write(text.encode(stream.encoding or "ascii", "backslashreplace").decode(stream.encoding or "ascii"))
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # for the last flush, which is the interpreter's
        if error.errno in (errno.EPIPE, errno.EINVAL):
            return False
        raise RunError(INTERNAL, f"the output cannot be written: {error.strerror}", "Look to the disk.") from None
    return True


TEXTS = {"table": table_text, "json": json_text, "csv": csv_text, "raw": raw_text}

# --- Main ------------------------------------------------------------------------------------------------------------
def answer_to(query: Query, keys: Keys, tell: Callable[[str], None], signs: list[str]) -> Report:
    """Return the report on a query, and leave a sign of each step that is done; raises RunError."""
    cloud = Cloud(keys, tell)
    signs.append(keys.project_id or find_project_id(cloud, query.region))
    started = time.monotonic()
    report = make_report(cloud, query._replace(project_id=signs[-1], notes=query.notes + keys.notes))
    signs.append(f"{1000 * (time.monotonic() - started):.0f} ms")
    return report


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with these arguments, or the command line's, and return the exit code."""
    argv = sys.argv[1:] if argv is None else argv
    values = (os.environ.get(name, "") for name in HW_NAMES[:3] + SDK_NAMES[:3])
    shown_as = {value: "***" for value in values if len(value) >= max(SHORTEST_KEYS)}
    signs: list[str] = []
    args = argparse.Namespace(check=False)

    def tell(text: str) -> None:
        with contextlib.suppress(RunError):  # there is nobody to tell it
            write(sys.stderr, hide(text, shown_as))

    try:
        parser = build_parser()
        args, unknown = parser.parse_known_args(argv)
        if args.help or args.version:
            write(sys.stdout, parser.format_help() if args.help else f"{PROGRAM} {__version__}\n")
            return 0
        judge(args, unknown)
        query = read_query(args, os.environ, datetime.now(timezone.utc).replace(microsecond=0))
        shown_as.update({key: shorten(key) for key in query.api_keys or () if len(key) >= SHORTENED_FROM})
        keys = load_keys(query, os.environ)
        shown_as.update({secret: "***" for secret in keys[:3] if secret})
        signs.append(keys.origin)
        report = answer_to(query, keys, lambda text: tell(f"{printable(hide(text, shown_as))}\n"), signs)
        text = check_text(signs) if args.check else TEXTS[query.output](report)
        if write(sys.stdout, hide(text, shown_as)):
            tell("".join(f"note: {printable(note)}\n" for note in report.query.notes))
        return 0
    except RunError as error:
        failure = error
    except KeyboardInterrupt:
        failure = RunError(INTERRUPTED, "interrupted")
    except Exception as error:  # noqa: BLE001 - the last resort, which shows no traceback and no secret
        failure = RunError(INTERNAL, f"{type(error).__name__}")
    formats = re.findall(r"(?:^|\n)--format[=\n](.*)", "\n".join(argv))  # of arguments, too, that make no sense
    with contextlib.suppress(RunError):
        write(sys.stdout, hide(check_text(signs), shown_as) if args.check and failure.kind != USAGE else "")
    tell(error_text(failure, shown_as, as_json=formats[-1:] == ["json"]))
    return failure.kind.exit_code


if __name__ == "__main__":
    sys.exit(main())
