"""The published pages: what readers and registries look for is there, and every command runs.

Public validators check the form of the folder and of the front matter; CI runs them.
"""

from __future__ import annotations

import json
import re
import shlex
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Iterator, NamedTuple

import pytest
from cloud import AK, PROJECT_ID, SK, FakeCloud, usage_like
from conftest import SCRIPT, At, Clock, Run
from sandbox import FAULTS, take_option

import maas_rest_usage_stats as script

ROOT = SCRIPT.parent
TOP_LEVEL = {SCRIPT.name, "README.md", "SKILL.md", "references", "requirements.txt", "tests"}
MOST_FILES = 30  # that a registry takes
REFERENCES = sorted(f"references/{path.name}" for path in (ROOT / "references").glob("*.md"))
PAGES = ["README.md", "SKILL.md", *REFERENCES]
CHINESE_PAGE = "references/readme-zh.md"
EXIT_CODES = ["0", "1", "2", "3", "4", "5", "130"]
OPTIONS_OF_OTHERS = {"--force", "--fault", "--sandbox-help"}
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
    assert len(words) <= 1400
    text = " ".join(words)
    assert "Permission is hereby granted, free of charge, to any person" in text
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in text


def test_the_first_question_comes_within_300_words() -> None:
    """With an account of one's own."""
    before, found, _ = page_text("README.md").partition("/credentials.csv --period")
    assert found
    assert len(before.split()) <= 300


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
    assert len(body.split()) <= 1900
    assert len(body.encode()) / 4 < 5000


@pytest.mark.parametrize("page", REFERENCES)
def test_the_skill_names_each_reference(page: str) -> None:
    """An agent does not read a page that is not named."""
    assert page in skill_parts()[1]


# --- What pages say ---


def anchors(page: str) -> set[str]:
    """Return the anchors that GitHub makes of the headings of a page."""
    without_code = re.sub(r"(?ms)^```.*?^```", "", page_text(page))
    found = set()
    for heading in re.findall(r"^#+ (.+)$", without_code, re.MULTILINE):
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
def test_the_table_of_exit_codes_is_complete(page: str) -> None:
    """In order; a code may have several rows."""
    codes = re.findall(r"(?m)^\| (\d+)\b", page_text(page))
    assert list(dict.fromkeys(codes)) == EXIT_CODES


@pytest.mark.parametrize(
    "page", ["README.md", "references/cli-installation-guide.md", CHINESE_PAGE]
)
def test_sources_of_credentials_are_named_in_the_order_of_the_search(page: str) -> None:
    """As in the hint of `no credentials found`."""
    sources = ["--credentials-file", *script.HW_NAMES[:1], *script.SDK_NAMES[:1]]
    sources.append(script.PROFILE_FILE)
    for text in (page_text(page), script.CREDENTIALS.hint):
        places = [text.index(source) for source in sources]
        assert places == sorted(places)


def test_the_installation_guide_explains_each_variable() -> None:
    """Those of the program and those of requests."""
    text = page_text("references/cli-installation-guide.md")
    assert set(re.findall(r"`([A-Z][A-Z_]+)`", text)) >= VARIABLES


@pytest.mark.parametrize("page", PAGES)
def test_each_option_that_is_named_exists(page: str) -> None:
    """Wherever a page has one at the beginning of code: of the program, or of another one."""
    options = set(script.build_parser([])._option_string_actions)  # noqa: SLF001  no other way
    assert set(re.findall(r"`(--[a-z-]+)", page_text(page))) <= options | OPTIONS_OF_OTHERS


# --- Commands ---

COMMAND = re.compile(
    r"(?:python3?|uv run)\"? (?:\S*/)?(?P<program>maas_rest_usage_stats|sandbox)\.py"
    r"(?P<arguments>(?: [^`\n|>&;#)]*)?)"
)


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


def fields_of(document: dict[str, Any]) -> list[list[str]]:
    """Return the names of the fields of a document, of its period and of its totals."""
    return [list(document), list(document["period"]), list(document["totals"])]


@pytest.mark.parametrize("page", PAGES)
def test_json_on_the_page_has_the_fields_of_the_output(page: str, run: Run) -> None:
    """In the same order. At least SKILL.md has some."""
    blocks = re.findall(r"(?ms)^```json\n(.*?)^```", page_text(page))
    documents = [json.loads(block) for block in blocks if '"totals"' in block]
    assert documents or page != "SKILL.md"
    for document in documents:
        assert fields_of(document) == fields_of(run("--format", "json").document)
