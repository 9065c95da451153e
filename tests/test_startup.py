"""How the script starts, with and without its packages; and the sandbox and the benchmark."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest
from cloud import AK, API_KEYS, IPS, SK, TOKEN, FakeCloud, usage_like
from conftest import SANDBOX, SCRIPT, Clock, Process, Run, Start
from sandbox import FAULTS

import maas_rest_usage_stats as script

NO_PACKAGES = ("-S",)  # this option of Python hides what is installed
VARIABLES = (
    "HW_ACCESS_KEY",
    "HW_SECRET_KEY",
    "HW_SECURITY_TOKEN",
    "HW_PROJECT_ID",
    "HUAWEICLOUD_SDK_AK",
    "HUAWEICLOUD_SDK_SK",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN",
    "HUAWEICLOUD_SDK_PROJECT_ID",
    "HUAWEICLOUD_SDK_CREDENTIALS_FILE",
    "HTTPS_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "TZ",
)
EXIT_CODES = ["0", "1", "2", "3", "4", "5", "130"]
USAGE_ERRORS = [
    "--nonsense",
    "--period 31d",
    "--from 2026-13-01",
    "--by api-key",
    "--region x",
    "--ips x",
    "--service-type 3",
    "--project-id x",
    "--check --raw",
    "--format json --period x",
]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")


@pytest.fixture
def forbidden_packages(tmp_path: Path) -> str:
    """A value for PYTHONPATH with which a run that imports requests or the SDK ends at once."""
    folder = tmp_path / "forbidden"
    folder.mkdir()
    for package in ("requests", "huaweicloudsdkcore"):
        trap = f'raise SystemExit("{package} was imported")\n'
        (folder / f"{package}.py").write_text(trap, encoding="utf-8")
    return str(folder)


# --- Help and version ---


def test_help_fits_80_columns_of_ascii(run: Run) -> None:
    """Any terminal can show it."""
    page = run("--help").out
    assert page.isascii()
    assert max(len(line) for line in page.splitlines()) <= 80


@pytest.mark.parametrize("variable", VARIABLES)
def test_help_names_each_variable(variable: str, run: Run) -> None:
    """The script's own, and those of the libraries that users need most."""
    assert variable in re.findall(r"\w+", run("--help").out)


def test_help_lists_each_exit_code(run: Run) -> None:
    """One line for each, in order."""
    section = run("--help").out.partition("\nexit codes:\n")[2]
    assert re.findall(r"^  (\d+)  \S", section, re.MULTILINE) == EXIT_CODES


def test_help_shows_commands_that_use_a_period(run: Run) -> None:
    """test_documents runs them."""
    section = run("--help").out.partition("\nexamples:\n")[2].partition("\n\n")[0]
    assert section.count("maas_rest_usage_stats.py") >= 3
    assert "--period" in section


def test_help_explains_each_option(run: Run) -> None:
    """Each has a line of its own, and the line with the usage has the same options."""
    page = run("--help").out
    usage, _, rest = page.partition("\noptions:\n")
    options = rest.partition("\nexamples:\n")[0]
    explained = re.findall(r"^  (--[a-z-]+)", options, re.MULTILINE)
    in_usage = re.findall(r"--[a-z-]+", usage)
    assert sorted(explained) == sorted(in_usage)
    for option in re.split(r"^  (?=--)", options, flags=re.MULTILINE)[1:]:
        # The text stands behind a gap on the same line, or on the next.
        assert re.search(r"\S {2,}\S|^ {24}\S", option, re.MULTILINE), option


@pytest.mark.parametrize("arguments", ["-h", "--nonsense --help", "--period x --help"])
def test_help_wins_over_everything_else(arguments: str, run: Run) -> None:
    """Whoever asks for help gets it."""
    assert run(*arguments.split()).out == run("--help").out


def test_version_is_one_line(run: Run) -> None:
    """The name of the program and its version."""
    assert run("--version").out == f"maas_rest_usage_stats.py {script.__version__}\n"


# --- Without packages ---


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_need_no_packages(
    option: str, forbidden_packages: str, start: Start
) -> None:
    """They work before the installation, and do not wait for imports after it."""
    process = start(option, python=NO_PACKAGES, PYTHONPATH=forbidden_packages)
    assert process.result().code == 0


@pytest.mark.parametrize("arguments", USAGE_ERRORS)
def test_usage_errors_need_no_packages(
    arguments: str, forbidden_packages: str, start: Start
) -> None:
    """Arguments are checked before requests and the SDK are imported."""
    process = start(*arguments.split(), python=NO_PACKAGES, PYTHONPATH=forbidden_packages)
    assert process.result().code == 2


def test_the_trap_for_early_imports_works(forbidden_packages: str, start: Start) -> None:
    """A run that does import requests or the SDK falls into it."""
    process = start(PYTHONPATH=forbidden_packages)
    assert "was imported" in process.popen.communicate(timeout=60)[1]


@pytest.mark.parametrize("arguments", ["", "--by day", "--raw", "--format json"])
def test_a_missing_package_is_exit_code_1(arguments: str, start: Start) -> None:
    """The message is Python's own, and the advice works where pip refuses to install."""
    result = start(*arguments.split(), python=NO_PACKAGES).result()
    assert result.code == 1
    assert "No module named" in result.error["message"]
    assert re.search("requests|huaweicloudsdkcore", result.error["message"])
    assert "-m venv" in result.error["hint"]
    assert "pip install huaweicloudsdkcore requests" in result.error["hint"]
    assert "uv run maas_rest_usage_stats.py" in result.error["hint"]


def test_a_missing_package_fails_the_check_in_words(start: Start) -> None:
    """The three lines of --check come nevertheless."""
    result = start("--check", python=NO_PACKAGES).result()
    assert result.code == 1
    assert len(result.out.splitlines()) == 3
    assert "-m venv" in result.error["hint"]


@pytest.mark.parametrize("package", ["requests", "huaweicloudsdkcore"])
def test_a_broken_package_is_not_called_missing(package: str, tmp_path: Path, start: Start) -> None:
    """The words of the ImportError tell what is broken."""
    broken = 'raise ImportError("libexample.so.3: cannot open shared object file")\n'
    (tmp_path / f"{package}.py").write_text(broken, encoding="utf-8")
    result = start(PYTHONPATH=str(tmp_path)).result()
    assert result.code == 1
    assert "libexample.so.3: cannot open shared object file" in result.error["message"]
    assert "missing" not in result.error["message"]
    assert "-m venv" in result.error["hint"]


def test_missing_zone_data_is_exit_code_1(start: Start) -> None:
    """The message names the package that has the zones."""
    package = "tzdata" if sys.version_info >= (3, 9) else "backports.zoneinfo"
    process = start("--timezone", "Asia/Shanghai", python=NO_PACKAGES, PYTHONTZPATH="")
    result = process.result()
    assert result.code == 1
    assert package in result.error["message"]
    assert f"pip install huaweicloudsdkcore requests {package}, then" in result.error["hint"]


def test_utc_needs_no_zone_data(start: Start) -> None:
    """The run gets as far as to the missing packages."""
    process = start("--timezone", "UTC", python=NO_PACKAGES, PYTHONTZPATH="")
    assert "No module named" in process.result().error["message"]


# --- The file ---


def test_inline_metadata_is_in_step_with_the_requirements() -> None:
    """PEP 723: `uv run` installs what requirements.txt lists. The pattern is the PEP's own."""
    pattern = r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
    blocks = re.findall(pattern, SCRIPT.read_text(encoding="utf-8"))
    assert [block[0] for block in blocks] == ["script"]
    content = re.sub(r"(?m)^# ?", "", blocks[0][1])
    assert 'requires-python = ">=3.8"\n' in content
    requirements = (SCRIPT.parent / "requirements.txt").read_text(encoding="utf-8")
    assert re.findall(r'(?m)^  "(.*)",$', content) == requirements.splitlines()


@pytest.mark.parametrize("show", [repr, str, "{}".format], ids=["repr", "str", "format"])
def test_credentials_do_not_show(show: object) -> None:
    """Neither in a debugger nor in a log or a traceback."""
    assert callable(show)
    shown = show(script.Credentials(AK, SK, TOKEN, "", "the environment"))
    assert "the environment" in shown
    for secret in (AK, SK, TOKEN):
        assert secret not in shown


# --- The sandbox ---


def test_the_sandbox_shows_made_up_figures_and_says_so(start: Start) -> None:
    """The table is on stdout; on stderr a person or an agent is told not to believe it."""
    result = start("--by", "day", file=SANDBOX).result()
    assert result.code == 0
    assert re.search(r"^total tokens +\d", result.out, re.MULTILINE)
    assert "made up" in result.err.splitlines()[0]


def test_the_sandbox_leaves_stdout_to_the_script(start: Start) -> None:
    """So that its output can be piped like the script's own."""
    result = start("--format", "json", "--period", "30d", file=SANDBOX).result()
    assert result.totals["total_tokens"] > 0


def test_the_sandbox_keeps_away_from_real_accounts(start: Start) -> None:
    """Real credentials and proxies in the environment are not used."""
    real = {"HUAWEICLOUD_SDK_PROJECT_ID": "f" * 32, "HW_PROJECT_ID": "e" * 32}
    process = start(
        "--check",
        file=SANDBOX,
        NO_PROXY="*",
        no_proxy="*",
        https_proxy="http://192.0.2.1:1",
        **real,
    )
    result = process.result()
    assert result.code == 0
    assert "f" * 32 not in result.out
    assert "e" * 32 not in result.out


def test_sandbox_help_names_what_one_can_ask_for(start: Start) -> None:
    """API key labels, addresses, and faults with their exit codes, in 80 columns."""
    result = start("--sandbox-help", file=SANDBOX).result()
    assert result.code == 0
    assert "made up" in result.out
    for name in ("key-a, key-b", '""', *IPS, *FAULTS):
        assert name in result.out
    faults = result.out.partition("\nfaults")[2].partition("\n\n")[0].splitlines()[1:]
    assert len([line for line in faults if re.search(r"\(exit code \d\)$", line)]) == len(FAULTS)


def test_the_sandbox_has_usage_for_each_name_in_its_help(cloud: FakeCloud, run: Run) -> None:
    """Every label and address has calls, in real time and in batch jobs."""
    cloud.events = list(usage_like(int(time.time() * 1000)))
    by_key = run("--by", "api-key", "--api-keys", *API_KEYS, "--format", "json").document
    by_ip = run("--by", "ip", "--ips", *IPS, "--format", "json").document
    for row in [*by_key["rows"], *by_ip["rows"]]:
        assert row["total_requests"] > 0
    batch = run("--service-type", "all", "--infer-type", "batch", "--format", "json")
    assert batch.totals["completed_tasks"] > 0


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_gives_the_exit_code_that_its_help_names(
    name: str, cloud: FakeCloud, run: Run, clock: Clock
) -> None:
    """The faults of the sandbox, without its process and its waits."""
    cloud.events = list(usage_like(int(time.time() * 1000), days=7, calls_a_day=20))
    FAULTS[name].apply(cloud)
    arguments = ["--by", "service"] if name == "odd-list" else []
    expected = re.findall(r"exit code (\d+)", FAULTS[name].help)
    assert [str(run(*arguments).code)] == expected


@pytest.mark.parametrize("option", [["--fault", "wrong-key"], ["--fault=wrong-key"]])
def test_the_sandbox_passes_the_exit_code_on(option: list[str], start: Start) -> None:
    """The fault and the script's arguments arrive where they belong."""
    result = start(*option, "--format", "json", file=SANDBOX).result()
    assert result.code == 3
    assert result.error["http_status"] == 401


@pytest.mark.parametrize("option", [["--fault", "nonsense"], ["--fault="], ["--fault"]])
def test_an_unknown_fault_is_a_usage_error(option: list[str], start: Start) -> None:
    """The message lists those that are known."""
    result = start(*option, file=SANDBOX).result()
    assert result.code == 2
    for name in FAULTS:
        assert name in result.error["message"]
    assert "--sandbox-help" in result.error["hint"]


@posix_only
def test_ctrl_c_ends_the_sandbox_tidily(start: Start) -> None:
    """The script is interrupted while it waits; nothing but its own words is shown."""
    process = start("--fault", "throttled", file=SANDBOX)
    read_until(process, "next try")
    process.interrupt()
    result = process.result()
    assert result.code == 130
    assert "interrupted" in result.error["message"]


def read_until(process: Process, words: str) -> None:
    """Read the lines of stderr up to one with these words."""
    assert process.popen.stderr is not None
    for line in process.popen.stderr:
        if words in line:
            return
    pytest.fail(f"stderr ended without: {words}")


def test_the_sandbox_says_which_package_is_missing(start: Start) -> None:
    """And how to install what it needs, in two lines."""
    result = start(file=SANDBOX, python=NO_PACKAGES).result()
    assert result.code == 1
    assert len(result.err.splitlines()) == 2
    assert "No module named" in result.error["message"]
    assert "tests/sandbox-requirements.txt" in result.error["hint"]


# --- The benchmark ---


def test_the_benchmark_prints_medians_and_ratios(start: Start) -> None:
    """One round is enough to see that it works; nobody judges the figures."""
    result = start("1", file=SCRIPT.parent / "tests" / "benchmark.py").result(timeout=300)
    assert result.code == 0
    assert len(re.findall(r"ms +[0-9.]+ ms   ratio [0-9.]+$", result.out, re.MULTILINE)) == 3


def test_the_advice_installs_and_runs_with_the_same_python(start: Start) -> None:
    """Otherwise the command would miss its packages again."""
    hint = start(python=NO_PACKAGES).result().error["hint"]
    folder = ".venv\\Scripts" if sys.platform == "win32" else ".venv/bin"
    assert f"then {folder}/python -m pip install " in hint
    assert f", then run the command with {folder}/python. " in hint
