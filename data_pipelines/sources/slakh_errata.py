"""Stems of Slakh2100 whose sound is not what their MIDI says, as its users found and reported.

ethman/slakh-utils, issue 17 (22 stems, found by ear and by eye) and issue 21 (Track01500). The
first is also kept as ``problem_stems.json`` in greenbech/slakh-pytorch-dataset.
"""

from __future__ import annotations

_NOISE, _TONE = "is white noise", "is one long tone"
_PITCH, _OCTAVE = "sounds at other pitches than its MIDI", "sounds in another octave than its MIDI"
_MISSING = "lacks some of its notes"
_SHORT, _LONG = "sounds longer than its MIDI's notes", "sounds shorter than its MIDI's notes"

# fmt: off
ERRATA = {
    "Track00262": {"S01": _SHORT}, "Track00357": {"S03": _NOISE}, "Track00377": {"S07": _NOISE},
    "Track00385": {"S00": _NOISE}, "Track00398": {"S00": _NOISE}, "Track00400": {"S00": _NOISE},
    "Track00404": {"S03": _LONG}, "Track00496": {"S01": _PITCH}, "Track00629": {"S01": _NOISE},
    "Track00633": {"S01": _NOISE}, "Track00737": {"S01": _LONG}, "Track00749": {"S01": _NOISE},
    "Track00893": {"S01": _LONG}, "Track01500": {"S12": _TONE, "S13": _TONE},
    "Track01629": {"S00": _NOISE}, "Track01876": {"S01": _MISSING},
    "Track01908": {"S05": _MISSING}, "Track01918": {"S10": _PITCH},
    "Track01929": {"S04": _OCTAVE}, "Track01931": {"S01": _PITCH}, "Track01937": {"S03": _PITCH},
    "Track01993": {"S01": _MISSING}, "Track02024": {"S13": _MISSING},
}
# fmt: on
"""Track -> stem -> what is wrong with its sound."""
