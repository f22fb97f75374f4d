"""The page in a real browser, from a dropped file to one that is kept; by mouse, keys and phone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import find_chromium
from cli_cases import write_song
from demo_cases import Visitor

from mt3synth import cli
from mt3synth.audio.files import read_audio

pytestmark = pytest.mark.slow
pytest.importorskip("gradio", reason="gradio comes with the extra demo")
api = pytest.importorskip("playwright.sync_api", reason="playwright comes with the extra dev")
CHROMIUM = find_chromium()

PATIENCE = 900_000  # milliseconds, for machines that do much else


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with api.sync_playwright() as play:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        opened = play.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, served: Any) -> Iterator[Any]:
    """Opens a tab, which may load nothing from elsewhere and has no errors at the end."""
    tab = browser.new_page(viewport={"width": 1200, "height": 900}, accept_downloads=True)
    tab.set_default_timeout(PATIENCE)
    foreign, errors = [], []
    tab.on("request", lambda r: foreign.append(r.url) if _is_foreign(r.url, served) else None)
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(served.address)
    tab.locator("#roll img").wait_for()
    yield tab
    tab.close()
    assert foreign == [] and errors == []


def _is_foreign(url: str, served: Any) -> bool:
    return not url.startswith((served.address, "data:", "blob:"))


def drop(page: Any, path: Path) -> None:
    page.locator("#file input[type=file]").set_input_files(path)
    page.locator("#roll figcaption", has_text=path.name).wait_for()


def set_steps(page: Any, steps: int) -> None:
    if not page.locator("#steps input[type=number]").is_visible():
        page.locator("#more button").first.click()
    page.locator("#steps input[type=number]").fill(str(steps))
    page.locator("#steps input[type=number]").press("Tab")


def wait_for(page: Any, said: str) -> None:
    page.locator("#status", has_text=said).wait_for()


def seconds(page: Any) -> tuple[float, float]:
    first, last = (page.locator(f"#{name} input").input_value() for name in ("start", "end"))
    return float(first), float(last)


def mark_second_half(page: Any) -> None:
    """Drags the mouse over the second half of the piano roll."""
    page.locator("#roll .frame").scroll_into_view_if_needed()
    box = page.locator("#roll .frame").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + 20, steps=4)
    page.mouse.up()
    api.expect(page.locator("#start input")).not_to_have_value("0", timeout=PATIENCE)


def keep_wav(page: Any, path: Path) -> np.ndarray:
    """Downloads what was rendered, and reads it."""
    with page.expect_download() as kept:
        page.locator("#files a[download$='.wav']").first.click()
    kept.value.save_as(path)
    return read_audio(path, 16000)


def test_from_a_dropped_file_to_one_that_is_kept(page, tmp_path, bundle_folder, monkeypatch):
    song = write_song(tmp_path / "my song.mid", 60, 64, 67, 72)
    drop(page, song)
    assert seconds(page) == (0, 2)
    page.locator("#performance label", has_text="hall").click()
    set_steps(page, 1)
    mark_second_half(page)
    start, end = seconds(page)
    assert start == pytest.approx(1, abs=0.02) and end == pytest.approx(2, abs=0.02)
    page.locator("#render").click()
    wait_for(page, "Rendered")
    # A sample of the performance that was chosen came before it.
    page.locator("#sample audio").wait_for(state="attached")
    assert page.locator("#mel img").get_attribute("alt").startswith("Mel frames of my song.hall")
    for suffix in (".wav", ".flac"):
        with page.expect_download() as kept:
            page.locator(f"#files a[download$='{suffix}']").first.click()
        kept.value.save_as(tmp_path / f"ours{suffix}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    options = ["--bundle", bundle_folder, "--performance", "hall", "--steps", 1]
    options += ["--start", start, "--end", end, "-o", tmp_path / "theirs.wav"]
    assert cli.main(["synthesize", str(song), *map(str, options)]) == 0
    theirs = read_audio(tmp_path / "theirs.wav", 16000)
    for suffix in (".wav", ".flac"):
        np.testing.assert_array_equal(read_audio(tmp_path / f"ours{suffix}", 16000), theirs)


def test_a_marked_stretch_is_rendered_again(page, tmp_path):
    drop(page, write_song(tmp_path / "song.mid", *range(50, 74)))
    set_steps(page, 1)
    page.locator("#render").click()
    wait_for(page, "Rendered")
    first = keep_wav(page, tmp_path / "first.wav")
    mark_second_half(page)
    begin, end = seconds(page)
    page.locator("#performance label", has_text="hall").click()
    page.locator("#again").click()
    wait_for(page, "again")
    second = keep_wav(page, tmp_path / "second.wav")
    differs = np.flatnonzero(first != second[: len(first)]) / 16000
    assert begin - 1 < differs.min() and differs.max() < end + 1


def test_it_is_heard_while_it_is_made(page, tmp_path):
    if shutil.which("ffmpeg") is None:
        pytest.skip("no ffmpeg, with which gradio encodes what is streamed")
    drop(page, write_song(tmp_path / "song.mid", 60, 64))
    set_steps(page, 1)
    page.locator("#stream").click()
    wait_for(page, "All of it is rendered")
    page.wait_for_function("document.querySelector('#live audio')?.currentTime > 0.2")


def test_a_file_that_is_no_song_is_a_sentence_and_the_next_one_is_rendered(page, tmp_path):
    words = tmp_path / "words.mid"
    words.write_text("These are the words of a song.\n" * 9)
    page.locator("#file input[type=file]").set_input_files(words)
    alert = page.locator("#status [role=alert]")
    alert.wait_for()
    assert alert.inner_text().startswith("words.mid: ")
    page.locator("#file button[aria-label=Clear], #file button[aria-label=Remove]").first.click()
    drop(page, write_song(tmp_path / "song.mid", 60))
    set_steps(page, 1)
    page.locator("#render").click()
    wait_for(page, "Rendered")


def test_a_tab_that_is_closed_ends_its_rendering_and_the_next_visitor_is_served(
    browser, served, tmp_path
):
    song = write_song(tmp_path / "song.mid", *range(40, 100))
    tab = browser.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.goto(served.address)
    tab.locator("#roll img").wait_for()
    drop(tab, song)
    set_steps(tab, 50)
    tab.locator("#render").click()
    page_says = tab.locator("#status", has_text=re.compile("step [1-9]"))
    page_says.wait_for()
    tab.close()
    visitor = Visitor(served.address)
    visitor.drop("next.mid", write_song(tmp_path / "next.mid", 60).read_bytes())
    assert "Rendered" in visitor.render(steps=1)["status"]


def test_keys_do_what_the_mouse_does_and_it_fits_a_phone(page, tmp_path):
    page.set_viewport_size({"width": 375, "height": 800})
    drop(page, write_song(tmp_path / "song.mid", 60))
    set_steps(page, 1)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 375
    page.locator("#performance input").first.focus()
    page.keyboard.press("ArrowDown")
    assert page.locator("#performance input:checked").count() == 1
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        if reached[-1] == "render":
            break
    assert reached[-1] == "render", reached
    page.keyboard.press("Enter")
    wait_for(page, "Rendered")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 375
