"""Reads what a run has written for TensorBoard."""

from pathlib import Path


def read_all(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Reads a run's scalars: for each tag (step, value), of a step done twice the last."""
    # By what the trainer writes them with: TensorBoard itself need not be installed.
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, dict[int, float]] = {}
    for path in sorted((run / "tensorboard").iterdir()):
        content, at = path.read_bytes(), 0
        while at < len(content):
            # A record is its length, a checksum of that, the event and a checksum of it.
            size = int.from_bytes(content[at : at + 8], "little")
            event = Event.FromString(content[at + 12 : at + 12 + size])
            at += 16 + size
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = value.simple_value
    return {tag: sorted(values.items()) for tag, values in found.items()}
