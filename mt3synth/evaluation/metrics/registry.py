"""All metrics of `mt3synth evaluate`, in the order in which a report shows them.

To add one, write a file that ends in a `Metric`, and name it here, or append it to the list from a
file of your own; see docs/extending.md.
"""

from mt3synth.evaluation.metrics import (
    audio_distance,
    dynamics,
    fad,
    notes,
    performance_classifier,
    seams,
    speed,
    thin,
)
from mt3synth.evaluation.metrics.metric import Metric

METRICS: list[Metric] = [
    fad.FAD,
    performance_classifier.PERFORMANCE_CLASSIFIER,
    notes.NOTES,
    audio_distance.AUDIO_DISTANCE,
    dynamics.DYNAMICS,
    thin.THIN,
    seams.SEAMS,
    speed.SPEED,
]

__all__ = ["METRICS", "Metric"]
