"""The published pages: what readers and registries look for is there, and every command runs.

Public validators check the form of the folder and of the front matter; CI runs them.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Callable, Iterator, NamedTuple

import pytest
from cloud import AK, PROJECT_ID, SK, Answer, FakeCloud, usage_like
from conftest import SCRIPT, At, Clock, Run, posix_only
from sandbox import FAULTS, take_option

import maas_rest_usage_stats as script

ROOT = SCRIPT.parent
TOP_LEVEL = {SCRIPT.name, "README.md", "SKILL.md", "references", "requirements.txt", "tests"}
MOST_FILES = 30  # that a registry takes
REFERENCES = sorted(f"references/{path.name}" for path in (ROOT / "references").glob("*.md"))
PAGES = ["README.md", "SKILL.md", *REFERENCES]
CHINESE_PAGE = "references/readme-zh.md"
FIELDS_OF_THE_SERVICE = {  # and of the profile file
    *(figure.field for figure in script.FIGURES),
    *(figure.list_field for figure in script.FIGURES),
    *script.PROFILE_NAMES,
    "start_time",
    "end_time",
    "service_name",
    "cache_token",
    "real_time",
}
OPTIONS_OF_OTHERS = {"--force", "--fault", "--sandbox-help"}
IAM_ACTIONS = {
    "modelarts:monitoring:get",
    "modelarts:service:get",
    "iam:projects:get",
    "iam:projects:listProjects",
}
VARIABLES = {*script.HW_NAMES, *script.SDK_NAMES, script.PROFILE_VARIABLE}
VARIABLES |= {"HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}  # of requests
HEADINGS = [
    "Overview",
    "Prerequisites",
    "Workflow",
    "Core Commands",
    "Parameter Confirmation (参数确认)",
    "Output Format",
    "Verification",
    "Best Practices",
    "Reference Documents",
    "Notes",
]

# Placeholders in commands. key-a and 192.0.2.1 are values as they stand; these are replaced:
DATE = "YYYY-MM-DD"  # the first in a command is ten days ago, the others are three days ago
CREDENTIALS_FILE = re.compile(r"(?:~/Downloads|/path/to)/credentials\.csv")
API_KEYS_FILE = re.compile(r"'?@FILE'?")  # one per line
PROJECT_ID_PLACEHOLDER = "--project-id ID"


def page_text(page: str) -> str:
    """Return the text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def without_blocks(page: str) -> str:
    """Return the text of a page without its blocks of code."""
    return re.sub(r"(?ms)^```.*?^```", "", page_text(page))


def blocks_of(page: str, *languages: str) -> list[str]:
    """Return the blocks of code in some languages."""
    return re.findall(rf"(?ms)^```(?:{'|'.join(languages)})\n(.*?)^```", page_text(page))


def skill_parts() -> tuple[str, str]:
    """Return the front matter and the body of SKILL.md."""
    _, front_matter, body = page_text("SKILL.md").split("---\n", 2)
    return front_matter, body


# --- The folder ---


def published_files(folder: Path = ROOT) -> Iterator[Path]:
    """Yield the files of the skill: neither hidden nor made by Python."""
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name == "__pycache__":
            continue
        if path.is_dir():
            yield from published_files(path)
        else:
            yield path


def test_the_folder_has_what_a_registry_takes() -> None:
    """Six names at the top, and not too many files; files for tools begin with a dot."""
    files = [path.relative_to(ROOT) for path in published_files()]
    assert {path.parts[0] for path in files} == TOP_LEVEL
    assert len(files) <= MOST_FILES


def test_the_readme_is_short_and_has_the_text_of_the_license() -> None:
    """MIT-0 (MIT No Attribution)."""
    words = page_text("README.md").split()
    assert len(words) <= 1450
    text = " ".join(words)
    assert "Permission is hereby granted, free of charge, to any person" in text
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in text


def test_the_first_question_comes_within_250_words() -> None:
    """With an account of one's own."""
    before, found, _ = page_text("README.md").partition("/credentials.csv --period")
    assert found
    assert len(before.split()) <= 250


# --- SKILL.md ---


def test_the_front_matter_fits_the_program() -> None:
    """The version, and each variable; none is required, because a file may hold the credentials."""
    front_matter, _ = skill_parts()
    assert f'\n  version: "{script.__version__}"\n' in front_matter
    declared = re.findall(r"- name: (\w+)\n +required: false\n", front_matter)
    assert sorted(declared) == sorted({*VARIABLES, "TZ"})


def test_the_description_says_what_and_when() -> None:
    """In the words that users use, in both languages."""
    description = re.findall(r'(?m)^description: "(.*)"$', skill_parts()[0])[0]
    _, _, triggers = description.partition("Use when")[2].partition("Triggers include:")
    for word in ("MaaS usage", "token usage", "词元用量", "token用量", "调用次数", "模型服务"):
        assert word in triggers


def test_the_skill_has_each_heading_and_is_short_enough_for_an_agent() -> None:
    """Each heading once; about 5,000 tokens of four bytes."""
    _, body = skill_parts()
    headings = re.findall(r"^## (.*)$", body, re.MULTILINE)
    assert headings == HEADINGS
    assert len(page_text("SKILL.md").split()) <= 2300
    assert len(body.encode()) / 4 < 5000


def test_the_references_are_short() -> None:
    """All of them together."""
    assert sum(len(page_text(page).split()) for page in REFERENCES) <= 3500


@pytest.mark.parametrize("page", REFERENCES)
def test_the_skill_names_each_reference(page: str) -> None:
    """An agent does not read a page that is not named."""
    assert page in skill_parts()[1]


# --- What pages say ---


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub makes of the headings of a page."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", without_blocks(page), re.MULTILINE):
        words = re.sub(r"[^\w\- ]", "", heading.lower())
        found.add(words.strip().replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES)
def test_each_link_within_the_folder_leads_somewhere(page: str) -> None:
    """To a file and, after `#`, to a heading on it. A page in backticks exists, too."""
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page_text(page)):
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent.joinpath(path).resolve() if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(str(target.relative_to(ROOT))), link
    for name in re.findall(r"`((?:references/)?[a-z-]+\.md)`", page_text(page)):
        assert (ROOT / name).exists() or (ROOT / page).with_name(name).exists(), name


@pytest.mark.parametrize("page", ["README.md", "SKILL.md", CHINESE_PAGE])
def test_the_table_of_exit_codes_has_those_of_the_help(page: str, run: Run) -> None:
    """In order; a code may have several rows."""
    section = run("--help").out.partition("exit codes:\n")[2]
    codes = re.findall(r"(?m)^  (\d+) ", section)
    assert len(codes) == 7
    on_page = re.findall(r"(?m)^\| (\d+)\b", page_text(page))
    assert list(dict.fromkeys(on_page)) == codes


@pytest.mark.parametrize(
    ("page", "yes", "no"), [("README.md", "yes", "no"), (CHINESE_PAGE, "是", "否")]
)
def test_the_table_of_exit_codes_says_when_to_try_again(page: str, yes: str, no: str) -> None:
    """Only what the network, the service or the user interrupted may succeed the next time."""
    rows = re.findall(r"(?m)^\| (\d+) \|.*\| (.*) \|$", page_text(page))
    advice = {code: words for code, words in rows if words in (yes, no)}
    assert advice == {"1": no, "2": no, "4": no, "5": yes, "130": yes}


@pytest.mark.parametrize(
    "page", ["README.md", "references/cli-installation-guide.md", CHINESE_PAGE]
)
def test_sources_of_credentials_are_named_in_the_order_of_the_search(page: str) -> None:
    """As in the hint of `no credentials found`."""
    sources = ["--credentials-file", *script.HW_NAMES[:1], *script.SDK_NAMES[:1]]
    sources.append(script.PROFILE_FILE)
    for text in (page_text(page), script.HINT_CREDENTIALS):
        places = [text.index(source) for source in sources]
        assert places == sorted(places)


def test_the_installation_guide_explains_each_variable() -> None:
    """Those of the program and those of requests."""
    text = page_text("references/cli-installation-guide.md")
    assert set(re.findall(r"`([A-Z][A-Z_]+)`", text)) >= VARIABLES


def code_on(page: str) -> str:
    """Return all code on a page: blocks, and what stands in backticks."""
    inline = re.findall(r"`([^`\n]+)`", without_blocks(page))
    return "\n".join(blocks_of(page, r"\w*") + inline)


@pytest.mark.parametrize("page", PAGES)
def test_each_option_that_is_named_exists(page: str) -> None:
    """Of the program, or of another one."""
    options = set(script.build_parser()._option_string_actions)  # noqa: SLF001  no other way
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", code_on(page)))
    assert named <= options | OPTIONS_OF_OTHERS


@pytest.mark.parametrize("page", PAGES)
def test_each_variable_and_each_permission_that_is_named_is_known(page: str) -> None:
    """A mistyped one would do nothing."""
    named = set(
        re.findall(r"\b(?:HW|HUAWEICLOUD|HTTPS?|NO|REQUESTS|CURL)_[A-Z_]+\b", page_text(page))
    )
    assert named <= VARIABLES
    actions = set(re.findall(r"\b(?:iam|modelarts):\w+:\w+", page_text(page)))
    assert actions <= IAM_ACTIONS


@pytest.mark.parametrize("page", PAGES)
def test_each_program_that_is_named_exists(page: str) -> None:
    """A mistyped one would be no command for the tests below."""
    for name in re.findall(r"[\w./-]+\.py\b", code_on(page)):
        assert (ROOT / name.split("usage/")[-1]).is_file(), name


@pytest.mark.parametrize("page", PAGES)
def test_each_name_of_a_field_is_one_of_the_output_or_of_the_service(page: str, run: Run) -> None:
    """In backticks, and with an underscore."""
    header = run("--by", "day", "--format", "csv").out.splitlines()[0].split(",")
    document = run("--period", "yesterday", "--by", "service-type", "--format", "json").document
    batch = run("--infer-type", "batch", "--format", "json").totals
    known = {*header, *document, *document["rows"][0], *batch, *FIELDS_OF_THE_SERVICE}
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", page_text(page)))
    assert named <= known


@pytest.mark.parametrize("page", PAGES)
def test_each_period_that_is_named_can_be_asked_for(page: str, run: Run) -> None:
    """In backticks; all but last-month are kept on each day."""
    for name in re.findall(r"`((?:this|last)-[\w-]+|today|yesterday|\d+[dh])`", page_text(page)):
        result = run("--period", name.replace("last-N-days", "last-5-days"))
        assert "unknown period" not in result.err, name


@pytest.mark.parametrize("page", PAGES)
def test_each_option_in_a_sentence_has_a_value_that_it_takes(page: str, tmp_path: Path) -> None:
    """A command in a block is run; an option in a sentence is only read."""
    for text in re.findall(r"`(--[a-z][^`\n]*)`", without_blocks(page)):
        if not set(re.findall(r"--[a-z-]+", text)) & OPTIONS_OF_OTHERS:
            words = with_values(text.replace("\\|", "|"), tmp_path)
            if len(words) > 1:
                script.build_parser().parse_args(words)


@pytest.mark.parametrize("page", PAGES)
def test_files_with_keys_are_never_opened_to_others(page: str) -> None:
    """Each chmod is one with 600."""
    assert set(re.findall(r"chmod (\S+?)\b", page_text(page))) <= {"600"}


# --- Commands ---

COMMAND = re.compile(
    r"(?:python3?|uv run)\"? (?:\S*/)?(?P<program>maas_rest_usage_stats|sandbox)\.py"
    r"(?P<arguments>(?: [^`\n|>&;#)]*)?)"
)


class Export(NamedTuple):
    """What a run of the daily export leaves."""

    code: int
    file: str


class Command(NamedTuple):
    """A command on a page."""

    page: str
    program: str
    arguments: str


def commands() -> list[Command]:
    """Return the commands of the pages and of --help, each once per page."""
    found = []
    for page in PAGES:
        text = page_text(page).replace("\\\n", " ").replace("\\|", "|")
        for match in COMMAND.finditer(text):
            arguments = re.sub(r" \d$", "", match["arguments"].rstrip())  # of 2>FILE
            found.append(Command(page, match["program"], arguments.strip()))
    section = (script.__doc__ or "").partition("examples:\n")[2].partition("\n\n")[0]
    for arguments in re.findall(rf"^  {script.PROGRAM}(.*?)(?:  .*)?$", section, re.MULTILINE):
        found.append(Command("--help", "maas_rest_usage_stats", arguments.strip()))
    return list(dict.fromkeys(found))


def with_values(arguments: str, folder: Path) -> list[str]:
    """Return arguments with the values of today instead of the placeholders."""
    credentials = folder / "credentials.csv"
    text = f"User Name,Access Key Id,Secret Access Key\nreader,{AK},{SK}\n"
    credentials.write_text(text, encoding="utf-8")
    credentials.chmod(0o600)
    api_keys = folder / "api-keys.txt"
    api_keys.write_text("key-a\nkey-b\n", encoding="utf-8")

    today = datetime.now(timezone.utc).date()
    text = arguments.replace(DATE, str(today - timedelta(days=10)), 1)
    text = text.replace(DATE, str(today - timedelta(days=3)))
    text = CREDENTIALS_FILE.sub(lambda _: shlex.quote(str(credentials)), text)
    text = API_KEYS_FILE.sub(lambda _: shlex.quote(f"@{api_keys}"), text)
    text = text.replace(PROJECT_ID_PLACEHOLDER, f"--project-id {PROJECT_ID}")
    return shlex.split(text)


def no_day_of_last_month_is_kept() -> bool:
    """Say whether it is a 31st, in UTC or in Shanghai; then `last-month` is refused."""
    now = datetime.now(timezone.utc)
    return 31 in (now.day, (now + timedelta(hours=8)).day)


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_each_command_runs_today(
    command: Command, cloud: FakeCloud, run: Run, clock: Clock, tmp_path: Path
) -> None:
    """As it stands on its page, on the day on which it is read; no date in it ages."""
    assert not re.search(r"\d{4}-\d\d", command.arguments)
    argv, fault = take_option(with_values(command.arguments, tmp_path), "--fault")
    if "--sandbox-help" in argv:
        return
    if "last-month" in argv and no_day_of_last_month_is_kept():
        pytest.skip("nothing of last month is kept on a 31st")
    cloud.events = list(usage_like(int(time.time() * 1000), days=30, calls_a_day=4))
    cloud.requests_a_minute = None  # with `clock`, the script does not really wait for its turn
    expected = "0"
    if fault is not None:
        FAULTS[fault].apply(cloud)
        expected = re.findall(r"exit code (\d+)", FAULTS[fault].help)[0]
    assert str(run(*argv).code) == expected
    assert cloud.seen or {"--help", "--version"} & set(argv)


def test_commands_are_found() -> None:
    """So that the test above does not pass for want of commands."""
    pages = [command.page for command in commands()]
    assert pages.count("--help") == 3
    for page in ("README.md", "SKILL.md", CHINESE_PAGE):
        assert pages.count(page) >= 12


@pytest.mark.parametrize("page", PAGES)
def test_each_command_in_a_block_is_one_that_runs(page: str) -> None:
    """With the name of Python as it is; the tests above run what follows."""
    for block in blocks_of(page, "sh", "powershell"):
        for line in block.splitlines():
            if ".py" in line:
                assert COMMAND.search(line), line
                assert re.search(r"(?:^|[ /\\(])(?:python3?|uv run) ", line), line


@posix_only
@pytest.mark.parametrize("page", ["README.md", CHINESE_PAGE])
def test_the_script_for_one_number_prints_it_or_fails(
    page: str, cloud: FakeCloud, environment: dict[str, str]
) -> None:
    """Here without jq, which not every machine has."""
    (text,) = [block for block in blocks_of(page, "sh") if "jq" in block]
    lines = [line for line in text.splitlines() if "| jq" not in line]
    assert len(lines) == 2

    def run_script() -> tuple[int, str]:
        done = subprocess.run(
            ["sh", "-c", "\n".join(lines).replace("python ", f"{sys.executable} ")],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            check=False,
            timeout=60,
            encoding="utf-8",
        )
        return done.returncode, done.stdout

    assert run_script() == (0, "0\n")
    cloud.on("modelarts", Answer(400))
    assert run_script() == (4, "")


# --- Output on the pages ---


@pytest.mark.parametrize(("page", "zone"), [("README.md", []), (CHINESE_PAGE, ["Asia/Shanghai"])])
def test_the_example_is_an_output_of_the_sandbox(
    page: str, zone: list[str], cloud: FakeCloud, run: Run, at: At
) -> None:
    """As it was on the day on which the page was written, in a system without a named zone."""
    at("2026-11-27T12:00:00+00:00")
    cloud.events = list(usage_like(int(time.time() * 1000)))
    options = [f"--timezone={name}" for name in zone]
    result = run("--period", "last-week", "--by", "day", *options, TZ="UTC0")
    assert result.out + result.err in page_text(page)


def test_json_of_the_skill_has_the_fields_of_the_output(cloud: FakeCloud, run: Run) -> None:
    """In the same order: of the document, its period, its totals and a row."""
    example = json.loads(blocks_of("SKILL.md", "json")[0])
    document = run("--period", "yesterday", "--by", "day", "--format", "json").document
    for found, expected in (
        (example, document),
        (example["period"], document["period"]),
        (example["totals"], document["totals"]),
        (example["rows"][0], document["rows"][0]),
    ):
        assert list(found) == list(expected)


def test_figures_of_the_skill_agree_with_each_other() -> None:
    """Its only row is the whole, and the error rate is that of its figures."""
    example = json.loads(blocks_of("SKILL.md", "json")[0])
    (row,) = example["rows"]
    totals = example["totals"]
    assert {name: row[name] for name in totals} == totals
    assert row["share"] == 1.0
    assert totals["error_rate"] == totals["total_errors"] / totals["total_requests"]
    assert row["day"] == row["start"][:10] == example["period"]["start"][:10]
    period = example["period"]
    assert (row["start"], row["end"]) == (period["start"], period["end"])
    start, end = (datetime.fromisoformat(period[name]) for name in ("start", "end"))
    assert end - start == timedelta(days=1)
    assert row["weekday"] == f"{start:%a}"


# --- The daily export ---


@pytest.fixture
def export(environment: dict[str, str], tmp_path: Path) -> Callable[[str], Export]:
    """Run the script of a page in the shell; return its exit code and the file."""
    folder = tmp_path / "folder"
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o700)
    (folder / SCRIPT.name).write_bytes(SCRIPT.read_bytes())
    credentials = folder / "credentials.csv"
    credentials.write_text(f"{AK}\n{SK}\n", encoding="utf-8")
    file = tmp_path / "maas-usage.csv"

    def export(page: str) -> Export:
        (text,) = [block for block in blocks_of(page, "sh") if "maas-usage.csv" in block]
        text = text.replace("/path/to/huawei-cloud-maas-tokens-usage", str(folder))
        text = text.replace("/path/to/credentials.csv", str(credentials))
        text = text.replace("/path/to/maas-usage.csv", str(file))
        done = subprocess.run(["sh", "-c", text], env=environment, check=False, timeout=60)
        return Export(done.returncode, file.read_text() if file.exists() else "")

    return export


@posix_only
@pytest.mark.parametrize("page", ["README.md", CHINESE_PAGE])
def test_the_daily_export_appends_each_day_once(
    page: str, cloud: FakeCloud, export: Callable[[str], Export]
) -> None:
    """A header, and 29 days in order, however often it runs."""
    first = export(page)
    again = export(page)
    assert (first.code, again.code) == (0, 0)
    lines = first.file.splitlines()
    days = [line.split(",")[0] for line in lines]
    assert days[0] == "start"
    assert len(set(days)) == len(days) == 30
    assert days[1:] == sorted(days[1:])
    assert again.file == first.file


@posix_only
@pytest.mark.parametrize("page", ["README.md", CHINESE_PAGE])
def test_a_failed_night_is_noticed_and_made_up_for(
    page: str, cloud: FakeCloud, export: Callable[[str], Export]
) -> None:
    """The exit code is the program's, and the file stays as it was."""
    cloud.on("show-statistics", Answer(400), times=1)
    failed = export(page)
    assert (failed.code, failed.file) == (4, "")
    complete = export(page)
    cloud.on("show-statistics", Answer(400), times=1)
    assert export(page) == Export(4, complete.file)
