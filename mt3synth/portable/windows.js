// A song in windows, as windows.py has it: the notes of each, times in frames, and frames as one.
'use strict';

function listNotes(notes, model) {
  if (!notes.length) throw new Error('there are no notes in it');
  const rate = model.rate / model.hop;
  const hop = model.window - model.overlap;
  const rows = notes.map(([start, end, key, velocity, program, drum]) => [
    start * rate, (drum ? start + model.drum : end) * rate, key, velocity / 127,
    drum ? model.drums : model.groups[program],
  ]);
  const end = notes.reduce((latest, note) => Math.max(latest, note[1]), 0);
  const frames = Math.ceil((end + model.tail) * rate);
  const count = Math.max(1, Math.ceil((frames + 2 * model.edge - model.overlap) / hop));
  const lists = Array.from({ length: count }, (_, number) => {
    const first = number * hop - model.edge;
    const near = rows.map(([on, off, ...rest]) => [on - first, off - first, ...rest])
      .filter(([on, off]) => on < model.window + 1 && off > -model.ring * rate);
    if (near.length > model.notes) throw new Error(`more than ${model.notes} notes at once`);
    return Array.from({ length: model.notes }, (_, row) => near[row] ?? [0, 0, 0, 0, -1]);
  });
  return { lists, frames };
}

// Frames of each window are one array, a bin after the other; where neighbours overlap they fade.
function join(windows, { window, overlap, bins }) {
  const hop = window - overlap;
  const canvas = new Float32Array((windows.length * hop + overlap) * bins);
  windows.forEach((made, number) => {
    const first = number * hop * bins;
    for (let i = 0; i < window * bins; i++) {
      const rise = (Math.floor(i / bins) + 1) / (overlap + 1);
      const share = number && rise < 1 ? rise : 1;
      canvas[first + i] = made[i] * share + canvas[first + i] * (1 - share);
    }
  });
  return canvas;
}

if (typeof module !== 'undefined') module.exports = { listNotes, join };
