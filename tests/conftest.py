"""What the tests share: the fake cloud, runs of the script against it, and its clock.

    run(*argv, **variables)    calls main() in this process, returns a Result
    start(*argv, **variables)  starts the file in a process of its own, returns a Process:
                               .result() waits for its Result, .interrupt() sends Ctrl-C
    cloud                      the fake cloud, as new (see cloud.py)
    environment                the variables of a run; both of the above add theirs, and None
                               removes one
    home                       the home folder of a run, in which it may leave nothing
    clock                      the script waits without sleeping; .seconds says how long
    at(moment)                 moves the date of the script and the cloud
    ms(moment)                 (a function) milliseconds since 1970 UTC

Each run is checked by `check_run`. A moment is ISO 8601 with an offset.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterator, Mapping, NamedTuple, Sequence
from urllib.parse import quote

import pytest
import time_machine
from cloud import AK, SK, THREAD_NAME, TOKEN, FakeCloud

import maas_rest_usage_stats as script

SCRIPT = Path(script.__file__)
SANDBOX = SCRIPT.parent / "tests" / "sandbox.py"
EXIT_CODES = {0, 1, 2, 3, 4, 5, 130}
SECRET_VARIABLES = (
    "HW_ACCESS_KEY",
    "HW_SECRET_KEY",
    "HW_SECURITY_TOKEN",
    "HUAWEICLOUD_SDK_AK",
    "HUAWEICLOUD_SDK_SK",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN",
)

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


# --- What a run gives back ---


class Result(NamedTuple):
    """The arguments, exit code, standard output and standard error of a run."""

    argv: Sequence[str]
    code: int
    out: str
    err: str

    @property
    def wants_json(self) -> bool:
        """Whether the run was asked for --format json."""
        chosen = ""
        for place, argument in enumerate(self.argv):
            if argument == "--format":
                chosen = "".join(self.argv[place + 1 : place + 2])
            elif argument.startswith("--format="):
                chosen = argument.partition("=")[2]
            elif argument == "--raw":
                chosen = "raw"
        return chosen == "json"

    @property
    def document(self) -> Any:
        """The JSON on stdout of a run that succeeded."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def totals(self) -> Any:
        """The totals of the JSON document."""
        return self.document["totals"]

    @property
    def message(self) -> str:
        """What is wrong: the sentence after `error: ` in the last lines of stderr."""
        lines = self.err.splitlines()
        line = lines[-1] if self.code == 2 else lines[-2]
        return without_prefix(line, "error: ")

    @property
    def hint(self) -> str:
        """What to do: the sentence after `hint: `, which a usage error has not."""
        return without_prefix(self.err.splitlines()[-1], "hint: ")

    @property
    def notes(self) -> list[str]:
        """The notes: of the document with --format json, otherwise the lines on stderr."""
        if self.wants_json and self.code == 0:
            notes: list[str] = self.document["notes"]
            return notes
        lines = self.err.splitlines()
        return [without_prefix(line, "note: ") for line in lines if line.startswith("note: ")]


def without_prefix(line: str, prefix: str) -> str:
    """Return the rest of a line that must start with a prefix."""
    assert line.startswith(prefix), line
    return line[len(prefix) :]


# --- What holds for every run ---


def check_run(result: Result, secrets: Sequence[str]) -> None:
    """Assert what holds for every run whose stdout and stderr are both known."""
    check_secrets(result, secrets)
    if result.code != 1:
        assert "Traceback" not in result.err
    if result.code == 0:
        assert result.out.endswith("\n")
        assert not (result.wants_json and "note: " in result.err)
        return

    assert result.out == "" or "--check" in result.argv
    assert result.code in EXIT_CODES
    assert result.message
    if result.code == 2:
        assert "hint: " not in result.err
    else:
        assert result.hint


def check_secrets(result: Result, secrets: Sequence[str]) -> None:
    """Assert that no secret is shown: as it is, percent-encoded, or JSON-escaped."""
    for secret in secrets:
        escaped = json.dumps(secret)[1:-1]
        encoded = quote(secret, safe="", errors="surrogateescape")
        for spelling in (secret, encoded, escaped, escaped.replace("/", "\\/")):
            assert spelling not in result.out + result.err


def secrets_of(environment: Mapping[str, str]) -> list[str]:
    """Return what no run may show: the cloud's example keys, and those in the environment."""
    secrets = [AK, SK, TOKEN]
    for name in SECRET_VARIABLES:
        value = environment.get(name, "")
        if len(value) >= 16:  # the script refuses shorter keys
            secrets.append(value)
    return secrets


# --- The cloud and the surroundings of a run ---


@pytest.fixture(scope="session")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeCloud]:
    """One cloud for all tests, because its keys take time to make. Ask for `cloud` instead."""
    with FakeCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def cloud(running_cloud: FakeCloud) -> Iterator[FakeCloud]:
    """The fake cloud, as new. A test that makes the script ask an unknown host clears the list."""
    running_cloud.reset()
    threads_before = set(threading.enumerate())
    yield running_cloud
    # A run that failed may have left requests on their way, which the next test must not see.
    for thread in set(threading.enumerate()) - threads_before:
        if thread.name != THREAD_NAME and thread.is_alive():
            thread.join(10)
            assert not thread.is_alive()
    assert running_cloud.errors == []
    assert running_cloud.unknown_hosts == []


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home folder, in which no run may leave anything."""
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    made_by_tests = (".huaweicloud", "credentials", "netrc")
    for path in folder.rglob("*"):
        assert path.name.endswith(made_by_tests), path


@pytest.fixture
def environment(cloud: FakeCloud, home: Path) -> dict[str, str]:
    """The whole environment of a run, built from nothing."""
    variables = {"HOME": str(home), "USERPROFILE": str(home), "TZ": "UTC"}
    variables["HW_ACCESS_KEY"] = AK
    variables["HW_SECRET_KEY"] = SK
    if "SYSTEMROOT" in os.environ:  # Windows cannot open sockets without it
        variables["SYSTEMROOT"] = os.environ["SYSTEMROOT"]
    variables.update(cloud.environment)
    return variables


def combined(environment: Mapping[str, str], variables: Mapping[str, str | None]) -> dict[str, str]:
    """Return an environment with some variables set, and those that are None removed."""
    wanted = dict(environment)
    for name, value in variables.items():
        if value is None:
            wanted.pop(name, None)
        else:
            wanted[name] = value
    return wanted


# --- Runs in this process ---

Run = Callable[..., Result]


@pytest.fixture
def run(
    environment: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run main() with arguments; keywords are variables, and None removes one."""

    def run(*argv: str, **variables: str | None) -> Result:
        wanted = combined(environment, variables)
        capsys.readouterr()
        try:
            with monkeypatch.context() as patch:
                for name in list(os.environ):
                    patch.delenv(name)
                for name, value in wanted.items():
                    patch.setenv(name, value)
                use_time_zone()
                code = script.main(list(argv))
        finally:
            use_time_zone()
        captured = capsys.readouterr()
        result = Result(argv, code, captured.out, captured.err)
        check_run(result, secrets_of(wanted))
        return result

    return run


@pytest.fixture
def without_garbage() -> Iterator[None]:
    """No destructor of what an earlier run has left comes in between, nor swallows an interrupt."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def use_time_zone() -> None:
    """Let the C library read TZ again. Windows has no such function."""
    if hasattr(time, "tzset"):
        time.tzset()


# --- Runs of the file in a process of its own ---


class Process:
    """A running script."""

    def __init__(
        self, popen: subprocess.Popen[str], argv: Sequence[str], secrets: Sequence[str]
    ) -> None:
        self.popen = popen
        self._argv = argv
        self._secrets = secrets

    def interrupt(self) -> None:
        """Send what Ctrl-C sends."""
        self.popen.send_signal(signal.SIGINT)

    def result(self, timeout: float = 60) -> Result:
        """Wait for the end, and return the result. A stream that is no pipe counts as empty.

        The result is checked if both streams are pipes; otherwise only secrets are looked for.
        """
        out, err = self.popen.communicate(timeout=timeout)
        result = Result(self._argv, self.popen.returncode, out or "", err or "")
        if self.popen.stdout is None or self.popen.stderr is None:
            check_secrets(result, self._secrets)
        else:
            check_run(result, self._secrets)
        return result

    def stop(self) -> None:
        """End the process if it still runs."""
        with self.popen:
            self.popen.kill()


Start = Callable[..., Process]


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """Processes hear Ctrl-C, also if pytest runs in the background of a shell, where none does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def start(environment: dict[str, str], hears_ctrl_c: None) -> Iterator[Start]:
    """Start the file in a process of its own.

    `python` are arguments of Python itself, `file` is another file to run (such as SANDBOX), and
    `stdout` and `stderr` may replace the pipes. Other keywords are variables, as with `run`.
    """
    processes: list[Process] = []

    def start(
        *argv: str,
        python: Sequence[str] = (),
        file: Path = SCRIPT,
        stdout: Any = subprocess.PIPE,
        stderr: Any = subprocess.PIPE,
        **variables: str | None,
    ) -> Process:
        wanted = combined(environment, variables)
        popen = subprocess.Popen(
            [sys.executable, *python, str(file), *argv],
            env=wanted,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            encoding="utf-8",
            errors="backslashreplace",
        )
        process = Process(popen, argv, secrets_of(wanted))
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.stop()


# --- Time ---


class Clock:
    """Stands in for the module `time` in the script: time moves only while the script waits."""

    def __init__(self) -> None:
        self.seconds = 0.0  # that the script has waited
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Return a time that moves only by waiting."""
        return 1000.0 + self.seconds

    def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        with self._lock:
            self.seconds += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let the script wait without sleeping."""
    clock = Clock()
    monkeypatch.setattr(script, "time", clock)
    return clock


At = Callable[[str], None]


@pytest.fixture
def at() -> Iterator[At]:
    """Move the date of the script and the cloud to a moment; it stands still there."""
    with contextlib.ExitStack() as travels:

        def move_to(moment: str) -> None:
            destination = datetime.fromisoformat(moment)
            travels.enter_context(time_machine.travel(destination, tick=False))

        yield move_to


def ms(moment: str) -> int:
    """Return a moment in milliseconds since 1970 UTC."""
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
