// Reads a MIDI file as midi.py does: rows of start and end in seconds, key, velocity, program, drum.
'use strict';

function readMidi(bytes) {
  const number = (at, size) => {
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + bytes[at + i];
    return value;
  };
  const text = (at) => String.fromCharCode(...bytes.slice(at, at + 4));
  if (text(0) !== 'MThd') throw new Error('this is no MIDI file');
  const events = [];
  let at = 14;
  while (at + 8 <= bytes.length) {
    const end = Math.min(at + 8 + number(at + 4, 4), bytes.length);
    const isTrack = text(at) === 'MTrk';
    const track = at;
    at += 8;
    const length = () => {
      let value = 0;
      let byte;
      do {
        byte = bytes[at++];
        value = value * 128 + (byte & 127);
      } while (byte > 127);
      return value;
    };
    let tick = 0;
    let status = 0;
    while (isTrack && at < end) {
      tick += length();
      if (bytes[at] > 127) status = bytes[at++];
      let kind = status;
      let size = [0xc, 0xd].includes(status >> 4) ? 1 : 2;
      if (status >= 0xf0) { // of all messages of the system only tempo counts
        if (status === 0xff) kind = 0xff00 | bytes[at++];
        size = length();
      }
      events.push({ tick, track, kind, body: bytes.slice(at, at + size) });
      at += size;
    }
    at = end;
  }
  return play(events.sort((a, b) => a.tick - b.tick), number(12, 2));
}

function play(events, perBeat) {
  const notes = [];
  const sounding = new Map(); // "channel key track" to rows
  const held = new Map(); // "channel key" to rows that the pedal holds
  const program = Array(16).fill(0);
  const pedal = Array(16).fill(false);
  let now = 0;
  let last = 0;
  let tempo = 0.5;
  const take = (from, name) => {
    const rows = from.get(name) ?? [];
    from.delete(name);
    return rows;
  };
  const end = (rows) => rows.forEach(([start, , ...rest]) => notes.push([start, now, ...rest]));
  for (const { tick, track, kind, body } of events) {
    now += (tick - last) * tempo / perBeat;
    last = tick;
    const channel = kind & 15;
    const key = `${channel} ${body[0]}`;
    const name = `${key} ${track}`;
    const holds = pedal[channel] && channel !== 9;
    if (kind === 0xff51) tempo = (body[0] * 65536 + body[1] * 256 + body[2]) / 1e6;
    else if (kind >> 4 === 0xc) program[channel] = body[0];
    else if (kind >> 4 === 0x9 && body[1]) {
      end(take(held, key));
      for (const other of holds ? [...sounding.keys()] : []) {
        if (other.startsWith(`${key} `)) end(take(sounding, other));
      }
      const drum = channel === 9;
      const row = [now, now, body[0], body[1], drum ? 0 : program[channel], Number(drum)];
      sounding.set(name, [...(sounding.get(name) ?? []), row]);
    } else if (kind >> 4 === 0x8 || kind >> 4 === 0x9) {
      let rows = take(sounding, name);
      const fresh = rows.filter(([start]) => start === now);
      if (fresh.length && fresh.length < rows.length) { // the message is of the earlier ones
        rows = rows.slice(0, -fresh.length);
        sounding.set(name, fresh);
      }
      if (holds) held.set(key, [...(held.get(key) ?? []), ...rows]);
      else end(rows);
    } else if (kind >> 4 === 0xb && body[0] === 64) {
      pedal[channel] = body[1] >= 64;
      for (const each of pedal[channel] ? [] : [...held.keys()]) {
        if (each.startsWith(`${channel} `)) end(take(held, each));
      }
    }
  }
  for (const rows of [...sounding.values(), ...held.values()]) end(rows);
  return notes.sort((a, b) => {
    const differs = a.findIndex((value, column) => value !== b[column]);
    return differs < 0 ? 0 : a[differs] - b[differs];
  });
}

if (typeof module !== 'undefined') module.exports = { readMidi };
