"""What the tests share: the cloud, runs of the script against it, and what holds for every run there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple
from urllib.parse import quote

import pytest
import time_machine
from cloud import AK, HOSTS, SK, TOKEN, FakeCloud

import maas_rest_usage_stats as script

SCRIPT = Path(script.__file__)
EXIT_CODES = (0, 1, 2, 3, 4, 5, 130)
KINDS = {1: "internal", 2: "usage", 3: "credentials permission", 4: "service", 5: "network", 130: "internal"}


class Result(NamedTuple):
    """What a run came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON on stdout."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def totals(self) -> Any:
        """The totals of the JSON on stdout."""
        return self.document["totals"]

    @property
    def error(self) -> Any:
        """The error, from the JSON that ends stderr."""
        return json.loads(self.err.splitlines()[-1])["error"]

    @property
    def notes(self) -> list[str]:
        """The notes on stderr."""
        return [line[len("note: ") :] for line in self.err.splitlines() if line.startswith("note: ")]


def assert_sound(result: Result, argv: tuple[str, ...]) -> Result:
    """Assert what holds for every run: no secret in any spelling, a documented exit code, an error that says so."""
    text = "".join((result.out + result.err).split())
    for secret in (AK, SK, TOKEN):
        for spelling in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1].replace("/", "\\/")):
            assert spelling not in text.replace("\\n", "")
    assert "Traceback" not in result.err
    assert result.code in EXIT_CODES
    if result.code == 0:
        assert result.out.endswith("\n")
        return result
    assert not result.out or "--check" in argv
    last = result.err.splitlines()
    if "json" in argv:
        error = result.error
        assert list(error) == ["kind", "message", "hint", "http_status", "error_code", "request_id", "retryable"]
        assert error["kind"] in KINDS[result.code]
        assert error["message"]
        assert error["hint"]
        assert isinstance(error["retryable"], bool)
    else:
        assert last[-2].startswith("error: ")
        assert last[-2].endswith(".")
        assert last[-1].startswith("hint: ")
    return result


@pytest.fixture(scope="session")
def _cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeCloud]:
    with FakeCloud(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def cloud(_cloud: FakeCloud) -> Iterator[FakeCloud]:
    """The cloud, as new. No test may have asked another host than its own."""
    _cloud.reset()
    yield _cloud
    for thread in threading.enumerate():  # calls of the script that were on their way when a run failed
        if getattr(getattr(thread, "_target", None), "__module__", "") == script.__name__:
            thread.join(10)
    assert {target.rpartition(":")[0] for target in _cloud.hosts} <= set(HOSTS)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home folder, in which no run may leave anything."""
    folder = tmp_path / "home"
    folder.mkdir()
    yield folder
    assert [path for path in folder.rglob("*") if path.name not in (".huaweicloud", "credentials", ".netrc")] == []


@pytest.fixture
def environment(cloud: FakeCloud, home: Path) -> dict[str, str]:
    """The whole environment of a run: built from nothing."""
    return {"HOME": str(home), "TZ": "UTC", "HW_ACCESS_KEY": AK, "HW_SECRET_KEY": SK, **cloud.environment}


Run = Callable[..., Result]


@pytest.fixture
def run(environment: dict[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run main() with arguments; keywords are variables, None removes one."""

    def run(*argv: str, **variables: str | None) -> Result:
        wanted = {name: value for name, value in {**environment, **variables}.items() if value is not None}
        with monkeypatch.context() as patch:
            for name in os.environ:
                patch.delenv(name)
            for name, value in wanted.items():
                patch.setenv(name, value)
            time.tzset()
            capsys.readouterr()
            code = script.main(argv)
            captured = capsys.readouterr()
        time.tzset()
        return assert_sound(Result(code, captured.out, captured.err), argv)

    return run


@pytest.fixture
def run_file(environment: dict[str, str]) -> Run:
    """Run the file in a process of its own, in the same way; `before` are arguments of Python."""

    def run_file(*argv: str, before: tuple[str, ...] = (), **variables: str | None) -> Result:
        wanted = {name: value for name, value in {**environment, **variables}.items() if value is not None}
        done = subprocess.run(
            [sys.executable, *before, str(SCRIPT), *argv], env=wanted, capture_output=True, text=True, check=False, timeout=60
        )
        return assert_sound(Result(done.returncode, done.stdout, done.stderr), argv)

    return run_file


class Clock:
    """Stands in for the module time in the script: waits are noted, not slept."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the seconds that have been waited for."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Note a wait."""
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The script's waits, noted instead of slept."""
    clock = Clock()
    monkeypatch.setattr(script, "time", clock)
    return clock


@pytest.fixture
def at() -> Iterator[Callable[[str], None]]:
    """Set the clock of script and cloud, to a moment in ISO 8601 with an offset."""
    travels: list[time_machine.travel] = []

    def travel(moment: str) -> None:
        travels.append(time_machine.travel(datetime.fromisoformat(moment), tick=False))
        travels[-1].start()

    yield travel
    for travel_ in reversed(travels):
        travel_.stop()


def ms(moment: str) -> int:
    """Return a moment in ISO 8601 with an offset in milliseconds since 1970 UTC."""
    return int(datetime.fromisoformat(moment).timestamp() * 1000)
