"""mt3synth: MIDI in, music out, in the sound of a performance you name.

import mt3synth

mt3synth.load().render("song.mid", performance="tape").write("song.wav")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mt3synth.adaptation.adapt import adapt
    from mt3synth.model import Model, load

__version__ = "0.1.0"
__all__ = ["Model", "__version__", "adapt", "load"]


def __getattr__(name: str) -> Any:
    # JAX takes a second or two to import, and `mt3synth --help` needs none of it.
    if name in ("Model", "load"):
        from mt3synth import model

        return getattr(model, name)
    if name == "adapt":
        from mt3synth.adaptation import adapt

        return adapt.adapt
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), "Model", "adapt", "load"]
