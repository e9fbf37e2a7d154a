// The set-up form: the button that measures, and those that copy.
element.addEventListener('click', async (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.kind) {
    button.disabled = true;
    trigger('select', { kind: button.dataset.kind });
    return;
  }
  const text = button.parentElement.querySelector('pre');
  try {
    await navigator.clipboard.writeText(text.textContent);
  } catch { // without HTTPS there is no clipboard
    getSelection().selectAllChildren(text);
    if (!document.execCommand('copy')) return;
  }
  button.textContent = button.dataset.done;
  setTimeout(() => { button.textContent = button.dataset.copy; }, 2000);
});
