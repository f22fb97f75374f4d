// From noise to frames, step by step, as sampler.py does it: for a seed the noise that JAX draws.
'use strict';

// `mean` are frames one after another; `denoise` takes such frames and a time.
async function sample(denoise, mean, steps, [scale, spread], seed) {
  const [first, later] = split([0, seed], 2);
  const drawn = normal(first, mean.length);
  let noisy = mean.map((value, i) => scale * value + spread[i % spread.length] * drawn[i]);
  let before;
  let x0 = new Float32Array(mean.length);
  const keys = split(later, steps.length);
  for (const [number, row] of steps.entries()) {
    const [time, ofNoisy, ofX0, ofBefore, ofFresh, corrects] = row;
    before = x0;
    x0 = await denoise(noisy, time);
    const fresh = ofFresh ? normal(keys[number], mean.length) : new Float32Array(mean.length);
    noisy = noisy.map((value, i) => (
      ofNoisy * value + ofX0 * x0[i] + ofBefore * before[i] + ofFresh * fresh[i]
    ));
    if (corrects) {
      const ahead = await denoise(noisy, steps[number + 1][0]);
      noisy = noisy.map((value, i) => value + corrects * (ahead[i] - x0[i]));
    }
  }
  return x0;
}

// What `jax.random.normal` draws, but for the last digits.
function normal(key, count) {
  const lowest = -1 + 2 ** -24;
  const [high, low] = threefry(key, count);
  return Float32Array.from(high, (word, i) => {
    const unit = ((word ^ low[i]) >>> 9) / 2 ** 23;
    const at = Math.max(lowest, Math.fround(Math.fround(unit * (1 - lowest)) + lowest));
    // The inverse error function as Giles approximates it (GPU Computing Gems 2, 2010, chapter 10).
    const w = -Math.log1p(-Math.fround(at * at));
    const [shares, x] = w < 5 ? [MIDDLE, w - 2.5] : [TAIL, Math.sqrt(w) - 3];
    return Math.SQRT2 * at * shares.reduce((sum, share) => sum * x + share);
  });
}

// The keys that `jax.random.split` makes.
function split(key, count) {
  const [high, low] = threefry(key, count);
  return Array.from(high, (word, i) => [word, low[i]]);
}

// The numbers from 0 on, encrypted by Threefry-2x32 of 20 rounds (Salmon et al., SC 2011).
function threefry(key, count) {
  const keys = [key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA];
  const turns = [[13, 15, 26, 6], [17, 29, 16, 24]];
  const words = [new Uint32Array(count), new Uint32Array(count)];
  for (let i = 0; i < count; i++) {
    let x = keys[0] | 0; // of 32 bits each; what is beyond them falls off
    let y = (i + keys[1]) | 0;
    for (let group = 0; group < 5; group++) {
      for (const turn of turns[group % 2]) {
        x = (x + y) | 0;
        y = (y << turn | y >>> (32 - turn)) ^ x;
      }
      x = (x + keys[(group + 1) % 3]) | 0;
      y = (y + keys[(group + 2) % 3] + group + 1) | 0;
    }
    words[0][i] = x;
    words[1][i] = y;
  }
  return words;
}

const MIDDLE = [2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
  -0.00125372503, -0.00417768164, 0.246640727, 1.50140941];
const TAIL = [-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
  -0.0076224613, 0.00943887047, 1.00167406, 2.83297682];

if (typeof module !== 'undefined') module.exports = { sample, normal, split };
