// Marks a stretch of the piano roll by dragging, and tells the page its seconds.
let first = null;

const place = (event) => {
  const box = element.querySelector('.roll .frame').getBoundingClientRect();
  return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
};

const show = (a, b) => {
  const chosen = element.querySelector('.roll .chosen');
  chosen.hidden = false;
  chosen.style.left = `${100 * Math.min(a, b)}%`;
  chosen.style.width = `${100 * Math.abs(a - b)}%`;
};

element.addEventListener('pointerdown', (event) => {
  if (!event.target.closest('.roll .frame')) return;
  first = place(event);
});

element.addEventListener('pointermove', (event) => {
  if (first !== null) show(first, place(event));
});

// On the window: a drag may end beside the picture.
window.addEventListener('pointerup', (event) => {
  if (first === null) return;
  const last = place(event);
  const seconds = Number(element.querySelector('.roll').dataset.seconds);
  trigger('submit', { start: first * seconds, end: last * seconds });
  first = null;
});

window.addEventListener('pointercancel', () => { first = null; });
