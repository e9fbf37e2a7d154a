// One place in every picture and map: marked by lines, its values in the captions.
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
let maps = null;
let place = null;
let saying = 0;

const load = () => {
  const root = element.querySelector('.maps');
  maps = place = null;
  if (!root) return;
  const [width, height, step] = ['width', 'height', 'step'].map((name) => Number(root.dataset[name]));
  const bytes = Uint8Array.from(atob(root.dataset.cells), (one) => one.charCodeAt(0));
  maps = {
    root, width, height, step,
    columns: Math.ceil(width / step),
    rows: Math.ceil(height / step),
    hundredths: new DataView(bytes.buffer),
    // In the order of the values; null where there is nothing to show.
    here: [...root.querySelectorAll('.maps-cell')].filter((one) => one.querySelector('.maps-name'))
      .map((one) => one.querySelector('.maps-here')),
    place: root.querySelector('.maps-place b'),
  };
};

const value = (map) => {
  const index = (map * maps.rows + place[1]) * maps.columns + place[0];
  return (maps.hundredths.getUint16(2 * index, true) / 100).toFixed(2);
};

// Column and row among the values, which lie `step` HR pixels apart; null removes the mark.
const mark = (column, row) => {
  place = column === null ? null
    : [Math.min(Math.max(column, 0), maps.columns - 1), Math.min(Math.max(row, 0), maps.rows - 1)];
  maps.root.classList.toggle('marked', place !== null);
  maps.here.forEach((one, map) => { if (one) one.textContent = place ? value(map) : '–'; });
  if (!place) {
    maps.place.textContent = maps.place.dataset.none;
    return;
  }
  const [x, y] = place.map((one) => one * maps.step);
  maps.place.textContent = `x ${x}, y ${y} px`;
  maps.root.style.setProperty('--x', `${(Math.min(x + maps.step / 2, maps.width) / maps.width) * 100}%`);
  maps.root.style.setProperty('--y', `${(Math.min(y + maps.step / 2, maps.height) / maps.height) * 100}%`);
};

const point = (event) => {
  const frame = event.target.closest('.maps-frame');
  if (!frame || !maps) return;
  const box = frame.getBoundingClientRect();
  mark(Math.floor(((event.clientX - box.left) / box.width * maps.width) / maps.step),
    Math.floor(((event.clientY - box.top) / box.height * maps.height) / maps.step));
};
element.addEventListener('pointermove', point);
element.addEventListener('pointerdown', point);
// From there the arrow keys go on.
element.addEventListener('click', (event) => {
  if (event.target.closest('.maps-frame')) maps.root.querySelector('.maps-place').focus({ preventScroll: true });
});

const say = () => {
  if (!maps || !place) return;
  const heads = [...maps.root.querySelectorAll('.maps-head h2')].slice(1).map((one) => one.textContent);
  const rows = [...maps.root.querySelectorAll('.maps-row h3')].map((one, row) => `${one.textContent}: ${
    heads.map((head, column) => `${head} ${maps.here[row * heads.length + column]?.textContent ?? '–'}`).join(', ')}`);
  element.querySelector('#maps-said').textContent = [maps.place.textContent, ...rows].join('. ');
};
element.addEventListener('keydown', (event) => {
  if (!maps || !event.target.matches('.maps-place') || event.ctrlKey || event.altKey || event.metaKey) return;
  const move = MOVES[event.key];
  if (move) {
    const by = event.shiftKey ? Math.ceil(8 / maps.step) : 1;
    const [column, row] = place ?? [maps.columns >> 1, maps.rows >> 1];
    if (place) mark(column + by * move[0], row + by * move[1]);
    else mark(column, row);
    event.preventDefault();
    clearTimeout(saying);
    saying = setTimeout(say, 500);
  } else if (event.key === 'Escape' && place) {
    mark(null);
  }
});

// Nearest neighbour is for enlarging; a picture larger than its frame is drawn smooth.
const fit = () => {
  const frame = element.querySelector('.maps-frame');
  if (frame && maps) maps.root.classList.toggle('reduced', frame.clientWidth < maps.width);
};
new ResizeObserver(fit).observe(element);
const start = () => { load(); fit(); };
start();
watch('value', start);
// A new choice is drawn at once where the tab is open, else when it is opened.
document.addEventListener('choice', () => { if (element.offsetParent !== null) trigger('input'); });
