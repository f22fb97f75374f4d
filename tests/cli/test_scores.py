"""Checks that `mt3synth synthesize` renders scores in notation, and how it refuses bad ones."""

import io
import zipfile

import pytest
import soundfile
from cli_cases import write_song
from notation_cases import BACKWARD, quarters, score, words

from mt3synth.audio.files import read_metadata

FOUR = quarters("C4", "D4", "E4", "F4")


def test_a_score_is_rendered_as_it_is_written(synthesize, tmp_path):
    (tmp_path / "tune.musicxml").write_bytes(score(FOUR + BACKWARD))
    outcome = synthesize("tune.musicxml", "-o", "letter.wav")
    assert outcome.status == 0
    # Two times four quarters at 120, and the tail.
    assert abs(soundfile.info("letter.wav").duration - 6.5) < 0.05
    assert "expression" not in read_metadata("letter.wav")


def test_expression_slows_the_ending_and_is_in_the_metadata(synthesize, tmp_path):
    (tmp_path / "tune.musicxml").write_bytes(score(FOUR, FOUR))
    assert synthesize("tune.musicxml", "--expression", 1).status == 0
    assert soundfile.info("tune.wav").duration > 6.7
    assert read_metadata("tune.wav")["expression"] == "1.0"


def test_scores_in_a_folder_are_found(synthesize, tmp_path):
    (tmp_path / "songs").mkdir()
    (tmp_path / "songs" / "a.musicxml").write_bytes(score(FOUR))
    (tmp_path / "songs" / "b.abc").write_text("X:1\nT:B\nK:C\nCDEF|GABc|]\n")
    (tmp_path / "songs" / "c.txt").write_text("no score\n")
    assert synthesize("songs").status == 0
    assert sorted(p.name for p in tmp_path.glob("*.wav")) == ["a.wav", "b.wav"]


def test_a_contradiction_is_one_line_with_its_measure(synthesize, tmp_path):
    (tmp_path / "bad.musicxml").write_bytes(score(FOUR, FOUR + words("D.S.")))
    (tmp_path / "good.musicxml").write_bytes(score(FOUR))
    outcome = synthesize("bad.musicxml", "good.musicxml")
    assert outcome.status == 2
    assert outcome.err[0] == (
        "mt3synth synthesize: bad.musicxml: measure 2: D.S., but there is no Segno"
    )
    assert (tmp_path / "good.wav").exists()


def packed(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("score.xml", content)
    return buffer.getvalue()


def declared(entity: str) -> bytes:
    doctype = f"<!DOCTYPE score-partwise [{entity}]><score-partwise".encode()
    return score(FOUR).replace(b"<score-partwise", doctype, 1)


GROWING = '<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in zip("abcdefgh", "bcdefghi")
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (declared(GROWING), "line 1 declares an XML entity; take it out"),
        (declared('<!ENTITY x SYSTEM "file:///etc/passwd">'), "line 1 declares an XML entity"),
        (packed(b"<!-- " + b" " * (32 << 20)), "score.xml unpacks to over 33554432 bytes"),
        (packed(b"no score")[:-30], "not a whole .mxl file"),
        (score(quarters("R", "R")), "the score has no notes"),
        (score(FOUR, FOUR + words("D.C. al Fine")), "measure 2: "),
        (score(FOUR, FOUR)[:-200], "measure 2: damaged XML"),
    ],
    ids=["growing", "external", "bomb", "cut", "silent", "no Fine", "damaged"],
)
def test_what_does_harm_or_cannot_be_played_is_one_line(synthesize, tmp_path, content, said):
    (tmp_path / "bad.mxl").write_bytes(content)
    outcome = synthesize("bad.mxl")
    assert outcome.status == 2 and len(outcome.err) == 1
    assert outcome.err[0].startswith("mt3synth synthesize: bad.mxl: ") and said in outcome.err[0]
    assert not (tmp_path / "bad.wav").exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--tuning", "tune.txt"), "tune.txt: no Scala file"),
        (("--keyboard-map", "tune.txt"), "tune.txt: no keyboard map"),
        (("--tuning", "none.scl"), "none.scl: cannot be read"),
    ],
)
def test_a_tuning_file_that_is_none_is_one_line(synthesize, tmp_path, options, said):
    write_song("song.mid", 60)
    (tmp_path / "tune.txt").write_text("la la\n")
    outcome = synthesize("song.mid", *options)
    assert outcome.status == 2 and len(outcome.err) == 1 and said in outcome.err[0]
    assert not (tmp_path / "song.wav").exists()


def test_expression_is_bounded(synthesize, tmp_path):
    (tmp_path / "tune.musicxml").write_bytes(score(FOUR))
    outcome = synthesize("tune.musicxml", "--expression", 2)
    assert outcome.status == 2
    assert "expression=2.0; must be within 0..1" in outcome.err[0]
