// Renders in the browser what render.py renders, by onnxruntime-web.
'use strict';

const element = (id) => document.getElementById(id);
const numbers = (values, shape) => new ort.Tensor('float32', Float32Array.from(values), shape);

let model;
const programs = {};

async function load() {
  ort.env.wasm.wasmPaths = new URL('ort/', location.href).href;
  ort.env.logLevel = 'error';
  ort.env.wasm.numThreads = self.crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  model = await (await fetch('model.json')).json();
  for (const [name, description] of model.performances) {
    element('performance').add(new Option(`${name}: ${description}`));
  }
  element('performance').selectedIndex = model.performance;
  element('noise').hidden = !model.steps.length;
  for (const name of ['prior', ...(model.steps.length ? ['denoiser'] : []), 'vocoder']) {
    programs[name] = await ort.InferenceSession.create(`${name}.onnx`, { logSeverityLevel: 3 });
  }
}

// Log-mel frames of a song, one after another.
async function makeFrames(notes, performance, seed, tell) {
  const { edge, bins, high, low } = model;
  const { lists, frames } = listNotes(notes, model);
  const windows = [];
  for (const list of lists) {
    windows.push(await programs.prior.run({
      notes: numbers(list.flat(), [model.notes, 5]),
      performance: new ort.Tensor('int32', [performance], [1]),
    }));
    await tell('Sketching the frames', windows.length / lists.length);
  }
  let canvas = join(windows.map((each) => each.frames.data), model);
  if (model.steps.length) canvas = await refine(canvas, windows, seed, tell);
  return canvas.slice(edge * bins, (edge + frames) * bins).map((value) => (
    (Math.min(1, Math.max(-1, value)) + 1) / 2 * (high - low) + low
  ));
}

// The sampler's steps, each over all windows, which know of each other by what they share.
function refine(canvas, windows, seed, tell) {
  const { window, overlap, bins, steps, start } = model;
  const evaluations = steps.filter((row) => row[5]).length + steps.length;
  let done = 0;
  const denoise = async (noisy, time) => {
    const made = [];
    for (const [number, { frames, ...context }] of windows.entries()) {
      const first = number * (window - overlap) * bins;
      const view = numbers(noisy.subarray(first, first + window * bins), [window, bins]);
      const given = { x_t: view, time: numbers([time], [1]), ...context };
      made.push((await programs.denoiser.run(given)).x0.data);
      done += 1 / (evaluations * windows.length);
      await tell('Denoising the frames', done);
    }
    return join(made, model);
  };
  return sample(denoise, canvas, steps, start, seed);
}

// Sound of frames, block by block.
async function vocode(song, tell) {
  const { bins, hop, block, context, lag, silence } = model;
  const total = silence + song.length / bins;
  const mel = new Float32Array(total * bins).fill(Math.log(model.floor));
  mel.set(song, silence * bins);
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
    await tell('Making sound of the frames', Math.min(1, (at + block) / (total + lag)));
  }
  return audio.subarray(silence * hop);
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

// Says how far it is, and lets the browser show that, which computes in the same thread.
function tell(text, share) {
  say(`${text} …`, share);
  return new Promise((go) => { setTimeout(go); });
}

async function render() {
  element('render').disabled = true;
  try {
    const [file] = element('file').files;
    const notes = readMidi(new Uint8Array(await file.arrayBuffer()));
    const seed = Number(element('seed').value) >>> 0;
    const mel = await makeFrames(notes, element('performance').selectedIndex, seed, tell);
    const audio = await vocode(mel, tell);
    const address = URL.createObjectURL(writeWav(audio, model.rate));
    element('player').src = address;
    element('save').href = address;
    element('made').hidden = false;
    say(`Rendered ${(audio.length / model.rate).toFixed(1)} s of sound.`, 1);
  } catch (error) {
    say(`It could not be rendered: ${error.message}`, 0, true);
  }
  element('render').disabled = false;
}

element('file').addEventListener('change', () => {
  element('render').disabled = !programs.vocoder || !element('file').files.length;
});
element('render').addEventListener('click', render);
load().then(() => {
  element('render').disabled = !element('file').files.length;
  say('Choose a file, then a performance.');
}, (error) => say(`The model could not be loaded: ${error.message}`, 0, true));
