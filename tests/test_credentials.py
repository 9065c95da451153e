"""Where AK, SK, token and project id come from, what is refused, and that no secret is shown."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Optional

import pytest
from cloud import AK, PROJECT_ID, SK, TOKEN, Answer, FakeCloud, refusal
from conftest import Clock, Result, Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import maas_rest_usage_stats as script

OTHER_AK = "EXAMPLEAK1111111111"  # an example
OTHER_SK = "EXAMPLESK11111111111111111111111111111111"  # an example
OTHER_PROJECT_ID = "f" * 32  # the cloud refuses it
Variables = Dict[str, Optional[str]]  # None removes a variable
NO_KEYS = {"HW_ACCESS_KEY": None, "HW_SECRET_KEY": None}
SDK_KEYS = {**NO_KEYS, "HUAWEICLOUD_SDK_AK": AK, "HUAWEICLOUD_SDK_SK": SK}
OUTPUTS = ["table", "markdown", "json", "csv", "raw"]
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")

LINES = f"{AK}\n{SK}\n"
NAMES = f"HW_ACCESS_KEY={AK}\nHW_SECRET_KEY={SK}\n"
SDK_NAMES = f"HUAWEICLOUD_SDK_AK={AK}\nHUAWEICLOUD_SDK_SK={SK}\n"
OTHER_SDK_NAMES = f"HUAWEICLOUD_SDK_AK={OTHER_AK}\nHUAWEICLOUD_SDK_SK={OTHER_SK}\n"
PROFILE = f"[basic]\nak = {AK}\nsk = {SK}\n"
OTHER_PROFILE = f"ak = {OTHER_AK}\nsk = {OTHER_SK}\n"
HEADER = "User Name,Access Key Id,Secret Access Key"
CSV = f"{HEADER}\nsomebody,{AK},{SK}\n"

FILES = {
    "two lines": LINES,
    "two lines, no line break at the end": f"{AK}\n{SK}",
    "two lines among comments": f"# my AK\n\n  {AK}  \n\n # \u5bc6\u94a5\n\t{SK}\n\n",
    "one line": f"{AK},{SK}\n",
    "one line with spaces": f"# mine\n {AK} ,\t{SK} ",
    "csv": CSV,
    "csv, quoted": f'"User Name","Access Key Id","Secret Access Key"\n"\u738b, x",{AK},"{SK}"\n',
    "csv, other order": f"Secret Access Key,Access Key Id\n{SK},{AK}\n",
    "csv, more columns": f"{HEADER},Created\nsomebody,{AK},{SK},2026-01-01\n",
    "csv, other capitals": f"access key ID,SECRET access key\n{AK},{SK}\n",
    "csv, spaces": f"Access Key Id , Secret Access Key\n{AK} , {SK}\n",
    "csv, rows and columns of a spreadsheet": f"{HEADER},\nsomebody-else,{AK},{SK},more\n,,,\n",
    "names": NAMES,
    "names, spaces": f"HW_ACCESS_KEY = {AK}\nHW_SECRET_KEY\t=\t{SK}\n",
    "names, exported": f"export HW_ACCESS_KEY={AK}\nexport \t HW_SECRET_KEY={SK}\n",
    "names, set": f"set HW_ACCESS_KEY={AK}\nSET HW_SECRET_KEY={SK}\n",
    "names, quoted": f"HW_ACCESS_KEY=\"{AK}\"\nexport HW_SECRET_KEY = '{SK}'\n",
    "names, other lines": f"X=1\nHW_ACCESS_KEY={AK}\n\nHW_SECRET_KEY={SK}\nnonsense\n; sk = x\n",
    "names, twice": f"HW_ACCESS_KEY={OTHER_AK}\nHW_SECRET_KEY={OTHER_SK}\n{NAMES}",
    "names of the SDK": SDK_NAMES,
    "names of HW after those of the SDK": OTHER_SDK_NAMES + NAMES,
    "names of the SDK after those of the profile": OTHER_PROFILE + SDK_NAMES,
    "profile": PROFILE,
    "profile, no section": f"ak={AK}\nsk={SK}\n",
    "profile, colons and capitals": f"[basic]\nAK: {AK}\nSk :{SK}\n",
    "profile, twice in other capitals": f"[basic]\nak = {OTHER_AK}\nsk = {SK}\nAK = {AK}\n",
    "profile, section before": f"[global]\nak = x\n{OTHER_SDK_NAMES}{PROFILE}",
    "profile, section after": f"{PROFILE}[global]\nak = x\nsk = y\n{OTHER_SDK_NAMES}",
}
BYTES = {
    "CRLF": LINES.replace("\n", "\r\n").encode(),
    "UTF-8 with BOM": LINES.encode("utf-8-sig"),
    "UTF-16, little-endian": f"\ufeff{LINES}".encode("utf-16-le"),
    "UTF-16, big-endian": f"\ufeff{LINES}".encode("utf-16-be"),
    "GBK in a comment": "# \u6211\u7684\u5bc6\u94a5\n".encode("gbk") + LINES.encode(),
    "GBK in a user name": CSV.replace("somebody", "\u738b\u5c0f\u660e").encode("gbk"),
    "1 MiB": LINES.encode() + b"#" * (2**20 - len(LINES)),
}
UNKNOWN_FILES = {
    "empty": b"",
    "only blank lines": b" \n\n\t\n",
    "only comments": f"# {AK}\n# {SK}\n".encode(),
    "only a BOM": b"\xef\xbb\xbf",
    "binary": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "UTF-16 without BOM": LINES.encode("utf-16-le"),
    "AK alone": f"{AK}\n".encode(),
    "AK of 7 characters": f"EXAMPLE\n{SK}\n".encode(),
    "AK with a hyphen": f"EXAMPLE-AK-0000\n{SK}\n".encode(),
    "name beside the AK": f"somebody: {AK}\n{SK}\n".encode(),
    "three lines": f"{LINES}{TOKEN}\n".encode(),
    "one line of three": f"{AK},{SK},{TOKEN}\n".encode(),
    "csv without a header": f"somebody,{AK},{SK}\n".encode(),
    "csv with another header": f"name,id,key\nsomebody,{AK},{SK}\n".encode(),
    "csv with a header only": f"{HEADER}\n".encode(),
    "csv with two rows": f"{CSV}somebody,{OTHER_AK},{OTHER_SK}\n".encode(),
    "csv without SK": f"{HEADER}\nsomebody,{AK}\n".encode(),
    "csv with a huge field": f'{HEADER}\n"{"x" * 140_000}\n'.encode(),
    "names of others": f"AWS_ACCESS_KEY_ID={AK}\nAWS_SECRET_ACCESS_KEY={SK}\n".encode(),
    "token alone": f"HW_SECURITY_TOKEN={TOKEN}\n".encode(),
    "another section only": f"[global]\nak = {AK}\nsk = {SK}\n".encode(),
    "JSON": f'{{"ak": "{AK}", "sk": "{SK}"}}'.encode(),
    "over 1 MiB": LINES.encode() + b"#" * (2**20 - len(LINES) + 1),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A credentials file to be written, which only its owner can read."""
    path = tmp_path / "file"
    path.touch(0o600)
    return path


@pytest.fixture
def profile(home: Path) -> Path:
    """The SDK's profile file in the home folder, which only its owner can read."""
    path = home / ".huaweicloud" / "credentials"
    path.parent.mkdir()
    path.touch(0o600)
    path.write_text(PROFILE, encoding="utf-8")
    return path


def ak_sent(cloud: FakeCloud) -> str:
    """Return the AK of the first request."""
    authorization = cloud.seen[0].headers["authorization"]
    return authorization.split("Access=")[1].split(",")[0]


# --- The credentials file ---


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_a_file_of_each_form_is_read_before_the_environment(
    text: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """The environment has a pair that the cloud does not know, and a token."""
    file.write_text(text, encoding="utf-8")
    other_keys = {"HW_ACCESS_KEY": OTHER_AK, "HW_SECRET_KEY": OTHER_SK, "HW_SECURITY_TOKEN": TOKEN}
    assert run("--credentials-file", str(file), **other_keys).code == 0
    assert ak_sent(cloud) == AK
    assert "x-security-token" not in cloud.seen[0].headers


@pytest.mark.parametrize("content", BYTES.values(), ids=BYTES)
def test_a_file_in_each_encoding_is_read(content: bytes, file: Path, run: Run) -> None:
    """As programs on Windows save it, with other bytes outside of the keys, and of full length."""
    file.write_bytes(content)
    assert run("--credentials-file", str(file), **NO_KEYS).code == 0


@pytest.mark.parametrize("content", UNKNOWN_FILES.values(), ids=UNKNOWN_FILES)
def test_a_file_of_no_known_form_is_refused(
    content: bytes, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """Its path is in the message. The pair in the environment does not stand in for it."""
    file.write_bytes(content)
    result = run("--credentials-file", str(file), "--format", "json")
    assert result.code == 3
    assert result.error["kind"] == "credentials"
    assert f"the credentials file {file}" in result.error["message"]
    assert "not valid" not in result.error["message"]
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f"HW_ACCESS_KEY={AK}\nHW_SECRET_KEY={SK} # mine\n", "HW_SECRET_KEY"),
        (f'HW_ACCESS_KEY="{AK}\nHW_SECRET_KEY={SK}\n', "HW_ACCESS_KEY"),
        (f"HW_ACCESS_KEY='{AK}\"\nHW_SECRET_KEY={SK}\n", "HW_ACCESS_KEY"),
        (f"{PROFILE}security_token = two words\n", "security_token"),
        (f"{AK}\nEXAMPLE\n", "sk"),
    ],
    ids=["comment behind a value", "open quote", "two kinds of quotes", "token", "short SK"],
)
def test_a_value_in_a_file_that_cannot_be_a_key_is_named(
    text: str, name: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """Sending it would cost a failed signature."""
    file.write_text(text, encoding="utf-8")
    result = run("--credentials-file", str(file), **NO_KEYS)
    assert result.code == 3
    assert result.error["message"].startswith(f"{name} in the credentials file {file} is not valid")
    assert cloud.connections == []


@pytest.mark.parametrize("path", ["missing", ".", "no\0path", ""])
def test_a_file_that_cannot_be_read_is_an_error(
    path: str, profile: Path, cloud: FakeCloud, run: Run
) -> None:
    """No other source stands in for it."""
    result = run("--credentials-file", path)
    assert result.code == 3
    assert "cannot read the credentials file" in result.error["message"]
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("EXAMPLE0AK0000000001", "EXAM...0001"),
        (f"EXAMPLE0AK0000000001,{SK}", "EXAM...0001,EXAM...0000"),
        ("my-keys/of_the+team=one/two/three.csv", "my-keys/of_the+team=one/two/three.csv"),
    ],
)
def test_a_key_in_the_place_of_the_path_is_masked(path: str, shown: str, run: Run) -> None:
    """And a path stays readable."""
    assert f"the credentials file {shown}:" in run("--credentials-file", path).error["message"]


# Parts of files. All that is not a name, punctuation or a key of the cloud begins with the mark.
MARK = "QZX"
NAMES_OF_VALUES = ["HW_ACCESS_KEY", "HW_SECRET_KEY", "ak", "sk", "project_id", "Access Key Id"]
PUNCTUATION = ["\n", "\r\n", "=", " = ", ":", ",", "#", '"', " ", "[basic]", "[", "export "]
parts = st.one_of(
    st.sampled_from([*NAMES_OF_VALUES, *PUNCTUATION, f"ak={AK}\n", f"sk={SK}\n", AK, SK, TOKEN]),
    st.text(max_size=12).map(lambda text: MARK + text),
)
texts = st.lists(parts, max_size=14).map("".join)
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
encoded = st.builds(lambda text, encoding: text.encode(encoding, "replace"), texts, encodings)


@settings(
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=st.binary(max_size=200) | encoded)
def test_any_bytes_are_credentials_or_refused_and_never_shown(
    content: bytes, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """There is no other exit code."""
    cloud.reset()
    file.write_bytes(content)
    result = run("--credentials-file", str(file), "--format", "json", **NO_KEYS)
    assert result.code in (0, 3)
    assert MARK not in result.out + result.err


def test_an_exception_while_a_file_is_read_shows_no_text(
    file: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may quote a secret. There is no traceback, either."""

    def fail(*_: object) -> None:
        raise RuntimeError("a text with " + SK)

    monkeypatch.setattr(csv, "reader", fail)
    file.write_text(CSV, encoding="utf-8")
    result = run("--credentials-file", str(file), "--format", "json", **NO_KEYS)
    assert result.code == 1
    assert result.error["kind"] == "internal"
    assert "RuntimeError" in result.error["message"]
    assert "a text with" not in result.err
    assert "Traceback" not in result.err


# --- Permissions of the file ---


def chmod_commands(result: Result) -> list[str]:
    """Return the commands in the notes that change permissions."""
    return ["chmod" + note.split("chmod")[1] for note in result.notes if "chmod" in note]


@posix_only
@pytest.mark.parametrize("output", ["json", "table"])
@pytest.mark.parametrize(
    ("mode", "notes"), [(0o600, 0), (0o400, 0), (0o733, 0), (0o640, 1), (0o604, 1)]
)
def test_a_file_that_others_can_read_has_one_note(
    mode: int, notes: int, output: str, file: Path, run: Run
) -> None:
    """Other permissions do no harm."""
    file.write_text(LINES, encoding="utf-8")
    file.chmod(mode)
    result = run("--credentials-file", str(file), "--format", output)
    assert len(chmod_commands(result)) == notes


@posix_only
@pytest.mark.parametrize("name", ["my keys", "it's", "two  spaces", "$HOME"])
def test_the_command_in_the_note_changes_the_file(name: str, tmp_path: Path, run: Run) -> None:
    """Whatever a shell makes of the path."""
    path = tmp_path / name
    path.write_text(LINES, encoding="utf-8")
    path.chmod(0o644)
    command = chmod_commands(run("--credentials-file", str(path)))[0]
    subprocess.run(["sh", "-c", command], check=True)
    assert path.stat().st_mode & 0o777 == 0o600


@posix_only
def test_the_note_on_the_profile_has_its_whole_path(profile: Path, run: Run) -> None:
    """A tilde in quotes would be no home folder."""
    profile.chmod(0o644)
    assert chmod_commands(run(**NO_KEYS)) == [f"chmod 600 {profile}"]


@posix_only
def test_the_permissions_are_those_of_the_file_that_was_read(
    file: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A moment later, another file may stand at its path."""
    file.write_text(LINES, encoding="utf-8")
    file.chmod(0o644)

    def open_and_replace(*args: Any) -> Any:
        opened = open(*args)  # noqa: PTH123, SIM115 - the script closes it
        file.unlink()
        file.touch(0o600)
        return opened

    monkeypatch.setattr(script, "open", open_and_replace, raising=False)
    assert len(chmod_commands(run("--credentials-file", str(file)))) == 1


# --- Sources ---

HW_NAMES = ["HW_ACCESS_KEY", "HW_SECRET_KEY"]
ALL_NAMES = [*HW_NAMES, "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"]


@pytest.mark.parametrize(
    ("emptied", "used"),
    [
        ([], "EXAMPLE1HW"),
        (HW_NAMES, "EXAMPLE2SDK"),
        (ALL_NAMES, OTHER_AK),
        ([*ALL_NAMES, "HUAWEICLOUD_SDK_CREDENTIALS_FILE"], AK),
    ],
    ids=["HW variables", "SDK variables", "named profile", "profile at home"],
)
def test_the_first_source_counts(
    emptied: list[str], used: str, profile: Path, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """The cloud knows the pair of one source only. An empty variable is none."""
    cloud.keys = {used: (SK, "")}
    file.write_text(f"ak = {OTHER_AK}\nsk = {SK}\n", encoding="utf-8")
    variables = {
        "HW_ACCESS_KEY": "EXAMPLE1HW",
        "HW_SECRET_KEY": SK,
        "HUAWEICLOUD_SDK_AK": "EXAMPLE2SDK",
        "HUAWEICLOUD_SDK_SK": SK,
        "HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(file),
    }
    assert run(**{**variables, **dict.fromkeys(emptied, "")}).code == 0
    assert ak_sent(cloud) == used


def test_a_named_profile_that_is_missing_is_an_error(profile: Path, run: Run) -> None:
    """The profile in the home folder does not stand in for it."""
    result = run(**NO_KEYS, HUAWEICLOUD_SDK_CREDENTIALS_FILE="missing")
    assert result.code == 3
    assert "the credentials file missing:" in result.error["message"]


@pytest.mark.parametrize(
    ("variables", "present", "missing"),
    [
        ({"HW_SECRET_KEY": None}, "HW_ACCESS_KEY", "HW_SECRET_KEY"),
        ({"HW_ACCESS_KEY": ""}, "HW_SECRET_KEY", "HW_ACCESS_KEY"),
        ({**SDK_KEYS, "HW_ACCESS_KEY": AK}, "HW_ACCESS_KEY", "HW_SECRET_KEY"),
        ({**SDK_KEYS, "HUAWEICLOUD_SDK_AK": ""}, "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_AK"),
        ({**SDK_KEYS, "HUAWEICLOUD_SDK_SK": ""}, "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"),
    ],
    ids=["HW, no SK", "HW, empty AK", "HW, no SK, but SDK", "SDK, no AK", "SDK, no SK"],
)
def test_half_a_pair_names_the_missing_half(
    variables: Variables, present: str, missing: str, profile: Path, cloud: FakeCloud, run: Run
) -> None:
    """No other source fills in."""
    result = run(**variables)
    assert result.code == 3
    assert f"{present} is set in the environment" in result.error["message"]
    assert f"{missing} is not" in result.error["message"]
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("text", "present", "missing"),
    [
        (f"HW_ACCESS_KEY={AK}\n", "HW_ACCESS_KEY", "HW_SECRET_KEY"),
        (f"HW_SECRET_KEY={SK}\n{SDK_NAMES}", "HW_SECRET_KEY", "HW_ACCESS_KEY"),
        (f"[basic]\nak = {AK}\nsk =\n", "ak", "sk"),
        (f"{HEADER}\nsomebody,,{SK}\n", "sk", "ak"),
    ],
    ids=["names", "names of both kinds", "profile", "csv"],
)
def test_half_a_pair_in_a_file_names_the_missing_half(
    text: str, present: str, missing: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """The environment does not fill in."""
    file.write_text(text, encoding="utf-8")
    result = run("--credentials-file", str(file))
    assert result.code == 3
    assert f"{present} is set in the credentials file {file}" in result.error["message"]
    assert f"{missing} is not" in result.error["message"]
    assert cloud.connections == []


@pytest.mark.parametrize("token", [None, TOKEN], ids=["nothing", "a token"])
def test_without_keys_nothing_is_sent(token: str | None, cloud: FakeCloud, run: Run) -> None:
    """A token alone is no source."""
    result = run("--format", "json", **NO_KEYS, HW_SECURITY_TOKEN=token)
    assert result.code == 3
    assert result.error["kind"] == "credentials"
    assert "no credentials" in result.error["message"]
    assert cloud.connections == []


# Where temporary keys can be: the text of ~/credentials, arguments and variables.
HW_VARIABLES = {"HW_ACCESS_KEY": "{ak}", "HW_SECRET_KEY": "{sk}", "HW_SECURITY_TOKEN": "{token}"}
SDK_VARIABLES = {
    "HUAWEICLOUD_SDK_AK": "{ak}",
    "HUAWEICLOUD_SDK_SK": "{sk}",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": "{token}",
}
PROFILE_VARIABLES = {"HUAWEICLOUD_SDK_CREDENTIALS_FILE": "~/credentials"}
OPTION = ["--credentials-file", "~/credentials"]
Source = Any  # a value of SOURCES
SOURCES: dict[str, Source] = {
    "HW file": ("".join(f"{name}={value}\n" for name, value in HW_VARIABLES.items()), OPTION, {}),
    "SDK file": ("".join(f"{name}={value}\n" for name, value in SDK_VARIABLES.items()), OPTION, {}),
    "profile": ("[basic]\nak = {ak}\nsk = {sk}\nsecurity_token = {token}", [], PROFILE_VARIABLES),
    "HW variables": ("", [], HW_VARIABLES),
    "SDK variables": ("", [], SDK_VARIABLES),
}
each_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)


@pytest.fixture
def run_with(run: Run, home: Path) -> Run:
    """Run main() with AK, SK and token in a source."""

    def run_with(source: Source, ak: str, sk: str, token: str, *argv: str) -> Result:
        text, options, templates = source
        keys = {"ak": ak, "sk": sk, "token": token}
        (home / "credentials").write_text(text.format(**keys), encoding="utf-8")
        variables = {name: value.format(**keys) for name, value in templates.items()}
        return run(*options, *argv, **{**NO_KEYS, **variables})

    return run_with


@each_source
def test_temporary_keys_of_each_source_are_sent(
    source: Source, cloud: FakeCloud, run_with: Run
) -> None:
    """The cloud refuses a token that is not signed."""
    cloud.keys = {OTHER_AK: (OTHER_SK, TOKEN)}
    assert run_with(source, OTHER_AK, OTHER_SK, TOKEN).code == 0
    assert cloud.seen[0].headers["x-security-token"] == TOKEN


@each_source
def test_unusual_characters_are_a_part_of_the_key(
    source: Source, cloud: FakeCloud, run_with: Run
) -> None:
    """They are neither interpolated nor unescaped, and a token may have a comma."""
    example_sk = "EXAMPLE%SK%(x)s%41\\=/+#:"
    cloud.keys = {AK: (example_sk, "EXAMPLE,TOKEN=")}
    assert run_with(source, AK, example_sk, "EXAMPLE,TOKEN=").code == 0


@pytest.mark.parametrize(
    "variables",
    [
        {"HUAWEICLOUD_SDK_SECURITY_TOKEN": TOKEN},
        {**SDK_KEYS, "HW_SECURITY_TOKEN": TOKEN},
        {"HW_SECURITY_TOKEN": ""},
    ],
    ids=["of the SDK", "of HW", "empty"],
)
def test_a_token_of_another_source_is_not_sent(
    variables: Variables, cloud: FakeCloud, run: Run
) -> None:
    """Sources are never mixed."""
    assert run(**variables).code == 0
    assert "x-security-token" not in cloud.seen[0].headers


@pytest.mark.parametrize(
    ("source", "origin"),
    [
        (SOURCES["HW variables"], "(HW_ACCESS_KEY, HW_SECRET_KEY)"),
        (SOURCES["SDK variables"], "(HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK)"),
        (SOURCES["HW file"], "/home/credentials"),
        (SOURCES["profile"], "/home/credentials"),
    ],
    ids=["HW variables", "SDK variables", "file", "profile"],
)
def test_the_hint_of_a_401_names_the_source(
    source: Source, origin: str, cloud: FakeCloud, run_with: Run
) -> None:
    """The user may have forgotten the others."""
    hint = run_with(source, AK, OTHER_SK, TOKEN).error["hint"]
    assert origin in hint.replace("\\", "/")


# --- What a key can be ---


@pytest.mark.parametrize(
    "value",
    [
        "EXAMPLE 0000",
        'EXAMPLE"0000',
        "EXAMPLE'0000",
        "EXAMPLE;0000",
        "EXAMPLE\u00e90000",
        "EXAMPLE0000\u200b",
        "EXAMPLE\x7f0000",
        "EXAMPLE0000\n",
        "EXAMPLE0000\r\nX-Other:1",
        "\tEXAMPLE0000",
        "          ",
        "EXAMPLE",
        pytest.param("EXAMPLE\udcff0000", marks=posix_only),  # a byte that is not UTF-8
    ],
    ids=ascii,
)
@pytest.mark.parametrize("name", ["HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"])
def test_a_variable_that_cannot_be_a_key_is_named(
    name: str, value: str, cloud: FakeCloud, run: Run
) -> None:
    """Sending it would cost a failed signature."""
    result = run("--format", "json", **{name: value})
    assert result.code == 3
    assert result.error["kind"] == "credentials"
    assert result.error["message"].startswith(f"{name} in the environment ")
    assert "is not valid" in result.error["message"]
    assert cloud.connections == []


@pytest.mark.parametrize("name", ["HW_ACCESS_KEY", "HW_SECRET_KEY"])
def test_a_comma_in_ak_or_sk_is_refused(name: str, cloud: FakeCloud, run: Run) -> None:
    """Both may have been pasted into one variable."""
    assert "is not valid" in run(**{name: f"{AK},{SK}"}).error["message"]
    assert cloud.connections == []


def test_eight_characters_are_long_enough(file: Path, cloud: FakeCloud, run: Run) -> None:
    """In variables and in a file."""
    cloud.keys = {"Example1": ("EXAMPLE2", "EXAMPLE3")}
    variables = {"HW_ACCESS_KEY": "Example1", "HW_SECRET_KEY": "EXAMPLE2"}
    assert run(**variables, HW_SECURITY_TOKEN="EXAMPLE3").code == 0

    cloud.keys = {"Example1": ("EXAMPLE2", "")}
    file.write_text("Example1\nEXAMPLE2\n", encoding="utf-8")
    assert run("--credentials-file", str(file)).code == 0


# --- The project id ---

SDK_PROJECT = {**SDK_KEYS, "HUAWEICLOUD_SDK_PROJECT_ID": PROJECT_ID}
SDK_OTHER_PROJECT = {**SDK_KEYS, "HUAWEICLOUD_SDK_PROJECT_ID": OTHER_PROJECT_ID}


@pytest.mark.parametrize(
    ("argv", "variables"),
    [
        (["--project-id", PROJECT_ID], {"HW_PROJECT_ID": OTHER_PROJECT_ID}),
        (["--project-id", PROJECT_ID], SDK_OTHER_PROJECT),
        (["--project-id", PROJECT_ID], {"HW_PROJECT_ID": "not valid"}),
        ([], {**SDK_PROJECT, "HW_PROJECT_ID": OTHER_PROJECT_ID}),
        ([], {**SDK_KEYS, "HUAWEICLOUD_SDK_PROJECT_ID": "", "HW_PROJECT_ID": PROJECT_ID}),
        ([], {"HUAWEICLOUD_SDK_PROJECT_ID": OTHER_PROJECT_ID, "HW_PROJECT_ID": PROJECT_ID}),
    ],
    ids=[
        "the option before HW_PROJECT_ID",
        "the option before the credentials",
        "the option before an invalid one",
        "the credentials before HW_PROJECT_ID",
        "HW_PROJECT_ID if the credentials have none",
        "not that of another source",
    ],
)
def test_the_first_project_id_counts_and_iam_is_not_asked(
    argv: list[str], variables: Variables, cloud: FakeCloud, run: Run
) -> None:
    """The cloud would refuse the other one."""
    assert run(*argv, "--format", "json", **variables).document["project_id"] == PROJECT_ID
    assert len(cloud.seen) == len(cloud.statistics) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"{PROFILE}project_id = {PROJECT_ID}\n",
        f"{NAMES}HW_PROJECT_ID={PROJECT_ID}\n",
        f"{SDK_NAMES}HUAWEICLOUD_SDK_PROJECT_ID={PROJECT_ID}\n",
    ],
    ids=["profile", "HW", "SDK"],
)
def test_the_project_id_of_a_file_comes_before_the_environment(
    text: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """It belongs to the keys."""
    file.write_text(text, encoding="utf-8")
    assert run("--credentials-file", str(file), HW_PROJECT_ID=OTHER_PROJECT_ID).code == 0
    assert len(cloud.seen) == 1


@pytest.mark.parametrize("project_id", ["0" * 31, "0" * 33, "A" * 32, "../" + "0" * 29])
@pytest.mark.parametrize("variables", [{}, SDK_KEYS], ids=["HW", "SDK"])
def test_a_project_id_of_another_form_is_refused(
    variables: Variables, project_id: str, cloud: FakeCloud, run: Run
) -> None:
    """Nothing is sent."""
    result = run("--format", "json", **variables, HW_PROJECT_ID=project_id)
    assert result.code == 3
    assert result.error["kind"] == "credentials"
    assert "HW_PROJECT_ID" in result.error["message"]
    assert cloud.connections == []


# --- Secrets ---
#
# `run` makes sure in all tests that AK, SK and TOKEN of the cloud and the keys in the environment
# are not shown.

SPELLINGS = [
    "EXAMPLEAK1111111111",
    "EXAMPLE/SK+1111111=",
    "EXAMPLE%2FSK%2B1111111%3D",
    r"EXAMPLE\/SK+1111111=",
    r"EXAMPLE/SK+1111111\u003d",
    "EXAMPLE/TOKEN+2222222=",
    "EXAMPLE%2FTOKEN%2B2222222%3D",
    r"EXAMPLE\/TOKEN+2222222=",
    r"EXAMPLE/TOKEN+2222222\u003d",
]
KEYS = (SPELLINGS[0], SPELLINGS[1], SPELLINGS[5])
HIDDEN = "*** *** *** *** *** *** *** *** ***"


def echo(body: str, status: int = 200) -> Answer:
    """Return an answer whose body has all spellings of the secrets in the place of ECHO."""
    return Answer(status, body.replace("ECHO", " ".join(SPELLINGS)))


@pytest.mark.parametrize("output", OUTPUTS)
@each_source
def test_secrets_that_the_service_echoes_are_hidden_in_each_format(
    source: Source, output: str, cloud: FakeCloud, run_with: Run
) -> None:
    """Here as the name of a service, which a table shortens."""
    cloud.keys = {KEYS[0]: KEYS[1:]}
    services = (
        '{"items": [{"service_name": "ECHO", "request_count": 7, "error_count": 0, '
        '"total_token": 7, "prompt_token": 7, "completion_token": 0}]}'
    )
    cloud.on("list-service-statistics", echo(services))
    cloud.on("show-statistics", Answer(200, {"total_request_count": 7, "total_token": 7}))
    result = run_with(source, *KEYS, "--by", "service", "--format", output)
    assert result.code == 0
    # A table leaves the beginning, and Markdown escapes asterisks.
    assert HIDDEN[:10] in result.out.replace("\\", "")
    assert "EXAMPLE" not in result.out + result.err


@pytest.mark.parametrize("output", ["json", "table"])
@each_source
def test_secrets_that_the_service_echoes_are_hidden_in_errors(
    source: Source, output: str, cloud: FakeCloud, run_with: Run
) -> None:
    """In the message, the code and the request id."""
    body = '{"error_code": "1 ECHO", "error_msg": "2 ECHO", "request_id": "3 ECHO"}'
    cloud.on("iam", echo(body, status=400))
    err = run_with(source, *KEYS, "--format", output).err
    assert f"1 {HIDDEN}" in err
    assert f"2 {HIDDEN}" in err
    assert f"3 {HIDDEN}" in err
    assert "EXAMPLE" not in err


def test_secrets_in_a_redirect_are_hidden(cloud: FakeCloud, run: Run) -> None:
    """Its target may repeat what was signed."""
    cloud.on("iam", Answer(302, "", {"Location": f"https://example.com/?ak={AK}&sk={SK}"}))
    assert "https://example.com/?ak=***&sk=***" in run().error["message"]


def test_secrets_in_an_announcement_are_hidden(cloud: FakeCloud, run: Run, clock: Clock) -> None:
    """The reason for a wait is a text of the service."""
    cloud.on("modelarts", refusal(429, "TEST.1", f"slow down, <{SK}>", retry_after="9"), times=1)
    assert "slow down, <***>" in run().err


def test_secrets_are_hidden_before_a_text_is_cut(cloud: FakeCloud, run: Run) -> None:
    """Half a secret would be a leak, too. JSON may escape any character."""
    escaped = SK.replace("E", r"\u0045") + " "
    cloud.on("modelarts", Answer(400, f'{{"error_msg": "{escaped * 200}"}}'))
    assert run().error["message"].count("***") == 200


def test_a_secret_that_contains_another_is_hidden_whole(cloud: FakeCloud, run: Run) -> None:
    """Otherwise the rest of the longer one would be shown."""
    cloud.on("iam", refusal(400, "TEST.1", f"<{AK}EXAMPLE/REST>"))
    assert "<***>" in run(HW_SECRET_KEY=f"{AK}EXAMPLE/REST").error["message"]


def test_secrets_of_sources_that_are_not_used_are_hidden(
    file: Path, cloud: FakeCloud, run: Run
) -> None:
    """A proxy or a log behind the service may know them."""
    file.write_text(LINES, encoding="utf-8")
    others = {name: f"EXAMPLE-{name}" for name in (*HW_VARIABLES, *SDK_VARIABLES)}
    cloud.on("iam", refusal(400, "TEST.1", " ".join(["1", AK, SK, *others.values(), "2"])))
    message = run("--credentials-file", str(file), **others).error["message"]
    assert "1 *** *** *** *** *** *** *** *** 2" in message


def test_secrets_in_a_traceback_are_hidden(
    file: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of a file, too."""

    def fail(*_: object) -> None:
        raise KeyError(SK)

    monkeypatch.setattr(script, "make_report", fail)
    file.write_text(LINES, encoding="utf-8")
    assert "KeyError: '***'" in run("--credentials-file", str(file), **NO_KEYS).err


@pytest.mark.parametrize("output", OUTPUTS)
def test_an_api_key_that_equals_the_ak_is_sent_and_hidden(
    output: str, cloud: FakeCloud, run: Run
) -> None:
    """Users mix them up."""
    result = run("--by", "api-key", "--api-keys", AK, "--format", output)
    assert cloud.statistics[0]["api_keys"] == [AK]
    assert "***" in result.out.replace("\\", "")


def test_credentials_do_not_show_their_secrets() -> None:
    """Neither in a debugger nor in a log."""
    credentials = script.Credentials(AK, SK, TOKEN, "", "a test")
    assert str(credentials) == repr(credentials) == "Credentials(origin='a test')"
