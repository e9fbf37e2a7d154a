// The plates to choose from: a click chooses one, and the one shown is marked.
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-plate]');
  if (button) trigger('select', { plate: button.dataset.plate });
});
const mark = () => {
  const result = document.querySelector('section.result');
  if (!result) return;
  element.querySelectorAll('button').forEach(
    (one) => one.setAttribute('aria-pressed', String(one.dataset.plate === result.dataset.plate)));
};
document.addEventListener('lpsr:result', mark);
new MutationObserver(mark).observe(element, { childList: true, subtree: true });
mark();
