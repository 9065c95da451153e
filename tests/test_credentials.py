"""Where keys come from, and what is said of those that are no keys."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest
from cloud import AK, PROJECT_ID, SK, TOKEN, FakeCloud
from conftest import Result, Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

OTHER_AK = "EXAMPLEAK1111111111"
OTHER_SK = "EXAMPLESK11111111111111111111111111111111"
NO_KEYS = {"HW_ACCESS_KEY": None, "HW_SECRET_KEY": None}
SDK_KEYS = {"HUAWEICLOUD_SDK_AK": AK, "HUAWEICLOUD_SDK_SK": SK}
OTHER_PROJECT_ID = "f" * 32  # the cloud refuses it
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")

CSV_HEADER = "User Name,Access Key Id,Secret Access Key"

# The four forms of a credentials file, each once.
LINES = f"{AK}\n{SK}\n"
NAMES = f"HW_ACCESS_KEY={AK}\nHW_SECRET_KEY={SK}\n"
CSV = f"{CSV_HEADER}\nsomebody,{AK},{SK}\n"
PROFILE = f"[basic]\nak = {AK}\nsk = {SK}\n"
FORMS = {"lines": LINES, "names": NAMES, "csv": CSV, "profile": PROFILE}

# How a program on Windows may save a text.
ENCODERS: dict[str, Callable[[str], bytes]] = {
    "Windows line ends": lambda text: text.replace("\n", "\r\n").encode(),
    "UTF-8 with BOM": lambda text: text.encode("utf-8-sig"),
    "UTF-16 little-endian": lambda text: ("\ufeff" + text).encode("utf-16-le"),
    "UTF-16 big-endian": lambda text: ("\ufeff" + text).encode("utf-16-be"),
}

VARIANTS = {
    "lines, no end of the last": f"{AK}\n{SK}",
    "lines among blanks and comments": f"# my AK\n\n  {AK}  \n\n# \u5bc6\u94a5\n\t{SK}\n\n",
    "names, exported": f"export HW_ACCESS_KEY={AK}\nexport  HW_SECRET_KEY={SK}\n",
    "names, set": f"set HW_ACCESS_KEY={AK}\r\nSET HW_SECRET_KEY={SK}\r\n",
    "names, quoted": f"HW_ACCESS_KEY=\"{AK}\"\nexport HW_SECRET_KEY='{SK}'\n",
    "names, spaced": f"HW_ACCESS_KEY = {AK}\nHW_SECRET_KEY\t=\t{SK}\n",
    "names of the SDK": f"HUAWEICLOUD_SDK_AK={AK}\nHUAWEICLOUD_SDK_SK={SK}\n",
    "names among others": f"# keys\nX=1\nHW_ACCESS_KEY={AK}\n\nHW_SECRET_KEY={SK}\nnonsense\n",
    "csv, quoted": f'"User Name","Access Key Id","Secret Access Key"\n"\u738b, x",{AK},"{SK}"\n',
    "csv, other order": f"Secret Access Key,Access Key Id\n{SK},{AK}\n",
    "csv, more columns": f"{CSV_HEADER},Created\nsomebody,{AK},{SK},2026-01-01\n",
    "csv, from a spreadsheet": f"{CSV_HEADER}\nsomebody,{AK},{SK}\n,,\n",
    "profile, other sections": f"[global]\nak = x\nsk = y\n[basic]\nsk={SK}\nak={AK}\n[z]\nak=x\n",
    "profile, colons and capitals": f"[basic]\nAK: {AK}\nSk: {SK}\n",
    "profile, comments": f"# a comment\n[basic]\n; another\nak = {AK}\n\nsk = {SK}\n",
}

GBK_FILES = {
    "comment": b"# " + "\u6211\u7684\u5bc6\u94a5".encode("gbk") + f"\n{LINES}".encode(),
    "user name": f"{CSV_HEADER}\n".encode()
    + "\u738b\u5c0f\u660e".encode("gbk")
    + f",{AK},{SK}".encode(),
}

TOKEN_FILES = {
    "names": f"{NAMES}HW_SECURITY_TOKEN={TOKEN}\n",
    "names of the SDK": (
        f"HUAWEICLOUD_SDK_AK={AK}\nHUAWEICLOUD_SDK_SK={SK}\n"
        f"export HUAWEICLOUD_SDK_SECURITY_TOKEN='{TOKEN}'\n"
    ),
    "profile": f"{PROFILE}security_token = {TOKEN}\n",
}

# No form at all, and what the message says of it.
NO_FORM = {
    "empty": (b"", "is empty"),
    "only blanks": (b" \n\n\t\n", "is empty"),
    "only comments": (f"# {AK}\n# {SK}\n".encode(), "is empty"),
    "only a BOM": (b"\xef\xbb\xbf", "is empty"),
    "binary": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "is binary"),
    "UTF-16 without BOM": (LINES.encode("utf-16-le"), "is binary"),
    "too long": (f"{LINES}#".encode() + b"x" * 65536, "is too long"),
    "AK and SK on one line": (f"{AK},{SK}\n".encode(), "format"),
    "AK alone": (f"{AK}\n".encode(), "format"),
    "token on a third line": (f"{LINES}{TOKEN}\n".encode(), "format"),
    "name above AK and SK": (f"somebody-else\n{LINES}".encode(), "format"),
    "name beside the AK": (f"somebody: {AK}\n{SK}\n".encode(), "format"),
    "AK of 7 characters": (f"EXAMPLE\n{SK}\n".encode(), "format"),
    "csv without header": (f"somebody,{AK},{SK}\n".encode(), "format"),
    "csv, two rows without header": (
        f"one,{AK},{SK}\ntwo,{OTHER_AK},{OTHER_SK}".encode(),
        "format",
    ),
    "csv with another header": (f"name,id,key\nsomebody,{AK},{SK}\n".encode(), "format"),
    "names of others": (f"AWS_ACCESS_KEY_ID={AK}\nAWS_SECRET_ACCESS_KEY={SK}".encode(), "format"),
    "profile without [basic]": (f"[global]\nak = {AK}\nsk = {SK}\n".encode(), "format"),
    "JSON": (f'{{"access": "{AK}", "secret": "{SK}"}}'.encode(), "format"),
    "prose": (b"Dear colleagues,\nplease find everything below.\n", "format"),
}

# A known form with something wrong in it, and what the message names.
WRONG_CONTENT = {
    "csv with header only": (f"{CSV_HEADER}\n", ["0 rows"]),
    "csv with two rows": (f"{CSV}somebody,{OTHER_AK},{OTHER_SK}\n", ["2 rows"]),
    "csv without AK": (f"{CSV_HEADER}\nsomebody,,{SK}\n", ["access key id is not"]),
    "csv without SK": (f"{CSV_HEADER}\nsomebody,{AK}\n", ["secret access key is not"]),
    "names without SK": (f"HW_ACCESS_KEY={AK}\n", ["HW_SECRET_KEY is not"]),
    "names without AK": (f"HW_SECRET_KEY={SK}\n", ["HW_ACCESS_KEY is not"]),
    "names of two kinds": (
        f"HW_SECRET_KEY={SK}\nHUAWEICLOUD_SDK_AK={AK}\n",
        ["HW_ACCESS_KEY is not"],
    ),
    "SDK names without AK": (f"HUAWEICLOUD_SDK_SK={SK}\n", ["HUAWEICLOUD_SDK_AK is not"]),
    "profile without SK": (f"[basic]\nak = {AK}\n", ["sk is not"]),
    "profile without AK": (f"[basic]\nsk = {SK}\n", ["ak is not"]),
    "profile without both": ("[basic]\nsecurity = somebody-else\n", ["ak and sk are missing"]),
    "comment behind the SK": (f"HW_ACCESS_KEY={AK}\nHW_SECRET_KEY={SK} # mine\n", ["a blank"]),
    "quote that is not closed": (f'HW_ACCESS_KEY="{AK}\nHW_SECRET_KEY={SK}\n', ["quote"]),
    "SK of 7 characters": (f"{AK}\nEXAMPLE\n", ["SK on line 2", "shorter than 8"]),
    "project id that is none": (f"{PROFILE}project_id = ../../somewhere\n", ["project id", "32"]),
}

FORBIDDEN = {
    "blank inside": ("{0:.9} {0}", "a blank"),
    "double quote": ('{}"', "quote"),
    "single quote": ("{}'", "quote"),
    "semicolon": ("{};", "semicolon"),
    "accent": ("{}\u00e9", "non-ASCII"),
    "Chinese": ("\u60a8\u7684{}", "non-ASCII"),
    "blank of no width": ("{}\u200b", "non-ASCII"),
    "bell": ("{}\x07", "control"),
    "delete": ("{}\x7f", "control"),
}
# A credentials file cannot hold these: there they end a line, or are blanks at its end.
FORBIDDEN_IN_VARIABLES = {
    "line break": ("{}\n", "control"),
    "header injection": ("{0}\r\nX-Other:1", "control"),
    "tab": ("{}\t", "control"),
    "blank at the end": ("{} ", "a blank"),
    "only blanks": ("          ", "a blank"),
    "7 characters": ("EXAMPLE", "shorter than 8"),
}
GOOD_VALUES = {"HW_ACCESS_KEY": AK, "HW_SECRET_KEY": SK, "HW_SECURITY_TOKEN": TOKEN}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A credentials file to be written, which only its owner can read."""
    path = tmp_path / "file"
    path.touch(0o600)
    return path


def message_on(path: Path, result: Result) -> str:
    """Return the error message, which must name the file, without the file's path.

    pytest puts the test's id into the path, so words of a case may stand there by accident.
    """
    message: str = result.error["message"]
    assert str(path) in message
    return message.replace(str(path), "")


def ak_sent(cloud: FakeCloud) -> str:
    """Return the AK of the first request."""
    authorization = cloud.seen[0].headers["authorization"]
    return authorization.split("Access=")[1].split(",")[0]


def words_shown(content: bytes, result: Result) -> list[str]:
    """Return the longer words of a file that stderr shows, except names of variables."""
    words = re.findall("[A-Za-z0-9+/=_-]{8,}", content.decode("utf-8", "ignore"))
    values = [word.split("=")[-1] for word in words]
    return [value for value in values if len(value) >= 8 and value in result.err]


# --- Forms of the file that are read ---


@pytest.mark.parametrize("text", [*FORMS.values(), *VARIANTS.values()], ids=[*FORMS, *VARIANTS])
def test_a_file_of_each_form_is_read_before_the_environment(
    text: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """The environment's pair is unknown to the cloud, so success means the file's."""
    file.write_bytes(text.encode())

    other_keys = {"HW_ACCESS_KEY": OTHER_AK, "HW_SECRET_KEY": OTHER_SK}
    result = run("--credentials-file", str(file), **other_keys)

    assert result.code == 0
    assert ak_sent(cloud) == AK
    assert "x-security-token" not in cloud.seen[0].headers


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("form", FORMS)
def test_a_file_from_windows_is_read(
    form: str, encoder: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """Notepad and PowerShell save texts so."""
    file.write_bytes(ENCODERS[encoder](FORMS[form]))

    result = run("--credentials-file", str(file), **NO_KEYS)

    assert result.code == 0
    assert ak_sent(cloud) == AK


@pytest.mark.parametrize("content", GBK_FILES.values(), ids=GBK_FILES)
def test_gbk_outside_the_keys_does_no_harm(content: bytes, file: Path, run: Run) -> None:
    """Bytes that are not UTF-8 are replaced."""
    file.write_bytes(content)

    assert run("--credentials-file", str(file), **NO_KEYS).code == 0


@pytest.mark.parametrize("text", TOKEN_FILES.values(), ids=TOKEN_FILES)
def test_the_token_of_a_file_is_sent_and_signed(
    text: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """Two lines and the console's table have no place for one."""
    cloud.keys[AK] = (SK, TOKEN)
    file.write_text(text, encoding="utf-8")

    result = run("--credentials-file", str(file), **NO_KEYS)

    assert result.code == 0  # the cloud refuses a token that is not signed
    assert cloud.seen[0].headers["x-security-token"] == TOKEN


@pytest.mark.parametrize("header", [f"{CSV_HEADER},", ",Access Key Id,Secret Access Key"])
def test_a_csv_column_without_a_name_is_no_token(
    header: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """A spreadsheet adds such columns, and a token goes out in clear."""
    file.write_text(f"{header}\nsomebody-else,{AK},{SK},more-of-it\n", encoding="utf-8")

    result = run("--credentials-file", str(file), **NO_KEYS)

    assert result.code == 0
    assert "x-security-token" not in cloud.seen[0].headers


def test_a_percent_sign_and_a_backslash_in_an_sk_are_just_characters(
    file: Path, cloud: FakeCloud, run: Run
) -> None:
    """They are neither interpolated nor unescaped."""
    example_sk = "EXAMPLE%SK%(x)s%41\\=/+#"
    cloud.keys[AK] = (example_sk, "")
    file.write_text(f"[basic]\nak = {AK}\nsk = {example_sk}\n", encoding="utf-8")

    assert run("--credentials-file", str(file)).code == 0
    variables = {"HW_SECRET_KEY": example_sk}
    assert run(**variables).code == 0


def test_keys_of_8_characters_are_long_enough(cloud: FakeCloud, run: Run) -> None:
    """Shorter ones are refused below."""
    cloud.keys["EXAMPLE1"] = ("EXAMPLE2", "")

    keys = {"HW_ACCESS_KEY": "EXAMPLE1", "HW_SECRET_KEY": "EXAMPLE2"}
    assert run(**keys).code == 0


# --- Files that are refused ---


@pytest.mark.parametrize(("content", "words"), NO_FORM.values(), ids=NO_FORM)
def test_a_file_of_no_form_is_refused_with_the_forms_and_without_its_content(
    content: bytes, words: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """Nothing is sent."""
    file.write_bytes(content)

    result = run("--credentials-file", str(file), "--format", "json", **NO_KEYS)

    assert result.code == 3
    assert words in message_on(file, result)
    for form in ("line 1", "line 2", "NAME=VALUE", "credentials.csv", "[basic]"):
        assert form in result.error["hint"]
    assert words_shown(content, result) == []
    assert cloud.connections == []


@pytest.mark.parametrize(("text", "words"), WRONG_CONTENT.values(), ids=WRONG_CONTENT)
def test_a_fault_inside_a_file_is_named_without_its_content(
    text: str, words: list[str], file: Path, cloud: FakeCloud, run: Run
) -> None:
    """Nothing is sent."""
    file.write_text(text, encoding="utf-8")

    result = run("--credentials-file", str(file), "--format", "json", **NO_KEYS)

    assert result.code == 3
    for word in words:
        assert word in message_on(file, result)
    assert words_shown(text.encode(), result) == []
    assert cloud.connections == []


def test_a_missing_file_is_said_to_be_missing(
    tmp_path: Path, cloud: FakeCloud, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just that."""
    monkeypatch.chdir(tmp_path)  # a long path would be shortened in the message

    result = run("--credentials-file", "keys.txt")

    assert result.code == 3
    assert "keys.txt does not exist" in result.error["message"]
    assert cloud.connections == []


def test_a_folder_is_no_file(
    tmp_path: Path, cloud: FakeCloud, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's own words say so."""
    monkeypatch.chdir(tmp_path)
    Path("keys").mkdir()

    result = run("--credentials-file", "keys")

    assert result.code == 3
    reason = "Permission denied" if sys.platform == "win32" else "Is a directory"
    assert result.error["message"] == f"the credentials file keys cannot be opened: {reason}."
    assert cloud.connections == []


def test_a_path_that_no_file_can_have_is_refused(cloud: FakeCloud, run: Run) -> None:
    """Not with a Python error."""
    result = run("--credentials-file", "x\0y")

    assert result.code == 3
    assert "not valid" in result.error["message"]
    assert cloud.connections == []


@posix_only
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_told_in_the_words_of_the_system(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening it fails."""
    monkeypatch.chdir(tmp_path)
    Path("keys").touch(0)

    result = run("--credentials-file", "keys")

    assert result.code == 3
    assert "Permission denied" in result.error["message"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_file_that_fails_while_it_is_read_is_told(run: Run) -> None:
    """Opening it succeeds, reading it fails."""
    result = run("--credentials-file", "/proc/self/mem")

    assert result.code == 3
    assert "/proc/self/mem" in result.error["message"]
    assert "Input/output error" in result.error["message"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (SK, "EXAM...0000"),
        ("EXAMPLE0AK0000000001", "EXAM...0001"),
        (f"EXAMPLE0AK0000000001,{SK}", "EXAM...0001,EXAM...0000"),
        ("EXAMPLE+/=0000000000_-01", "EXAM..._-01"),
    ],
    ids=["SK", "AK", "AK and SK", "base64"],
)
def test_a_key_in_the_place_of_the_path_is_shortened(path: str, shown: str, run: Run) -> None:
    """It would end up in logs."""
    result = run("--credentials-file", path, **NO_KEYS)

    assert result.code == 3
    assert shown in result.error["message"]
    assert path not in result.err


# --- Characters that a key cannot have ---


@pytest.mark.parametrize("name", GOOD_VALUES)
@pytest.mark.parametrize(
    ("spoiled", "words"),
    [*FORBIDDEN.values(), *FORBIDDEN_IN_VARIABLES.values()],
    ids=[*FORBIDDEN, *FORBIDDEN_IN_VARIABLES],
)
def test_a_variable_that_cannot_be_a_key_is_named_with_the_reason(
    spoiled: str, words: str, name: str, cloud: FakeCloud, run: Run
) -> None:
    """Sending it would cost a failed signature."""
    result = run("--format", "json", **{name: spoiled.format(GOOD_VALUES[name])})

    assert result.code == 3
    assert result.error["message"].startswith(f"{name} in the environment ")
    assert words in result.error["message"]
    assert name in result.error["hint"]
    assert cloud.connections == []


@pytest.mark.parametrize("name", GOOD_VALUES)
@pytest.mark.parametrize(("spoiled", "words"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_value_in_a_file_that_cannot_be_a_key_is_named_with_the_reason(
    spoiled: str, words: str, name: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """The same as for variables."""
    values = {**GOOD_VALUES, name: spoiled.format(GOOD_VALUES[name])}
    lines = [f"{each}={value}\n" for each, value in values.items()]
    file.write_text("".join(lines), encoding="utf-8")

    result = run("--credentials-file", str(file), "--format", "json", **NO_KEYS)

    assert result.code == 3
    assert result.error["message"].startswith(f"{name} in ")
    assert words in message_on(file, result)
    assert cloud.connections == []


# --- Sources, their order, and what belongs together ---


def write_profile(home: Path, text: str) -> Path:
    """Write the SDK's profile file, which only its owner can read; return its path."""
    folder = home / ".huaweicloud"
    folder.mkdir()
    path = folder / "credentials"
    path.touch(0o600)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("removed", "used"),
    [
        ([], "EXAMPLE0FILE"),
        (["file"], "EXAMPLE1HW"),
        (["file", "HW"], "EXAMPLE2SDK"),
        (["file", "HW", "SDK"], "EXAMPLE3VARIABLE"),
        (["file", "HW", "SDK", "variable"], "EXAMPLE4HOME"),
    ],
    ids=["all", "no file", "no HW names", "no SDK names", "only the profile at home"],
)
def test_the_first_source_wins(
    removed: list[str], used: str, home: Path, tmp_path: Path, cloud: FakeCloud, run: Run
) -> None:
    """The cloud knows the pair of one source only."""
    cloud.keys = {used: (SK, "")}
    profile = "[basic]\nak = {}\nsk = {}\n"
    write_profile(home, profile.format("EXAMPLE4HOME", SK))
    (tmp_path / "other").write_text(profile.format("EXAMPLE3VARIABLE", SK), encoding="utf-8")
    (tmp_path / "file").write_text(f"EXAMPLE0FILE\n{SK}\n", encoding="utf-8")
    arguments = {"file": ["--credentials-file", str(tmp_path / "file")]}
    variables = {
        "HW": {"HW_ACCESS_KEY": "EXAMPLE1HW", "HW_SECRET_KEY": SK},
        "SDK": {"HUAWEICLOUD_SDK_AK": "EXAMPLE2SDK", "HUAWEICLOUD_SDK_SK": SK},
        "variable": {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(tmp_path / "other")},
    }
    for source in removed:
        arguments.pop(source, None)
        variables.pop(source, None)
    environment: dict[str, str | None] = dict(NO_KEYS)
    for names in variables.values():
        environment.update(names)

    result = run(*arguments.get("file", []), **environment)

    assert result.code == 0
    assert ak_sent(cloud) == used


@pytest.mark.parametrize(
    ("variables", "present", "missing"),
    [
        ({"HW_SECRET_KEY": None}, "HW_ACCESS_KEY", "HW_SECRET_KEY"),
        ({"HW_ACCESS_KEY": ""}, "HW_SECRET_KEY", "HW_ACCESS_KEY"),
        ({"HW_SECRET_KEY": None, **SDK_KEYS}, "HW_ACCESS_KEY", "HW_SECRET_KEY"),
        (
            {**NO_KEYS, "HUAWEICLOUD_SDK_AK": AK},
            "HUAWEICLOUD_SDK_AK",
            "HUAWEICLOUD_SDK_SK",
        ),
        (
            {**NO_KEYS, "HUAWEICLOUD_SDK_SK": SK},
            "HUAWEICLOUD_SDK_SK",
            "HUAWEICLOUD_SDK_AK",
        ),
    ],
    ids=[
        "HW, no SK",
        "HW, empty AK",
        "HW, no SK beside a pair of the SDK",
        "no SDK SK",
        "no SDK AK",
    ],
)
def test_half_a_pair_names_the_missing_half_and_no_other_source_fills_in(
    variables: dict[str, str | None], present: str, missing: str, cloud: FakeCloud, run: Run
) -> None:
    """Nothing is sent."""
    result = run("--format", "json", **variables)

    assert result.code == 3
    assert result.error["kind"] == "credentials"
    assert f"{present} is set" in result.error["message"]
    assert f"{missing} is not" in result.error["message"]
    assert missing in result.error["hint"]
    assert cloud.connections == []


def test_a_half_pair_in_the_file_is_not_filled_from_the_environment(file: Path, run: Run) -> None:
    """The environment has the missing half."""
    file.write_text(f"HW_ACCESS_KEY={AK}\n", encoding="utf-8")

    result = run("--credentials-file", str(file))

    assert result.code == 3
    assert "HW_SECRET_KEY is not" in message_on(file, result)


@pytest.mark.parametrize("variables", [{}, {"HW_SECURITY_TOKEN": TOKEN}], ids=["none", "a token"])
def test_without_keys_the_hint_says_how_to_give_them(
    variables: dict[str, str], cloud: FakeCloud, run: Run
) -> None:
    """A token alone is no source."""
    result = run("--format", "json", **NO_KEYS, **variables)

    assert result.code == 3
    assert "no credentials" in result.error["message"]
    for way in ("HW_ACCESS_KEY", "HW_SECRET_KEY", "--credentials-file"):
        assert way in result.error["hint"]
    assert cloud.connections == []


@pytest.mark.parametrize(
    "variables",
    [
        {"HW_SECURITY_TOKEN": TOKEN},
        {**NO_KEYS, **SDK_KEYS, "HUAWEICLOUD_SDK_SECURITY_TOKEN": TOKEN},
        {
            "HW_ACCESS_KEY": "",
            "HW_SECRET_KEY": "",
            **SDK_KEYS,
            "HUAWEICLOUD_SDK_SECURITY_TOKEN": TOKEN,
        },
    ],
    ids=["HW names", "SDK names", "SDK names beside empty HW names"],
)
def test_a_token_goes_with_the_keys_of_its_source(
    variables: dict[str, str | None], cloud: FakeCloud, run: Run
) -> None:
    """Empty variables count as unset."""
    cloud.keys[AK] = (SK, TOKEN)

    result = run(**variables)

    assert result.code == 0
    assert cloud.seen[0].headers["x-security-token"] == TOKEN


@pytest.mark.parametrize(
    "variables",
    [
        {"HUAWEICLOUD_SDK_SECURITY_TOKEN": TOKEN},
        {**NO_KEYS, **SDK_KEYS, "HW_SECURITY_TOKEN": TOKEN},
        {"HW_SECURITY_TOKEN": ""},
    ],
    ids=["of the SDK", "of HW", "empty"],
)
def test_a_token_of_another_source_is_not_sent(
    variables: dict[str, str | None], cloud: FakeCloud, run: Run
) -> None:
    """Sources are never mixed."""
    result = run(**variables)

    assert result.code == 0
    assert "x-security-token" not in cloud.seen[0].headers


def test_the_token_of_the_environment_is_not_sent_with_keys_of_a_file(
    file: Path, cloud: FakeCloud, run: Run
) -> None:
    """Sources are never mixed."""
    file.write_text(LINES, encoding="utf-8")

    result = run("--credentials-file", str(file), HW_SECURITY_TOKEN=TOKEN)

    assert result.code == 0
    assert "x-security-token" not in cloud.seen[0].headers


def test_a_profile_that_is_named_and_missing_is_an_error(
    home: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The profile at home does not stand in for it."""
    monkeypatch.chdir(tmp_path)
    write_profile(home, PROFILE)

    result = run(**NO_KEYS, HUAWEICLOUD_SDK_CREDENTIALS_FILE="keys.txt")

    assert result.code == 3
    assert "keys.txt does not exist" in result.error["message"]


def test_a_profile_of_no_form_is_an_error_that_names_it(home: Path, run: Run) -> None:
    """The user may not know that it exists."""
    path = write_profile(home, "[global]\n")

    result = run(**NO_KEYS)

    assert result.code == 3
    assert "format" in message_on(path, result)


def test_a_tilde_is_the_home_folder(home: Path, run: Run) -> None:
    """A shell leaves it alone after an equals sign."""
    (home / "my-credentials").write_text(LINES, encoding="utf-8")
    path = "~/my-credentials"

    assert run(f"--credentials-file={path}", **NO_KEYS).code == 0
    assert run(**NO_KEYS, HUAWEICLOUD_SDK_CREDENTIALS_FILE=path).code == 0


# --- The project id ---

SDK_PROJECT = {**NO_KEYS, **SDK_KEYS, "HUAWEICLOUD_SDK_PROJECT_ID": PROJECT_ID}


@pytest.mark.parametrize(
    ("argv", "variables"),
    [
        (["--project-id", PROJECT_ID], {"HW_PROJECT_ID": OTHER_PROJECT_ID}),
        (
            ["--project-id", PROJECT_ID],
            {**SDK_PROJECT, "HUAWEICLOUD_SDK_PROJECT_ID": OTHER_PROJECT_ID},
        ),
        (["--project-id", PROJECT_ID], {"HW_PROJECT_ID": "no project id"}),
        ([], {**SDK_PROJECT, "HW_PROJECT_ID": OTHER_PROJECT_ID}),
        ([], {**SDK_PROJECT, "HUAWEICLOUD_SDK_PROJECT_ID": None, "HW_PROJECT_ID": PROJECT_ID}),
        ([], {"HUAWEICLOUD_SDK_PROJECT_ID": OTHER_PROJECT_ID, "HW_PROJECT_ID": PROJECT_ID}),
    ],
    ids=[
        "the option before HW_PROJECT_ID",
        "the option before the source",
        "the option beside nonsense",
        "the source before HW_PROJECT_ID",
        "HW_PROJECT_ID for a source without one",
        "not that of a source that is not used",
    ],
)
def test_the_project_id_comes_from_the_first_that_has_one_and_iam_is_not_asked(
    argv: list[str], variables: dict[str, str | None], cloud: FakeCloud, run: Run
) -> None:
    """In the documented order."""
    result = run(*argv, "--format", "json", **variables)

    assert result.document["project_id"] == PROJECT_ID
    assert len(cloud.seen) == len(cloud.statistics) == 1


@posix_only
@pytest.mark.parametrize("name", ["HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"])
def test_a_variable_that_is_not_utf_8_is_refused(name: str, cloud: FakeCloud, run: Run) -> None:
    """Python reads such a byte as a surrogate."""
    variables = {name: "EXAMPLE\udcff0000"}

    result = run("--format", "json", **variables)

    assert result.code == 3
    assert result.error["message"] == f"{name} in the environment contains a non-ASCII character."
    assert cloud.connections == []
    assert run("--version", **variables).code == 0


@pytest.mark.parametrize(
    "text", [f"{PROFILE}project_id = {PROJECT_ID}\n", f"{NAMES}HW_PROJECT_ID={PROJECT_ID}\n"]
)
def test_the_project_id_of_a_file_comes_before_the_environment(
    text: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """It belongs to the keys."""
    file.write_text(text, encoding="utf-8")

    result = run("--credentials-file", str(file), HW_PROJECT_ID=OTHER_PROJECT_ID)

    assert result.code == 0
    assert len(cloud.seen) == 1


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"HW_PROJECT_ID": "nonsense"}, "HW_PROJECT_ID"),
        ({**SDK_PROJECT, "HUAWEICLOUD_SDK_PROJECT_ID": "A" * 32}, "environment"),
        ({**NO_KEYS, **SDK_KEYS, "HW_PROJECT_ID": "0" * 31}, "HW_PROJECT_ID"),
    ],
    ids=["HW_PROJECT_ID", "capitals", "too short"],
)
def test_a_project_id_that_is_none_is_told_with_its_place(
    variables: dict[str, str | None], place: str, cloud: FakeCloud, run: Run
) -> None:
    """Nothing is sent."""
    result = run("--format", "json", **variables)

    assert result.code == 3
    assert "the project id in" in result.error["message"]
    assert place in result.error["message"]
    assert "--project-id" in result.error["hint"]
    assert cloud.connections == []


# --- The note on files that others can read ---


def chmod_notes(result: Result) -> list[str]:
    """Return the notes with a command that changes permissions."""
    return [note for note in result.notes if "chmod" in note]


@posix_only
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o611], ids=oct)
def test_a_file_that_only_its_owner_can_read_earns_no_note(mode: int, file: Path, run: Run) -> None:
    """Others may even run it."""
    file.write_text(LINES, encoding="utf-8")
    file.chmod(mode)

    assert chmod_notes(run("--credentials-file", str(file))) == []


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644], ids=oct)
@pytest.mark.parametrize("output", ["json", "table"])
def test_a_file_that_others_can_read_earns_one_note(
    output: str, mode: int, file: Path, run: Run
) -> None:
    """It has the command that fixes the file."""
    file.write_text(LINES, encoding="utf-8")
    file.chmod(mode)

    result = run("--credentials-file", str(file), "--format", output)

    notes = chmod_notes(result)
    assert len(notes) == 1
    assert notes[0].endswith(f": chmod 600 {file}")


@posix_only
def test_a_profile_that_others_can_read_earns_the_note_with_its_whole_path(
    home: Path, run: Run
) -> None:
    """A quoted tilde would be no home folder."""
    path = write_profile(home, PROFILE)
    path.chmod(0o644)

    notes = chmod_notes(run(**NO_KEYS))

    assert notes[0].endswith(f": chmod 600 {path}")


@posix_only
@pytest.mark.parametrize("output", ["json", "table"])
@pytest.mark.parametrize("name", ["my keys", "it's", "two  blanks", "$HOME"])
def test_the_command_in_the_note_fixes_the_file(
    name: str, output: str, tmp_path: Path, run: Run
) -> None:
    """Whatever a shell makes of the path."""
    path = tmp_path / name
    path.write_text(LINES, encoding="utf-8")
    path.chmod(0o644)
    notes = chmod_notes(run("--credentials-file", str(path), "--format", output))
    command = "chmod 600 " + notes[0].split("chmod 600 ")[1]

    subprocess.run(["sh", "-c", command], check=True)

    assert shlex.split(command)[2:] == [str(path)]
    assert chmod_notes(run("--credentials-file", str(path), "--format", output)) == []


# --- A 401 says where the keys came from ---


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, ["HW_ACCESS_KEY", "HW_SECRET_KEY"]),
        ({**NO_KEYS, **SDK_KEYS}, ["HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"]),
    ],
    ids=["HW names", "SDK names"],
)
def test_the_hint_of_a_401_names_the_variables(
    variables: dict[str, str | None], names: list[str], cloud: FakeCloud, run: Run
) -> None:
    """Names, never values."""
    cloud.keys[AK] = (OTHER_SK, "")

    result = run("--format", "json", **variables)

    assert result.error["http_status"] == 401
    for name in names:
        assert name in result.error["hint"]


def test_the_hint_of_a_401_names_the_file(file: Path, cloud: FakeCloud, run: Run) -> None:
    """And not the variables, which are set as well."""
    cloud.keys[AK] = (OTHER_SK, "")
    file.write_text(LINES, encoding="utf-8")

    result = run("--credentials-file", str(file), "--format", "json")

    assert result.error["http_status"] == 401
    assert f"the credentials file {file}" in result.error["hint"]
    assert "HW_ACCESS_KEY" not in result.error["hint"]


def test_the_hint_of_a_401_names_the_profile(home: Path, cloud: FakeCloud, run: Run) -> None:
    """The user may not know that it exists."""
    cloud.keys[AK] = (OTHER_SK, "")
    path = write_profile(home, PROFILE)

    result = run("--format", "json", **NO_KEYS)

    assert result.error["http_status"] == 401
    assert str(path) in result.error["hint"]


# --- Any file at all ---

# All that is neither a name nor punctuation, nor a key that the cloud knows, bears this mark.
MARK = "QZX"
KNOWN_NAMES = [
    "HW_ACCESS_KEY",
    "HW_SECRET_KEY",
    "HW_SECURITY_TOKEN",
    "HUAWEICLOUD_SDK_AK",
    "HUAWEICLOUD_SDK_SK",
    "ak",
    "sk",
    "security_token",
    "project_id",
    "User Name",
    "Access Key Id",
    "Secret Access Key",
]
names = st.sampled_from(KNOWN_NAMES)
marked = st.text(max_size=12).map(lambda text: f"{MARK}{text}")
keys = st.sampled_from([AK, SK, TOKEN, PROJECT_ID, f'"{SK}"'])
joints = st.sampled_from(
    [
        "=",
        " = ",
        ":",
        ",",
        "\n",
        "\r\n",
        "\r",
        "\n#",
        "[basic]\n",
        "[",
        "]",
        "export ",
        " ",
        '"',
        "",
    ]
)
texts = st.lists(st.one_of(names, marked, keys, joints), max_size=14).map("".join)
pairs = st.lists(st.tuples(names, st.one_of(keys, marked)), max_size=4).map(
    lambda found: "".join(f"{name}={value}\n" for name, value in found)
)
whole_files = st.sampled_from([*FORMS.values(), *VARIANTS.values()])
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
any_file = st.one_of(
    st.binary(max_size=200).map(lambda content: content + MARK.encode() + content),
    st.builds(
        lambda text, encoding: text.encode(encoding, "replace"),
        st.one_of(texts, pairs, pairs.map("[basic]\n".__add__), whole_files),
        encodings,
    ),
)


@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=any_file)
def test_any_bytes_are_keys_or_refused_and_never_shown(
    content: bytes, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """Success takes at least one request for statistics."""
    cloud.reset()
    file.write_bytes(content)

    result = run("--credentials-file", str(file), "--format", "json", **NO_KEYS)

    assert result.code in (0, 3)
    assert bool(cloud.statistics) or result.code == 3
    assert MARK not in result.out + result.err


# --- Whole sentences, once each ---


@posix_only
def test_the_note_on_a_file_that_others_can_read_is_a_whole_sentence(file: Path, run: Run) -> None:
    """With the command that fixes it."""
    file.write_text(LINES, encoding="utf-8")
    file.chmod(0o644)
    path = shlex.quote(str(file))
    assert (
        f"Others can read the credentials file {file}. To fix it: chmod 600 {path}"
        in run("--credentials-file", str(file)).notes
    )


def test_the_hint_on_the_forms_is_a_whole_sentence(file: Path, run: Run) -> None:
    """It names all four."""
    file.write_text("nothing known", encoding="utf-8")
    assert run("--credentials-file", str(file)).error["hint"] == (
        "Use one of these forms: the AK on line 1 and the SK on line 2; NAME=VALUE lines with the "
        "names of the environment variables; the console's credentials.csv with one key; "
        "an INI profile with a section [basic]."
    )


def test_the_longest_file_has_65536_bytes(file: Path, run: Run) -> None:
    """A longer one is not a file of keys."""
    file.write_text(LINES + "#" * (65536 - len(LINES)), encoding="utf-8")
    assert run("--credentials-file", str(file)).code == 0
    file.write_text(LINES + "#" * (65537 - len(LINES)), encoding="utf-8")
    assert "is too long" in run("--credentials-file", str(file)).error["message"]


def test_the_hint_on_a_missing_file_is_a_whole_sentence(tmp_path: Path, run: Run) -> None:
    """It does not list forms: there is no file to have one."""
    result = run("--credentials-file", str(tmp_path / "missing"))
    assert result.error["hint"] == "Correct the path of the file."


def test_the_hint_on_several_rows_is_a_whole_sentence(file: Path, run: Run) -> None:
    """One key can be used at a time."""
    header = "User Name,Access Key Id,Secret Access Key"
    file.write_text(f"{header}\na,{AK},{SK}\nb,{OTHER_AK},{OTHER_SK}\n", encoding="utf-8")
    hint = run("--credentials-file", str(file)).error["hint"]
    assert hint == "Keep the header and the row of one key."
