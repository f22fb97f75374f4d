'use strict';
const test = TEST;
const storageKey = 'mt3synth listening test ' + test;
const trials = [...document.querySelectorAll('.trial')];
const byId = id => document.getElementById(id);
let state = {test, listener: '', answers: {}, at: 0};
try {
  const stored = JSON.parse(localStorage.getItem(storageKey) || 'null');
  if (stored && stored.test === test) state = stored;
} catch (error) { /* without storage the test works until the page is closed */ }

function keep() {
  try { localStorage.setItem(storageKey, JSON.stringify(state)); } catch (error) { /* as above */ }
}
function namesOf(trial) {
  return [...new Set([...trial.querySelectorAll('input')].map(input => input.name))];
}
function isDone(trial) { return namesOf(trial).every(name => name in state.answers); }
function show() {
  trials.forEach((trial, i) => { trial.hidden = i !== state.at; });
  byId('where').textContent = `${state.at + 1} of ${trials.length}`;
  byId('progress').value = trials.filter(isDone).length;
  byId('back').disabled = state.at === 0;
  byId('next').disabled = state.at === trials.length - 1;
  byId('missing').textContent = '';
  keep();
}
function restore(input) {
  const answer = state.answers[input.name];
  if (answer === undefined) return;
  if (input.type === 'radio') input.checked = Number(input.value) === answer.value;
  else { input.value = answer.value; input.nextElementSibling.textContent = answer.value; }
}
function move(step) {
  if (step > 0 && !isDone(trials[state.at])) {
    byId('missing').textContent = 'Please answer for every clip first.';
    return;
  }
  document.querySelectorAll('audio').forEach(audio => audio.pause());
  state.at = Math.max(0, Math.min(trials.length - 1, state.at + step));
  show();
}
for (const trial of trials) {
  for (const input of trial.querySelectorAll('input')) {
    restore(input);
    input.addEventListener('input', () => {
      const value = Number(input.value);
      state.answers[input.name] = {value, kind: trial.dataset.kind, trial: trial.id};
      if (input.type === 'range') input.nextElementSibling.textContent = value;
      byId('progress').value = trials.filter(isDone).length;
      keep();
    });
  }
}
byId('listener').value = state.listener;
byId('listener').addEventListener('input', event => {
  state.listener = event.target.value; keep();
});
byId('back').addEventListener('click', () => move(-1));
byId('next').addEventListener('click', () => move(1));
byId('save').addEventListener('click', () => {
  const left = trials.filter(trial => !isDone(trial)).length;
  const saved = {...state, unanswered: left, saved: new Date().toISOString()};
  const link = document.createElement('a');
  const name = (state.listener || 'answers').replace(/[^\w-]+/g, '_');
  link.href = URL.createObjectURL(
    new Blob([JSON.stringify(saved, null, 1)], {type: 'application/json'}));
  link.download = `listening_${test}_${name}.json`;
  link.click();
  byId('missing').textContent = left
    ? `Saved; ${left} of ${trials.length} pages have no answer yet.` : 'Saved. Thank you.';
});
show();
