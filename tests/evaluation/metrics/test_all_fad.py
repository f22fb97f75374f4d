"""All-FAD: averaged over draws, with an interval at any number of recordings."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_cases import quick_evaluators

from mt3synth.evaluation.embeddings.gaussian import Gaussian
from mt3synth.evaluation.embeddings.store import EmbeddingStore
from mt3synth.evaluation.metrics.all_fad import DRAWS, FEW, all_fad, all_fad_table
from mt3synth.evaluation.metrics.frechet import frechet_distance
from mt3synth.evaluation.metrics.metric import Measurements, embedding_key

DIMENSION = 4


def measurements(
    store: EmbeddingStore, sizes: dict[str, tuple[int, int]], seed: int = 0
) -> Measurements:
    """Fills a store with so many items of so many embeddings of each kind."""
    rng = np.random.default_rng(seed)
    found = Measurements(store, [])
    for kind, (items, rows) in sizes.items():
        for number in range(items):
            key = embedding_key(kind, str(number))
            store.put(key, rng.normal(size=(rows, DIMENSION)).astype(np.float32))
            found.performances[key] = "a"
    return found


def test_a_distance_is_averaged_over_draws(tmp_path: Path) -> None:
    run = quick_evaluators(tmp_path)
    with EmbeddingStore(DIMENSION) as store:
        found = measurements(store, {"generated": (1, 20), "real": (4, 100), "recording": (12, 30)})
        figures = all_fad(found, run)
        few, many = figures["generated"], figures["real"]
        assert (few["draws"], few["draw_deviation"]) == (1, 0.0)  # all of them, in the one way
        whole = Gaussian.of(store.rows("generated: 0")[np.arange(20)])
        others = store.gaussian(*(f"recording: {n}" for n in range(12)))
        assert few["value"] == pytest.approx(frechet_distance(whole, others).value)
        assert many["draws"] == DRAWS and many["count"] == 20
        again = all_fad(found, quick_evaluators(tmp_path))
        assert again == figures
        spread = [all_fad(found, replace(run, seed=seed))["real"]["value"] for seed in range(6)]
    # The mean of so many draws lies nearer to itself than a single draw does.
    assert np.std(spread) < 0.6 * many["draw_deviation"]
    assert np.mean(spread) == pytest.approx(many["value"], abs=many["draw_deviation"])


@pytest.mark.parametrize("items, few", [(1, True), (3, True), (FEW, False)])
def test_there_is_an_interval_at_any_number_of_recordings(
    tmp_path: Path, items: int, few: bool
) -> None:
    with EmbeddingStore(DIMENSION) as store:
        sizes = {"generated": (items, 240 // items), "recording": (12, 40)}
        figures = all_fad(measurements(store, sizes), quick_evaluators(tmp_path))
        part = figures["generated"]
        low, high = part["interval"]
        assert low < high and part["few"] is few
        if few:
            assert low < part["value"] < high
        # Both sides are one distribution, whose distance without bias is 0.
        assert -0.3 < low < 0.1 and high < 0.3
        table = all_fad_table(figures, "log-mel")
        assert table.rows[0][1].endswith(" *") is few
        assert (f"* Fewer than {FEW} recordings" in table.note) is few
