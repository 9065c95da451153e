"""Every source and file form of the keys works, or is refused with exit code 3 and a sentence that shows no content."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from cloud import AK, PROJECT_ID, SK, TOKEN, FakeCloud
from conftest import Run

NONE = {"HW_ACCESS_KEY": None, "HW_SECRET_KEY": None}
SDK = {"HUAWEICLOUD_SDK_AK": AK, "HUAWEICLOUD_SDK_SK": SK}
OTHER_AK, OTHER_SK = "EXAMPLEAK1111111111", "EXAMPLESK11111111111111111111111111111111"

FORMS = {
    "lines": f"{AK}\n{SK}\n",
    "lines without a last end": f"{AK}\n{SK}",
    "lines of Windows, with BOM": f"\ufeff{AK}\r\n{SK}\r\n",
    "lines with blanks and comments": f"# my keys, Schl\u00fcssel, \u5bc6\u94a5\n\n  {AK}  \n\n# SK\n\t{SK}\n\n",
    "one line": f"{AK},{SK}\n",
    "one line with blanks": f" {AK} , {SK} ",
    "one line, quoted": f'"{AK}", "{SK}"',
    "HW names": f"HW_ACCESS_KEY={AK}\nHW_SECRET_KEY={SK}\n",
    "HW names exported, quoted": f"export HW_ACCESS_KEY=\"{AK}\"\nexport  HW_SECRET_KEY='{SK}'\n",
    "SDK names": f"HUAWEICLOUD_SDK_AK={AK}\nHUAWEICLOUD_SDK_SK={SK}\nOTHER=1\n",
    "SDK names with blanks": f"HUAWEICLOUD_SDK_AK = {AK}\r\nHUAWEICLOUD_SDK_SK\t=\t{SK}\r\n",
    "console": f"User Name,Access Key Id,Secret Access Key\nsomebody,{AK},{SK}\n",
    "console, quoted, with BOM": f'\ufeff"User Name","Access Key Id","Secret Access Key"\r\n"\u738b, x",{AK},"{SK}"\r\n',
    "console, as a spreadsheet leaves it": f"User Name,Access Key Id,Secret Access Key\r\nme,{AK},{SK}\r\n,,\r\n",
    "profile": f"[basic]\nak = {AK}\nsk = {SK}\n",
    "profile with others": f"[global]\nak = nobody\nsk = none\n[basic]\nsk={SK}\nak={AK}\n[more]\nak = no\n",
    "profile with a colon, capitals": f"[basic]\nAK: {AK}\nSk: {SK}\n",
}
TOKEN_FORMS = {
    "lines": f"{AK}\n{SK}\n{TOKEN}\n",
    "one line": f"{AK},{SK},{TOKEN}\n",
    "HW names": f"HW_ACCESS_KEY={AK}\nHW_SECRET_KEY={SK}\nHW_SECURITY_TOKEN={TOKEN}\n",
    "SDK names": f"HUAWEICLOUD_SDK_AK={AK}\nHUAWEICLOUD_SDK_SK={SK}\nexport HUAWEICLOUD_SDK_SECURITY_TOKEN='{TOKEN}'",
    "profile": f"[basic]\nak = {AK}\nsk = {SK}\nsecurity_token = {TOKEN}\n",
}
# a file that is refused, and a word that the sentence must have
BAD_FORMS = {
    "empty": ("", "empty"),
    "blank": (" \n\n\t\n", "empty"),
    "comments only": ("# AK\n# SK\n", "empty"),
    "AK only": (f"{AK}\n", "SK"),
    "AK and a comma": (f"{AK},\n", "SK"),
    "a comma and SK": (f",{SK}\n", "has no AK"),
    "commas only": (",,\n", "form"),
    "console, other half": (f"User Name,Access Key Id,Secret Access Key\na,,{SK}\n", "has no AK"),
    "four lines": (f"{AK}\n{SK}\n{TOKEN}\nmore\n", "form"),
    "four on a line": (f"{AK},{SK},{TOKEN},more\n", "form"),
    "HW names, half": (f"HW_ACCESS_KEY={AK}\n", "HW_SECRET_KEY"),
    "HW names, other half": (f"HW_SECRET_KEY={SK}\nHUAWEICLOUD_SDK_AK={AK}\n", "HW_ACCESS_KEY"),
    "SDK names, half": (f"HUAWEICLOUD_SDK_SK={SK}\n", "HUAWEICLOUD_SDK_AK"),
    "profile, half": (f"[basic]\nak = {AK}\n", "sk"),
    "profile of others": (f"[global]\nak = {AK}\nsk = {SK}\n", "form"),
    "unknown names": (f"AWS_ACCESS_KEY_ID={AK}\nAWS_SECRET_ACCESS_KEY={SK}\n", "form"),
    "JSON": (f'{{"access": "{AK}", "secret": "{SK}"}}', "form"),
    "prose": ("Dear all,\nplease find my key below.\n", "form"),
    "console, header only": ("User Name,Access Key Id,Secret Access Key\n", "form"),
    "console, several": (f"User Name,Access Key Id,Secret Access Key\na,{AK},{SK}\nb,{OTHER_AK},{OTHER_SK}\n", "form"),
    "console, half": (f"User Name,Access Key Id,Secret Access Key\na,{AK}\n", "SK"),
    "another table": (f"name,id,key\na,{AK},{SK}\n", "form"),
    "a blank in the SK": (f"{AK}\n{SK[:20]} {SK[20:]}\n", "blank"),
    "an inline comment": (f"HW_ACCESS_KEY={AK}\nHW_SECRET_KEY={SK} # mine\n", "blank"),
    "non-ASCII": (f"HW_ACCESS_KEY={AK}\nHW_SECRET_KEY={SK}\u00e9\n", "non-ASCII"),
    "too short": ("HW_ACCESS_KEY=x\nHW_SECRET_KEY=y\n", "short"),
    "malformed project id": (f"[basic]\nak={AK}\nsk={SK}\nproject_id=../../etc\n", "project id"),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file for keys, in a folder whose name has blanks, that only its owner can read."""
    folder = tmp_path / "my keys"
    folder.mkdir()
    path = folder / "aksk.txt"
    path.touch(0o600)
    return path


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_each_form_of_the_file(text: str, file: Path, cloud: FakeCloud, run: Run) -> None:
    """It is read, whatever else the environment holds."""
    file.write_bytes(text.encode())
    result = run("--credentials-file", str(file), HW_ACCESS_KEY=OTHER_AK, HW_SECRET_KEY=OTHER_SK)
    assert result.code == 0
    assert len(result.notes) == 1  # the lag
    assert "x-security-token" not in cloud.seen[0].headers


@pytest.mark.parametrize("text", TOKEN_FORMS.values(), ids=TOKEN_FORMS)
def test_each_form_with_a_token(text: str, file: Path, cloud: FakeCloud, run: Run) -> None:
    """A temporary pair comes with a token, which is sent and signed."""
    cloud.keys[AK] = (SK, TOKEN)
    file.write_bytes(text.encode())
    assert run("--credentials-file", str(file)).code == 0
    for seen in cloud.seen:
        assert seen.headers["x-security-token"] == TOKEN
        assert "x-security-token" in seen.headers["authorization"]


@pytest.mark.parametrize(("text", "word"), BAD_FORMS.values(), ids=BAD_FORMS)
def test_a_bad_file(text: str, word: str, file: Path, cloud: FakeCloud, run: Run) -> None:
    """It is refused by name, with the forms that are taken, and nothing of its content is shown."""
    file.write_bytes(text.encode())
    result = run("--credentials-file", str(file))
    assert result.code == 3
    assert word in result.err
    assert str(file) in result.err
    for shown in (line for line in text.split() if len(line) > 20):
        assert shown not in result.err
    assert cloud.hosts == []


@pytest.mark.parametrize(
    "content",
    [b"\x00\x01\x02", b"\xff\xfe" + AK.encode("utf-16-le"), b"\x89PNG\r\n\x1a\n" + bytes(range(256)), b"A" * 70000,
     f"{AK}\n{SK}\u00e9\n".encode("latin-1")],
)  # fmt: skip
def test_a_binary_file(content: bytes, file: Path, cloud: FakeCloud, run: Run) -> None:
    """What is no text, or far too long, is refused."""
    file.write_bytes(content)
    result = run("--credentials-file", str(file))
    assert result.code == 3
    assert cloud.hosts == []


@pytest.mark.parametrize("name", ["missing.txt", ".", "x\0y"])
def test_a_file_that_cannot_be_read(name: str, tmp_path: Path, cloud: FakeCloud, run: Run) -> None:
    """Missing, a folder, or no path at all."""
    result = run("--credentials-file", f"{tmp_path}/{name}")
    assert result.code == 3
    assert str(tmp_path) in result.err
    assert cloud.hosts == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission(file: Path, run: Run) -> None:
    """What the system does not let us read is told."""
    file.chmod(0)
    assert "Permission denied" in run("--credentials-file", str(file)).err


@pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
@pytest.mark.parametrize(("mode", "noted"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True), (0o644, True)])
def test_a_file_that_others_can_read(mode: int, noted: bool, file: Path, run: Run) -> None:
    """It earns a note, with the command that mends it."""
    file.write_text(FORMS["lines"], encoding="utf-8")
    file.chmod(mode)
    result = run("--credentials-file", str(file), "--format", "json", "--period", "yesterday")
    assert [note for note in result.notes if "chmod" in note] == [
        f"Others can read the credentials file; mend it with: chmod 600 '{file}'"
    ] * noted
    assert result.document["notes"] == result.notes


def test_a_tilde_is_the_home_folder(home: Path, run: Run, tmp_path: Path) -> None:
    """As in a shell, which leaves it alone behind an equals sign."""
    (tmp_path / "aksk.txt").write_text(FORMS["one line"], encoding="utf-8")
    assert run("--credentials-file=~/../aksk.txt", **NONE).code == 0
    assert home.is_dir()


@pytest.mark.parametrize("token", [None, TOKEN])
def test_the_environment(token: str | None, cloud: FakeCloud, run: Run) -> None:
    """Both sets of names work, with a token and without, and an empty variable is none."""
    cloud.keys[AK] = (SK, token or "")
    assert run(HW_SECURITY_TOKEN=token or "").code == 0
    assert run(**NONE, **SDK, HUAWEICLOUD_SDK_SECURITY_TOKEN=token).code == 0
    assert run(HW_ACCESS_KEY="", HW_SECRET_KEY="", **SDK, HUAWEICLOUD_SDK_SECURITY_TOKEN=token).code == 0


def test_the_project_id_goes_with_its_source(cloud: FakeCloud, run: Run) -> None:
    """A source's own beats HW_PROJECT_ID, which fills in; --project-id beats both."""
    both = {**NONE, **SDK, "HUAWEICLOUD_SDK_PROJECT_ID": PROJECT_ID, "HW_PROJECT_ID": "f" * 32}
    assert run(**both).code == 0
    assert run(**{**both, "HUAWEICLOUD_SDK_PROJECT_ID": None, "HW_PROJECT_ID": PROJECT_ID}).code == 0
    assert run("--project-id", PROJECT_ID, **{**both, "HUAWEICLOUD_SDK_PROJECT_ID": "nonsense"}).code == 0
    assert run(HUAWEICLOUD_SDK_PROJECT_ID="f" * 32, HW_PROJECT_ID=PROJECT_ID).code == 0  # of a source not used
    assert {seen.host.partition(".")[0] for seen in cloud.seen} == {"modelarts"}


def test_the_profile_file(home: Path, cloud: FakeCloud, run: Run, file: Path) -> None:
    """The SDK's profile file comes last, at its own place or where its variable says."""
    (home / ".huaweicloud").mkdir()
    profile = home / ".huaweicloud" / "credentials"
    profile.write_text(f"[basic]\nak = {AK}\nsk = {SK}\nproject_id = {PROJECT_ID}\n", encoding="utf-8")
    profile.chmod(0o600)
    assert run(**NONE).code == 0
    assert len(cloud.seen) == 1
    profile.write_text("[global]\n", encoding="utf-8")
    file.write_text(FORMS["profile"], encoding="utf-8")
    assert run(**NONE).code == 3
    assert run(**NONE, HUAWEICLOUD_SDK_CREDENTIALS_FILE=str(file)).code == 0
    assert run(**NONE, HUAWEICLOUD_SDK_CREDENTIALS_FILE=str(file) + ".missing").code == 3


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"HW_SECRET_KEY": None}, "HW_SECRET_KEY"),
        ({"HW_ACCESS_KEY": ""}, "HW_ACCESS_KEY"),
        ({"HW_SECRET_KEY": None, **SDK}, "HW_SECRET_KEY"),
        ({"HW_ACCESS_KEY": "x", "HW_SECRET_KEY": None}, "HW_SECRET_KEY: half a pair"),
        ({**NONE, "HUAWEICLOUD_SDK_AK": AK}, "HUAWEICLOUD_SDK_SK"),
        ({**NONE, "HUAWEICLOUD_SDK_SK": SK}, "HUAWEICLOUD_SDK_AK"),
        (NONE, "credentials"),
        ({**NONE, "HW_SECURITY_TOKEN": TOKEN}, "credentials"),
    ],
)
def test_half_a_pair(variables: dict[str, str | None], missing: str, cloud: FakeCloud, run: Run) -> None:
    """The missing half is named, and no other source fills in."""
    result = run("--format", "json", **variables)
    assert result.code == 3
    assert missing in result.error["message"]
    assert result.error["retryable"] is False
    assert cloud.hosts == []


@pytest.mark.parametrize("name", ["HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN"])
@pytest.mark.parametrize("spoiled", ["\u60a8\u7684AK", "{}\n", "{}\r\nX-Evil: 1", " {}", "{}\u00e9", "{}\u200b", "{}\x7f", "   "])
def test_a_key_that_fits_into_no_header(name: str, spoiled: str, cloud: FakeCloud, run: Run) -> None:
    """A line break, a blank, a control or a non-ASCII character is refused before anything is sent."""
    value = spoiled.format({"HW_ACCESS_KEY": AK, "HW_SECRET_KEY": SK, "HW_SECURITY_TOKEN": TOKEN}[name])
    result = run(**{name: value})
    assert result.code == 3
    assert name in result.err
    assert cloud.hosts == []


def test_a_token_that_is_none(cloud: FakeCloud, run: Run) -> None:
    """What a script exports for a missing field would garble every text that it is hidden in."""
    assert "HW_SECURITY_TOKEN" in run(HW_SECURITY_TOKEN="null").err
    assert cloud.hosts == []


def test_keys_with_unusual_characters(cloud: FakeCloud, run: Run) -> None:
    """A percent sign or quotes in an SK are of no consequence."""
    cloud.keys["EXAMPLEAK2222222222"] = ("EXAMPLE%SK%41\"'\\=/+2222", "")
    assert run(HW_ACCESS_KEY="EXAMPLEAK2222222222", HW_SECRET_KEY="EXAMPLE%SK%41\"'\\=/+2222").code == 0
