"""Makes a vocoder by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

from mt3synth.audio.mel import MelSpec
from mt3synth.vocoder.files import VocoderWeights
from mt3synth.vocoder.griffin_lim import GriffinLim
from mt3synth.vocoder.neural import NeuralVocoder, load
from mt3synth.vocoder.protocol import Vocoder, VocoderError, check_spec
from mt3synth.vocoder.soundstream import ADDRESS, SoundStream

Name = Literal["neural", "griffin-lim", "soundstream"]
NAMES: tuple[Name, ...] = get_args(Name)


def make_vocoder(
    name: str | None,
    spec: MelSpec,
    own: VocoderWeights | None,
    source: str | None = None,
    griffin_lim: Callable[..., Vocoder] = GriffinLim,
) -> Vocoder:
    """Makes the vocoder called ``name``, or the default one.

        model = bundle.load()
        vocoder = make_vocoder(None, model.spec.mel, model.vocoder)

    Args:
      name: None for the bundle's own if it has one, or else Griffin-Lim.
      spec: frames to be inverted.
      own: the trained vocoder of the bundle in use, if it has one.
      source: where another one lies: for ``neural`` the folder of a trained one, for
        ``soundstream`` the folder or the address of a SavedModel.
      griffin_lim: makes the one of that name from ``spec``; gin may have bound its settings.

    Raises:
      UserError: there is no such vocoder, or what ``source`` names cannot be loaded.
      VocoderError: it inverts other frames.
    """
    if source is not None and name not in ("neural", "soundstream"):
        raise VocoderError(
            f"a source of a vocoder, {source}, goes with neural or soundstream; name one of them"
        )
    # By hand, for a name may come from the command line or a gin file.
    if name not in (None, *NAMES):
        raise VocoderError(f"no vocoder {name!r}; must be one of {', '.join(NAMES)}")
    match name or ("griffin-lim" if own is None else "neural"):
        case "griffin-lim":
            vocoder = griffin_lim(spec=spec)
        # Nothing is downloaded unless an address is given.
        case "soundstream" if source is None:
            raise VocoderError(
                "soundstream is not part of this project: name the folder of its SavedModel, or "
                f"its address ({ADDRESS}), with --vocoder-source"
            )
        case "soundstream":
            vocoder = SoundStream.load(str(source))
        case "neural" if source is not None:
            vocoder = load(source)
        case "neural" if own is None:
            raise VocoderError(
                "the bundle has no trained vocoder: name a folder that has one with "
                "--vocoder-source, or take griffin-lim"
            )
        case "neural":
            vocoder = NeuralVocoder.of(own)
    # At the door, for a vocoder of other frames would make noise rather than an error.
    check_spec(vocoder, spec)
    return vocoder


def describe(vocoder: Vocoder) -> dict[str, str]:
    """Returns what a file's metadata say about the vocoder."""
    name = {"vocoder": type(vocoder).__name__}
    if isinstance(vocoder, NeuralVocoder):
        return name | {"vocoder_weights": vocoder.weights.hash}
    return name
