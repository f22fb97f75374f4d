"""Slakh2100: multitracks rendered from Lakh MIDI files with sampled instruments.

E. Manilow, G. Wichern, P. Seetharaman, J. Le Roux, "Cutting Music Source Separation Some Slakh: A
Dataset to Study the Impact of Training Data Quality and Quantity", WASPAA 2019; 145 hours,
CC BY 4.0. The folder, as published (slakh2100_flac_redux)::

    train/Track00001/metadata.yaml      what the stems are, and which of them were rendered
    train/Track00001/mix.flac           the sum of the rendered stems, each at -13 LUFS
    train/Track00001/all_src.mid        the Lakh file; not quite what was rendered
    train/Track00001/MIDI/S00.mid       exactly what stem S00 was rendered from
    train/Track00001/stems/S00.flac

and so in ``validation`` and ``test``. Read too: the original split, in the same folders, which has
one song in several splits; BabySlakh, whose tracks lie in no split and are .wav; any subset.

Notes come from the stems' own MIDI: ``all_src.mid`` also has what could not be rendered (sound
effects, say), and not the shifts that brought notes into an instrument's range. Basses sound an
octave below their MIDI and are lowered (see `slakh_stems`). Drum kits follow the sampler's keys,
which are not quite General MIDI's (ethman/slakh-generation, issue 6).

Tracks with a stem of `slakh_errata` are rejected. ``omitted``, where the redux version puts the
duplicates, is left alone.
"""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from data_pipelines.recordings import AudioFile, Listing, Recording
from data_pipelines.songs import SPLITS
from data_pipelines.sources.shared import check_files
from data_pipelines.sources.slakh_errata import ERRATA
from data_pipelines.sources.slakh_stems import Stem, StemNotes, sounding_stems
from mt3synth.errors import UserError

NAME = "slakh"
PERFORMANCES = {
    "mix": "one for all mixes: the same samplers and the same mixing throughout",
    "patches": "one for each set of sampler patches in a mix; nearly every track has its own",
    "stems": "one for each patch (187), each stem by itself being a recording",
}

_SUFFIXES = (".flac", ".wav")  # as published, and as the authors' converter and BabySlakh have it


def recordings(folder: Path, rule: str = "mix") -> Listing:
    """Lists the tracks in the folder, or under the rule ``stems`` their stems.

    Args:
      folder: holds ``train``, ``validation`` and ``test``, or the tracks themselves.
      rule: one of ``PERFORMANCES``.

    Raises:
      UserError: no track there.
    """
    listing = Listing([], [])
    seen: dict[str, Path] = {}
    for split, track in _tracks(folder):
        # Where two releases lie in one folder, a track would be trained on and held out, too.
        first = seen.setdefault(track.name, track)
        with listing.rejecting(_audio(track / "mix"), track / "MIDI"):
            if first != track:
                raise UserError(f"a second {track.name}; the first is {first}")
            stems = sounding_stems(track / "metadata.yaml")
            for group in [(stem,) for stem in stems] if rule == "stems" else [stems]:
                recording = _recording(track, group, split, rule)
                try:
                    check_files("metadata.yaml", *recording.paths)
                    _check_sound(track.name, group)
                    listing.recordings.append(recording)
                except UserError as error:
                    listing.rejections.append(recording.rejected(str(error)))
    return listing


def _tracks(folder: Path) -> list[tuple[str | None, Path]]:
    """Yields split and folder of each track, in order."""
    found: list[tuple[str | None, Path]] = []
    for split in (*SPLITS, None):
        within = folder / split if split else folder
        found += [(split, track) for track in sorted(within.glob("Track*")) if track.is_dir()]
    if not found:
        raise UserError(
            f"{folder}: not Slakh2100 (no folder such as train/Track00001 or Track00001)"
        )
    return found


def _recording(track: Path, stems: tuple[Stem, ...], split: str | None, rule: str) -> Recording:
    patches = sorted({PurePosixPath(stem.patch).stem for stem in stems})
    if rule == "stems":
        name, audio = f"{track.name}-{stems[0].name}", track / "stems" / stems[0].name
        performance, description = patches[0], f"{patches[0]} by itself"
    else:
        name, audio = track.name, track / "mix"
        performance, description = "mix", "mixes of sampled instruments"
        if rule == "patches":  # a performance named by all its patches would fill a line or two
            performance = hashlib.sha256("\n".join(patches).encode()).hexdigest()[:10]
            description = f"mixes of {', '.join(patches)}"
    performance, description = f"{NAME}/{performance}", f"Slakh2100: {description}"
    sources = AudioFile(_audio(audio)), StemNotes(stems)
    return Recording(name, *sources, performance, description, split)


def _check_sound(track: str, stems: tuple[Stem, ...]) -> None:
    """Raises UserError if one of the stems is known to sound otherwise than its MIDI."""
    faults = ERRATA.get(track, {})
    wrong = [f"stem {stem.name} {faults[stem.name]}" for stem in stems if stem.name in faults]
    if wrong:
        raise UserError(f"known errors: {', '.join(wrong)}")


def _audio(stem: Path) -> Path:
    """Finds the file of this name by its suffixes; as published where there is none."""
    candidates = [stem.with_name(stem.name + suffix) for suffix in _SUFFIXES]
    return next((path for path in candidates if path.is_file()), candidates[0])
