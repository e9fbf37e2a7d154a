// The runs, each found again by its name: focus, what is being typed and questions stay while the server sends news.
const HEAL = 3000; // ms after which what the server did not take shows as it is

const root = element.querySelector('.runs');
let drawing = false;

const rows = () => [...root.querySelectorAll('[data-run]')];
const send = (row, action, more) => trigger('select', { action, run: row.dataset.run, ...more });

function patch(old, fresh) {
  if (old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if ('open' in old.dataset) return; // the visitor's, until it is closed
  for (const name of old.getAttributeNames()) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const name of fresh.getAttributeNames()) {
    if (old.getAttribute(name) !== fresh.getAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
  }
  if (old.matches('input')) [old.checked, old.value] = [fresh.checked, fresh.value];
  if (old.matches('ul')) return patchRows(old, fresh);
  const [mine, theirs] = [[...old.childNodes], [...fresh.childNodes]];
  theirs.forEach((one, i) => (mine[i] ? patch(mine[i], one) : old.append(one)));
  mine.slice(theirs.length).forEach((one) => one.remove());
}

function patchRows(list, fresh) {
  const known = new Map(rows().map((row) => [row.dataset.run, row]));
  const wanted = [...fresh.children];
  const names = new Set(wanted.map((row) => row.dataset.run));
  known.forEach((row, name) => names.has(name) || row.remove());
  let next = list.firstElementChild;
  for (const one of wanted) {
    const row = known.get(one.dataset.run);
    if (row) patch(row, one);
    // One that is in its place is not moved, which would take the focus from it.
    if (row && row === next) next = next.nextElementSibling;
    else list.insertBefore(row ?? one, next);
  }
}

function draw() {
  const fresh = document.createElement('template');
  fresh.innerHTML = props.value ?? '';
  const focused = document.activeElement;
  const row = root.contains(focused) ? focused.closest('[data-run]') : null;
  const place = rows().indexOf(row);
  drawing = true;
  if (root.firstElementChild && fresh.content.firstElementChild) {
    patch(root.firstElementChild, fresh.content.firstElementChild);
  } else root.replaceChildren(fresh.content);
  drawing = false;
  // What had the focus may be gone: a deleted run, a button that no longer applies.
  if (row && !focused.getClientRects().length) {
    const left = rows();
    const near = row.isConnected ? row : left[Math.min(place, left.length - 1)];
    near?.querySelector('[data-do="choose"]').focus({ preventScroll: true });
  }
}

// Parts of a row that the visitor opens: the field of the note, the question before deleting.
function open(part, focus) {
  part.dataset.open = '';
  part.hidden = false;
  if (part.matches('.note-line')) [...part.children].forEach((one) => { one.hidden = !one.matches('input'); });
  focus.focus();
}

function close(part, focus) {
  if (!part || !('open' in part.dataset)) return;
  delete part.dataset.open;
  draw();
  focus?.focus();
}

function save(field, focus) {
  const part = field.parentElement;
  if (!('open' in part.dataset)) return;
  const row = field.closest('[data-run]');
  const text = field.value.trim();
  const before = field.getAttribute('value');
  close(part, focus);
  if (text === before) return;
  // Until the server says the same.
  part.querySelector('p').textContent = text;
  part.querySelector('p').hidden = !text;
  send(row, 'note', { text });
  setTimeout(draw, HEAL);
}

// What follows from it is elsewhere on the page.
function sendAndShow(row, action, id) {
  send(row, action);
  const place = document.getElementById(id);
  const { top } = place.getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) place.scrollIntoView();
}

const choose = (row) => sendAndShow(row, 'choose', 'train-main');

const ACTIONS = {
  choose,
  resume: (row) => send(row, 'resume'),
  again: (row) => sendAndShow(row, 'again', 'train-side'),
  compare: (row, box) => send(row, 'compare', { on: box.checked }),
  baseline: (row) => send(row, 'baseline'),
  edit: (row) => {
    const field = row.querySelector('.note-line input');
    open(field.parentElement, field);
    field.select();
  },
  delete: (row) => open(row.querySelector('.confirm'), row.querySelector('[data-do="cancel"]')),
  cancel: (row) => close(row.querySelector('.confirm'), row.querySelector('[data-do="delete"]')),
  discard: (row) => {
    close(row.querySelector('.confirm'), row.querySelector('[data-do="delete"]'));
    send(row, 'discard');
  },
};

element.addEventListener('click', (event) => {
  const row = event.target.closest('[data-run]');
  if (!row) return;
  const control = event.target.closest('button, input, label, .confirm');
  if (!control) {
    // Anywhere else on the card, for the mouse.
    if (!getSelection().toString()) choose(row);
  } else if (control.matches('[data-do]')) {
    ACTIONS[control.dataset.do](row, control);
    if (control.matches('input')) setTimeout(draw, HEAL);
  }
});
element.addEventListener('keydown', (event) => {
  const field = event.target.matches('.note-line input') ? event.target : null;
  const edit = field?.parentElement.querySelector('[data-do="edit"]');
  if (event.isComposing) return; // Enter takes a Chinese word over
  if (event.key === 'Enter' && field) {
    event.preventDefault(); // or it would press the button that gets the focus
    save(field, edit);
  } else if (event.key === 'Escape' && field) close(field.parentElement, edit);
  else if (event.key === 'Escape' && event.target.closest('.confirm')) ACTIONS.cancel(event.target.closest('[data-run]'));
});
element.addEventListener('focusout', (event) => {
  if (!drawing && event.target.matches('.note-line input')) save(event.target);
});
watch('value', draw);
draw();
