"""`mt3synth import`: usage, and folders that hold no foreign weights."""

import pytest


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["theirs"], "-o/--out"),
        (["--out", "ours"], "SOURCE"),
        (["theirs", "--out", "ours", "--config", "tiny"], "invalid choice: 'tiny'"),
        (["theirs", "--out", "ours"], "theirs: holds neither a checkpoint of t5x"),
        (["nothing", "--out", "ours"], "nothing: no such folder; give the unpacked folder"),
        (["model.zip", "--out", "ours"], "model.zip: is a file; give the unpacked folder"),
        (["theirs", "--out", "theirs"], "theirs exists; give a new folder"),
    ],
)
def test_what_is_no_source(run, here, argv, said):
    (here / "theirs").mkdir()
    (here / "model.zip").write_bytes(b"PK")
    outcome = run("import", *argv)
    assert outcome.status == 2
    assert len(outcome.err) == 1, outcome.err
    assert said in outcome.err[0]
    assert not (here / "ours").exists()
