"""Lists all metrics of `mt3synth evaluate`, in the order in which a report shows them.

To add one, write a file that ends in a `Metric`, and name it here, or append it to the list from a
file of your own; see docs/extending.md.
"""

from mt3synth.evaluation.metrics.audio_distance import AUDIO_DISTANCE
from mt3synth.evaluation.metrics.dynamics import DYNAMICS
from mt3synth.evaluation.metrics.fad import FAD
from mt3synth.evaluation.metrics.loudness import LOUDNESS
from mt3synth.evaluation.metrics.metric import Metric
from mt3synth.evaluation.metrics.notes import NOTES
from mt3synth.evaluation.metrics.performance_classifier import PERFORMANCE_CLASSIFIER
from mt3synth.evaluation.metrics.seams import SEAMS
from mt3synth.evaluation.metrics.speed import SPEED
from mt3synth.evaluation.metrics.thin import THIN

METRICS: list[Metric] = [
    FAD,
    PERFORMANCE_CLASSIFIER,
    NOTES,
    AUDIO_DISTANCE,
    LOUDNESS,
    DYNAMICS,
    THIN,
    SEAMS,
    SPEED,
]
