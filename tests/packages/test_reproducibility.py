"""The comparison of sounds that were rendered under several conditions."""

import sys

import numpy as np
import pytest
import reproducibility


def test_decibels_are_of_the_reference():
    sound = np.sin(np.arange(1600) / 20)
    assert reproducibility.decibels(sound * 1.001, sound) == pytest.approx(-60.0)
    assert reproducibility.decibels(sound, sound) == -np.inf
    with pytest.raises(ValueError, match="800 samples; must be 1600"):
        reproducibility.decibels(sound[:800], sound)


@pytest.mark.parametrize(("apart", "status"), [(1e-3, 1), (1e-5, 0)])
def test_every_condition_is_compared_with_the_first(tmp_path, monkeypatch, capsys, apart, status):
    def render(self, *words, environment=None):
        sound = np.full(100, 1.0 + (apart if self.cores else 0.0), np.float32)
        np.savez(words[-1], audio=sound, mel=sound)
        return ""

    monkeypatch.setattr(reproducibility.Condition, "run", render)
    monkeypatch.setattr(sys, "argv", ["reproducibility.py", "--out", str(tmp_path), "--steps", "0"])
    assert reproducibility.main() == status
    table = capsys.readouterr().out
    assert "| as it is | equal |" in table and "| AVX2 | equal |" in table
    assert f"| one thread | {20 * np.log10(apart):.0f} dB" in table
    # What was rendered before is read again.
    monkeypatch.setattr(reproducibility.Condition, "run", None)
    assert reproducibility.main() == status


def test_a_command_runs_on_its_cores():
    told = reproducibility.Condition("one", sys.executable, cores=1).run(
        "print(len(os.sched_getaffinity(0)))"
    )
    assert told == "1"
