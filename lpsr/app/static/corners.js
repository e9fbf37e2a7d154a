// The corners of a plate in a photo, moved by mouse, finger or keys, and the plate straightened as they stand.
// Corners are [x, y] in pixels of the view, clockwise from the plate's top left; pixel i covers [i, i + 1).
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAUSE = 400; // ms after the last key until the corners are sent
const NARROW = 160; // CSS pixels; a plate that the whole view shows narrower is zoomed to
const ROOM = 1.6; // what the zoom shows, in extents of the plate
const MOST_ZOOM = 24; // CSS pixels a view pixel
const BRINK = 14; // CSS pixels from the edge of the stage, within which a corner makes the zoom follow

let root = null; // of the current view
let view = null; // { key, source, width, height, pixels }: pixels are RGBA, null until decoded
let quad = null; // the corners as shown
let told = null; // the corners that the server knows
let given = null; // the corners that the server last gave
let sent = []; // the corners that were sent and not answered
let chosen = null; // the visitor's zoom, "plate" or "whole", for this view and those to come
let zoom = null; // the zoom of this view
let place = null; // { scale, corner }: CSS pixels a view pixel, and the view's point at the stage's top left
let grab = null; // the drag under way: { pointer, which, start, from, touch }
let keyed = false; // whether the keyboard was used last
let timer = 0;

const find = (selector) => root.querySelector(selector);
const handles = () => [...root.querySelectorAll('.handle')];
const same = (one, other) => one.every((point, i) => point.every((value, axis) => Math.abs(value - other[i][axis]) < 0.006));

function parse(text) {
  let value = null;
  try { value = JSON.parse(text); } catch { return null; }
  const fine = Array.isArray(value) && value.length === 4 &&
    value.every((one) => Array.isArray(one) && one.length === 2 && one.every((number) => Number.isFinite(number) && Math.abs(number) < 1e5));
  return fine ? value : null;
}

/** Follow what the server shows; the visitor's own corners stay where it only answers them. */
function sync() {
  root = element.querySelector('.corner-editor');
  const fresh = root && parse(root.dataset.corners);
  const [width, height] = ['width', 'height'].map((name) => Number(root?.dataset[name]));
  if (!fresh || !(width > 0 && height > 0 && width * height < 1e8)) {
    clearTimeout(timer);
    root = view = quad = grab = null;
    return;
  }
  const [key, source] = [root.dataset.view, find('img').getAttribute('src')];
  if (view?.key !== key || view.source !== source || view.width !== width || view.height !== height) {
    clearTimeout(timer);
    view = { key, source, width, height, pixels: null };
    [quad, told, sent, grab, place] = [fresh, fresh, [], null, null];
    zoom = root.dataset.search === 'true' ? 'whole' : chosen;
    fit();
    load(view);
  } else if (!same(fresh, given)) {
    const at = sent.findIndex((one) => same(one, fresh));
    if (at >= 0) sent = sent.slice(at + 1);
    else if (!grab) {
      clearTimeout(timer);
      [quad, told, sent] = [fresh, fresh, []];
      follow();
    }
  }
  given = fresh;
  draw();
}

async function load(mine) {
  const image = Object.assign(new Image(), { src: mine.source });
  try { await image.decode(); } catch { return; }
  if (view !== mine) return;
  const canvas = Object.assign(document.createElement('canvas'), { width: mine.width, height: mine.height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(image, 0, 0, mine.width, mine.height);
  mine.pixels = context.getImageData(0, 0, mine.width, mine.height).data;
  mine.canvas = canvas;
  draw();
}

/** Choose what of the view is shown. */
function fit() {
  const size = [find('.stage').clientWidth, find('.stage').clientHeight];
  if (!size[0]) return; // the tab is hidden
  const show = (points, room) => {
    const [low, high] = ends(points);
    const scale = Math.min(...size.map((length, axis) => length / ((high[axis] - low[axis]) * room)), MOST_ZOOM);
    return { scale, corner: size.map((length, axis) => (low[axis] + high[axis] - length / scale) / 2) };
  };
  const whole = show([[0, 0], [view.width, view.height], ...quad], 1);
  const [low, high] = ends(quad);
  zoom ??= Math.max(high[0] - low[0], high[1] - low[1]) * whole.scale < NARROW ? 'plate' : 'whole';
  place = zoom === 'whole' ? whole : show(quad, ROOM);
}

/** Fit again where a corner has come to the brink of what is shown. */
function follow() {
  if (!place) return fit();
  const [low, high] = ends(quad.map(onStage));
  const { clientWidth, clientHeight } = find('.stage');
  if (Math.min(...low) < BRINK || high[0] > clientWidth - BRINK || high[1] > clientHeight - BRINK) fit();
}

const onStage = (point) => point.map((value, axis) => (value - place.corner[axis]) * place.scale);

/** A place on the screen in pixels of the view, within the stage; the page may be scaled. */
function inView({ clientX, clientY }) {
  const stage = find('.stage');
  const box = stage.getBoundingClientRect();
  const at = [
    clamp((clientX - box.left) / box.width, 0, 1) * stage.clientWidth,
    clamp((clientY - box.top) / box.height, 0, 1) * stage.clientHeight,
  ];
  return at.map((value, axis) => value / place.scale + place.corner[axis]);
}

/** Move one corner, or all (which = null), from where they are at `start`; corners may lie somewhat outside. */
function move(start, which, by) {
  const limits = [view.width, view.height].map((length) => [-length / 4, length * 1.25]);
  const [low, high] = ends(which === null ? start : [start[which]]);
  const shift = by.map((one, axis) => clamp(one, limits[axis][0] - low[axis], limits[axis][1] - high[axis]));
  quad = start.map((point, i) =>
    (which === null || which === i ? point.map((value, axis) => round(value + shift[axis])) : point));
}

function send() {
  clearTimeout(timer);
  if (fault(quad) || same(quad, told)) return;
  told = quad;
  sent.push(quad);
  trigger('select', { corners: quad, view: view.key });
}

function settle() {
  follow();
  draw();
  send();
}

/** Back to the corners before the drag, or else to those that the server knows. */
function cancel() {
  clearTimeout(timer);
  quad = grab?.start ?? told;
  grab = null;
  follow();
  draw();
}


function draw() {
  if (!root?.isConnected || !find('.stage').clientWidth) return;
  if (!place) fit();
  const { scale, corner } = place;
  const wrong = fault(quad);
  root.classList.toggle('wrong', wrong !== '');
  root.classList.toggle('moved', !same(quad, given));
  const sentence = find('.fault');
  const text = sentence.dataset[wrong] ?? '';
  if (sentence.textContent !== text) sentence.textContent = text;
  const image = find('img');
  Object.assign(image.style, {
    width: `${view.width}px`,
    height: `${view.height}px`,
    transform: `scale(${scale}) translate(${-corner[0]}px, ${-corner[1]}px)`,
    imageRendering: scale < 2 ? 'auto' : 'pixelated', // nearest neighbour is for enlarging
  });
  drawOutline();
  handles().forEach((handle, i) => {
    const [left, top] = onStage(quad[i]);
    Object.assign(handle.style, { left: `${left}px`, top: `${top}px`, zIndex: grab?.which === i ? 2 : 1 });
    handle.ariaLabel = fill(handle.dataset.label, { x: round(quad[i][0]), y: round(quad[i][1]) });
  });
  for (const one of ['plate', 'whole']) find(`[data-do="${one}"]`).ariaPressed = String(zoom === one);
  find('[data-do="reset"]').ariaDisabled = String(same(quad, parse(root.dataset.first) ?? given));
  drawLoupe();
  if (!wrong) drawStraight();
  watcher.takeRecords(); // those of this drawing
}

const ACTIONS = {
  plate: () => { chosen = zoom = 'plate'; },
  whole: () => { chosen = zoom = 'whole'; },
  turn: () => { quad = [quad[3], quad[0], quad[1], quad[2]]; },
  reset: () => { quad = parse(root.dataset.first) ?? given; },
};

const on = (type, handle) => element.addEventListener(type, (event) => {
  if (root?.contains(event.target)) handle(event);
});

on('click', ({ target }) => {
  const action = target.closest('[data-do]')?.dataset.do;
  if (!action) return;
  ACTIONS[action]();
  fit();
  settle();
});
on('pointerdown', (event) => {
  const handle = event.target.closest('.handle');
  if (event.button || grab || !(handle || event.target.matches('.inside'))) return;
  event.preventDefault();
  const from = inView(event);
  // Those of a small plate lie upon each other.
  const which = handle ? quad.map((one, i) => [distance(one, from), i]).sort((one, other) => one[0] - other[0])[0][1] : null;
  if (handle) handles()[which].focus({ preventScroll: true });
  find('.stage').setPointerCapture(event.pointerId);
  clearTimeout(timer);
  grab = { pointer: event.pointerId, which, start: quad, from, touch: event.pointerType === 'touch' };
  draw();
});
on('pointermove', (event) => {
  if (grab?.pointer !== event.pointerId) return;
  const at = inView(event);
  move(grab.start, grab.which, at.map((value, axis) => value - grab.from[axis]));
  draw();
});
on('pointerup', (event) => {
  if (grab?.pointer !== event.pointerId) return;
  grab = null;
  settle();
});
for (const one of ['pointercancel', 'lostpointercapture']) {
  on(one, (event) => { if (grab?.pointer === event.pointerId) cancel(); });
}
on('keydown', (event) => {
  const which = handles().indexOf(event.target);
  const step = STEPS[event.key];
  if (which < 0 || !step || grab) return;
  event.preventDefault();
  const length = event.altKey ? 0.25 : event.shiftKey ? 10 : 1;
  move(quad, event.ctrlKey || event.metaKey ? null : which, step.map((one) => one * length));
  follow();
  draw();
  clearTimeout(timer);
  timer = setTimeout(send, PAUSE);
});
document.addEventListener('pointerdown', () => { keyed = false; }, true);
document.addEventListener('keydown', () => { keyed = true; }, true);
document.addEventListener('keydown', (event) => {
  if (event.key !== 'Escape' || !quad || !(grab || (root.contains(event.target) && !same(quad, told)))) return;
  event.preventDefault();
  cancel();
});
on('focusin', draw);
on('focusout', () => {
  // Before whatever is pressed next.
  if (!grab) send();
  draw();
});

new ResizeObserver(() => { if (quad && !grab) { fit(); draw(); } }).observe(element);
const watcher = new MutationObserver(sync);
watcher.observe(element, { subtree: true, childList: true, attributes: true, characterData: true });
sync();
