"""The page's sampler and windows, in JavaScript, against those of the script in Python."""

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth import bundle as bundles
from mt3synth.portable.coefficients import start_scales, step_table
from mt3synth.synthesis.options import sampling_config

ROOT = Path(__file__).parents[2]
FILES = ROOT / "mt3synth/portable"
SONGS = sorted((ROOT / "docs/examples").glob("*.mid"))
SEEDS = (0, 7, 2**32 - 1)

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="no node to run it with")


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"portable_{name}", FILES / f"{name}.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def run_script(name: str, code: str, given: Any) -> Any:
    """Runs an async function of the exports of a script and of what is given."""
    program = (
        f"const script = require({json.dumps(str(FILES / f'{name}.js'))});"
        f"const run = async (script, given) => {{ {code} }};"
        "run(script, JSON.parse(require('fs').readFileSync(0)))"
        ".then((made) => console.log(JSON.stringify(made)));"
    )
    done = subprocess.run(
        ["node", "-e", program], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_a_seed_gives_the_noise_of_the_script():
    python = module("sampler")
    made = run_script(
        "sampler",
        "return given.map((seed) => [script.split([0, seed], 3),"
        "  Array.from(script.normal([0, seed], 40000))]);",
        SEEDS,
    )
    for seed, (keys, noise) in zip(SEEDS, made, strict=True):
        key = np.array([0, seed], np.uint32)
        np.testing.assert_array_equal(keys, python.split(key, 3))
        np.testing.assert_allclose(noise, python.normal(key, (40000,)), atol=1e-5)


@pytest.mark.parametrize(
    "options",
    [{"sampler": "ddim", "eta": 0.7}, {"sampler": "dpm++2m"}, {"sampler": "heun"}],
    ids=str,
)
def test_steps_lead_where_those_of_the_script_lead(options):
    model = bundles.load(bundles.DEFAULT).spec
    config = sampling_config(model, {"steps": 5, **options}).for_model(model)
    schedule = model.diffusion.schedule
    table = step_table(config, schedule)
    start = start_scales(config, schedule, jnp.linspace(0.05, 0.4, 5))
    mean = np.random.default_rng(1).uniform(-0.9, 0.9, (300, 5)).astype(np.float32)

    def denoise(x_t: np.ndarray, time: float) -> np.ndarray:
        # Of frames and time alike, so that a step too few or a time too late shows.
        return np.clip(0.6 * mean + 0.3 * np.roll(x_t, 1) * (1 - time), -1, 1)

    expected = module("sampler").sample(denoise, mean, table, start, 3)
    made = run_script(
        "sampler",
        "const mean = Float32Array.from(given.mean);"
        "const denoise = async (noisy, time) => mean.map((value, i) => Math.min(1, Math.max(-1,"
        "  0.6 * value + 0.3 * noisy.at(i - 1) * (1 - time))));"
        "return Array.from(await script.sample(denoise, mean, given.table, given.start, 3));",
        {"mean": mean.ravel().tolist(), "table": table, "start": start},
    )
    np.testing.assert_allclose(made, expected.ravel(), atol=2e-5)


def test_windows_are_those_of_the_script():
    midi, windows = module("midi"), module("windows")
    told = dict(rate=16000, hop=320, bins=2, window=256, overlap=32, edge=32, notes=256)
    told |= dict(tail=2.5, ring=4.0, drum=0.15, drums=18, groups=[n // 8 for n in range(128)])
    songs = [midi.read_midi(path.read_bytes()) for path in SONGS]
    made = run_script(
        "windows",
        "return given.songs.map((notes) => {"
        "  const { lists, frames } = script.listNotes(notes, given.model);"
        "  const frame = (list, n) => Float32Array.from({ length: 512 }, (_, i) =>"
        "    n + list[i % 99][i % 5]);"
        "  return { lists, frames,"
        "    canvas: Array.from(script.join(lists.map(frame), given.model)) }; });",
        {"songs": [song.tolist() for song in songs], "model": told},
    )
    for song, theirs in zip(songs, made, strict=True):
        lists, frames = windows.list_notes(song, told)
        assert theirs["frames"] == frames
        np.testing.assert_allclose(theirs["lists"], lists, atol=1e-3)
        at = np.arange(512)
        made_up = [(n + each[at % 99, at % 5]).reshape(256, 2) for n, each in enumerate(lists)]
        canvas = windows.join(made_up, told)
        np.testing.assert_allclose(
            np.reshape(theirs["canvas"], (-1, 2)), canvas, rtol=1e-5, atol=1e-3
        )
        cut = windows.split_frames(canvas, told)
        assert len(cut) == len(lists) and {len(each) for each in cut} == {256}


def test_a_song_without_notes_is_refused():
    said = run_script(
        "windows",
        "try { script.listNotes([], {}); } catch (error) { return error.message; }",
        None,
    )
    assert said == "there are no notes in it"
