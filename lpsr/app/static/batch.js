// The batch: a table that only grows, so that focus and scrolling stay, and one picture in full in a dialog.
let shown = '';
function grow(body) {
  const value = props.value ?? '';
  if (body.firstChild && value.startsWith(shown)) body.insertAdjacentHTML('beforeend', value.slice(shown.length));
  else body.innerHTML = value;
  shown = value;
}

let step; // which of the dialog's buttons asked for the next picture
function open(dialog) {
  dialog.addEventListener('close', () => {
    document.querySelector(`#batch-table button[data-number="${dialog.dataset.row}"]`)?.focus();
    dialog.remove(); // its pictures would be taken for those of the other tabs
  });
  dialog.showModal();
  dialog.querySelector(`[data-step="${step}"]:enabled`)?.focus();
  step = undefined;
}

element.addEventListener('click', (event) => {
  if (event.target.matches('dialog')) event.target.close(); // beside it
  const chosen = event.target.closest('[data-number]');
  if (!chosen || chosen.disabled || getSelection().toString()) return;
  step = chosen.dataset.step;
  trigger('select', { number: Number(chosen.dataset.number) });
});
element.addEventListener('keydown', (event) => {
  const key = { ArrowLeft: 'previous', ArrowRight: 'next' }[event.key];
  if (key) element.querySelector(`[data-step="${key}"]:enabled`)?.click();
});
watch('value', () => {
  const body = element.querySelector('.batch-grows tbody');
  if (body) grow(body);
  const dialog = element.querySelector('dialog:not([open])');
  if (dialog) open(dialog);
});
