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
from typing import Callable
from urllib.parse import quote

import pytest
import sandbox
from cloud import (
    AK,
    API_KEYS,
    IPS,
    PROJECT_ID,
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
from conftest import SANDBOX, SCRIPT, At, Clock, Process, Result, Run, Start, ms, posix_only

FULL_DISK = Path("/dev/full")
needs_full_disk = pytest.mark.skipif(not FULL_DISK.exists(), reason="needs /dev/full")

# --- Texts of the service ---


@pytest.mark.parametrize(("output", "lines"), [("json", 1), ("table", 2)])
def test_control_characters_of_the_service_are_not_shown(
    output: str, lines: int, cloud: FakeCloud, run: Run
) -> None:
    """They could steer a terminal, or make one error look like two."""
    cloud.on("modelarts", refusal(400, "TEST\x07.1", "a\x1b[2Jb\r\nerror: c\u202ed\u2028e\x85f"))

    result = run("--format", output)

    assert "a [2Jb error: c d e f" in result.error["message"]
    assert len(result.err.splitlines()) == lines
    assert "\x07" not in result.err


def test_a_long_text_of_the_service_is_cut_to_1000_characters(cloud: FakeCloud, run: Run) -> None:
    """The end shows that it was cut."""
    cloud.on("modelarts", refusal(400, "TEST.1", "x" * 2000))
    message = run("--format", "json").error["message"]
    assert len(message) == 1000
    assert message.endswith("x...")


def test_an_announcement_is_one_line_that_ends_somewhere(
    cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """Its reason is a text of the service, too."""
    text = f"busy\n{SK}" + "x" * 5000
    cloud.on("modelarts", refusal(429, "TEST.1", text, retry_after="9"), times=1)
    announcement = run("--format", "json").err
    assert "HTTP 429: busy ***xxx" in announcement
    assert announcement.count("\n") == 1
    assert len(announcement) == 1001


# --- Secrets ---

# Keys in which each spelling differs from the others.
ODD_SK = "EXAMPLESK\\/+=%0000000000"
SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda secret: secret,
    "URL-encoded": lambda secret: quote(secret, safe=""),
    "JSON-escaped": lambda secret: json.dumps(secret)[1:-1],
    "JSON-escaped with slashes": lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
    "JSON-escaped with equals signs": lambda secret: json.dumps(secret)[1:-1].replace(
        "=", "\\u003d"
    ),
}
SECRETS = {"AK": AK, "SK": ODD_SK, "token": TOKEN}


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_that_the_service_echoes_is_hidden(
    secret: str, spelling: Callable[[str], str], cloud: FakeCloud, run: Run
) -> None:
    """In the message, the code and the request id."""
    cloud.keys[AK] = (ODD_SK, TOKEN)
    text = f"<{spelling(secret)}>"
    body = {"error_code": text, "error_msg": text, "request_id": text}
    cloud.on("modelarts", Answer(400, body))

    result = run("--format", "json", HW_SECRET_KEY=ODD_SK, HW_SECURITY_TOKEN=TOKEN)

    assert "<***>" in result.error["message"]
    assert result.error["error_code"] == "<***>"
    assert result.error["request_id"] == "<***>"


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
def test_a_secret_in_a_raw_answer_is_hidden(
    spelling: Callable[[str], str], cloud: FakeCloud, run: Run
) -> None:
    """What is left is still JSON."""
    cloud.keys[AK] = (SK, TOKEN)
    cloud.on("modelarts", Answer(200, f'{{"total_token": 1, "echo": "{spelling(TOKEN)}"}}'))
    result = run("--raw", HW_SECURITY_TOKEN=TOKEN)
    assert json.loads(result.out)[0]["response"]["echo"] == "***"


def test_a_secret_in_the_name_of_a_service_is_hidden_before_the_name_is_shortened(
    cloud: FakeCloud, run: Run
) -> None:
    """Half of a secret is a leak, too."""
    now = int(time.time() * 1000)
    cloud.events = [Event(now - 1000, 7, service_name=f"service-{SK}-of-the-production-team")]
    assert "service-***-of-the-production-team" in run("--by", "service").out


def test_secrets_are_hidden_before_a_text_is_cut(cloud: FakeCloud, run: Run) -> None:
    """The beginning of a key at the cut would give it away. Here they come in a header."""
    cloud.on("modelarts", Answer(302, headers={"Location": f"{SK}/" * 200}))
    message = run("--format", "json").error["message"]
    assert message.count("***/") == 200
    assert "EXAMPLE" not in message


def test_a_raw_answer_stays_json_when_a_long_api_key_is_shortened(
    cloud: FakeCloud, run: Run, tmp_path: Path
) -> None:
    """A label in a file may have any character that can be printed."""
    api_key = 'ab"\\defgh' + "0" * 23  # 32 characters
    file = tmp_path / "labels"
    file.write_text(api_key, encoding="utf-8")
    cloud.on("modelarts", Answer(200, {"total_token": 1, "echo": api_key}))
    result = run("--raw", "--api-keys", f"@{file}")
    assert json.loads(result.out)[0]["response"]["echo"] == 'ab"\\defg...0000'


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


def test_progress_is_shown_and_leaves_no_trace(run: Run, at: At) -> None:
    """The numbers rise up to that of all requests."""
    text = run_on_terminal(run, at, *hours(21))

    counts = [int(count) for count in re.findall("([0-9]+) of 21 requests", text)]
    assert counts == sorted(set(counts))
    assert counts[-1] == 21
    assert screen_after(text) == [""]


def test_progress_is_not_shown_for_20_requests(run: Run, at: At) -> None:
    """They are done before anybody could read it."""
    assert run_on_terminal(run, at, *hours(20)) == ""


def test_progress_is_erased_before_an_error(cloud: FakeCloud, run: Run, at: At) -> None:
    """What remains is the error, at the start of a line."""
    cloud.on("modelarts", Answer(501), after=12)

    text = run_on_terminal(run, at, *hours(21))

    assert "of 21 requests" in text
    assert screen_after(text)[0].startswith('{"error":')


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


def test_a_pipe_gets_no_progress(at: At, run: Run) -> None:
    """It would fill logs."""
    at("2026-05-22T12:00:00+00:00")
    assert run(*hours(21)).err == ""


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
@pytest.mark.parametrize("arguments", ["--help", "--version", "--format json", "--raw", "--check"])
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


@needs_full_disk
@pytest.mark.parametrize("arguments", ["--format json", "--help --format json"])
def test_a_result_that_cannot_be_written_is_an_error(arguments: str, start: Start) -> None:
    """A full disk must not look like success."""
    with FULL_DISK.open("wb") as full:
        result = start(*arguments.split(), stdout=full).result()
    assert result.code == 1
    assert "No space left" in result.error["message"]


class DiskThatFillsUp(io.StringIO):
    """A stream that takes some lines, and then no more."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines_left = lines

    def write(self, text: str) -> int:
        """Take a text, or fail as a full disk does."""
        if self._lines_left == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        self._lines_left -= 1
        return super().write(text)


@pytest.mark.parametrize("lines", [0, 1, 2])
def test_a_check_that_cannot_be_written_is_an_error(
    lines: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also if only the last of its three lines finds no room."""
    monkeypatch.setattr(sys, "stdout", DiskThatFillsUp(lines))
    assert run("--check").code == 1


def test_messages_that_cannot_be_written_are_no_error(
    cloud: FakeCloud, run: Run, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The announcement of a wait and the notes are lost, and the figures come."""
    monkeypatch.setattr(sys, "stderr", DiskThatFillsUp(0))
    cloud.on("modelarts", Answer(429, headers={"Retry-After": "9"}), times=1)
    assert len(run("--format", "csv").out.splitlines()) == 2


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
    process = subprocess.Popen(
        ["sh", "-c", f'exec "{sys.executable}" "{SCRIPT}" {arguments} {closed}'],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )
    out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert len(out.splitlines()) == lines
    assert "Error" not in err


# --- Encodings ---


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "\\u7528\\u91cf \\xe9 \\U0001f600"),
        ("cp1252", "\\u7528\\u91cf \u00e9 \\U0001f600"),
        ("gbk", "\u7528\u91cf \u00e9 \\U0001f600"),
        ("utf-8", "\u7528\u91cf \u00e9 \U0001f600"),
    ],
)
def test_a_table_has_escapes_for_the_characters_that_the_terminal_lacks(
    encoding: str, shown: str, start: Start, tmp_path: Path
) -> None:
    """And those that it has as they are."""
    file = tmp_path / "shown"
    label = "\u7528\u91cf \u00e9 \U0001f600"
    with file.open("wb") as stdout:
        process = start(
            "--api-keys", label, stdout=stdout, PYTHONIOENCODING=encoding, PYTHONUTF8="1"
        )
        assert process.result().code == 0
    assert shown in file.read_bytes().decode(encoding)


@pytest.mark.parametrize("output", ["markdown", "csv", "raw"])
def test_other_formats_are_utf8_on_any_terminal(
    output: str, cloud: FakeCloud, start: Start
) -> None:
    """Files and programs expect that."""
    name = "\u7528\u91cf \u00e9 \U0001f600"
    row = f'{{"service_name": "{name}", "request_count": 0, "error_count": 0, "total_token": 0, '
    row += '"prompt_token": 0, "completion_token": 0}'
    cloud.on("list-service-statistics", Answer(200, f'{{"items": [{row}]}}'))
    result = start("--by", "service", "--format", output, PYTHONIOENCODING="gbk").result()
    assert result.code == 0
    assert name in result.out


def test_json_is_ascii(run: Run) -> None:
    """So it passes through anything."""
    result = run("--api-keys", "\u7528\u91cf", "--format", "json")
    assert result.out.isascii()
    assert result.document["api_keys"] == ["\u7528\u91cf"]


# --- --check ---


def steps_of(result: Result) -> str:
    """Return the first two words of each line of a check."""
    return ", ".join(" ".join(line.split()[:2]) for line in result.out.splitlines())


FAILING_CHECKS: dict[str, tuple[dict[str, str | None], str, Reaction | None, int, str]] = {
    # variables, a part of the cloud and its reaction, the exit code, and the steps that are shown
    "half a pair": ({"HW_SECRET_KEY": None}, "", None, 3, ""),
    "odd project id": ({"HW_PROJECT_ID": "nonsense"}, "", None, 3, ""),
    "wrong SK": ({"HW_SECRET_KEY": SK[::-1]}, "", None, 3, "credentials found"),
    "no trust": ({"REQUESTS_CA_BUNDLE": None}, "", None, 5, "credentials found"),
    "no project": ({}, "iam", Answer(200, {"projects": []}), 3, "credentials found"),
    "IAM is busy": ({}, "iam", Answer(501), 5, "credentials found"),
    "another's project": (
        {"HW_PROJECT_ID": "f" * 32},
        "",
        None,
        3,
        "credentials found, project ok",
    ),
    "refused": ({}, "modelarts", Answer(400), 4, "credentials found, project ok"),
    "no figures": ({}, "modelarts", Answer(200, {}), 4, "credentials found, project ok"),
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
    """Whatever else was asked for, if it is no usage error."""
    at("2026-05-22T08:30:00+08:00")
    others = "--service-type all --infer-type batch --api-keys x --ips 192.0.2.1 --by day --raw"

    result = run("--check", "--period", "30d", *others.split())

    assert steps_of(result) == "credentials found, project ok, statistics ok"
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


def test_a_check_with_a_known_project_does_not_look_it_up(cloud: FakeCloud, run: Run) -> None:
    """It tests what a query would do."""
    assert PROJECT_ID in run("--check", "--project-id", PROJECT_ID).out
    assert len(cloud.seen) == 1


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
    [
        ("--help", 0),
        ("--version", 0),
        ("--nonsense", 2),
        ("--period 31d", 2),
        ("--by api-key", 2),
        ("--ips x", 2),
        ("--format json --region x", 2),
    ],
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
    result = start("--check", "--format", "json", python=NO_PACKAGES).result()
    assert result.code == 1
    assert "No module named" in result.error["message"]
    assert "-m venv" in result.error["hint"]


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
    "arguments",
    [
        "--fault wrong-key --format json",
        "--format json --fault=wrong-key",
        "--format json --credentials-file keys.csv --fault wrong-key",
    ],
)
def test_a_fault_may_stand_anywhere_and_the_exit_code_is_passed_on(
    arguments: str, start: Start
) -> None:
    """A credentials file is not read."""
    result = start(*arguments.split(), file=SANDBOX).result()
    assert result.code == 3
    assert result.error["http_status"] == 401
    assert ("is ignored" in result.err) == ("--credentials-file" in arguments)


@pytest.mark.parametrize("arguments", ["--fault nonsense", "--fault=", "--by day --fault"])
def test_an_unknown_fault_is_a_usage_error(
    arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message lists those that are known."""
    assert sandbox.main(arguments.split()) == 2
    message = capsys.readouterr().err
    for name in sandbox.FAULTS:
        assert name in message


def test_the_sandbox_has_a_help_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    """With the names of all that one can ask for."""
    assert sandbox.main(["--by", "day", "--sandbox-help"]) == 0
    page = capsys.readouterr().out
    for name in ("key-a, key-b", '""', *IPS, *sandbox.FAULTS):
        assert name in page


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


def test_the_sandbox_says_which_package_is_missing(start: Start) -> None:
    """And how to install what it needs, in two lines."""
    result = start(file=SANDBOX, python=NO_PACKAGES).result()
    assert result.code == 1
    assert len(result.err.splitlines()) == 2
    assert "No module named" in result.error["message"]
    assert "tests/sandbox-requirements.txt" in result.error["hint"]
