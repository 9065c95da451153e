"""stdout, stderr and secrets, interrupts, and --check."""

from __future__ import annotations

import errno
import inspect
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable
from urllib.parse import quote

import pytest
import requests
from cloud import (
    AK,
    NOT_JSON,
    PROJECT_ID,
    SK,
    TOKEN,
    Answer,
    Event,
    FakeCloud,
    Hold,
    Reaction,
    refusal,
    together,
)
from conftest import SCRIPT, At, Clock, Process, Result, Run, Start, ms

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")
FULL_DISK = Path("/dev/full")
needs_full_disk = pytest.mark.skipif(not FULL_DISK.exists(), reason="needs /dev/full")

FORMATS = ["table", "markdown", "json", "csv", "raw"]


def arguments_for(output: str) -> list[str]:
    """Return the arguments for a format, of which raw is one here."""
    if output == "raw":
        return ["--raw"]
    return ["--format", output]


# --- Notes ---

PRESET_NOTE = "Only preset services are counted."
NOON = "2026-05-22T12:00:00+00:00"  # yesterday's figures no longer lag


@pytest.mark.parametrize("output", ["table", "markdown", "csv", "raw"])
def test_notes_go_to_stderr(output: str, run: Run, at: At) -> None:
    """Programs and people read the result without them."""
    at(NOON)

    result = run(*arguments_for(output), "--period", "yesterday")

    assert result.err.startswith(f"note: {PRESET_NOTE}")
    assert PRESET_NOTE not in result.out


def test_notes_of_json_are_in_the_document_only(run: Run, at: At) -> None:
    """Whoever reads the document has them already."""
    at(NOON)

    result = run("--format", "json", "--period", "yesterday")

    notes = result.document["notes"]
    assert len(notes) == 1
    assert notes[0].startswith(PRESET_NOTE)
    assert result.err == ""


@pytest.mark.parametrize("output", FORMATS)
def test_what_the_program_says_is_ascii(output: str, run: Run) -> None:
    """No dashes, quotes or signs that a terminal may lack."""
    result = run(*arguments_for(output), "--region", "cn-north-4", "--period", "30d")

    assert result.code == 0
    assert result.out.isascii()
    assert result.err.isascii()


# --- Errors ---


def test_an_error_is_two_lines_at_the_end_of_stderr(cloud: FakeCloud, run: Run) -> None:
    """First the sentence with code and request id, then the hint."""
    cloud.on("modelarts", refusal(400, "TEST.1", "the text of the service"))

    result = run()

    message, hint = result.err.splitlines()
    assert message.startswith("error: show-statistics: HTTP 400: the text of the service")
    assert message.endswith("(error code TEST.1, request id req-0001).")
    assert hint.startswith("hint: ")
    assert result.out == ""


def test_an_error_in_json_is_one_object_on_one_line(cloud: FakeCloud, run: Run) -> None:
    """Its fields hold what the service said."""
    cloud.on("modelarts", refusal(400, "TEST.1", "the text of the service"))

    result = run("--format", "json")

    assert result.err.count("\n") == 1
    assert list(json.loads(result.err)) == ["error"]
    assert result.error["hint"] != ""
    del result.error["hint"]
    assert {**result.error, "hint": ""} == {
        "kind": "service",
        "message": "show-statistics: HTTP 400: the text of the service.",
        "hint": "",
        "http_status": 400,
        "error_code": "TEST.1",
        "request_id": "req-0001",
        "retryable": False,
    }
    assert result.out == ""


def test_what_an_error_does_not_have_is_null(run: Run) -> None:
    """A usage error has no status, no code and no request id."""
    error = run("--period", "nonsense", "--format", "json").error

    assert error["http_status"] is None
    assert error["error_code"] is None
    assert error["request_id"] is None


@pytest.mark.parametrize("output", ["json", "table"])
def test_line_ends_and_control_characters_of_the_service_are_not_shown(
    output: str, cloud: FakeCloud, run: Run
) -> None:
    """They could steer a terminal, or make one error look like two."""
    cloud.on("modelarts", refusal(400, "TEST\x07.1", "a\x1b[2Jb\r\nerror: c\u202ed\u2028e\x85f"))

    result = run("--format", output)

    assert "a [2Jb error: c d e f" in result.error["message"]
    assert len(result.err.splitlines()) == {"json": 1, "table": 2}[output]
    assert "\x07" not in result.err


def test_a_long_text_of_the_service_is_cut(cloud: FakeCloud, run: Run) -> None:
    """Its beginning is shown."""
    cloud.on("modelarts", refusal(400, "TEST.1", "beginning " + "x" * 50_000))

    message = run("--format", "json").error["message"]

    assert "beginning xxx" in message
    assert len(message) < 1200


def test_an_internal_error_names_the_exception_and_the_line(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1, without a traceback and without the text of the exception."""
    lines = []

    def broken(*_: object, **__: object) -> None:
        own_frames = [frame for frame in inspect.stack() if frame.filename == str(SCRIPT)]
        lines.append(own_frames[0].lineno)
        raise KeyError(SK + "text of the exception")

    monkeypatch.setattr(requests.Session, "send", broken)

    result = run("--format", "json")

    assert result.code == 1
    assert result.error["kind"] == "internal"
    assert result.error["retryable"] is False
    assert f"KeyError in line {lines[0]} of maas_rest_usage_stats.py" in result.error["message"]
    assert "text of the exception" not in result.err


# --- Secrets ---

# Keys in which each way to write them differs from the others.
ODD_SK = "EXAMPLESK\\/+=%0000000000"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda secret: secret,
    "URL-encoded": lambda secret: quote(secret, safe=""),
    "JSON-escaped": lambda secret: json.dumps(secret)[1:-1],
}
SECRETS = {"AK": AK, "SK": ODD_SK, "token": TOKEN}


def echo(text: str, status: int) -> Answer:
    """Return an answer that has a text in all its parts."""
    body = {"total_token": 1, "error_code": text, "error_msg": text, "request_id": text, text: text}
    return Answer(status, body)


@pytest.mark.parametrize("status", [400, 401, 403, 501])
@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_that_the_service_echoes_is_hidden_in_errors(
    secret: str, spelling: str, status: int, cloud: FakeCloud, run: Run
) -> None:
    """In the message, the code and the request id, as text and as JSON."""
    cloud.keys[AK] = (ODD_SK, TOKEN)
    text = f"<{SPELLINGS[spelling](secret)}>"
    cloud.on("modelarts", echo(text, status))
    keys = {"HW_SECRET_KEY": ODD_SK, "HW_SECURITY_TOKEN": TOKEN}

    error = run("--format", "json", **keys).error
    shown = run(**keys).err

    assert "<***>" in error["message"]
    assert error["error_code"] == "<***>"
    assert error["request_id"] == "<***>"
    assert text not in shown


@pytest.mark.parametrize("spelling", ["as it is", "URL-encoded"])
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_that_the_service_echoes_is_hidden_in_raw_answers(
    secret: str, spelling: str, cloud: FakeCloud, run: Run
) -> None:
    """What is left is still valid JSON."""
    cloud.keys[AK] = (ODD_SK, TOKEN)
    # An answer is JSON, so `echo` escapes by itself.
    cloud.on("modelarts", echo(f"<{SPELLINGS[spelling](secret)}>", 200))

    result = run("--raw", HW_SECRET_KEY=ODD_SK, HW_SECURITY_TOKEN=TOKEN)

    assert json.loads(result.out)[0]["response"]["error_msg"] == "<***>"


def test_a_secret_in_the_name_of_a_service_is_hidden_before_the_name_is_shortened(
    cloud: FakeCloud, run: Run
) -> None:
    """Half of a secret is a leak, too."""
    now = int(time.time() * 1000)
    cloud.events = [Event(now - 1000, 7, service_name=f"service-{SK}-of-the-production-team")]
    result = run("--by", "service")
    assert "service-***-of-the-production-team" in result.out


def test_a_slash_that_the_service_escapes_hides_no_secret(cloud: FakeCloud, run: Run) -> None:
    """Some JSON writers put a backslash before each slash."""
    cloud.keys[AK] = (SK, TOKEN)
    token_as_json = TOKEN.replace("/", "\\/")
    cloud.on("modelarts", Answer(200, f'{{"total_token": 1, "echo": "{token_as_json}"}}'))

    result = run("--raw", HW_SECURITY_TOKEN=TOKEN)

    assert json.loads(result.out)[0]["response"]["echo"] == "***"


def test_a_secret_in_an_announcement_is_hidden(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """The reason for a wait is a text of the service, too."""
    cloud.on("modelarts", refusal(429, "TEST.1", f"slow down, <{SK}>", retry_after="9"), times=1)

    result = run()

    assert clock.waits == [9]
    assert "slow down, <***>" in result.err


def test_secrets_are_hidden_before_a_text_is_cut(cloud: FakeCloud, run: Run) -> None:
    """The beginning of a key at the cut would give it away."""
    cloud.on("modelarts", refusal(400, "TEST.1", f"{SK} " * 200))

    message = run("--format", "json").error["message"]

    assert message.count("***") == 200
    assert "EXAMPLE" not in message


def test_secrets_of_a_source_that_is_not_used_are_hidden(
    cloud: FakeCloud, run: Run, tmp_path: Path
) -> None:
    """A proxy or a log behind the service may know them, too."""
    file = tmp_path / "file"
    file.write_text(f"{AK}\n{SK}\n", encoding="utf-8")
    others = {
        "HW_ACCESS_KEY": "EXAMPLE1111111111111",
        "HW_SECRET_KEY": "EXAMPLE2222222222222",
        "HW_SECURITY_TOKEN": "EXAMPLE3333333333333",
        "HUAWEICLOUD_SDK_AK": "EXAMPLE4444444444444",
        "HUAWEICLOUD_SDK_SK": "EXAMPLE5555555555555",
        "HUAWEICLOUD_SDK_SECURITY_TOKEN": "EXAMPLE6666666666666",
    }
    text = " ".join([AK, SK, *others.values()])
    cloud.on("modelarts", refusal(400, "TEST.1", f"<{text}>"))

    result = run("--credentials-file", str(file), "--format", "json", **others)

    assert "<*** *** *** *** *** *** *** ***>" in result.error["message"]


def test_a_secret_that_contains_another_is_hidden_whole(cloud: FakeCloud, run: Run) -> None:
    """Otherwise the rest of the longer one would be shown."""
    longer = f"{AK}EXAMPLE/REST"
    cloud.keys[AK] = (longer, "")
    cloud.on("modelarts", refusal(400, "TEST.1", f"<{longer}>"))

    result = run("--format", "json", HW_SECRET_KEY=longer)

    assert "<***>" in result.error["message"]


# --- API keys that may be secret ---

LONG_API_KEY = "abcdefgh987654321098wxyz"  # 24 characters
SHORTENED = "abcdefgh...wxyz"


@pytest.mark.parametrize("by", [[], ["--by", "api-key"]], ids=["total", "by api-key"])
@pytest.mark.parametrize("output", FORMATS)
def test_a_long_api_key_is_sent_whole_and_shown_short(
    output: str, by: list[str], cloud: FakeCloud, run: Run
) -> None:
    """Its first eight and last four characters tell keys apart."""
    result = run("--api-keys", LONG_API_KEY, "key-b", *by, *arguments_for(output))

    assert cloud.statistics[0]["api_keys"][0] == LONG_API_KEY
    assert LONG_API_KEY not in result.out + result.err
    if by or output != "csv":  # a CSV total has no column for it
        assert SHORTENED in result.out


def test_a_note_on_a_long_api_key_shows_it_short(run: Run) -> None:
    """A mistyped key is as secret as a real one."""
    result = run("--api-keys", LONG_API_KEY, "--by", "api-key", "--format", "json")

    notes = [note for note in result.notes if "No calls for API key" in note]
    assert len(notes) == 1
    assert SHORTENED in notes[0]


@pytest.mark.parametrize(
    "key",
    [LONG_API_KEY, 'abcdefgh"\\8765432109wxyz', "abcdefgh+/==765432109wxyz"],
    ids=["letters and digits", "quote and backslash", "base64"],
)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_long_api_key_that_the_service_echoes_is_shown_short(
    spelling: str, key: str, cloud: FakeCloud, run: Run
) -> None:
    """In each of the spellings in which secrets are hidden."""
    cloud.on("modelarts", refusal(400, "TEST.1", f"<{SPELLINGS[spelling](key)}>"))

    result = run("--api-keys", key, "--format", "json")

    assert f"<{SHORTENED}>" in result.error["message"]


def test_a_raw_answer_stays_json_when_a_long_api_key_with_a_quote_is_shortened(
    cloud: FakeCloud, run: Run
) -> None:
    """A label may have any character that can be printed."""
    key = 'ab"\\defgh987654321098wxyz'
    cloud.on("modelarts", Answer(200, {"total_token": 1, "echo": key}))

    result = run("--raw", "--api-keys", key)

    assert json.loads(result.out)[0]["response"]["echo"] == 'ab"\\defg...wxyz'


def test_an_api_key_of_23_characters_is_a_label_and_shown_whole(run: Run) -> None:
    """It is too short to be a key."""
    label = LONG_API_KEY[1:]

    result = run("--api-keys", label, "--format", "json")

    assert result.document["api_keys"] == [label]


# --- Announcements and the count of requests ---


def test_the_same_wait_of_many_requests_is_announced_once(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Eight requests side by side are told the same."""
    throttled = refusal(429, "APIGW.0308", "The throttling threshold has been reached", "7")
    cloud.on("modelarts", together(8), after=1, times=8)
    cloud.on("modelarts", throttled, after=1, times=8)

    result = run("--by", "hour", "--period", "yesterday")

    announcements = [line for line in result.err.splitlines() if "throttling" in line]
    assert result.code == 0
    assert clock.waits.count(7) == 8
    assert len(announcements) == 1


def api_keys(count: int) -> list[str]:
    """Return arguments that make a run send a number of statistics requests."""
    return ["--by", "api-key", "--api-keys", *[f"key-{number}" for number in range(count)]]


if sys.platform != "win32":

    def read_terminal(start: Start, *argv: str) -> str:
        """Run the script with a terminal as stderr; return what arrived there."""
        ours, theirs = os.openpty()
        process = start(*argv, stderr=theirs)
        os.close(theirs)
        arrived = b""
        while True:
            try:
                content = os.read(ours, 65536)
            except OSError:  # how Linux tells that the other end is closed
                break
            if not content:
                break
            arrived += content
        os.close(ours)
        assert process.result().code in (0, 5)
        return arrived.decode()


def screen_after(text: str) -> list[str]:
    """Return the lines that a terminal shows after a text, without blanks at their ends."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown: list[str] = []
        for part in line.split("\r"):
            shown[: len(part)] = part
        lines.append("".join(shown).rstrip())
    return lines


@posix_only
@pytest.mark.parametrize("output", ["table", "json", "raw"])
def test_a_terminal_shows_the_count_of_more_than_20_requests_and_then_no_trace(
    output: str, start: Start
) -> None:
    """The line is erased, whether notes follow it or not."""
    text = read_terminal(start, *api_keys(21), "--period", "yesterday", *arguments_for(output))

    assert re.search("[0-9]+ of 21 requests", text)
    assert "requests" not in "\n".join(screen_after(text))
    assert "\x1b" not in text


@posix_only
def test_the_count_is_erased_before_an_error(cloud: FakeCloud, start: Start) -> None:
    """What remains is the error, at the start of a line."""
    cloud.on("modelarts", Answer(501), after=12)

    text = read_terminal(start, *api_keys(30))

    lines = screen_after(text)
    assert "of 30 requests" in text
    assert lines[0].startswith("error: ")
    assert lines[1].startswith("hint: ")


@posix_only
def test_a_terminal_shows_no_count_of_20_requests(start: Start) -> None:
    """They are done before anybody could read it."""
    text = read_terminal(start, *api_keys(20), "--period", "yesterday")

    assert "of 20 requests" not in text


def test_a_pipe_gets_no_count_of_requests(run: Run) -> None:
    """It would fill logs."""
    result = run(*api_keys(30), "--period", "yesterday", "--format", "csv")

    assert " requests" not in result.err
    assert "\r" not in result.err


# --- Pipes, disks and streams that take nothing ---


def start_with_closed_pipe(start: Start, stream: str, *argv: str, **variables: str) -> Process:
    """Start the script with a pipe as stdout or stderr that nobody reads."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = start(*argv, **{stream: write_end}, **variables)
    os.close(write_end)
    return process


@posix_only
@pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize(
    "arguments",
    ["--help", "--version", "--format json", "--raw --by day", "--check"],
)
def test_a_closed_pipe_ends_the_program_quietly(
    arguments: str, unbuffered: str, start: Start
) -> None:
    """As after `| head -1`, which has read enough."""
    process = start_with_closed_pipe(
        start, "stdout", *arguments.split(), PYTHONUNBUFFERED=unbuffered
    )
    _, err = process.popen.communicate(timeout=60)

    assert process.popen.returncode == 0
    others = [line for line in err.splitlines() if not line.startswith("note: ")]
    assert others == []


@posix_only
@pytest.mark.parametrize(
    ("arguments", "code"), [("--format csv", 0), ("--check", 0), ("--nonsense", 2)]
)
def test_a_closed_pipe_for_messages_changes_neither_result_nor_exit_code(
    arguments: str, code: int, start: Start
) -> None:
    """Whoever closes stderr still wants the figures."""
    result = start_with_closed_pipe(start, "stderr", *arguments.split()).result()

    assert result.code == code
    assert (result.out == "") == (code == 2)


@posix_only
def test_a_wait_that_nobody_reads_of_is_a_wait_all_the_same(cloud: FakeCloud, start: Start) -> None:
    """The announcement is lost, and the figures come."""
    cloud.on("modelarts", refusal(429, "TEST.1", "slow down", retry_after="3"), times=1)

    result = start_with_closed_pipe(start, "stderr", "--format", "csv").result()

    assert result.code == 0
    assert len(result.out.splitlines()) == 2


@needs_full_disk
@pytest.mark.parametrize("arguments", ["--format json", "--help --format json"])
def test_a_result_that_cannot_be_written_is_an_error(arguments: str, start: Start) -> None:
    """A full disk must not look like success."""
    with FULL_DISK.open("wb") as full:
        process = start(*arguments.split(), stdout=full)
        result = process.result()

    assert result.code == 1
    assert result.error["kind"] == "internal"
    assert "No space left" in result.error["message"]


class DiskThatFillsUp(io.StringIO):
    """A stream that takes some lines, and then no more."""

    def __init__(self, lines: int, fileno: int) -> None:
        super().__init__()
        self._lines_left = lines
        self._fileno = fileno

    def fileno(self) -> int:
        """Return the file that is replaced after the failure."""
        return self._fileno

    def write(self, text: str) -> int:
        """Take a text, or fail as a full disk does."""
        if self._lines_left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._lines_left -= 1
        return super().write(text)


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_a_check_that_cannot_be_written_is_an_error(
    lines: int, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if only the last of its three lines finds no room."""
    with (tmp_path / "out").open("w", encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdout", DiskThatFillsUp(lines, file.fileno()))
        result = run("--check")

    assert result.code == 1
    assert result.error["message"] == "the result cannot be written: No space left on device."


@needs_full_disk
def test_messages_that_cannot_be_written_are_no_error(start: Start) -> None:
    """The result is there."""
    with FULL_DISK.open("wb") as full:
        result = start("--format", "csv", stderr=full).result()

    assert result.code == 0
    assert len(result.out.splitlines()) == 2


@posix_only
@pytest.mark.parametrize(
    ("arguments", "closed", "code", "lines"),
    [
        ("--format csv", "2>&-", 0, 2),
        ("--check", "2>&-", 0, 3),
        ("--period 3x", "2>&-", 2, 0),
        ("--help", ">&-", 0, 0),
        ("--format csv", ">&-", 0, 0),
        ("--period 3x", ">&- 2>&-", 2, 0),
        ("--format csv", "<&- >&- 2>&-", 0, 0),
    ],
)
def test_streams_that_the_caller_closed_change_neither_result_nor_exit_code(
    arguments: str, closed: str, code: int, lines: int, environment: dict[str, str]
) -> None:
    """A service manager may start programs so."""
    command = f'exec "{sys.executable}" "{SCRIPT}" {arguments} {closed}'

    process = subprocess.Popen(
        ["sh", "-c", command],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    out, err = process.communicate(timeout=60)

    assert process.returncode == code
    assert len(out.splitlines()) == lines
    assert "Error" not in err


# --- Consoles that lack characters ---


@pytest.mark.parametrize(
    ("encoding", "lacking", "known"),
    [
        ("ascii", "\u00e9", "x"),
        ("cp1252", "\u6d4b\u8bd5", "\u00e9"),
        ("cp936", "\U0001f600", "\u6d4b\u8bd5"),
    ],
)
def test_a_console_shows_escapes_for_the_characters_that_it_lacks(
    encoding: str, lacking: str, known: str, start: Start, tmp_path: Path
) -> None:
    """And those that it has as they are."""
    shown = tmp_path / "shown"
    with shown.open("wb") as stdout:
        process = start(
            "--api-keys", lacking, known, stdout=stdout, PYTHONIOENCODING=encoding, PYTHONUTF8="1"
        )
        assert process.result().code == 0

    escaped = lacking.encode("ascii", "backslashreplace").decode("ascii")
    assert f"{escaped}, {known}" in shown.read_bytes().decode(encoding)


def test_raw_is_valid_json_in_utf8_through_an_ascii_terminal(
    cloud: FakeCloud, start: Start
) -> None:
    """The escapes that Python writes for other characters are not those of JSON."""
    body = '{"total_token": 1, "text": "\u7528\u91cf \u00e9 \U0001f600"}'
    cloud.on("modelarts", Answer(200, body))

    result = start("--raw", PYTHONIOENCODING="ascii").result()

    assert json.loads(result.out)[0]["response"]["text"] == "\u7528\u91cf \u00e9 \U0001f600"
    assert body in result.out


# --- Ctrl-C ---


@posix_only
@pytest.mark.parametrize(
    ("arguments", "requests_before"),
    [("", 0), ("--format json", 0), ("--by hour --period yesterday", 5), ("--raw --by day", 3)],
    ids=["table", "json", "many requests", "raw"],
)
def test_ctrl_c_ends_a_run_at_once_with_130(
    arguments: str, requests_before: int, cloud: FakeCloud, start: Start
) -> None:
    """Also while several requests are on their way, and without waiting for their answers."""
    hold = Hold()
    cloud.on("modelarts", hold, after=requests_before)
    process = start(*arguments.split())
    assert hold.reached.wait(15)

    process.interrupt()
    result = process.result(timeout=15)  # the cloud answers after 20 seconds
    hold.release.set()

    assert result.code == 130
    assert result.error["message"] == "interrupted."
    assert len(cloud.statistics) <= requests_before + 8


@posix_only
def test_ctrl_c_is_an_error_in_json_that_may_be_tried_again(cloud: FakeCloud, start: Start) -> None:
    """Its kind is internal."""
    hold = Hold()
    cloud.on("iam", hold)
    process = start("--format", "json")
    assert hold.reached.wait(15)

    process.interrupt()
    result = process.result(timeout=15)
    hold.release.set()

    assert result.code == 130
    assert result.error["kind"] == "internal"
    assert result.error["retryable"] is True
    assert result.err.count("\n") == 1


@posix_only
def test_ctrl_c_during_a_check_shows_how_far_it_came(cloud: FakeCloud, start: Start) -> None:
    """The step that was interrupted has not succeeded."""
    hold = Hold()
    cloud.on("modelarts", hold)
    process = start("--check")
    assert hold.reached.wait(15)

    process.interrupt()
    result = process.result(timeout=15)
    hold.release.set()

    assert result.code == 130
    assert states_of(result) == ["credentials ok", "project ok", "statistics failed"]
    assert result.error["message"] == "interrupted."


def test_ctrl_c_during_a_wait_ends_the_run(
    cloud: FakeCloud, run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No further try is made."""

    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(clock, "sleep", interrupted)
    cloud.on("modelarts", Answer(503))

    result = run("--format", "json")

    assert result.code == 130
    assert len(cloud.statistics) == 1


# --- --check ---


def states_of(result: Result) -> list[str]:
    """Return the first two words of each line of a check."""
    return [" ".join(line.split()[:2]) for line in result.out.splitlines()]


def test_a_check_shows_source_project_and_milliseconds(run: Run) -> None:
    """Three lines, and nothing else."""
    result = run("--check", "--region", "cn-north-4")

    credentials, project, statistics = result.out.splitlines()
    assert credentials == "credentials  ok       the environment (HW_ACCESS_KEY, HW_SECRET_KEY)"
    assert project == "project      ok       cnnorth4" + "0" * 24
    assert re.fullmatch("statistics   ok       [0-9]+ ms", statistics)
    assert result.err == ""  # also no note that the region is not known


def test_a_check_names_the_file_and_has_no_note_on_it(run: Run, tmp_path: Path) -> None:
    """Notes belong to figures."""
    file = tmp_path / "file"
    file.write_text(f"{AK}\n{SK}\n", encoding="utf-8")
    file.chmod(0o644)

    result = run("--check", "--credentials-file", str(file))

    assert result.out.startswith(f"credentials  ok       the credentials file {file}\n")
    assert result.err == ""


def test_a_check_asks_for_the_last_hour_of_preset_services(
    cloud: FakeCloud, run: Run, at: At
) -> None:
    """Whatever else was asked for."""
    at("2026-05-22T08:30:00+08:00")

    others = "--period 30d --service-type all --infer-type batch --api-keys x --ips 192.0.2.1"
    result = run("--check", *others.split())

    assert result.code == 0
    assert cloud.statistics == [
        {
            "service_type": 2,
            "start_time": ms("2026-05-22T07:30:00+08:00"),
            "end_time": ms("2026-05-22T08:30:00+08:00") - 1,
            "infer_type": "real_time",
            "timezone": "UTC",
        }
    ]


CREDENTIALS_FAILED = ["credentials failed", "project skipped", "statistics skipped"]
PROJECT_FAILED = ["credentials ok", "project failed", "statistics skipped"]
STATISTICS_FAILED = ["credentials ok", "project ok", "statistics failed"]


@pytest.mark.parametrize(
    ("variables", "states", "code", "words"),
    [
        ({"HW_SECRET_KEY": None}, CREDENTIALS_FAILED, 3, "HW_SECRET_KEY is not"),
        ({"HW_PROJECT_ID": "nonsense"}, CREDENTIALS_FAILED, 3, "project id"),
        ({"HW_SECRET_KEY": SK[::-1]}, PROJECT_FAILED, 3, "HTTP 401"),
        ({"REQUESTS_CA_BUNDLE": None}, PROJECT_FAILED, 5, "certificate"),
        ({"HW_PROJECT_ID": "f" * 32}, STATISTICS_FAILED, 3, "HTTP 403"),
    ],
    ids=["half a pair", "bad project id", "wrong key", "no trust", "project of others"],
)
def test_a_check_ends_with_the_first_step_that_fails_for_its_settings(
    variables: dict[str, str | None], states: list[str], code: int, words: str, run: Run
) -> None:
    """The lines say where, the error says why."""
    result = run("--check", **variables)

    assert states_of(result) == states
    assert result.code == code
    assert words in result.error["message"]


@pytest.mark.parametrize(
    ("service", "reaction", "code", "words"),
    [
        ("iam", Answer(200, {"projects": []}), 3, "project"),
        ("iam", Answer(400), 4, "HTTP 400"),
        ("iam", Answer(501), 5, "HTTP 501"),
        ("modelarts", Answer(403), 3, "HTTP 403"),
        ("modelarts", Answer(400), 4, "HTTP 400"),
        ("modelarts", NOT_JSON, 4, "not JSON"),
        ("modelarts", Answer(501), 5, "HTTP 501"),
    ],
)
def test_a_check_ends_with_the_first_step_that_the_service_refuses(
    service: str, reaction: Reaction, code: int, words: str, cloud: FakeCloud, run: Run
) -> None:
    """With the exit code that a query would have."""
    cloud.on(service, reaction)

    result = run("--check")

    assert states_of(result) == {"iam": PROJECT_FAILED, "modelarts": STATISTICS_FAILED}[service]
    assert result.code == code
    assert words in result.error["message"]


def test_a_check_with_a_known_project_does_not_look_it_up(cloud: FakeCloud, run: Run) -> None:
    """It tests what a query would do."""
    result = run("--check", "--project-id", PROJECT_ID)

    assert f"project      ok       {PROJECT_ID}" in result.out
    assert len(cloud.seen) == 1


def test_a_long_text_of_the_service_is_cut_to_1000_characters(cloud: FakeCloud, run: Run) -> None:
    """The end shows that it was cut."""
    cloud.on("modelarts", refusal(400, "TEST.1", "x" * 2000))

    message = run("--format", "json").error["message"]

    assert len(message) == 1000
    assert message.endswith("x...")


def test_the_hints_on_faults_and_interrupts_are_whole_sentences(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Word for word."""

    def fail(*_: object, **__: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr(requests, "Session", fail)

    assert run().error["hint"] == "This is a fault of the program. Report it with the command."


@needs_full_disk
def test_the_hint_on_a_full_disk_names_the_disk(start: Start) -> None:
    """It is the caller's to look at."""
    with FULL_DISK.open("w") as full:
        lines = start("--version", stdout=full).result().err.splitlines()

    assert lines[-1] == "hint: Check the disk."


def test_the_hint_on_an_interrupt_is_a_whole_sentence(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Word for word."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(requests.Session, "send", interrupt)

    result = run()

    assert result.code == 130
    assert result.error["hint"] == "Run the command again."
