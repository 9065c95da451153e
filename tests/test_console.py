"""stdout and stderr: secrets, progress, streams that fail, encodings, --check, start, sandbox."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable
from urllib.parse import quote

import pytest
import sandbox
from cloud import (
    AK,
    API_KEYS,
    IPS,
    PROJECT_ID,
    REQUEST_ID,
    SK,
    TOKEN,
    Answer,
    Event,
    FakeCloud,
    Hold,
    Reaction,
    refusal,
    usage_like,
)
from conftest import (
    SANDBOX,
    SCRIPT,
    SECRET_VARIABLES,
    At,
    Clock,
    Process,
    Result,
    Run,
    Start,
    ms,
    posix_only,
)

import maas_rest_usage_stats as script

FORMATS = ["table", "markdown", "json", "csv", "raw"]
FULL_DISK = Path("/dev/full")
needs_full_disk = pytest.mark.skipif(not FULL_DISK.exists(), reason="needs /dev/full")
buffered_or_not = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])

# --- Texts of the service ---


def test_control_characters_of_the_service_are_not_shown(cloud: FakeCloud, run: Run) -> None:
    """They could steer a terminal, or make one error look like two."""
    cloud.on("modelarts", refusal(400, "TEST\x07.1", "a\x1b[2Jb\r\nerror: c\u202ed\u2028e\x85f"))
    result = run()
    assert "a [2Jb error: c d e f" in result.message
    assert len(result.err.splitlines()) == 2
    assert "\x07" not in result.err


def test_a_long_text_of_the_service_is_cut_and_the_request_id_is_not(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """In an error as in an announcement, which is one line."""
    cloud.on("modelarts", refusal(429, "TEST.1", "busy\n" + "x " * 5000))
    result = run()
    announcement = result.err.splitlines()[0]
    for line in (announcement, result.message):
        assert "HTTP 429: busy x x" in line
        assert len(line) < 1200
    assert "TEST.1" in result.message
    assert REQUEST_ID in result.message


# --- Secrets ---

ODD_SK = SK[:10] + "\\/+=%_000000000"  # each spelling differs from the others
SHORT_AK, SHORT_SK = AK[:10] + "_00000", SK[:10] + "_00000"  # 16 characters: no fewer are allowed

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda secret: secret,
    "percent-encoded": lambda secret: quote(secret, safe=""),
    "JSON-escaped": lambda secret: json.dumps(secret)[1:-1],
    "JSON-escaped with slashes": lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
}
each_spelling = pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)


@each_spelling
def test_secrets_that_the_service_echoes_are_hidden(
    spelling: Callable[[str], str], cloud: FakeCloud, run: Run
) -> None:
    """In the message, the error code, the request id and the target of a redirect."""
    cloud.keys[AK] = (ODD_SK, TOKEN)
    keys = {"HW_SECRET_KEY": ODD_SK, "HW_SECURITY_TOKEN": TOKEN}
    text = "".join(f"<{spelling(secret)}>" for secret in (AK, ODD_SK, TOKEN))
    body = {"error_code": f"code{text}", "error_msg": f"text{text}", "request_id": f"id{text}"}
    cloud.on("iam", Answer(307, "", {"Location": f"to{text}", "X-Request-Id": f"header{text}"}))
    cloud.on("modelarts", Answer(400, body))

    redirect = run(**keys).message
    error = run("--project-id", PROJECT_ID, **keys).message

    for place in ("to", "header"):
        assert f"{place}<***><***><***>" in redirect
    for place in ("code", "text", "id"):
        assert f"{place}<***><***><***>" in error


@each_spelling
def test_a_secret_in_a_raw_answer_is_hidden(
    spelling: Callable[[str], str], cloud: FakeCloud, run: Run
) -> None:
    """What is left is still JSON."""
    cloud.keys[AK] = (ODD_SK, "")
    cloud.on("modelarts", Answer(200, f'{{"total_token": 1, "echo": "{spelling(ODD_SK)}"}}'))
    result = run("--raw", HW_SECRET_KEY=ODD_SK)
    assert json.loads(result.out)[0]["response"]["echo"] == "***"


@pytest.mark.parametrize("output", FORMATS)
def test_a_secret_in_the_name_of_a_service_is_hidden(
    output: str, cloud: FakeCloud, run: Run
) -> None:
    """Also where Markdown escapes its characters."""
    secret = SK[:10] + "_|*~<0000"
    cloud.keys[AK] = (secret, "")
    now = int(time.time() * 1000)
    cloud.events = [Event(now - 1000, 7, service_name=f"my-{secret}-service")]
    result = run("--by", "service", "--format", output, HW_SECRET_KEY=secret)
    assert result.code == 0
    assert secret not in result.out.replace("\\", "")
    assert "service" in result.out


@pytest.mark.parametrize("arguments", [[], ["--by", "api-key"]], ids=["filter", "rows"])
@pytest.mark.parametrize("output", FORMATS)
def test_an_ak_or_sk_that_is_given_as_an_api_key_is_hidden(
    output: str, arguments: list[str], cloud: FakeCloud, run: Run
) -> None:
    """Also one of 16 characters, in notes, and where Markdown escapes its characters."""
    cloud.keys[SHORT_AK] = (SHORT_SK, "")
    keys = {"HW_ACCESS_KEY": SHORT_AK, "HW_SECRET_KEY": SHORT_SK}
    given = ["--api-keys", SHORT_AK, SHORT_SK]
    result = run(*arguments, *given, "--format", output, **keys)
    assert result.code == 0
    shown = (result.out + result.err).replace("\\", "")
    assert SHORT_AK not in shown
    assert SHORT_SK not in shown


@pytest.mark.parametrize("variable", SECRET_VARIABLES)
def test_a_secret_among_the_arguments_is_hidden(variable: str, run: Run) -> None:
    """Also one that would not be shortened. It is replaced before other words are shortened."""
    for secret in (SK, SK.lower()):
        assert "'***'" in run("--period", secret, **{variable: secret}).message


def test_secrets_that_only_a_file_has_are_hidden(
    cloud: FakeCloud, run: Run, tmp_path: Path
) -> None:
    """AK, SK and token, though no variable names them and nothing would be shortened."""
    secrets = [AK.lower(), SK.lower(), "exampletoken-of-letters"]
    file = tmp_path / "credentials"
    file.write_text("ak = {}\nsk = {}\nsecurity_token = {}\n".format(*secrets), encoding="utf-8")
    cloud.on("iam", refusal(400, "TEST.1", f"<{'><'.join(secrets)}>"))
    result = run("--credentials-file", str(file), HW_ACCESS_KEY=None, HW_SECRET_KEY=None)
    assert "<***><***><***>" in result.message


def test_secrets_are_hidden_before_a_text_is_cut(cloud: FakeCloud, run: Run) -> None:
    """The beginning of a key at the cut would give it away."""
    cloud.on("modelarts", refusal(400, "TEST.1", f"{SK}/" * 200))
    message = run().message
    assert message.count("***/") == 200
    assert "EXAMPLE" not in message


WORDS = {  # a word of a text, and how it is shown
    "19 characters": ("A1" + "b" * 17, "A1" + "b" * 17),
    "20": ("A1" + "b" * 18, "A1bb...bbbb"),
    "20 without an upper-case letter": ("a1" + "b" * 18, "a1" + "b" * 18),
    "20 without a digit": ("Ac" + "b" * 18, "Ac" + "b" * 18),
    "20 behind a label": ("label_A1" + "b" * 18, "label_A1bb...bbbb"),
    "31 with others": ("A1_-+" + "b" * 8 + "-" * 18, "A1_-+" + "b" * 8 + "-" * 18),
    "32 with others": ("A1_-+" + "b" * 8 + "-" * 19, "A1_-...----"),
    "32 without an upper-case letter": ("a1_" + "b" * 29, "a1_" + "b" * 29),
    "32 without a digit": ("Ac_" + "b" * 29, "Ac_" + "b" * 29),
    "32 and equals signs": ("A1-" + "b" * 29 + "==", "A1-b...bb=="),
    "two folders": ("A1/" + "b" * 30, "A1/" + "b" * 30),
    "a project id": (PROJECT_ID, PROJECT_ID),
}


@pytest.mark.parametrize(("word", "shown"), WORDS.values(), ids=WORDS)
def test_words_that_may_be_keys_are_shortened(
    word: str, shown: str, cloud: FakeCloud, run: Run
) -> None:
    """Error code and request id never are. Other words stay readable."""
    body = {"error_msg": f"<{word}>", "error_code": f"code-{word}", "request_id": f"id-{word}"}
    cloud.on("modelarts", Answer(400, body))
    message = run().message
    assert f"<{shown}>" in message
    assert f"code-{word}" in message
    assert f"id-{word}" in message


# --- Progress: a terminal shows how many of more than 20 requests are done ---


def hours(count: int) -> list[str]:
    """Return arguments that ask for so many hours one by one, without notes on stderr."""
    end = f"2026-05-20T{count:02}:00"
    return ["--from", "2026-05-20", "--to", end, "--by", "hour", "--format", "json"]


def screen_after(text: str) -> list[str]:
    """Return the lines that a terminal shows after a text, without spaces at their ends."""
    lines = []
    for line in text.replace("\r\n", "\n").split("\n"):
        shown: list[str] = []
        for part in line.split("\r"):
            shown[: len(part)] = part
        lines.append("".join(shown).rstrip())
    return lines


def run_on_terminal(run: Run, at: At, *argv: str) -> str:
    """Run with a terminal as stderr, on a day after that of the hours; return what it gets."""
    at("2026-05-22T12:00:00+00:00")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.stderr, "isatty", lambda: True)
        return run(*argv).err


TWENTY_ROWS = ["--by", "api-key", "--api-keys", *map(str, range(20)), "--format", "json"]


@pytest.mark.parametrize("arguments", [hours(21), TWENTY_ROWS], ids=["rows", "rows and total"])
def test_progress_is_shown_and_leaves_no_trace(arguments: list[str], run: Run, at: At) -> None:
    """The numbers rise up to that of all requests for rows and total."""
    text = run_on_terminal(run, at, *arguments)
    counts = [int(count) for count in re.findall("([0-9]+) of 21 requests", text)]
    assert counts == sorted(set(counts))
    assert counts[-1] == 21
    assert screen_after(text) == [""]


def test_progress_is_not_shown_for_20_requests_and_not_in_a_pipe(run: Run, at: At) -> None:
    """They are done before anybody could read it, and it would fill logs."""
    assert run_on_terminal(run, at, *hours(20)) == ""
    assert run(*hours(21)).err == ""


def test_progress_is_erased_before_an_error(cloud: FakeCloud, run: Run, at: At) -> None:
    """What remains is the error, at the start of a line."""
    cloud.on("modelarts", Answer(501), after=12)
    text = run_on_terminal(run, at, *hours(21))
    assert "of 21 requests" in text
    assert screen_after(text)[0].startswith("error: ")


def test_progress_goes_on_after_an_announcement(
    cloud: FakeCloud, run: Run, at: At, clock: Clock
) -> None:
    """Which stands on a line of its own."""
    cloud.on("modelarts", Answer(429, headers={"Retry-After": "3"}), after=10, times=1)
    text = run_on_terminal(run, at, *hours(21))
    lines = screen_after(text)
    assert [line.startswith("waiting 3 s") for line in lines].count(True) == 1
    assert lines[-1] == ""
    assert text.index("waiting 3 s") < text.index("21 of 21 requests")


@posix_only
def test_a_real_terminal_shows_progress(start: Start) -> None:
    """Without escape sequences."""
    ours, theirs = os.openpty()
    process = start("--by", "hour", "--period", "yesterday", "--format", "json", stderr=theirs)
    os.close(theirs)
    arrived = b""
    while b"24 of 24 requests" not in arrived:
        arrived += os.read(ours, 65536)
    assert process.result().code == 0
    os.close(ours)
    assert b"\x1b" not in arrived


# --- The whole result is written, or the run fails ---

MANY = "x" * 300_000  # characters; a pipe takes fewer at a time


@pytest.fixture
def large_answer(cloud: FakeCloud) -> None:
    """The raw answer of the service is large."""
    cloud.on("modelarts", Answer(200, {"text": MANY}))


@posix_only
def test_a_slow_reader_gets_all(large_answer: None, start: Start) -> None:
    """Though the pipe is full most of the time."""
    process = start("--raw", PYTHONUNBUFFERED="1")
    assert process.popen.stdout
    arrived = ""
    while True:
        text = process.popen.stdout.read(50_000)
        if not text:
            break
        arrived += text
        time.sleep(0.02)
    assert json.loads(arrived)[0]["response"]["text"] == MANY
    assert process.popen.wait(60) == 0


class Trickle(io.RawIOBase):
    """A stream without a buffer that takes seven bytes at a time."""

    def __init__(self) -> None:
        super().__init__()
        self.content = b""

    def writable(self) -> bool:
        """Let a text stream write to this one."""
        return True

    def write(self, content: Any) -> int:
        """Take the first bytes; return how many."""
        taken = bytes(content[:7])
        self.content += taken
        return len(taken)


def test_a_stream_that_takes_a_few_bytes_at_a_time_gets_all(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As PYTHONUNBUFFERED makes stdout: Python itself would drop the rest."""
    trickle = Trickle()
    stdout: Any = io.TextIOWrapper(trickle, encoding="utf-8", write_through=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        code = script.main(["--help"])
    assert code == 0
    assert trickle.content.decode() == run("--help").out


@posix_only
@buffered_or_not
def test_a_full_pipe_that_does_not_block_is_an_error(
    unbuffered: str, large_answer: None, start: Start
) -> None:
    """Nobody reads it, and half of a result must not look like success."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    result = start("--raw", stdout=write_end, PYTHONUNBUFFERED=unbuffered).result()
    os.close(write_end)
    os.close(read_end)
    assert result.code == 1
    assert "cannot be written" in result.message
    assert "pipe" in result.hint


def run_in_shell(
    environment: dict[str, str], arguments: str, before: str = "", **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run the script in a shell, after a command, with arguments and redirections."""
    return subprocess.run(
        ["sh", "-c", f'{before}\nexec "{sys.executable}" "{SCRIPT}" {arguments}'],
        env={**environment, **variables},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@posix_only
@buffered_or_not
def test_a_limit_on_the_size_of_files_is_an_error(
    unbuffered: str, environment: dict[str, str], tmp_path: Path
) -> None:
    """The first part of the help has room."""
    file = tmp_path / "help"
    done = run_in_shell(
        environment, f"--help >'{file}'", "ulimit -f 1", PYTHONUNBUFFERED=unbuffered
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr


@needs_full_disk
@buffered_or_not
@pytest.mark.parametrize("arguments", ["--format json", "--help", "--check"])
def test_a_full_disk_is_an_error(arguments: str, unbuffered: str, start: Start) -> None:
    """With the system's words."""
    with FULL_DISK.open("wb") as full:
        process = start(*arguments.split(), stdout=full, PYTHONUNBUFFERED=unbuffered)
        result = process.result()
    assert result.code == 1
    assert "No space left" in result.message
    assert "space" in result.hint


class FailingStream(io.StringIO):
    """A stream without bytes that takes some lines, and then fails."""

    def __init__(self, lines: int, number: int = errno.ENOSPC) -> None:
        super().__init__()
        self._lines_left = lines
        self._number = number

    def write(self, text: str) -> int:
        """Take a text, or fail."""
        if self._lines_left == 0:
            raise OSError(self._number, os.strerror(self._number))
        self._lines_left -= 1
        return super().write(text)


@pytest.mark.parametrize("lines", [0, 2])
def test_a_check_that_cannot_be_written_is_an_error(
    lines: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if only the last of its three lines finds no room."""
    monkeypatch.setattr(sys, "stdout", FailingStream(lines))
    assert run("--check").code == 1


def test_messages_that_cannot_be_written_are_not_an_error(
    cloud: FakeCloud, run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The announcement of a wait and the notes are lost, and the figures come."""
    monkeypatch.setattr(sys, "stderr", FailingStream(0))
    cloud.on("modelarts", Answer(429, headers={"Retry-After": "9"}), times=1)
    assert len(run("--format", "csv").out.splitlines()) == 2


# --- Closed streams ---


def start_with_closed_pipe(start: Start, stream: str, *argv: str, **variables: str) -> Process:
    """Start the script with a pipe as stdout or stderr that nobody reads."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    process = start(*argv, **{stream: write_end}, **variables)
    os.close(write_end)
    return process


@posix_only
@pytest.mark.parametrize(
    ("arguments", "unbuffered"),
    [("--help", ""), ("--help", "1"), ("--format json", ""), ("--raw", "1"), ("--check", "")],
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
    assert err == ""


class OtherOs:
    """Stands in for the module `os` in the script: only the name of the system is another."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(os, attribute)


@pytest.fixture(params=["nt", "posix"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name that the script takes for that of the system: nt is Windows."""
    name: str = request.param
    monkeypatch.setattr(script, "os", OtherOs(name))
    return name


def test_an_invalid_argument_is_a_closed_pipe_on_windows_only(
    system: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Elsewhere it may be a disk that fails."""
    monkeypatch.setattr(sys, "stdout", FailingStream(0, errno.EINVAL))
    code = script.main(["--help"])
    assert code == (0 if system == "nt" else 1)
    assert (capsys.readouterr().err == "") == (system == "nt")


@posix_only
@pytest.mark.parametrize(
    ("arguments", "closed", "code", "lines"),
    [
        ("--format csv", "2>&-", 0, 2),
        ("--check", "2>&-", 0, 3),
        ("--period 3x", "2>&-", 2, 0),
        ("--period 3x", ">&- 2>&-", 2, 0),
        ("--format csv", "<&- >&- 2>&-", 1, 0),
    ],
)
def test_a_closed_stderr_changes_neither_result_nor_exit_code(
    arguments: str, closed: str, code: int, lines: int, environment: dict[str, str]
) -> None:
    """A service manager may start programs so."""
    done = run_in_shell(environment, f"{arguments} {closed}")
    assert done.returncode == code
    assert len(done.stdout.splitlines()) == lines
    assert done.stderr == ""


@posix_only
@pytest.mark.parametrize("arguments", ["--format csv", "--check", "--help", "--version"])
def test_a_closed_stdout_is_an_error_and_gets_nothing(
    arguments: str, environment: dict[str, str], tmp_path: Path
) -> None:
    """What is opened next gets the number of stdout: here a file, otherwise a connection."""
    file = tmp_path / "file"
    code = f"import os\nassert os.open({str(file)!r}, os.O_WRONLY | os.O_CREAT) == 1\n"
    (tmp_path / "sitecustomize.py").write_text(code, encoding="utf-8")
    done = run_in_shell(environment, f"{arguments} >&-", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("error: stdout is closed")
    assert len(done.stderr.splitlines()) == 2
    assert file.read_bytes() == b""


@posix_only
@pytest.mark.parametrize(("arguments", "code"), [("--format csv", 0), ("--nonsense", 2)])
def test_a_closed_pipe_for_messages_changes_neither_result_nor_exit_code(
    arguments: str, code: int, start: Start
) -> None:
    """Whoever closes stderr still wants the figures."""
    result = start_with_closed_pipe(start, "stderr", *arguments.split()).result()
    assert result.code == code
    assert (result.out == "") == (code == 2)


# --- Encodings ---

ODD_NAME = "\u7528\u91cf \u00e9 \U0001f600"


@pytest.fixture
def odd_service(cloud: FakeCloud) -> None:
    """A service has Chinese characters, an accent and a face in its name."""
    cloud.events = [Event(int(time.time() * 1000) - 1000, 7, service_name=ODD_NAME)]


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "\\u7528\\u91cf \\xe9 \\U0001f600"),
        ("gbk", "\u7528\u91cf \u00e9 \\U0001f600"),
        ("utf-8", ODD_NAME),
    ],
)
def test_a_table_has_escapes_for_the_characters_that_the_terminal_lacks(
    encoding: str, shown: str, odd_service: None, start: Start, tmp_path: Path
) -> None:
    """And those that it has as they are."""
    file = tmp_path / "shown"
    with file.open("wb") as stdout:
        process = start("--by", "service", stdout=stdout, PYTHONIOENCODING=encoding)
        assert process.result().code == 0
    assert shown in file.read_bytes().decode(encoding)


@pytest.mark.parametrize("output", ["markdown", "csv", "raw"])
def test_other_formats_are_utf8_on_any_terminal(
    output: str, cloud: FakeCloud, start: Start
) -> None:
    """Files and programs expect that."""
    row = f'{{"service_name": "{ODD_NAME}", "request_count": 0, "error_count": 0, '
    row += '"total_token": 0, "prompt_token": 0, "completion_token": 0}'
    cloud.on("list-service-statistics", Answer(200, f'{{"items": [{row}]}}'))
    result = start("--by", "service", "--format", output, PYTHONIOENCODING="ascii").result()
    assert result.code == 0
    assert ODD_NAME in result.out


def test_json_is_ascii(odd_service: None, run: Run) -> None:
    """So it passes through anything."""
    result = run("--by", "service", "--format", "json")
    assert result.out.isascii()
    assert result.document["rows"][0]["service"] == ODD_NAME


# --- --check ---


def steps_of(result: Result) -> str:
    """Return the first two words of each line of a check."""
    return ", ".join(" ".join(line.split()[:2]) for line in result.out.splitlines())


FOUND = "credentials found"
FOUND_AND_PROJECT = "credentials found, project ok"
FAILING_CHECKS: dict[str, tuple[dict[str, str | None], str, Reaction | None, int, str]] = {
    # variables, a part of the cloud and its reaction, the exit code, and the steps that are shown
    "half a pair": ({"HW_SECRET_KEY": None}, "", None, 3, ""),
    "wrong SK": ({"HW_SECRET_KEY": SK[::-1]}, "", None, 3, FOUND),
    "no project": ({}, "iam", Answer(200, {"projects": []}), 3, FOUND),
    "another's project": ({"HW_PROJECT_ID": "f" * 32}, "", None, 3, FOUND_AND_PROJECT),
    "no figures": ({}, "modelarts", Answer(200, {}), 4, FOUND_AND_PROJECT),
}


@pytest.mark.parametrize(
    ("variables", "where", "reaction", "code", "steps"), FAILING_CHECKS.values(), ids=FAILING_CHECKS
)
def test_a_check_ends_with_the_first_step_that_fails(
    variables: dict[str, str | None],
    where: str,
    reaction: Reaction | None,
    code: int,
    steps: str,
    cloud: FakeCloud,
    run: Run,
) -> None:
    """The steps that succeeded are on stdout, and the error on stderr."""
    if reaction is not None:
        cloud.on(where, reaction)
    result = run("--check", **variables)
    assert steps_of(result) == steps
    assert result.code == code
    assert len(result.err.splitlines()) == 2


def test_a_check_asks_for_the_last_hour_of_preset_services(
    cloud: FakeCloud, run: Run, at: At
) -> None:
    """Whatever else was asked for, if it is not a usage error. It has no notes."""
    at("2026-05-22T08:30:00+08:00")
    others = "--service-type all --infer-type batch --api-keys x --ips 192.0.2.1 --by day --raw"

    result = run("--check", "--period", "30d", *others.split())

    assert steps_of(result) == "credentials found, project ok, statistics ok"
    assert PROJECT_ID in result.out.splitlines()[1]
    assert result.err == ""
    assert cloud.statistics == [
        {
            "service_type": 2,
            "start_time": ms("2026-05-22T07:30:00+08:00"),
            "end_time": ms("2026-05-22T08:30:00+08:00") - 1,
            "infer_type": "real_time",
            "timezone": "UTC",
        }
    ]


def test_a_check_with_a_usage_error_checks_nothing(run: Run) -> None:
    """The exit code is that of a usage error."""
    result = run("--check", "--by", "ip")
    assert result.code == 2
    assert result.out == ""


@posix_only
def test_a_check_shows_each_step_at_once(cloud: FakeCloud, start: Start) -> None:
    """Here the statistics do not come."""
    hold = Hold()
    cloud.on("modelarts", hold)
    process = start("--check")
    assert process.popen.stdout
    assert process.popen.stdout.readline().startswith("credentials  found")
    assert process.popen.stdout.readline().startswith("project      ok")
    assert hold.reached.wait(15)

    process.interrupt()
    result = process.result(timeout=15)
    hold.release.set()

    assert result.code == 130
    assert result.out == ""


# --- Start ---

NO_PACKAGES = ("-S",)  # this option of Python hides what is installed


@pytest.fixture
def traps(tmp_path: Path) -> str:
    """A value for PYTHONPATH with which a run that imports what takes time ends at once."""
    for package in ("requests", "huaweicloudsdkcore", "ssl", "concurrent"):
        trap = f'raise SystemExit("{package} was imported")\n'
        (tmp_path / f"{package}.py").write_text(trap, encoding="utf-8")
    return str(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("--help", 0), ("--version", 0), ("--nonsense", 2), ("--period 31d", 2), ("--by api-key", 2)],
)
def test_help_version_and_usage_errors_need_no_packages(
    arguments: str, code: int, traps: str, start: Start
) -> None:
    """They work before the installation, and do not wait for imports after it."""
    process = start(*arguments.split(), python=NO_PACKAGES, PYTHONPATH=traps)
    assert process.result().code == code


def test_the_traps_for_early_imports_work(traps: str, start: Start) -> None:
    """A run that sends something falls into one."""
    process = start(PYTHONPATH=traps)
    assert "was imported" in process.popen.communicate(timeout=60)[1]


def test_without_packages_the_missing_one_is_named(start: Start) -> None:
    """Exit code 1, and how to install them."""
    result = start("--check", python=NO_PACKAGES).result()
    assert result.code == 1
    assert "No module named" in result.message
    assert "-m venv" in result.hint


@pytest.mark.parametrize("options", [["-OO"], ["-I"]])
def test_the_script_runs_with_options_of_python(options: list[str], start: Start) -> None:
    """Without docstrings, and without the folder of the script and variables."""
    assert start("--help", python=options).result().code == 0
    assert start("--format", "json", python=options).result().totals["total_tokens"] == 0


def test_inline_metadata_is_in_step_with_the_requirements() -> None:
    """PEP 723: `uv run` installs what requirements.txt lists. The pattern is the PEP's own."""
    pattern = r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
    blocks = re.findall(pattern, SCRIPT.read_text(encoding="utf-8"))
    assert [block[0] for block in blocks] == ["script"]
    content = re.sub(r"(?m)^# ?", "", blocks[0][1])
    assert 'requires-python = ">=3.8"\n' in content
    requirements = (SCRIPT.parent / "requirements.txt").read_text(encoding="utf-8")
    assert re.findall(r'(?m)^  "(.*)",$', content) == requirements.splitlines()


# --- The sandbox ---


def test_the_sandbox_shows_made_up_figures_and_keeps_away_from_real_accounts(
    start: Start,
) -> None:
    """On stdout is what the script says; on stderr it says not to believe it."""
    real = {"HUAWEICLOUD_SDK_PROJECT_ID": "f" * 32, "HW_PROJECT_ID": "e" * 32}
    proxy = {"NO_PROXY": "*", "no_proxy": "*", "https_proxy": "http://192.0.2.1:1"}

    result = start("--format", "json", file=SANDBOX, **real, **proxy).result()

    assert result.totals["total_tokens"] > 0
    assert result.document["project_id"] == PROJECT_ID
    assert "made up" in result.err.splitlines()[0]


@pytest.mark.parametrize(
    "arguments", ["--fault=wrong-key", "--credentials-file keys.csv --fault wrong-key --raw"]
)
def test_a_fault_may_stand_anywhere_and_the_exit_code_is_passed_on(
    arguments: str, start: Start
) -> None:
    """A credentials file is not read."""
    result = start(*arguments.split(), file=SANDBOX).result()
    assert result.code == 3
    assert "401" in result.message
    assert ("is ignored" in result.err) == ("--credentials-file" in arguments)


def test_the_sandbox_has_usage_for_each_name_in_its_help(cloud: FakeCloud, run: Run) -> None:
    """Every label and address has calls, in real time and in batch jobs."""
    cloud.events = list(usage_like(int(time.time() * 1000)))

    by_key = run("--by", "api-key", "--api-keys", *API_KEYS, "--format", "json").document
    by_ip = run("--by", "ip", "--ips", *IPS, "--format", "json").document
    batch = run("--service-type", "all", "--infer-type", "batch", "--format", "json")

    for row in [*by_key["rows"], *by_ip["rows"]]:
        assert row["total_requests"] > 0
    assert batch.totals["completed_tasks"] > 0


@pytest.mark.parametrize("name", sandbox.FAULTS)
def test_each_fault_gives_the_exit_code_that_its_help_names(
    name: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The faults of the sandbox, without its process and its waits."""
    cloud.events = list(usage_like(int(time.time() * 1000), days=7, calls_a_day=20))
    sandbox.FAULTS[name].apply(cloud)
    arguments = {"odd-list": ["--by", "service"]}.get(name, [])
    expected = re.findall(r"exit code (\d+)", sandbox.FAULTS[name].help)
    assert [str(run(*arguments).code)] == expected


@posix_only
def test_ctrl_c_ends_the_sandbox_tidily(start: Start) -> None:
    """The script is interrupted while it waits; nothing but its own words is shown."""
    process = start("--fault", "throttled", file=SANDBOX)
    assert process.popen.stderr
    while "next try" not in process.popen.stderr.readline():
        assert process.popen.poll() is None

    process.interrupt()
    result = process.result()

    assert result.code == 130
    assert len(result.err.splitlines()) == 2
