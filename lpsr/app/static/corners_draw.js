// What the corner editor draws: the outline on the photo, the magnifier and the straightened plate (see corners.js).
const MIN_EDGE = 4; // view pixels
const LOUPE = 124, LINE = 18; // CSS pixels: its side, and its line of text
const TINY = 80; // CSS pixels; of a plate shown smaller, full rings would leave nothing to be seen

const fill = (text, facts) => text.replace(/\{(\w+)\}/g, (_, name) => facts[name]);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const round = (value) => Math.round(value * 100) / 100;
const distance = (one, other) => Math.hypot(one[0] - other[0], one[1] - other[1]);
const middle = (points) => [0, 1].map((axis) => points.reduce((sum, one) => sum + one[axis], 0) / points.length);
const ends = (points) => [Math.min, Math.max].map((of) => [0, 1].map((axis) => of(...points.map((one) => one[axis]))));
const joined = (points) => points.map((one) => one.map(round).join()).join(' ');
const set = (node, attributes) => Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));

/** Why these corners can be no plate's: the name of the sentence, or "". As lpsr.rectify.check_corners has it. */
function fault(points) {
  const along = points.map((one, i) => points[(i + 1) % 4].map((value, axis) => value - one[axis]));
  const turns = along.map(([x, y], i) => x * along[(i + 1) % 4][1] - y * along[(i + 1) % 4][0]);
  if (!turns.every((one) => one > 0)) return 'folded';
  return along.some(([x, y]) => Math.hypot(x, y) < MIN_EDGE) ? 'short' : '';
}

function drawOutline() {
  const points = quad.map(onStage);
  const { clientWidth: width, clientHeight: height } = find('.stage');
  const [low, high] = ends(points);
  root.classList.toggle('tiny', Math.max(high[0] - low[0], high[1] - low[1]) < TINY);
  // Beside a plate that is zoomed to, every shade of grey is wanted.
  set(find('.shade'), { d: zoom === 'whole' ? `M0 0H${width}V${height}H0ZM${joined(points)}Z` : '' });
  for (const one of ['inside', 'under', 'over']) set(find(`polygon.${one}`), { points: joined(points) });
  // The top edge, and from its middle an arrow out of the plate.
  const [from, to] = points;
  const length = distance(from, to) || 1;
  const along = from.map((value, axis) => (to[axis] - value) / length);
  const at = (u, v) => middle([from, to]).map((value, axis) => value + u * along[axis] + v * [along[1], -along[0]][axis]);
  for (const one of ['under', 'over']) {
    set(find(`.top.${one}`), { d: `M${joined([from, to])}M${joined([at(0, 0), at(0, 20)])}M${joined([at(-7, 13), at(0, 20), at(7, 13)])}` });
  }
}

/** The pixels about the corner that is being moved, and the outline through them. */
function drawLoupe() {
  const which = grab ? grab.which : handles().indexOf(keyed && document.activeElement);
  const loupe = find('.loupe');
  loupe.hidden = !view.canvas || which === null || which < 0;
  if (loupe.hidden) return;
  const [x, y] = quad[which];
  const scale = Math.max(clamp(Math.round(2 * place.scale), 4, 8), place.scale);
  // Where it would show no more than the stage, the numbers are enough; under a finger it still does.
  const bare = scale === place.scale && !grab?.touch;
  loupe.classList.toggle('bare', bare);
  const canvas = loupe.firstElementChild;
  const density = devicePixelRatio;
  canvas.width = canvas.height = Math.round(LOUPE * density);
  const context = canvas.getContext('2d');
  context.imageSmoothingEnabled = false;
  const zoomed = scale * density;
  const half = canvas.width / 2;
  context.setTransform(zoomed, 0, 0, zoomed, half - x * zoomed, half - y * zoomed);
  context.drawImage(view.canvas, 0, 0);
  context.resetTransform();
  const lines = (paths) => {
    // White within black shows on any ground.
    for (const [strokeStyle, width] of [['rgb(0 0 0 / 0.6)', 3], [root.matches('.wrong') ? '#ff4d4d' : '#fff', 1]]) {
      Object.assign(context, { strokeStyle, lineWidth: width * density });
      context.beginPath();
      paths.forEach(([from, ...rest]) => { context.moveTo(...from); rest.forEach((one) => context.lineTo(...one)); });
      context.stroke();
    }
  };
  const points = quad.map((one) => [half + (one[0] - x) * zoomed, half + (one[1] - y) * zoomed]);
  lines([[points[(which + 3) % 4], points[which], points[(which + 1) % 4]]]);
  const arm = (from, to) => [[[half + from, half], [half + to, half]], [[half, half + from], [half, half + to]]];
  lines([...arm(-16 * density, -5 * density), ...arm(5 * density, 16 * density)]);
  loupe.lastElementChild.textContent = `${round(x)}, ${round(y)}`;
  // Out of the plate's way; above a finger, which would cover it, and not upon the sentence below the photo.
  const [left, top] = onStage(quad[which]);
  const above = grab?.touch || root.matches('.wrong') || top < onStage(middle(quad))[1];
  const gap = bare ? 16 : grab?.touch ? 36 : 22;
  const up = top - gap - (bare ? LINE : LOUPE);
  const room = find('.stage').getBoundingClientRect().top;
  Object.assign(loupe.style, {
    left: `${clamp(left - LOUPE / 2, 0, Math.max(find('.stage').clientWidth - LOUPE, 0))}px`,
    top: `${above && room + up > 0 ? up : top + gap}px`,
  });
}

/** The plate by inverse homography; bilinear, and its border continued outside the view. */
function drawStraight() {
  if (!view.pixels) return;
  // In the server's precision, so that it comes to the same size.
  const [p, q, r, s] = quad.map((one) => one.map(Math.fround));
  const width = Math.max(Math.floor((distance(p, q) + distance(r, s)) / 2), 1);
  const height = Math.max(Math.floor((distance(q, r) + distance(s, p)) / 2), 1);
  const [dx1, dx2, sx] = [q[0] - r[0], s[0] - r[0], p[0] - q[0] + r[0] - s[0]];
  const [dy1, dy2, sy] = [q[1] - r[1], s[1] - r[1], p[1] - q[1] + r[1] - s[1]];
  const area = dx1 * dy2 - dx2 * dy1;
  const [g, h] = [(sx * dy2 - dx2 * sy) / area, (dx1 * sy - sx * dy1) / area];
  const [a, d] = [0, 1].map((axis) => q[axis] - p[axis] + g * q[axis]);
  const [b, e] = [0, 1].map((axis) => s[axis] - p[axis] + h * s[axis]);
  const picture = new ImageData(width, height);
  const { pixels, width: columns, height: rows } = view;
  for (let j = 0, k = 0; j < height; j++) {
    const v = (j + 0.5) / height;
    for (let i = 0; i < width; i++) {
      const u = (i + 0.5) / width;
      const w = g * u + h * v + 1;
      const x = clamp((a * u + b * v + p[0]) / w - 0.5, 0, columns - 1);
      const y = clamp((d * u + e * v + p[1]) / w - 0.5, 0, rows - 1);
      const left = x | 0, top = y | 0;
      const dx = x - left, dy = y - top;
      const one = 4 * (top * columns + left);
      const right = left + 1 < columns ? 4 : 0, down = top + 1 < rows ? 4 * columns : 0;
      for (let c = one; c < one + 3; c++) {
        const upper = pixels[c] + (pixels[c + right] - pixels[c]) * dx;
        const lower = pixels[c + down] + (pixels[c + down + right] - pixels[c + down]) * dx;
        picture.data[k++] = upper + (lower - upper) * dy;
      }
      picture.data[k++] = 255;
    }
  }
  const canvas = find('.straight canvas');
  Object.assign(canvas, { width, height });
  canvas.getContext('2d').putImageData(picture, 0, 0);
  canvas.ariaLabel = fill(canvas.dataset.label, { width, height });
  find('.size').textContent = fill(find('.size').dataset.text, { width, height });
}
