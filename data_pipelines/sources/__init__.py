"""Lists the recordings of known data sets: one module each, for its official folder.

A module has ``PERFORMANCES``, the rules by which its recordings become performances (the first is
the default), and ``recordings(folder, rule) -> Listing`` for one of them. The table here is what
can be said of them without importing anything.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from mt3synth.errors import UserError

if TYPE_CHECKING:
    from data_pipelines.recordings import Listing


@dataclass(frozen=True)
class KnownDataset:
    """Describes a data set that can be prepared from its official folder.

    Attributes:
      name: of its subcommand, and with underscores of its module.
      title: of the data set, with its version.
      licence: under which it is published.
      help: one line, with what to look for in its folder.
    """

    name: str
    title: str
    licence: str
    help: str

    def rules(self) -> dict[str, str]:
        """Returns how its recordings may become performances, each with a line of explanation."""
        return self._module().PERFORMANCES

    def recordings(self, folder: Path, rule: str | None = None) -> Listing:
        """Lists what lies in ``folder``; ``rule`` None is the first.

        Raises:
          UserError: the folder is no such data set, or there is no such rule.
        """
        rules = self.rules()
        rule = next(iter(rules)) if rule is None else rule
        if rule not in rules:
            raise UserError(f"performance rule {rule!r}; must be one of {', '.join(rules)}")
        return self._module().recordings(folder, rule)

    def _module(self) -> ModuleType:
        return importlib.import_module(f"data_pipelines.sources.{self.name.replace('-', '_')}")


# fmt: off
DATASETS = {
    dataset.name: dataset
    for dataset in (
        KnownDataset("maestro", "MAESTRO v3.0.0", "CC BY-NC-SA 4.0",
            "MAESTRO v3: 199 hours of piano competitions (the folder with maestro-v3.0.0.csv)"),
        KnownDataset("musicnet", "MusicNet", "CC BY 4.0",
            "MusicNet: 330 recordings of classical music (the folder with musicnet_metadata.csv)"),
        KnownDataset("urmp", "URMP", "CC0 1.0",
            "URMP: 44 chamber pieces for strings, woodwinds and brass (the folder with Dataset/)"),
        KnownDataset("guitarset", "GuitarSet", "CC BY 4.0",
            "GuitarSet: 360 excerpts of six guitarists (the folder with annotation/)"),
        KnownDataset("slakh", "Slakh2100", "CC BY 4.0",
            "Slakh2100: 145 hours of rendered Lakh MIDI (the folder with train/Track00001/)"),
        KnownDataset("mt3-tfrecords", "TFRecords of MT3 or Spectrogram Diffusion", "not recorded",
            "TFRecords as MT3 and Spectrogram Diffusion read them (a folder with *.tfrecord*)"),
    )
}
# fmt: on
