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
  1    this machine: a package, the proxy or a certificate cannot be used,
       the result cannot be written, or the program has a bug
  2    wrong arguments
  3    credentials missing, refused or without permission; no project
  4    the service refused the request, or its answer was not valid
  5    the service could not be reached or kept failing
  130  interrupted
"""

# How data flows through this file:
#
#     arguments  ->  Query    what is asked, with all defaults resolved
#     Query      ->  Parts    planned rows, each with its requests
#     Parts      ->  Answers  of the service, by request
#     Answers    ->  Report   rows of figures, and the total
#     Report     ->  text     table, markdown, json or csv
#
# An answer of the service counts tokens in thousands. Here are 67,188 requests, of which 8,002
# failed, and 2,482,084,980 tokens:
#
#     {"total_request_count": 67188, "total_error_count": 8002, "total_token": 2482084.98,
#      "total_prompt_token": 2456504.362, "total_completion_token": 24872.928}
#
# Wrong figures, leaked keys and locked accounts harm users. Many checks below exist for that
# reason. Some imports are inside functions, so that --help works without the packages.

from __future__ import annotations

import argparse
import collections
import contextlib
import csv
import errno
import io
import ipaddress
import json
import math
import os
import re
import sys
import threading
import time
import unicodedata
from datetime import date, datetime, timedelta, timezone, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Dict, NamedTuple, NoReturn, Optional
from urllib.parse import parse_qsl, quote, urlsplit

if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import Callable, Iterable, Mapping, Sequence, TextIO

    from requests import PreparedRequest, Request, Response

    Environ = Mapping[str, str]

__version__ = "2.0.0"
PROGRAM = "maas_rest_usage_stats.py"

# --- The service ----------------------------------------------------------------------

# https://support.huaweicloud.com/api-maas/ShowStatistics.html says 3 for custom endpoints. But the
# service refuses 3 and accepts 4, as Huawei's own skill reports.
SERVICE_TYPES = {"preset": 2, "my-service": 1, "custom-endpoint": 4}

# The same page for the China site, and for the international site
# https://support.huaweicloud.com/intl/en-us/api-maas/ShowStatistics.html.
TYPES_BY_REGION = {
    "cn-southwest-2": ("preset", "my-service", "custom-endpoint"),
    "ap-southeast-1": ("preset", "my-service"),
}
DEFAULT_REGION = "cn-southwest-2"
REGIONS = " and ".join(TYPES_BY_REGION)
PROJECT_ID_PATTERN = re.compile("[0-9a-z]{32}")
PROJECT_ID_WORDS = "32 characters of 0-9 and a-z"

# The service keeps usage for 30 days, one request spans at most 30 days, and one user may send 200
# requests a minute (both pages).
RETENTION = timedelta(days=30)
MAX_REQUESTS_PER_MINUTE = 180

# Call statistics lag by one to two hours (the console's documentation).
REPORTING_LAG = timedelta(hours=2)

# The two calls of the service. The answer of the second is not documented.
SHOW_STATISTICS = "show-statistics"
LIST_SERVICES = "list-service-statistics"
LIST_LIMIT = 99  # rows; a similar call documents that the limit is below 100


# --- Errors ---------------------------------------------------------------------------

EXIT_MACHINE = 1
EXIT_USAGE = 2
EXIT_ACCESS = 3
EXIT_SERVICE = 4
EXIT_NETWORK = 5
EXIT_INTERRUPTED = 130

HINT_BUG = "This is a bug. Report it with the command and all that it printed."
HINT_PACKAGE = (
    "In the folder of the script, run: python3 -m venv .venv, then .venv/bin/python -m pip install "
    "-r requirements.txt (on Windows .venv\\Scripts\\python). Run the script with that python. "
    f"Or install uv, and run: uv run {PROGRAM}"
)
HINT_OUTPUT = "Free some space, or write to a file or an ordinary pipe."
HINT_INTERRUPTED = "Run the command again."
HINT_CREDENTIALS = (
    "Use --credentials-file FILE, such as the console's credentials.csv. Or set HW_ACCESS_KEY and "
    "HW_SECRET_KEY, or HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK. Or write ak = AK and sk = SK "
    "into ~/.huaweicloud/credentials."
)
HINT_KEY_FORM = "Remove quotes, spaces and line breaks, and check that the value is whole."
HINT_UNAUTHORIZED = (
    "Check AK, SK, the token of temporary keys, and that the clock of this machine is at most 15 "
    "minutes off. The AK must belong to the site of {region}. These keys come from {origin}. "
    "More tries with wrong keys may lock the AK for five minutes."
)
HINT_FORBIDDEN = (
    "Grant the user the policy ModelArts CommonOperations in the project of the region. "
    "Region: {region}; project: {project_id}. If this project belongs to another region, give no "
    "project id: IAM finds the right one."
)
HINT_PROJECT = (
    "Use --project-id ID, or set HW_PROJECT_ID. The console shows the id under My Credentials. "
    f"Only {REGIONS} offer MaaS."
)
HINT_SHORTER = (
    "Try a shorter period, such as --period 29d, or one service type at a time. "
    "It is not known for certain which limits the service has."
)
HINT_REFUSED = "Check --region and --project-id. If they are right, report the message."
HINT_ANSWER = "The service may have changed. Look for a newer version of this program."
HINT_FOREIGN = (
    "This answer did not come from the service. A proxy or firewall may have answered: "
    "check HTTPS_PROXY, or ask the administrator of the network."
)
HINT_SERVICES = (
    "--by service is experimental, because the format of this answer is not documented. "
    "Use --by service-type. --raw shows the answer."
)
HINT_FILTER = (
    "Two of the values may mean the same, such as an API key and its label: remove one. "
    "Otherwise the service does not understand this filter: leave out --by, --api-keys and --ips."
)
HINT_UNREACHABLE = (
    "Check --region, the network connection and the proxy (HTTPS_PROXY), then try again."
)
HINT_BUSY = "Wait some minutes, then run the command again."
HINT_SETTING = (
    "Check the proxy (HTTPS_PROXY), the file of CA certificates (REQUESTS_CA_BUNDLE, "
    "CURL_CA_BUNDLE) and the clock of this machine."
)
HINT_PROXY_LOGIN = (
    "Put user and password into the address of the proxy: "
    "HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT. "
    "More tries with a wrong password may lock that account."
)


class RunError(Exception):
    """Ends the run: its exit code, and what the user is told."""

    def __init__(
        self,
        exit_code: int,
        message: str,
        hint: str = "",
        details: str = "",
        waits: Sequence[float] = (),
    ) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.message = message
        self.hint = hint  # empty for a usage error: its message says what is right
        self.details = details  # the error code and request id of the service
        self.waits = waits  # seconds before each further try of the request; empty: do not retry


def package_error(error: Exception) -> RunError:
    """Return the error for a package that cannot be imported."""
    message = f"a package cannot be imported: {type(error).__name__}: {error}"
    return RunError(EXIT_MACHINE, message, HINT_PACKAGE)


# --- Figures --------------------------------------------------------------------------

Fields = Dict[str, Any]  # the names and values of a JSON object
Usage = Dict[str, int]  # whole tokens, requests and tasks by the name of their figure


class Figure(NamedTuple):
    """One figure of the statistics.

    A line in FIGURES adds it to all formats and sums, and one in COLUMNS to the rows of tables.
    Without a list_field, --by service shows 0.
    """

    name: str  # in JSON and CSV; in tables with spaces instead of underscores
    field: str  # in an answer of show-statistics
    list_field: str | None  # in a service of list-service-statistics; None: it has none
    in_thousands: bool = False  # the service counts it in thousands, with decimals
    batch_only: bool = False  # only batch inference has it


# The fields of show-statistics are documented. Huawei's own skill reports that tokens come in
# thousands, and that total_token is not the sum of prompt and completion tokens. The fields of
# list-service-statistics are known only from the source of a web console.
FIGURES = (
    Figure("total_tokens", "total_token", "total_token", in_thousands=True),
    Figure("prompt_tokens", "total_prompt_token", "prompt_token", in_thousands=True),
    Figure("completion_tokens", "total_completion_token", "completion_token", in_thousands=True),
    Figure("total_requests", "total_request_count", "request_count"),
    Figure("total_errors", "total_error_count", "error_count"),
    Figure("completed_tasks", "total_completion_tasks", None, batch_only=True),
    Figure("inference_count", "total_infer_count", None, batch_only=True),
)

# Larger figures are refused. Decimal arithmetic is exact up to here.
FIGURE_LIMIT = 10**18


def figures_with(infer_type: str) -> list[Figure]:
    """Return the figures that this kind of inference has."""
    return [figure for figure in FIGURES if infer_type == "batch" or not figure.batch_only]


def read_figure(value: Any, figure: Figure) -> int:
    """Return a figure of an answer in whole tokens, requests or tasks; null is 0.

    Raises ValueError for a value that is not a valid figure.
    """
    if value is None:
        return 0
    # isinstance would accept booleans, which are integers in Python.
    is_number = type(value) in (int, Decimal)
    if not is_number or not 0 <= value < FIGURE_LIMIT:
        raise ValueError(f"the value of {figure.name} is not valid")
    exact = Decimal(value)
    if figure.in_thousands:
        exact *= 1000
    elif exact % 1 != 0:
        raise ValueError(f"the value of {figure.name} is not a whole number")
    return int(exact.to_integral_value(ROUND_HALF_UP))


def no_usage() -> Usage:
    """Return figures that are all zero."""
    return {figure.name: 0 for figure in FIGURES}


def read_usage(fields: Fields, field_names: Mapping[Figure, str]) -> Usage:
    """Return the figure in each named field; raises ValueError if it is missing or not valid."""
    usage = no_usage()
    for figure, name in field_names.items():
        if name not in fields:
            others = ", ".join(fields) or "none"
            raise ValueError(f"{name} is missing; the fields are: {others}")
        usage[figure.name] = read_figure(fields[name], figure)
    return usage


def add_up(usages: Iterable[Usage]) -> Usage:
    """Return the sum of usages, figure by figure."""
    total = no_usage()
    for usage in usages:
        for name in total:
            total[name] += usage[name]
    return total


def remainder(total: Usage, listed: Usage) -> Usage:
    """Return what a total has beyond the listed usage, figure by figure, and never below zero."""
    left = {}
    for name, count in total.items():
        left[name] = max(0, count - listed[name])
    return left


def error_rate(usage: Usage) -> float | None:
    """Return failed requests per request, rounded to four decimals; None without requests."""
    if usage["total_requests"] == 0:
        return None
    return round(usage["total_errors"] / usage["total_requests"], 4)


def share_of(usage: Usage, total: Usage) -> float | None:
    """Return the share of a total's tokens, not rounded; None if the total has no tokens."""
    if total["total_tokens"] == 0:
        return None
    return usage["total_tokens"] / total["total_tokens"]


def as_words(name: str) -> str:
    """Return a name with spaces instead of underscores."""
    return name.replace("_", " ")


# --- Text and console -----------------------------------------------------------------

MAX_TEXT = 1000  # characters of a message that are shown
MIN_SECRET = 16  # characters of an AK, SK or token
LONG_WORD = re.compile("[0-9A-Za-z_+-]{32,}=*|[0-9A-Za-z]{20,}")


def shorten(word: str) -> str:
    """Return the first and last four characters of a key."""
    return f"{word[:4]}...{word[-4:]}"


def mask(text: str) -> str:
    """Return a text in which each word that may be a key is shortened.

    A long word with an upper-case letter and a digit is taken for a key.
    """

    def shorten_key(found: re.Match[str]) -> str:
        word = found[0]
        if re.search("[A-Z]", word) and re.search("[0-9]", word):
            return shorten(word)
        return word

    return LONG_WORD.sub(shorten_key, text)


def one_line(text: str) -> str:
    """Return untrusted text on one line of at most MAX_TEXT characters.

    Spaces replace what could break a line or steer a terminal.
    """
    characters = [character if character.isprintable() else " " for character in text]
    line = " ".join("".join(characters).split())
    if len(line) > MAX_TEXT:
        line = line[: MAX_TEXT - 3] + "..."
    return line


def escape_markdown(text: str) -> str:
    """Return a text whose characters do not act as Markdown."""
    return re.sub(r"([\\|`\[\]<>*_~&])", r"\\\1", text)


def display_width(text: str) -> int:
    """Return how many columns of a terminal a text takes. A wide East Asian character takes two."""
    widths = [unicodedata.east_asian_width(character) for character in text]
    return len(text) + widths.count("W") + widths.count("F")


def quoted_if_empty(text: str) -> str:
    """Return a text; for an empty one two quotes, as one types it in a shell."""
    return text or '""'


def number_duplicates(texts: Iterable[str]) -> list[str]:
    """Return texts that all differ: repeated ones end in (2), (3) and so on."""
    shown_texts: list[str] = []
    for text in texts:
        shown = text
        number = 1
        while shown in shown_texts:
            number += 1
            shown = f"{text} ({number})"
        shown_texts.append(shown)
    return shown_texts


def lines_of_file(path: str) -> list[str]:
    """Return the lines of a user's file, stripped and without blank ones; raises OSError.

    It is UTF-8, or UTF-16 with a BOM. Invalid bytes are replaced: a comment in another encoding
    does not make the file unreadable.
    """
    with open(os.path.expanduser(path), "rb") as file:
        content = file.read()
    encoding = "utf-8-sig"
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    lines = [line.strip() for line in content.decode(encoding, "replace").splitlines()]
    return [line for line in lines if line]


def write_all(stream: Any, content: bytes) -> None:
    """Write all bytes to a binary stream; raises OSError.

    A stream without a buffer (PYTHONUNBUFFERED) may take only some of them at a time.
    """
    while content:
        count = stream.write(content)
        if count is None:  # the stream does not block, and is full
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        content = content[count:]
    stream.flush()


class Console:
    """stdout and stderr of a run. All output goes through here, so that secrets are hidden.

    An AK, SK or token is replaced in all that is written. In errors, clean also shortens what may
    be another key. API keys in results are shown as show_api_key returns them.
    """

    def __init__(self, stdout: TextIO | None, stderr: TextIO | None) -> None:
        self._stdout = stdout  # None: the caller has closed it
        self._stderr = stderr
        self._replacements: dict[str, str] = {}  # by each spelling of a secret
        self._announced: set[str] = set()
        self._progress = ""  # on the last line of stderr
        self._lock = threading.Lock()  # announcements come from several threads

    def hide(self, secret: str, shown_as: str = "***") -> None:
        """Hide a secret from now on, as it is, percent-encoded, and escaped in JSON or Markdown."""
        if len(secret) < MIN_SECRET:
            return
        in_json = json.dumps(secret)[1:-1]
        spellings = [
            secret,
            in_json,
            in_json.replace("/", "\\/"),
            quote(secret, safe="", errors="replace"),
            escape_markdown(secret),
        ]
        for spelling in spellings:
            self._replacements.setdefault(spelling, shown_as)

    def without_secrets(self, text: str) -> str:
        """Return a text in which secrets are hidden."""
        # The longest go first: one may contain another.
        for secret in sorted(self._replacements, key=len, reverse=True):
            text = text.replace(secret, self._replacements[secret])
        return text

    def clean(self, text: str) -> str:
        """Return untrusted text on one line, without secrets and what may be a key."""
        return one_line(mask(self.without_secrets(text)))

    def write_result(self, text: str, encoding: str | None = None) -> None:
        """Write all of a result to stdout, in an encoding or in that of the terminal.

        Raises BrokenPipeError if nobody reads any more, and RunError if it cannot be written.
        """
        if self._stdout is None:
            raise RunError(EXIT_MACHINE, "stdout is closed", HINT_OUTPUT)
        text = self.without_secrets(text)
        try:
            if hasattr(self._stdout, "buffer"):
                encoding = encoding or self._stdout.encoding
                write_all(self._stdout.buffer, text.encode(encoding, "backslashreplace"))
            else:  # such as the stream of a notebook
                self._stdout.write(text)
        except OSError as error:
            is_closed_pipe = error.errno == errno.EPIPE
            if is_closed_pipe or (os.name == "nt" and error.errno == errno.EINVAL):
                raise BrokenPipeError from None
            message = f"the result cannot be written: {error.strerror or error}"
            raise RunError(EXIT_MACHINE, message, HINT_OUTPUT) from None

    def width(self) -> int:
        """Return the columns of the terminal; 80 if they are not known."""
        columns = 0
        if self._stdout is not None:
            with contextlib.suppress(OSError, ValueError):
                columns = os.get_terminal_size(self._stdout.fileno()).columns
        return columns or 80

    def write_message(self, text: str) -> None:
        """Write to stderr, if anybody reads it."""
        if self._stderr is None:
            return
        with contextlib.suppress(OSError):
            self._stderr.write(self.without_secrets(text))
            self._stderr.flush()

    def announce(self, text: str) -> None:
        """Write a line to stderr, unless it was announced before. It goes below the progress."""
        line = self.clean(text)
        with self._lock:
            if line not in self._announced:
                self._announced.add(line)
                line_break = "\n" if self._progress else ""
                self._progress = ""
                self.write_message(f"{line_break}{line}\n")

    def show_progress(self, progress: str) -> None:
        """Replace the progress on the last line of a terminal. An empty text erases it."""
        with self._lock:
            if progress != self._progress and self._stderr is not None and self._stderr.isatty():
                spaces = " " * len(self._progress)
                self._progress = progress
                self.write_message(f"\r{spaces}\r{progress}")


# --- Periods --------------------------------------------------------------------------

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

DEFAULT_PERIOD = "7d"
PERIOD_NAMES = (
    "today, yesterday, this-week, last-week, this-month, last-month; last-1-days to last-29-days "
    "(whole days up to yesterday); 1d to 30d or 1h to 720h (up to now)"
)
LAST_DAYS = re.compile("last-([1-9]|1[0-9]|2[0-9])-days")
ROLLING = re.compile("([0-9]{1,3})([dh])")
TIME_HELP = "YYYY-MM-DD or YYYY-MM-DDTHH:MM[:SS][+HH:MM]"
CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
TIME_PATTERN = re.compile(
    f"20[0-9]{{2}}-[0-9]{{2}}-[0-9]{{2}}([T ]{CLOCK}(:[0-5][0-9])?(Z|[+-]{CLOCK})?)?"
)

Zone = Optional[tzinfo]  # None: the system's zone, whose name is not known


def load_zone(name: str, source: str) -> tzinfo:
    """Return the zone with an IANA name. The source is the option or variable that names it."""
    if name == "UTC":
        return timezone.utc  # needs no zone data
    try:
        if sys.version_info >= (3, 9):
            from zoneinfo import ZoneInfo
        else:
            from backports.zoneinfo import ZoneInfo
    except Exception as error:
        raise package_error(error) from None
    if re.match("[A-Z]", name):  # localtime and posix/... are no IANA names
        # zoneinfo raises many kinds of errors for names that are not zones.
        with contextlib.suppress(Exception):
            return ZoneInfo(name)
    raise RunError(
        EXIT_USAGE,
        f"unknown time zone {name!r} in {source}; use an IANA name, such as Asia/Shanghai or UTC "
        "(where no name is known, install the package tzdata)",
    )


def choose_zone(option: str | None, environ: Environ) -> Zone:
    """Return the zone of dates: from --timezone, else from TZ, else None.

    A TZ that is a rule (CST-8), an abbreviation (CST) or a path is left to the C library.
    """
    if option is not None:
        return load_zone(option, "--timezone")
    variable = environ.get("TZ", "")
    if variable == "UTC" or re.fullmatch("[A-Z][^,]*/[^,]*", variable):
        return load_zone(variable, "TZ")
    return None


def to_utc(moment: datetime, zone: Zone) -> datetime:
    """Return a moment in UTC. A time without an offset is local to the zone.

    A time that occurs twice means its first occurrence.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    # Without a zone, astimezone is wrong for a time that the clocks skip; timestamp is right.
    return datetime.fromtimestamp(moment.timestamp(), timezone.utc)


def midnight(day: date, zone: Zone) -> datetime:
    """Return the start of a local day in UTC."""
    return to_utc(datetime.combine(day, datetime.min.time()), zone)


def local_day(moment: datetime, zone: Zone) -> date:
    """Return the local day of a moment."""
    day = moment.astimezone(zone).date()
    # Where clocks go back across midnight, the old date is shown again, but the new day has begun.
    if midnight(day + DAY, zone) <= moment:
        return day + DAY
    return day


def hour_around(moment: datetime, zone: Zone) -> tuple[datetime, datetime]:
    """Return start and end, in UTC, of the local hour of a moment.

    An hour begins late, or ends early, where the UTC offset changes in it.
    """
    local = moment.astimezone(zone)
    full_hour = moment - timedelta(minutes=local.minute, seconds=local.second)
    minutes = [full_hour + number * MINUTE for number in range(60)]
    # On Lord Howe Island, where clocks change by half an hour, an hour may have thirty minutes.
    offset = local.utcoffset()
    kept = [minute for minute in minutes if minute.astimezone(zone).utcoffset() == offset]
    return kept[0], kept[-1] + MINUTE


def unit_around(moment: datetime, zone: Zone, unit: str) -> tuple[datetime, datetime]:
    """Return start and end, in UTC, of the local hour, day or week of a moment."""
    if unit == "hour":
        return hour_around(moment, zone)
    first_day = local_day(moment, zone)
    days = 1
    if unit == "week":
        first_day -= first_day.weekday() * DAY
        days = 7
    return midnight(first_day, zone), midnight(first_day + days * DAY, zone)


class Period(NamedTuple):
    """The half-open time [start, end), and the zone in which it is shown."""

    start: datetime  # in UTC
    end: datetime  # in UTC
    zone: Zone
    start_is_cut: bool = False  # to what the service still keeps
    end_is_cut: bool = False  # to now

    def zone_name(self) -> str | None:
        """Return the IANA name of the zone, or None if it is not known."""
        if self.zone is None:
            return None
        return str(self.zone)

    def local(self) -> tuple[datetime, datetime]:
        """Return start and end with the zone's offset."""
        return self.start.astimezone(self.zone), self.end.astimezone(self.zone)

    def is_complete(self) -> bool:
        """Return whether neither end was cut."""
        return not self.start_is_cut and not self.end_is_cut

    def wire_milliseconds(self) -> tuple[int, int]:
        """Return start_time and end_time for the service, in milliseconds since 1970 UTC.

        The service is assumed to include its end_time. This is not confirmed, and only this method
        relies on it.
        """
        start = int(self.start.timestamp()) * 1000
        end = int(self.end.timestamp()) * 1000
        return start, end - 1

    def is_whole_days(self) -> bool:
        """Return whether the period begins and ends at a local midnight."""
        start, end = self.local()
        starts_day = self.start == midnight(start.date(), self.zone)
        ends_day = self.end == midnight(end.date(), self.zone)
        return starts_day and ends_day

    def zone_in_words(self) -> str:
        """Return the zone's name or its UTC offset; two offsets if the clocks change."""
        name = self.zone_name()
        if name is not None:
            return name
        start, end = [f"UTC{local.isoformat()[19:]}" for local in self.local()]
        return start if start == end else f"{start} to {end}"

    def in_words(self) -> str:
        """Return the period for people, such as 2026-05-08 to 2026-05-20 (Asia/Shanghai)."""
        start, end = self.local()
        if self.is_whole_days():
            first, last = str(start.date()), str(end.date() - DAY)
        else:
            first, last = f"{start:%Y-%m-%d %H:%M:%S}", f"{end:%Y-%m-%d %H:%M:%S}"
        is_one_day = self.is_whole_days() and first == last
        words = first if is_one_day else f"{first} to {last}"
        words = f"{words} ({self.zone_in_words()})"
        return words if self.is_complete() else f"{words} (incomplete)"


def named_period(text: str, zone: Zone, now: datetime) -> tuple[datetime, datetime]:
    """Return start and end, in UTC, of a --period."""
    today = local_day(now, zone)
    tomorrow = today + DAY
    monday = today - today.weekday() * DAY
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
    last_days = LAST_DAYS.fullmatch(text)
    if last_days:
        days[text] = (today - int(last_days[1]) * DAY, today)
    if text in days:
        first_day, day_after = days[text]
        return midnight(first_day, zone), midnight(day_after, zone)

    rolling = ROLLING.fullmatch(text)
    if rolling:
        unit = DAY if rolling[2] == "d" else HOUR
        start = now - int(rolling[1]) * unit
        if now - RETENTION <= start < now:
            return start, now
    raise RunError(EXIT_USAGE, f"unknown period {text!r}; use {PERIOD_NAMES}")


def read_time(text: str, zone: Zone, option: str) -> datetime:
    """Return the instant, in UTC, that --from or --to means.

    A plain date is local midnight for --from, and the end of that day for --to.
    """
    message = f"{option} {text!r} is not a date or time; use {TIME_HELP}"
    if not TIME_PATTERN.fullmatch(text):
        raise RunError(EXIT_USAGE, message)
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:  # such as 31 February
        raise RunError(EXIT_USAGE, message) from None
    is_date = len(text) == len("YYYY-MM-DD")
    if is_date and option == "--to":
        moment += DAY
    return to_utc(moment, zone)


def cut_period(start: datetime, end: datetime, zone: Zone, now: datetime) -> Period:
    """Return the part of [start, end) that has passed, and that the service still keeps."""
    oldest = now - RETENTION
    if start >= now:
        local_now = now.astimezone(zone)
        raise RunError(EXIT_USAGE, f"the period begins now or later; now is {local_now}")
    if end <= start:
        raise RunError(EXIT_USAGE, "the period is empty: its end is not after its start")
    if end <= oldest:
        first_day = local_day(oldest - SECOND, zone) + DAY
        raise RunError(
            EXIT_USAGE,
            f"the period ended before {oldest.astimezone(zone)}, and older usage is not kept; "
            f"the earliest whole day that is available is {first_day}",
        )
    return Period(
        start=max(start, oldest),
        end=min(end, now),
        zone=zone,
        start_is_cut=start < oldest,
        end_is_cut=end > now,
    )


# --- The query ------------------------------------------------------------------------

# The filters: their names in requests, JSON and options, and their words for people. The options
# check the values.
FILTERS = {"api_keys": "API keys", "ips": "addresses"}

# The breakdowns that have a row for each value of a filter.
ROW_FILTERS = {"api-key": "api_keys", "ip": "ips"}

INFERENCE_WORDS = {"real_time": "real-time inference", "batch": "batch inference"}
OTHERS = "(others)"
MIN_LONG_KEY = 32  # an API key of so many characters may be the key itself, and not its label


class Query(NamedTuple):
    """What is asked, with all defaults resolved."""

    period: Period
    region: str
    service_type: str  # a name of SERVICE_TYPES, or all
    service_types: tuple[str, ...]  # what service_type stands for
    type_is_default: bool
    infer_type: str  # real_time or batch
    filters: dict[str, list[str]]  # by names in FILTERS, without the one that --by makes rows of
    by: str  # a name of BREAKDOWNS; empty: no rows
    row_values: list[str]  # the API keys or addresses that are rows


class Part(NamedTuple):
    """A planned row and its requests. A part with LIST_SERVICES yields a row for each service."""

    title: str  # of the row, for people
    identity: Fields  # of the row, for programs: the fields before its figures
    operation: str  # SHOW_STATISTICS or LIST_SERVICES
    bodies: dict[str, str]  # of the requests, in JSON, by service type
    is_total: bool = False  # asks for the total; its identity is only for the row (others)


def show_api_key(api_key: str) -> str:
    """Return an API key as it is shown: in full if it is a label, shortened if it may be a key."""
    if len(api_key) >= MIN_LONG_KEY and re.search("[0-9]", api_key):
        return shorten(api_key)
    return api_key


def values_to_show(name: str, values: Iterable[str]) -> list[str]:
    """Return the values of a filter as all formats show them."""
    if name == "api_keys":
        return [show_api_key(value) for value in values]
    return list(values)


def make_part(title: str, identity: Fields, query: Query, operation: str = SHOW_STATISTICS) -> Part:
    """Return a part with the requests of a query, one for each service type."""
    start_time, end_time = query.period.wire_milliseconds()
    bodies = {}
    for service_type in query.service_types:
        body: Fields = {
            "service_type": SERVICE_TYPES[service_type],
            "start_time": start_time,
            "end_time": end_time,
            "infer_type": query.infer_type,
            **query.filters,
        }
        if query.period.zone is not None:
            body["timezone"] = query.period.zone_name()
        if operation == LIST_SERVICES:
            body.update(limit=LIST_LIMIT, offset=0)
        bodies[service_type] = json.dumps(body)
    return Part(title, identity, operation, bodies)


def make_total(others_identity: Fields, query: Query) -> Part:
    """Return the part for the total. Usage that no row has gets a row with this identity."""
    return make_part(OTHERS, others_identity, query)._replace(is_total=True)


def start_and_end(period: Period) -> Fields:
    """Return start and end of a period in ISO 8601, with the zone's offset."""
    start, end = period.local()
    return {"start": start.isoformat(), "end": end.isoformat()}


def title_and_identity(period: Period, unit_start: datetime, unit: str) -> tuple[str, Fields]:
    """Return title and identity of a row by time. A cut hour is named by its own start."""
    start, _ = period.local()
    first_day = local_day(unit_start, period.zone)
    if unit == "hour":
        return f"{start:%Y-%m-%d, %a %H:%M}", {"hour": start.isoformat()}
    if unit == "day":
        return f"{first_day:%Y-%m-%d, %a}", {"day": str(first_day), "weekday": f"{first_day:%a}"}
    return str(first_day), {"week": str(first_day)}


def plan_by_time(query: Query) -> list[Part]:
    """Plan a row for each hour, day or week. The period may cut the first and the last one."""
    whole = query.period
    parts = []
    start = whole.start
    while start < whole.end:
        unit_start, unit_end = unit_around(start, whole.zone, query.by)
        period = Period(start, min(unit_end, whole.end), whole.zone)
        title, identity = title_and_identity(period, unit_start, query.by)
        identity.update(start_and_end(period))
        identity["partial"] = (unit_start, unit_end) != (period.start, period.end)
        parts.append(make_part(title, identity, query._replace(period=period)))
        start = unit_end
    return parts


def plan_by_service_type(query: Query) -> list[Part]:
    """Plan a row for each service type."""
    parts = []
    for name in query.service_types:
        identity = {"service_type": name}
        parts.append(make_part(name, identity, query._replace(service_types=(name,))))
    return parts


def plan_by_service(query: Query) -> list[Part]:
    """Plan the rows of all services, and the total."""
    services = make_part("", {}, query, LIST_SERVICES)
    return [services, make_total({"service": OTHERS, "service_type": None}, query)]


def plan_by_value(query: Query) -> list[Part]:
    """Plan a row for each API key or address, and the total."""
    filter_name = ROW_FILTERS[query.by]
    name = query.by.replace("-", "_")
    shown_values = number_duplicates(values_to_show(filter_name, query.row_values))
    parts = []
    for value, shown in zip(query.row_values, shown_values):
        row_query = query._replace(filters={**query.filters, filter_name: [value]})
        parts.append(make_part(quoted_if_empty(shown), {name: shown}, row_query))
    return [*parts, make_total({name: OTHERS}, query)]


# A breakdown by time or service type asks for no total: it is the sum of the rows.
BREAKDOWNS: dict[str, Callable[[Query], list[Part]]] = {
    "hour": plan_by_time,
    "day": plan_by_time,
    "week": plan_by_time,
    "service-type": plan_by_service_type,
    "service": plan_by_service,
    "api-key": plan_by_value,
    "ip": plan_by_value,
}


def make_plan(query: Query) -> list[Part]:
    """Return the parts to ask for. Without --by it is only the total."""
    if not query.by:
        return [make_total({}, query)]
    return BREAKDOWNS[query.by](query)


# --- Credentials ----------------------------------------------------------------------

FILE_FORMATS = (
    "credentials.csv of the console, AK and SK on two lines or as AK,SK, or NAME = VALUE lines"
)
CSV_COLUMNS = ("access key id", "secret access key")
NAMED_VALUE = re.compile(
    r"((export|set)\s+)?(?P<name>\w+)\s*[=:]\s*(?P<quote>[\"']?)(?P<value>.*)(?P=quote)",
    re.IGNORECASE,
)

# The names of AK, SK, token and project id in each kind of source.
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
    """AK and SK, the token of temporary keys, and the project id if their source has one."""

    ak: str
    sk: str
    token: str  # empty: the keys are permanent
    project_id: str  # empty: not known
    project_source: str  # where the project id comes from, for messages
    origin: str  # where AK, SK and token come from, for messages


def check_key(value: str, name: str, origin: str, forbidden: str) -> None:
    """Raise RunError, which does not show the value, if it cannot be an AK, SK or token."""
    is_plain = value.isascii() and value.isprintable() and len(value) >= MIN_SECRET
    if not is_plain or any(character in value for character in forbidden):
        raise RunError(
            EXIT_ACCESS,
            f"{name} in {origin} is not valid: it is shorter than {MIN_SECRET} characters, or has "
            "a space, quote, semicolon, comma, control or non-ASCII character",
            HINT_KEY_FORM,
        )


def pick_credentials(
    values: Mapping[str, str], names: Sequence[str], origin: str
) -> Credentials | None:
    """Return the credentials with these names, or None. An empty value counts as missing."""
    ak, sk, token, project_id = [values.get(name, "") for name in names]
    ak_name, sk_name, token_name, project_name = names
    if not ak and not sk:
        return None
    if not ak:
        message = f"{sk_name} is set in {origin}, but {ak_name} is not"
        raise RunError(EXIT_ACCESS, message, HINT_CREDENTIALS)
    if not sk:
        message = f"{ak_name} is set in {origin}, but {sk_name} is not"
        raise RunError(EXIT_ACCESS, message, HINT_CREDENTIALS)
    check_key(ak, ak_name, origin, forbidden=" \"';,")
    check_key(sk, sk_name, origin, forbidden=" \"';,")
    if token:
        check_key(token, token_name, origin, forbidden=" \"';")
    return Credentials(ak, sk, token, project_id, f"{project_name} in {origin}", origin)


def bare_keys_in(lines: Sequence[str]) -> dict[str, str]:
    """Return AK and SK that stand alone: on two lines, or on one line with a comma between."""
    values = list(lines)
    if len(lines) == 1:
        values = [value.strip() for value in lines[0].split(",")]
    if len(values) == 2 and re.fullmatch("[0-9A-Za-z]+", values[0]):
        return {"ak": values[0], "sk": values[1]}
    return {}


def csv_keys_in(lines: Sequence[str]) -> dict[str, str]:
    """Return AK and SK of the console's credentials.csv: a header, then exactly one row."""
    try:
        rows = [row for row in csv.reader(lines) if any(row)]
    except csv.Error:
        return {}
    if len(rows) != 2:
        return {}
    header = [name.strip().lower() for name in rows[0]]
    row = dict(zip(header, map(str.strip, rows[1])))
    if any(column not in row for column in CSV_COLUMNS):
        return {}
    return {"ak": row[CSV_COLUMNS[0]], "sk": row[CSV_COLUMNS[1]]}


def named_values_in(lines: Sequence[str]) -> dict[str, str]:
    """Return the values of NAME = VALUE lines, except those in other sections than [basic]."""
    values = {}
    is_basic_section = True
    for line in lines:
        named = NAMED_VALUE.fullmatch(line)
        if line.startswith("["):
            is_basic_section = line == "[basic]"
        elif named and is_basic_section:
            values[named["name"]] = named["value"]
            values[named["name"].lower()] = named["value"]  # the SDK takes AK and ak
    return values


def read_credentials_file(path: str) -> Credentials:
    """Return the credentials in a file. No error shows anything of its content."""
    origin = f"the credentials file {path}"
    try:
        lines = lines_of_file(path)
    except OSError as error:
        message = f"cannot read {origin}: {error.strerror}"
        raise RunError(EXIT_ACCESS, message, HINT_CREDENTIALS) from None
    lines = [line for line in lines if not line.startswith("#")]
    values = bare_keys_in(lines) or csv_keys_in(lines) or named_values_in(lines)
    for names in (HW_NAMES, SDK_NAMES, PROFILE_NAMES):
        credentials = pick_credentials(values, names, origin)
        if credentials:
            return credentials
    message = f"cannot recognize the format of {origin}; use {FILE_FORMATS}"
    raise RunError(EXIT_ACCESS, message, HINT_CREDENTIALS)


def find_credentials(path: str | None, environ: Environ) -> Credentials:
    """Return the credentials of the first source that has some; path is --credentials-file."""
    if path is not None:
        return read_credentials_file(path)
    for names in (HW_NAMES, SDK_NAMES):
        credentials = pick_credentials(environ, names, "the environment")
        if credentials:
            set_names = [name for name in names[:3] if environ.get(name)]
            return credentials._replace(origin=f"the environment ({', '.join(set_names)})")
    profile = environ.get(PROFILE_VARIABLE)
    if profile:
        return read_credentials_file(profile)
    if os.path.exists(os.path.expanduser(PROFILE_FILE)):
        return read_credentials_file(PROFILE_FILE)
    raise RunError(EXIT_ACCESS, "no credentials found", HINT_CREDENTIALS)


def load_credentials(path: str | None, project_id: str | None, environ: Environ) -> Credentials:
    """Return the credentials with a project id: that of --project-id, their own, or HW_PROJECT_ID.

    The path is that of --credentials-file.
    """
    try:
        credentials = find_credentials(path, environ)
    except RunError:
        raise
    except Exception as error:  # its text may quote a secret
        message = f"{type(error).__name__} while credentials were read"
        raise RunError(EXIT_MACHINE, message, HINT_BUG) from None
    source = credentials.project_source
    project_id = project_id or credentials.project_id
    if not project_id:
        source = "HW_PROJECT_ID"
        project_id = environ.get(source, "")
    if project_id and not PROJECT_ID_PATTERN.fullmatch(project_id):
        raise RunError(EXIT_ACCESS, f"{source} is not {PROJECT_ID_WORDS}", HINT_PROJECT)
    return credentials._replace(project_id=project_id)


# --- Requests -------------------------------------------------------------------------

TIMEOUTS = (10.0, 30.0)  # seconds to connect, and to read
WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before each further try
WAITS_IF_THROTTLED = (2.0, 4.0, 8.0, 16.0, 32.0)  # after a 429
RETRYABLE_STATUSES = (429, 500, 502, 503, 504)  # another try may succeed
MAX_RETRY_AFTER = 60.0  # seconds; a longer wait ends the run
MAX_SILENT_WAIT = 2.0  # seconds; a longer wait is announced
PACE_SECONDS = 61.0  # a minute and a margin: a request may leave a little after its turn
MAX_CONCURRENT = 8  # requests
MIN_REQUESTS_FOR_PROGRESS = 21  # a run with fewer does not show how many are done

TUNNEL_REFUSAL = re.compile("Tunnel connection failed: ([0-9]{3})")  # the words of http.client
PROJECT_LOOKUP = "project look-up"
BAD_PROXY_ADDRESS = (
    "the address of the proxy cannot be used; its form is http://HOST:PORT "
    "(a SOCKS proxy needs the package PySocks)"
)


class Answer(NamedTuple):
    """An answer of the service. Secrets in its text are hidden, and its figures not yet checked."""

    operation: str  # what was asked, for messages
    status: int
    headers: Mapping[str, str]
    text: str
    fields: Fields  # of its JSON, with decimals; empty if it is not an object
    is_json: bool

    def text_of(self, *names: str) -> str:
        """Return the first of these fields that is set; IAM may have them under "error"."""
        nested = self.fields.get("error")
        for place in (nested, self.fields):
            if isinstance(place, dict):
                for name in names:
                    if place.get(name):
                        return str(place[name])
        return ""

    def details(self) -> str:
        """Return the error code and the request id, as far as the answer has them."""
        details = {
            "error code": self.text_of("error_code", "code"),
            "request id": self.headers.get("X-Request-Id") or self.text_of("request_id"),
        }
        return ", ".join(f"{name} {value}" for name, value in details.items() if value)

    def retry_after(self) -> float:
        """Return the seconds that the service asks to wait; 0 if it does not say so."""
        seconds = self.headers.get("Retry-After", "").strip()
        if self.status in RETRYABLE_STATUSES and seconds.isdecimal():  # it may be a date
            return float(seconds)
        return 0

    def why_unusable(self) -> str:
        """Return why the answer cannot be used."""
        if self.status == 200:
            return f"{self.operation}: the answer is not JSON"
        message = f"{self.operation}: HTTP {self.status}"
        if 300 <= self.status < 400:
            target = self.headers.get("Location", "an unknown place")
            return f"{message}: a redirect to {target}, which is not followed"
        reason = self.text_of("error_msg", "message") or "the answer gives no reason"
        if self.retry_after() > MAX_RETRY_AFTER:
            wait = self.headers["Retry-After"]
            reason = f"{reason.rstrip('. ')}; it asks for a wait of {wait} s"
        return f"{message}: {reason}"


def reject_constant(name: str) -> NoReturn:
    """Raise ValueError for NaN and Infinity, which Python takes for JSON."""
    raise ValueError(name)


def read_answer(operation: str, response: Response, text: str) -> Answer:
    """Return an answer with this text, in which secrets are hidden."""
    try:
        fields = json.loads(text, parse_float=Decimal, parse_constant=reject_constant)
        is_json = True
    except (ValueError, ArithmeticError, RecursionError):  # huge exponents, endless brackets
        fields = None
        is_json = False
    if not isinstance(fields, dict):
        fields = {}
    return Answer(operation, response.status_code, response.headers, text, fields, is_json)


def invalid_answer(answer: Answer, reason: str, hint: str) -> RunError:
    """Return the error for an answer with status 200 that cannot be used."""
    said = answer.text_of("error_msg", "message")
    if said:
        reason = f"{reason}; it says: {said}"
    return RunError(EXIT_SERVICE, f"{answer.operation}: {reason}", hint, answer.details())


def retry_waits(answer: Answer) -> Sequence[float]:
    """Return the seconds before each further try of a request; none if it is not tried again."""
    if answer.status == 200:  # not JSON: it may have been cut on the way
        return WAITS
    if answer.status not in RETRYABLE_STATUSES or answer.retry_after() > MAX_RETRY_AFTER:
        return ()
    waits = WAITS_IF_THROTTLED if answer.status == 429 else WAITS
    return [max(wait, answer.retry_after()) for wait in waits]


def root_cause(error: BaseException) -> BaseException:
    """Return the first exception of a chain, often one of the operating system."""
    while error.__context__ is not None:
        error = error.__context__
    return error


def is_certificate_error(cause: BaseException) -> bool:
    """Return whether TLS failed for another reason than a lost connection."""
    import ssl  # not at the top, because it takes time

    lost = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, lost)


def tunnel_status(cause: BaseException) -> int:
    """Return the status with which the proxy refused a connection; 0 if it did not."""
    refusal = TUNNEL_REFUSAL.match(str(cause))
    return int(refusal[1]) if refusal else 0


def is_proxy_error(error: Exception, cause: BaseException) -> bool:
    """Return whether the proxy cannot be reached.

    urllib3 also blames the proxy for a connection that was lost behind it.
    """
    from requests.exceptions import ProxyError

    lost = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError)
    failed_behind_proxy = isinstance(cause, lost) or tunnel_status(cause)
    return isinstance(error, ProxyError) and not failed_behind_proxy


def system_error(error: Exception, cause: Any, host: str, ca_file: object) -> RunError:
    """Return the error for what the operating system, or the proxy, says was wrong."""
    message = f"cannot reach {host}: {cause}"
    if is_certificate_error(cause):
        if isinstance(ca_file, str):
            message += f" (CA certificates: {ca_file})"
        return RunError(EXIT_MACHINE, message, HINT_SETTING)
    status = tunnel_status(cause)
    if status == 407:
        return RunError(EXIT_MACHINE, message, HINT_PROXY_LOGIN)
    # If the file of CA certificates is missing, requests itself raises an OSError.
    is_local_file = cause is error or cause.filename is not None
    if is_local_file or 400 <= status < 500:
        return RunError(EXIT_MACHINE, message, HINT_SETTING)
    if is_proxy_error(error, cause):
        message = f"cannot reach the proxy: {cause}"
    return RunError(EXIT_NETWORK, message, HINT_UNREACHABLE, waits=WAITS)


def network_error(error: Exception, host: str, ca_file: object) -> RunError:
    """Return the error for what requests raised instead of an answer.

    Its text may hold the password of the proxy, so only the words of the system are shown.
    """
    from requests import exceptions

    lost = (exceptions.ConnectionError, exceptions.Timeout, exceptions.ChunkedEncodingError)
    bad_address = (exceptions.RequestException, ValueError, TypeError, OverflowError)
    cause = root_cause(error)
    if isinstance(error, exceptions.InvalidHeader):
        message = f"the answer of {host} has headers that are not valid"
        return RunError(EXIT_SERVICE, message, HINT_FOREIGN, waits=WAITS)
    if isinstance(cause, OSError) and not isinstance(cause, exceptions.RequestException):
        return system_error(error, cause, host, ca_file)
    if isinstance(error, lost):
        message = f"cannot reach {host}: the connection was lost"
        return RunError(EXIT_NETWORK, message, HINT_UNREACHABLE, waits=WAITS)
    if isinstance(error, bad_address):
        return RunError(EXIT_MACHINE, BAD_PROXY_ADDRESS, HINT_SETTING)
    message = f"{type(error).__name__} while a request was sent"
    return RunError(EXIT_MACHINE, message, HINT_BUG)


class Client:
    """Sends all requests of a run: signs and paces them, and tries them again.

    Leaving the with block ends all waits.
    """

    def __init__(self, credentials: Credentials, region: str, console: Console) -> None:
        """Prepare requests to a region. A package that cannot be imported is an error."""
        try:
            from huaweicloudsdkcore.signer.signer import Signer
            from requests import Session
            from requests.adapters import HTTPAdapter
        except OSError as error:  # requests opens the files that some variables name
            message = f"cannot use a file of this machine: {error}"
            raise RunError(EXIT_MACHINE, message, HINT_SETTING) from None
        except Exception as error:  # a broken package raises anything
            raise package_error(error) from None

        self.project_id = credentials.project_id  # empty: not known yet
        self._region = region
        self._credentials = credentials
        self._console = console
        self._is_ended = False
        # The times reserved for the latest requests, in seconds of time.monotonic.
        self._turns: collections.deque[float] = collections.deque(maxlen=MAX_REQUESTS_PER_MINUTE)
        self._lock = threading.Lock()
        self._signer = Signer(credentials)  # takes anything with ak and sk
        self._session = Session()
        # With auth set, requests does not look for passwords in a netrc file.
        self._session.auth = self._sign
        self._session.headers["Content-Type"] = "application/json"
        self._session.headers["User-Agent"] = f"{PROGRAM}/{__version__}"
        # Requests are sent by the adapter: the session would keep cookies and read redirects.
        self._adapter = HTTPAdapter()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_ended = True

    def post_statistics(self, operation: str, body: str) -> Answer:
        """Return the answer to a call of the MaaS statistics."""
        from requests import Request

        host = f"modelarts.{self._region}.myhuaweicloud.com"
        url = f"https://{host}/v1/{self.project_id}/maas/monitoring/{operation}"
        request = Request("POST", url, headers={"X-Project-Id": self.project_id}, data=body)
        return self._answer_to(operation, request)

    def look_up_project(self) -> None:
        """Ask IAM for the project id, unless it is known.

        Each region has a project of its name: https://support.huaweicloud.com/api-iam/
        """
        from requests import Request

        if self.project_id:
            return
        iam = f"https://iam.{self._region}.myhuaweicloud.com"
        request = Request("GET", f"{iam}/v3/projects?name={self._region}")
        answer = self._answer_to(PROJECT_LOOKUP, request, accepted=(200, 403))
        if answer.status == 403:  # the next call needs no permission, and has no filter
            request = Request("GET", f"{iam}/v3/auth/projects")
            answer = self._answer_to(PROJECT_LOOKUP, request)
        try:
            ids = []
            for project in answer.fields["projects"]:
                if project["name"] == self._region:
                    ids.append(str(project["id"]))
        except (KeyError, TypeError):
            reason = "the answer is not a list of projects"
            raise invalid_answer(answer, reason, HINT_PROJECT) from None
        if len(ids) != 1:
            message = f"IAM lists {len(ids)} projects named {self._region}; exactly one is needed"
            raise RunError(EXIT_ACCESS, message, HINT_PROJECT)
        if not PROJECT_ID_PATTERN.fullmatch(ids[0]):
            reason = f"the project id is not {PROJECT_ID_WORDS}"
            raise invalid_answer(answer, reason, HINT_PROJECT)
        self.project_id = ids[0]

    def _answer_to(
        self, operation: str, request: Request, accepted: Sequence[int] = (200,)
    ) -> Answer:
        """Return an answer in JSON with an accepted status; try again where that may help."""
        tries = 0
        while True:
            try:
                return self._send(operation, request, accepted)
            except RunError as error:
                if self._is_ended or tries >= len(error.waits):
                    raise
                wait = error.waits[tries]
                reason = error.message
            if wait > MAX_SILENT_WAIT:
                self._console.announce(f"waiting {wait:g} s before the next try: {reason}")
            self._wait_until(time.monotonic() + wait)
            tries += 1

    def _send(self, operation: str, request: Request, accepted: Sequence[int]) -> Answer:
        """Send a request once, when its turn has come, and return the answer."""
        from requests.exceptions import ContentDecodingError

        self._wait_for_turn()
        # This also signs. A bug in it is not a network error, so it is outside the try.
        prepared = self._session.prepare_request(request)
        settings: Any = self._session.merge_environment_settings(
            prepared.url, proxies={}, stream=None, verify=None, cert=None
        )
        content = b""  # stays empty if the answer cannot be decompressed
        try:
            response = self._adapter.send(prepared, timeout=TIMEOUTS, **settings)
            with contextlib.suppress(ContentDecodingError):
                content = response.content
        except Exception as error:  # addresses of proxies raise many kinds
            host = urlsplit(request.url).netloc
            raise network_error(error, host, settings["verify"]) from None
        text = self._console.without_secrets(content.decode("utf-8", "replace"))
        answer = read_answer(operation, response, text)
        if answer.is_json and answer.status in accepted:
            return answer
        exit_code, hint = self._advice(answer)
        waits = retry_waits(answer)
        raise RunError(exit_code, answer.why_unusable(), hint, answer.details(), waits)

    def _advice(self, answer: Answer) -> tuple[int, str]:
        """Return exit code and hint for an answer that cannot be accepted."""
        status = answer.status
        if status == 429 or status >= 500:
            return EXIT_NETWORK, HINT_BUSY
        if status < 400 or not answer.is_json:
            return EXIT_SERVICE, HINT_FOREIGN
        if status == 401:
            origin = self._credentials.origin
            return EXIT_ACCESS, HINT_UNAUTHORIZED.format(region=self._region, origin=origin)
        if answer.operation == PROJECT_LOOKUP and status == 403:
            return EXIT_ACCESS, HINT_PROJECT
        if answer.operation == PROJECT_LOOKUP:
            return EXIT_SERVICE, HINT_PROJECT
        if status == 403:
            hint = HINT_FORBIDDEN.format(region=self._region, project_id=self.project_id)
            return EXIT_ACCESS, hint
        if answer.operation == LIST_SERVICES:
            return EXIT_SERVICE, HINT_SERVICES
        if status == 400:
            return EXIT_SERVICE, HINT_SHORTER
        return EXIT_SERVICE, HINT_REFUSED

    def _sign(self, request: PreparedRequest) -> PreparedRequest:
        """Sign a request, and return it.

        The Signer encodes a query in its own way, so its URL replaces the one of requests.
        """
        from huaweicloudsdkcore.sdk_request import SdkRequest

        headers = {"X-Sdk-Date": datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")}
        if self._credentials.token:
            headers["X-Security-Token"] = self._credentials.token
        for name in ("Content-Type", "X-Project-Id"):  # a proxy may rewrite other headers
            if name in request.headers:
                headers[name] = request.headers[name]
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
        signed = self._signer.sign(unsigned)
        request.headers.update(signed.header_params)
        request.url = signed.url
        return request

    def _wait_for_turn(self) -> None:
        """Wait until the pace of the service allows another request."""
        with self._lock:
            turn = time.monotonic()
            if len(self._turns) == MAX_REQUESTS_PER_MINUTE:
                turn = max(turn, self._turns[0] + PACE_SECONDS)
            self._turns.append(turn)
        self._wait_until(turn)

    def _wait_until(self, moment: float) -> None:
        """Sleep until time.monotonic reaches a moment, or raise RunError once the run has ended."""
        while not self._is_ended:
            seconds = moment - time.monotonic()
            if seconds <= 0:
                return
            time.sleep(min(seconds, 0.1))
        raise RunError(EXIT_INTERRUPTED, "the run has ended", HINT_INTERRUPTED)


# Answers by the body of the request. Bodies are unique in a run: rows differ in their period, type
# or filter, and only the body for a list of services has a limit.
Answers = Dict[str, Answer]


def announce_pace(count: int, console: Console) -> None:
    """Announce how long a run takes, if it has more requests than are allowed in a minute."""
    minutes = (count - 1) // MAX_REQUESTS_PER_MINUTE
    if minutes:
        duration = "1 minute" if minutes == 1 else f"{minutes} minutes"
        pace = f"at most {MAX_REQUESTS_PER_MINUTE} a minute"
        console.announce(f"{count} requests, {pace}: this takes about {duration}")


def ask_together(
    client: Client,
    requests: Sequence[tuple[str, str]],
    answers: Answers,
    count: int,
    console: Console,
) -> None:
    """Send requests, some at once, and add their answers. The count is for the progress.

    Only this thread starts requests, so that none is sent after another has failed.
    """
    from concurrent import futures  # not at the top, because it takes time

    waiting = list(requests)
    sent: dict[Future[Answer], str] = {}
    pool = futures.ThreadPoolExecutor(MAX_CONCURRENT)
    try:
        while waiting or sent:
            while waiting and len(sent) < MAX_CONCURRENT:
                operation, body = waiting.pop(0)
                sent[pool.submit(client.post_statistics, operation, body)] = body
            # Without a time-out, Windows would not notice Ctrl-C.
            done, _ = futures.wait(sent, timeout=0.1, return_when=futures.FIRST_COMPLETED)
            for future in done:
                answers[sent.pop(future)] = future.result()
            if count >= MIN_REQUESTS_FOR_PROGRESS:
                console.show_progress(f"{len(answers)} of {count} requests")
    finally:
        pool.shutdown(wait=False)


def ask_all(client: Client, parts: Sequence[Part], console: Console) -> Answers:
    """Return the answers for all parts.

    The first request goes alone, so that a wrong key costs one failed signature. The total is asked
    after the rows, so that no row has a call that the total lacks.
    """
    for_rows: list[tuple[str, str]] = []
    for_total: list[tuple[str, str]] = []
    for part in parts:
        requests = for_total if part.is_total else for_rows
        requests += [(part.operation, body) for body in part.bodies.values()]
    count = len(for_rows) + len(for_total)
    announce_pace(count, console)
    batches = [for_rows[:1], for_rows[1:], for_total]
    if not for_rows:
        batches = [for_total[:1], for_total[1:]]
    answers: Answers = {}
    try:
        for batch in batches:
            ask_together(client, batch, answers, count, console)
    finally:
        console.show_progress("")
    return answers


def check_error_code(answer: Answer, hint: str) -> None:
    """Raise RunError for an error that comes with status 200."""
    if answer.fields.get("error_code") not in (None, "", 0, "0"):
        raise invalid_answer(answer, "the answer is an error", hint)


def read_total(answer: Answer, query: Query) -> Usage:
    """Return the figures of an answer of show-statistics."""
    check_error_code(answer, HINT_REFUSED)
    names = {figure: figure.field for figure in figures_with(query.infer_type)}
    try:
        return read_usage(answer.fields, names)
    except ValueError as error:
        raise invalid_answer(answer, str(error), HINT_ANSWER) from None


# --- Services -------------------------------------------------------------------------
# The answer of list-service-statistics is not documented, so nothing in it is taken on trust.


def read_service(record: Any) -> tuple[str, Usage]:
    """Return name and figures of a service; raises ValueError."""
    if not isinstance(record, dict) or not isinstance(record.get("service_name"), str):
        raise ValueError("a service has no service_name that is a string")
    names = {figure: figure.list_field for figure in FIGURES if figure.list_field}
    return one_line(record["service_name"]), read_usage(record, names)


def list_of_services(answer: Answer) -> list[Any]:
    """Return the list under items, or the only list at the top level."""
    fields = answer.fields
    if "items" in fields and fields["items"] is None:
        return []
    if isinstance(fields.get("items"), list):
        return list(fields["items"])
    lists = [value for value in fields.values() if isinstance(value, list)]
    if len(lists) == 1:
        return lists[0]
    names = ", ".join(fields) or "none"
    reason = f"the answer has {len(lists)} lists; the fields are: {names}"
    raise invalid_answer(answer, reason, HINT_SERVICES)


def read_services(answer: Answer) -> dict[str, Usage]:
    """Return the usage of each service by its name."""
    check_error_code(answer, HINT_SERVICES)
    services: dict[str, Usage] = {}
    for record in list_of_services(answer):
        try:
            name, usage = read_service(record)
        except ValueError as error:
            raise invalid_answer(answer, str(error), HINT_SERVICES) from None
        services[name] = add_up([services.get(name, no_usage()), usage])
    return services


# --- Report ---------------------------------------------------------------------------


class Row(NamedTuple):
    """One row of a report."""

    title: str  # for people
    identity: Fields  # for programs
    usage: Usage

    def is_partial(self) -> bool:
        """Return whether the period cuts the hour, day or week of the row."""
        return bool(self.identity.get("partial"))


class Report(NamedTuple):
    """The result of a run."""

    query: Query
    project_id: str
    rows: list[Row]  # empty without --by
    total: Usage
    notes: list[str]
    width: int  # columns of the terminal


def notes_on_query(query: Query, now: datetime) -> list[str]:
    """Return the notes that need no answers."""
    period = query.period
    notes = []
    if period.start_is_cut:
        start, _ = period.local()
        notes.append(f"The service keeps 30 days. Usage before {start} is not included.")
    if now - period.end <= REPORTING_LAG:
        notes.append("The figures lag by one to two hours. The latest calls may be missing.")
    if query.type_is_default and query.by != "service-type":
        notes.append("Only preset services are counted. --service-type all includes the others.")
    if query.by == "service":
        notes.append(
            "--by service is experimental. The name of a preset service stands for its model; "
            "other names are your own."
        )
    return notes


def what_to_check(query: Query) -> list[str]:
    """Return what the user should check if no usage was found."""
    checks = []
    for name, words in FILTERS.items():
        if name in query.filters or name == ROW_FILTERS.get(query.by):
            checks.append(f"the spelling of the {words}")
    if query.service_type != "all":
        checks.append("other service types (--service-type all)")
    if query.infer_type == "batch":
        checks.append("real-time inference (--infer-type real_time)")
    elif query.by != "service":  # which has no batch inference
        checks.append("batch inference (--infer-type batch)")
    return checks


def notes_on_zeros(query: Query, rows: Sequence[Row], total: Usage) -> list[str]:
    """Return a note if no usage was found at all, or none for some API keys or addresses."""
    unused = [row.title for row in rows if not any(row.usage.values())]
    note = ""
    if not any(total.values()):
        note = "No usage was found."
    elif query.by in ROW_FILTERS and unused:
        values = FILTERS[ROW_FILTERS[query.by]]
        note = f"No usage was found for the {values} {', '.join(unused)}."
    checks = what_to_check(query)
    if note and checks:
        note += f" Check {', '.join(checks)}."
    return [note] if note else []


def rows_of_services(part: Part, answers: Answers) -> list[Row]:
    """Return a row for each service, the largest first."""
    rows = []
    for service_type, body in part.bodies.items():
        for name, usage in read_services(answers[body]).items():
            title = quoted_if_empty(name)
            if len(part.bodies) > 1:
                title = f"{title}, {service_type}"
            rows.append(Row(title, {"service": name, "service_type": service_type}, usage))
    rows.sort(key=lambda row: (-row.usage["total_tokens"], row.identity["service"]))
    return rows


def check_services(rows: Sequence[Row], total_part: Part, answers: Answers, query: Query) -> None:
    """Raise RunError if the services of a type do not fit its total.

    Figures are rounded, and calls are made between the two requests. So the services may differ by
    5 % of the total, plus 10 requests in all and 1,000 tokens for each service.
    """
    for service_type, body in total_part.bodies.items():
        total = read_total(answers[body], query)
        usages = [row.usage for row in rows if row.identity["service_type"] == service_type]
        listed = add_up(usages)
        allowances = {"total_tokens": 1000 * len(usages), "total_requests": 10}
        for name, allowance in allowances.items():
            difference = abs(total[name] - listed[name])
            if difference > total[name] / 20 + allowance:
                raise RunError(
                    EXIT_SERVICE,
                    f"{LIST_SERVICES}: the services of type {service_type} have {listed[name]} "
                    f"{as_words(name)}, but {SHOW_STATISTICS} counts {total[name]}",
                    HINT_SERVICES,
                )


def with_distinct_titles(rows: Sequence[Row]) -> list[Row]:
    """Return rows whose titles differ. Clocks repeat an hour; a service may be called (others)."""
    titles = number_duplicates(row.title for row in rows)
    return [row._replace(title=title) for row, title in zip(rows, titles)]


def check_rows_of_values(listed: Usage, total: Usage) -> None:
    """Raise RunError if the rows exceed the total by more than 1 % and more than 2 requests."""
    excess = listed["total_requests"] - total["total_requests"]
    if excess > 2 and excess > total["total_requests"] / 100:
        raise RunError(
            EXIT_SERVICE,
            f"{SHOW_STATISTICS}: the rows have {listed['total_requests']} requests, but without "
            f"the filter there are only {total['total_requests']}",
            HINT_FILTER,
        )


def row_of(part: Part, answers: Answers, query: Query) -> Row:
    """Return the row of a part, with the sum of its answers."""
    usages = [read_total(answers[body], query) for body in part.bodies.values()]
    return Row(part.title, part.identity, add_up(usages))


def planned_rows(query: Query, parts: Sequence[Part], answers: Answers) -> list[Row]:
    """Return the rows of all parts but the total."""
    rows: list[Row] = []
    for part in parts:
        if part.operation == LIST_SERVICES:
            rows += rows_of_services(part, answers)
        elif not part.is_total:
            rows.append(row_of(part, answers, query))
    return rows


def make_rows(query: Query, parts: Sequence[Part], answers: Answers) -> tuple[list[Row], Usage]:
    """Return the rows, with what they leave of the total, and the total."""
    rows = planned_rows(query, parts, answers)
    listed = add_up(row.usage for row in rows)
    total_part = next((part for part in parts if part.is_total), None)
    if total_part is None:
        return with_distinct_titles(rows), listed

    total = row_of(total_part, answers, query).usage
    if query.by == "service":
        check_services(rows, total_part, answers, query)
    if query.by in ROW_FILTERS:
        check_rows_of_values(listed, total)
    others = remainder(total, listed)
    if query.by and any(others.values()):
        rows.append(Row(OTHERS, total_part.identity, others))
    return with_distinct_titles(rows), total


# --- Output ---------------------------------------------------------------------------

MAX_BAR = 40  # columns
MIN_BAR = 5  # columns; with less room there are no bars

# The figures that have a column in tables of rows, and its heading.
COLUMNS = {
    "total_tokens": "tokens",
    "share": "share",
    "total_requests": "requests",
    "total_errors": "errors",
    "error_rate": "rate",
}


def named_figures(usage: Usage, query: Query) -> Fields:
    """Return figures, and the error rate, by their names in JSON and CSV."""
    figures: Fields = {}
    for figure in figures_with(query.infer_type):
        figures[figure.name] = usage[figure.name]
        if figure.name == "total_errors":
            figures["error_rate"] = error_rate(usage)
    return figures


def row_fields(row: Row, report: Report) -> Fields:
    """Return a row as JSON and CSV have it: its identity, its figures and its share."""
    share = share_of(row.usage, report.total)
    if share is not None:
        share = round(share, 4)
    return {**row.identity, **named_figures(row.usage, report.query), "share": share}


def query_fields(query: Query) -> Fields:
    """Return what JSON and CSV both say about the query."""
    fields: Fields = {"service_types": query.service_types, "infer_type": query.infer_type}
    for name in FILTERS:
        fields[name] = None
        if name in query.filters:
            fields[name] = values_to_show(name, query.filters[name])
    return fields


def json_text(report: Report) -> str:
    """Return the report as a JSON document with each top-level value and each row on a line."""
    query = report.query
    document: Fields = {
        "period": {
            **start_and_end(query.period),
            "timezone": query.period.zone_name(),
            "complete": query.period.is_complete(),
        },
        "region": query.region,
        "project_id": report.project_id,
        "service_type": query.service_type,
        **query_fields(query),
        "totals": named_figures(report.total, query),
        "by": query.by or None,
    }
    lines = [f'  "{name}": {json.dumps(value)}' for name, value in document.items()]
    rows = [f"    {json.dumps(row_fields(row, report))}" for row in report.rows]
    rows_text = "[]"
    if rows:
        rows_text = "[\n" + ",\n".join(rows) + "\n  ]"
    lines.append(f'  "rows": {rows_text}')
    lines.append(f'  "notes": {json.dumps(report.notes)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def csv_value(value: Any) -> Any:
    """Return a value of JSON as CSV has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, str):
        return quoted_if_empty(value)
    if isinstance(value, (list, tuple)):
        return "+".join(csv_value(item) for item in value)
    return value


def csv_text(report: Report) -> str:
    """Return a header and a line for each row, or for the total without --by."""
    query = report.query
    records = [row_fields(row, report) for row in report.rows]
    if not query.by:
        records = [named_figures(report.total, query)]
    common = {**start_and_end(query.period), "region": query.region, **query_fields(query)}
    if records:
        header = list({**common, **records[0]})
    else:  # only a list of services may be empty
        figures = named_figures(report.total, query)
        header = [*common, "service", "service_type", *figures, "share"]

    text = io.StringIO()
    writer = csv.DictWriter(text, header, lineterminator="\n")
    writer.writeheader()
    for record in records:  # a row of time has a start and an end of its own
        values = {**common, **record}
        writer.writerow({name: csv_value(value) for name, value in values.items()})
    return text.getvalue()


def figures_for_people(usage: Usage, report: Report) -> dict[str, str]:
    """Return the figures of named_figures as text, and the share if there are rows."""
    shown = {}
    for name, value in named_figures(usage, report.query).items():
        if value is None:
            shown[name] = ""
        elif name == "error_rate":
            shown[name] = f"{value:.2%}"
        else:
            shown[name] = f"{value:,}"
    if report.query.by:
        share = share_of(usage, report.total)
        shown["share"] = "" if share is None else f"{share:.1%}"
    return shown


def filters_in_words(query: Query) -> dict[str, list[str]]:
    """Return the values of each filter for people, by the words for the filter."""
    words = {}
    for name, values in query.filters.items():
        words[FILTERS[name]] = [quoted_if_empty(value) for value in values_to_show(name, values)]
    return words


def lines_on_query(report: Report) -> list[str]:
    """Return what was asked. Each value of a filter has a line of its own."""
    query = report.query
    types = ", ".join(query.service_types)
    lines = [
        f"period    {query.period.in_words()}",
        f"services  {types} ({INFERENCE_WORDS[query.infer_type]})",
        f"region    {query.region}, project {report.project_id}",
    ]
    for name, values in filters_in_words(query).items():
        lines.append(f"{name:<9} {values[0]}")
        for value in values[1:]:
            lines.append(f"{'':<9} {value}")
    return lines


def table_lines(titles: Sequence[str], cells: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table: titles to the left, and cells to the right of their columns."""
    title_width = max(display_width(title) for title in titles)
    widths = [max(len(cell) for cell in column) for column in zip(*cells)]
    lines = []
    for title, line_cells in zip(titles, cells):
        line = title + " " * (title_width - display_width(title))
        for cell, width in zip(line_cells, widths):
            line += "  " + cell.rjust(width)
        lines.append(line)
    return lines


def lines_on_rows(report: Report) -> list[str]:
    """Return a table of the rows and the total, with a bar for the tokens of each row."""
    titles = [""]
    cells = [list(COLUMNS.values())]
    for row in [*report.rows, Row("total", {}, report.total)]:
        titles.append(f"{row.title} *" if row.is_partial() else row.title)
        shown = figures_for_people(row.usage, report)
        cells.append([shown[name] for name in COLUMNS])
    lines = table_lines(titles, cells)

    room = report.width - display_width(lines[0]) - 2
    longest_bar = min(room, MAX_BAR)
    most_tokens = max([row.usage["total_tokens"] for row in report.rows], default=0)
    if longest_bar >= MIN_BAR and most_tokens:
        for index, row in enumerate(report.rows, start=1):
            length = math.ceil(row.usage["total_tokens"] * longest_bar / most_tokens)
            lines[index] += "  " + "#" * length
    if any(row.is_partial() for row in report.rows):
        lines.append("* partial")
    return [line.rstrip() for line in lines]


def table_text(report: Report) -> str:
    """Return the report for people: rows, then the figures of the total that have no column."""
    lines = [*lines_on_query(report), ""]
    if report.query.by:
        lines += [*lines_on_rows(report), ""]
    for name, shown in figures_for_people(report.total, report).items():
        if not report.query.by or name not in COLUMNS:
            lines.append(f"{as_words(name):<18}{shown:>26}".rstrip())
    return "\n".join(lines) + "\n"


def markdown_row(title: str, cells: Iterable[str]) -> str:
    """Return a line of a Markdown table."""
    return f"| {title} | {' | '.join(cells)} |"


def markdown_text(report: Report) -> str:
    """Return a sentence on what was counted, and a Markdown table of all figures."""
    query = report.query
    types = ", ".join(query.service_types)
    sentence = (
        f"Huawei Cloud MaaS usage, {query.period.in_words()}: "
        f"{types} services in {query.region}, {INFERENCE_WORDS[query.infer_type]}"
    )
    for name, values in filters_in_words(query).items():
        sentence += f", only the {name} {', '.join(values)}"

    total = figures_for_people(report.total, report)
    lines = [
        f"{escape_markdown(sentence)}.",
        "",
        markdown_row(query.by, [as_words(name) for name in total]),
        markdown_row("---", ["---:"] * len(total)),
    ]
    for row in report.rows:
        title = escape_markdown(row.title)
        if row.is_partial():
            title += " (partial)"
        lines.append(markdown_row(title, figures_for_people(row.usage, report).values()))
    bold_cells = [f"**{cell}**" if cell else "" for cell in total.values()]
    lines.append(markdown_row("**total**", bold_cells))
    return "\n".join(lines) + "\n"


def raw_text(parts: Sequence[Part], answers: Answers) -> str:
    """Return a JSON array of requests and answers. The figures are not checked."""
    entries = []
    for part in parts:
        for body in part.bodies.values():
            entries.append(f'{{"request": {body},\n "response": {answers[body].text}}}')
    return "[" + ",\n".join(entries) + "]\n"


FORMATS: dict[str, Callable[[Report], str]] = {
    "table": table_text,
    "markdown": markdown_text,
    "json": json_text,
    "csv": csv_text,
}


# --- Arguments ------------------------------------------------------------------------

TYPE_NAMES = "preset (2), my-service (1), custom-endpoint (4) or all"
REGION_PATTERN = re.compile("[a-z]{2}-[a-z]{1,30}-[0-9]{1,3}")
# Huawei documents keys as 1 to 128 of these characters, and labels as up to 100 of them. An empty
# one is the online experience.
API_KEY_PATTERN = re.compile("[0-9A-Za-z_-]{0,128}")
BY_HELP = (
    f"{', '.join(BREAKDOWNS)}: one row for each, and the total. service is experimental: "
    "the name of a preset service stands for the model, other names are your own"
)
API_KEYS_HELP = (
    "only calls with these API keys, as the service names them (with --by api-key: the rows); "
    '"" is the online experience of the console; @FILE reads a file with one per line'
)


class Parser(argparse.ArgumentParser):
    """A parser that raises RunError."""

    def error(self, message: str) -> NoReturn:
        """Raise RunError with the words of argparse."""
        raise RunError(EXIT_USAGE, f"{message}; see --help")


def read_service_type(text: str) -> str:
    """Return the name of a service type, or all."""
    for name, number in SERVICE_TYPES.items():
        if text in (name, str(number)):
            return name
    if text == "all":
        return text
    if text == "3":
        raise RunError(EXIT_USAGE, "service type 3 is not accepted; use custom-endpoint (4)")
    raise RunError(EXIT_USAGE, f"unknown service type {text!r}; use {TYPE_NAMES}")


def read_address(text: str) -> str:
    """Return an address in canonical form: a mapped IPv4 address as IPv4."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or "%" in text:  # Python 3.8 does not know scopes
        raise RunError(EXIT_USAGE, f"--ips {text!r} is not a single IPv4 or IPv6 address")
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return str(address)


def read_api_keys_file(path: str) -> list[str]:
    """Return the API keys in a file, one per line. A line with two quotes is an empty one."""
    try:
        lines = lines_of_file(path)
    except OSError as error:
        message = f"cannot read the file {path!r} of --api-keys: {error.strerror}"
        raise RunError(EXIT_USAGE, message) from None
    if not lines:
        raise RunError(EXIT_USAGE, f"the file {path!r} of --api-keys has no API keys")
    return ["" if line == '""' else line for line in lines]


def read_api_keys(values: Sequence[str]) -> list[str]:
    """Return the API keys of --api-keys and of the files that it names."""
    api_keys = []
    for value in values:
        if value.startswith("@"):
            api_keys += read_api_keys_file(value[1:])
        else:
            api_keys.append(value)
    for api_key in api_keys:
        if not API_KEY_PATTERN.fullmatch(api_key):
            raise RunError(
                EXIT_USAGE,
                f"the API key {show_api_key(api_key)!r} is not 1 to 128 characters of a-z, A-Z, "
                "0-9, _ and -; separate API keys by spaces, or in a file by line breaks",
            )
    return api_keys


def build_parser() -> Parser:
    """Return the parser of the command line. Its help has the docstring of this file."""
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
    add("--from", dest="start", metavar="WHEN", help=f"start: {TIME_HELP}")
    end_help = "end, in the same forms; a plain date includes that whole day (default: now)"
    add("--to", dest="end", metavar="WHEN", help=end_help)
    add("--timezone", metavar="ZONE", help="IANA name of the zone of dates (default: the system's)")
    type_help = f"{TYPE_NAMES} (default: preset; with --by service-type: all)"
    add("--service-type", metavar="TYPE", type=read_service_type, help=type_help)
    add("--infer-type", choices=INFERENCE_WORDS, default="real_time", help="(default: real_time)")
    add("--api-keys", metavar="KEY", nargs="+", action="extend", help=API_KEYS_HELP)
    ips_help = "only calls from these client addresses (with --by ip: the rows)"
    add("--ips", metavar="IP", nargs="+", action="extend", type=read_address, help=ips_help)
    add("--by", metavar="WHAT", choices=BREAKDOWNS, default="", help=BY_HELP)
    format_help = "(default: table); raw: the answers of the service, with tokens in thousands"
    add("--format", choices=[*FORMATS, "raw"], default="table", help=format_help)
    add("--raw", action="store_const", const="raw", dest="format", help="the same as --format raw")
    region_help = f"{REGIONS} offer MaaS (default: {DEFAULT_REGION})"
    add("--region", default=DEFAULT_REGION, help=region_help)
    add("--project-id", metavar="ID", help="(default: that of the credentials, or of the region)")
    add("--credentials-file", metavar="FILE", help="file with AK and SK, in one of the forms below")
    check_help = "only test credentials, project and statistics, whatever else is asked"
    add("--check", action="store_true", help=check_help)
    add("--version", action="version", version=f"{PROGRAM} {__version__}", help="show the version")
    add("--help", "-h", action="help", help="show this help")
    return parser


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """Return what was typed, option by option. Raises SystemExit after --help and --version."""
    if any(argument.endswith("=--") for argument in arguments):
        # Before Python 3.13, argparse turns --api-keys=-- into an empty list, that is, no filter.
        raise RunError(EXIT_USAGE, "an option cannot have the value --")
    args = build_parser().parse_args(arguments)
    if args.end is not None and args.start is None:
        raise RunError(EXIT_USAGE, "--to needs --from")
    if args.period is not None and args.start is not None:
        raise RunError(EXIT_USAGE, "--period cannot be used with --from or --to")
    if args.by == "service" and args.infer_type == "batch":
        raise RunError(EXIT_USAGE, "--by service cannot be used with --infer-type batch")
    row_filter = ROW_FILTERS.get(args.by)
    if row_filter and not getattr(args, row_filter):
        option = row_filter.replace("_", "-")
        raise RunError(EXIT_USAGE, f"--by {args.by} needs --{option}")
    if not REGION_PATTERN.fullmatch(args.region):
        message = f"--region {args.region!r} is not of the form xx-yyyy-1; {REGIONS} offer MaaS"
        raise RunError(EXIT_USAGE, message)
    if args.project_id is not None and not PROJECT_ID_PATTERN.fullmatch(args.project_id):
        message = f"--project-id {args.project_id!r} is not {PROJECT_ID_WORDS}"
        raise RunError(EXIT_USAGE, message)
    if args.api_keys is not None:
        args.api_keys = read_api_keys(args.api_keys)
    return args


def make_query(args: argparse.Namespace, environ: Environ, now: datetime) -> Query:
    """Return the query that the arguments describe."""
    zone = choose_zone(args.timezone, environ)
    if args.start is None:
        name = DEFAULT_PERIOD if args.period is None else args.period
        start, end = named_period(name, zone, now)
    else:
        start = read_time(args.start, zone, "--from")
        end = now if args.end is None else read_time(args.end, zone, "--to")

    filters = {}
    for filter_name in FILTERS:
        values = getattr(args, filter_name)
        if values is not None:
            filters[filter_name] = list(dict.fromkeys(values))  # each once
    row_values: list[str] = []
    if args.by in ROW_FILTERS:
        row_values = filters.pop(ROW_FILTERS[args.by])

    service_type = args.service_type
    if service_type is None:
        service_type = "all" if args.by == "service-type" else "preset"
    service_types: tuple[str, ...] = (service_type,)
    if service_type == "all":
        service_types = TYPES_BY_REGION.get(args.region, tuple(SERVICE_TYPES))
    return Query(
        period=cut_period(start, end, zone, now),
        region=args.region,
        service_type=service_type,
        service_types=service_types,
        type_is_default=args.service_type is None,
        infer_type=args.infer_type,
        filters=filters,
        by=args.by,
        row_values=row_values,
    )


# --- Main -----------------------------------------------------------------------------


def run_check(client: Client, query: Query, now: datetime, console: Console) -> None:
    """Ask for the last hour of the preset services, whatever else the arguments ask."""
    last_hour = query._replace(
        period=Period(now - HOUR, now, query.period.zone),
        service_types=("preset",),
        infer_type="real_time",
        filters={},
        by="",
    )
    parts = make_plan(last_hour)
    make_rows(last_hour, parts, ask_all(client, parts, console))  # checks the figures
    console.write_result("statistics   ok\n")


def run_query(
    client: Client, query: Query, output_format: str, now: datetime, console: Console
) -> None:
    """Send the requests of a query, and write the report and the notes."""
    notes = notes_on_query(query, now)
    parts = make_plan(query)
    answers = ask_all(client, parts, console)
    if output_format == "raw":
        console.write_result(raw_text(parts, answers), "utf-8")
    else:
        rows, total = make_rows(query, parts, answers)
        notes += notes_on_zeros(query, rows, total)
        report = Report(query, client.project_id, rows, total, notes, console.width())
        encoding = None if output_format == "table" else "utf-8"
        console.write_result(FORMATS[output_format](report), encoding)
    if output_format != "json":
        for note in notes:
            console.write_message(f"note: {note}\n")


def run(arguments: Sequence[str], environ: Environ, now: datetime, console: Console) -> None:
    """Do what the arguments say."""
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            args = parse_arguments(arguments)
    except SystemExit:  # after --help or --version
        console.write_result(printed.getvalue())
        return

    query = make_query(args, environ, now)
    credentials = load_credentials(args.credentials_file, args.project_id, environ)
    for secret in (credentials.ak, credentials.sk, credentials.token):
        console.hide(secret)
    for api_key in args.api_keys or ():
        if show_api_key(api_key) != api_key:  # the service may repeat it in an error
            console.hide(api_key, show_api_key(api_key))
    if args.check:
        console.write_result(f"credentials  found  {console.clean(credentials.origin)}\n")

    with Client(credentials, query.region, console) as client:
        client.look_up_project()
        if args.check:
            console.write_result(f"project      ok     {client.project_id}\n")
            run_check(client, query, now, console)
        else:
            run_query(client, query, args.format, now, console)


def error_text(error: RunError, console: Console) -> str:
    """Return an error as the last lines of stderr."""
    message = console.clean(error.message).rstrip(". ")
    if error.details:
        message += f" ({one_line(console.without_secrets(error.details))})"
    lines = f"error: {message}.\n"
    if error.hint:
        lines += f"hint: {console.clean(error.hint)}\n"
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with these arguments, or those of the command line; return the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)  # noqa: TID251
    environ = os.environ  # noqa: TID251
    console = Console(sys.stdout, sys.stderr)  # noqa: TID251
    for name in (*HW_NAMES[:3], *SDK_NAMES[:3]):
        console.hide(environ.get(name, ""))  # it may stand among the arguments by mistake
    now = datetime.now(timezone.utc).replace(microsecond=0)
    try:
        run(arguments, environ, now, console)
    except RunError as error:
        failure = error
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        failure = RunError(EXIT_INTERRUPTED, "interrupted", HINT_INTERRUPTED)
    except Exception as error:
        import traceback

        lines = traceback.format_exception(type(error), error, error.__traceback__, chain=False)
        console.write_message("".join(lines))
        failure = RunError(EXIT_MACHINE, f"unexpected {type(error).__name__}", HINT_BUG)
    else:
        return 0
    console.write_message(error_text(failure, console))
    return failure.exit_code


if __name__ == "__main__":
    # Ctrl-C in a constructor of a library makes its destructor fail, and Python shows a traceback.
    sys.unraisablehook = lambda _: None
    # Ends at once: threads may still wait for answers, and flushing a closed pipe would fail again.
    os._exit(main())
