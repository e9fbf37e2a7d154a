// Takes the checkpoint to the tab Compare; the page's own handler of "submit" knows how.
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-use]');
  if (!button) return;
  window.scrollTo(0, 0);
  trigger('submit', { name: button.dataset.use });
});
