"""Notes to mel frames: songs of any length on one canvas."""

from mt3synth.synthesis.synthesizer import SamplingConfig, Synthesizer

__all__ = ["SamplingConfig", "Synthesizer"]
