"""The file stays one that can be read from the top: its order, its size, and what stands outside of main."""

from __future__ import annotations

import ast
import builtins
import re
import statistics
from pathlib import Path
from typing import Iterator

from conftest import SCRIPT

import maas_rest_usage_stats as script

SOURCE = SCRIPT.read_text(encoding="utf-8")
TREE = ast.parse(SOURCE)
ROOT = SCRIPT.parent
ROOMS = ["Constants, each with its source", "Nouns", "Errors", "Secrets", "Time", "Arguments", "Credentials", "Signature",
         "Cloud", "Sums", "Showing", "Main"]  # fmt: skip


def functions() -> Iterator[ast.FunctionDef]:
    """Yield every function of the file."""
    return (node for node in ast.walk(TREE) if isinstance(node, ast.FunctionDef))


def test_the_rooms_in_their_order() -> None:
    """Doorplate first, main last."""
    assert re.findall(r"^# --- (.+?) -+$", SOURCE, re.MULTILINE) == ROOMS
    assert isinstance(TREE.body[-1], ast.If)
    assert isinstance(TREE.body[-2], ast.FunctionDef)
    assert TREE.body[-2].name == "main"


def test_no_name_is_used_above_its_definition() -> None:
    """Neither at the top level nor inside functions."""
    defined = {*dir(builtins), "__file__", "__name__", "__doc__"}
    for node in TREE.body:
        names = {child.id for child in ast.walk(node) if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Load)}
        local = {child.id for child in ast.walk(node) if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store)}
        local |= {child.arg for child in ast.walk(node) if isinstance(child, ast.arg)}
        local |= {(a.asname or a.name).split(".")[0] for c in ast.walk(node) if isinstance(c, (ast.Import, ast.ImportFrom)) for a in c.names}
        local |= {c.name for c in ast.walk(node) if isinstance(c, (ast.FunctionDef, ast.ClassDef, ast.ExceptHandler)) and c.name}
        assert names - local - defined == set(), f"line {node.lineno}"
        defined |= local if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) else {node.name}


def test_sizes() -> None:
    """Functions of 11 lines or fewer in the median, of 30 at most but for the parser and main; 950 lines in all."""
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions()}
    assert statistics.median(lengths.values()) <= 11
    assert {name for name, length in lengths.items() if length > 30} <= {"build_parser", "main"}
    assert len(SOURCE.splitlines()) < 950
    assert max(map(len, SOURCE.splitlines())) <= 120


def test_types_and_docstrings() -> None:
    """Every return is typed, every public function and class says what it is."""
    assert [node.name for node in functions() if node.returns is None] == []
    public = [node for node in TREE.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert [node.name for node in public if not ast.get_docstring(node)] == []


def test_only_main_touches_the_outer_world() -> None:
    """argv, environment, streams and the exit are main's; nothing is printed elsewhere."""
    for node in TREE.body[:-2]:
        text = ast.get_source_segment(SOURCE, node) or ""
        for outer in ("sys.argv", "os.environ", "sys.stdout", "sys.stderr", "sys.exit", "print(", "input("):
            assert outer not in text or isinstance(node, ast.Expr), f"{outer} at line {node.lineno}"


def test_naive_times_are_not_made() -> None:
    """Neither the deprecated calls nor a now without a zone."""
    assert not re.search(r"utcnow|utcfromtimestamp|\bnow\(\)|fromtimestamp\([^,)]*\)|\.today\(\)", SOURCE)


def test_one_place_knows_the_wires_end() -> None:
    """The inclusive end is made once."""
    assert len(re.findall(r"\* 1000 - 1\b", SOURCE)) == 1


def test_the_top_level_shows_what_it_should() -> None:
    """Six names, and dot files for tools."""
    shown = {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.name != "__pycache__"}
    assert shown <= {"maas_rest_usage_stats.py", "references", "tests", "SKILL.md", "requirements.txt", "README.md"}


def table(path: Path, heading: str) -> list[list[str]]:
    """Return the rows of the first table below a heading of a page."""
    section = path.read_text(encoding="utf-8").partition(f"\n{heading}\n")[2]
    rows = [line.strip("|").split("|") for line in section.partition("\n#")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def test_the_readmes_options() -> None:
    """Its table names every option of the parser, with its values and its default, and no other."""
    parser = script.build_parser()
    rows = {re.findall(r"`(--[a-z-]+)", row[0])[0]: row for row in table(ROOT / "README.md", "### Options")}
    options = {action.option_strings[0]: action for action in parser._actions}
    assert list(rows) == list(options)
    for name, action in options.items():
        for choice in action.choices or ():
            assert f"`{choice}`" in "".join(rows[name])
        if isinstance(action.default, str):
            assert rows[name][2] == f"`{action.default}`"
    assert parser.format_usage().count("--") == len(options)


def test_the_readmes_exit_codes_and_variables() -> None:
    """Its tables name every exit code, and every variable that the script reads."""
    kinds = [value for value in vars(script).values() if isinstance(value, script.Kind)]
    codes = [row[0].strip("`") for row in table(ROOT / "README.md", "### Exit codes")]
    assert codes == [str(code) for code in sorted({0, *(kind.exit_code for kind in kinds)})]
    named = "".join(row[0] for row in table(ROOT / "README.md", "### Environment variables"))
    for name in (*script.HW_NAMES, *script.SDK_NAMES, script.PROFILE_VARIABLE, "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "TZ"):
        assert f"`{name}`" in named
