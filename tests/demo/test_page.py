"""The page as it is served: whom it serves, what it refuses, and what it leaves behind."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import numpy as np
import pytest
from cli_cases import write_song
from demo_cases import SETTINGS, Visitor, files_in

from mt3synth.audio.files import read_audio
from mt3synth.demo.rooms import Rooms

gradio = pytest.importorskip("gradio", reason="gradio comes with the extra demo")
pytestmark = pytest.mark.usefixtures("quickly_compiled", "quick_griffin_lim")


@pytest.fixture
def visitor(served):
    return Visitor(served.address)


@pytest.fixture
def song(tmp_path):
    return write_song(tmp_path / "song.mid", 60, 64).read_bytes()


def test_from_a_dropped_file_to_its_sound(served, visitor, song, model, tmp_path):
    shown = visitor.drop("song.mid", song)
    assert "2 notes in 1 s, keys 60 to 64" in shown["roll"] and shown["end"] == 1.0
    shown = visitor.render(performance="hall", seed=5)
    assert "Rendered 4 s of sound" in shown["status"]
    assert "data:image/png" in shown["mel"]
    wav, flac = shown["files"]
    assert (wav["orig_name"], flac["orig_name"]) == ("song.hall.wav", "song.hall.flac")
    (tmp_path / "song.wav").write_bytes(visitor.fetch(wav))
    expected = model.render(tmp_path / "song.mid", "hall", seed=5, steps=1)
    expected.write(tmp_path / "expected.wav")
    ours, theirs = (read_audio(tmp_path / name, 16000) for name in ("song.wav", "expected.wav"))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("words.mid", b"These are the words of a song.\n" * 9, "words.mid: "),
        ("cut.mid", b"MThd\x00\x00", "cut.mid: "),
        ("<b>.mid", b"no music", "b.mid: "),
        ("../../../etc/cron.d/song.mid", b"no music", "song.mid: "),
    ],
)
def test_what_is_no_song_is_answered_by_a_sentence(served, visitor, name, data, said):
    status = visitor.drop(name, data)["status"]
    assert 'role="alert"' in status and said in status and "<b>" not in status
    assert "Traceback" not in status and "/tmp" not in status
    Rooms(served.folder).sweep(time.time() + 3601)
    assert files_in(served.folder) == []


def test_a_file_that_is_too_large_does_not_even_arrive(served, visitor):
    before = files_in(served.folder)
    answer = visitor.upload("large.mid", b"\x00" * 5_000_001)
    assert answer.status_code == 413 and "maximum allowed size" in answer.text
    assert files_in(served.folder) == before


def test_a_song_of_two_hours_is_refused(visitor, tmp_path):
    song = write_song(tmp_path / "long.mid", 60, 62, seconds=3600.0).read_bytes()
    assert "plays for 120 minutes; at most 30 here" in visitor.drop("long.mid", song)["status"]
    # Nor is the song before it rendered in its place.
    assert "There is no song yet" in visitor.render()["status"]


def test_no_path_is_taken_from_a_visitor(served, visitor, tmp_path):
    outside = write_song(tmp_path / "mine.mid", 60)
    assert "error" in visitor.drop_path(str(outside))
    assert "error" in visitor.drop_path("/etc/passwd")
    assert outside.exists()
    for path in (outside, "/etc/passwd", served.folder / "..", served.folder):
        assert visitor.http.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_settings_that_the_page_does_not_offer_are_refused(visitor, song):
    visitor.drop("song.mid", song)
    for wrong in ({"performance": "opera"}, {"steps": 1000}, {"seed": -1}, {"cast": "hall*2"}):
        shown = visitor.render(**wrong)
        assert "error" in shown or 'role="alert"' in shown["status"]
    shown = visitor.render(blended="hall", share=0.25)
    assert shown["files"][0]["orig_name"] == "song.studio 0.75+hall 0.25.wav"


def test_a_stretch_that_is_marked_is_taken_over(visitor):
    shown = visitor.do("roll", "submit", [], {"start": 1.5, "end": 0.25})
    assert (shown["start"], shown["end"]) == (0.25, 1.5)
    for wrong in (None, {}, {"start": "<b>", "end": 2}, {"start": 1.0, "end": 1.0}):
        assert visitor.do("roll", "submit", [], wrong) == {}


@pytest.mark.slow
def test_one_stretch_is_rendered_again(visitor, tmp_path):
    song = write_song(tmp_path / "song.mid", *range(50, 74)).read_bytes()
    visitor.drop("song.mid", song)
    again = [None, None, *(SETTINGS | {"start": 5, "end": 7, "performance": "hall"}).values()]
    assert "render the song first" in visitor.do("again", "click", again)["status"]
    before, after = visitor.render()["files"][0], visitor.do("again", "click", again)
    assert "Rendered 5 to 7 s again" in after["status"]
    for name, file in (("before.wav", before), ("after.wav", after["files"][0])):
        (tmp_path / name).write_bytes(visitor.fetch(file))
    first, second = (read_audio(tmp_path / name, 16000) for name in ("before.wav", "after.wav"))
    differs = np.flatnonzero(first != second) / 16000
    assert len(differs) and 4 < differs.min() < 5.5 and 6.5 < differs.max() < 8


@pytest.mark.slow
def test_two_performances_are_compared(visitor, song):
    visitor.drop("song.mid", song)
    settings = list((SETTINGS | {"start": 0.5, "end": 1.0}).values())
    shown = visitor.do("compare", "click", [None, "hall", 0.5, *settings])
    assert shown["first"]["orig_name"] == "song.studio.wav"
    assert shown["second"]["orig_name"] == "song.hall.wav"
    assert visitor.fetch(shown["first"]) != visitor.fetch(shown["second"])


@pytest.mark.slow
def test_ten_visitors_at_once_are_all_served_right(served, model, tmp_path):
    songs = [
        write_song(tmp_path / f"song{n}.mid", 50 + 2 * n, 60 + n, seconds=0.3) for n in range(10)
    ]

    def visit(number):
        visitor = Visitor(served.address)
        visitor.drop(songs[number].name, songs[number].read_bytes())
        name = ("studio", "hall", "old-radio")[number % 3]
        [wav, _] = visitor.render(performance=name, seed=number)["files"]
        return wav["path"], visitor.fetch(wav), name

    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(visit, range(10)))
    assert len({path for path, _, _ in made}) == 10
    for number, (_, data, name) in enumerate(made):
        (tmp_path / "made.wav").write_bytes(data)
        model.render(songs[number], name, seed=number, steps=1).write(tmp_path / "expected.wav")
        ours, theirs = (read_audio(tmp_path / f, 16000) for f in ("made.wav", "expected.wav"))
        np.testing.assert_array_equal(ours, theirs)


def test_uploads_that_never_end_keep_nobody_else_from_theirs(served, visitor, song):
    host, port = served.address.removeprefix("http://").rstrip("/").split(":")
    with ExitStack() as stack:
        for _ in range(40):
            slow = stack.enter_context(socket.create_connection((host, int(port))))
            slow.sendall(
                b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n"
                b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
            )
        assert "2 notes" in visitor.drop("song.mid", song)["roll"]


def test_no_address_leads_out_of_what_a_visitor_was_told_of(served, visitor, song):
    visitor.drop("song.mid", song)
    inside = f"{served.folder}/x/.."
    for path in (
        "../" * 9 + "etc/passwd",
        f"{inside}/../../..",
        "%2e%2e/%2e%2e/etc/passwd",
        inside,
    ):
        assert visitor.http.get(f"/gradio_api/file={path}").status_code in (400, 403, 404)


@pytest.mark.slow
def test_a_hundred_broken_files_at_once_and_a_song_after_them(served, song):
    def visit(number: int) -> str:
        try:
            return Visitor(served.address).drop(f"{number}.mid", b"none")["status"]
        except httpx.HTTPStatusError as error:
            return f"{error.response.status_code}"

    with ThreadPoolExecutor(100) as pool:
        said = list(pool.map(visit, range(100)))
    # So many as may wait are answered, each for its own file, and the others that it is full.
    answered = [n for n, status in enumerate(said) if f">{n}.mid: " in status]
    assert len(answered) >= 20
    assert {status for n, status in enumerate(said) if n not in answered} <= {"503"}
    visitor = Visitor(served.address)
    visitor.drop("song.mid", song)
    assert "Rendered" in visitor.render()["status"]


def test_it_is_reached_from_this_machine_alone(served):
    assert served.address.startswith("http://127.0.0.1:")
