"""A listening test: the same for the same seed, blind, and answered in a browser."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from browser import ask
from evaluation_cases import evaluation_set, quick_evaluators

from mt3synth.evaluation.evaluation_set import EvaluationSet
from mt3synth.evaluation.listening import trials


def test_listening_test_in_a_browser(case: Path, tmp_path: Path) -> None:
    sizes = trials.Sizes(quality=2, seams=2, seconds=2.0)
    using = quick_evaluators(case / "cache")
    made = trials.listening_test(evaluation_set(case), using, sizes)
    page = trials.write(made, tmp_path)
    again = trials.listening_test(evaluation_set(case), using, sizes)
    other = trials.listening_test(evaluation_set(case), replace(using, seed=1), sizes)
    assert again == made
    assert other.key != made.key

    key = json.loads((tmp_path / "key.json").read_text())
    kinds = [clip["kind"] for clip in key["clips"].values()]
    assert sorted(kinds) == sorted(
        ["generated", "vocoded", "real"] * 2 + ["seam", "random time"] * 2
    )
    text = page.read_text()
    for word in ("generated", "vocoded", "random time", ".wav", ".flac"):
        assert word not in text.split("<script>")[0], word  # it is blind
    question = """
      const pause = () => new Promise(done => setTimeout(done, 50));
      const audio = [...document.querySelectorAll('audio')];
      await Promise.all(audio.map(a => a.readyState >= 1 || new Promise(
        done => { a.onloadedmetadata = a.onerror = done; })));
      const shown = () => [...document.querySelectorAll('.trial')].filter(t => !t.hidden);
      const visits = [];
      let blob = null;
      URL.createObjectURL = b => { blob = b; return '#'; };
      document.getElementById('next').click();
      const refused = document.getElementById('missing').textContent;
      for (let i = 0; i < 6; i++) {
        visits.push(shown().map(t => t.id).join());
        for (const input of shown()[0].querySelectorAll('input')) {
          if (input.type === 'range') { input.value = 80; input.dispatchEvent(new Event('input')); }
          else if (input.value === '1') { input.click(); }
        }
        document.getElementById('next').click();
        await pause();
      }
      document.getElementById('save').click();
      return {refused, visits, seconds: audio.map(a => a.duration),
        kept: JSON.parse(Object.values(localStorage)[0] || '{}'),
        saved: JSON.parse(await blob.text())};"""
    answer, problems = ask(page, question, tmp_path)
    assert problems == []
    assert answer["refused"] == "Please answer for every clip first."
    assert answer["visits"] == [f"trial{i}" for i in range(6)]
    assert len(answer["seconds"]) == 10 and all(s > 1.9 for s in answer["seconds"])
    assert set(answer["saved"]["answers"]) == set(key["clips"])
    assert answer["saved"]["unanswered"] == 0 and answer["saved"]["test"] == key["test"]
    assert answer["kept"]["answers"] == answer["saved"]["answers"]
    assert {a["value"] for a in answer["saved"]["answers"].values()} == {80, 1}


def test_nothing_to_listen_to(case: Path) -> None:
    bare = EvaluationSet([replace(p, real=None, seams=None) for p in evaluation_set(case).pieces])
    with pytest.raises(ValueError, match="nothing for a listening test"):
        trials.listening_test(bare, quick_evaluators(case / "cache"), trials.Sizes())
