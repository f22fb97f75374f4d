"""What a visitor may bring."""

import gzip
from pathlib import Path

import pytest
from cli_cases import tiny_spec, write_song

from mt3synth.demo.piece import EXAMPLES, MAX_BYTES, plain_name, read_example, read_piece
from mt3synth.errors import UserError
from mt3synth.score import Span

ROOT = Path(__file__).parents[2]


@pytest.fixture
def song(tmp_path):
    return write_song(tmp_path / "song.mid", 60, 64, 67).read_bytes()


def test_a_song_keeps_its_name_without_its_folders(song):
    piece = read_piece(song, "C:/Music/My Song.mid", tiny_spec())
    assert (piece.name, piece.stem, piece.seconds) == ("My Song.mid", "My Song", 1.5)
    assert piece.score.notes.pitch.tolist() == [60, 64, 67]
    part = piece.read(Span(0.5, 1.0), tiny_spec())
    assert part.notes.pitch.tolist() == [64] and part.name == "My Song.mid"


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("song.mid", "song.mid"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\song.mid", "song.mid"),
        ("<img src=x onerror=alert(1)>.mid", "img src x onerror alert(1) .mid"),
        ("a\r\nSet-Cookie: b.mid", "a Set-Cookie b.mid"),
        ("Überfahrt (live).mid", "Überfahrt (live).mid"),
        ("..", "song.mid"),
        ("", "song.mid"),
        ("x" * 300 + ".mid", "x" * 76 + ".mid"),
    ],
)
def test_names_are_fit_for_files_and_pages(name, plain):
    assert plain_name(name) == plain


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"These are the words of a song.\n" * 9, "words.mid: "),
        (b"MThd\x00\x00", "words.mid: "),
        (b"", "words.mid: "),
        (b"\x00" * (MAX_BYTES + 1), "words.mid: 5.0 MB; a file may have at most 5 MB here"),
        (gzip.compress(b"\x00" * 90_000_000), "words.mid: over "),
    ],
)
def test_what_is_no_song_is_refused_in_one_line(data, said):
    with pytest.raises(UserError) as raised:
        read_piece(data, "words.mid", tiny_spec())
    assert str(raised.value).startswith(said) and "\n" not in str(raised.value)


def test_a_song_of_two_hours_is_refused(tmp_path):
    long = write_song(tmp_path / "long.mid", 60, 62, seconds=3600.0).read_bytes()
    with pytest.raises(UserError, match=r"long.mid: plays for 120 minutes; at most 30 here: cut"):
        read_piece(long, "long.mid", tiny_spec())


@pytest.mark.parametrize("title", EXAMPLES)
def test_examples_are_those_of_the_documentation(title):
    piece = read_example(title, tiny_spec())
    assert piece.data == (ROOT / "docs/examples" / piece.name).read_bytes()


def test_an_example_is_of_the_list():
    with pytest.raises(UserError, match=r"no example '\.\./song\.mid'"):
        read_example("../song.mid", tiny_spec())
