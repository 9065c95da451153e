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
  --credentials-file FILE         the console's credentials.csv, AK and SK on
                                  two lines or as AK,SK, or NAME = VALUE lines
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
  0    the figures are on stdout
  1    a bug, a package that cannot be imported, or a full disk
  2    wrong arguments
  3    credentials missing, refused or without permission; no project
  4    the service refused the request, or its answer was not valid
  5    the service could not be reached or kept failing
  130  interrupted
"""

# Three things are expensive for users: a wrong figure, a leaked key and a locked account. Most of
# this file protects from them.

from __future__ import annotations

import argparse
import collections
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
import threading
import time
import unicodedata
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, NoReturn, Optional
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from typing import Callable, Iterable, Mapping, Sequence, TextIO

    from requests import PreparedRequest, Response

    Environ = Mapping[str, str]
    Filters = dict[str, list[str]]  # values by fields of FILTERS
    UnitOf = Callable[[datetime], object]  # returns the hour, day or week of a local time

__version__ = "1.0.0"
PROGRAM = "maas_rest_usage_stats.py"

# --- The service: facts and their sources ---------------------------------------------

# https://support.huaweicloud.com/api-maas/ShowStatistics.html gives 3 for custom endpoints. The
# service answers "service_type must be one of [1 2 4]", as Huawei's own skill reports.
SERVICE_TYPES = {"preset": 2, "my-service": 1, "custom-endpoint": 4}

# The same page for the China site, and for the international site
# https://support.huaweicloud.com/intl/en-us/api-maas/ShowStatistics.html.
TYPES_BY_REGION = {
    "cn-southwest-2": ("preset", "my-service", "custom-endpoint"),
    "ap-southeast-1": ("preset", "my-service"),
}
DEFAULT_REGION = "cn-southwest-2"
PROJECT_ID_FORM = re.compile(r"[0-9a-z]{32}")

# Both pages: the service keeps 30 days, one request spans at most 30 days, and one user may send
# 200 requests a minute.
RETENTION = timedelta(days=30)
MAX_REQUESTS_PER_MINUTE = 180

# The console's documentation: call statistics lag by one to two hours.
REPORTING_LAG = timedelta(hours=2)

SHOW_OPERATION = "show-statistics"
LIST_OPERATION = "list-service-statistics"  # its answer is not documented: see read_services
LIST_LIMIT = 99  # rows; a sibling call documents that the limit is below 100


# --- Figures --------------------------------------------------------------------------


class Figure(NamedTuple):
    """One figure of the statistics. A line in FIGURES adds it to all formats and sums.

    Without a list_field, --by service does not know it for a single service.
    """

    name: str  # in JSON and CSV; in tables with spaces instead of underscores
    field: str  # in the answer of ShowStatistics
    list_field: str = ""  # in the answer of list-service-statistics; empty: it has none
    in_thousands: bool = False  # the service counts it in thousands, with decimals
    batch_only: bool = False


# ShowStatistics documents its fields, and Huawei's own skill reports that tokens come in thousands.
# The fields of list-service-statistics are known from the front-end of a console only.
FIGURES = (
    Figure("total_tokens", "total_token", "total_token", in_thousands=True),
    Figure("prompt_tokens", "total_prompt_token", "prompt_token", in_thousands=True),
    Figure("completion_tokens", "total_completion_token", "completion_token", in_thousands=True),
    Figure("total_requests", "total_request_count", "request_count"),
    Figure("total_errors", "total_error_count", "error_count"),
    Figure("completed_tasks", "total_completion_tasks", batch_only=True),
    Figure("inference_count", "total_infer_count", batch_only=True),
)

# Larger figures are refused: up to here the arithmetic of decimals is exact.
FIGURE_LIMIT = 10**18

# Whole tokens, calls and tasks by the name of their figure. The total of tokens is the service's
# own; it is not the sum of prompt and completion tokens.
Usage = Dict[str, int]


def read_figure(value: Any, figure: Figure) -> int:
    """Return a figure of an answer in whole tokens, calls or tasks; null counts as 0.

    Raises ValueError for a value that is not a figure.
    """
    if value is None:
        return 0
    # A boolean is an int, too, but not a figure.
    is_number = type(value) in (int, Decimal)
    if not is_number or not 0 <= value < FIGURE_LIMIT:
        raise ValueError(f"the value of {figure.name} is not a valid figure")
    exact = Decimal(value)
    if figure.in_thousands:
        exact *= 1000
    elif exact % 1 != 0:
        raise ValueError(f"the value of {figure.name} is not a whole number")
    return int(exact.to_integral_value(ROUND_HALF_UP))


def add_up(usages: Iterable[Usage]) -> Usage:
    """Return the sum of usages, figure by figure; all figures are zero if there are none."""
    total = {figure.name: 0 for figure in FIGURES}
    for usage in usages:
        for name in total:
            total[name] += usage[name]
    return total


def as_words(name: str) -> str:
    """Return a name in JSON as people read it."""
    return name.replace("_", " ")


def error_rate(usage: Usage) -> float | None:
    """Return failed requests per request, rounded to four decimals; None without requests."""
    if usage["total_requests"] == 0:
        return None
    return round(usage["total_errors"] / usage["total_requests"], 4)


# --- Errors ---------------------------------------------------------------------------


class Kind(NamedTuple):
    """A kind of failure: what programs read, and what the user can do next.

    The hint may hold {region}, {project_id} and {origin} (of the credentials).
    """

    name: str  # in the JSON error
    exit_code: int
    hint: str
    retryable: bool = False  # whether the same command may succeed later


BUG = Kind("internal", 1, "This is a bug. Report it with the command and the lines above.")
PACKAGE = Kind(
    "internal",
    1,
    "In the folder of the script, run: python3 -m venv .venv, then .venv/bin/python -m pip install "
    "-r requirements.txt (on Windows .venv\\Scripts\\python). Run the script with that python. "
    f"Or install uv, and run: uv run {PROGRAM}",
)
DISK = Kind("internal", 1, "Free some space, or write to another place.")
INTERRUPTED = Kind("internal", 130, "Run the command again.", retryable=True)
USAGE = Kind("usage", 2, f"See {PROGRAM} --help.")
CREDENTIALS = Kind(
    "credentials",
    3,
    "Use --credentials-file FILE, such as the console's credentials.csv. Or set HW_ACCESS_KEY and "
    "HW_SECRET_KEY, or HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK. Or write ak = AK and sk = SK "
    "into ~/.huaweicloud/credentials.",
)
UNAUTHORIZED = Kind(
    "credentials",
    3,
    "Check AK and SK, the token of temporary keys, the clock of this machine (at most 15 minutes "
    "off), and that the AK belongs to the site of {region}. The keys come from {origin}. "
    "More tries with wrong keys may lock the AK for five minutes.",
)
PROJECT_HINT = (
    "Use --project-id ID, or set HW_PROJECT_ID. The console shows the id under My Credentials."
)
PROJECT = Kind("credentials", 3, PROJECT_HINT)
PROJECT_FORBIDDEN = Kind("permission", 3, PROJECT_HINT)
FORBIDDEN = Kind(
    "permission",
    3,
    "Grant the user the policy ModelArts CommonOperations in the project of the region. "
    "Region: {region}; project: {project_id}.",
)
BAD_REQUEST = Kind(
    "service",
    4,
    "Try a shorter period, such as --period 29d, or one service type at a time. "
    "Both limits are not known for certain.",
)
SERVICE = Kind(
    "service", 4, "Check --region and --project-id. If they are right, report the message."
)
FOREIGN = Kind(
    "service",
    4,
    "This answer did not come from the service. A proxy or firewall may have answered: "
    "check HTTPS_PROXY, or ask the administrator of the network.",
)
BAD_LIST = Kind(
    "service",
    4,
    "--by service is experimental, because the format of this answer is not documented. "
    "Use --by service-type. --raw shows the answer.",
)
UNREACHABLE = Kind(
    "network",
    5,
    "Check --region, the network connection and the proxy (HTTPS_PROXY), then try again.",
    retryable=True,
)
BUSY = Kind("network", 5, "Wait some minutes, then run the command again.", retryable=True)
SETTING = Kind(
    "network",
    5,
    "Check the proxy (HTTPS_PROXY), the file of CA certificates (REQUESTS_CA_BUNDLE, "
    "CURL_CA_BUNDLE) and the clock of this machine.",
)


class RunError(Exception):
    """The reason for a failed run: its kind, and a sentence on what is wrong."""

    http_status: int | None = None
    error_code = ""  # this and the next are the service's
    request_id = ""
    waits: Sequence[float] = ()  # seconds before each further try of the request

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message.rstrip(". ") + "."


def package_error(error: Exception) -> RunError:
    """Return the error for a package that cannot be imported, in the words of the exception."""
    reason = f"{type(error).__name__}: {error}"
    return RunError(PACKAGE, f"a package cannot be imported: {reason}")


# --- Texts and the console: no secret may pass ----------------------------------------

MAX_TEXT = 1000  # characters of a message that are shown
MIN_LONG_KEY = 32  # characters; an API key of so many may be the key itself
MAX_FILE = 2**20  # bytes of a user's file
MIN_SECRET = 8  # characters of an AK, SK or token; hiding shorter ones would garble texts
LONG_WORD = re.compile(r"[0-9A-Za-z]{20,}")
MAYBE_SECRET = re.compile(rf"[0-9A-Za-z+/=_-]{{24,}}|{LONG_WORD.pattern}")


def one_line(text: str) -> str:
    """Return untrusted text on one line, cut to MAX_TEXT characters.

    Spaces replace what could break a line or steer a terminal.
    """
    characters = [character if character.isprintable() else " " for character in text]
    line = " ".join("".join(characters).split())
    if len(line) > MAX_TEXT:
        line = line[: MAX_TEXT - 3] + "..."
    return line


def mask(text: str, pattern: re.Pattern[str] = MAYBE_SECRET) -> str:
    """Return a text in which all that may be a key is cut to its first and last four characters."""

    def ends_of(found: re.Match[str]) -> str:
        word = found[0]
        return f"{word[:4]}...{word[-4:]}"

    return pattern.sub(ends_of, text)


def mask_path(path: str) -> str:
    """Return a path as it is shown. Only long words are masked, so that it stays readable."""
    return mask(path, LONG_WORD)


def quoted(text: str) -> str:
    """Return what the user typed, for an error message: in quotes, in ASCII and masked."""
    return mask(ascii(text))


def read_user_file(path: str) -> tuple[list[str], int]:
    """Return the lines of a file, stripped and without blank ones, and the file's mode.

    It is UTF-8, or UTF-16 with a BOM. Other bytes are replaced, since they may stand in a comment.
    Raises ValueError, whose text is the reason, for a file that cannot be read.
    """
    try:
        with open(os.path.expanduser(path), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(MAX_FILE + 1)
    except OSError as error:
        raise ValueError(error.strerror) from None
    if len(content) > MAX_FILE:
        raise ValueError("the file is too long")
    encoding = "utf-8-sig"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    lines = [line.strip() for line in content.decode(encoding, "replace").splitlines()]
    return [line for line in lines if line], mode


def shown_key(api_key: str) -> str:
    """Return an API key as it is shown: a long one as its first eight and last four characters."""
    if len(api_key) < MIN_LONG_KEY:
        return api_key
    return f"{api_key[:8]}...{api_key[-4:]}"


def columns_of(text: str) -> int:
    """Return the display columns of a text. A wide East Asian character takes two."""
    widths = [unicodedata.east_asian_width(character) for character in text]
    return len(text) + widths.count("W") + widths.count("F")


def shorten(text: str, columns: int) -> str:
    """Return a text of at most so many display columns, shortened in the middle."""
    if columns_of(text) <= columns:
        return text
    first = text[: len(text) // 2]
    last = text[len(text) // 2 :]
    while columns_of(first) + columns_of(last) > columns - 3:
        if columns_of(first) > columns_of(last):
            first = first[:-1]
        else:
            last = last[1:]
    return f"{first}...{last}"


class Console:
    """stdout and stderr of a run. All that is written goes through here, without secrets."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        """Take the streams."""
        self._stdout = stdout
        self._stderr = stderr
        # For each secret: a pattern of all its spellings, and what is shown instead.
        self._hidden: dict[str, tuple[re.Pattern[str], str]] = {}
        self._announced: set[str] = set()
        self._is_ended = False
        self._progress = ""  # on the last line of stderr
        self._lock = threading.Lock()  # announcements come from several threads

    def hide(self, secret: str, shown_as: str = "***") -> None:
        """Show another text instead of a secret, also where it is URL-encoded or JSON-escaped."""
        if len(secret) < MIN_SECRET or secret in self._hidden:
            return
        pattern = ""
        for character in secret:
            code = ord(character)
            itself = re.escape(character)
            pattern += rf"(?:\\?{itself}|%{code:02x}|\\u{code:04x})"
        spellings = re.compile(pattern, re.IGNORECASE)
        self._hidden[secret] = (spellings, shown_as)

    def without_secrets(self, text: str) -> str:
        """Return a text in which secrets are hidden. The longest go first: one may hold another."""
        for secret in sorted(self._hidden, key=len, reverse=True):
            spellings, shown_as = self._hidden[secret]
            text = text.replace(secret, shown_as)
            shown_in_json = json.dumps(shown_as)[1:-1]
            template = shown_in_json.replace("\\", r"\\")
            text = spellings.sub(template, text)
        return text

    def clean(self, text: str) -> str:
        """Return untrusted text without secrets, on one line that is not too long."""
        return one_line(self.without_secrets(text))

    def write_result(self, text: str, encoding: str | None = None) -> None:
        """Write to stdout, with escapes for what the encoding lacks; None is the terminal's.

        Raises BrokenPipeError if nobody reads any more, and RunError if the disk is full.
        """
        if isinstance(self._stdout, io.TextIOWrapper):
            self._stdout.reconfigure(encoding=encoding, errors="backslashreplace")
        try:
            self._stdout.write(self.without_secrets(text))
            self._stdout.flush()
        except OSError as error:
            is_closed_pipe = error.errno == errno.EPIPE
            if is_closed_pipe or (os.name == "nt" and error.errno == errno.EINVAL):
                raise BrokenPipeError from None
            message = f"the result cannot be written: {error.strerror}"
            raise RunError(DISK, message) from None

    def write_message(self, text: str) -> None:
        """Write to stderr, if anybody reads it."""
        with contextlib.suppress(OSError):
            self._stderr.write(self.without_secrets(text))
            self._stderr.flush()

    def write_error(self, text: str) -> None:
        """Write the last lines of stderr. Threads that still wait do not announce it any more."""
        with self._lock:
            self._is_ended = True
            self.write_message(text)

    def announce(self, text: str) -> None:
        """Write a line to stderr, unless it was announced before. It may break the progress."""
        line = self.clean(text)
        with self._lock:
            if line not in self._announced and not self._is_ended:
                self._announced.add(line)
                line_break = "\n" if self._progress else ""
                self._progress = ""
                self.write_message(f"{line_break}{line}\n")

    def show_progress(self, progress: str) -> None:
        """Replace the progress on the last line of stderr, if that is a terminal; "" erases it."""
        with self._lock:
            if progress != self._progress and self._stderr.isatty():
                spaces = " " * len(self._progress)
                self._progress = progress
                self.write_message(f"\r{spaces}\r{progress}")


# --- Zones and periods ----------------------------------------------------------------

SECOND = timedelta(seconds=1)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

DEFAULT_PERIOD = "7d"
PERIOD_NAMES = (
    "today, yesterday, this-week, last-week, this-month, last-month, "
    "last-1-days to last-29-days, 1d to 30d, or 1h to 720h"
)
LAST_DAYS = re.compile("last-([1-9]|1[0-9]|2[0-9])-days")
ROLLING = re.compile("([0-9]{1,3})([dh])")
TIME_FORMS = "YYYY-MM-DD or YYYY-MM-DDTHH:MM[:SS][+HH:MM]"
CLOCK_FORM = "([01][0-9]|2[0-3]):[0-5][0-9]"
TIME_FORM = re.compile(
    f"20[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}([T ]{CLOCK_FORM}(:[0-5][0-9])?(Z|[+-]{CLOCK_FORM})?)?"
)

Zone = Optional[tzinfo]  # None: the system's zone, whose name is not known


class Period(NamedTuple):
    """The half-open time [start, end), and the zone in which it is shown."""

    start: datetime  # in UTC
    end: datetime  # in UTC
    zone: Zone
    complete: bool = True  # False if the start was cut to what the service keeps

    def zone_name(self) -> str | None:
        """Return the IANA name of the zone, or None if it is not known."""
        if self.zone is None:
            return None
        return str(self.zone)

    def local(self) -> tuple[datetime, datetime]:
        """Return start and end with the zone's offset."""
        start = self.start.astimezone(self.zone)
        end = self.end.astimezone(self.zone)
        return start, end

    def wire_milliseconds(self) -> tuple[int, int]:
        """Return start_time and end_time for the service, in milliseconds since 1970 UTC.

        The service is taken to include its end_time, which is not confirmed. Only this method
        depends on it.
        """
        start = int(self.start.timestamp()) * 1000
        end = int(self.end.timestamp()) * 1000
        return start, end - 1


def load_zone(name: str, source: str) -> tzinfo:
    """Return the zone with an IANA name; raises RunError. The source is the option or variable."""
    if name == "UTC":
        return timezone.utc  # needs no zone data
    try:
        if sys.version_info >= (3, 9):
            from zoneinfo import ZoneInfo
        else:
            from backports.zoneinfo import ZoneInfo
    except Exception as error:  # noqa: BLE001 - a broken package raises anything
        raise package_error(error) from None
    if "/" in name and not name.startswith(("posix/", "right/")):
        # No such file, not a zone file, a folder, or many slashes.
        with contextlib.suppress(KeyError, ValueError, OSError, RecursionError):
            return ZoneInfo(name)
    raise RunError(
        USAGE,
        f"unknown time zone {quoted(name)} in {source}; use an IANA name, such as Asia/Shanghai "
        "or UTC (where no name is known, install the package tzdata)",
    )


def choose_zone(option: str | None, environ: Environ) -> Zone:
    """Return the zone of dates: of --timezone, else of TZ, else None; raises RunError.

    A TZ that is a rule (CST-8), an abbreviation (CST) or a path stays the C library's business.
    """
    if option is not None:
        return load_zone(option, "--timezone")
    variable = environ.get("TZ", "")
    if variable == "UTC" or re.fullmatch("[^/:,][^,]*/[^,]*", variable):
        return load_zone(variable, "TZ")
    return None


def to_utc(moment: datetime, zone: Zone) -> datetime:
    """Return a moment in UTC. A naive one is read on the clocks of the zone.

    A time that occurs twice means its first occurrence.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    # Without a zone, astimezone is wrong for a time that the clocks skip; timestamp is right.
    return datetime.fromtimestamp(moment.timestamp(), timezone.utc)


def midnight(day: date, zone: Zone) -> datetime:
    """Return the start of a local day in UTC."""
    return to_utc(datetime.combine(day, datetime.min.time()), zone)


def hour_of(local: datetime) -> str:
    """Return a text that is the same for all times in one local hour.

    The offset in it makes an hour that is repeated, as clocks go back, another hour.
    """
    return local.isoformat(timespec="hours")


def monday_of(local: datetime) -> date:
    """Return the Monday on which the week of a time begins."""
    return local.date() - local.weekday() * DAY


def starts_unit(moment: datetime, zone: Zone, unit_of: UnitOf) -> bool:
    """Say whether a local hour, day or week starts at a moment."""
    local = moment.astimezone(zone)
    local_before = (moment - SECOND).astimezone(zone)
    return unit_of(local) != unit_of(local_before)


def unit_end(moment: datetime, zone: Zone, unit_of: UnitOf) -> datetime:
    """Return, in UTC, when the local hour, day or week of a moment ends.

    Clocks change at quarters of an hour.
    """
    local = moment.astimezone(zone)
    since_quarter = timedelta(minutes=local.minute % 15, seconds=local.second)
    end = moment - since_quarter + QUARTER
    while not starts_unit(end, zone, unit_of):
        end += QUARTER
    return end


def period_in_words(period: Period) -> str:
    """Return a period for people: whole days by the first and last day, and the zone."""
    start, end = period.local()
    first = f"{start:%Y-%m-%d %H:%M:%S}"
    last = f"{end:%Y-%m-%d %H:%M:%S}"
    zone = period.zone
    starts_day = starts_unit(period.start, zone, datetime.date)
    if starts_day and starts_unit(period.end, zone, datetime.date):
        first = str(start.date())
        last = str(end.date() - DAY)

    zone_words = period.zone_name()
    if zone_words is None:
        offsets = [moment.isoformat()[19:] for moment in (start, end)]
        zone_words = "UTC" + " to UTC".join(dict.fromkeys(offsets))  # two if the clocks change
    if first == last:
        return f"{first} ({zone_words})"
    return f"{first} to {last} ({zone_words})"


def named_period(text: str, zone: Zone, now: datetime) -> tuple[datetime, datetime]:
    """Return start and end, in UTC, of a --period; raises RunError."""
    local_now = now.astimezone(zone)
    today = local_now.date()
    tomorrow = today + DAY
    monday = monday_of(local_now)
    month = today.replace(day=1)
    days = {
        "today": (today, tomorrow),
        "yesterday": (today - DAY, today),
        "this-week": (monday, tomorrow),
        "last-week": (monday - 7 * DAY, monday),
        "this-month": (month, tomorrow),
        "last-month": ((month - DAY).replace(day=1), month),
    }
    last_days = LAST_DAYS.fullmatch(text)
    if last_days:
        length = int(last_days[1]) * DAY
        days[text] = (today - length, today)
    if text in days:
        first_day, day_after = days[text]
        return midnight(first_day, zone), midnight(day_after, zone)

    rolling = ROLLING.fullmatch(text)
    if rolling:
        unit = DAY if rolling[2] == "d" else HOUR
        start = now - int(rolling[1]) * unit
        if now - RETENTION <= start < now:
            return start, now
    raise RunError(USAGE, f"unknown period {quoted(text)}; use {PERIOD_NAMES}")


def read_time(text: str, zone: Zone, option: str) -> datetime:
    """Return the instant, in UTC, that --from or --to means; raises RunError.

    A plain date is local midnight for --from, and the end of that day for --to.
    """
    message = f"{option} {quoted(text)} is not a date or time; use {TIME_FORMS}"
    if not TIME_FORM.fullmatch(text):
        raise RunError(USAGE, message)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:  # such as 31 February
        raise RunError(USAGE, message) from None
    is_date = len(text) == len("YYYY-MM-DD")
    if is_date and option == "--to":
        moment += DAY
    return to_utc(moment, zone)


def kept_period(start: datetime, end: datetime, zone: Zone, now: datetime) -> Period:
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
            f"the period ended before {oldest.astimezone(zone)}, and older data is not kept; "
            f"the earliest whole day that is available is {first_day}",
        )
    latest_end = max(now, start + SECOND)
    return Period(
        start=max(start, oldest),
        end=min(end, latest_end),
        zone=zone,
        complete=start >= oldest,
    )


# --- What is asked --------------------------------------------------------------------

Fields = Dict[str, Any]  # of a request, of an answer, or of a row before its figures

# What tables call the filters, in at most nine characters, by their field in requests and JSON.
# Each needs an option of the same name, which checks the values.
FILTERS = {"api_keys": "API keys", "ips": "addresses"}

# The filter whose values become rows, by the breakdown.
ROW_FILTERS = {"api-key": "api_keys", "ip": "ips"}

INFERENCE_WORDS = {"real_time": "real-time inference", "batch": "batch inference"}
OTHERS = "(others)"


class Question(NamedTuple):
    """What the statistics are asked. There is one request for each service type."""

    service_types: tuple[str, ...]  # names of SERVICE_TYPES
    period: Period
    infer_type: str  # real_time or batch
    filters: Filters  # only those that narrow the question


def shown_values(field: str, values: Iterable[str]) -> list[str]:
    """Return the values of a filter as they are shown. A long API key may be a secret."""
    if field == "api_keys":
        return [shown_key(value) for value in values]
    return list(values)


class Order(NamedTuple):
    """What the user ordered, with all defaults resolved."""

    question: Question  # for the total
    service_type: str  # a name of SERVICE_TYPES, or all
    type_is_default: bool
    region: str
    project_id: str  # empty: not known yet
    by: str | None  # a name of BREAKDOWNS
    row_values: list[str]  # API keys or addresses, each of which becomes a row


class Part(NamedTuple):
    """A part of what is asked, and the label of its row. A list becomes a row for each service."""

    operation: str
    label: Fields
    question: Question

    def body(self, service_type: str) -> Fields:
        """Return the fields of the request for a service type."""
        period = self.question.period
        start, end = period.wire_milliseconds()
        body: Fields = {
            "service_type": SERVICE_TYPES[service_type],
            "start_time": start,
            "end_time": end,
            "infer_type": self.question.infer_type,
            **self.question.filters,
        }
        if period.zone:
            body["timezone"] = period.zone_name()
        if self.operation == LIST_OPERATION:
            body.update(limit=LIST_LIMIT, offset=0)
        return body


class Plan(NamedTuple):
    """What is asked: first the rows, so that the total has all calls that they have."""

    rows: list[Part]
    asks_total: bool = True  # False: the total is the sum of the rows
    rest_label: Fields | None = None  # of the row for what the other rows leave; None: no such row


def start_and_end(period: Period) -> Fields:
    """Return start and end of a period in ISO 8601, with the zone's offset."""
    start, end = period.local()
    return {"start": start.isoformat(), "end": end.isoformat()}


def plan_by_time(order: Order, unit: str, unit_of: UnitOf) -> Plan:
    """Plan a row for each hour, day or week. The ends of the period may cut the first and last."""
    whole = order.question.period
    rows = []
    start = whole.start
    while start < whole.end:
        end = unit_end(start, whole.zone, unit_of)
        period = whole._replace(start=start, end=min(end, whole.end))
        local_start, _ = period.local()
        if unit == "hour":  # of a part of an hour, too
            label: Fields = {"hour": local_start.isoformat()}
        else:
            label = {unit: str(unit_of(local_start))}
        if unit == "day":
            label["weekday"] = f"{local_start:%a}"
        label.update(start_and_end(period))
        is_whole = end <= whole.end and starts_unit(start, whole.zone, unit_of)
        label["partial"] = not is_whole
        rows.append(Part(SHOW_OPERATION, label, order.question._replace(period=period)))
        start = end
    return Plan(rows, asks_total=False)


def plan_by_service_type(order: Order) -> Plan:
    """Plan a row for each service type."""
    rows = []
    for name in order.question.service_types:
        question = order.question._replace(service_types=(name,))
        rows.append(Part(SHOW_OPERATION, {"service_type": name}, question))
    return Plan(rows, asks_total=False)


def plan_by_service(order: Order) -> Plan:
    """Plan the list of services, and the total."""
    services = Part(LIST_OPERATION, {}, order.question)
    return Plan([services], rest_label={"service": OTHERS, "service_type": None})


def plan_by_value(order: Order) -> Plan:
    """Plan a row for each API key or address, and the total of all calls."""
    by = str(order.by)
    field = ROW_FILTERS[by]
    name = by.replace("-", "_")
    shown_labels = shown_values(field, order.row_values)
    rows = []
    for value, shown in zip(order.row_values, shown_labels):
        filters = {**order.question.filters, field: [value]}
        question = order.question._replace(filters=filters)
        rows.append(Part(SHOW_OPERATION, {name: shown}, question))
    return Plan(rows, rest_label={name: OTHERS})


BREAKDOWNS: dict[str, Callable[[Order], Plan]] = {
    "hour": functools.partial(plan_by_time, unit="hour", unit_of=hour_of),
    "day": functools.partial(plan_by_time, unit="day", unit_of=datetime.date),
    "week": functools.partial(plan_by_time, unit="week", unit_of=monday_of),
    "service-type": plan_by_service_type,
    "service": plan_by_service,
    "api-key": plan_by_value,
    "ip": plan_by_value,
}


def make_plan(order: Order) -> Plan:
    """Return what is to be asked for an order."""
    if order.by is None:
        return Plan(rows=[])
    return BREAKDOWNS[order.by](order)


# --- Arguments ------------------------------------------------------------------------

TYPE_NAMES = "preset (2), my-service (1), custom-endpoint (4) or all"
REGIONS = " and ".join(TYPES_BY_REGION)
REGION_FORM = re.compile("[a-z]{2}-[a-z]{1,30}-[0-9]{1,3}")
BY_HELP = (
    f"{', '.join(BREAKDOWNS)}: one row for each, and the total. service is experimental: "
    "the name of a preset service stands for the model, other names are your own"
)
API_KEYS_HELP = (
    'only calls with these API keys, as the service names them; "" is the online experience of '
    "the console; @FILE reads a file with one per line"
)


class Parser(argparse.ArgumentParser):
    """A parser that raises RunError."""

    def error(self, message: str) -> NoReturn:
        """Raise RunError for wrong arguments. What was typed may be a key in the wrong place."""
        raise RunError(USAGE, mask(message))


def service_type(text: str) -> str:
    """Return the name of a service type, or all; raises ArgumentTypeError."""
    for name, number in SERVICE_TYPES.items():
        if text in (name, str(number)):
            return name
    if text == "all":
        return text
    message = f"unknown service type {quoted(text)}; use {TYPE_NAMES}"
    if text == "3":
        message = "service type 3 is not accepted; use custom-endpoint (4)"
    raise argparse.ArgumentTypeError(message)


def ip_address(text: str) -> str:
    """Return an address in canonical form, IPv4 if it is mapped; raises ArgumentTypeError."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or "%" in text:
        message = f"{quoted(text)} is not a single IPv4 or IPv6 address"
        raise argparse.ArgumentTypeError(message)
    return str(getattr(address, "ipv4_mapped", None) or address)


def api_keys_in(path: str) -> list[str]:
    """Return the API keys in a file, one per line; "" is the online experience; raises RunError."""
    shown_path = mask_path(ascii(path))
    try:
        lines, _ = read_user_file(path)
    except ValueError as error:
        raise RunError(USAGE, f"cannot read {shown_path} of --api-keys: {error}") from None
    if not lines:
        raise RunError(USAGE, f"the file {shown_path} of --api-keys has no API keys")
    api_keys = []
    for line in lines:
        if line == '""':
            api_keys.append("")
        elif line[0] in "'\"" and line[-1] == line[0]:
            raise RunError(USAGE, f"the API key {quoted(line)} is in quotes; remove them")
        else:
            api_keys.append(line)
    return api_keys


def expand_api_keys(values: Sequence[str]) -> list[str]:
    """Return the API keys of --api-keys and of the files that it names; raises RunError."""
    api_keys = []
    for value in values:
        if value.startswith("@"):
            api_keys += api_keys_in(value[1:])
        elif re.search("[,\"']", value):
            message = f"the API key {quoted(value)} has a comma or a quote"
            raise RunError(USAGE, f"{message}; separate API keys by spaces")
        else:
            api_keys.append(value)
    for api_key in api_keys:
        if not api_key.isprintable() or api_key != api_key.strip():
            message = f"the API key {quoted(api_key)} has a character that cannot be printed"
            raise RunError(USAGE, f"{message}, or a space at an end")
    return api_keys


def build_parser(formats: Sequence[str]) -> Parser:
    """Return the parser of the command line. Its help is the docstring of this file and options."""
    documentation = __doc__ or ""
    description, _, epilog = documentation.partition("\n\n")
    parser = Parser(
        PROGRAM,
        usage=f"{PROGRAM} [--period PERIOD | --from WHEN] [options]",
        description=description,
        epilog=epilog,
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(prog, width=80),
        allow_abbrev=False,
        add_help=False,
    )
    if sys.version_info >= (3, 14):
        parser.color = False
    add = parser.add_argument_group("options").add_argument
    add("--period", help=f"{PERIOD_NAMES} (default: {DEFAULT_PERIOD})")
    add("--from", dest="start", metavar="WHEN", help=f"start: {TIME_FORMS}")
    end_help = "end, in the same forms; a plain date includes that whole day (default: now)"
    add("--to", dest="end", metavar="WHEN", help=end_help)
    add("--timezone", metavar="ZONE", help="IANA name of the zone of dates (default: the system's)")
    add("--service-type", metavar="TYPE", type=service_type, help=f"{TYPE_NAMES} (default: preset)")
    add("--infer-type", choices=INFERENCE_WORDS, default="real_time", help="(default: real_time)")
    add("--api-keys", metavar="KEY", nargs="+", action="extend", help=API_KEYS_HELP)
    ips_help = "only calls from these client addresses"
    add("--ips", metavar="IP", nargs="+", action="extend", type=ip_address, help=ips_help)
    add("--by", metavar="WHAT", choices=BREAKDOWNS, help=BY_HELP)
    format_help = "(default: table); raw: the answers of the service, with tokens in thousands"
    add("--format", choices=formats, default="table", help=format_help)
    add("--raw", action="store_const", const="raw", dest="format", help="the same as --format raw")
    region_help = f"{REGIONS} offer MaaS (default: {DEFAULT_REGION})"
    add("--region", default=DEFAULT_REGION, help=region_help)
    add("--project-id", metavar="ID", help="(default: that of the region, by IAM)")
    add("--credentials-file", metavar="FILE", help="file with AK and SK, in one of the forms below")
    add("--check", action="store_true", help="only test credentials, project and statistics")
    add("--version", action="version", version=f"{PROGRAM} {__version__}", help="show the version")
    add("--help", "-h", action="help", help="show this help")
    return parser


def parse_arguments(arguments: Sequence[str], formats: Sequence[str]) -> argparse.Namespace:
    """Return what was typed, option by option; raises RunError, or SystemExit after --help."""
    parser = build_parser(formats)
    if any(argument.endswith("=--") for argument in arguments):
        # Before Python 3.13, argparse makes an empty list of it, past every check.
        parser.error("-- is not the value of an option")
    args = parser.parse_args(arguments)
    if args.end is not None and args.start is None:
        parser.error("--to needs --from")
    if args.period is not None and args.start is not None:
        parser.error("--period cannot be used with --from or --to")
    if args.by == "service" and args.infer_type == "batch":
        parser.error("--by service cannot be used with --infer-type batch")
    row_filter = ROW_FILTERS.get(args.by)
    if row_filter and not getattr(args, row_filter):
        parser.error(f"--by {args.by} needs --{row_filter.replace('_', '-')}")
    if not REGION_FORM.fullmatch(args.region):
        words = f"of the form xx-yyyy-1; MaaS is offered in {REGIONS}"
        parser.error(f"--region {quoted(args.region)} is not {words}")
    if args.project_id is not None and not PROJECT_ID_FORM.fullmatch(args.project_id):
        parser.error(f"--project-id {quoted(args.project_id)} is not 32 characters of 0-9a-z")
    if args.api_keys is not None:
        args.api_keys = expand_api_keys(args.api_keys)
    return args


def make_order(args: argparse.Namespace, environ: Environ, now: datetime) -> Order:
    """Return what the arguments order; raises RunError."""
    zone = choose_zone(args.timezone, environ)
    if args.start is None:
        period = DEFAULT_PERIOD if args.period is None else args.period
        start, end = named_period(period, zone, now)
    else:
        start = read_time(args.start, zone, "--from")
        end = now if args.end is None else read_time(args.end, zone, "--to")

    filters: Filters = {}
    for field in FILTERS:
        values = getattr(args, field)
        if values is not None:
            filters[field] = list(dict.fromkeys(values))  # each once
    row_values = filters.pop(ROW_FILTERS.get(args.by, ""), [])

    type_name = args.service_type
    if type_name is None:
        type_name = "all" if args.by == "service-type" else "preset"
    service_types: tuple[str, ...] = (type_name,)
    if type_name == "all":
        service_types = TYPES_BY_REGION.get(args.region, tuple(SERVICE_TYPES))
    kept = kept_period(start, end, zone, now)
    return Order(
        question=Question(service_types, kept, args.infer_type, filters),
        service_type=type_name,
        type_is_default=args.service_type is None,
        region=args.region,
        project_id=args.project_id or "",
        by=args.by,
        row_values=row_values,
    )


# --- Credentials: nothing of their source is shown ------------------------------------

FILE_FORMS = (
    "credentials.csv of the console, AK and SK on two lines or as AK,SK, or NAME = VALUE lines"
)
CSV_COLUMNS = ("access key id", "secret access key")
NAMED_VALUE = re.compile(
    r"((export|set)\s+)?(?P<name>\w+)\s*[=:]\s*(?P<quote>[\"']?)(?P<value>.*)(?P=quote)",
    re.IGNORECASE,
)

# The names by which each source calls AK, SK, token and project id.
HW_NAMES = ("HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN", "HW_PROJECT_ID")
SDK_NAMES = (
    "HUAWEICLOUD_SDK_AK",
    "HUAWEICLOUD_SDK_SK",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN",
    "HUAWEICLOUD_SDK_PROJECT_ID",
)
PROFILE_NAMES = ("ak", "sk", "security_token", "project_id")

PROFILE_VARIABLE = "HUAWEICLOUD_SDK_CREDENTIALS_FILE"
PROFILE_FILE = "~/.huaweicloud/credentials"


class Credentials(NamedTuple):
    """AK and SK, the token of temporary keys, and what else their source knows."""

    ak: str
    sk: str
    token: str  # empty: the keys are permanent
    project_id: str  # empty: not known
    origin: str  # where they came from, for messages
    exposed_file: str = ""  # the path of their file, if others can read it

    def __repr__(self) -> str:
        return f"Credentials(origin={self.origin!r})"


def pick_credentials(
    values: Mapping[str, str], names: Sequence[str], origin: str
) -> Credentials | None:
    """Return the credentials with these names, or None; raises RunError, which shows no value.

    An empty value is none.
    """
    ak, sk, token, project_id = [values.get(name, "") for name in names]
    if not ak and not sk:
        return None
    ak_name, sk_name, token_name, _ = names
    for present, missing in ((sk_name, ak_name), (ak_name, sk_name)):
        if not values.get(missing):
            raise RunError(CREDENTIALS, f"{present} is set in {origin}, but {missing} is not")
    values_by_name = {ak_name: ak, sk_name: sk}
    if token:
        values_by_name[token_name] = token
    for name, value in values_by_name.items():
        is_plain = value.isascii() and value.isprintable() and len(value) >= MIN_SECRET
        forbidden = " \"';" if name == token_name else " \"';,"
        if not is_plain or any(character in value for character in forbidden):
            raise RunError(
                CREDENTIALS,
                f"{name} in {origin} is not valid: it is shorter than {MIN_SECRET} characters, or "
                "has a space, quote, semicolon, comma, control or non-ASCII character",
            )
    return Credentials(ak, sk, token, project_id, origin)


def values_in(lines: Sequence[str]) -> dict[str, str]:
    """Return the values in a credentials file by their names; ak and sk, if they have none."""
    values = list(lines)
    if len(lines) == 1:
        values = [value.strip() for value in lines[0].split(",")]
    if len(values) == 2 and re.fullmatch("[0-9A-Za-z]{8,}", values[0]):
        return dict(zip(PROFILE_NAMES, values))

    rows = []
    with contextlib.suppress(csv.Error):
        rows = [row for row in csv.reader(lines) if any(row)]
    if len(rows) == 2:
        header = [name.strip().lower() for name in rows[0]]
        row = dict(zip(header, map(str.strip, rows[1])))
        if all(column in row for column in CSV_COLUMNS):
            return dict(zip(PROFILE_NAMES, (row[column] for column in CSV_COLUMNS)))

    named_values = {}
    is_wanted = True
    for line in lines:
        named = NAMED_VALUE.fullmatch(line)
        if line.startswith("["):
            is_wanted = line == "[basic]"
        elif named and is_wanted:
            named_values[named["name"]] = named["value"]
            named_values[named["name"].lower()] = named["value"]  # the SDK takes AK and ak
    return named_values


def read_credentials_file(path: str) -> Credentials:
    """Return the credentials in a file; raises RunError, which shows nothing of its content."""
    path = os.path.expanduser(path)
    origin = f"the credentials file {mask_path(path)}"
    try:
        lines, mode = read_user_file(path)
    except ValueError as error:
        raise RunError(CREDENTIALS, f"cannot read {origin}: {error}") from None
    values = values_in([line for line in lines if not line.startswith("#")])
    for names in (HW_NAMES, SDK_NAMES, PROFILE_NAMES):
        credentials = pick_credentials(values, names, origin)
        if credentials and os.name == "posix" and mode & 0o044:
            return credentials._replace(exposed_file=path)
        if credentials:
            return credentials
    raise RunError(CREDENTIALS, f"cannot recognize the format of {origin}; use {FILE_FORMS}")


def find_credentials(path: str | None, environ: Environ) -> Credentials:
    """Return the credentials of the first source that has some; raises RunError."""
    if path is not None:
        return read_credentials_file(path)
    for names in (HW_NAMES, SDK_NAMES):
        origin = f"the environment ({names[0]}, {names[1]})"
        credentials = pick_credentials(environ, names, origin)
        if credentials:
            return credentials
    profile = environ.get(PROFILE_VARIABLE)
    if profile:
        return read_credentials_file(profile)
    if os.path.exists(os.path.expanduser(PROFILE_FILE)):
        return read_credentials_file(PROFILE_FILE)
    raise RunError(CREDENTIALS, "no credentials found")


def open_credentials(
    path: str | None, project_id: str, environ: Environ, console: Console
) -> Credentials:
    """Return the credentials, with the project id if it is known; raises RunError.

    From here on the console hides the secrets.
    """
    try:
        credentials = find_credentials(path, environ)
    except RunError:
        raise
    except Exception as error:  # noqa: BLE001 - its text may quote a secret
        raise RunError(BUG, f"{type(error).__name__} while credentials were read") from None
    for secret in (credentials.ak, credentials.sk, credentials.token):
        console.hide(secret)
    project_id = project_id or credentials.project_id or environ.get("HW_PROJECT_ID", "")
    if project_id and not PROJECT_ID_FORM.fullmatch(project_id):
        source = f"{credentials.origin} or in HW_PROJECT_ID"
        raise RunError(PROJECT, f"the project id in {source} is not 32 characters of 0-9a-z")
    return credentials._replace(project_id=project_id)


# --- The cloud: a wrong key costs one failed signature, and no wrong figure is read ---

TIMEOUTS = (10.0, 30.0)  # seconds to connect, and to read
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before each further try
MAX_RETRY_AFTER = 60.0  # seconds; a longer wait ends the run
MAX_SILENT_WAIT = 2.0  # seconds; a longer wait is announced
PACE_SECONDS = 61.0  # a little more than a minute, since a request may begin late
WAITS_BY_STATUS = {
    429: (2.0, 4.0, 8.0, 16.0, 32.0),
    **dict.fromkeys((500, 502, 503, 504), WAITS),
}
KIND_BY_STATUS = {400: BAD_REQUEST, 401: UNAUTHORIZED, 403: FORBIDDEN, 429: BUSY}
PROJECT_LOOKUP = "project look-up"
SIGNED_HEADERS = ("Content-Type", "X-Project-Id")  # a proxy may change others on the way


def sign(request: PreparedRequest, credentials: Credentials) -> PreparedRequest:
    """Sign a request with AK and SK, and return it.

    The Signer encodes a query in its own way, so its URL replaces the one of requests.
    """
    from huaweicloudsdkcore.sdk_request import SdkRequest
    from huaweicloudsdkcore.signer.signer import Signer

    headers = {}
    for name in SIGNED_HEADERS:
        if name in request.headers:
            headers[name] = request.headers[name]
    headers["X-Sdk-Date"] = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    if credentials.token:
        headers["X-Security-Token"] = credentials.token
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
    signed = Signer(credentials).sign(unsigned)  # takes anything with ak and sk
    request.headers.update(signed.header_params)
    request.url = signed.url
    return request


class Answer(NamedTuple):
    """An answer of the service, without secrets and not judged."""

    operation: str  # for errors
    status: int
    headers: Mapping[str, str]
    text: str
    fields: Fields  # of its JSON, with decimals; empty if it is not an object
    is_json: bool


def read_answer(operation: str, response: Response, console: Console) -> Answer:
    """Return an answer without secrets."""
    text = ""
    try:
        text = console.without_secrets(response.content.decode("utf-8"))
        fields = json.loads(text, parse_float=Decimal, parse_constant=int)  # int("NaN") raises
        is_json = True
    except (ValueError, ArithmeticError, RecursionError):  # huge exponents, endless brackets
        fields = None
        is_json = False
    if not isinstance(fields, dict):
        fields = {}
    return Answer(operation, response.status_code, response.headers, text, fields, is_json)


def answer_error(kind: Kind, answer: Answer, reason: str = "") -> RunError:
    """Return the error for an answer. What it says about an error may be nested, as in IAM."""
    said = answer.fields
    if isinstance(said.get("error"), dict):
        said = {**said, **said["error"]}
    code = str(said.get("error_code") or said.get("code") or "")
    text = str(said.get("error_msg") or said.get("message") or "")
    if not reason:
        reason = f"HTTP {answer.status}: {text or 'the answer gives no reason'}"
    elif code or text:
        reason = f"{reason}; it says: {code} {text}"
    error = RunError(kind, f"{answer.operation}: {reason}")
    error.error_code = code
    request_id = answer.headers.get("X-Request-Id") or said.get("request_id")
    error.request_id = str(request_id or "")
    return error


def refusal(answer: Answer, region: str, project_id: str, origin: str) -> RunError:
    """Return the error for an answer with another status than 200.

    The hint names the region, the project, and the origin of the credentials.
    """
    status = answer.status
    kind = KIND_BY_STATUS.get(status, SERVICE)
    if status >= 500:
        kind = BUSY
    elif status != 429 and not answer.is_json:
        kind = kind._replace(hint=FOREIGN.hint)
    elif status == 403 and answer.operation == PROJECT_LOOKUP:
        kind = PROJECT_FORBIDDEN
    elif kind in (SERVICE, BAD_REQUEST) and answer.operation == LIST_OPERATION:
        kind = BAD_LIST
    reason = ""
    if 300 <= status < 400:
        target = answer.headers.get("Location", "an unknown place")
        reason = f"HTTP {status}: a redirect to {target}, which is not followed"

    hint = kind.hint.format(region=region, project_id=project_id, origin=origin)
    error = answer_error(kind._replace(hint=hint), answer, reason)
    error.http_status = status
    error.waits = WAITS_BY_STATUS.get(status, ())
    retry_after = answer.headers.get("Retry-After", "").strip()
    if error.waits and retry_after.isdecimal():  # not a date
        error.waits = (float(retry_after),) * len(error.waits)
        if float(retry_after) > MAX_RETRY_AFTER:
            error.waits = ()
            error.message += f" The service asks for a wait of {retry_after} s."
    return error


def network_error(error: Exception, host: str, ca_file: object) -> RunError:
    """Return the error for what requests raised instead of an answer.

    Its text may hold the password of the proxy, so only the words of the system are shown.
    """
    import ssl  # not at the top, because it takes time

    from requests import exceptions

    if isinstance(error, exceptions.ContentDecodingError):
        return RunError(SERVICE, f"the answer of {host} cannot be decompressed")
    root: BaseException = error
    while root.__context__ is not None:
        root = root.__context__
    is_lost_tls = isinstance(root, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
    words = "the connection was lost"
    is_setting = False
    if isinstance(root, ssl.SSLError) and not is_lost_tls:
        words = str(root)
        if isinstance(ca_file, str):
            words += f" (CA certificates: {mask_path(ca_file)})"
        is_setting = True
    elif isinstance(root, OSError) and not isinstance(root, exceptions.RequestException):
        words = mask_path(str(root))
        # A CA file that does not exist, a file that cannot be opened, a proxy that refuses.
        is_refusal = words.startswith("Tunnel connection failed: 4")
        is_setting = root is error or bool(root.filename) or is_refusal

    lost = (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError)
    if is_setting:
        return RunError(SETTING, f"cannot reach {host}: {words}")
    if isinstance(error, lost):
        failure = RunError(UNREACHABLE, f"cannot reach {host}: {words}")
        failure.waits = WAITS
        return failure
    if isinstance(error, (exceptions.RequestException, ValueError, TypeError, OverflowError)):
        return RunError(SETTING, f"cannot reach {host}: the address of the proxy cannot be used")
    return RunError(BUG, f"{type(error).__name__} while a request was sent")


class Cloud:
    """All requests go through here: they are signed, paced, sent and tried again."""

    def __init__(self, credentials: Credentials, region: str, console: Console) -> None:
        """Prepare requests to a region; raises RunError if a package cannot be imported."""
        try:
            import huaweicloudsdkcore.signer.signer  # noqa: F401 - sign needs it
            from requests import Session
        except OSError as error:  # requests opens the files that some variables name
            message = f"cannot use a file of this machine: {mask_path(str(error))}"
            raise RunError(SETTING, message) from None
        except Exception as error:  # noqa: BLE001 - a broken package raises anything
            raise package_error(error) from None

        self.region = region
        self.project_id = credentials.project_id  # empty: not known yet
        self.console = console
        self.ended = False  # once it is set, nothing more is sent
        self._origin = credentials.origin
        # When the latest requests began, in seconds of time.monotonic.
        self._turns: collections.deque[float] = collections.deque(maxlen=MAX_REQUESTS_PER_MINUTE)
        self._lock = threading.Lock()
        self._session = Session()
        # The target of a redirect may be malformed, and then requests raises.
        self._session.get_redirect_target = lambda _: None  # type: ignore[assignment,method-assign]
        # An auth also keeps requests from looking for passwords in a netrc file.
        self._session.auth = functools.partial(sign, credentials=credentials)
        self._session.headers["User-Agent"] = f"huawei-cloud-maas-tokens-usage/{__version__}"

    def post_statistics(self, operation: str, body: Fields) -> Answer:
        """Return the answer to an operation of the MaaS statistics; raises RunError."""
        path = f"/v1/{self.project_id}/maas/monitoring/{operation}"
        return self._request(operation, "modelarts", path, json.dumps(body))

    def look_up_project(self) -> None:
        """Ask IAM for the project id, unless the credentials have one; raises RunError.

        It is that of the project with the region's name: https://support.huaweicloud.com/api-iam/
        """
        if self.project_id:
            return
        answer = None  # the second request stands outside of the except: its errors have no context
        try:
            answer = self._request(PROJECT_LOOKUP, "iam", f"/v3/projects?name={self.region}")
        except RunError as error:
            if error.http_status != 403:
                raise
        if answer is None:  # this call needs no permission, and has no filter
            answer = self._request(PROJECT_LOOKUP, "iam", "/v3/auth/projects")
        try:
            ids = []
            for project in answer.fields["projects"]:
                if project["name"] == self.region:
                    ids.append(str(project["id"]))
        except (KeyError, TypeError):
            raise answer_error(SERVICE, answer, "the answer is not a list of projects") from None
        if len(ids) != 1:
            message = f"IAM lists {len(ids)} projects named {self.region}; exactly one is needed"
            raise RunError(PROJECT, message)
        if not PROJECT_ID_FORM.fullmatch(ids[0]):
            reason = "the project id is not 32 characters of 0-9a-z"
            raise answer_error(SERVICE, answer, reason)
        self.project_id = ids[0]

    def _request(self, operation: str, service: str, path: str, body: str = "") -> Answer:
        """Return an answer, after several tries where that may help; raises RunError."""
        tries = 0
        while True:
            try:
                return self._send(operation, service, path, body)
            except RunError as error:
                if tries >= len(error.waits):
                    raise
                wait = error.waits[tries]
                reason = error.message
            if wait > MAX_SILENT_WAIT:
                self.console.announce(f"waiting {wait:g} s before the next try: {reason}")
            self._wait_until(time.monotonic() + wait)
            tries += 1

    def _send(self, operation: str, service: str, path: str, body: str) -> Answer:
        """Return the answer to a request that is sent once, when its turn has come.

        Raises RunError if it is not JSON with status 200.
        """
        from requests import Request

        self._wait_for_turn()
        host = f"{service}.{self.region}.myhuaweicloud.com"
        headers = {"Content-Type": "application/json"}
        method = "GET"
        if body:
            headers["X-Project-Id"] = self.project_id
            method = "POST"
        request = Request(method, f"https://{host}{path}", headers, data=body)
        # A bug in signing is not a network error, so this stands outside of the try.
        prepared = self._session.prepare_request(request)
        settings = self._session.merge_environment_settings(prepared.url, {}, None, None, None)
        try:
            response = self._session.send(
                prepared, timeout=TIMEOUTS, allow_redirects=False, **settings
            )
        except Exception as error:  # noqa: BLE001 - addresses of proxies raise many kinds
            raise network_error(error, host, settings["verify"]) from None
        answer = read_answer(operation, response, self.console)
        if answer.status != 200:
            raise refusal(answer, self.region, self.project_id, self._origin)
        if not answer.is_json:
            raise answer_error(FOREIGN, answer, "the answer is not JSON")
        return answer

    def _wait_for_turn(self) -> None:
        """Wait until the pace of the service allows another request; raises RunError."""
        with self._lock:
            turn = time.monotonic()
            if len(self._turns) == MAX_REQUESTS_PER_MINUTE:
                turn = max(turn, self._turns[0] + PACE_SECONDS)
            self._turns.append(turn)
        self._wait_until(turn)

    def _wait_until(self, moment: float) -> None:
        """Wait; raises RunError if the run ends meanwhile. All waits of a run are here."""
        while not self.ended:
            seconds = moment - time.monotonic()
            if seconds <= 0:
                return
            time.sleep(min(seconds, 0.1))
        raise RunError(INTERRUPTED, "another request has failed")


def read_total(answer: Answer) -> Usage:
    """Return the figures of ShowStatistics; raises RunError if they are not valid."""
    if all(answer.fields.get(figure.field) is None for figure in FIGURES):
        raise answer_error(SERVICE, answer, "the answer has none of the known figures")
    usage = {}
    try:
        for figure in FIGURES:
            value = answer.fields.get(figure.field)
            usage[figure.name] = read_figure(value, figure)
    except ValueError as error:
        raise answer_error(SERVICE, answer, str(error)) from None
    return usage


# --- Services: an answer that is not documented, so nothing in it is taken on trust ---


def read_service(record: Any) -> tuple[str, Usage]:
    """Return name and figures of a service; raises ValueError."""
    if not isinstance(record, dict) or not isinstance(record.get("service_name"), str):
        raise ValueError("a row of the answer has no service_name that is a string")
    usage = add_up([])
    for figure in FIGURES:
        if not figure.list_field:
            continue
        if figure.list_field not in record:
            names = ", ".join(record)
            reason = f"a row of the answer has no {figure.list_field}; its fields are: {names}"
            raise ValueError(reason)
        usage[figure.name] = read_figure(record[figure.list_field], figure)
    return one_line(record["service_name"]), usage


def read_services(answer: Answer) -> dict[str, Usage]:
    """Return the usage of each service by its name; raises RunError.

    The services are the list under items, or the only list at the top level.
    """
    lists = [value for value in answer.fields.values() if isinstance(value, list)]
    if isinstance(answer.fields.get("items"), list):
        lists = [answer.fields["items"]]
    if len(lists) != 1:
        names = ", ".join(answer.fields) or "none"
        reason = f"the answer has {len(lists)} lists; its fields are: {names}"
        raise answer_error(BAD_LIST, answer, reason)
    services: dict[str, Usage] = {}
    for record in lists[0]:
        try:
            name, usage = read_service(record)
        except ValueError as error:
            raise answer_error(BAD_LIST, answer, str(error)) from None
        services[name] = add_up([usage, services.get(name, add_up([]))])
    return services


def check_coverage(service_type: str, services: Mapping[str, Usage], total: Usage) -> None:
    """Raise RunError if the services of a type do not fit its total.

    They must have 95 to 101 % of it, or nearly the same: figures are rounded, and calls are made
    in between.
    """
    listed = add_up(services.values())
    allowances = {"total_tokens": 1000 * len(services), "total_requests": 10}
    for name, allowance in allowances.items():
        is_near = abs(total[name] - listed[name]) <= allowance
        is_covered = 95 * total[name] <= 100 * listed[name] <= 101 * total[name]
        if not is_near and not is_covered:
            raise RunError(
                BAD_LIST,
                f"{LIST_OPERATION}: the services of type {service_type} have {listed[name]} "
                f"{as_words(name)}, but {SHOW_OPERATION} counts {total[name]}",
            )


# --- Report: requests, rows and notes -------------------------------------------------

MAX_CONCURRENT = 8  # requests
MIN_REQUESTS_COUNTED = 21  # a run with fewer does not show how many are done


class Asked(NamedTuple):
    """A part of what is asked with its answers, by service type. They are not judged yet."""

    part: Part
    answers: dict[str, Answer]


class Row(NamedTuple):
    """One row of a report: its label in JSON and CSV, and its figures."""

    label: Fields
    usage: Usage


class Report(NamedTuple):
    """The result of a run."""

    order: Order
    rows: list[Row]  # empty without --by
    total: Usage
    notes: list[str]


def title_of(label: Fields) -> str:
    """Return the label of a row for people."""
    words = []
    for name, value in label.items():
        if value is not None and name not in ("start", "end", "partial"):
            words.append(value or '""')  # without a name, or the online experience
    title = ", ".join(words)
    return f"{title} (partial)" if label.get("partial") else title


def answers_in(asked: Sequence[Asked]) -> int:
    """Return how many answers have come."""
    return sum(len(item.answers) for item in asked)


def ask_all(cloud: Cloud, parts: Sequence[Part], done: int, count: int) -> list[Asked]:
    """Ask for all parts; return their answers, not judged. Raises the error that came first.

    The first request goes alone: a wrong key costs one failed signature. count is that of the run.
    """
    from concurrent import futures  # not at the top, because it takes time

    asked = [Asked(part, {}) for part in parts]
    tasks = [(item, name) for item in asked for name in item.part.question.service_types]
    errors: list[BaseException] = []

    def ask(item: Asked, service_type: str) -> None:
        try:
            body = item.part.body(service_type)
            item.answers[service_type] = cloud.post_statistics(item.part.operation, body)
        except BaseException as error:  # noqa: BLE001 - raised below, whatever it is
            errors.append(error)
            cloud.ended = True

    pool = futures.ThreadPoolExecutor(MAX_CONCURRENT)
    try:
        for group in (tasks[:1], tasks[1:]):
            pending = {pool.submit(ask, item, service_type) for item, service_type in group}
            while pending and not errors:
                # Without a time-out, Windows would not notice Ctrl-C.
                pending = futures.wait(pending, timeout=0.1).not_done
                if count >= MIN_REQUESTS_COUNTED:
                    answered = done + answers_in(asked)
                    cloud.console.show_progress(f"{answered} of {count} requests")
            if errors:  # a wrong key is not sent again
                break
    except KeyboardInterrupt:
        cloud.ended = True
        raise
    finally:
        cloud.console.show_progress("")
        pool.shutdown(wait=False)
    if errors:
        raise errors[0]
    return asked


def ask_plan(cloud: Cloud, plan: Plan, question: Question) -> tuple[list[Asked], list[Asked]]:
    """Return the answers for the rows, and then for the total if it is asked; raises RunError.

    A run with more requests than the service allows in a minute says first how long it takes.
    """
    totals = []
    if plan.asks_total:
        totals.append(Part(SHOW_OPERATION, {}, question))
    count = sum(len(part.question.service_types) for part in plan.rows + totals)
    minutes = (count - 1) // MAX_REQUESTS_PER_MINUTE
    if minutes:
        pace = f"at most {MAX_REQUESTS_PER_MINUTE} a minute"
        duration = "1 minute" if minutes == 1 else f"{minutes} minutes"
        cloud.console.announce(f"{count} requests, {pace}: this takes about {duration}")
    asked = ask_all(cloud, plan.rows, 0, count)
    asked_totals = ask_all(cloud, totals, answers_in(asked), count)
    return asked, asked_totals


def rows_of_services(answers: Mapping[str, Answer], totals: Mapping[str, Usage]) -> list[Row]:
    """Return a row for each service, the largest first. Both arguments are by service type.

    Raises RunError if the services of a type do not fit its total.
    """
    rows = []
    for service_type, answer in answers.items():
        services = read_services(answer)
        check_coverage(service_type, services, totals[service_type])
        for name, usage in services.items():
            rows.append(Row({"service": name, "service_type": service_type}, usage))
    rows.sort(key=lambda row: title_of(row.label))
    rows.sort(key=lambda row: row.usage["total_tokens"], reverse=True)  # keeps the order of equals
    return rows


def figures_of(usage: Usage, order: Order) -> dict[str, float | None]:
    """Return the figures of a run, and the error rate, by the names that programs read."""
    is_batch = order.question.infer_type == "batch"
    figures: dict[str, float | None] = {}
    for figure in FIGURES:
        if is_batch or not figure.batch_only:
            figures[figure.name] = usage[figure.name]
        if figure.name == "total_errors":
            figures["error_rate"] = error_rate(usage)
    return figures


def notes_on_order(order: Order, credentials: Credentials, now: datetime) -> list[str]:
    """Return the notes that do not depend on the answers."""
    period = order.question.period
    notes = []
    if not period.complete:
        start, _ = period.local()
        notes.append(f"The service keeps 30 days. Usage before {start} is not included.")
    if now - period.end <= REPORTING_LAG:
        notes.append("The figures lag by one to two hours. The latest calls may be missing.")
    if order.type_is_default and order.by != "service-type":
        notes.append("Only preset services are counted. --service-type all includes the others.")
    if order.region not in TYPES_BY_REGION:
        notes.append(f"MaaS is not known to be offered in {order.region}.")
    if credentials.exposed_file:
        command = f"chmod 600 {shlex.quote(mask_path(credentials.exposed_file))}"
        notes.append(f"Others can read the credentials file. To fix it: {command}")
    return notes


def notes_on_zeros(order: Order, rows: Sequence[Row], total: Usage) -> list[str]:
    """Return a note if there is no usage at all, or none for an API key or address."""
    unused = []
    for row in rows:
        if not any(row.usage.values()):
            unused.append(title_of(row.label))
    if not any(total.values()):
        found = "No usage was found."
    elif order.row_values and unused:
        title = FILTERS[ROW_FILTERS[str(order.by)]]
        found = f"No usage was found for the {title} {', '.join(unused)}."
    else:
        return []
    checks = "the spelling of API keys and addresses"
    if order.service_type != "all":
        checks += ", and other service types (--service-type all)"
    if order.question.infer_type != "batch":
        checks += ", and batch inference (--infer-type batch)"
    return [f"{found} Check {checks}."]


def make_report(
    order: Order,
    plan: Plan,
    asked: Sequence[Asked],
    asked_totals: Sequence[Asked],
    notes: list[str],
) -> Report:
    """Return the rows and the total of all answers, and all notes; raises RunError."""
    totals = {}
    for part, answers in asked_totals:
        for name in part.question.service_types:
            totals[name] = read_total(answers[name])
    rows: list[Row] = []
    for part, answers in asked:
        if part.operation == LIST_OPERATION:
            rows += rows_of_services(answers, totals)
        else:
            usages = [read_total(answers[name]) for name in part.question.service_types]
            rows.append(Row(part.label, add_up(usages)))

    total = listed = add_up(row.usage for row in rows)
    if plan.asks_total:
        total = add_up(totals.values())
    rest = {name: max(0, total[name] - listed[name]) for name in total}
    if plan.rest_label and any(figures_of(rest, order).values()):
        rows.append(Row(plan.rest_label, rest))
    return Report(order, rows, total, notes + notes_on_zeros(order, rows, total))


def raw_text(asked: Sequence[Asked]) -> str:
    """Return a JSON array of what was asked and answered, as it came and not judged."""
    entries = []
    for item in asked:
        for service_type in item.part.question.service_types:
            body = json.dumps(item.part.body(service_type))
            answer = item.answers[service_type].text
            entries.append(f'{{"request": {body},\n "response": {answer}}}')
    return "[" + ",\n".join(entries) + "]\n"


# --- Output: one function for each format ---------------------------------------------

WIDTH = 80  # display columns of tables
MIN_BAR = 5  # columns; a bar with less room is left out
MIN_LABEL = 10  # columns, to which a label is shortened at most
SHORT_UNITS = {"T": 10**12, "G": 10**9, "M": 10**6}

# The figures that have a column in tables of rows, and its heading.
COLUMNS = {
    "total_tokens": "tokens",
    "total_requests": "requests",
    "total_errors": "errors",
    "error_rate": "error rate",
}


def shown_figures(usage: Usage, order: Order) -> dict[str, str]:
    """Return the same for people: with thousands separators, and the error rate in percent."""
    shown = {}
    for name, value in figures_of(usage, order).items():
        if value is None:
            shown[name] = ""
        elif name == "error_rate":
            shown[name] = f"{value:.2%}"
        else:
            shown[name] = f"{value:,}"
    return shown


def json_text(report: Report) -> str:
    """Return the report as a JSON document with each top-level value and each row on a line."""
    order = report.order
    question = order.question
    document: Fields = {
        "period": {
            **start_and_end(question.period),
            "timezone": question.period.zone_name(),
            "complete": question.period.complete,
        },
        "region": order.region,
        "project_id": order.project_id,
        "service_type": order.service_type,
        "service_types": question.service_types,
        "infer_type": question.infer_type,
    }
    for field in FILTERS:
        values = question.filters.get(field)
        document[field] = values and shown_values(field, values)
    document["totals"] = figures_of(report.total, order)
    document["by"] = order.by
    lines = []
    for name, value in document.items():
        lines.append(f'  "{name}": {json.dumps(value)}')

    rows = []
    for row in report.rows:
        fields = {**row.label, **figures_of(row.usage, order)}
        rows.append(f"    {json.dumps(fields)}")
    text = "[\n" + ",\n".join(rows) + "\n  ]"
    lines.append(f'  "rows": {text if rows else "[]"}')
    lines.append(f'  "notes": {json.dumps(report.notes)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def csv_text(report: Report) -> str:
    """Return a header and a line for each row, or for the total without --by."""
    order = report.order
    rows = report.rows
    if order.by is None:
        rows = [Row({}, report.total)]
    label: Fields = {"service": "", "service_type": ""}  # only services may have no rows
    if rows:
        label = rows[0].label
    whole = start_and_end(order.question.period)
    header = {**whole, **label, **figures_of(report.total, order)}

    text = io.StringIO()
    writer = csv.DictWriter(text, list(header), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({**whole, **row.label, **figures_of(row.usage, order)})
    return text.getvalue()


def filters_in_words(question: Question) -> dict[str, list[str]]:
    """Return the values of the filters, for people, by the titles of the filters."""
    words = {}
    for field, values in question.filters.items():
        words[FILTERS[field]] = [value or '""' for value in shown_values(field, values)]
    return words


def lines_on_order(report: Report) -> list[str]:
    """Return what was asked. Each value of a filter has a line of its own."""
    order = report.order
    question = order.question
    types = ", ".join(question.service_types)
    asked = {
        "period": [period_in_words(question.period)],
        "services": [f"{types} ({INFERENCE_WORDS[question.infer_type]})"],
        "region": [f"{order.region}, project {order.project_id}"],
        **filters_in_words(question),
    }
    lines = []
    for title, values in asked.items():
        shown_title = title
        for value in values:
            lines.append(f"{shown_title:<10}{shorten(value, WIDTH - 10)}")
            shown_title = ""
    return lines


def lines_on_rows(report: Report) -> list[str]:
    """Return a table of the rows and the total, with a bar for the tokens of each row.

    Where the room is short, first the bars give way, then the labels.
    """
    rows = [*report.rows, Row({"": "total"}, report.total)]
    labels = [""]
    cells = [list(COLUMNS.values())]
    for row in rows:
        labels.append(title_of(row.label))
        shown = shown_figures(row.usage, report.order)
        cells.append([shown[name] for name in COLUMNS])
    widths = []
    for column in zip(*cells):
        widths.append(2 + max(map(len, column)))
    room = max(MIN_LABEL, WIDTH - sum(widths))
    label_width = min(room, max(map(columns_of, labels)))

    lines = []
    for label, line_cells in zip(labels, cells):
        text = shorten(label, label_width)
        text += " " * (label_width - columns_of(text))
        for cell, width in zip(line_cells, widths):
            text += cell.rjust(width)
        lines.append(text)

    bar_width = room - label_width - 2
    most_tokens = max([row.usage["total_tokens"] for row in report.rows], default=0)
    if bar_width >= MIN_BAR and most_tokens:
        for place, row in enumerate(report.rows, start=1):
            length = math.ceil(row.usage["total_tokens"] * bar_width / most_tokens)
            lines[place] += "  " + "#" * length
    return [line.rstrip() for line in lines]


def short_figure(count: float) -> str:
    """Return a large figure in millions or more, with two decimals; nothing for a smaller one."""
    for unit, size in SHORT_UNITS.items():
        if count >= size:
            return f"{count / size:,.2f} {unit}"
    return ""


def table_text(report: Report) -> str:
    """Return the report for people: rows, then the figures of the total that have no column."""
    by = report.order.by
    lines = [*lines_on_order(report), ""]
    if by:
        lines += [*lines_on_rows(report), ""]
    for name, shown in shown_figures(report.total, report.order).items():
        if not by or name not in COLUMNS:
            short = short_figure(report.total.get(name, 0))
            line = f"{as_words(name):<18}{shown:>26} {short:>11}"
            lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def escape_markdown(text: str) -> str:
    """Return a text that stays text in a Markdown table."""
    return re.sub(r"([\\|`\[\]<>*])", r"\\\1", text)


def markdown_row(label: str, cells: Iterable[str]) -> str:
    """Return a line of a Markdown table."""
    return f"| {escape_markdown(label)} | {' | '.join(cells)} |"


def markdown_text(report: Report) -> str:
    """Return a sentence on what was counted, and a Markdown table of all figures."""
    order = report.order
    question = order.question
    types = ", ".join(question.service_types)
    sentence = (
        f"Huawei Cloud MaaS usage, {period_in_words(question.period)}: "
        f"{types} services in {order.region}, {INFERENCE_WORDS[question.infer_type]}"
    )
    for title, values in filters_in_words(question).items():
        sentence += f", only the {title} {', '.join(values)}"

    total = shown_figures(report.total, order)
    lines = [
        f"{escape_markdown(sentence)}.",
        "",
        markdown_row(order.by or "", [as_words(name) for name in total]),
        markdown_row("---", ["---:"] * len(total)),
    ]
    for row in report.rows:
        shown = shown_figures(row.usage, order)
        lines.append(markdown_row(title_of(row.label), shown.values()))
    bold_cells = [f"**{cell}**" if cell else "" for cell in total.values()]
    lines.append(f"| **total** | {' | '.join(bold_cells)} |")
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
    hint = console.clean(error.kind.hint)
    details = {
        "error_code": console.clean(error.error_code) or None,
        "request_id": console.clean(error.request_id) or None,
    }
    if as_json:
        fields = {
            "kind": error.kind.name,
            "message": message,
            "hint": hint,
            "http_status": error.http_status,
            **details,
            "retryable": error.kind.retryable,
        }
        return json.dumps({"error": fields}) + "\n"
    words = []
    for name, text in details.items():
        if text:
            words.append(f"{as_words(name)} {text}")
    if words:
        message = f"{message.rstrip('.')} ({', '.join(words)})."
    return f"error: {message}\nhint: {hint}\n"


# --- Main -----------------------------------------------------------------------------


def run_check(cloud: Cloud, zone: Zone, now: datetime) -> None:
    """Ask for the last hour of the preset services, and write how long it took; raises RunError."""
    last_hour = Period(now - HOUR, now, zone)
    part = Part(SHOW_OPERATION, {}, Question(("preset",), last_hour, "real_time", filters={}))
    started = time.monotonic()
    read_total(cloud.post_statistics(part.operation, part.body("preset")))
    milliseconds = (time.monotonic() - started) * 1000
    cloud.console.write_result(f"statistics   ok     {milliseconds:.0f} ms\n")


def run_query(cloud: Cloud, order: Order, output_format: str, notes: list[str]) -> None:
    """Ask, and write the report and the notes; raises RunError."""
    console = cloud.console
    plan = make_plan(order)
    asked, asked_totals = ask_plan(cloud, plan, order.question)
    if output_format == "raw":
        console.write_result(raw_text(asked + asked_totals), "utf-8")
    else:
        report = make_report(order, plan, asked, asked_totals, notes)
        notes = report.notes
        text = FORMATS[output_format](report)
        encoding = None if output_format == "table" else "utf-8"
        console.write_result(text, encoding)
    if output_format != "json":
        for note in notes:
            console.write_message(f"note: {note}\n")


def run(arguments: Sequence[str], environ: Environ, now: datetime, console: Console) -> None:
    """Do what the arguments order; raises RunError."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            args = parse_arguments(arguments, [*FORMATS, "raw"])
    except SystemExit:  # after --help or --version
        console.write_result(printed.getvalue())
        return
    order = make_order(args, environ, now)
    credentials = open_credentials(args.credentials_file, order.project_id, environ, console)
    for api_key in args.api_keys or ():
        if len(api_key) >= MIN_LONG_KEY:  # the service may repeat it in an error
            console.hide(api_key, shown_key(api_key))
    if args.check:
        console.write_result(f"credentials  found  {credentials.origin}\n")

    cloud = Cloud(credentials, order.region, console)
    cloud.look_up_project()
    order = order._replace(project_id=cloud.project_id)
    if args.check:
        console.write_result(f"project      ok     {cloud.project_id}\n")
        run_check(cloud, order.question.period.zone, now)
    else:
        run_query(cloud, order, args.format, notes_on_order(order, credentials, now))


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Say whether --format json is given, also among arguments that make no sense."""
    text = "\n".join(arguments).replace("--raw", "--format=raw")
    formats = re.findall(r"^--format[=\n](.*)$", text, re.MULTILINE)
    return formats[-1:] == ["json"]  # the last one counts


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with these arguments, or those of the command line; return the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)  # noqa: TID251
    environ = os.environ  # noqa: TID251
    # A stream that the caller has closed is None.
    stdout = sys.stdout or io.StringIO()  # noqa: TID251
    stderr = sys.stderr or io.StringIO()  # noqa: TID251
    console = Console(stdout, stderr)
    for name in (*HW_NAMES[:3], *SDK_NAMES[:3]):
        console.hide(environ.get(name, ""))  # also those of a source that is not used
    now = datetime.now(timezone.utc).replace(microsecond=0)
    try:
        run(arguments, environ, now, console)
    except RunError as error:
        failure = error
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        failure = RunError(INTERRUPTED, "interrupted")
    except Exception as error:  # noqa: BLE001 - reported with its traceback
        import traceback

        lines = traceback.format_exception(type(error), error, error.__traceback__, chain=False)
        console.write_message("".join(lines))
        failure = RunError(BUG, f"unexpected {type(error).__name__}")
    else:
        return 0
    console.write_error(error_text(failure, console, as_json=asks_for_json(arguments)))
    return failure.kind.exit_code


if __name__ == "__main__":
    # Ctrl-C in a constructor of a library makes its destructor fail, and Python shows a traceback.
    sys.unraisablehook = lambda _: None
    # Ends at once: threads may still wait for answers, and flushing a closed pipe would fail again.
    os._exit(main())
