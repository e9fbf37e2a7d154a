// A click asks for a file; it comes beside the buttons in base64, and is saved from memory.
// Something is said only where it takes long, and nothing is waited for for ever.
const LONG = 500, NEVER = 60000;
let timers = [], last = 0;

const buttons = () => [...element.querySelectorAll('button[data-kind]')];
const say = (text) => {
  const status = element.querySelector('.status');
  if (status) status.textContent = text;
};
const rest = () => {
  timers.forEach(clearTimeout);
  buttons().forEach((one) => {
    one.removeAttribute('aria-disabled');
    one.removeAttribute('aria-busy');
  });
  say('');
};

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-kind]');
  if (!button || button.getAttribute('aria-disabled')) return;
  rest();
  buttons().forEach((one) => one.setAttribute('aria-disabled', 'true'));
  timers = [
    setTimeout(() => {
      button.setAttribute('aria-busy', 'true');
      say(element.querySelector('.status').dataset.making);
    }, LONG),
    setTimeout(rest, NEVER),
  ];
  trigger('select', { kind: button.dataset.kind });
});

watch('value', () => {
  const file = props.value.file;
  if (!file || file.number === last) return;
  last = file.number;
  rest();
  if (file.error) {
    say(file.error);
    return;
  }
  const bytes = Uint8Array.from(atob(file.data), (one) => one.charCodeAt(0));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([bytes], { type: file.mime }));
  link.download = file.name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), NEVER);
});
