"""A song in windows, by NumPy: the notes of which a network is told in each, and frames as one."""

import numpy as np


def list_notes(notes: np.ndarray, m: dict) -> tuple[list[np.ndarray], int]:
    """Lists the rows of `read_midi` for every window, times in frames from its start.

    Args:
      notes: of the song.
      m: what model.json says.

    Returns:
      A list of equal length for each window, and the frames of the song.

    Raises:
      ValueError: there are no notes, or more at once than a list has rows.
    """
    if not len(notes):
        raise ValueError("there are no notes in it")
    rate, hop = m["rate"] / m["hop"], m["window"] - m["overlap"]
    start, end, key, velocity, program, drum = notes.T
    stop = np.where(drum > 0, start + m["drum"], end)
    group = np.where(drum > 0, m["drums"], np.array(m["groups"])[program.astype(int)])
    rows = np.stack([start * rate, stop * rate, key, velocity / 127, group], 1)
    frames = int(np.ceil((end.max() + m["tail"]) * rate))
    count = max(1, -(-(frames + 2 * m["edge"] - m["overlap"]) // hop))
    lists = []
    for first in range(0, count * hop, hop):
        near = rows - np.array([1, 1, 0, 0, 0]) * (first - m["edge"])
        near = near[(near[:, 0] < m["window"] + 1) & (near[:, 1] > -m["ring"] * rate)]
        if len(near) > m["notes"]:
            raise ValueError(f"more than {m['notes']} notes at once")
        listed = np.tile(np.array([0, 0, 0, 0, -1], np.float32), (m["notes"], 1))
        listed[: len(near)] = near
        lists.append(listed)
    return lists, frames


def split_frames(canvas: np.ndarray, m: dict) -> list[np.ndarray]:
    """Cuts the frames of a song into those of each window."""
    hop = m["window"] - m["overlap"]
    return [canvas[first:][: m["window"]] for first in range(0, len(canvas) - m["overlap"], hop)]


def join(windows: list[np.ndarray], m: dict) -> np.ndarray:
    """Joins frames of windows, `[T, M]` each, cross-faded where neighbours overlap."""
    overlap, parts = m["overlap"], [windows[0]]
    rise = np.arange(1, overlap + 1, dtype=np.float32)[:, None] / np.float32(overlap + 1)
    for window in windows[1:]:
        parts[-1], tail = parts[-1][:-overlap], parts[-1][-overlap:]
        head = window[:overlap] * rise + tail * (1 - rise)
        parts.append(np.concatenate([head, window[overlap:]]))
    return np.concatenate(parts)


def to_mel(canvas: np.ndarray, count: int, m: dict) -> np.ndarray:
    """Takes the song's own frames, and makes log-mel of what a network has between -1 and 1."""
    unit = (np.clip(canvas[m["edge"] :][:count], -1, 1) + 1) / 2
    return unit * np.float32(m["high"] - m["low"]) + np.float32(m["low"])
