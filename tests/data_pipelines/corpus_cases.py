"""Small scores made by hand for the corpus' tests, and the mark of those that render."""

from __future__ import annotations

import importlib.util
import json
import shutil
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from data_pipelines.corpus.arrangement.scores import Part, Score
from data_pipelines.corpus.performances import DEFAULT_FILE, read_performances
from data_pipelines.corpus.played_scores import EXPRESSIONS, Playing, find_folder, save_played
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes

STUDIO = read_performances()[0]
# Where pretty_midi has TimGM6mb.sf2.
SMALL_SOUNDFONT = Path(str(importlib.util.find_spec("pretty_midi").origin)).parent


def _can_render() -> bool:
    try:
        STUDIO.soundfont.path()
    except UserError:
        return False
    return shutil.which("fluidsynth") is not None


needs_fluidsynth = pytest.mark.skipif(
    not _can_render(),
    reason="needs fluidsynth and Debian's fluid-soundfont-gm",
)

_VOICES = ((72, 74, 76, 77), (67, 67, 67, 69), (64, 65, 64, 60), (48, 47, 48, 53))


def chorale(bars: int = 24, source: str = "bach/made.mxl", composer: str = "J.S. Bach") -> Score:
    """Four voices in crotchets, C, G7, C, F in every bar."""
    count = 4 * bars
    parts = tuple(
        Part(
            name=f"voice {i}",
            start=tuple(float(b) for b in range(count)),
            duration=(1.0,) * count,
            pitch=tuple(voice[b % 4] for b in range(count)),
        )
        for i, voice in enumerate(_VOICES)
    )
    return Score(source, composer, parts, tuple(4.0 * b for b in range(bars)), ((0.0, 96.0),))


def tune(bars: int = 16) -> Score:
    """Writes a single melody in quavers over a scale of D major."""
    count = 8 * bars
    scale = (62, 64, 66, 67, 69, 71, 73, 74)
    part = Part(
        name="fiddle",
        start=tuple(b / 2 for b in range(count)),
        duration=(0.5,) * count,
        pitch=tuple(scale[(b * 3) % 8] for b in range(count)),
    )
    return Score("made/tune.abc", "", (part,), tuple(4.0 * b for b in range(bars)), ())


def scores_cache(folder: Path) -> Path:
    """Fills a cache with made-up scores, parsed and played: two for training, one held out each."""
    scores = [
        chorale(),
        tune(),
        chorale(40, "haydn/a.mxl", "Haydn"),
        chorale(40, "mozart/a.mxl", "Mozart"),
    ]
    folder.mkdir()
    for score in scores:
        path = folder / f"{score.source.replace('/', '__')}.json"
        path.write_text(json.dumps({"scores": [asdict(score)]}))
    (folder / "index.json").write_text(json.dumps([score.source for score in scores]))
    played = find_folder(folder)
    played.mkdir()
    for score in scores:
        save_played(played, score.source, [play_plainly(score)] * len(EXPRESSIONS))
    (played / "index.json").write_text(json.dumps([score.source for score in scores]))
    return folder


def play_plainly(score: Score) -> Playing:
    """Plays a score for violins at two quarters a second, a step louder with each bar."""
    rows = np.array(
        [
            (start / 2, (start + length) / 2, key, 60 + start // 4, 40, 0, number)
            for number, part in enumerate(score.parts)
            for start, length, key in zip(part.start, part.duration, part.pitch)
        ]
    ).T
    return Playing(score.source, Notes(*rows[:6]), rows[6].astype(np.int64))


def small_performances(path: Path) -> Path:
    """Writes two performances of the default file, on the smallest soundfont."""
    head, *entries = DEFAULT_FILE.read_text().split("[[performances]]")
    chosen = [e for e in entries if 'name = "studio"' in e or 'name = "chamber"' in e]
    text = "[[performances]]".join([head, *reversed(chosen)])
    for font in ("fluid", "musescore"):
        text = text.replace(f'soundfont = "{font}"', 'soundfont = "tim"')
    path.write_text(text)
    return path
