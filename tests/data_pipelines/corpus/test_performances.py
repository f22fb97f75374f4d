"""The performances file: the pairs it must hold, and its errors."""

from dataclasses import fields
from itertools import combinations
from pathlib import Path

import pytest

from data_pipelines.corpus.performances import (
    DEFAULT_FILE,
    Performance,
    read_performances,
)
from data_pipelines.corpus.sound.soundfonts import SOUNDFONT_FOLDERS_VARIABLE, Soundfont
from mt3synth.errors import UserError

PERFORMANCES = read_performances()
PARTS = ("soundfont", "room", "chain", "player")


def _differing(a: Performance, b: Performance) -> set[str]:
    return {name for name in PARTS if getattr(a, name) != getattr(b, name)}


def test_studio_comes_first_clean_and_twice_as_often() -> None:
    studio = PERFORMANCES[0]
    assert studio.name == "studio"
    assert studio.soundfont.file == "FluidR3_GM.sf2"
    assert all(getattr(studio.chain, f.name) == f.default for f in fields(studio.chain))
    assert {studio.weight / p.weight for p in PERFORMANCES[1:]} == {2.0}


def test_the_pairs_that_teach_one_thing_at_a_time() -> None:
    pairs = [_differing(a, b) for a, b in combinations(PERFORMANCES, 2)]
    assert len(PERFORMANCES) >= 8
    assert {"room"} in pairs
    assert {"chain"} in pairs
    assert {"soundfont"} in pairs


def test_old_broadcast_is_narrow_noisy_and_saturated() -> None:
    chain = next(p.chain for p in PERFORMANCES if p.name == "old-broadcast")
    assert (chain.low_hz, chain.high_hz) == (200, 4000)
    assert chain.drive > 0 and chain.wow > 0 and chain.hiss_db > -80


def test_names_are_unique_and_descriptions_say_what_it_is() -> None:
    assert len({p.name for p in PERFORMANCES}) == len(PERFORMANCES)
    for performance in PERFORMANCES:
        said = performance.description.lower()
        assert "soundfont" in said or "gm bank" in said


def test_missing_soundfont_names_its_debian_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SOUNDFONT_FOLDERS_VARIABLE, raising=False)
    with pytest.raises(UserError, match="some-package"):
        Soundfont("no such.sf2", "some-package", "").path()


def test_soundfont_folder_may_be_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.sf2").write_bytes(b"RIFF")
    font = Soundfont("mine.sf2", "none", "")
    assert font.path([tmp_path]) == tmp_path / "mine.sf2"
    monkeypatch.setenv(SOUNDFONT_FOLDERS_VARIABLE, str(tmp_path))
    assert font.path() == tmp_path / "mine.sf2"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('room = "booth"', 'room = "cave"', "cave"),
        ("rt60_s = 0.22", "rt60_s = -1", r"rt60_s=-1"),
        ("[rooms]", "[rooms", "expected|Expected"),
        ("weight = 2.0", "weight = 0.0", "studio: weight=0"),
        ('name = "tape"', 'name = "studio"', "two performances are called 'studio'"),
    ],
)
def test_a_broken_file_is_the_users_error(tmp_path: Path, old: str, new: str, message: str) -> None:
    broken = tmp_path / "performances.toml"
    broken.write_text(DEFAULT_FILE.read_text().replace(old, new))
    with pytest.raises(UserError, match=message):
        read_performances(broken)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.toml"):
        read_performances(tmp_path / "nowhere.toml")
