"""The page of a listening test: one trial at a time; the browser stores answers and saves them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from mt3synth.reporting import html


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
    script = _SCRIPT.replace("TEST", json.dumps(test))
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


_BODY = """<h1>Listening test</h1>
<p>Use headphones in a quiet room. Listen as often as you like; answers stay in this browser
until you are done. At the end, save them as a file and send it to whoever asked you.</p>
<p><label>Your name or initials <input id="listener" autocomplete="off"></label></p>
<p><progress id="progress" max="COUNT" value="0"></progress> <span id="where"></span></p>
TRIALS
<p id="missing" role="status"></p>
<p><button id="back">Back</button> <button id="next">Next</button>
<button id="save">Save answers</button></p>"""

_STYLE = """
.clip { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem 1rem; margin: .7rem 0; }
.clip input { flex: 1 1 12rem; max-width: 22rem; }
.clip output { min-width: 5rem; font-variant-numeric: tabular-nums; }
.choice { display: flex; gap: 1.5rem; margin: .8rem 0; }
button { font: inherit; padding: .3rem 1rem; }
#missing { min-height: 1.5em; }
[hidden] { display: none; }
"""

_SCRIPT = """
'use strict';
const test = TEST;
const storageKey = 'mt3synth listening test ' + test;
const trials = [...document.querySelectorAll('.trial')];
const byId = id => document.getElementById(id);
let state = {test, listener: '', answers: {}, at: 0};
try {
  const stored = JSON.parse(localStorage.getItem(storageKey) || 'null');
  if (stored && stored.test === test) state = stored;
} catch (error) { /* without storage the test works until the page is closed */ }

function keep() {
  try { localStorage.setItem(storageKey, JSON.stringify(state)); } catch (error) { /* as above */ }
}
function namesOf(trial) {
  return [...new Set([...trial.querySelectorAll('input')].map(input => input.name))];
}
function isDone(trial) { return namesOf(trial).every(name => name in state.answers); }
function show() {
  trials.forEach((trial, i) => { trial.hidden = i !== state.at; });
  byId('where').textContent = `${state.at + 1} of ${trials.length}`;
  byId('progress').value = trials.filter(isDone).length;
  byId('back').disabled = state.at === 0;
  byId('next').disabled = state.at === trials.length - 1;
  byId('missing').textContent = '';
  keep();
}
function restore(input) {
  const answer = state.answers[input.name];
  if (answer === undefined) return;
  if (input.type === 'radio') input.checked = Number(input.value) === answer.value;
  else { input.value = answer.value; input.nextElementSibling.textContent = answer.value; }
}
function move(step) {
  if (step > 0 && !isDone(trials[state.at])) {
    byId('missing').textContent = 'Please answer for every clip first.';
    return;
  }
  document.querySelectorAll('audio').forEach(audio => audio.pause());
  state.at = Math.max(0, Math.min(trials.length - 1, state.at + step));
  show();
}
for (const trial of trials) {
  for (const input of trial.querySelectorAll('input')) {
    restore(input);
    input.addEventListener('input', () => {
      const value = Number(input.value);
      state.answers[input.name] = {value, kind: trial.dataset.kind, trial: trial.id};
      if (input.type === 'range') input.nextElementSibling.textContent = value;
      byId('progress').value = trials.filter(isDone).length;
      keep();
    });
  }
}
byId('listener').value = state.listener;
byId('listener').addEventListener('input', event => {
  state.listener = event.target.value; keep();
});
byId('back').addEventListener('click', () => move(-1));
byId('next').addEventListener('click', () => move(1));
byId('save').addEventListener('click', () => {
  const left = trials.filter(trial => !isDone(trial)).length;
  const saved = {...state, unanswered: left, saved: new Date().toISOString()};
  const link = document.createElement('a');
  const name = (state.listener || 'answers').replace(/[^\\w-]+/g, '_');
  link.href = URL.createObjectURL(
    new Blob([JSON.stringify(saved, null, 1)], {type: 'application/json'}));
  link.download = `listening_${test}_${name}.json`;
  link.click();
  byId('missing').textContent = left
    ? `Saved; ${left} of ${trials.length} pages have no answer yet.` : 'Saved. Thank you.';
});
document.addEventListener('play', event => {
  for (const other of document.querySelectorAll('audio')) {
    if (other !== event.target) other.pause();
  }
}, true);
show();
"""
