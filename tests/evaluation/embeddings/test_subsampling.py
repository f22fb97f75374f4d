"""Embeddings drawn from arrays and from files: the same ones, in the same order."""

import numpy as np
import pytest

from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.store import EmbeddingStore
from mt3synth.evaluation.embeddings.subsampling import Subset, equal_counts, gaussian_of


def random_rows(count: int, seed: int, dimension: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(seed, 1, (count, dimension)).astype(np.float32)


def every(drawn: Subset) -> np.ndarray:
    return drawn[np.arange(len(drawn))]


def test_equal_counts_draws_each_set_by_itself() -> None:
    sets = {"a": random_rows(20, 1), "b": random_rows(7, 2), "c": random_rows(9, 3)}
    drawn = {name: every(rows) for name, rows in equal_counts(sets, seed=0).items()}
    assert {name: len(rows) for name, rows in drawn.items()} == {"a": 7, "b": 7, "c": 7}
    np.testing.assert_array_equal(drawn["b"], sets["b"])
    kept = [int(np.flatnonzero((sets["a"] == row).all(axis=1))[0]) for row in drawn["a"]]
    assert kept == sorted(set(kept)) and kept != list(range(7))
    alone = equal_counts({"a": sets["a"]}, seed=0, count=7)
    np.testing.assert_array_equal(every(alone["a"]), drawn["a"])
    assert not np.array_equal(every(equal_counts(sets, seed=1)["a"]), drawn["a"])
    with pytest.raises(UserError, match="b: 7 embeddings; need 8"):
        equal_counts(sets, seed=0, count=8)


def test_gaussian_of_some_rows_is_numpys() -> None:
    rows = random_rows(9000, 1)  # three blocks
    places = np.random.default_rng(0).permutation(9000)[:5000]
    for positions, wanted in ((None, rows), (places, rows[places])):
        found = gaussian_of(rows, positions)
        assert found.count == len(wanted)
        np.testing.assert_allclose(found.mean, wanted.mean(axis=0, dtype=np.float64), rtol=1e-12)
        np.testing.assert_allclose(
            found.covariance(), np.cov(wanted.astype(np.float64), rowvar=False), rtol=1e-9
        )


def test_what_is_on_disk_is_drawn_as_from_memory() -> None:
    parts = {"a": random_rows(5, 1), "b": random_rows(0, 2), "c": random_rows(8, 3)}
    with EmbeddingStore(3) as store:
        for name, rows in parts.items():
            store.put(name, rows)
        np.testing.assert_array_equal(every(store.rows("c", "b", "a")),
                                      np.concatenate([parts["c"], parts["a"]]))  # fmt: skip
        ours = equal_counts({"x": store.rows("a", "c")}, seed=0, count=6)["x"]
        theirs = equal_counts({"x": np.concatenate([parts["a"], parts["c"]])}, seed=0, count=6)
        np.testing.assert_array_equal(every(ours), every(theirs["x"]))
        np.testing.assert_allclose(store.mean("c"), parts["c"].mean(axis=0), rtol=1e-6)
        assert store.gaussian("a", "c").count == 13
        with pytest.raises(ValueError, match="a: there are embeddings of that name already"):
            store.put("a", parts["a"])
        with pytest.raises(ValueError, match=r"d: embeddings \(4, 2\); must be \[N, 3\]"):
            store.put("d", random_rows(4, 1, 2))


def test_a_store_goes_with_its_block() -> None:
    with EmbeddingStore(3) as store:
        store.put("a", random_rows(5, 1))
        folder = store._file.path.parent
        assert folder.is_dir()
    assert not folder.exists()
