// Renders in the browser what render.py renders, by onnxruntime-web.
'use strict';

const element = (id) => document.getElementById(id);
const numbers = (values, shape) => new ort.Tensor('float32', Float32Array.from(values), shape);

let model;
let programs;

async function load() {
  ort.env.wasm.wasmPaths = new URL('ort/', location.href).href;
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = self.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  model = await (await fetch('model.json')).json();
  for (const [name, description] of model.performances) {
    element('performance').add(new Option(`${name}: ${description}`));
  }
  element('performance').selectedIndex = model.performance;
  const open = (name) => ort.InferenceSession.create(`${name}.onnx`);
  programs = { prior: await open('prior'), vocoder: await open('vocoder') };
}

// Frames of the song, one array for each, in the range of the network.
async function sketch(notes, performance, tell) {
  const { window, overlap, edge, bins } = model;
  const rate = model.rate / model.hop;
  const rows = notes.map(([start, end, key, velocity, program, drum]) => [
    start * rate, (drum ? start + model.drum : end) * rate, key, velocity / 127,
    drum ? model.drums : model.groups[program],
  ]);
  const end = notes.reduce((latest, note) => Math.max(latest, note[1]), 0);
  const frames = Math.ceil((end + model.tail) * rate);
  const step = window - overlap;
  const count = Math.max(1, Math.ceil((frames + 2 * edge - overlap) / step));
  const canvas = new Float32Array((count * step + overlap) * bins);
  for (let number = 0; number < count; number++) {
    const first = number * step;
    const near = rows.map(([on, off, ...rest]) => [on - first + edge, off - first + edge, ...rest])
      .filter(([on, off]) => on < window + 1 && off > -model.ring * rate);
    if (near.length > model.notes) throw new Error(`more than ${model.notes} notes at once`);
    const listed = Array.from({ length: model.notes }, (_, row) => near[row] ?? [0, 0, 0, 0, -1]);
    const made = (await programs.prior.run({
      notes: numbers(listed.flat(), [model.notes, 5]),
      performance: new ort.Tensor('int32', [performance], [1]),
    })).frames.data;
    for (let i = 0; i < window * bins; i++) {
      const rise = (Math.floor(i / bins) + 1) / (overlap + 1);
      const share = number && rise < 1 ? rise : 1;
      canvas[first * bins + i] = made[i] * share + canvas[first * bins + i] * (1 - share);
    }
    tell((number + 1) / count);
  }
  const song = canvas.subarray(edge * bins, (edge + frames) * bins);
  const mel = new Float32Array((model.silence + frames) * bins).fill(Math.log(model.floor));
  song.forEach((value, i) => {
    const unit = (Math.min(1, Math.max(-1, value)) + 1) / 2;
    mel[model.silence * bins + i] = unit * (model.high - model.low) + model.low;
  });
  return mel;
}

async function vocode(mel, tell) {
  const { bins, hop, block, context, lag } = model;
  const total = mel.length / bins;
  const audio = new Float32Array(total * hop);
  let carry = Object.fromEntries(Object.entries(model.carry).map(([name, shape]) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
    if (name === 'unit') values.fill(1, 0, shape[1]);
    return [name, numbers(values, shape)];
  }));
  for (let at = 0; at < total + lag; at += block) {
    const length = block + 2 * context;
    const frames = new Float32Array(length * bins);
    const present = new Float32Array(length);
    for (let i = 0; i < length; i++) {
      const frame = at - context + i;
      if (frame < 0 || frame >= total) continue;
      present[i] = 1;
      frames.set(mel.subarray(frame * bins, (frame + 1) * bins), i * bins);
    }
    const made = await programs.vocoder.run({
      frames: numbers(frames, [length, bins]), present: numbers(present, [length]), ...carry,
    });
    carry = Object.fromEntries(Object.keys(carry).map((name) => [name, made[`${name}_out`]]));
    const skipped = Math.max(lag - at, 0);
    const left = Math.min(block, total + lag - at);
    if (left > skipped) {
      audio.set(made.samples.data.subarray(skipped * hop, left * hop), (at - lag + skipped) * hop);
    }
    tell(Math.min(1, (at + block) / (total + lag)));
  }
  return audio.subarray(model.silence * hop);
}

function writeWav(audio, rate) {
  const view = new DataView(new ArrayBuffer(44 + 2 * audio.length));
  const word = (at, letters) => [...letters].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  word(0, 'RIFF');
  view.setUint32(4, 36 + 2 * audio.length, true);
  word(8, 'WAVEfmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  word(36, 'data');
  view.setUint32(40, 2 * audio.length, true);
  const peak = audio.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
  audio.forEach((value, i) => view.setInt16(44 + 2 * i, Math.trunc(value / peak * 32767), true));
  return new Blob([view], { type: 'audio/wav' });
}

function say(text, share = 0, problem = false) {
  element('status').textContent = text;
  element('status').setAttribute('role', problem ? 'alert' : 'status');
  element('bar').value = share;
}

async function render() {
  element('render').disabled = true;
  try {
    const [file] = element('file').files;
    const notes = readMidi(new Uint8Array(await file.arrayBuffer()));
    if (!notes.length) throw new Error('there are no notes in it');
    const chosen = element('performance').selectedIndex;
    const mel = await sketch(notes, chosen, (share) => say('Sketching the frames …', share));
    const audio = await vocode(mel, (share) => say('Making sound of the frames …', share));
    const address = URL.createObjectURL(writeWav(audio, model.rate));
    element('player').src = address;
    element('save').href = address;
    element('save').hidden = false;
    say(`Rendered ${(audio.length / model.rate).toFixed(0)} s of sound.`, 1);
  } catch (error) {
    say(`It could not be rendered: ${error.message}`, 0, true);
  }
  element('render').disabled = false;
}

element('file').addEventListener('change', () => {
  element('render').disabled = !programs || !element('file').files.length;
});
element('render').addEventListener('click', render);
load().then(() => {
  element('render').disabled = !element('file').files.length;
  say('Choose a file, then a performance.');
}, (error) => say(`The model could not be loaded: ${error.message}`, 0, true));
