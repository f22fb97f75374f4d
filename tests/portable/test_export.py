"""A bundle as ONNX: the same audio as ours, by NumPy and onnxruntime alone, and in a browser."""

from __future__ import annotations

import contextlib
import functools
import http.server
import json
import shutil
import subprocess
import sys
import tarfile
import threading
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import find_chromium
from cli_cases import write_song

import mt3synth
from mt3synth import bundle as bundles
from mt3synth import cli
from mt3synth.errors import UserError
from mt3synth.score import Span, read_score
from mt3synth.synthesis.options import sampling_config
from mt3synth.vocoder.protocol import vocode_song

ROOT = Path(__file__).parents[2]
TUNE = ROOT / "docs/examples/tune.mid"
ATOL = 1e-3  # 60 dB below full scale


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports the default bundle, once."""
    pytest.importorskip("jax2onnx", reason="jax2onnx comes with the extra onnx")
    folder = tmp_path_factory.mktemp("exported") / "onnx"
    assert cli.main(["export", "--onnx", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports it with three steps, once."""
    pytest.importorskip("jax2onnx", reason="jax2onnx comes with the extra onnx")
    folder = tmp_path_factory.mktemp("stepped") / "onnx"
    assert cli.main(["export", "--onnx", str(folder), "--steps", "3"]) == 0
    return folder


@pytest.fixture(scope="module")
def expected() -> np.ndarray:
    return render_ours(TUNE)


@pytest.fixture(scope="module")
def expected_by_steps() -> np.ndarray:
    return render_ours(TUNE, "church", steps=3, seed=7)


def render_ours(song: Path, performance: str | None = None, **options: Any) -> np.ndarray:
    """Renders a song, before anything is done to its level."""
    model = mt3synth.load()
    renderer, score = model.renderer(performance, **options), read_score(song, Span(), model.spec)
    index = model.bundle.performance(performance).index
    config = renderer.config.for_model(model.spec)
    mel = renderer.synthesizer.mel(score.notes, index, config)
    return vocode_song(renderer.vocoder, mel)


def render_theirs(folder: Path, *arguments: object, **options: Any) -> subprocess.CompletedProcess:
    """Runs the script in an interpreter that finds nothing of ours: the folder is all there is."""
    code = (
        "import runpy, sys; sys.modules.update(dict.fromkeys(('jax', 'mt3synth', 'flax')));"
        "sys.path.insert(0, sys.argv[1]); sys.argv = sys.argv[2:];"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = [sys.executable, "-c", code, folder, folder / "render.py", *arguments]
    return subprocess.run(list(map(str, command)), **options)


def read_wav(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (16000, 1)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767


def assert_same(wav: Path, expected: np.ndarray) -> None:
    theirs = read_wav(wav) * max(1, np.abs(expected).max())
    assert len(theirs) == len(expected)
    assert np.abs(theirs - expected).max() < ATOL


@pytest.mark.slow
def test_the_script_renders_what_we_render(exported, expected, tmp_path):
    render_theirs(exported, TUNE, tmp_path / "tune.wav", check=True, cwd=tmp_path)
    assert_same(tmp_path / "tune.wav", expected)


@pytest.mark.slow
def test_the_script_takes_the_steps_that_we_take(stepped, expected_by_steps, tmp_path):
    wav = tmp_path / "tune.wav"
    render_theirs(stepped, TUNE, wav, "church", 7, check=True, cwd=tmp_path)
    assert_same(wav, expected_by_steps)


@pytest.mark.slow
def test_the_script_says_in_one_line_what_is_wrong(exported, tmp_path):
    words = tmp_path / "words.mid"
    words.write_text("These are the words of a song.\n" * 9)
    for arguments, said in {
        (words, "out.wav"): "words.mid: there are no notes in it",
        (tmp_path / "none.mid", "out.wav"): "No such file",
        (TUNE, "out.wav", "opera"): "there is no performance opera; choose of ",
        (TUNE, "out.wav", "church", "x"): "invalid literal for int",
    }.items():
        done = render_theirs(exported, *arguments, cwd=tmp_path, capture_output=True, text=True)
        [line] = done.stderr.splitlines()
        assert done.returncode == 1 and said in line
    assert not (tmp_path / "out.wav").exists()


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Gets onnxruntime-web from the npm registry."""
    if shutil.which("npm") is None:
        pytest.skip("no npm to get onnxruntime-web with")
    folder = tmp_path_factory.mktemp("npm")
    command = ["npm", "pack", "--silent", "onnxruntime-web@1"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    archives = list(folder.glob("*.tgz"))
    if done.returncode or not archives:
        pytest.skip(f"no onnxruntime-web: {done.stderr.strip()[-200:]}")
    with tarfile.open(archives[0]) as packed:
        packed.extractall(folder, filter="data")
    return folder / "package/dist"


@contextlib.contextmanager
def opened(folder: Path, runtime: Path) -> Iterator[Any]:
    """Serves a folder, nothing but files, and opens its page, which may ask nobody else."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright comes with the extra dev")
    (folder / "ort").mkdir(exist_ok=True)
    for path in (runtime / "ort.wasm.min.js", *runtime.glob("ort-wasm-simd-threaded.*")):
        if path.suffix in (".js", ".mjs", ".wasm"):
            shutil.copy(path, folder / "ort" / path.name)

    class Files(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

    handler = functools.partial(Files, directory=folder)
    foreign: list[str] = []
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        api.sync_playwright() as play,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{server.server_port}"
        browser = play.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 375, "height": 800}, accept_downloads=True)
        page.set_default_timeout(1_200_000)
        known = (host, "data:", "blob:")
        page.on("request", lambda r: None if r.url.startswith(known) else foreign.append(r.url))
        page.goto(f"{host}/page.html")
        yield page
        browser.close()
        server.shutdown()
    assert foreign == []


def render_in(page: Any, song: Path, wav: Path) -> None:
    page.locator("#file").set_input_files(song)
    page.locator("#render:not([disabled])").click()
    page.locator("#status", has_text="Rendered").wait_for()
    with page.expect_download() as kept:
        page.locator("#save").click()
    kept.value.save_as(wav)


@pytest.mark.slow
def test_the_page_renders_what_we_render(exported, runtime, tmp_path):
    song = write_song(tmp_path / "song.mid", 60, 67)
    with opened(exported, runtime) as page:
        words = tmp_path / "words.mid"
        words.write_text("These are the words of a song.\n" * 9)
        page.locator("#file").set_input_files(words)
        page.locator("#render:not([disabled])").click()
        alert = page.locator("#status[role=alert]")
        alert.wait_for()
        assert alert.inner_text() == "It could not be rendered: this is no MIDI file"
        assert not page.locator("#seed").is_visible()
        render_in(page, song, tmp_path / "song.wav")
    assert_same(tmp_path / "song.wav", render_ours(song))


@pytest.mark.slow
def test_the_page_takes_the_steps_that_we_take(stepped, runtime, expected_by_steps, tmp_path):
    with opened(stepped, runtime) as page:
        page.locator("#status", has_text="Choose").wait_for()
        page.locator("#performance").select_option(index=5)
        assert page.locator("#performance option:checked").inner_text().startswith("church")
        page.locator("#seed").fill("7")
        render_in(page, TUNE, tmp_path / "tune.wav")
        assert page.evaluate("document.scrollingElement.scrollWidth") <= 375
    assert_same(tmp_path / "tune.wav", expected_by_steps)


def test_what_cannot_be_exported_is_refused_in_one_line(tmp_path, capsys):
    from cli_cases import save_model

    tiny = save_model(tmp_path / "tiny")
    said = {
        ("--bundle", str(tiny)): "has no vocoder of its own",
        ("--run", "run"): "--onnx goes with --bundle",
        ("--steps", "-1"): "steps=-1; must be at least 0",
    }
    for options, words in said.items():
        assert cli.main(["export", "--onnx", str(tmp_path / "onnx"), *options]) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert words in line
    assert not (tmp_path / "onnx").exists()


def test_a_model_without_a_prior_is_refused(tmp_path):
    from cli_cases import save_model

    from mt3synth.portable.programs import prior_program

    with pytest.raises(UserError, match="has no prior from a list of notes"):
        prior_program(bundles.load(save_model(tmp_path / "tiny")))


def test_constants_are_those_of_the_bundle():
    from mt3synth.portable.export import constants
    from mt3synth.portable.programs import vocoder_program

    bundle = bundles.load(bundles.DEFAULT)
    sampling = sampling_config(bundle.spec, {}).for_model(bundle.spec)
    told = json.loads(json.dumps(constants(bundle, vocoder_program(bundle.vocoder), sampling)))
    assert told["steps"] == [] and told["start"] == []
    assert [name for name, _ in told["performances"]] == [p.name for p in bundle.performances]
    assert told["rate"] == bundle.spec.mel.sample_rate and len(told["groups"]) == 128
    assert set(told["carry"]) == {"unit", "audio", "weight", "recent"}
