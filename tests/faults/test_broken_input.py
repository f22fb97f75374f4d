"""A few hundred broken files of every kind; the long form is `broken_input.py`."""

from pathlib import Path

import broken_input
import pytest

CASES = {"midi": 120, "score": 25, "bundle": 40, "vocoder": 20, "sidecar": 40}
CASES |= {"manifest": 40, "tfrecord": 40, "arrays": 40}


@pytest.mark.usefixtures("as_released")
@pytest.mark.parametrize("kind", CASES)  # gin would import all of training
def test_broken_files_give_a_result_or_one_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cases = broken_input.Cases(kind, 100, tmp_path)
    # Of the first the whole command line is tried as well, which is for the long form.
    verdicts = [cases.judge(number) for number in range(1, 1 + CASES[kind])]
    faults = [(n, v.what) for n, v in enumerate(verdicts, 1) if v.kind == "fault"]
    assert not faults
    assert any(v.kind == "refused" for v in verdicts)
