"""The published pages: what readers and registries look for is there, and every command runs.

Public validators check the rest; CI runs them.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import shlex
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Iterator, List, NamedTuple

import pytest
from cloud import AK, PROJECT_ID, SK, FakeCloud, usage_like
from conftest import SCRIPT, Clock, Run
from sandbox import FAULTS

import maas_rest_usage_stats as script

ROOT = SCRIPT.parent
NAME = "huawei-cloud-maas-tokens-usage"
TOP_LEVEL = {
    SCRIPT.name,
    "README.md",
    "SKILL.md",
    "references",
    "requirements.txt",
    "tests",
}
MOST_FILES = 30
PAGES = ["README.md", "SKILL.md"]
PAGES += sorted(f"references/{path.name}" for path in (ROOT / "references").glob("*.md"))
EXIT_CODES = ["0", "1", "2", "3", "4", "5", "130"]
OPTIONS_OF_OTHERS = {"--default-index", "--lf"}  # of uv and pytest
VARIABLES_OF_LIBRARIES = {
    "HTTPS_PROXY",
    "NO_PROXY",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "TZ",
}
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

# Placeholders in commands. Some are values as they stand: LABEL, LABEL-1 and LABEL-2 for labels of
# API keys, and 192.0.2.1 for an address. The others are replaced before a command runs:
DATE = "YYYY-MM-DD"  # the first in a command is ten days ago, the others are three days ago
CREDENTIALS_FILE = re.compile(r"(?:~|/path/to)/aksk\.txt")
API_KEYS_FILE = "@FILE"  # one label per line
PROJECT_ID_PLACEHOLDER = "--project-id ID"


def page_text(page: str) -> str:
    """Return the text of a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def front_matter() -> str:
    """Return what SKILL.md has between its first two lines of three hyphens."""
    return page_text("SKILL.md").split("---\n")[1]


def front_matter_value(name: str) -> str:
    """Return a quoted value of the front matter, which must be on one line."""
    found = re.findall(rf'^ *{name}: "(.*)"$', front_matter(), re.MULTILINE)
    assert len(found) == 1
    return str(found[0])


def skill_body() -> str:
    """Return SKILL.md without its front matter."""
    return page_text("SKILL.md").split("\n---\n", 1)[1]


def variables_in_script() -> set[str]:
    """Return the environment variables that the program names in its code, and in --help."""
    names = set()
    for node in ast.walk(ast.parse(SCRIPT.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            names |= set(re.findall(r"\b(?:HW|HUAWEICLOUD)_[A-Z_]+\b", node.value))
    return names


# --- The folder ---


def is_published(path: Path) -> bool:
    """Say whether a file or folder is part of the skill: neither hidden nor made by Python."""
    return not path.name.startswith(".") and path.name != "__pycache__"


def published_files(folder: Path = ROOT) -> Iterator[Path]:
    """Yield the files of the skill."""
    for path in filter(is_published, folder.iterdir()):
        if path.is_dir():
            yield from published_files(path)
        else:
            yield path


def test_the_top_level_has_six_names() -> None:
    """Nothing else is published; files for tools begin with a dot."""
    assert {path.name for path in filter(is_published, ROOT.iterdir())} == TOP_LEVEL


def test_no_more_files_than_a_registry_takes() -> None:
    """One of them takes 30 at most."""
    assert len(list(published_files())) <= MOST_FILES


def test_each_file_has_a_plain_name_with_an_extension() -> None:
    """Lower case with hyphens or, as Python wants it, underscores."""
    names = {path.name for path in published_files()} - {"README.md", "SKILL.md"}
    for name in names:
        assert re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*\.[a-z]+", name)


def test_the_readme_has_the_text_of_the_license() -> None:
    """MIT-0 (MIT No Attribution)."""
    words = " ".join(page_text("README.md").split())
    assert "Permission is hereby granted, free of charge, to any person" in words
    assert 'THE SOFTWARE IS PROVIDED "AS IS"' in words


# --- The front matter of SKILL.md ---


def test_the_front_matter_has_the_fields_of_the_specification() -> None:
    """And no lists in brackets, which some readers of YAML do not know."""
    top = re.findall(r"^(\S+):", front_matter(), re.MULTILINE)
    assert top == ["name", "description", "license", "compatibility", "metadata"]
    assert f"name: {NAME}\n" in front_matter()
    assert "\nlicense: MIT-0\n" in front_matter()
    assert not re.search(r"[\[\]{}]", front_matter())


def test_the_description_says_what_and_when() -> None:
    """In the words that users use, in both languages, and in one line."""
    description = front_matter_value("description")
    assert 20 <= len(description) <= 1024
    assert not re.search("[<>]", description)
    when, _, triggers = description.partition("Use when")[2].partition("Triggers include:")
    assert when
    for word in ("MaaS usage", "token usage", "词元用量", "token用量", "调用次数", "模型服务"):
        assert word in triggers


def test_the_description_promises_no_costs() -> None:
    """The service tells none."""
    assert "cost drivers" not in front_matter_value("description")


def test_compatibility_names_the_network() -> None:
    """And Python, and the packages."""
    compatibility = front_matter_value("compatibility")
    assert len(compatibility) <= 500
    for word in ("network", "Python 3.8", "huaweicloudsdkcore", "requests"):
        assert word in compatibility


def test_the_version_is_the_programs() -> None:
    """A semantic version, in metadata."""
    version = front_matter_value("version")
    assert version == script.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_there_are_five_tags_at_most() -> None:
    """In kebab case."""
    tags = front_matter().partition("\n  tags:\n")[2].partition("\n  openclaw:")[0].splitlines()
    assert 1 <= len(tags) <= 5
    for tag in tags:
        assert re.fullmatch(r"    - [a-z]+(-[a-z]+)*", tag)


def test_each_variable_is_declared_and_none_is_required() -> None:
    """Also those of the libraries; users of a credentials file need no variable at all."""
    pattern = r"^      - name: (\w+)\n        required: false\n        description: \S"
    declared = re.findall(pattern, front_matter(), re.MULTILINE)
    assert front_matter().count("- name: ") == len(declared)
    assert sorted(declared) == sorted(variables_in_script() | VARIABLES_OF_LIBRARIES)
    assert "    primaryEnv: HW_ACCESS_KEY\n" in front_matter()
    assert "      bins:\n        - python3\n" in front_matter()


# --- The body of SKILL.md ---


@pytest.mark.parametrize("heading", HEADINGS)
def test_the_skill_has_each_heading_that_is_looked_for(heading: str) -> None:
    """Once, at the second level."""
    assert re.findall(r"^## (.*)$", skill_body(), re.MULTILINE).count(heading) == 1


def test_the_skill_is_short_enough_for_an_agent() -> None:
    """Under 500 lines, and about 5,000 tokens of four bytes."""
    assert len(page_text("SKILL.md").splitlines()) < 500
    assert len(skill_body().encode()) / 4 < 5000


@pytest.mark.parametrize("page", PAGES[2:])
def test_the_skill_names_each_reference(page: str) -> None:
    """A page that is not named is never read."""
    assert page in skill_body()


# --- Links ---


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
    """To a file of the folder and, after `#`, to a heading on it."""
    for link in re.findall(r"\]\(([^)\s]+)\)", page_text(page)):
        if re.match(r"https?://|mailto:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page
        if path:
            assert not path.startswith("/")
            resolved = (ROOT / page).parent.joinpath(path).resolve()
            assert resolved.exists(), link
            target = str(resolved.relative_to(ROOT))
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES)
def test_each_page_that_is_named_exists(page: str) -> None:
    """From the folder of the skill, or beside the page that names it."""
    for name in re.findall(r"`((?:references/)?[a-z-]+\.md)`", page_text(page)):
        assert (ROOT / name).exists() or (ROOT / page).with_name(name).exists(), name


# --- Tables ---

Table = List[List[str]]


def tables(page: str) -> Iterator[Table]:
    """Yield the tables of a page as rows of cells, without their headings."""
    for lines in re.findall(r"(?m)(?:^\|.*\n)+", page_text(page)):
        rows = []
        for line in lines.splitlines()[2:]:
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            rows.append([cell.strip() for cell in cells])
        yield rows


def tables_beginning_with(pattern: str, page: str) -> list[Table]:
    """Return the tables of a page in which the first cell of the first row matches a pattern."""
    return [rows for rows in tables(page) if rows and re.match(pattern, rows[0][0])]


def parser_actions() -> dict[str, argparse.Action]:
    """Return what the parser knows of each option."""
    actions = script.build_parser()._actions  # noqa: SLF001  argparse has no other way
    return {action.option_strings[0]: action for action in actions}


def test_the_readme_explains_each_option_once() -> None:
    """With its default."""
    rows = tables_beginning_with("`--", "README.md")[0]
    row_of = {re.findall(r"--[a-z-]+", row[0])[0]: row for row in rows}
    assert len(row_of) == len(rows)
    assert sorted(row_of) == sorted(parser_actions())
    for name, action in parser_actions().items():
        if isinstance(action.default, str):
            assert f"`{action.default}`" in row_of[name][-1]


def test_each_table_of_options_names_all_choices() -> None:
    """In both languages."""
    found = tables_beginning_with("`--", "README.md")
    assert len(found) == 2
    for row in [*found[0], *found[1]]:
        name = re.findall(r"--[a-z-]+", row[0])[0]
        for choice in parser_actions()[name].choices or ():
            assert f"`{choice}`" in " ".join(row), name


@pytest.mark.parametrize("page", ["README.md", "SKILL.md"])
def test_each_named_period_of_the_help_is_on_the_page(page: str) -> None:
    """The parser knows them as a text only."""
    periods = re.findall(
        r"(?:this|last)-[a-z]+|today|yesterday", parser_actions()["--period"].help or ""
    )
    assert len(periods) == 6
    for period in periods:
        assert re.search(rf"`{period}`|--period {period}", page_text(page)), period


@pytest.mark.parametrize("page", PAGES)
def test_each_table_of_exit_codes_is_complete(page: str) -> None:
    """On README.md and SKILL.md there must be one; a code may have several rows."""
    found = tables_beginning_with(r"`?0`?$", page)
    assert found or page.startswith("references/")
    for rows in found:
        codes = [re.findall(r"\d+", row[0])[0] for row in rows]
        assert list(dict.fromkeys(codes)) == EXIT_CODES


def test_the_readme_explains_each_variable() -> None:
    """Those of the program and those of the libraries."""
    named: set[str] = set()
    for rows in tables("README.md"):
        for row in rows:
            named |= set(re.findall(r"`([A-Z][A-Z_]+)`", row[0]))
    assert variables_in_script() | VARIABLES_OF_LIBRARIES <= named


# --- Commands ---

COMMAND = re.compile(
    r"(?:python3?|uv run|pipx run)\"? (?:\S*/)?(?P<program>maas_rest_usage_stats|sandbox)\.py"
    r"(?P<arguments>(?: [^`\n|>&;#)]*)?)"
)


class Command(NamedTuple):
    """A command on a page, and the line of the page on which it stands."""

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
    credentials = folder / "aksk.txt"
    credentials.write_text(f"{AK}\n{SK}\n", encoding="utf-8")
    credentials.chmod(0o600)
    labels = folder / "labels.txt"
    labels.write_text("LABEL-1\nLABEL-2\n", encoding="utf-8")

    today = datetime.now(timezone.utc).date()
    text = arguments.replace(DATE, str(today - timedelta(days=10)), 1)
    text = text.replace(DATE, str(today - timedelta(days=3)))
    text = CREDENTIALS_FILE.sub(lambda _: shlex.quote(str(credentials)), text)
    text = text.replace(API_KEYS_FILE, shlex.quote(f"@{labels}"))
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
    """As it stands on its page, on the day on which it is read."""
    argv = with_values(command.arguments, tmp_path)
    if "last-month" in argv and no_day_of_last_month_is_kept():
        pytest.skip("nothing of last month is kept on a 31st")
    cloud.events = list(usage_like(int(time.time() * 1000), days=30, calls_a_day=4))
    expected = "0"
    if "--fault" in argv:
        fault = FAULTS[argv[1]]
        fault.apply(cloud)
        expected = re.findall(r"exit code (\d+)", fault.help)[0]
        argv = argv[2:]
    if "--sandbox-help" not in argv:
        assert str(run(*argv).code) == expected
    is_help = {"--help", "--version", "--sandbox-help"} & set(argv)
    assert cloud.seen or is_help


@pytest.mark.parametrize("page", [*PAGES, "--help"])
def test_no_command_has_a_date_that_ages(page: str) -> None:
    """Examples work on the day on which they are read."""
    for command in commands():
        if command.page == page:
            assert not re.search(r"\d{4}-\d\d", command.arguments)


def test_commands_are_found_on_most_pages() -> None:
    """So that the tests above do not pass for want of commands."""
    found = commands()
    assert len({command.page for command in found}) >= 6
    assert len([command for command in found if command.page == "SKILL.md"]) >= 10
    assert len([command for command in found if command.page == "--help"]) == 3
    assert "sandbox" in {command.program for command in found}


@pytest.mark.parametrize("page", PAGES)
def test_each_option_that_is_named_exists(page: str) -> None:
    """Wherever a page has one at the beginning of code: of the program, or of another one."""
    known = {"--fault", "--sandbox-help", *OPTIONS_OF_OTHERS}
    for action in parser_actions().values():
        known |= set(action.option_strings)
    assert set(re.findall(r"`(--[a-z-]+)", page_text(page))) <= known


# --- JSON ---


def fields_of(document: dict[str, Any]) -> dict[str, list[str]]:
    """Return the names of the fields of a document, of its period and of its totals."""
    return {
        "document": list(document),
        "period": list(document["period"]),
        "totals": list(document["totals"]),
    }


@pytest.mark.parametrize("page", ["README.md", "SKILL.md"])
def test_the_json_on_the_page_has_the_fields_of_the_output(page: str, run: Run) -> None:
    """In the same order."""
    blocks = re.findall(r"(?ms)^```json\n(.*?)^```", page_text(page))
    documents = [json.loads(block) for block in blocks if '"totals"' in block]
    assert documents
    for document in documents:
        assert fields_of(document) == fields_of(run("--format", "json").document)
