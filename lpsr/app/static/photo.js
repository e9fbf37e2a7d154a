// The photo panel's bar: which plate, which action, and whether the panel is unfolded.
let photo = null; // the number of the one shown
let open = false;

const sync = () => {
  const bar = element.querySelector('.photo-bar');
  if (!bar) {
    photo = null;
    return;
  }
  if (bar.dataset.photo !== photo) {
    photo = bar.dataset.photo;
    open = bar.dataset.open === 'true';
  }
  const button = bar.querySelector('[data-fold]');
  if (button.ariaExpanded !== String(open)) button.ariaExpanded = String(open);
  element.closest('#photo').classList.toggle('unfolded', open);
};

element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  const { plate } = button.dataset;
  if (plate !== undefined) trigger('select', { plate: Number(plate) });
  else if ('direct' in button.dataset) trigger('select', { direct: true });
  else if ('whole' in button.dataset) trigger('select', { whole: true });
  else if ('fold' in button.dataset) {
    open = !open;
    sync();
  }
});
// Gradio changes elements in place where it can.
new MutationObserver(sync).observe(element, { childList: true, subtree: true, attributes: true });
sync();
