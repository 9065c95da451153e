"""Whatever comes in, the run ends with a documented exit code, shows no secret, and a total only where there was one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from cloud import AK, PROJECT_ID, SK, TOKEN, FakeCloud, answer
from conftest import Run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FUZZ = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIELDS = ["total_token", "total_prompt_token", "total_completion_token", "total_request_count", "total_error_count",
          "total_completion_tasks", "total_infer_count"]  # fmt: skip
COUNTS = FIELDS[3:]

names = st.sampled_from(["HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_SECURITY_TOKEN", "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "ak", "sk",
                         "AK", "security_token", "project_id", "HW_PROJECT_ID", "User Name", "Access Key Id", "Secret Access Key"])  # fmt: skip
values = st.sampled_from([AK, SK, TOKEN, PROJECT_ID, "", " ", "x", '"', "'", f'"{SK}"', "\u5bc6", "%", "\x00", "a=b", "[basic]", "\ufeff"])
joints = st.sampled_from(["=", " = ", ":", ",", ", ", "\n", "\r\n", "\r", "\n#", "[basic]\n", "[", "]", "export ", " ", "\t", ""])
lines = st.lists(st.one_of(names, values, joints), max_size=12).map("".join)
contents = st.one_of(st.binary(max_size=200), lines.map(str.encode), lines.map(lambda text: text.encode("utf-16")))


@FUZZ
@given(content=contents)
def test_credentials_files(content: bytes, cloud: FakeCloud, run: Run, tmp_path: Path) -> None:
    """Any bytes: they are keys, or exit code 3."""
    cloud.reset()
    path = tmp_path / "keys"
    path.write_bytes(content)
    result = run("--credentials-file", str(path), "--format", "json")
    assert result.code in (0, 3)
    if not cloud.hosts:
        assert result.error["kind"] == "credentials"


whens = st.one_of(
    st.text(max_size=30),
    st.from_regex(r"\A\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?)?\Z"),
    st.datetimes().map(lambda moment: moment.isoformat(sep=" ", timespec="minutes")),
    st.sampled_from(["2026-11-01", "2026-11-01T00:00", "0001-01-01", "9999-12-31", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00+23:59"]),
)


@FUZZ
@given(start=whens, end=st.none() | whens, zone=st.sampled_from(["UTC", "Asia/Shanghai", "America/St_Johns", "Pacific/Kiritimati"]))
def test_when(start: str, end: str | None, zone: str, cloud: FakeCloud, run: Run) -> None:
    """Any text: it is a moment, or exit code 2."""
    cloud.reset()
    result = run(f"--from={start}", *([] if end is None else [f"--to={end}"]), "--timezone", zone, "--format", "json")
    assert result.code in (0, 2)
    assert bool(cloud.hosts) == (result.code == 0)


@FUZZ
@given(text=st.one_of(st.text(max_size=8), st.from_regex(r"\A\d{1,4}[dhDwm]\Z")), setting=st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=20))
def test_period_and_zone(text: str, setting: str, cloud: FakeCloud, run: Run) -> None:
    """Any period, any TZ and any --timezone."""
    cloud.reset()
    assert run(f"--period={text}", TZ=setting).code in (0, 2)
    assert run(f"--timezone={setting}").code in (0, 2)
    assert run(TZ=setting, HW_PROJECT_ID=PROJECT_ID).code == 0
    for body in cloud.statistics:
        assert 0 < body["start_time"] <= body["end_time"]


numbers = st.one_of(st.integers(-2, 10**20), st.floats(), st.decimals(allow_nan=False, places=5, min_value=-1, max_value=10**12).map(float))
leaves = st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5))
trees = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=4), inner, max_size=4), max_leaves=8)  # fmt: skip
mostly = st.dictionaries(st.sampled_from(FIELDS), st.one_of(st.integers(0, 10**9), st.integers(0, 10**9).map(lambda n: n / 1000), leaves), max_size=7)  # fmt: skip


def is_answer(document: Any) -> bool:
    """Tell, by the contract's words alone, whether this is an answer."""
    try:
        json.dumps(document, allow_nan=False)  # NaN and the infinities are no JSON, wherever they stand
    except ValueError:
        return False
    figures = {name: document[name] for name in FIELDS if document.get(name) is not None} if isinstance(document, dict) else {}
    return bool(figures) and all(
        type(value) in (int, float) and math.isfinite(value) and 0 <= value < 10**18 and (name not in COUNTS or value == int(value))
        for name, value in figures.items()
    )


@FUZZ
@given(document=st.one_of(trees, mostly))
def test_answers(document: Any, cloud: FakeCloud, run: Run) -> None:
    """JSON of any shape: a total exactly where it is an answer, else exit code 4."""
    cloud.reset()
    cloud.always["modelarts"] = answer(200, json.dumps(document))
    result = run("--project-id", PROJECT_ID, "--format", "json")
    assert result.code == (0 if is_answer(document) else 4)


@FUZZ
@given(document=trees, status=st.sampled_from([200, 201, 302, 400, 401, 403, 404, 418, 505]))
def test_projects_and_refusals(document: Any, status: int, cloud: FakeCloud, run: Run) -> None:
    """The same for IAM, and for what comes with any status."""
    cloud.reset()
    cloud.always["iam"] = answer(status, json.dumps({"projects": document, "error": document, "error_msg": document}))
    assert run("--format", "json").code in ((3, 4) if status != 505 else (5,))
    assert cloud.statistics == []


@pytest.mark.parametrize("text", ["n", "rrrrrrrrrrrrrrrrrrrrrrrr", "\\n" * 4000, "nr\\n" * 3000, "%6e" * 3000])
def test_hiding_takes_no_time(text: str, cloud: FakeCloud, run: Run) -> None:
    """Not even for a key and an echo that are made for each other."""
    cloud.always["modelarts"] = answer(400, json.dumps({"error_msg": text}))
    assert run(HW_ACCESS_KEY="n" * 20, HW_SECRET_KEY="rn" * 20, HW_PROJECT_ID=PROJECT_ID).code == 4
