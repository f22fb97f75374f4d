"""Writes the page of a listening test: one trial at a time; the browser stores and saves answers.

What of it never changes lies beside this file, as HTML, style and script.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mt3synth.reporting import html

_BODY, _STYLE, _SCRIPT = (
    Path(__file__).with_name(f"page.{kind}").read_text("utf-8") for kind in ("html", "css", "js")
)


@dataclass(frozen=True)
class Clip:
    """Audio under a name that says nothing about it: FLAC."""

    name: str
    audio: bytes


@dataclass(frozen=True)
class Trial:
    """Clips to be judged together, in the order in which they are shown."""

    clips: tuple[Clip, ...]


def listening_page(test: str, quality: Sequence[Trial], seams: Sequence[Trial]) -> str:
    """Writes the page as HTML.

    Args:
      test: names the test; answers of another one are not mixed up with its own.
      quality: trials in which every clip is rated.
      seams: trials of one clip, in whose middle something may break.
    """
    trials = [_rated(i, trial) for i, trial in enumerate(quality)]
    trials += [_asked(len(quality) + i, trial) for i, trial in enumerate(seams)]
    body = _BODY.replace("TRIALS", "\n".join(trials)).replace("COUNT", str(len(trials)))
    script = _SCRIPT.replace("TEST", json.dumps(test)) + html.ONE_PLAYER
    return html.document("Listening test", body, _STYLE, script)


def _rated(number: int, trial: Trial) -> str:
    rows = "\n".join(
        f'<div class="clip"><b>{letter}</b>{_player(clip)}'
        f'<input type="range" min="0" max="100" value="50" name="{clip.name}" required '
        f'aria-label="rating of {letter}"><output>not rated</output></div>'
        for letter, clip in zip("ABCDEFGH", trial.clips)
    )
    return (
        f'<section class="trial" data-kind="quality" id="trial{number}" hidden>\n'
        "<p>How good does each of these sound as a recording of music? The same passage, in random"
        " order; 0 is unbearable, 100 could not be better.</p>\n"
        f"{rows}\n</section>"
    )


def _asked(number: int, trial: Trial) -> str:
    (clip,) = trial.clips
    answers = "\n".join(
        f'<label><input type="radio" name="{clip.name}" value="{value}"> {text}</label>'
        for value, text in (("1", "yes"), ("0.5", "not sure"), ("0", "no"))
    )
    return (
        f'<section class="trial" data-kind="seam" id="trial{number}" hidden>\n'
        "<p>Does anything break in the middle of this clip, at 2 seconds: a click, a jump, a change"
        " that the music does not ask for?</p>\n"
        f'<div class="clip">{_player(clip)}</div>\n<div class="choice">{answers}</div>\n</section>'
    )


def _player(clip: Clip) -> str:
    source = html.data_uri(clip.audio, "audio/flac")
    return f'<audio controls preload="metadata" src="{source}"></audio>'
