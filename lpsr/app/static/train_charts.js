// Six charts that stay; a new value changes their data. What the visitor zoomed into is kept as long as the runs are.
const WIDTH = 900, SCALE = 2, LOW = 84;
const COARSE = matchMedia('(hover: none)').matches;
let wanted = null;
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

const charts = [...element.querySelectorAll('figure[data-chart]')].map((figure) => ({
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
  const row = chart.figure.querySelector('.buttons');
  // Whoever stands on a button stays there.
  const had = row.contains(document.activeElement) && document.activeElement.dataset.does;
  row.replaceChildren(button(chart, 'save', words.png, words.save),
    ...chart.zoomed ? [button(chart, 'reset', words.reset, words.reset_hint)] : []);
  if (had) row.querySelector(`[data-does="${had}"], [data-does="save"]`).focus();
};

const draw = async (chart) => {
  const { json } = chart;
  const { data, layout } = JSON.parse(json);
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
  layout.width = chart.plot.clientWidth;
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
  const { data, layout } = chart.plot;
  // On paper, whatever the page's colours; as wide as in an article.
  const figure = { data, layout: { ...layout, width: WIDTH, height: WIDTH / 2, paper_bgcolor: '#fff' } };
  window.Plotly.downloadImage(figure, {
    format: 'png', scale: SCALE, width: WIDTH, height: WIDTH / 2, filename: `${wanted.stem}-${chart.name}`,
  });
};

element.addEventListener('click', (event) => {
  const one = event.target.closest('button[data-does]');
  if (!one) return;
  const chart = charts.find(({ figure }) => figure.contains(one));
  if (one.dataset.does === 'save') save(chart);
  else reset(chart);
});

const grid = element.querySelector('.train-charts');
const visible = () => grid.offsetParent !== null && grid.clientWidth > 0;

// One chart a frame, so that the page answers between them; a hidden tab draws nothing.
const drawAll = async () => {
  again = true;
  if (drawing) return;
  drawing = true;
  try {
    while (again && wanted && visible()) {
      again = false;
      await library();
      for (const chart of charts) {
        chart.json = JSON.stringify(wanted.figures[chart.name]);
        if (chart.json === chart.drawn && chart.plot.clientWidth === chart.plot.layout.width) continue;
        await new Promise(requestAnimationFrame);
        if (visible()) await draw(chart);
      }
    }
    element.querySelector('.failed').textContent = '';
  } catch (error) {
    console.error(error);
    element.querySelector('.failed').textContent = wanted.words.failed;
    loading = null;
  }
  drawing = false;
};

let runs = '';
const take = () => {
  if (!props.value) return;
  wanted = JSON.parse(props.value);
  if (String(wanted.runs) !== runs) charts.forEach((chart) => { chart.zoomed = false; });
  runs = String(wanted.runs);
  charts.forEach(({ name, figure }) => figure.classList.toggle('empty', !wanted.figures[name].data.length));
  grid.hidden = charts.every(({ figure }) => figure.classList.contains('empty'));
  drawAll();
};
watch('value', take);
new ResizeObserver(drawAll).observe(element);
take();
