"""Checks what t5x is told about a corpus; needs SeqIO but no t5x."""

import numpy as np
import pytest
from sine_cases import SECONDS, make_song, write_corpus

pytest.importorskip("seqio", reason="SeqIO is not installed: pip install 'mt3synth[train]'")

from data_pipelines.performances import PerformanceEntry, write_performances
from data_pipelines.reading.features import SegmentFeatures, feature_lengths
from data_pipelines.seqio_pipeline.mixtures import register_mixture
from data_pipelines.seqio_pipeline.tasks import register_tasks
from mt3synth.adapters.t5x_data import (
    DenoisingLoss,
    evaluation_task,
    performance_count,
    training_task,
)
from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError
from mt3synth.training.diffusion.step import EVAL_TIMES


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("for_t5x")
    write_corpus(folder, {name: make_song(name) for name in SECONDS})
    write_performances(folder, [PerformanceEntry(name, name) for name in SECONDS])
    return folder


def test_performances_are_counted(corpus, tmp_path):
    assert performance_count(str(corpus)) == len(SECONDS)
    with pytest.raises(UserError, match="no corpus"):
        performance_count(str(tmp_path))


@pytest.mark.parametrize("mixed", [False, True])
def test_seqios_evaluator_takes_the_evaluation_task(corpus, mixed):
    import seqio

    from data_pipelines.seqio_pipeline.converters import SegmentFeatureConverter

    name = register_tasks("for_t5x", corpus, MELGAN, 64)
    if mixed:
        name = register_mixture("for_t5x_mix", [name])
    assert training_task(name) == f"{name}_train"
    features = SegmentFeatures(MELGAN, ("mel",), frames=64)
    evaluator = seqio.Evaluator(
        evaluation_task(name),
        feature_converter=SegmentFeatureConverter(features),
        sequence_length=feature_lengths(features),
        use_memory_cache=False,
    )
    seen = []

    def score(dataset):
        seen.extend(index for index, example in dataset.as_numpy_iterator())
        return [(index, [-1.0 - index] * len(EVAL_TIMES)) for index in seen]

    metrics, _ = evaluator.evaluate(compute_metrics=True, step=3, score_fn=score)
    assert seen == list(range(9))  # 220 and 300 frames, 64 at a time
    assert metrics.result()["for_t5x_eval"]["loss"] == pytest.approx(5.0)


def test_losses_are_averaged_by_time():
    losses = np.array([[1.0, 2.0, 3.0, 4.0], [3.0, 4.0, 5.0, 6.0]])
    found = DenoisingLoss.from_model_output([], -losses, {}).compute()
    assert found == {
        "loss": 3.5,
        "loss_at_0.1": 2.0,
        "loss_at_0.3": 3.0,
        "loss_at_0.6": 4.0,
        "loss_at_0.95": 5.0,
    }
