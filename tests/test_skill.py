"""The skill as it is published passes the public validators, and every command on its pages runs."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable, Iterator

import pytest
from cloud import AK, PROJECT_ID, SK, FakeCloud
from conftest import SCRIPT, Run

import maas_rest_usage_stats as script

ROOT = SCRIPT.parent
NAME = "huawei-cloud-maas-tokens-usage"
PAGES = ["SKILL.md", "README.md", *sorted(f"references/{path.name}" for path in (ROOT / "references").glob("*.md"))]
SKILL = (ROOT / "SKILL.md").read_text(encoding="utf-8")
HEAD, BODY = SKILL.split("\n---\n", 1)

# What an audit takes for an attack or a leak, wherever it stands; in pieces, so that this file does not match itself.
AUDITED = [
    "".join(pieces)
    for pieces in [
        (r"os\.environ", r"(\.get\(|\[)\s*['\"][A-Z_]*KEY"), (r"requests\.", r"post\([^)]*json="), (r"urlopen\(", "[^)]*data="),
        ("verify", r"\s*=\s*False"), ("--no-", "verify"), ("curl", r"\s+(-k|--insecure)"), ("curl", r"[^\n]*\|\s*(ba)?sh\b"),
        ("enable ", "debug mode"), ("use the raw ", "response"), ("raw ", "output"), ("always ", "(answer|respond)"),
        ("access ", "tokens"), ("access the ", "credentials"), ("get keys ", "from"), ("credentials", r"\.(json|txt|yaml)"),
        (r"(^|[\s'\"/`])\.", r"env\s"), ("print", r"env\s+\w*KEY"), (r"169\.254\.", r"169\.254"), ("kube", "config"), ("key", "ring"),
        ("without ", "asking"), ("no ", "confirmation"), ("schedule a ", "daily job"), ("write data ", "to a file"),
        (r"mkdir -p ", r"~/\.cache"), (r"https://", r"api\.[^\s]*/"), (r"\*\*", r"permissions:?\*\*"), ("run any ", "command"),
        ("<!", "--"), ("[\u200b-\u200f\u2060\ufeff]", ""), (r"\b(?=[A-Z0-9]{20}\b)(?=[A-Z]*[0-9])(?!EXAMPLE)", "[A-Z0-9]{20}"),
    ]
]  # fmt: skip


def published() -> Iterator[Path]:
    """Yield the files that are published: what the top level shows."""
    shown = ["maas_rest_usage_stats.py", "SKILL.md", "README.md", "requirements.txt", "references", "tests"]
    for path in (ROOT / name for name in shown):
        found = path.rglob("*") if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and not {"__pycache__", ".hypothesis"} & set(file.parts))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The skill's folder as it is published."""
    folder = tmp_path_factory.mktemp("skills") / NAME
    for file in published():
        target = folder / file.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    return folder


# skillcheck knows no `compatibility`, which the specification has, and no room for the variables that OpenClaw wants declared
SKILLCHECK = ["skillcheck", "--strict", "--ignore", "frontmatter.field.unknown", "--ignore", "disclosure.metadata-budget"]


@pytest.mark.parametrize("command", [["agentskills", "validate"], [*SKILLCHECK, "--strict-vscode", "--strict-cursor"]])
def test_validators(command: list[str], folder: Path) -> None:
    """Those that can be installed, on the Pythons that they run on."""
    program = shutil.which(command[0], path=str(Path(sys.executable).parent))
    if program is None:
        assert sys.version_info < (3, 11)
        pytest.skip("does not run on this Python")
    done = subprocess.run([program, *command[1:], str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files(folder: Path) -> None:
    """30 at most, each with an extension and a name in lower case with hyphens or, in Python, underscores."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) <= 30
    for path in files:
        assert path.suffix
        assert re.fullmatch(r"[a-z0-9]+([-_][a-z0-9]+)*\.[a-z]+", path.name) or path.name in ("SKILL.md", "README.md")


def test_front_matter() -> None:
    """What the specifications want of it."""
    description = re.findall(r'^description: "(.*)"$', HEAD, re.MULTILINE)[0]
    assert f"\nname: {NAME}\n" in HEAD
    assert 20 <= len(description) <= 1024
    assert not re.search("[<>]", description)
    for word in ("Use when", "Triggers include:", "token usage", "词元用量", "token用量", "令牌用量", "请求次数", "模型服务"):
        assert word in description
    assert re.findall(r"^(\w+):", HEAD, re.MULTILINE) == ["name", "description", "license", "compatibility", "metadata"]
    assert "\nlicense: MIT-0\n" in HEAD
    compatibility = re.findall(r'^compatibility: "(.*)"$', HEAD, re.MULTILINE)[0]
    assert "network" in compatibility
    assert len(compatibility) <= 500
    assert f'\n  version: "{script.__version__}"\n' in HEAD
    assert len(re.findall(r"^    - [a-z-]+$", HEAD, re.MULTILINE)) <= 5
    assert not re.search(r"[\[\]{}]", HEAD)


def test_declared_variables() -> None:
    """Every variable that the script and what it sends with read is declared, and none is required."""
    declared = re.findall(r"^      - name: (\w+)\n        required: false\n        description: \S", HEAD, re.MULTILINE)
    theirs = ["HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]  # of requests
    assert declared == [*script.HW_NAMES, *script.SDK_NAMES, script.PROFILE_VARIABLE, *theirs, "TZ"]
    assert "    primaryEnv: HW_ACCESS_KEY\n" in HEAD
    named = set(re.findall(r'"((?:HW|HUAWEICLOUD)_[A-Z_]+|TZ)"', SCRIPT.read_text(encoding="utf-8")))
    assert {name for name in named if name != "HUAWEICLOUD_SDK_"} <= set(declared)


def test_body() -> None:
    """The headings that are looked for, and a size that an agent can read."""
    headings = re.findall(r"^## (.*)$", BODY, re.MULTILINE)
    assert headings == [
        "Overview", "Architecture", "Prerequisites", "Authentication", "IAM permissions", "Workflow", "Core Commands",
        "Parameter Confirmation (参数确认)", "Output Format", "Verification", "Best Practices", "Reference Documents", "Notes",
    ]  # fmt: skip
    assert len(SKILL.splitlines()) < 500
    assert len(BODY) / 4 < 5000
    for page in PAGES[2:]:
        assert f"`{page}`" in BODY
    for code in (0, 1, 2, 3, 4, 5, 130):
        assert re.search(rf"^\| {code} \|", BODY, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str, folder: Path) -> None:
    """Every relative link and every page that is named is there, and none leads out of the folder."""
    text = (folder / page).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        if not link.startswith("https://"):
            target = (folder / page).parent / link
            assert target.resolve().is_relative_to(folder.resolve()) if sys.version_info >= (3, 9) else True
            assert target.exists()
    for name in re.findall(r"`((?:references/)?[a-z-]+\.md)`", text):
        assert (folder / name).exists() or (folder / page).with_name(name).exists()
    assert "\\" not in "".join(re.findall(r"\]\(([^)]+)\)", text))


def test_audit(folder: Path) -> None:
    """None of the patterns that an audit takes for an attack or a leak stands anywhere."""
    for path in folder.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        for pattern in AUDITED:
            found = re.search(pattern, text, re.IGNORECASE | re.MULTILINE if "EXAMPLE" not in pattern else re.MULTILINE)
            assert not found, f"{path.name}: {found and found.group()!r}"


def test_the_audit_would_notice() -> None:
    """The patterns match what they are for."""
    samples = ["os.environ" + '["HW_ACCESS_KEY"]', "verify" + "=False", "curl" + " -k x", "<!" + "-- x -->", "a\u200bb", "ABCD" * 5 + "",
               "HPUA" + "0123456789ABCDEF", "raw" + " output", "source ." + "env now"]  # fmt: skip
    matched = [any(re.search(pattern, sample, re.MULTILINE) for pattern in AUDITED) for sample in samples]
    assert matched == [True, True, True, True, True, False, True, True, True]


def commands() -> Iterator[tuple[str, str]]:
    """Yield every command of the script on the pages, with its page."""
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        for found in re.findall(r"(?:python3|\.venv/bin/python) maas_rest_usage_stats\.py([^`\n|]*)", text):
            yield page, found.strip()


@pytest.mark.parametrize(("page", "command"), sorted(set(commands())))
def test_commands(page: str, command: str, cloud: FakeCloud, run: Run, at: Callable[[str], None], tmp_path: Path) -> None:
    """Each runs against the cloud as it stands."""
    at("2026-05-22T20:00:00+00:00" if "2026-05" in command else "2026-11-22T20:00:00+00:00")
    keys = tmp_path / "aksk.txt"
    keys.write_text(f"{AK}\n{SK}\n", encoding="utf-8")
    result = run(*shlex.split(command.replace("~/aksk.txt", shlex.quote(str(keys)))))
    assert result.code == 0, result.err
    assert len(cloud.seen) > 0 or "--help" in command or "--version" in command
    assert PROJECT_ID in result.out or not cloud.seen or "csv" in command


def test_there_are_commands() -> None:
    """For each question a user asks, and on most pages."""
    assert len(set(commands())) > 25
    assert len({page for page, _ in commands()}) >= 7
