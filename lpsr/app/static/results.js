// The report: its text as one piece of HTML, and charts that are drawn when they come near.
const root = element.querySelector('.results');
const nearby = new IntersectionObserver((entries) => {
  entries.forEach(({ target, isIntersecting }) => {
    const chart = places.find(({ figure }) => figure === target);
    if (chart && isIntersecting) chart.near = true;
  });
  drawAll();
}, { rootMargin: '800px 0px' });

// Contents mark the section at the top of the window.
const reading = new IntersectionObserver((entries) => {
  const now = entries.findLast(({ isIntersecting }) => isIntersecting);
  if (!now) return;
  root.querySelectorAll('.results-contents a').forEach((link) => {
    if (link.hash === `#${now.target.id}`) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  });
}, { rootMargin: '-60px 0px -75% 0px' });

// Places keep the height of their charts and legends, so that nothing moves while those come.
const reserve = () => places.forEach((chart) => {
  const { layout } = wanted.figures[chart.name];
  chart.plot.style.minHeight = `${layout.height}px`;
  if (chart.plot.clientWidth) legend(chart, layout, fit(layout, chart.plot.clientWidth));
});

const to = (hash) => {
  const section = hash.length > 1 && root.querySelector(`section[id="${CSS.escape(hash.slice(1))}"]`);
  if (!section) return;
  section.scrollIntoView();
  section.querySelector('h2').focus({ preventScroll: true });
};

element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (button?.dataset.copy) copy(button);
  if (button?.dataset.table) {
    saveText(wanted.csv[button.dataset.table], `${wanted.stem}-${button.dataset.table}.csv`);
  }
  const link = event.target.closest('.results-contents a');
  if (!link) return;
  event.preventDefault();
  // No step of the history each; a Space shows the page in a frame, and its own address in the bar.
  const address = new URL(location.href);
  address.hash = link.hash;
  history.replaceState(history.state, '', address);
  if (parent !== window) parent.postMessage({ queryString: address.search, hash: address.hash }, 'https://huggingface.co');
  to(link.hash);
});

const take = () => {
  if (!props.value) return;
  const value = JSON.parse(props.value);
  nearby.disconnect();
  reading.disconnect();
  root.innerHTML = value.html;
  places = charts().map((chart) => ({ ...chart, near: false }));
  wanted = value;
  reserve();
  show(value, true);
  places.forEach(({ figure }) => nearby.observe(figure));
  root.querySelectorAll('section').forEach((section) => reading.observe(section));
  to(location.hash);
};
watch('value', take);
new ResizeObserver(() => { if (wanted) reserve(); }).observe(element);
take();
