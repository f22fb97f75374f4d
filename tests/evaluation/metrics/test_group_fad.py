"""Group-FAD and version classification of groups whose places are known."""

import numpy as np
import pytest

from mt3synth.errors import UserError
from mt3synth.evaluation.metrics.group_fad import GroupDistances, group_distances

GROUPS = ("hall", "studio", "church")


def spread(centre: float, count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(centre, 1, (count, 4)).astype(np.float32)


def known(distances: list[list[float]]) -> GroupDistances:
    return GroupDistances(
        generations=("a", "b", "c", "d"),
        groups=GROUPS,
        distances=np.array(distances),
        generation_count=9,
        group_count=9,
        most_negative=0.0,
    )


KNOWN = known([[1, 2, 3], [5, 4, 6], [2, 3, 1], [1, 1, 1]])
TARGETS = {"a": "hall", "b": "church", "c": "church", "d": "studio"}


def test_by_hand() -> None:
    assert KNOWN.group_fad(TARGETS) == {"a": 1, "b": 6, "c": 1, "d": 1}
    found = KNOWN.classify(TARGETS, tops=(1, 2, 3, 5))
    assert found.ranks == {"a": 1, "b": 3, "c": 1, "d": 3}  # a tie is no success
    assert found.accuracy == {1: 0.5, 2: 0.5, 3: 1.0, 5: 1.0}
    assert found.chance == {1: 1 / 3, 2: 2 / 3, 3: 1.0, 5: 1.0}
    assert found.confusion.tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 1]]


def test_chance_is_what_random_distances_reach() -> None:
    rng = np.random.default_rng(0)
    names = tuple(f"g{i}" for i in range(8))
    random = GroupDistances(
        generations=tuple(f"x{i}" for i in range(3000)),
        groups=names,
        distances=rng.random((3000, 8)),
        generation_count=9,
        group_count=9,
        most_negative=0.0,
    )
    found = random.classify({name: names[rng.integers(8)] for name in random.generations})
    assert set(found.accuracy) == {1, 3, 5}
    for k, share in found.accuracy.items():
        assert share == pytest.approx(found.chance[k], abs=0.04)
    assert found.confusion.sum() == 3000


def test_finds_groups_that_lie_apart() -> None:
    groups = {name: spread(2.0 * i, 80 + 30 * i, i) for i, name in enumerate(GROUPS)}
    generated = {
        f"{name} {j}": spread(2.0 * i, 40 + j, 9 * i + j + 5)
        for i, name in enumerate(GROUPS)
        for j in range(3)
    }
    found = group_distances(generated, groups, seed=0)
    assert (found.generation_count, found.group_count) == (40, 80)
    targets = {name: name.split()[0] for name in generated}
    assert found.classify(targets).accuracy[1] == 1.0
    # Distance of neighbours: means 2 apart in 4 dimensions; within a group little but bias.
    assert found.distances[0, 1] == pytest.approx(16, rel=0.25)
    assert max(found.group_fad(targets).values()) < 2


def test_larger_groups_are_not_nearer_for_their_size() -> None:
    # One distribution everywhere: with all embeddings the large group would nearly always win.
    wins = 0
    for seed in range(40):
        groups = {"large": spread(0, 600, 3 * seed), "small": spread(0, 12, 3 * seed + 1)}
        found = group_distances({"x": spread(0, 60, 3 * seed + 2)}, groups, seed)
        wins += int(found.distances[0, 0] < found.distances[0, 1])
    assert 10 <= wins <= 30


def test_refuses() -> None:
    with pytest.raises(UserError, match="0 generations and 1 groups; need 1 of each"):
        group_distances({}, {"hall": spread(0, 9, 0)}, seed=0)
    groups = {"hall": spread(0, 9, 0), "studio": spread(0, 4, 0)}
    with pytest.raises(UserError, match="studio: 4 embeddings of 4 dimensions; need at least 5"):
        group_distances({"x": spread(0, 9, 0)}, groups, seed=0)
    assert group_distances({"x": spread(0, 9, 0)}, groups, 0, "ledoit-wolf").group_count == 4
    with pytest.raises(UserError, match="d: no performance is given for it"):
        KNOWN.group_fad({"a": "hall", "b": "hall", "c": "hall"})
    with pytest.raises(UserError, match="a: performance barn has no recordings"):
        KNOWN.classify({**TARGETS, "a": "barn"})
