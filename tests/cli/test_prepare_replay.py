"""`mt3synth prepare replay`: a bundle's own renderings as a data set."""

import csv
import json
from pathlib import Path

import pytest
import soundfile
from cli_cases import PERFORMANCES, write_song

KNOWN = [performance.name for performance in PERFORMANCES]


@pytest.fixture
def manifest(here: Path) -> Path:
    """Lists two scores to train on and one that is held out."""
    for name, keys in (("one", (60, 64, 67, 72, 64)), ("two", (50, 52, 53, 55)), ("held", (40,))):
        write_song(here / f"{name}.mid", *keys)
    rows = ["one.wav,one.mid,mine,", "two.wav,two.mid,mine,train", "held.wav,held.mid,mine,test"]
    path = here / "pairs.csv"
    path.write_text("\n".join(["audio,midi,performance,split", *rows]) + "\n")
    return path


def test_its_own_performances_are_rendered_and_prepared(
    run, here: Path, manifest: Path, bundle_folder: Path
) -> None:
    command = ("prepare", "replay", "--manifest", manifest, "--bundle", bundle_folder)
    command += ("--out", "replay", "--minutes", "0.06", "--steps", "1", "--format", "numpy")
    command += ("--workers", "1", "--performances", *KNOWN[:2])
    done = run(*command)
    assert done.status == 0, done.err
    listed = json.loads((here / "replay/performances.json").read_text())
    assert [entry["name"] for entry in listed] == KNOWN[:2]
    assert listed[0]["description"] == PERFORMANCES[0].description
    with (here / "replay/renderings/manifest.csv").open() as file:
        rows = list(csv.DictReader(file))
    # 3.6 s ask for both scores, and the first one is another in each performance.
    assert [row["performance"] for row in rows] == [KNOWN[0]] * 2 + [KNOWN[1]] * 2
    assert rows[0]["midi"].startswith("00-000") and rows[2]["midi"].startswith("01-001")
    renderings = here / "replay/renderings"
    before = {path: path.stat().st_mtime_ns for path in renderings.glob("*.wav")}
    assert len(before) == 4 and all(soundfile.info(path).frames > 16000 for path in before)
    again = run(*command)
    assert again.status == 0, again.err
    assert before == {path: path.stat().st_mtime_ns for path in renderings.glob("*.wav")}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--performances", "hal"), r"hall"),
        (("--minutes", "0"), "--minutes 0; must be more than 0"),
    ],
)
def test_what_cannot_be_replayed_is_said(
    run, manifest: Path, bundle_folder: Path, options: tuple[str, ...], said: str
) -> None:
    done = run(
        *("prepare", "replay", "--manifest", manifest, "--bundle", bundle_folder, "--out", "x"),
        *options,
    )
    assert done.status == 2 and len(done.err) == 1 and said in done.err[0]


def test_what_is_held_out_is_not_replayed(run, here: Path, bundle_folder: Path) -> None:
    write_song(here / "held.mid", 60)
    (here / "pairs.csv").write_text("audio,midi,performance,split\nh.wav,held.mid,mine,test\n")
    done = run("prepare", "replay", "--manifest", "pairs.csv", "--bundle", bundle_folder, "--out=x")
    assert done.status == 2 and "no row is for training" in done.err[0]
