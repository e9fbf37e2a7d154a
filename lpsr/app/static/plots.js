// Charts that stay; a new value changes their data. What the visitor zoomed into is kept as long as the chart is the same.
// Who uses this calls show(value, again): value has figures by name, words and stem; charts() finds their places.
const WIDTH = 900, SCALE = 2, LOW = 84, HEADING = 28, ROOM = 260, NEVER = 60000;
const COARSE = matchMedia('(hover: none)').matches;
let wanted = null;
let places = [];
let drawing = false;
let again = false;
let loading = null;

// The Plotly of Gradio's own charts, from this page's server and at most once.
const library = () => {
  if (window.Plotly) return Promise.resolve();
  const entry = document.querySelector('script[type="module"][src*="assets/"]');
  loading ??= import(new URL(props.plotly, new URL(entry.getAttribute('src'), document.baseURI)));
  return loading;
};

const charts = () => [...element.querySelectorAll('figure[data-chart]')].map((figure) => ({
  name: figure.dataset.chart, figure, plot: figure.querySelector('.plot'), json: '', drawn: '', zoomed: false,
}));

const button = (chart, does, text, hint) => {
  const one = document.createElement('button');
  one.type = 'button';
  one.dataset.does = does;
  one.textContent = text;
  one.title = hint;
  one.setAttribute('aria-label', `${hint}: ${chart.plot.layout.meta.title}`);
  return one;
};

const buttons = (chart) => {
  const { words } = wanted;
  const row = chart.figure.querySelector('.plot-buttons');
  // Whoever stands on a button stays there.
  const had = row.contains(document.activeElement) && document.activeElement.dataset.does;
  row.replaceChildren(button(chart, 'save', words.png, words.save),
    ...wanted.csv?.[chart.name] ? [button(chart, 'csv', words.csv, words.csv_hint)] : [],
    ...chart.zoomed ? [button(chart, 'reset', words.reset, words.reset_hint)] : []);
  if (had) (row.querySelector(`[data-does="${had}"]`) ?? row.firstChild).focus();
};

// The layout for a place of this width: names at the ends of lines give way to a legend where they leave no room.
const fit = (layout, width) => {
  const { margin, meta, annotations } = layout;
  if (!meta.narrow || width - margin.l - margin.r >= ROOM) return { ...layout, width };
  const others = annotations.filter(({ name }) => name !== 'end');
  return { ...layout, width, margin: { ...margin, ...meta.narrow }, annotations: others };
};

const legend = ({ plot, figure }, layout, { annotations, meta }) => {
  figure.querySelector('.plot-legend')?.remove();
  if (!meta.names?.length || annotations.length === layout.annotations.length) return;
  const list = document.createElement('ul');
  list.className = 'plot-legend';
  list.append(...meta.names.map(([mark, colour, name]) => {
    const [entry, sign] = [document.createElement('li'), document.createElement('span')];
    sign.textContent = mark;
    sign.style.color = colour;
    entry.append(sign, ` ${name}`);
    return entry;
  }));
  plot.before(list);
};

const draw = async (chart) => {
  const { json } = chart;
  const { data, layout: whole } = JSON.parse(json);
  const layout = fit(whole, chart.plot.clientWidth);
  legend(chart, whole, layout);
  if (chart.zoomed) {
    layout.xaxis.range = [...chart.plot.layout.xaxis.range];
    layout.yaxis.range = [...chart.plot.layout.yaxis.range];
    // The ticks of the whole may all lie outside.
    layout.xaxis.tickmode = layout.yaxis.tickmode = 'auto';
  }
  if (COARSE) {
    // A finger on a chart scrolls the page.
    layout.dragmode = false;
    layout.xaxis.fixedrange = layout.yaxis.fixedrange = true;
  }
  // A sentence needs less room than a chart.
  if (!data.length) Object.assign(layout, { height: LOW, margin: { ...layout.margin, b: 4 } });
  const first = !chart.plot.classList.contains('js-plotly-plot');
  await window.Plotly.react(chart.plot, data, layout, { displayModeBar: false, doubleClick: false, showTips: false });
  chart.drawn = json;
  chart.plot.setAttribute('aria-label', `${layout.meta.title}: ${layout.meta.text}`);
  if (first) listen(chart);
  buttons(chart);
};

const reset = (chart) => {
  chart.zoomed = false;
  draw(chart);
};

const listen = (chart) => {
  chart.plot.on('plotly_relayout', (change) => {
    if (chart.zoomed || !Object.keys(change).some((key) => /^[xy]axis\.range/.test(key))) return;
    chart.zoomed = true;
    draw(chart);
  });
  chart.plot.on('plotly_doubleclick', () => reset(chart));
};

const save = (chart) => {
  const { data, layout } = JSON.parse(chart.json);
  if (chart.zoomed) {
    layout.xaxis = chart.plot.layout.xaxis;
    layout.yaxis = chart.plot.layout.yaxis;
  }
  // On paper, whatever the page's colours; as wide as in an article, and with the heading that the page has above it.
  const height = Math.max(WIDTH / 2, layout.height);
  const paper = { ...layout, width: WIDTH, height, paper_bgcolor: '#fff' };
  if (!layout.title?.text) {
    const text = layout.meta.title.replace(/&/g, '&amp;').replace(/</g, '&lt;');
    paper.title = { text, font: { size: 14 }, x: 0, xref: 'container', y: 1, yanchor: 'top', pad: { t: 9, l: 8 } };
    paper.margin = { ...layout.margin, t: layout.margin.t + HEADING };
  }
  window.Plotly.downloadImage({ data, layout: paper }, {
    format: 'png', scale: SCALE, width: WIDTH, height, filename: `${wanted.stem}-${chart.name}`,
  });
};

const saveText = (text, name) => {
  const link = document.createElement('a');
  // Excel takes UTF-8 for what it is only with its mark.
  link.href = URL.createObjectURL(new Blob(['\ufeff', text], { type: 'text/csv' }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), NEVER);
};

element.addEventListener('click', (event) => {
  const one = event.target.closest('button[data-does]');
  if (!one) return;
  const chart = places.find(({ figure }) => figure.contains(one));
  if (one.dataset.does === 'save') save(chart);
  else if (one.dataset.does === 'csv') saveText(wanted.csv[chart.name], `${wanted.stem}-${chart.name}.csv`);
  else if (one.dataset.does === 'reset') reset(chart);
});

// Who sets near to false has it drawn later.
const visible = ({ plot, near }) => near !== false && plot.offsetParent !== null && plot.clientWidth > 0;

// One chart a frame, so that the page answers between them; a hidden tab draws nothing.
const drawAll = async () => {
  again = true;
  if (drawing) return;
  drawing = true;
  const failed = element.querySelector('.failed');
  try {
    while (again && wanted && places.some(visible)) {
      again = false;
      await library();
      for (const chart of places) {
        if (chart.json === chart.drawn && chart.plot.clientWidth === chart.plot.layout.width) continue;
        await new Promise(requestAnimationFrame);
        if (visible(chart)) await draw(chart);
      }
    }
    failed.textContent = '';
  } catch (error) {
    console.error(error);
    failed.textContent = wanted.words.failed;
    loading = null;
  }
  drawing = false;
};

const show = (value, other) => {
  wanted = value;
  places.forEach((chart) => {
    chart.json = JSON.stringify(value.figures[chart.name]);
    if (other) chart.zoomed = false;
  });
  drawAll();
};
new ResizeObserver(drawAll).observe(element);
