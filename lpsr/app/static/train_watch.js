// The page is patched every few seconds: what a visitor unfolded stays so, and a filmstrip stays where it was scrolled
// to, at its newest pictures unless a visitor scrolled back.
const unfolded = new Set(), SLACK = 4;
let newest = true;

const settle = () => {
  element.querySelectorAll('details[data-key]').forEach((one) => {
    const wanted = unfolded.has(one.dataset.key);
    // Setting what is set already would be a mutation again.
    if (one.open !== wanted) one.open = wanted;
  });
  const strip = element.querySelector('.watch-film');
  if (strip && newest) strip.scrollLeft = strip.scrollWidth;
};

element.addEventListener('click', (event) => {
  const details = event.target.closest('summary')?.closest('details[data-key]');
  // Before it changes.
  if (details) unfolded[details.open ? 'delete' : 'add'](details.dataset.key);
});
element.addEventListener('scroll', ({ target }) => {
  if (target.matches('.watch-film')) newest = target.scrollLeft + target.clientWidth >= target.scrollWidth - SLACK;
}, true);
new MutationObserver(settle).observe(element, { childList: true, subtree: true, attributes: true, attributeFilter: ['open'] });
settle();
