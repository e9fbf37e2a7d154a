// The buttons that copy the text beside them.
const copy = async (button) => {
  const text = button.parentElement.querySelector('pre');
  try {
    await navigator.clipboard.writeText(text.textContent);
  } catch { // without HTTPS there is no clipboard
    getSelection().selectAllChildren(text);
    if (!document.execCommand('copy')) return;
  }
  button.textContent = button.dataset.done;
  setTimeout(() => { button.textContent = button.dataset.copy; }, 2000);
};
