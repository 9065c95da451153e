"""What works before anything is installed, and what a start costs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cloud import AK, SK
from conftest import SCRIPT, Result, assert_sound

import maas_rest_usage_stats as script

BARE = ("-S", "-E")  # no site packages, no variables of Python


def bare(*argv: str, before: tuple[str, ...] = BARE, **variables: str) -> Result:
    """Run the file with Python's own library alone, and no network."""
    environment = {"HW_ACCESS_KEY": AK, "HW_SECRET_KEY": SK, "TZ": "UTC", "HTTPS_PROXY": "http://127.0.0.1:1", **variables}
    done = subprocess.run(
        [sys.executable, *before, str(SCRIPT), *argv], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    return assert_sound(Result(done.returncode, done.stdout, done.stderr), argv)


def test_help() -> None:
    """Without any package: every option, examples, variables, exit codes, in 80 columns of plain ASCII."""
    result = bare("--help")
    assert (result.code, result.err) == (0, "")
    assert result.out.isascii()
    assert max(map(len, result.out.splitlines())) <= 80
    for text in ("examples:", "exit codes:", "130", "HTTPS_PROXY", "REQUESTS_CA_BUNDLE", *script.HW_NAMES, *script.SDK_NAMES):
        assert text in result.out
    for line in str(script.__doc__).splitlines():
        assert line in result.out
    assert bare("-h").out == bare("--nonsense", "--help").out == result.out


def test_version() -> None:
    """Name and version."""
    assert bare("--version").out == f"maas_rest_usage_stats.py {script.__version__}\n"


@pytest.mark.parametrize(
    "arguments", ["--nonsense", "--period 31d", "--from 2026-13-01", "--from 2026-05-02 --to 2026-05-01", "--by api-key",
                  "--region x", "--ips x", "--service-type 3", "--project-id x", "--check --raw", "--format json --period x"]
)  # fmt: skip
def test_errors_of_the_arguments(arguments: str) -> None:
    """Without any package, and with the zone of a system that has none."""
    assert bare(*arguments.split()).code == 2
    assert bare(*arguments.split(), TZ="Asia/Shanghai").code == 2


@pytest.mark.parametrize("argv", [[], ["--check"], ["--format", "json"]])
def test_a_missing_package(argv: list[str]) -> None:
    """Exit code 1, and the one command that installs what is missing."""
    result = bare(*argv)
    assert result.code == 1
    hint = f'"{sys.executable}" -m pip install huaweicloudsdkcore requests'
    assert hint in result.err.replace('\\"', '"')


def test_missing_data_of_zones() -> None:
    """The same for a named zone where Python has no data of zones."""
    result = bare("--timezone", "Asia/Shanghai", PYTHONTZPATH="", before=("-S",))
    assert result.code == 1
    package = "tzdata" if sys.version_info >= (3, 9) else "backports.zoneinfo"
    assert f'"{sys.executable}" -m pip install {package}' in result.err
    assert bare("--timezone", "UTC", "--period", "x", PYTHONTZPATH="", before=("-S",)).code == 2


@pytest.mark.parametrize("argv", [["--help"], ["--version"], ["--nonsense"], ["--period", "x"], ["--period", "x", "--format", "json"]])
def test_nothing_heavy_is_imported(argv: list[str]) -> None:
    """Neither requests nor the SDK, nor what costs as much as argparse itself."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", str(SCRIPT), *argv], env={"TZ": "UTC"}, capture_output=True, text=True, check=False
    )
    imported = set(re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE))
    assert "argparse" in imported
    heavy = {"requests", "urllib3", "huaweicloudsdkcore", "typing", "dataclasses", "email.utils", "zoneinfo", "ssl"}
    # what site packages import by themselves, through .pth files, is not the script's doing
    by_itself = subprocess.run([sys.executable, "-X", "importtime", "-c", ""], capture_output=True, text=True, check=False)
    assert imported & heavy <= set(re.findall(r"\| +([\w.]+)$", by_itself.stderr, re.MULTILINE))


def test_the_metadata_is_in_step_with_the_requirements() -> None:
    """PEP 723: the same packages, bounds and markers as requirements.txt."""
    source = SCRIPT.read_text(encoding="utf-8")
    block = re.findall(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$", source)
    assert [found[0] for found in block] == ["script"]
    content = "".join(line[2:] if line.startswith("# ") else line[1:] for line in block[0][1].splitlines(keepends=True))
    assert 'requires-python = ">=3.8"' in content
    requirements = Path(SCRIPT.parent, "requirements.txt").read_text(encoding="utf-8").split("\n")
    assert re.findall(r'^  "(.*)",$', content, re.MULTILINE) == [line for line in requirements if line]


def test_records_are_named_tuples() -> None:
    """What stands in for typing.NamedTuple makes what it makes: fields in order, defaults, methods, no change."""
    made: Any = script.Period
    period = made(1, 2, None)
    assert period == (1, 2, None, True)
    assert period._fields == ("start", "end", "zone", "complete")
    assert period._replace(complete=False).complete is False
    assert script.Period.__doc__
    with pytest.raises(AttributeError):
        period.start = 3
    with pytest.raises(TypeError):
        made(1)


def test_keys_do_not_show() -> None:
    """Not in a debugger, a log or a traceback."""
    keys = script.Keys(AK, SK, "EXAMPLETOKEN", "", "a test")
    assert repr(keys) == str(keys) == f"{keys}" == "Keys(origin='a test')"
