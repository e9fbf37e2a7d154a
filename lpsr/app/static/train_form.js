// The set-up form: the button that measures, and those that copy.
element.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (!button.dataset.kind) {
    copy(button);
    return;
  }
  button.disabled = true;
  trigger('select', { kind: button.dataset.kind });
});
