"""Notes to mel frames: songs of any length on one canvas."""

from mt3synth.synthesis.sampling import SamplingConfig
from mt3synth.synthesis.synthesizer import Synthesizer

__all__ = ["SamplingConfig", "Synthesizer"]
