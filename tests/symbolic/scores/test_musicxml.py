"""What MusicXML may not hold, and how that is said: in one line, with the measure."""

import io
import time
import zipfile

import pytest
from notation_cases import play, quarters, score

from mt3synth.symbolic.scores import ScoreError, musicxml, play_score

GOOD = score(quarters("C4", "D4", "E4", "F4"), quarters("G4", "A4", "B4", "C5"))


def refused(data: bytes, name: str = "bad.musicxml") -> str:
    with pytest.raises(ScoreError) as caught:
        play_score(data, name)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{name}: ")
    return message


def with_doctype(declarations: str, use: str) -> bytes:
    text = GOOD.decode().replace(
        "<score-partwise", f"<!DOCTYPE score-partwise [{declarations}]><score-partwise", 1
    )
    return text.replace("<part-name>Violin", f"<part-name>{use}").encode()


def mxl(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), content)
    return buffer.getvalue()


CONTAINER = b'<container><rootfiles><rootfile full-path="b.xml"/></rootfiles></container>'


def test_entities_that_grow_are_refused_at_once():
    levels = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    began = time.monotonic()
    message = refused(with_doctype(f'<!ENTITY a0 "ha">{levels}', "&a11;"))
    assert "XML entity" in message
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    "declaration",
    ['<!ENTITY x SYSTEM "file:///etc/passwd">', '<!ENTITY % x SYSTEM "http://example.org/x"> %x;'],
)
def test_entities_outside_the_file_are_refused(declaration):
    assert "XML entity" in refused(with_doctype(declaration, "&x;"))


def test_the_usual_doctype_is_none_of_the_harmful_ones():
    public = (
        '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" "x.dtd">'
    )
    data = GOOD.replace(b"<score-partwise", public.encode() + b"<score-partwise", 1)
    assert len(play_score(data).notes) == 8


def test_damage_is_said_with_its_measure():
    cut = GOOD[: GOOD.index(b'<measure number="2">') + 60]
    assert refused(cut).startswith("bad.musicxml: measure 2: damaged XML")


def test_a_score_without_notes_is_refused():
    assert "no notes" in refused(score("", ""))


def test_other_xml_is_refused():
    assert "<html> is no MusicXML score" in refused(b"<?xml version='1.0'?><html/>")
    assert "score-timewise" in refused(b"<?xml version='1.0'?><score-timewise/>")


def test_elements_nested_without_end_are_refused():
    deep = GOOD.replace(b"<part-name>", b"<a>" * 100_000 + b"<part-name>")
    assert "nested" in refused(deep)


def test_too_many_notes_are_refused_with_the_measure(monkeypatch):
    monkeypatch.setattr(musicxml, "MAX_WRITTEN", 8)
    assert "measure 2: over 8 notes and signs" in refused(GOOD)


def test_too_many_empty_measures_are_refused_at_once(monkeypatch):
    monkeypatch.setattr(musicxml, "MAX_WRITTEN", 1000)
    data = GOOD.replace(b"</part></score", b"<measure/>" * 1000 + b"</part></score")
    assert "over 1000 notes and signs" in refused(data)


def test_repeats_without_end_are_refused_with_the_measure():
    many = '<barline location="right"><repeat direction="backward" times="1000000000"/></barline>'
    data = score(quarters("C4", "D4", "E4", "F4"), quarters("C4", "D4", "E4", "F4") + many)
    assert "measure 2: repeated 1000000000 times" in refused(data)


def test_a_compressed_score_is_that_which_its_container_names():
    other = GOOD.replace(b"<step>C</step>", b"<step>D</step>")
    packed = mxl(**{"a_xml": other, "b_xml": GOOD, "META-INF__container_xml": CONTAINER})
    assert play_score(packed).notes.pitch[0] == 60
    assert play_score(mxl(a_xml=other)).notes.pitch[0] == 62  # without a container


def test_a_compressed_bomb_is_refused(monkeypatch):
    bomb = mxl(b_xml=b"<!-- " + b" " * (musicxml.MAX_BYTES + 1))
    assert len(bomb) < 100_000
    assert "unpacks to over" in refused(bomb, "bomb.mxl")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (mxl(README_txt=b"hello"), "no score in it"),
        (mxl(b_xml=GOOD)[:-30], "not a whole .mxl file"),
        (mxl(**{"META-INF__container_xml": b"<contai", "b_xml": GOOD}), "is damaged"),
        (mxl(**{f"{i}_txt": b"" for i in range(1200)}), "1200 files"),
    ],
    ids=["none", "cut", "container", "many"],
)
def test_damaged_archives_are_refused(data, said):
    assert said in refused(data, "bad.mxl")


def test_whatever_music21_raises_is_one_line():
    # A duration that is no number passes every check and stops music21.
    data = GOOD.replace(b"<duration>24</duration>", b"<duration>long</duration>", 1)
    assert "music21 cannot read it" in refused(data)


def test_the_extra_is_named_where_music21_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "music21", None)
    assert "pip install 'mt3synth[scores]'" in refused(GOOD)


@pytest.mark.parametrize("expression", [-0.1, 1.1, float("nan")])
def test_expression_is_bounded(expression):
    with pytest.raises(ScoreError, match=r"expression=.*must be within 0\.\.1"):
        play(quarters("C4"), expression=expression)


def test_an_archive_whose_parts_lie_elsewhere_is_refused():
    data = bytearray(mxl(b_xml=GOOD))
    at = data.rindex(b"PK\5\6") + 16  # where its table of contents says that it begins
    data[at : at + 4] = (int.from_bytes(data[at : at + 4], "little") + 1000).to_bytes(4, "little")
    assert "not a whole .mxl file" in refused(bytes(data), "bad.mxl")


def test_nothing_of_a_damaged_kern_score_reaches_the_terminal(capsys):
    play_score(b"**kern\n*M4/4\n=1\n4C\n(|\x1b[2J\n4D\n*-\n", "bad.krn")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("encoding", ["UTF-99", "hex", "utf-7", "idna"])
def test_encodings_that_nobody_reads_are_refused(encoding):
    assert "damaged XML" in refused(GOOD.replace(b"UTF-8", encoding.encode(), 1))
