// Two pictures of the cards laid over each other, their difference, and one zoom for both views (and the cards).
// gr.ImageSlider has no keys, captions, lossless pictures or common zoom.
const LR_PIXEL = 8; // HR pixels
const NARROWEST = 16; // HR pixels across at the highest zoom
const GRIP = 20; // CSS pixels beside the divider that still take hold of it
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ZOOMS = { in: Math.SQRT2, out: Math.SQRT1_2, whole: 0 };
const KEYS = { '+': 'in', '=': 'in', '-': 'out', _: 'out', 0: 'whole' };

// What the visitor chose, which outlives every result. Centre: parts of the picture; pixel: marked, in HR pixels.
const look = { zoom: 1, centre: [0.5, 0.5], divider: 50, scale: 64, follow: false, pixel: null };
look.names = (new URLSearchParams(location.search).get('pair') ?? '').split(',');
let section = null; // of the current result
let shown = []; // names of the left and the right picture
let asked = []; // names and addresses of the pictures that are shown or being decoded
let pair = null; // those pictures, decoded and measured
let divides = false; // whether the drag under way moves the divider
const fingers = new Map(); // pointers that are down, and where
const sheet = document.head.appendChild(document.createElement('style'));

const find = (selector) => section.querySelector(selector);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const fill = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name]);
const signed = (value, digits) => (value < 0 ? '−' : '+') + Math.abs(value).toFixed(digits);
const canvasOf = ([width, height]) =>
  Object.assign(document.createElement('canvas'), { width, height }).getContext('2d', { willReadFrequently: true });
// As Pillow's "YCbCr" has it, which PSNR_Y is measured on.
const luma = (rgba, i) =>
  (Math.round(19.136 * rgba[i]) + Math.round(37.568 * rgba[i + 1]) + Math.round(7.296 * rgba[i + 2])) >> 6;

/** Follow a new result; the pair stays where its models are still there. */
function sync() {
  section = element.querySelector('.closer');
  if (!section) return void (sheet.textContent = '');
  const sides = [...section.querySelectorAll('.side')];
  const known = [...sides[0].querySelectorAll('option')].map((one) => one.value);
  const usual = section.dataset.default.split(',');
  let names = usual.map((name, i) => (known.includes(look.names[i]) ? look.names[i] : name));
  if (names[0] === names[1]) names = usual;
  sides.forEach((side, i) => {
    const select = side.querySelector('select');
    select.value = names[i];
    const { value, colour } = select.selectedOptions[0].dataset;
    side.querySelector('.value').textContent = value;
    side.style.setProperty('--model', colour);
  });
  find('.scale').value = look.scale;
  find('.follow').checked = look.follow;
  section.dataset.pair = names.join();
  if (names.join() !== shown.join()) {
    shown = names;
    section.dispatchEvent(new CustomEvent('lpsr:pair', { bubbles: true, detail: names }));
  }
  draw();
  load();
}

function choose(names) {
  look.names = names;
  const address = new URL(location.href);
  if (names.join() === section.dataset.default) address.searchParams.delete('pair');
  else address.searchParams.set('pair', names.join());
  history.replaceState(history.state, '', address);
  // A Space shows the page in a frame, and its own address in the bar.
  if (parent !== window) parent.postMessage({ queryString: address.search, hash: '' }, 'https://huggingface.co');
  sync();
}

/** Take the pair's pictures from the cards, which may be replaced before or after this section. */
async function load() {
  if (!section?.isConnected) return;
  const names = shown;
  const sources = names.map((name) =>
    document.querySelector(`.card[data-model="${CSS.escape(name)}"] img.plate`)?.getAttribute('src'));
  const wanted = [...names, ...sources];
  if (!sources.every(Boolean) || wanted.every((one, i) => one === asked[i])) return;
  asked = wanted;
  const images = sources.map((src) => Object.assign(new Image(), { src }));
  const decoded = await Promise.allSettled(images.map((one) => one.decode()));
  if (asked !== wanted || decoded.some((one) => one.status === 'rejected')) return;
  const [size, other] = images.map((one) => [one.naturalWidth, one.naturalHeight]);
  if (size.join() !== other.join()) return; // one of the cards is still to be replaced
  pair = measure(names, size, images);
  look.pixel = look.pixel?.map((one, axis) => Math.min(one, size[axis] - 1));
  paint();
  draw();
}

function measure(names, size, images) {
  const contexts = images.map(() => canvasOf(size));
  contexts.forEach((one, i) => one.drawImage(images[i], 0, 0));
  const [left, right] = contexts.map((one) => one.getImageData(0, 0, ...size).data);
  const levels = Int16Array.from({ length: size[0] * size[1] }, (_, i) => luma(left, 4 * i) - luma(right, 4 * i));
  const mean = levels.reduce((sum, one) => sum + one, 0) / levels.length;
  const rms = Math.sqrt(levels.reduce((sum, one) => sum + one * one, 0) / levels.length);
  return { names, size, pictures: contexts.map((one) => one.canvas), values: [left, right], levels, mean, rms };
}

/** The difference as a picture: the sign is the hue, the size the opacity, so that zero is the page's own ground. */
function paint() {
  const style = getComputedStyle(section);
  const hues = ['--darker', '--brighter'].map((name) => parseInt(style.getPropertyValue(name).trim().slice(1), 16));
  const context = canvasOf(pair.size);
  const picture = context.createImageData(...pair.size);
  pair.levels.forEach((level, i) => {
    const hue = hues[Number(level > 0)];
    picture.data.set([hue >> 16, (hue >> 8) & 255, hue & 255, (255 * Math.abs(level)) / look.scale], 4 * i);
  });
  context.putImageData(picture, 0, 0);
  pair.map = context.canvas;
  pair.beyond = pair.levels.filter((one) => Math.abs(one) > look.scale).length;
}

/** Where the picture lies in a view of this size: view pixels for one of the picture, its corner, what is in sight. */
function place(...view) {
  const scale = Math.min(...view.map((length, axis) => length / pair.size[axis])) * look.zoom;
  const half = view.map((length, axis) => Math.min(length / scale / pair.size[axis], 1) / 2);
  const centre = look.centre.map((one, axis) => clamp(one, half[axis], 1 - half[axis]));
  const corner = view.map((length, axis) => length / 2 - centre[axis] * pair.size[axis] * scale);
  return { scale, half, centre, corner };
}

function draw() {
  if (!section?.isConnected) return;
  tell();
  for (const canvas of pair ? section.querySelectorAll('canvas') : []) {
    const size = [canvas.clientWidth, canvas.clientHeight].map((one) => Math.round(one * devicePixelRatio));
    if (!size[0]) return; // the tab is hidden
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const context = canvas.getContext('2d');
    const { scale, corner, centre } = place(...size);
    look.centre = centre;
    const lay = (picture, from) => {
      context.save();
      context.beginPath();
      context.rect(from, 0, ...size);
      context.clip();
      context.clearRect(0, 0, ...size);
      context.setTransform(scale, 0, 0, scale, ...corner);
      context.imageSmoothingEnabled = scale < 1; // nearest neighbour is for enlarging
      context.drawImage(picture, 0, 0);
      context.restore();
    };
    // White within black shows on any ground.
    const frame = (...box) => {
      for (const [strokeStyle, width] of [['#000', 4], ['#fff', 2]]) {
        Object.assign(context, { strokeStyle, lineWidth: width * devicePixelRatio });
        context.strokeRect(...box);
      }
    };
    if (canvas.matches('.difference')) lay(pair.map, 0);
    else {
      const at = (size[0] * look.divider) / 100;
      lay(pair.pictures[0], 0);
      lay(pair.pictures[1], at);
      frame(at, 0, 0, size[1]);
    }
    if (look.pixel) {
      const side = Math.max(scale, 5 * devicePixelRatio) + 2 * devicePixelRatio;
      frame(...look.pixel.map((one, axis) => corner[axis] + (one + 0.5) * scale - side / 2), side, side);
    }
  }
  if (pair) zoomCards();
}

/** All words that depend on the pair, the divider, the scale, the zoom and the marked pixel. */
function tell() {
  const [left, right] = [...section.querySelectorAll('.side select')].map((one) => one.selectedOptions[0].text);
  const facts = { left, right, at: look.divider, scale: look.scale, rms: '–', mean: '–', share: '–' };
  const ready = pair?.names === shown;
  if (ready) {
    const share = ((100 * pair.beyond) / pair.levels.length).toFixed(1);
    Object.assign(facts, { rms: pair.rms.toFixed(2), mean: signed(pair.mean, 2), share });
  }
  section.querySelectorAll('[data-text]').forEach((one) => { one.textContent = fill(one.dataset.text, facts); });
  section.querySelectorAll('[data-label]').forEach((one) => { one.ariaLabel = fill(one.dataset.label, facts); });
  const divider = find('.divider');
  divider.value = look.divider;
  divider.ariaValueText = fill(divider.dataset.valueText, facts);
  find('.zoom').textContent = `×${Number(look.zoom.toFixed(1))}`;
  section.classList.toggle('zoomed', look.zoom > 1);
  const readout = find('.readout');
  if (!ready || !look.pixel) return void (readout.textContent = readout.dataset.point);
  const [x, y] = look.pixel;
  const i = y * pair.size[0] + x;
  const [first, second] = pair.values.map((one) => one.slice(4 * i, 4 * i + 3).join(' '));
  Object.assign(facts, { x, y, first, second, difference: signed(pair.levels[i], 0) });
  readout.textContent = fill(readout.dataset.pixel, facts);
}

/** The same region in all cards, which are of one size; by a rule, so that cards that are replaced keep it. */
function zoomCards() {
  const plate = look.follow && look.zoom > 1 && document.querySelector('.card[data-model] img.plate');
  if (!plate?.clientWidth) return void (sheet.textContent = '');
  const view = [plate.clientWidth, plate.clientHeight];
  const { scale, corner } = place(...view);
  const shift = view.map((length, axis) => corner[axis] - (length * look.zoom - pair.size[axis] * scale) / 2);
  sheet.textContent = `.card .view { overflow: hidden; } .card .plate { transform-origin: 0 0;
    transform: translate(${shift[0]}px, ${shift[1]}px) scale(${look.zoom}); }`;
}

/** Zoom about a point, in parts of the picture; factor 0 shows the whole. */
function zoomBy(factor, about = look.pixel?.map((one, axis) => (one + 0.5) / pair.size[axis]) ?? look.centre) {
  const before = look.zoom;
  look.zoom = clamp(before * factor, 1, Math.max(...pair.size, NARROWEST) / NARROWEST);
  if (look.zoom < 1.01) look.zoom = 1; // in and out again is not quite the whole
  look.centre = look.centre.map((one, axis) => about[axis] + ((one - about[axis]) * before) / look.zoom);
  return look.zoom !== before;
}

/** A place on the screen in parts of the picture. */
function partAt(canvas, ...where) {
  const box = canvas.getBoundingClientRect();
  const { scale, corner } = place(box.width, box.height);
  return [box.left, box.top].map((edge, axis) => (where[axis] - edge - corner[axis]) / scale / pair.size[axis]);
}

function mark(event) {
  const part = partAt(event.target, event.clientX, event.clientY);
  const pixel = part.map((one, axis) => Math.floor(one * pair.size[axis]));
  look.pixel = pixel.every((one, axis) => one >= 0 && one < pair.size[axis]) ? pixel : null;
  find('.readout').ariaLive = 'off';
}

/** Percent of the view's width, and whether a drag from here moves the divider rather than a zoomed picture. */
function across({ target, clientX }) {
  const box = target.getBoundingClientRect();
  const percent = (100 * (clientX - box.left)) / box.width;
  const near = (Math.abs(percent - look.divider) * box.width) / 100 < GRIP;
  return [clamp(Math.round(percent), 0, 100), target.matches('.pair') && (look.zoom === 1 || near)];
}

/** Middle of the fingers, and how far apart they are. */
function grip() {
  const [one, other = one] = fingers.values();
  return [one.map((length, axis) => (length + other[axis]) / 2), Math.hypot(one[0] - other[0], one[1] - other[1]) || 1];
}

const on = (type, selector, handle, options) =>
  element.addEventListener(type, (event) => {
    if (!pair || !section?.contains(event.target) || !event.target.matches(selector)) return;
    handle(event, event.target);
    draw();
  }, options);

on('click', '[data-do]', (event, { dataset }) => {
  if (dataset.do === 'swap') choose([...shown].reverse());
  else zoomBy(ZOOMS[dataset.do]);
});
on('input', '.side select', () => {
  const names = [...section.querySelectorAll('.side select')].map((one) => one.value);
  // What the other side shows already changes places with it.
  choose(names[0] === names[1] ? [...shown].reverse() : names);
});
on('input', '.divider', (event, target) => { look.divider = Number(target.value); });
on('input', '.follow', (event, target) => { look.follow = target.checked; });
on('input', '.scale', (event, target) => { look.scale = Number(target.value); paint(); });
on('pointerdown', 'canvas', (event, canvas) => {
  if (event.button) return;
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, [event.clientX, event.clientY]);
  divides = fingers.size === 1 && across(event)[1];
  mark(event);
});
on('pointermove', 'canvas', (event, canvas) => {
  if (divides && fingers.size) {
    look.divider = across(event)[0];
  } else if (fingers.has(event.pointerId)) {
    const [before, wide] = grip();
    fingers.set(event.pointerId, [event.clientX, event.clientY]);
    const [after, wider] = grip();
    const [from, to] = [before, after].map((one) => partAt(canvas, ...one));
    look.centre = look.centre.map((one, axis) => one + from[axis] - to[axis]);
    zoomBy(wider / wide, from);
  }
  mark(event);
});
on('click', '.pair', (event) => { if (divides) look.divider = across(event)[0]; });
on('lostpointercapture', 'canvas', (event) => fingers.delete(event.pointerId));
on('pointerout', 'canvas:not(:focus)', (event) => { if (event.pointerType === 'mouse') look.pixel = null; });
on('wheel', 'canvas', (event, canvas) => {
  const called = event.ctrlKey || event.metaKey;
  if (!called && !find('canvas:focus')) return;
  const way = clamp(event.deltaY * (event.deltaMode ? 16 : 1), -100, 100);
  // At the end of the zoom, the wheel goes on with the page.
  if (zoomBy(Math.exp(-way / 250), partAt(canvas, event.clientX, event.clientY)) || called) event.preventDefault();
}, { passive: false });
on('keydown', 'canvas', (event, canvas) => {
  const step = STEPS[event.key];
  if (event.ctrlKey || event.metaKey || event.altKey || !(step || event.key in KEYS || event.key === 'Escape')) return;
  event.preventDefault();
  if (event.key === 'Escape') return canvas.blur();
  if (!step) return zoomBy(ZOOMS[KEYS[event.key]]);
  const from = look.pixel ?? look.centre.map((one, axis) => Math.floor(one * pair.size[axis]));
  const length = event.shiftKey ? LR_PIXEL : 1;
  look.pixel = from.map((one, axis) => clamp(one + step[axis] * length, 0, pair.size[axis] - 1));
  // The view goes with the mark.
  const { half } = place(canvas.clientWidth, canvas.clientHeight);
  look.centre = look.centre.map((one, axis) =>
    clamp(one, (look.pixel[axis] + 1) / pair.size[axis] - half[axis], look.pixel[axis] / pair.size[axis] + half[axis]));
  find('.readout').ariaLive = 'polite';
});

new ResizeObserver(draw).observe(element);
new MutationObserver(load).observe(element.closest('[role="tabpanel"]') ?? document.body,
  { subtree: true, childList: true, attributes: true, attributeFilter: ['src'] });
watch('value', sync);
sync();
