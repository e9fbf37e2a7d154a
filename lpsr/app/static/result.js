// The result: how pictures are enlarged, and an address that opens the same again.
const fit = () => element.querySelectorAll('.plate').forEach((one) => one.classList.toggle('reduced',
  // Nearest neighbour is for enlarging; a picture larger than its card is drawn smooth.
  Math.min(one.clientWidth / one.getAttribute('width'), one.clientHeight / one.getAttribute('height')) < 1));
new ResizeObserver(fit).observe(element);

element.addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && event.target.matches('.term')) event.target.blur();
});
element.addEventListener('click', async (event) => {
  const button = event.target.closest('button.link');
  if (!button) return;
  try {
    await navigator.clipboard.writeText(location.href);
    button.textContent = button.dataset.done;
  } catch { // without HTTPS there is no clipboard
    prompt(button.textContent, location.href);
  }
});

const keys = props.keys;
const show = () => {
  const result = element.querySelector('section.result:not(.waiting)');
  if (!result) return;
  fit();
  const address = new URL(location.href);
  keys.forEach((key) => address.searchParams.delete(key));
  new URLSearchParams(result.dataset.query).forEach((value, key) => address.searchParams.set(key, value));
  document.dispatchEvent(new CustomEvent('lpsr:result'));
  if (address.href === location.href) return;
  history.replaceState(history.state, '', address);
  // A Space shows the page in a frame, and its own address in the bar.
  if (parent !== window) parent.postMessage({ queryString: address.search, hash: '' }, 'https://huggingface.co');
};
// Not watch('value'), which may come before the new result is drawn; Gradio changes elements in place where it can.
new MutationObserver(show).observe(element, {
  childList: true, subtree: true, attributes: true, attributeFilter: ['data-plate', 'data-query', 'src'],
});
show();
