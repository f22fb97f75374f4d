"""Renders a tune on eight simulated devices, and prints what came of it: a process of its own."""

import dataclasses
import json

import jax
import numpy as np
from synthesis_cases import CONFIG, UNET, synthesizer, tune

from mt3synth.diffusion.guidance import Guidance
from mt3synth.errors import UserError
from mt3synth.synthesis import song_canvas

GUIDED = dataclasses.replace(CONFIG, guidance=Guidance(notes=2.0))


def main() -> None:
    model, real, used = synthesizer(UNET), song_canvas.denoise_chunk, set()

    def denoise_chunk(*args):
        x0 = real(*args)
        # Rows on each device, and on how many of them.
        used.add((x0.sharding.shard_shape(x0.shape)[0], len(x0.sharding.device_set)))
        return x0

    song_canvas.denoise_chunk = denoise_chunk
    found = {}
    for count in (1, 3, 8):
        used.clear()
        mel = model.mel(tune(), 0, dataclasses.replace(GUIDED, devices=count))
        alone = mel if count == 1 else alone
        found[count] = {"used": sorted(used), "farthest": float(np.abs(mel - alone).max())}
    for count, notes in ((9, tune()), (8, tune().cropped(0.0, 0.5))):
        try:
            model.mel(notes, 0, dataclasses.replace(GUIDED, devices=count))
        except UserError as error:
            found[f"{count} of {jax.device_count()}"] = str(error)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
