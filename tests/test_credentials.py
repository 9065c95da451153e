"""Where AK, SK, token and project id come from, and which of them are refused unsent.

The fake cloud knows one pair of keys, and refuses all others. A token that is missing, or that does
not belong to the keys, is refused, too.
"""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any, Dict, Optional

import pytest
from cloud import AK, PROJECT_ID, SK, TOKEN, FakeCloud
from conftest import Run, posix_only
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

OTHER_AK = AK[::-1]  # the cloud does not know this pair
OTHER_SK = SK[::-1]
OTHER_PROJECT_ID = "f" * 32  # the cloud refuses it

Variables = Dict[str, Optional[str]]  # None removes a variable
NO_KEYS: Variables = {"HW_ACCESS_KEY": None, "HW_SECRET_KEY": None}
SDK_KEYS: Variables = {**NO_KEYS, "HUAWEICLOUD_SDK_AK": AK, "HUAWEICLOUD_SDK_SK": SK}
OTHER_KEYS: Variables = {
    "HW_ACCESS_KEY": OTHER_AK,
    "HW_SECRET_KEY": OTHER_SK,
    "HW_SECURITY_TOKEN": TOKEN,
}

LINES = f"{AK}\n{SK}\n"
HEADER = "User Name,Access Key Id,Secret Access Key"
CSV = f"{HEADER}\nsomebody,{AK},{SK}\n"
NAMES = f"HW_ACCESS_KEY={AK}\nHW_SECRET_KEY={SK}\n"
SDK_NAMES = f"HUAWEICLOUD_SDK_AK={AK}\nHUAWEICLOUD_SDK_SK={SK}\n"
PROFILE = f"[basic]\nak = {AK}\nsk = {SK}\n"
OTHER_PROFILE = f"ak = {OTHER_AK}\nsk = {OTHER_SK}\n"
OTHER_NAMES = f"HW_ACCESS_KEY={OTHER_AK}\nHW_SECRET_KEY={OTHER_SK}\n"
OTHER_SDK_NAMES = f"HUAWEICLOUD_SDK_AK={OTHER_AK}\nHUAWEICLOUD_SDK_SK={OTHER_SK}\n"

FORMS = {
    "two lines": LINES,
    "one line": f"{AK},{SK}\n",
    "csv": CSV,
    "names": NAMES,
    "names of the SDK": SDK_NAMES,
    "profile": PROFILE,
}
VARIANTS = {
    "two lines among comments": f"# my AK\n\n  {AK}  \n\n # \u5bc6\u94a5\n\t{SK}",
    "one line with spaces": f"# mine\n {AK} ,\t{SK} ",
    "csv, quoted": f'"User Name","Access Key Id","Secret Access Key"\n"\u738b, x",{AK},"{SK}"\n',
    "csv, other order and capitals": f"SECRET access key,access key ID\n{SK},{AK}\n",
    "csv, of a spreadsheet": f"Note, Access Key Id , Secret Access Key,\nx, {AK} ,{SK},y\n,,,\n",
    "names, spaces": f"HW_ACCESS_KEY = {AK}\nHW_SECRET_KEY\t=\t{SK}\n",
    "names, exported": f"export HW_ACCESS_KEY={AK}\nexport \t HW_SECRET_KEY={SK}\n",
    "names, set": f"set HW_ACCESS_KEY={AK}\nSET HW_SECRET_KEY={SK}\n",
    "names, quoted": f"HW_ACCESS_KEY=\"{AK}\"\nexport HW_SECRET_KEY = '{SK}'\n",
    "names, other lines": f"X=1\n{NAMES}nonsense\n; HW_SECRET_KEY = {OTHER_SK}\n",
    "names, twice": OTHER_NAMES + NAMES,
    "names of HW after those of the SDK": OTHER_SDK_NAMES + NAMES,
    "names of the SDK after those of the profile": OTHER_PROFILE + SDK_NAMES,
    "profile without a section": f"ak={AK}\nsk={SK}\n",
    "profile, sections before": f"[global]\n{OTHER_NAMES}[basic-new]\n{OTHER_PROFILE}{PROFILE}",
    "profile, section behind": f"{PROFILE}[basic-old]\n{OTHER_PROFILE}{OTHER_NAMES}",
}
OTHER_BYTES = {
    "GBK in a comment": "# \u6211\u7684\u5bc6\u94a5\n".encode("gbk") + LINES.encode(),
    "GBK in a user name": CSV.replace("somebody", "\u738b\u5c0f\u660e").encode("gbk"),
    "2 MiB": b"# a long comment\n" * 2**17 + LINES.encode(),
}
UNKNOWN_FILES = {
    "only blank lines": b" \n\n\t\n",
    "only comments": f"# {AK}\n# {SK}\n".encode(),
    "binary": b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "UTF-16 without a BOM": LINES.encode("utf-16-le"),
    "AK alone": f"{AK}\n".encode(),
    "AK with a hyphen": f"{AK}-1\n{SK}\n".encode(),
    "three lines": f"{LINES}{TOKEN}\n".encode(),
    "three values on one line": f"somebody,{AK},{SK}\n".encode(),
    "csv with another header": f"name,id,key\nsomebody,{AK},{SK}\n".encode(),
    "csv with a header only": f"{HEADER}\n".encode(),
    "csv with two rows": f"{CSV}somebody,{OTHER_AK},{OTHER_SK}\n".encode(),
    "csv without SK": f"{HEADER}\nsomebody,{AK}\n".encode(),
    "csv with a huge field": f'{HEADER}\n"{"x" * 140_000}\n'.encode(),
    "names of others": f"AWS_ACCESS_KEY_ID={AK}\nAWS_SECRET_ACCESS_KEY={SK}\n".encode(),
    "token alone": f"HW_SECURITY_TOKEN={TOKEN}\n".encode(),
    "section of an old profile": PROFILE.replace("[basic]", "[basic-old]").encode(),
    "JSON": f'{{"ak": "{AK}", "sk": "{SK}"}}'.encode(),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A credentials file to be written."""
    return tmp_path / "my-keys"


@pytest.fixture
def profile(home: Path) -> Path:
    """The SDK's profile file in the home folder, with the pair that the cloud knows."""
    path = home / ".huaweicloud" / "credentials"
    path.parent.mkdir()
    path.write_text(PROFILE, encoding="utf-8")
    return path


# --- The credentials file ---


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_each_form_of_file_is_read_as_windows_saves_it(text: str, file: Path, run: Run) -> None:
    """With CRLF, in UTF-8 with and without a BOM, and in UTF-16 with one in either order."""
    text = text.replace("\n", "\r\n")
    in_utf16 = [f"\ufeff{text}".encode(encoding) for encoding in ("utf-16-le", "utf-16-be")]
    for content in [text.encode(), text.encode("utf-8-sig"), *in_utf16]:
        file.write_bytes(content)
        assert run("--credentials-file", str(file), **NO_KEYS).code == 0


@pytest.mark.parametrize("text", VARIANTS.values(), ids=VARIANTS)
def test_a_file_comes_before_the_environment(text: str, file: Path, run: Run) -> None:
    """In any of its variants. Neither keys nor token of the environment are used."""
    file.write_text(text, encoding="utf-8")
    assert run("--credentials-file", str(file), **OTHER_KEYS).code == 0


@pytest.mark.parametrize("content", OTHER_BYTES.values(), ids=OTHER_BYTES)
def test_other_bytes_beside_the_keys_do_no_harm(content: bytes, file: Path, run: Run) -> None:
    """A comment or a name need not be UTF-8, and a file may be large."""
    file.write_bytes(content)
    assert run("--credentials-file", str(file), **NO_KEYS).code == 0


@pytest.mark.parametrize("content", UNKNOWN_FILES.values(), ids=UNKNOWN_FILES)
def test_a_file_of_no_known_form_is_refused(
    content: bytes, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """Its name is in the message. The pair in the environment does not stand in for it."""
    file.write_bytes(content)
    result = run("--credentials-file", str(file))
    assert result.code == 3
    assert "cannot recognize the format" in result.message
    assert file.name in result.message
    assert cloud.connections == []


@pytest.mark.parametrize("path", ["missing", ".", ""])
def test_a_file_that_cannot_be_read_is_an_error(
    path: str, profile: Path, cloud: FakeCloud, run: Run
) -> None:
    """No other source stands in for it."""
    result = run("--credentials-file", path)
    assert result.code == 3
    assert "cannot read the credentials file" in result.message
    assert cloud.connections == []


# Parts of files. All that is not a name, punctuation or a key of the cloud begins with the mark.
MARK = "QZX"
WORDS = ["HW_ACCESS_KEY", "HW_SECRET_KEY", "ak", "sk", "project_id", "Access Key Id", AK, SK, TOKEN]
PUNCTUATION = ["\n", "\r\n", "=", " = ", ":", ",", "#", '"', " ", "[basic]", "[", "export "]
parts = st.one_of(
    st.sampled_from([*WORDS, *PUNCTUATION, f"ak={AK}\n", f"sk={SK}\n"]),
    st.text(max_size=12).map(lambda text: MARK + text),
)
texts = st.lists(parts, max_size=14).map("".join)
encodings = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
encoded = st.builds(lambda text, encoding: text.encode(encoding, "replace"), texts, encodings)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(content=st.binary(max_size=200) | encoded)
def test_any_bytes_are_credentials_or_refused_and_never_shown(
    content: bytes, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """There is no other exit code."""
    cloud.reset()
    file.write_bytes(content)
    result = run("--credentials-file", str(file), **NO_KEYS)
    assert result.code in (0, 3)
    assert MARK not in result.out + result.err


def test_an_unexpected_exception_while_a_file_is_read_shows_no_text(
    file: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its text may quote a secret. There is no traceback, either."""
    original_open = builtins.open

    def fail(path: Any, *args: Any, **options: Any) -> Any:
        if path == str(file):
            raise RuntimeError(MARK)
        return original_open(path, *args, **options)

    monkeypatch.setattr(builtins, "open", fail)
    result = run("--credentials-file", str(file), **NO_KEYS)
    assert result.code == 1
    assert "RuntimeError" in result.message
    assert MARK not in result.err
    assert "Traceback" not in result.err


# --- Sources ---

HW_NAMES = ["HW_ACCESS_KEY", "HW_SECRET_KEY"]
ALL_NAMES = [*HW_NAMES, "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK"]


@pytest.mark.parametrize(
    ("emptied", "used"),
    [
        ([], f"{AK}HW"),
        (HW_NAMES, f"{AK}SDK"),
        (ALL_NAMES, OTHER_AK),
        ([*ALL_NAMES, "HUAWEICLOUD_SDK_CREDENTIALS_FILE"], AK),
    ],
    ids=["HW variables", "SDK variables", "named profile", "profile at home"],
)
def test_the_first_source_counts(
    emptied: list[str], used: str, profile: Path, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """The cloud knows the pair of one source only. An empty variable is no source."""
    cloud.keys = {used: (SK, "")}
    file.write_text(f"ak = {OTHER_AK}\nsk = {SK}\n", encoding="utf-8")
    variables = {
        "HW_ACCESS_KEY": f"{AK}HW",
        "HW_SECRET_KEY": SK,
        "HUAWEICLOUD_SDK_AK": f"{AK}SDK",
        "HUAWEICLOUD_SDK_SK": SK,
        "HUAWEICLOUD_SDK_CREDENTIALS_FILE": str(file),
    }
    assert run(**{**variables, **dict.fromkeys(emptied, "")}).code == 0


def test_a_named_profile_that_is_missing_is_an_error(profile: Path, run: Run) -> None:
    """The profile in the home folder does not stand in for it."""
    result = run(**NO_KEYS, HUAWEICLOUD_SDK_CREDENTIALS_FILE="missing")
    assert result.code == 3
    assert "the credentials file missing:" in result.message


@pytest.mark.parametrize("token", [None, TOKEN], ids=["nothing", "a token"])
def test_without_keys_nothing_is_sent(token: str | None, cloud: FakeCloud, run: Run) -> None:
    """A token alone is no source."""
    result = run(**NO_KEYS, HW_SECURITY_TOKEN=token)
    assert result.code == 3
    assert "no credentials" in result.message
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("variables", "present", "missing"),
    [
        ({"HW_SECRET_KEY": None}, "HW_ACCESS_KEY", "HW_SECRET_KEY"),
        ({**SDK_KEYS, "HW_SECRET_KEY": SK}, "HW_SECRET_KEY", "HW_ACCESS_KEY"),
        ({**SDK_KEYS, "HUAWEICLOUD_SDK_AK": ""}, "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_AK"),
    ],
    ids=["no SK", "no AK, but both of the SDK", "empty AK of the SDK"],
)
def test_half_a_pair_names_the_missing_half(
    variables: Variables, present: str, missing: str, profile: Path, cloud: FakeCloud, run: Run
) -> None:
    """No other source fills in."""
    result = run(**variables)
    assert result.code == 3
    assert f"{present} is set" in result.message
    assert f"{missing} is not" in result.message
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("text", "present", "missing"),
    [
        (f"HW_SECRET_KEY={SK}\n{SDK_NAMES}", "HW_SECRET_KEY", "HW_ACCESS_KEY"),
        (f"[basic]\nak = {AK}\nsk =\n", "ak", "sk"),
        (f"{HEADER}\nsomebody,,{SK}\n", "sk", "ak"),
    ],
    ids=["names of both kinds", "profile", "csv"],
)
def test_half_a_pair_in_a_file_names_the_missing_half(
    text: str, present: str, missing: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """The environment does not fill in."""
    file.write_text(text, encoding="utf-8")
    result = run("--credentials-file", str(file))
    assert result.code == 3
    assert f"{present} is set" in result.message
    assert f"{missing} is not" in result.message
    assert cloud.connections == []


# --- Temporary keys ---

# Neither interpolated nor unescaped. A token may have a comma.
ODD_SK = f"%SK%(x)s%41\\=/+#:{SK}"
ODD_TOKEN = f"{TOKEN},{TOKEN}"
TEMPORARY_KEYS = {
    "HW": {"HW_ACCESS_KEY": AK, "HW_SECRET_KEY": ODD_SK, "HW_SECURITY_TOKEN": ODD_TOKEN},
    "SDK": {
        "HUAWEICLOUD_SDK_AK": AK,
        "HUAWEICLOUD_SDK_SK": ODD_SK,
        "HUAWEICLOUD_SDK_SECURITY_TOKEN": ODD_TOKEN,
    },
    "profile": {"ak": AK, "sk": ODD_SK, "security_token": ODD_TOKEN},
}


@pytest.mark.parametrize("names", ["HW", "SDK"])
def test_temporary_keys_in_variables_are_sent_as_they_are(
    names: str, cloud: FakeCloud, run: Run
) -> None:
    """With their token, and whatever characters they have."""
    cloud.keys = {AK: (ODD_SK, ODD_TOKEN)}
    assert run(**{**NO_KEYS, **TEMPORARY_KEYS[names]}).code == 0


@pytest.mark.parametrize("names", TEMPORARY_KEYS)
def test_temporary_keys_in_a_file_are_sent_as_they_are(
    names: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """In the same way."""
    cloud.keys = {AK: (ODD_SK, ODD_TOKEN)}
    lines = [f"{name} = {value}\n" for name, value in TEMPORARY_KEYS[names].items()]
    file.write_text("".join(lines), encoding="utf-8")
    assert run("--credentials-file", str(file), **NO_KEYS).code == 0


@pytest.mark.parametrize(
    "variables",
    [
        {"HUAWEICLOUD_SDK_SECURITY_TOKEN": TOKEN},
        {**SDK_KEYS, "HW_SECURITY_TOKEN": TOKEN},
        {"HW_SECURITY_TOKEN": ""},
    ],
    ids=["of the SDK", "of HW", "empty"],
)
def test_a_token_of_another_source_is_not_sent(variables: Variables, run: Run) -> None:
    """Sources are never mixed. The cloud would refuse a token with permanent keys."""
    assert run(**variables).code == 0


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({"HW_SECRET_KEY": OTHER_SK}, "HW_ACCESS_KEY, HW_SECRET_KEY)"),
        ({"HW_SECURITY_TOKEN": TOKEN}, "HW_ACCESS_KEY, HW_SECRET_KEY, HW_SECURITY_TOKEN)"),
        (
            {**SDK_KEYS, "HUAWEICLOUD_SDK_SECURITY_TOKEN": TOKEN},
            "HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK, HUAWEICLOUD_SDK_SECURITY_TOKEN)",
        ),
        ({**NO_KEYS, "HUAWEICLOUD_SDK_CREDENTIALS_FILE": "~/credentials"}, "~/credentials"),
    ],
    ids=["HW", "HW with a token", "SDK with a token", "profile"],
)
def test_the_hint_of_a_401_names_the_source(
    variables: Variables, names: str, home: Path, run: Run
) -> None:
    """The user may have forgotten a variable, or a token that does not belong to the keys."""
    (home / "credentials").write_text(OTHER_PROFILE, encoding="utf-8")
    assert names in run(**variables).hint


# --- What an AK, SK or token can be ---

NOT_KEYS = {
    "space": f"{SK} {SK}",
    "double quote": f'"{SK}"',
    "single quote": f"'{SK}'",
    "curly quotes": f"\u201c{SK}\u201d",
    "semicolon": f"{SK};",
    "comma": f"{AK},{SK}",
    "zero-width space": f"{SK}\u200b",
    "line break": f"{SK}\n",
    "delete character": f"{SK}\x7f",
    "15 characters": SK[:15],
}


@pytest.mark.parametrize("value", NOT_KEYS.values(), ids=NOT_KEYS)
def test_a_value_that_cannot_be_a_key_is_not_sent(value: str, cloud: FakeCloud, run: Run) -> None:
    """It would cost a failed signature. The hint says what to remove."""
    result = run(HW_SECRET_KEY=value)
    assert result.code == 3
    assert "HW_SECRET_KEY in the environment is not valid" in result.message
    assert "quotes" in result.hint
    assert cloud.connections == []


@posix_only
def test_a_byte_that_is_not_utf8_is_no_part_of_a_key(cloud: FakeCloud, run: Run) -> None:
    """Python makes a lone surrogate of it."""
    assert "is not valid" in run(HW_SECRET_KEY=f"{SK}\udcff").message
    assert cloud.connections == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (f'HW_ACCESS_KEY="{AK}\nHW_SECRET_KEY={SK}\n', "HW_ACCESS_KEY"),
        (f"HW_ACCESS_KEY={AK}\nHW_SECRET_KEY='{SK}\"\n", "HW_SECRET_KEY"),
        (f"HW_ACCESS_KEY={AK}\nHW_SECRET_KEY={SK} # mine\n", "HW_SECRET_KEY"),
        (f"{SDK_NAMES}HUAWEICLOUD_SDK_SECURITY_TOKEN=EXAMPLE\n", "HUAWEICLOUD_SDK_SECURITY_TOKEN"),
        (f"{PROFILE}security_token = {TOKEN};\n", "security_token"),
        (f"{AK}\n{SK[:15]}\n", "sk"),
    ],
    ids=["open quote", "two kinds of quotes", "comment", "short token", "semicolon", "short SK"],
)
def test_a_value_in_a_file_that_cannot_be_a_key_is_named(
    text: str, name: str, file: Path, cloud: FakeCloud, run: Run
) -> None:
    """With its file. It would cost a failed signature."""
    file.write_text(text, encoding="utf-8")
    result = run("--credentials-file", str(file), **NO_KEYS)
    assert result.code == 3
    assert result.message.startswith(f"{name} in the credentials file ")
    assert "is not valid" in result.message
    assert cloud.connections == []


def test_16_characters_are_long_enough(cloud: FakeCloud, run: Run) -> None:
    """For AK, SK and token."""
    ak, sk, token = AK[:16], SK[:16], TOKEN[:16]
    cloud.keys = {ak: (sk, token)}
    assert run(HW_ACCESS_KEY=ak, HW_SECRET_KEY=sk, HW_SECURITY_TOKEN=token).code == 0


# --- The project id ---

SDK_PROJECT = {**SDK_KEYS, "HUAWEICLOUD_SDK_PROJECT_ID": PROJECT_ID}
SDK_OTHER_PROJECT = {**SDK_KEYS, "HUAWEICLOUD_SDK_PROJECT_ID": OTHER_PROJECT_ID}


@pytest.mark.parametrize(
    ("argv", "variables"),
    [
        (["--project-id", PROJECT_ID], {"HW_PROJECT_ID": OTHER_PROJECT_ID}),
        (["--project-id", PROJECT_ID], {"HW_PROJECT_ID": "not valid"}),
        (["--project-id", PROJECT_ID], SDK_OTHER_PROJECT),
        ([], {**SDK_PROJECT, "HW_PROJECT_ID": OTHER_PROJECT_ID}),
        ([], {**SDK_KEYS, "HUAWEICLOUD_SDK_PROJECT_ID": "", "HW_PROJECT_ID": PROJECT_ID}),
        ([], {"HUAWEICLOUD_SDK_PROJECT_ID": OTHER_PROJECT_ID, "HW_PROJECT_ID": PROJECT_ID}),
    ],
    ids=[
        "the option before HW_PROJECT_ID",
        "the option before one that is not valid",
        "the option before the credentials",
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


def test_a_project_id_of_another_source_is_not_used(cloud: FakeCloud, run: Run) -> None:
    """IAM is asked, as if there were none."""
    result = run("--format", "json", HUAWEICLOUD_SDK_PROJECT_ID=OTHER_PROJECT_ID)
    assert result.document["project_id"] == PROJECT_ID
    assert cloud.seen[0].path == "/v3/projects"


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


@pytest.mark.parametrize("project_id", ["0" * 31, "A" * 32, "../" + "0" * 29])
@pytest.mark.parametrize("name", ["HW_PROJECT_ID", "HUAWEICLOUD_SDK_PROJECT_ID"])
def test_a_project_id_of_another_form_is_refused(
    name: str, project_id: str, cloud: FakeCloud, run: Run
) -> None:
    """It could lead to another address. The message names the variable."""
    result = run(**SDK_KEYS, **{name: project_id})
    assert result.code == 3
    assert name in result.message
    assert "32 characters" in result.message
    assert cloud.connections == []
