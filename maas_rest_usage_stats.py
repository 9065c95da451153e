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
"""Show token and request usage of Huawei Cloud MaaS (Model as a Service) models.

examples:
  maas_rest_usage_stats.py                              the last seven days
  maas_rest_usage_stats.py --period last-week --by day  one row per day
  maas_rest_usage_stats.py --from YYYY-MM-DD --to YYYY-MM-DD
                                                        both days included

credentials (the first source found is used):
  --credentials-file FILE         a file with AK and SK
  HW_ACCESS_KEY, HW_SECRET_KEY    and HW_SECURITY_TOKEN for temporary keys
  HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK
                                  and HUAWEICLOUD_SDK_SECURITY_TOKEN,
                                  HUAWEICLOUD_SDK_PROJECT_ID
  ~/.huaweicloud/credentials      or HUAWEICLOUD_SDK_CREDENTIALS_FILE

other environment variables:
  HW_PROJECT_ID                   project id, if the credentials have none
  HTTPS_PROXY, NO_PROXY           proxy, and hosts to reach without it
  REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE
                                  file of CA certificates to trust
  TZ                              time zone, if --timezone is not given

exit codes:
  0  the figures are on stdout
  1  a fault of this program, a missing package, or a full disk
  2  wrong arguments
  3  credentials missing, refused or without permission; no project
  4  the service refused the request, or its answer was not valid
  5  the service could not be reached or kept failing
  130  interrupted
"""

from __future__ import annotations

import argparse
import configparser
import contextlib
import csv
import errno
import functools
import io
import ipaddress
import json
import math
import os
import re
import shlex
import sys
import textwrap
import threading
import time
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    Mapping,
    NamedTuple,
    NoReturn,
    Optional,
    Sequence,
    TextIO,
    Tuple,
    TypeVar,
)
from urllib.parse import parse_qsl, quote, urlsplit

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

__version__ = "1.0.0"
PROGRAM = "maas_rest_usage_stats.py"
SKILL = "huawei-cloud-maas-tokens-usage"  # the name under which it is published for agents

Body = Dict[str, Any]  # of a request
Label = Dict[str, Any]  # what a row has before its figures, in JSON and CSV
Strings = Tuple[str, ...]  # hashable, since queries are keys of results
Texts = Mapping[str, str]  # such as the environment
Zone = Optional[tzinfo]  # None: the system's zone, whose name is not known

# --- The service: facts and their sources ---------------------------------------------

# https://support.huaweicloud.com/api-maas/ShowStatistics.html gives 3 for custom endpoints. The
# service answers "service_type must be one of [1 2 4]", as Huawei's own skill reports.
SERVICE_TYPES = {"preset": 2, "my-service": 1, "custom-endpoint": 4}
TYPE_NAMES = "preset (2), my-service (1), custom-endpoint (4) or all"

# The same page for the China site, and for the international site
# https://support.huaweicloud.com/intl/en-us/api-maas/ShowStatistics.html.
TYPES_BY_REGION = {
    "cn-southwest-2": ("preset", "my-service", "custom-endpoint"),
    "ap-southeast-1": ("preset", "my-service"),
}
DEFAULT_REGION = "cn-southwest-2"
REGION_FORM = re.compile(r"[a-z]{2}-[a-z]{1,30}-[0-9]{1,3}")
REGION_WORDS = "of the form xx-yyyy-1; MaaS is offered in " + " and ".join(TYPES_BY_REGION)

# Both pages: the service keeps 30 days, one request spans at most 30 days, and a project id has 32
# characters.
RETENTION = timedelta(days=30)
PROJECT_ID_FORM = re.compile(r"[0-9a-z]{32}")

# The console's documentation: call statistics lag by one to two hours.
REPORTING_LAG = timedelta(hours=2)

# Both pages: 200 requests a minute for one user. A run asks for fewer, further tries aside.
MOST_REQUESTS = 180


# --- Figures and sums -----------------------------------------------------------------


class Figure(NamedTuple):
    """One figure of the statistics. A line in FIGURES adds it to all formats and sums.

    heading and list_field say where it is left out.
    """

    name: str  # in JSON and CSV; in tables with blanks instead of underscores
    field: str  # in the answer of ShowStatistics; one that is missing there counts as 0
    heading: str = ""  # in tables with rows; a figure without a heading is left out there
    in_thousands: bool = False  # the service counts it in thousands, with decimals
    batch_only: bool = False
    list_field: str = ""  # in list-service-statistics, whose rows must have it; empty: it has none


# The fields of ShowStatistics are documented on its pages; that tokens come in thousands is known
# from Huawei's own skill. The fields of list-service-statistics are known from a console's
# front-end only, so an answer without one of them is refused.
FIGURES = (
    Figure(
        "total_tokens",
        "total_token",
        heading="tokens",
        in_thousands=True,
        list_field="total_token",
    ),
    Figure("prompt_tokens", "total_prompt_token", in_thousands=True, list_field="prompt_token"),
    Figure(
        "completion_tokens",
        "total_completion_token",
        in_thousands=True,
        list_field="completion_token",
    ),
    Figure("total_requests", "total_request_count", heading="requests", list_field="request_count"),
    Figure("total_errors", "total_error_count", heading="errors", list_field="error_count"),
    Figure("completed_tasks", "total_completion_tasks", batch_only=True),
    Figure("inference_count", "total_infer_count", batch_only=True),
)

# Larger figures are refused: up to here the arithmetic of decimals is exact.
FIGURE_LIMIT = 10**18

# Whole tokens, calls and tasks by the name of their figure. The total of tokens is the service's
# own; it is not the sum of prompt and completion tokens.
Usage = Dict[str, int]


def add_up(usages: Iterable[Usage]) -> Usage:
    """Return the sum of usages, figure by figure; all figures are zero if there are none."""
    total = {figure.name: 0 for figure in FIGURES}
    for usage in usages:
        for name in total:
            total[name] += usage[name]
    return total


ZERO_USAGE = add_up([])


def in_words(name: str) -> str:
    """Return a name in JSON as people read it."""
    return name.replace("_", " ")


def error_rate(usage: Usage) -> float | None:
    """Return failed requests per request, rounded to four decimals; None without requests."""
    if usage["total_requests"] == 0:
        return None
    return round(usage["total_errors"] / usage["total_requests"], 4)


# --- Errors ---------------------------------------------------------------------------


class Kind(NamedTuple):
    """A kind of failure: what the user sees, and whether the request is worth another try."""

    name: str  # in the JSON error
    exit_code: int
    hint: str  # what to do next, unless the error has a hint of its own
    retryable: bool = False  # whether the user may run the same command again
    waits: tuple[float, ...] = ()  # seconds before each further try within this run


INTERNAL = Kind("internal", 1, "This is a fault of the program. Report it with the command.")
INTERRUPTED = Kind("internal", 130, "Run the command again.", retryable=True)
USAGE = Kind("usage", 2, f"See {PROGRAM} --help.")
CREDENTIALS = Kind(
    "credentials",
    3,
    "Set HW_ACCESS_KEY and HW_SECRET_KEY, or use --credentials-file FILE.",
)
PERMISSION = Kind(
    "permission",
    3,
    "Grant the user the policy ModelArts CommonOperations in the project of the region.",
)
SERVICE = Kind(
    "service", 4, "Check the region, the project id and the options, then report the message."
)
NETWORK = Kind(
    "network",
    5,
    "Check the network connection and the proxy settings, then try again.",
    retryable=True,
    waits=(0.5, 1.0, 2.0, 4.0, 8.0),
)
SERVER_FAULT = NETWORK._replace(hint="The service has a fault. Try again in a few minutes.")
OTHER_FAULT = SERVER_FAULT._replace(waits=())  # not tried again within this run
THROTTLED = NETWORK._replace(
    hint="The service limits requests. Try again in a few minutes.",
    waits=(2.0, 4.0, 8.0, 16.0, 32.0),
)
SETTINGS = Kind("network", 5, "Correct the address of the proxy. Its form is http://HOST:PORT.")

KIND_BY_STATUS = {
    401: CREDENTIALS,
    403: PERMISSION,
    429: THROTTLED,
    500: SERVER_FAULT,
    502: SERVER_FAULT,
    503: SERVER_FAULT,
    504: SERVER_FAULT,
}


class RunError(Exception):
    """The reason for a failed run: its kind, a sentence, and what to do next."""

    def __init__(  # noqa: PLR0913 - the last three are facts from an answer
        self,
        kind: Kind,
        message: str,
        hint: str = "",
        *,
        http_status: int | None = None,
        error_code: str = "",
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message.rstrip(". ") + "."
        self.hint = hint or kind.hint
        self.http_status = http_status
        self.error_code = error_code  # this and the next are the service's
        self.request_id = request_id


# --- Texts that are not ours ----------------------------------------------------------

LONGEST_TEXT = 1000  # characters of a message that are shown
LONG_KEY = 24  # characters; an API key label this long may be the key itself
MAYBE_SECRET = re.compile(r"[0-9A-Za-z+/=_-]{24,}|[0-9A-Za-z]{20,}")


def one_line(text: str) -> str:
    """Return a text of somebody else on one line, cut to LONGEST_TEXT characters.

    Blanks replace what could break a line or steer a terminal.
    """
    characters = [character if character.isprintable() else " " for character in text]
    line = " ".join("".join(characters).split())
    if len(line) > LONGEST_TEXT:
        line = line[: LONGEST_TEXT - 3] + "..."
    return line


def shortened(text: str, first: int, last: int) -> str:
    """Return the first and last characters of a text."""
    return f"{text[:first]}...{text[-last:]}"


def mask(text: str) -> str:
    """Return a text in which everything that may be an AK, an SK or a token is shortened."""
    return MAYBE_SECRET.sub(lambda found: shortened(found[0], 4, 4), text)


def quoted(text: str) -> str:
    """Return what the user typed, for an error message: in quotes, in ASCII and masked."""
    return mask(ascii(text))


def shorten_key(api_key: str) -> str:
    """Return an API key as it is shown: a long one as its first eight and last four characters."""
    if len(api_key) < LONG_KEY:
        return api_key
    return shortened(api_key, 8, 4)


# --- Time zones -----------------------------------------------------------------------

# zoneinfo opens any file below the zone folders; IANA names begin with a capital letter.
ZONE_FORM = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
NAME_IN_TZ = re.compile(r"UTC|[^/:,][^,]*/[^,]*")  # UTC, or a name with a slash


def install_advice(packages: str) -> str:
    """Return how to install packages where the system's Python refuses them."""
    folder = ".venv/bin"
    if os.name == "nt":
        folder = ".venv\\Scripts"
    return (
        f'Use a virtual environment: "{sys.executable}" -m venv .venv, then '
        f"{folder}/python -m pip install {packages}, then run the command with {folder}/python. "
        f"Or run: uv run {PROGRAM}"
    )


def no_zone_data(package: str) -> RunError:
    """Return the error for a machine without time zone data, which the package has."""
    return RunError(
        INTERNAL,
        f"time zone data is missing; install {package}",
        install_advice(f"huaweicloudsdkcore requests {package}"),
    )


def load_zone(name: str, source: str) -> tzinfo:
    """Return the zone with an IANA name; raises RunError. The source is the option or variable."""
    if name == "UTC":
        return timezone.utc  # needs no zone data
    try:
        if sys.version_info >= (3, 9):
            from zoneinfo import ZoneInfo, available_timezones
        else:
            from backports.zoneinfo import ZoneInfo, available_timezones
    except ImportError:  # only below Python 3.9
        raise no_zone_data("backports.zoneinfo") from None

    if ZONE_FORM.fullmatch(name):
        # No such file, not a zone file, or a folder.
        with contextlib.suppress(KeyError, ValueError, OSError):
            return ZoneInfo(name)
    if not available_timezones():  # no name can be found
        raise no_zone_data("tzdata")
    raise RunError(
        USAGE,
        f"unknown time zone {quoted(name)} in {source}; "
        "use an IANA name, such as Asia/Shanghai or UTC",
    )


def choose_zone(option: str | None, environ: Texts) -> Zone:
    """Return the zone of dates: of --timezone, else of TZ, else None for the system's zone.

    A TZ that is a rule (CST-8), an abbreviation (CST) or a path stays the C library's business.
    """
    if option is not None:
        return load_zone(option, "--timezone")
    setting = environ.get("TZ", "")
    if NAME_IN_TZ.fullmatch(setting):
        return load_zone(setting, "TZ")
    return None


def to_utc(moment: datetime, zone: Zone) -> datetime:
    """Return a moment in UTC. A naive one is read on the clocks of the zone.

    A time that occurs twice means its first occurrence.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    try:
        # Without a zone, astimezone is wrong for a time that the clocks skip; timestamp is right.
        return datetime.fromtimestamp(moment.timestamp(), timezone.utc)
    except (OverflowError, ValueError, OSError):
        # The first and last days of the calendar: some hours off, but never within 30 days of now.
        return moment.replace(tzinfo=timezone.utc)


def midnight(day: date, zone: Zone) -> datetime:
    """Return the start of a local day in UTC."""
    return to_utc(datetime.combine(day, datetime.min.time()), zone)


# --- Periods --------------------------------------------------------------------------

SECOND = timedelta(seconds=1)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

DEFAULT_PERIOD = "7d"
PERIOD_NAMES = (
    "today, yesterday, this-week, last-week, this-month, last-month, 1d to 30d, or 1h to 720h"
)
ROLLING_FORM = re.compile(r"(?P<count>[0-9]{1,3})(?P<unit>[dh])")
ROLLING_UNITS = {"d": DAY, "h": HOUR}
TIME_FORMS = "YYYY-MM-DD, YYYY-MM-DDTHH:MM or YYYY-MM-DDTHH:MM:SS+HH:MM"
TIME_FORM = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"((?P<clock>[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


class Period(NamedTuple):
    """The half-open time [start, end), and the zone in which it is shown."""

    start: datetime  # in UTC
    end: datetime  # in UTC
    zone: Zone
    complete: bool = True  # False if the start was cut to what the service keeps

    def local_start(self) -> datetime:
        """Return the start with the zone's offset."""
        return self.start.astimezone(self.zone)

    def local_end(self) -> datetime:
        """Return the end with the zone's offset."""
        return self.end.astimezone(self.zone)

    def zone_name(self) -> str | None:
        """Return the IANA name of the zone, or None if it is not known."""
        if self.zone is None:
            return None
        return str(self.zone)

    def wire_milliseconds(self) -> tuple[int, int]:
        """Return start_time and end_time for the service, in milliseconds since 1970 UTC.

        The service is taken to include its end_time, which is not confirmed. Only this method
        depends on it.
        """
        start = int(self.start.timestamp()) * 1000
        end = int(self.end.timestamp()) * 1000
        return start, end - 1


def monday_of(local: datetime) -> date:
    """Return the Monday on which the week of a time begins."""
    return local.date() - local.weekday() * DAY


def named_period(text: str, zone: Zone, now: datetime) -> tuple[datetime, datetime]:
    """Return start and end, in UTC, of a --period; raises RunError."""
    rolling = ROLLING_FORM.fullmatch(text)
    if rolling:
        length = int(rolling["count"]) * ROLLING_UNITS[rolling["unit"]]
        if not timedelta(0) < length <= RETENTION:
            raise RunError(USAGE, f"--period {text} is out of range; use 1d to 30d or 1h to 720h")
        return now - length, now

    local_now = now.astimezone(zone)
    today = local_now.date()
    tomorrow = today + DAY
    monday = monday_of(local_now)
    month = today.replace(day=1)
    last_month = (month - DAY).replace(day=1)
    days = {
        "today": (today, tomorrow),
        "yesterday": (today - DAY, today),
        "this-week": (monday, tomorrow),
        "last-week": (monday - 7 * DAY, monday),
        "this-month": (month, tomorrow),
        "last-month": (last_month, month),
    }
    if text not in days:
        raise RunError(USAGE, f"unknown period {quoted(text)}; use {PERIOD_NAMES}")
    first_day, day_after = days[text]
    return midnight(first_day, zone), midnight(day_after, zone)


def read_when(text: str, zone: Zone, option: str) -> datetime:
    """Return the instant, in UTC, that --from or --to means; raises RunError.

    A plain date is local midnight for --from, and the end of that day for --to.
    """
    wrong = RunError(USAGE, f"{option} {quoted(text)} is not a date or time; use {TIME_FORMS}")
    form = TIME_FORM.fullmatch(text)
    if form is None:
        raise wrong
    parts = form.groupdict("")
    try:
        moment = datetime.fromisoformat(parts["day"] + parts["clock"])
        if parts["offset"]:
            offset = datetime.strptime(parts["offset"], "%z").tzinfo
            moment = moment.replace(tzinfo=offset)
    except ValueError:
        raise wrong from None
    if option == "--to" and not parts["clock"]:
        with contextlib.suppress(OverflowError):  # 31 December 9999
            moment += DAY
    return to_utc(moment, zone)


def kept_period(
    start: datetime,
    end: datetime,
    zone: Zone,
    now: datetime,
) -> Period:
    """Return the part of [start, end) that has passed and is still kept; raises RunError.

    A day, week or month that begins in this very second gets a length of one second.
    """
    oldest = now - RETENTION
    if start > now:
        raise RunError(USAGE, f"the period starts in the future; now is {now.astimezone(zone)}")
    if end <= start:
        raise RunError(USAGE, "the period is empty: its end is not after its start")
    if end <= oldest:
        first_day = (oldest - SECOND).astimezone(zone).date() + DAY
        raise RunError(
            USAGE,
            f"the period ended before {oldest.astimezone(zone)}; older data is not kept",
            f"The earliest whole day that is available is {first_day}.",
        )
    latest_end = max(now, start + SECOND)
    return Period(max(start, oldest), min(end, latest_end), zone, complete=start >= oldest)


# --- What is asked, and its rows ------------------------------------------------------


class Filter(NamedTuple):
    """An option that narrows what is counted. One that was not given has the value None."""

    option: str  # on the command line
    field: str  # in the request and in JSON
    title: str  # in tables; at most nine characters, and none of those in what_was_asked
    value: Strings | None


class Scope(NamedTuple):
    """What is counted, whatever the service type.

    Each field after infer_type needs a line in filters().
    """

    period: Period
    infer_type: str  # real_time or batch
    api_keys: Strings | None
    ips: Strings | None

    def filters(self) -> list[Filter]:
        """Return the filters. The request and all outputs follow this list."""
        return [
            Filter("--api-keys", "api_keys", "API keys", self.api_keys),
            Filter("--ips", "ips", "addresses", self.ips),
        ]

    def shown(self) -> Scope:
        """Return this scope as it may be shown: long API keys may be secrets, and are shortened.

        The console would not find one that is wrapped or escaped.
        """
        if self.api_keys is None:
            return self
        return self._replace(api_keys=tuple(map(shorten_key, self.api_keys)))


class Query(NamedTuple):
    """What one statistics request asks for."""

    service_type: str  # a name of SERVICE_TYPES
    scope: Scope

    def body(self) -> Body:
        """Return the fields of the request. What is None is left out."""
        scope = self.scope
        start, end = scope.period.wire_milliseconds()
        fields: Body = {
            "service_type": SERVICE_TYPES[self.service_type],
            "start_time": start,
            "end_time": end,
            "timezone": scope.period.zone_name(),
            "infer_type": scope.infer_type,
        }
        for item in scope.filters():
            fields[item.field] = item.value
        return {name: value for name, value in fields.items() if value is not None}


class Part(NamedTuple):
    """A part of what is asked, which becomes one row. Its queries are added up."""

    name: str  # in tables
    label: Label
    queries: list[Query]


class Options(NamedTuple):
    """The command line, checked and complete."""

    scope: Scope
    service_type: str  # a name of SERVICE_TYPES, or all
    service_types: Strings  # the names of SERVICE_TYPES that are asked for
    by: str | None  # a name of BREAKDOWNS
    parts: list[Part]  # one for each row; without --by a single one
    region: str
    project_id: str | None
    credentials_file: str | None
    oldest: datetime  # in UTC; what the service still keeps begins here
    notes: Strings

    def queries(self) -> list[Query]:
        """Return the queries of all parts."""
        return [query for part in self.parts for query in part.queries]

    def figures(self) -> list[Figure]:
        """Return the figures of this run, in the order of all outputs."""
        if self.scope.infer_type == "batch":
            return list(FIGURES)
        if self.by == "service":
            return [figure for figure in FIGURES if figure.list_field]
        return [figure for figure in FIGURES if not figure.batch_only]


def start_and_end(period: Period) -> Label:
    """Return start and end of a period in ISO 8601, with the zone's offset."""
    return {
        "start": period.local_start().isoformat(),
        "end": period.local_end().isoformat(),
    }


def make_part(
    name: str,
    label: Label,
    scope: Scope,
    service_types: Strings,
) -> Part:
    """Return a part with one query for each service type."""
    return Part(name, label, [Query(service_type, scope) for service_type in service_types])


def one_part(scope: Scope, service_types: Strings) -> list[Part]:
    """Return the whole as a single part."""
    return [make_part("total", {}, scope, service_types)]


def hour_of(local: datetime) -> str:
    """Return a text that is the same for all times in one local hour.

    The offset in it makes an hour that is repeated, as clocks go back, another hour.
    """
    return local.isoformat(timespec="hours")


def next_edge(moment: datetime, zone: Zone, unit_of: Callable[[datetime], object]) -> datetime:
    """Return, in UTC, when the local hour, day or week of a moment ends.

    unit_of returns the hour, day or week of a local time. Clocks change at quarters of an hour.
    """
    local = moment.astimezone(zone)
    unit = unit_of(local)
    since_quarter = timedelta(minutes=local.minute % 15, seconds=local.second)
    edge = moment - since_quarter + QUARTER
    while unit_of(edge.astimezone(zone)) == unit:
        edge += QUARTER
    return edge


def parts_by_time(
    scope: Scope,
    service_types: Strings,
    unit: str,
    unit_of: Callable[[datetime], object],
) -> list[Part]:
    """Return a part for each hour, day or week. The ends of the period cut the first and last.

    unit names the label.
    """
    whole = scope.period
    parts = []
    start = whole.start
    partial = next_edge(start - SECOND, whole.zone, unit_of) != start
    while start < whole.end:
        edge = next_edge(start, whole.zone, unit_of)
        if edge > whole.end:
            partial = True

        period = whole._replace(start=start, end=min(edge, whole.end))
        text = str(unit_of(period.local_start()))
        if unit == "hour":
            text = period.local_start().isoformat()  # a cut hour has a label of its own
        label = {unit: text, **start_and_end(period), "partial": partial}
        shown_name = f"{text} (partial)" if partial else text
        parts.append(make_part(shown_name, label, scope._replace(period=period), service_types))
        start = edge
        partial = False
    return parts


def parts_by_service_type(scope: Scope, service_types: Strings) -> list[Part]:
    """Return a part for each service type."""
    return [make_part(name, {"service_type": name}, scope, (name,)) for name in service_types]


def parts_by_api_key(scope: Scope, service_types: Strings) -> list[Part]:
    """Return a part for each API key. "" is the console's online experience."""
    parts = []
    for api_key in scope.api_keys or ():
        label = shorten_key(api_key)
        narrowed = scope._replace(api_keys=(api_key,))
        parts.append(make_part(label or '""', {"api_key": label}, narrowed, service_types))
    return parts


def parts_by_ip(scope: Scope, service_types: Strings) -> list[Part]:
    """Return a part for each client address."""
    parts = []
    for ip in scope.ips or ():
        parts.append(make_part(ip, {"ip": ip}, scope._replace(ips=(ip,)), service_types))
    return parts


BREAKDOWNS: dict[str, Callable[[Scope, Strings], list[Part]]] = {
    "hour": functools.partial(parts_by_time, unit="hour", unit_of=hour_of),
    "day": functools.partial(parts_by_time, unit="day", unit_of=datetime.date),
    "week": functools.partial(parts_by_time, unit="week", unit_of=monday_of),
    "service-type": parts_by_service_type,
    "service": one_part,  # the totals; the rows come from another call
    "api-key": parts_by_api_key,
    "ip": parts_by_ip,
}


# --- Console: stdout, stderr and secrets ----------------------------------------------

SHORTEST_SECRET = 8  # characters of an AK, SK or token; hiding shorter ones would garble texts
UNCOUNTED_REQUESTS = 20  # a run with more shows how many are done


class Console:
    """stdout and stderr of a run. No secret passes, and a closed pipe is not an error."""

    def __init__(self, stdout: TextIO | None, stderr: TextIO | None) -> None:
        """Take the streams; None is a stream that the caller has closed."""
        self._stdout = stdout
        self._stderr = stderr
        self._shown_as: dict[str, str] = {}  # for each secret in each spelling
        self._announced: set[str] = set()
        self._progress = ""  # on the line of stderr that is erased at the end
        self._lock = threading.RLock()  # announcements come from several threads

    def hide(self, secret: str, shown_as: str = "***") -> None:
        """Show another text wherever a secret would stand: as it is, or encoded for URL or JSON."""
        if len(secret) >= SHORTEST_SECRET:
            in_json = json.dumps(secret)[1:-1]
            for spelling in (in_json, in_json.replace("/", r"\/")):
                self._shown_as[spelling] = json.dumps(shown_as)[1:-1]
            for spelling in (secret, quote(secret, safe="", errors="surrogateescape")):
                self._shown_as[spelling] = shown_as

    def without_secrets(self, text: str) -> str:
        """Return a text in which secrets are hidden. The longest go first: one may hold another."""
        for spelling in sorted(self._shown_as, key=len, reverse=True):
            text = text.replace(spelling, self._shown_as[spelling])
        return text

    def clean(self, text: str) -> str:
        """Return somebody else's text without secrets, and on one line that is not too long."""
        return one_line(self.without_secrets(text))

    def write_result(self, text: str, encoding: str | None = None) -> None:
        """Write to stdout; raises RunError if that fails for another reason than a closed pipe.

        Without an encoding, that of the stream stays.
        """
        if encoding and isinstance(self._stdout, io.TextIOWrapper):
            self._stdout.reconfigure(encoding=encoding)
        self._write(self._stdout, self.without_secrets(text))

    def write_message(self, text: str, progress: str = "") -> None:
        """Write whole lines to stderr, if anybody listens: before the progress of the run."""
        with self._lock, contextlib.suppress(RunError):
            if self._progress:
                blanks = " " * len(self._progress)
                text = f"\r{blanks}\r{text}"
            self._progress = progress
            self._write(self._stderr, self.without_secrets(text) + progress)

    def announce(self, text: str) -> None:
        """Write a text to stderr as a line of its own, unless it was announced before."""
        line = self.clean(text)
        with self._lock:
            if line not in self._announced:
                self._announced.add(line)
                self.write_message(f"{line}\n")

    def show_progress(self, done: int, count: int) -> None:
        """Show how many requests are done, if stderr is a terminal and there are many."""
        if count <= UNCOUNTED_REQUESTS or self._stderr is None or not self._stderr.isatty():
            return
        progress = ""
        if done < count:
            progress = f"{done} of {count} requests"
        if progress != self._progress:
            self.write_message("", progress)

    @staticmethod
    def _write(stream: TextIO | None, text: str) -> None:
        if stream is None:
            return
        encoding = stream.encoding or "utf-8"
        content = text.encode(encoding, "backslashreplace")  # escapes for what it lacks
        try:
            stream.write(content.decode(encoding))
            stream.flush()
        except OSError as error:
            # The interpreter flushes once more at its end. That must not fail as well.
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            if error.errno not in (errno.EPIPE, errno.EINVAL):  # EINVAL: a closed pipe on Windows
                raise RunError(
                    INTERNAL,
                    f"the result cannot be written: {error.strerror}",
                    "Check the disk.",
                ) from None


# --- Credentials ----------------------------------------------------------------------

LONGEST_FILE = 65536  # bytes


class Names(NamedTuple):
    """The names by which a source calls AK, SK, token and project id. Empty: it has none."""

    ak: str
    sk: str
    token: str = ""
    project_id: str = ""


HW_NAMES = Names("HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN", "HW_PROJECT_ID")
SDK_NAMES = Names(
    "HUAWEICLOUD_SDK_AK",
    "HUAWEICLOUD_SDK_SK",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN",
    "HUAWEICLOUD_SDK_PROJECT_ID",
)
PROFILE_NAMES = Names("ak", "sk", "security_token", "project_id")
CSV_NAMES = Names("access key id", "secret access key")
LINE_NAMES = Names("AK on line 1", "SK on line 2")  # for messages: the lines have no names

SECRET_VARIABLES = HW_NAMES[:3] + SDK_NAMES[:3]
PROFILE_VARIABLE = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
PROFILE_FILE = "~/.huaweicloud/credentials"

FILE_HINT = (
    "Use one of these forms: the AK on line 1 and the SK on line 2; NAME=VALUE lines "
    "with the names of the environment variables; the console's credentials.csv with one key; "
    "an INI profile with a section [basic]."
)
NAMED_VALUE = re.compile(
    r"((export|set)\s+)?(?P<name>\w+)\s*=\s*(?P<quote>[\"']?)(?P<value>.*)(?P=quote)",
    re.IGNORECASE,
)

# Characters that an AK, SK or token never has. If there are several, the last is named.
WRONG_CHARACTERS = (
    (r"[\x00-\x1f\x7f]", "a control character, such as a line break"),
    (r"[^\x00-\x7f]", "a non-ASCII character"),
    (";", "a semicolon (;)"),
    ("'", "a single quote (')"),
    ('"', 'a double quote (")'),
    (" ", "a blank"),
)


class Credentials(NamedTuple):
    """AK and SK, the token of temporary keys, and what else their source knows."""

    ak: str
    sk: str
    token: str  # empty: the keys are permanent
    project_id: str  # empty: not known
    origin: str  # where the keys came from, for messages
    notes: Strings = ()

    def __repr__(self) -> str:
        return f"Credentials(origin={self.origin!r})"


def check_secret(name: str, value: str, origin: str) -> None:
    """Raise RunError if a value cannot be an AK, SK or token. The value is not shown."""
    problem = ""
    if len(value) < SHORTEST_SECRET:
        problem = f"is shorter than {SHORTEST_SECRET} characters"
    for pattern, description in WRONG_CHARACTERS:
        if re.search(pattern, value):
            problem = f"contains {description}"
    if problem:
        raise RunError(CREDENTIALS, f"{name} in {origin} {problem}", f"Correct {name}.")


def has_keys(values: Texts, names: Names) -> bool:
    """Say whether there is an AK or an SK with these names. An empty one is none."""
    return bool(values.get(names.ak) or values.get(names.sk))


def credentials_from(values: Texts, names: Names, origin: str) -> Credentials:
    """Return the credentials with these names; raises RunError."""
    if not has_keys(values, names):
        raise RunError(
            CREDENTIALS,
            f"{names.ak} and {names.sk} are missing in {origin}",
            FILE_HINT,
        )
    for missing, present in ((names.ak, names.sk), (names.sk, names.ak)):
        if not values.get(missing):
            raise RunError(
                CREDENTIALS,
                f"{present} is set in {origin}, but {missing} is not",
                f"Set {missing} in the same place.",
            )
    for name in (names.ak, names.sk, names.token):
        if values.get(name):
            check_secret(name, values[name], origin)
    return Credentials(
        values[names.ak],
        values[names.sk],
        values.get(names.token, ""),
        values.get(names.project_id, ""),
        origin,
    )


def read_two_lines(lines: list[str], origin: str) -> Credentials | None:
    """Read a file with the AK on one line and the SK on the next."""
    if len(lines) != 2 or not re.fullmatch("[0-9A-Za-z]{8,}", lines[0]):
        return None
    values = {LINE_NAMES.ak: lines[0], LINE_NAMES.sk: lines[1]}
    return credentials_from(values, LINE_NAMES, origin)


def read_named_values(lines: list[str], origin: str) -> Credentials | None:
    """Read NAME=VALUE lines, with or without export, set and quotes."""
    values = {}
    for line in lines:
        named = NAMED_VALUE.fullmatch(line)
        if named:
            values[named["name"]] = named["value"]
    for names in (HW_NAMES, SDK_NAMES):
        if names.ak in values or names.sk in values:
            return credentials_from(values, names, origin)
    return None


def read_csv(lines: list[str], origin: str) -> Credentials | None:
    """Read the console's credentials.csv: a header and one row; raises RunError for more rows."""
    rows = [row for row in csv.reader(lines) if any(row)]
    if not rows:
        return None
    header = [cell.strip().lower() for cell in rows[0]]
    if CSV_NAMES.ak not in header or CSV_NAMES.sk not in header:
        return None
    if len(rows) != 2:
        raise RunError(
            CREDENTIALS,
            f"{origin}: there are {len(rows) - 1} rows below the header",
            "Keep the header and the row of one key.",
        )
    # A cell without a heading is skipped: an empty name stands for what a source does not have.
    values = {name: cell.strip() for name, cell in zip(header, rows[1]) if name}
    return credentials_from(values, CSV_NAMES, origin)


def read_profile(lines: list[str], origin: str) -> Credentials | None:
    """Read an INI profile with a section [basic]."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string("\n".join(lines))
    except configparser.Error:
        return None
    if not parser.has_section("basic"):
        return None
    return credentials_from(parser["basic"], PROFILE_NAMES, origin)


FILE_READERS = (read_two_lines, read_named_values, read_csv, read_profile)


def read_file(path: str) -> bytes:
    """Return the bytes of a credentials file; raises RunError."""
    hint = f"Correct the path, or the permissions of the file. {FILE_HINT}"
    try:
        with open(path, "rb") as file:
            return file.read(LONGEST_FILE + 1)
    except FileNotFoundError:
        problem = "does not exist"
        hint = "Correct the path of the file."
    except OSError as error:
        problem = f"cannot be opened: {error.strerror}"
    except ValueError:
        problem = "cannot be opened: the path is not valid"
    raise RunError(CREDENTIALS, f"the credentials file {mask(path)} {problem}", hint)


def lines_of(content: bytes, origin: str) -> list[str]:
    """Return the lines of a file without blank ones and comments; raises RunError.

    Bytes that are not UTF-8 are replaced, since they may stand in a comment.
    """
    encoding = "utf-8-sig"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    text = content.decode(encoding, "replace")
    stripped = [line.strip() for line in text.splitlines()]
    lines = [line for line in stripped if line and not line.startswith("#")]

    problem = ""
    if len(content) > LONGEST_FILE:
        problem = "is too long"
    elif "\0" in text:
        problem = "is binary"
    elif not lines:
        problem = "is empty"
    if problem:
        raise RunError(CREDENTIALS, f"{origin} {problem}", FILE_HINT)
    return lines


def credentials_in(lines: list[str], origin: str) -> Credentials:
    """Return the credentials in a file of a known form; raises RunError, which shows none of it."""
    for read in FILE_READERS:
        credentials = read(lines, origin)
        if credentials is not None:
            return credentials
    raise RunError(CREDENTIALS, f"cannot recognize the format of {origin}", FILE_HINT)


def read_credentials_file(path: str) -> Credentials:
    """Return the credentials in a file; raises RunError."""
    path = os.path.expanduser(path)
    origin = f"the credentials file {path}"
    lines = lines_of(read_file(path), origin)
    credentials = credentials_in(lines, origin)
    if os.name == "posix" and os.stat(path).st_mode & 0o044:
        note = f"Others can read {origin}. To fix it: chmod 600 {shlex.quote(path)}"
        credentials = credentials._replace(notes=(note,))
    return credentials


def find_credentials(path: str | None, environ: Texts) -> Credentials:
    """Return the credentials of the first source that has some; raises RunError."""
    if path is not None:
        return read_credentials_file(path)
    for names in (HW_NAMES, SDK_NAMES):
        if has_keys(environ, names):
            credentials = credentials_from(environ, names, "the environment")
            return credentials._replace(origin=f"the environment ({names.ak}, {names.sk})")
    profile = environ.get(PROFILE_VARIABLE)
    if profile:
        return read_credentials_file(profile)
    if os.path.exists(os.path.expanduser(PROFILE_FILE)):
        return read_credentials_file(PROFILE_FILE)
    raise RunError(CREDENTIALS, "no credentials found")


def load_credentials(options: Options, environ: Texts, console: Console) -> Credentials:
    """Return the credentials, with the project id where it is known; raises RunError.

    From here on the console hides the secrets.
    """
    credentials = find_credentials(options.credentials_file, environ)
    for secret in (credentials.ak, credentials.sk, credentials.token):
        console.hide(secret)
    place = credentials.origin
    in_variable = environ.get(HW_NAMES.project_id, "")
    project_id = options.project_id or credentials.project_id or in_variable
    if project_id == in_variable:  # also if it came along with the keys
        place = HW_NAMES.project_id
    if project_id and not PROJECT_ID_FORM.fullmatch(project_id):
        raise RunError(
            CREDENTIALS,
            f"the project id in {place} is not 32 characters of 0-9a-z",
            "Correct or remove it, or use --project-id.",
        )
    return credentials._replace(project_id=project_id)


# --- The cloud: signature, network, project, statistics -------------------------------

TIMEOUTS = (10.0, 30.0)  # seconds to connect, and to read
LONGEST_WAIT = 60.0  # seconds; a longer Retry-After ends the run
LONGEST_RETRYING = 100.0  # seconds after a request's first try, in which others may begin
ANNOUNCED_WAIT = 2.0  # seconds; longer waits are announced

SHOW_OPERATION = "show-statistics"
SIGNED_HEADERS = ("Content-Type", "X-Project-Id")  # a proxy may change others on the way

UNTRUSTED_HINT = "Set REQUESTS_CA_BUNDLE to a file with the CA certificate of your proxy."
CLOCK_HINT = "Check the clock of this machine, or of the proxy that made the certificate."

# What the exceptions of requests say where a setting is wrong, the fault, and what helps.
SETTING_FAULTS = (
    (
        "TLS CA certificate bundle|Caused by SSLError.*(X509|Errno|PermissionError|OSError)",
        "the file of CA certificates cannot be used",
        "Correct REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, whichever is set.",
    ),
    (
        "Tunnel connection failed: 407",
        "the proxy asks for a user name and password, or refused them (407)",
        "Correct user and password in the address of the proxy. More tries may lock the account.",
    ),
    (
        "Tunnel connection failed: 403",
        "the proxy does not allow the connection (403)",
        "Ask the administrator of the proxy to allow this host.",
    ),
    (
        "Caused by ProxyError.*(WRONG_VERSION_NUMBER|EOF|handshake operation timed out)",
        "the proxy does not speak TLS",
        "Begin the address of the proxy with http:// instead of https://.",
    ),
    (
        "SOCKS support",
        "a SOCKS proxy needs the package PySocks",
        "Install PySocks in the same environment, or use an HTTP proxy.",
    ),
)

# What the service says with a 401, on its pages on APIGW.0301 and in public issues, and what helps.
UNAUTHORIZED_HINTS = (
    (
        "signature expired",
        "Set the clock of this machine, if it is over 15 minutes off, or renew temporary keys.",
    ),
    (r"\bak\b.*not exist", "Check the AK, and that it belongs to the site of this region."),
    ("verify aksk signature fail", "Check the SK, and the token of temporary keys."),
    ("reach the limit", "The AK is locked. Wait five minutes, then try once with correct keys."),
)
PROJECT_ID_HINT = (
    "Use --project-id ID, or set HW_PROJECT_ID. The console shows the id under My Credentials."
)
OTHER_UNAUTHORIZED_HINT = (
    "Check AK, SK, and the token of temporary keys, and that they fit the site."
)


class Signature:
    """Signs requests with AK and SK.

    It is the auth of a session of requests, which then does not look for passwords in a netrc file.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request and return it.

        The Signer encodes a query in its own way, so its URL replaces the one of requests.
        """
        from huaweicloudsdkcore.sdk_request import SdkRequest
        from huaweicloudsdkcore.signer.signer import Signer

        headers = {
            name: request.headers[name] for name in SIGNED_HEADERS if name in request.headers
        }
        headers["X-Sdk-Date"] = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        if self._credentials.token:
            headers["X-Security-Token"] = self._credentials.token
        url = urlsplit(str(request.url))
        unsigned = SdkRequest(
            request.method,
            url.scheme,
            url.netloc,
            url.path,
            query_params=parse_qsl(url.query, keep_blank_values=True),
            header_params=headers,
            body=request.body or "",
        )
        signed = Signer(self._credentials).sign(unsigned)
        request.headers.update(signed.header_params)
        request.url = signed.url
        return request


def connection_error(error: BaseException, host: str) -> RunError:
    """Return the error for a connection that failed or was lost, in the system's words."""
    from requests import exceptions

    reason = "the connection was lost"
    if isinstance(error, exceptions.Timeout):
        reason = "no answer in time"
    cause: BaseException | None = error
    while cause is not None:
        if str(cause).startswith("Tunnel connection failed"):
            reason = str(cause)
        elif isinstance(cause, OSError) and cause.strerror:
            reason = cause.strerror
        cause = cause.__context__
    way = host
    if isinstance(error, exceptions.ProxyError):
        way = f"{host} through the proxy"
    return RunError(NETWORK, f"cannot reach {way}: {reason}")


def network_error(error: BaseException, host: str) -> RunError:
    """Return the error for what requests raised instead of an answer.

    Its text is searched, but not shown: it may hold the password of a proxy.
    """
    from requests import exceptions

    if isinstance(error, exceptions.ContentDecodingError):
        return RunError(SERVICE, f"the answer of {host} cannot be decompressed")
    text = str(error)
    certificate = re.search(r"certificate verify failed: (.*) \(_ssl", text)
    if certificate:
        reason = certificate[1]
        hint = UNTRUSTED_HINT
        if re.search("expired|not yet valid", reason):
            hint = CLOCK_HINT
        return RunError(SETTINGS, f"the certificate of {host} is not valid: {reason}", hint)
    for pattern, fault, hint in SETTING_FAULTS:
        if re.search(pattern, text):
            return RunError(SETTINGS, f"cannot reach {host}: {fault}", hint)
    lost = (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError)
    if isinstance(error, lost) and "InvalidURL" not in text:
        return connection_error(error, host)
    return RunError(SETTINGS, f"cannot reach {host}: the address of the proxy is not valid")


class Answer(NamedTuple):
    """An answer of the service, whatever its status."""

    operation: str  # for errors
    text: str
    fields: Body  # of its JSON, with decimals; empty if it is not an object
    error_code: str  # this and the next are what it says about an error; empty: nothing
    error_text: str
    request_id: str


def read_answer(operation: str, response: Response, console: Console) -> Answer:
    """Return an answer without secrets; raises RunError if it is not JSON.

    A refusal need not be JSON. An error in the answer may be flat, or nested as in IAM.
    """
    request_id = response.headers.get("X-Request-Id", "")
    text = ""
    fields = {}
    try:
        text = console.without_secrets(response.content.decode("utf-8"))
        content = json.loads(text, parse_float=Decimal, parse_constant=int)  # int("NaN") raises
        if isinstance(content, dict):
            fields = content
    except (ValueError, ArithmeticError, RecursionError):  # a huge exponent, endless brackets
        if response.status_code == 200:
            raise RunError(
                SERVICE,
                f"{operation}: the answer is not JSON",
                request_id=request_id,
            ) from None
    error = fields
    if isinstance(fields.get("error"), dict):
        error = {**fields, **fields["error"]}
    error_code = error.get("error_code") or error.get("code") or ""
    error_text = error.get("error_msg") or error.get("message") or ""
    request_id = request_id or str(error.get("request_id") or "")
    return Answer(operation, text, fields, str(error_code), str(error_text), request_id)


def unauthorized_hint(text: str) -> str:
    """Return what helps against a 401 with this text."""
    for pattern, hint in UNAUTHORIZED_HINTS:
        if re.search(pattern, text):
            return hint
    return OTHER_UNAUTHORIZED_HINT


class Cloud:
    """The one door to the network: signs, sends, and tries again where that may help."""

    def __init__(self, credentials: Credentials, region: str, console: Console) -> None:
        """Prepare requests to a region; raises RunError if a package is missing."""
        try:
            import huaweicloudsdkcore.signer.signer  # noqa: F401 - missing packages show up here
            import requests
        except ImportError as error:
            raise RunError(
                INTERNAL,
                f"a package cannot be imported: {error}",
                install_advice("huaweicloudsdkcore requests"),
            ) from None
        self.region = region
        self.project_id = credentials.project_id  # empty: not known yet
        self.console = console
        self.stopped = False  # once it is set, nothing more is sent
        self._origin = credentials.origin
        self._session = requests.Session()
        self._session.auth = Signature(credentials)
        self._session.headers["User-Agent"] = f"{SKILL}/{__version__}"

    def get_projects(self, path: str) -> Answer:
        """Return the answer of IAM to a GET; raises RunError."""
        return self._request("project look-up", "iam", path)

    def post_statistics(self, operation: str, body: Body) -> Answer:
        """Return the answer to an operation of the MaaS statistics; raises RunError."""
        path = f"/v1/{self.project_id}/maas/monitoring/{operation}"
        return self._request(operation, "modelarts", path, json.dumps(body))

    def _request(
        self,
        operation: str,
        service: str,
        path: str,
        body: str = "",
    ) -> Answer:
        started = time.monotonic()
        tries = 0
        while True:
            try:
                return self._send(operation, service, path, body)
            except RunError as error:
                if self.stopped or tries >= len(error.kind.waits):
                    raise
                wait = error.kind.waits[tries]
                elapsed = time.monotonic() - started
                if wait > LONGEST_WAIT or elapsed + wait > LONGEST_RETRYING:
                    raise
                reason = error.message
            if wait > ANNOUNCED_WAIT:
                self.console.announce(f"waiting {wait:g} s before the next try: {reason}")
            time.sleep(wait)
            tries += 1

    def _send(
        self,
        operation: str,
        service: str,
        path: str,
        body: str,
    ) -> Answer:
        if self.stopped:
            raise RunError(INTERRUPTED, "another request has failed")
        host = f"{service}.{self.region}.myhuaweicloud.com"
        headers = {"Content-Type": "application/json"}
        method = "GET"
        if body:
            headers["X-Project-Id"] = self.project_id
            method = "POST"
        try:
            response = self._session.request(
                method,
                f"https://{host}{path}",
                data=body,
                headers=headers,
                timeout=TIMEOUTS,
                allow_redirects=False,
            )
        except (OSError, ValueError, TypeError) as error:  # the latter two for odd proxy addresses
            raise network_error(error, host) from error
        answer = read_answer(operation, response, self.console)
        if response.status_code != 200:
            raise self._refusal(response, answer)
        return answer

    def _refusal(self, response: Response, answer: Answer) -> RunError:
        status = response.status_code
        text = answer.error_text or "the answer gives no reason"
        hint = ""
        if 300 <= status < 400:
            target = response.headers.get("Location", "an unknown place")
            text = f"a redirect to {target}, which is not followed"
        if status == 401:
            hint = (
                f"{unauthorized_hint(text)} The keys come from {self._origin}. "
                "Until this is corrected, trying again with the same keys may lock them."
            )
        if status == 403:
            hint = f"{PERMISSION.hint} Region: {self.region}; project: {self.project_id}."
            if not self.project_id:
                hint = PROJECT_ID_HINT
        kind = KIND_BY_STATUS.get(status, SERVICE)
        if status >= 500 and kind == SERVICE:
            kind = OTHER_FAULT
        retry_after = response.headers.get("Retry-After", "").strip()
        if kind.retryable and retry_after.isdecimal():  # not a date
            seconds = float(retry_after)
            kind = kind._replace(waits=(seconds,) * len(kind.waits))
            if seconds > LONGEST_WAIT:
                hint = f"Try again in {retry_after} seconds. The service asks for this wait."
        return RunError(
            kind,
            f"{answer.operation}: HTTP {status}: {text}",
            hint,
            http_status=status,
            error_code=answer.error_code,
            request_id=answer.request_id,
        )


def invalid_answer(answer: Answer, reason: str, hint: str = "") -> RunError:
    """Return the error for an answer with status 200 that is not valid.

    If the answer carries an error, the message shows it.
    """
    words = f"{answer.error_code} {answer.error_text}".strip()
    if words:
        reason = f"{reason}; it says: {words}"
    return RunError(
        SERVICE,
        f"{answer.operation}: {reason}",
        hint,
        error_code=answer.error_code,
        request_id=answer.request_id,
    )


def find_project_id(cloud: Cloud) -> str:
    """Return the project id, from IAM if the credentials have none; raises RunError.

    It is the id of the project that has the region's name: https://support.huaweicloud.com/api-iam/
    """
    if cloud.project_id:
        return cloud.project_id
    try:
        answer = cloud.get_projects(f"/v3/projects?name={cloud.region}")
    except RunError as error:
        if error.kind != PERMISSION:
            raise
        # This call needs no permission, and has no filter.
        answer = cloud.get_projects("/v3/auth/projects")
    ids = []
    try:
        for project in answer.fields["projects"]:
            if project["name"] == cloud.region:
                ids.append(str(project["id"]))
    except (KeyError, TypeError):
        raise invalid_answer(answer, "the answer is not a list of projects") from None
    if len(ids) != 1:
        raise RunError(
            CREDENTIALS,
            f"IAM lists {len(ids)} projects named {cloud.region}; exactly one is needed",
            PROJECT_ID_HINT,
        )
    if not PROJECT_ID_FORM.fullmatch(ids[0]):
        raise invalid_answer(answer, "the project id is not 32 characters of 0-9a-z")
    return ids[0]


SHOW_FIELDS = {figure: figure.field for figure in FIGURES}


def read_usage(fields: Mapping[Figure, str], record: Mapping[str, Any]) -> Usage:
    """Return the figures of a record of an answer in whole tokens, calls and tasks.

    fields says in which field of the record a figure stands. A field that is missing or null counts
    as 0. Raises ValueError, which names the field, for a value that is not a figure.
    """
    usage = dict(ZERO_USAGE)
    for figure, field in fields.items():
        value = record.get(field)
        if value is None:
            continue
        if (
            type(value) not in (int, Decimal)  # a boolean is no figure
            or not 0 <= value < FIGURE_LIMIT
            or (value % 1 != 0 and not figure.in_thousands)
        ):
            raise ValueError(f"the field {field} is not a valid figure")
        exact = Decimal(value)
        if figure.in_thousands:
            exact *= 1000
        usage[figure.name] = int(exact.to_integral_value(ROUND_HALF_UP))
    return usage


def ask_usage(cloud: Cloud, query: Query) -> Usage:
    """Return the totals for a query; raises RunError."""
    answer = cloud.post_statistics(SHOW_OPERATION, query.body())
    if all(answer.fields.get(field) is None for field in SHOW_FIELDS.values()):
        raise invalid_answer(answer, "the answer has none of the known figures")
    try:
        return read_usage(SHOW_FIELDS, answer.fields)
    except ValueError as error:
        raise invalid_answer(answer, str(error)) from None


# --- Services: an experimental call, whose answer is not documented -------------------

LIST_OPERATION = "list-service-statistics"
LIST_LIMIT = 99  # rows; a sibling call documents that the limit is below 100
LEAST_PERCENT = {"total_requests": 95, "total_tokens": 95}  # a list that covers less is refused
LIST_FIELDS = {figure: figure.list_field for figure in FIGURES if figure.list_field}
NOT_LISTED = "(not listed)"
LIST_HINT = (
    "--by service is experimental, because the format of this answer is not documented. "
    "Use --by service-type. To help, report the names of the fields that --raw shows."
)


def list_body(query: Query) -> Body:
    """Return the fields of a request for the services' own figures."""
    return {**query.body(), "limit": LIST_LIMIT, "offset": 0}


def list_services(cloud: Cloud, query: Query) -> Answer:
    """Return the figures of each service for a query, not checked; raises RunError."""
    try:
        return cloud.post_statistics(LIST_OPERATION, list_body(query))
    except RunError as error:
        if error.kind == SERVICE:
            error.hint = LIST_HINT
        raise


def find_records(fields: Body) -> list[Any]:
    """Return the list under items, or the only list at the top level; raises ValueError."""
    lists = [value for value in fields.values() if isinstance(value, list)]
    if isinstance(fields.get("items"), list):
        lists = [fields["items"]]
    if len(lists) != 1:
        names = ", ".join(fields) or "none"
        raise ValueError(f"the answer has {len(lists)} lists; its fields are: {names}")
    return lists[0]


def read_service(record: Any) -> tuple[str, Usage]:
    """Return name and figures of a service; raises ValueError."""
    if not isinstance(record, dict):
        raise ValueError("a row of the answer is not an object")
    for field in ("service_name", *LIST_FIELDS.values()):
        if field not in record:
            names = ", ".join(record)
            raise ValueError(f"a row of the answer has no {field}; its fields are: {names}")
    name = record["service_name"]
    if not isinstance(name, str):
        raise ValueError("the field service_name is not a string")
    return one_line(name), read_usage(LIST_FIELDS, record)


def read_services(answer: Answer) -> dict[str, Usage]:
    """Return the usage of each service by its name; raises RunError."""
    services: dict[str, Usage] = {}
    try:
        for record in find_records(answer.fields):
            name, usage = read_service(record)
            services[name] = add_up([usage, services.get(name, ZERO_USAGE)])
    except ValueError as error:
        raise invalid_answer(answer, str(error), LIST_HINT) from None
    return services


def usage_not_listed(service_type: str, listed: Usage, total: Usage) -> Usage:
    """Return what the listed services leave of the total; raises RunError if they do not fit it."""
    rest = dict(ZERO_USAGE)
    for figure in LIST_FIELDS:
        name = figure.name
        rest[name] = total[name] - listed[name]
        least = total[name] * LEAST_PERCENT.get(name, 0)
        if not least <= listed[name] * 100 <= total[name] * 100:
            raise RunError(
                SERVICE,
                f"{LIST_OPERATION}: the services of type {service_type} have {listed[name]} "
                f"{in_words(name)}, but {SHOW_OPERATION} counts {total[name]}",
                LIST_HINT,
            )
    return rest


# --- Report: requests side by side, rows and sums -------------------------------------

SIDE_BY_SIDE = 8  # requests at most

Result = TypeVar("Result")


class Row(NamedTuple):
    """One row of a report."""

    name: str  # in tables
    label: Label  # in JSON and CSV, before the figures
    usage: Usage


class Report(NamedTuple):
    """The result of a run. With --by, the rows add up to the total."""

    options: Options
    project_id: str
    rows: list[Row]  # without --by a single one, the total
    total: Usage
    notes: Strings


def ask_side_by_side(
    cloud: Cloud,
    queries: Sequence[Query],
    ask: Callable[[Cloud, Query], Result],
) -> dict[Query, Result]:
    """Return the result of each query. There must be one at least, and no two may be equal.

    Raises the first error, after which nothing more is sent. The first query goes alone, so that a
    wrong key costs one failed signature instead of eight.
    """
    results = {queries[0]: ask(cloud, queries[0])}
    errors: list[Exception] = []

    def ask_each(share: Sequence[Query]) -> None:
        try:
            for query in share:
                results[query] = ask(cloud, query)
        except Exception as error:  # noqa: BLE001 - raised below, whatever it is
            errors.append(error)
            cloud.stopped = True

    threads = []
    cloud.console.show_progress(len(results), len(queries))
    try:
        for first in range(1, min(SIDE_BY_SIDE + 1, len(queries))):
            share = queries[first::SIDE_BY_SIDE]
            thread = threading.Thread(target=ask_each, args=(share,), daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            while thread.is_alive() and not errors:
                thread.join(timeout=0.1)  # without a time-out, Windows would not notice Ctrl-C
                cloud.console.show_progress(len(results), len(queries))
    except BaseException:
        cloud.stopped = True
        raise
    if errors:
        raise errors[0]
    cloud.console.show_progress(len(queries), len(queries))
    return results


def service_label(name: str, service_type: str, options: Options) -> Label:
    """Return the label of a service. Services of several types may have the same name."""
    label = {"service": name}
    if len(options.service_types) > 1:
        label["service_type"] = service_type
    return label


def rows_of_services(
    options: Options,
    services_by_query: Mapping[Query, dict[str, Usage]],
    totals: Mapping[Query, Usage],
) -> list[Row]:
    """Return a row for each service, the largest first, and what is not listed; raises RunError."""
    rows = []
    for query, services in services_by_query.items():
        listed = add_up(services.values())
        rest = usage_not_listed(query.service_type, listed, totals[query])
        usages = list(services.items())
        if any(rest.values()):
            usages.append((NOT_LISTED, rest))
        for name, usage in usages:
            label = service_label(name, query.service_type, options)
            rows.append(Row(", ".join(label.values()), label, usage))
    rows.sort(key=lambda row: (-row.usage["total_tokens"], row.name))
    rows.sort(key=lambda row: row.label["service"] == NOT_LISTED)  # these go to the end
    return rows


def unused_notes(by: str | None, rows: Sequence[Row]) -> Strings:
    """Return a note on the API keys or addresses without calls: they may be mistyped."""
    nouns = {"api-key": "API key", "ip": "address"}
    unused = [row.name for row in rows if row.usage["total_requests"] == 0]
    if by not in nouns or not unused:
        return ()
    noun = nouns[by]
    note = (
        f"No calls for {noun} {', '.join(unused)}: either none were made in this period, "
        f"or the service does not know the {noun}."
    )
    return (note,)


def make_report(cloud: Cloud, options: Options, notes: Strings) -> Report:
    """Ask for everything and add it up; raises RunError. Partial sums are never returned."""
    queries = options.queries()
    services = {}
    if options.by == "service":
        # Asked first: calls in between can then only be missing from the rows.
        for query in queries:
            services[query] = read_services(list_services(cloud, query))
    usages = ask_side_by_side(cloud, queries, ask_usage)
    rows = []
    if options.by == "service":
        rows = rows_of_services(options, services, usages)
    else:
        for part in options.parts:
            usage = add_up(usages[query] for query in part.queries)
            rows.append(Row(part.name, part.label, usage))
    total = add_up(usages.values())
    notes += unused_notes(options.by, rows)
    return Report(options, cloud.project_id, rows, total, notes)


def raw_entry(body: Body, answer: Answer) -> str:
    """Return a request and its answer, as it came, as a JSON object.

    The console shortens long API keys in it.
    """
    return f'{{"request": {json.dumps(body)},\n "response": {answer.text}}}'


def ask_raw(cloud: Cloud, query: Query) -> str:
    """Return the totals for a query and what was asked, as JSON that is not checked."""
    answer = cloud.post_statistics(SHOW_OPERATION, query.body())
    return raw_entry(query.body(), answer)


def raw_text(cloud: Cloud, options: Options) -> str:
    """Return a JSON array of what was asked and answered, not checked; raises RunError."""
    queries = options.queries()
    entries = []
    if options.by == "service":
        for query in queries:
            entries.append(raw_entry(list_body(query), list_services(cloud, query)))
    totals = ask_side_by_side(cloud, queries, ask_raw)
    entries += [totals[query] for query in queries]
    return "[" + ",\n".join(entries) + "]\n"


# --- Output: one function for each format ---------------------------------------------

WIDTH = 80  # columns of tables and of --help
NARROWEST_BAR = 5  # columns; a bar with less room is left out
NARROWEST_LABEL = 10  # columns, to which a label is shortened at most
SHORT_UNITS = ((10**12, "T"), (10**9, "G"), (10**6, "M"))


def named_figures(usage: Usage, options: Options) -> dict[str, float | None]:
    """Return the figures of a run, and the error rate, by the names that programs read."""
    named: dict[str, float | None] = {}
    for figure in options.figures():
        named[figure.name] = usage[figure.name]
        if figure.name == "total_errors":
            named["error_rate"] = error_rate(usage)
    return named


def shown_error_rate(usage: Usage) -> str:
    """Return the error rate in percent, or nothing without requests."""
    rate = error_rate(usage)
    return "" if rate is None else f"{rate:.2%}"


def json_text(report: Report) -> str:
    """Return the report as a JSON document with each top-level value and each row on a line."""
    options = report.options
    scope = options.scope.shown()
    rows = []
    if options.by:
        for row in report.rows:
            rows.append({**row.label, **named_figures(row.usage, options)})
    document = {
        "period": {
            **start_and_end(scope.period),
            "timezone": scope.period.zone_name(),
            "complete": scope.period.complete,
        },
        "region": options.region,
        "project_id": report.project_id,
        "service_type": options.service_type,
        "infer_type": scope.infer_type,
        **{item.field: item.value for item in scope.filters()},
        "totals": named_figures(report.total, options),
        "by": options.by,
        "rows": rows,
        "notes": report.notes,
    }
    lines = []
    for name, value in document.items():
        text = json.dumps(value)
        if name == "rows" and rows:
            text = "[\n    " + ",\n    ".join(json.dumps(row) for row in rows) + "\n  ]"
        lines.append(f'  "{name}": {text}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def csv_text(report: Report) -> str:
    """Return a header and a line for each row, or for the total without --by."""
    options = report.options
    whole = start_and_end(options.scope.period)
    label = service_label("", "", options)  # without usage, --by service has no rows
    if report.rows:
        label = report.rows[0].label
    header = {**whole, **label, **named_figures(report.total, options)}

    text = io.StringIO()
    writer = csv.DictWriter(text, list(header), lineterminator="\n")
    writer.writeheader()
    for row in report.rows:
        writer.writerow({**whole, **row.label, **named_figures(row.usage, options)})
    return text.getvalue()


def what_was_asked(report: Report) -> dict[str, str]:
    """Return what was asked, for people, by short names."""
    options = report.options
    scope = options.scope.shown()
    period = scope.period
    asked = {
        "service": f"{options.service_type}, {scope.infer_type}",
        "region": f"{options.region}, project {report.project_id}",
        "period": f"{period.local_start()} to {period.local_end()}",
        "zone": period.zone_name() or "the system's",
    }
    for item in scope.filters():
        if item.value is not None:
            asked[item.title] = ", ".join(value or '""' for value in item.value)
    return asked


def row_cells(usage: Usage, figures: Sequence[Figure]) -> list[str]:
    """Return figures as cells of a table, and the error rate."""
    cells = [f"{usage[figure.name]:,}" for figure in figures]
    return [*cells, shown_error_rate(usage)]


class TableLine(NamedTuple):
    """A line of a table of rows."""

    label: str
    cells: list[str]
    tokens: int = 0  # for the bar


def table_of(report: Report) -> list[TableLine]:
    """Return the header, a line for each row of --by, and the total.

    Without --by there is room for all figures.
    """
    rows: list[Row] = []
    figures = report.options.figures()
    headings = [in_words(figure.name) for figure in figures]
    if report.options.by:
        rows = report.rows
        figures = [figure for figure in figures if figure.heading]
        headings = [figure.heading for figure in figures]
    lines = [TableLine("", [*headings, "error rate"])]
    for row in rows:
        cells = row_cells(row.usage, figures)
        lines.append(TableLine(row.name, cells, row.usage["total_tokens"]))
    lines.append(TableLine("total", row_cells(report.total, figures)))
    return lines


def shorten_label(label: str, width: int) -> str:
    """Return a label of at most width columns, shortened in the middle."""
    if len(label) <= width:
        return label
    last = (width - 3) // 2
    first = width - 3 - last
    return shortened(label, first, last)


def aligned(lines: Sequence[TableLine]) -> list[str]:
    """Return the lines of a table with aligned columns and bars, at most WIDTH columns wide.

    Where the room is short, first the bars give way, then the labels.
    """
    columns = zip(*(line.cells for line in lines))
    widths = [2 + max(map(len, column)) for column in columns]  # two blanks before each cell
    longest_label = max(len(line.label) for line in lines)
    most_tokens = max(line.tokens for line in lines)
    room = max(NARROWEST_LABEL, WIDTH - sum(widths))
    label_width = min(room, longest_label)
    bar_width = room - label_width - 2
    if bar_width < NARROWEST_BAR:
        bar_width = 0

    texts = []
    for line in lines:
        label = shorten_label(line.label, label_width)
        text = label.ljust(label_width)
        for cell, width in zip(line.cells, widths):
            text += cell.rjust(width)
        if line.tokens:
            length = math.ceil(line.tokens * bar_width / most_tokens)
            text += "  " + "#" * length
        texts.append(text.rstrip())
    return texts


def short_figure(count: int) -> str:
    """Return a large figure in millions or more, with two decimals; nothing for a smaller one."""
    for size, unit in SHORT_UNITS:
        if count >= size * 0.999995:  # the smaller unit would show 1,000.00
            return f"{count / size:,.2f} {unit}"
    return ""


def total_lines(report: Report) -> list[str]:
    """Return a line for each figure of the total."""
    lines = []
    for figure in report.options.figures():
        count = report.total[figure.name]
        remark = short_figure(count)
        if figure.name == "total_errors":
            remark = shown_error_rate(report.total)
        line = f"{in_words(figure.name):<18}{count:>26,} {remark:>11}"
        lines.append(line.rstrip())
    return lines


def no_usage_lines(options: Options) -> list[str]:
    """Return the lines that say that there was no usage, and what to try.

    What narrows the question comes first, then what was not asked yet.
    """
    tries = []
    for item in options.scope.filters():
        if item.value is not None:
            tries.append(f"leave out {item.option}")
    if options.service_type != "all":
        tries.append("use --service-type all")
    if options.scope.infer_type != "batch" and options.by != "service":
        tries.append("use --infer-type batch")
    text = "No usage found."
    if tries:
        text += f" To look further, {', or '.join(tries)}."
    return textwrap.wrap(text, WIDTH, break_on_hyphens=False)


def table_text(report: Report) -> str:
    """Return the report for people, at most WIDTH columns wide."""
    lines = []
    for name, text in what_was_asked(report).items():
        line = f"{name:<9} {text}"
        lines += textwrap.wrap(line, WIDTH, subsequent_indent=" " * 10, break_on_hyphens=False)
    if report.options.by:
        lines += ["", *aligned(table_of(report))]
    lines += ["", *total_lines(report)]
    if not any(report.total.values()):
        lines += ["", *no_usage_lines(report.options)]
    return "\n".join(lines) + "\n"


def escape_markdown(text: str) -> str:
    """Return a text that stays text in a Markdown table."""
    return re.sub(r"([\\|`\[\]<>*])", r"\\\1", text)


def markdown_row(label: str, cells: Sequence[str]) -> str:
    """Return a line of a Markdown table."""
    return "| " + " | ".join([label, *cells]) + " |"


def markdown_text(report: Report) -> str:
    """Return a line on what was counted, and a Markdown table with a bold total."""
    table = table_of(report)
    headings = table[0].cells
    asked = [f"{name} {text}" for name, text in what_was_asked(report).items()]
    lines = [
        f"MaaS usage: {escape_markdown(', '.join(asked))}",
        "",
        markdown_row(report.options.by or "", headings),
        markdown_row("---", ["---:"] * len(headings)),
    ]
    for row in table[1:-1]:
        lines.append(markdown_row(escape_markdown(row.label), row.cells))
    bold_cells = [f"**{cell}**" if cell else "" for cell in table[-1].cells]
    lines.append(markdown_row("**total**", bold_cells))
    return "\n".join(lines) + "\n"


FORMATS: dict[str, Callable[[Report], str]] = {
    "table": table_text,
    "markdown": markdown_text,
    "json": json_text,
    "csv": csv_text,
}


def error_text(error: RunError, console: Console, *, as_json: bool) -> str:
    """Return an error, without secrets, as the last lines of stderr."""
    message = console.clean(error.message)
    fields = {
        "kind": error.kind.name,
        "message": message,
        "hint": console.clean(error.hint),
        "http_status": error.http_status,
        "error_code": console.clean(error.error_code) or None,
        "request_id": console.clean(error.request_id) or None,
        "retryable": error.kind.retryable,
    }
    if as_json:
        return json.dumps({"error": fields}) + "\n"
    details = []
    for name in ("error_code", "request_id"):
        if fields[name]:
            details.append(f"{in_words(name)} {fields[name]}")
    if details:
        message = f"{message.rstrip('.')} ({', '.join(details)})."
    return f"error: {message}\nhint: {fields['hint']}\n"


# --- Arguments ------------------------------------------------------------------------

TO_HELP = "end, in the same forms; a plain date includes that whole day (default: now)"
API_KEYS_HELP = (
    'only calls with these API keys, as the service names them; "" is the console\'s online '
    "experience; @FILE reads a file with one KEY per line"
)
BY_HELP = (
    f"{', '.join(BREAKDOWNS)}: one row for each, and the total. "
    "service is experimental: for preset services the name stands for the model, "
    "others are names that you gave"
)
RAW_HELP = "the service's JSON answers as they are, with tokens in thousands"
REGION_HELP = f"{' or '.join(TYPES_BY_REGION)} (default: {DEFAULT_REGION})"
CREDENTIALS_FILE_HELP = (
    "file with the AK on line 1 and the SK on line 2, or NAME=VALUE lines, credentials.csv, "
    "or an INI profile"
)


class Parser(argparse.ArgumentParser):
    """A parser that raises RunError."""

    def error(self, message: str) -> NoReturn:
        """Raise RunError for what argparse finds wrong. What was typed may be a secret."""
        raise RunError(USAGE, mask(message))


def wrapped(text: str) -> str:
    """Return a help text in lines that fit beside the options, not broken at hyphens."""
    return textwrap.fill(text, WIDTH - 26, break_on_hyphens=False)


def build_parser() -> Parser:
    """Return the parser of the command line. Its help is the docstring of this file and options."""
    description, _, epilog = (__doc__ or "").partition("\n\n")
    parser = Parser(
        PROGRAM,
        description=description,
        epilog=epilog,
        allow_abbrev=False,
        add_help=False,
        formatter_class=lambda prog: argparse.RawTextHelpFormatter(prog, width=WIDTH),
    )
    if sys.version_info >= (3, 14):
        parser.color = False
    options = parser.add_argument_group("options")
    formats = options.add_mutually_exclusive_group()
    add = options.add_argument
    add("--period", help=wrapped(f"{PERIOD_NAMES} (default: {DEFAULT_PERIOD})"))
    add("--from", dest="start", metavar="WHEN", help=wrapped(f"start: {TIME_FORMS}"))
    add("--to", dest="end", metavar="WHEN", help=wrapped(TO_HELP))
    add("--timezone", metavar="ZONE", help="IANA name of the zone of dates (default: the system's)")
    add("--service-type", metavar="TYPE", help=wrapped(f"{TYPE_NAMES} (default: preset)"))
    add(
        "--infer-type",
        choices=("real_time", "batch"),
        default="real_time",
        help="(default: real_time)",
    )
    add("--api-keys", metavar="KEY", nargs="+", action="extend", help=wrapped(API_KEYS_HELP))
    add("--ips", metavar="IP", nargs="+", action="extend", help="only calls from these addresses")
    add("--by", metavar="WHAT", choices=BREAKDOWNS, help=wrapped(BY_HELP))
    formats.add_argument("--format", choices=FORMATS, help="(default: table)")
    formats.add_argument(
        "--raw", action="store_const", const="raw", dest="format", help=wrapped(RAW_HELP)
    )
    add("--region", default=DEFAULT_REGION, help=wrapped(REGION_HELP))
    add("--project-id", metavar="ID", help="the project (default: IAM finds that of the region)")
    add("--credentials-file", metavar="FILE", help=wrapped(CREDENTIALS_FILE_HELP))
    add("--check", action="store_true", help="only test credentials, project and statistics")
    add("--version", action="store_true", help="show the version")
    add("--help", "-h", action="store_true", help="show this help")
    return parser


def check_parsed(args: argparse.Namespace, unknown: Sequence[str]) -> None:
    """Raise RunError for arguments that the parser does not know. Values are not shown."""
    if [] in vars(args).values():  # what argparse makes of --period=-- before Python 3.13
        raise RunError(USAGE, "-- is not the value of an option")
    names = []
    for argument in unknown:
        if argument.startswith("--"):
            names.append(mask(argument.partition("=")[0]))
        elif argument.startswith("-"):
            names.append(argument[:2])
    if names:
        raise RunError(
            USAGE,
            f"unknown option: {', '.join(names)}",
            f"{USAGE.hint} AK and SK are never given as arguments.",
        )
    if unknown:
        raise RunError(
            USAGE,
            "there is a value without an option",
            "Names of options begin with --. Put quotes around a value that contains blanks.",
        )


def check_arguments(args: argparse.Namespace) -> None:
    """Raise RunError for the first rule that the arguments break."""
    rules = (  # when each is broken, and the message
        (
            args.period is not None and (args.start or args.end),
            "--period cannot be used with --from or --to",
        ),
        (args.end is not None and args.start is None, "--to needs --from"),
        (
            not REGION_FORM.fullmatch(args.region),
            f"--region {quoted(args.region)} is not {REGION_WORDS}",
        ),
        (
            args.project_id is not None and not PROJECT_ID_FORM.fullmatch(args.project_id),
            f"--project-id {quoted(args.project_id)} is not 32 characters of 0-9a-z",
        ),
        (args.by == "api-key" and not args.api_keys, "--by api-key needs --api-keys"),
        (args.by == "ip" and not args.ips, "--by ip needs --ips"),
        (
            args.by == "service" and args.infer_type == "batch",
            "--by service cannot be used with --infer-type batch",
        ),
        (
            args.check and (args.by or args.format not in (None, "table")),
            "--check cannot be used with --by, --raw, or a --format other than table",
        ),
    )
    for broken, message in rules:
        if broken:
            raise RunError(USAGE, message)


def read_service_type(text: str) -> str:
    """Return the name of a service type, or all; raises RunError."""
    for name, number in SERVICE_TYPES.items():
        if text in (name, str(number)):
            return name
    if text == "all":
        return text
    if text == "3":
        raise RunError(USAGE, "service type 3 is not accepted; use custom-endpoint (4)")
    raise RunError(USAGE, f"unknown service type {quoted(text)}; use {TYPE_NAMES}")


def expand_file(value: str) -> list[str]:
    """Return a value of --api-keys, or for @FILE the lines of that file; raises RunError."""
    if not value.startswith("@"):
        return [value]
    try:
        with open(os.path.expanduser(value[1:]), encoding="utf-8-sig") as file:
            return [line for line in file.read().splitlines() if line]
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    except ValueError:
        problem = "is not a text in UTF-8"
    raise RunError(USAGE, f"the file in --api-keys {quoted(value)} {problem}")


def read_api_keys(values: Sequence[str] | None) -> Strings | None:
    """Return the API keys, each once; raises RunError."""
    if values is None:
        return None
    api_keys = [api_key for value in values for api_key in expand_file(value)]
    if not api_keys:
        raise RunError(USAGE, "the file in --api-keys has no API keys")
    for api_key in api_keys:
        if not api_key.isprintable() or api_key != api_key.strip():
            raise RunError(
                USAGE,
                f"the API key {quoted(api_key)} in --api-keys has a blank at an end, "
                "or a character that cannot be printed",
                "Remove the character. A file with Windows line ends may have added it.",
            )
    return tuple(dict.fromkeys(api_keys))


def read_ip(text: str) -> str:
    """Return an address in canonical form, IPv4 where it is mapped into IPv6; raises RunError."""
    wrong = RunError(
        USAGE,
        f"--ips {quoted(text)} is not an IPv4 or IPv6 address",
        "Use single addresses with blanks between them, not networks or host names.",
    )
    if "%" in text:
        raise wrong
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise wrong from None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(address)


def read_ips(values: Sequence[str] | None) -> Strings | None:
    """Return the client addresses, each once; raises RunError."""
    if values is None:
        return None
    return tuple(dict.fromkeys(read_ip(value) for value in values))


def read_period(args: argparse.Namespace, zone: Zone, now: datetime) -> Period:
    """Return the period that the arguments ask for; raises RunError."""
    if args.start is None:
        period = DEFAULT_PERIOD if args.period is None else args.period
        start, end = named_period(period, zone, now)
    else:
        start = read_when(args.start, zone, "--from")
        end = now
        if args.end is not None:
            end = read_when(args.end, zone, "--to")
    return kept_period(start, end, zone, now)


def first_notes(args: argparse.Namespace, period: Period, now: datetime) -> Strings:
    """Return the notes that are known before anything is asked."""
    notes = []
    if not period.complete:
        start = period.local_start()
        notes.append(f"The service keeps 30 days. Usage before {start} is not included.")
    if now - period.end <= REPORTING_LAG:
        notes.append("The figures lag by one to two hours. The latest calls may be missing.")
    if args.service_type is None and args.by != "service-type":
        notes.append("Only preset services are counted. --service-type all includes the others.")
    if args.region not in TYPES_BY_REGION:
        notes.append(
            f"MaaS is not known to be offered in {args.region}. The request is sent anyway."
        )
    return tuple(notes)


def check_request_count(by: str, parts: Sequence[Part]) -> None:
    """Raise RunError if a breakdown needs more requests than the service allows in a minute."""
    count = sum(len(part.queries) for part in parts)
    if count <= MOST_REQUESTS:
        return
    fewer = {"api-key": "fewer API keys", "ip": "fewer addresses"}.get(by, "a shorter period")
    hint = f"Ask for {fewer}."
    if len(parts[0].queries) > 1:
        hint = f"Ask for {fewer}, or for one service type."
    raise RunError(
        USAGE,
        f"--by {by} needs {count} requests here; at most {MOST_REQUESTS} are allowed",
        hint,
    )


def read_options(args: argparse.Namespace, environ: Texts, now: datetime) -> Options:
    """Return what the arguments ask for; raises RunError."""
    zone = choose_zone(args.timezone, environ)
    scope = Scope(
        period=read_period(args, zone, now),
        infer_type=args.infer_type,
        api_keys=read_api_keys(args.api_keys),
        ips=read_ips(args.ips),
    )
    service_type = "preset"
    if args.service_type is not None:
        service_type = read_service_type(args.service_type)
    elif args.by == "service-type":
        service_type = "all"
    service_types: Strings = (service_type,)
    if service_type == "all":
        service_types = TYPES_BY_REGION.get(args.region, tuple(SERVICE_TYPES))

    parts = BREAKDOWNS.get(args.by, one_part)(scope, service_types)
    check_request_count(args.by, parts)
    return Options(
        scope=scope,
        service_type=service_type,
        service_types=service_types,
        by=args.by,
        parts=parts,
        region=args.region,
        project_id=args.project_id,
        credentials_file=args.credentials_file,
        oldest=now - RETENTION,
        notes=first_notes(args, scope.period, now),
    )


# --- Main -----------------------------------------------------------------------------


def run_check(
    options: Options,
    environ: Texts,
    now: datetime,
    console: Console,
) -> None:
    """Try credentials, project and statistics, and write a line for each; raises RunError."""
    steps = ["credentials", "project", "statistics"]

    def write_step(state: str) -> None:
        console.write_result(f"{steps[0]:<12} {state}\n")
        steps.pop(0)

    last_hour = Period(now - HOUR, now, options.scope.period.zone)
    query = Query("preset", Scope(last_hour, "real_time", api_keys=None, ips=None))
    try:
        credentials = load_credentials(options, environ, console)
        write_step(f"ok       {credentials.origin}")
        cloud = Cloud(credentials, options.region, console)
        cloud.project_id = find_project_id(cloud)
        write_step(f"ok       {cloud.project_id}")
        started = time.monotonic()
        ask_usage(cloud, query)
        milliseconds = (time.monotonic() - started) * 1000
        write_step(f"ok       {milliseconds:.0f} ms")
    except BaseException:
        state = "failed"
        while steps:
            write_step(state)
            state = "skipped"
        raise


def refusal_hint(options: Options) -> str:
    """Return what may help after the service has refused a request with 400, if anything."""
    hints = []
    if options.scope.period.start == options.oldest:
        hints.append(
            "The period starts exactly 30 days ago, which the service may already take as too old. "
            "Use --period 29d."
        )
    if len(options.service_types) > 1:
        names = ", ".join(options.service_types)
        hints.append(f"Ask for the service types one by one, with --service-type: {names}.")
    return " ".join(hints)


def run_query(
    options: Options,
    environ: Texts,
    output_format: str,
    console: Console,
) -> None:
    """Find credentials and project, then ask and write the answer; raises RunError."""
    credentials = load_credentials(options, environ, console)
    cloud = Cloud(credentials, options.region, console)
    cloud.project_id = find_project_id(cloud)
    notes = options.notes + credentials.notes
    try:
        if output_format == "raw":
            console.write_result(raw_text(cloud, options), encoding="utf-8")
        else:
            report = make_report(cloud, options, notes)
            notes = report.notes
            console.write_result(FORMATS[output_format](report))
    except RunError as error:
        if error.http_status == 400:
            error.hint = refusal_hint(options) or error.hint
        raise
    if output_format != "json":
        for note in notes:
            console.write_message(f"note: {note}\n")


def run(
    arguments: Sequence[str],
    environ: Texts,
    now: datetime,
    console: Console,
) -> None:
    """Do what the arguments ask for; raises RunError."""
    parser = build_parser()
    args, unknown = parser.parse_known_args(arguments)
    if args.help:
        console.write_result(parser.format_help())
        return
    if args.version:
        console.write_result(f"{PROGRAM} {__version__}\n")
        return

    check_parsed(args, unknown)
    check_arguments(args)
    options = read_options(args, environ, now)
    for api_key in options.scope.api_keys or ():
        if len(api_key) >= LONG_KEY:  # the service may repeat it in an error
            console.hide(api_key, shorten_key(api_key))
    try:
        if args.check:
            run_check(options, environ, now, console)
        else:
            run_query(options, environ, args.format or "table", console)
    except RunError as error:
        if error.kind.name == NETWORK.name and options.region not in TYPES_BY_REGION:
            error.hint = f"Check --region: {options.region} may be mistyped. {error.hint}"
        raise


def internal_error(error: Exception) -> RunError:
    """Return the error for a fault of this program: its type, and the line where it happened."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == __file__:
            line = trace.tb_lineno
        trace = trace.tb_next
    return RunError(INTERNAL, f"{type(error).__name__} in line {line} of {PROGRAM} {__version__}")


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Say whether --format json is given, also among arguments that make no sense."""
    text = "\n".join(arguments)
    formats = re.findall(r"^--format[=\n](.*)$", text, re.MULTILINE)
    return formats[-1:] == ["json"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with these arguments, or those of the command line; return the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    console = Console(sys.stdout, sys.stderr)
    for name in SECRET_VARIABLES:
        console.hide(os.environ.get(name, ""))
    now = datetime.now(timezone.utc).replace(microsecond=0)
    try:
        run(arguments, os.environ, now, console)
    except RunError as error:
        failure = error
    except KeyboardInterrupt:
        failure = RunError(INTERRUPTED, "interrupted")
    except Exception as error:  # noqa: BLE001 - no traceback: it might show a secret
        failure = internal_error(error)
    else:
        return 0
    text = error_text(failure, console, as_json=asks_for_json(arguments))
    console.write_message(text)
    return failure.kind.exit_code


if __name__ == "__main__":
    # Ctrl-C in a constructor of a library makes its destructor fail, and Python shows a traceback.
    sys.unraisablehook = lambda _: None
    sys.exit(main())
