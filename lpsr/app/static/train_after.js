// Takes the checkpoint to the tab Compare; the page's own handler of "submit" knows how.
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-use]');
  if (button) trigger('submit', { name: button.dataset.use });
});
