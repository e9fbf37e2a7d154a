// Draws each character from the pictures of the cards, and the selected one large.
let selected = null;
// Of the sentences before, in CSS pixels: so much room is kept while others are on their way.
let height = null;

const draw = (canvas, box) => {
  const card = `section.result .card[data-model="${CSS.escape(canvas.dataset.model)}"] img.plate`;
  const picture = document.querySelector(card);
  canvas.hidden = !box;
  if (!box || !picture?.complete || !picture.naturalWidth) return;
  const [left, top, right, bottom] = box;
  // Setting the size clears the canvas.
  canvas.width = right - left;
  canvas.height = bottom - top;
  canvas.getContext('2d').drawImage(picture, left, top, right - left, bottom - top, 0, 0, right - left, bottom - top);
};

const select = () => {
  const section = element.querySelector('section.evidence');
  const boxes = JSON.parse(section.dataset.boxes);
  const radios = [...section.querySelectorAll('.matrix input')];
  const radio = radios[selected] ?? section.querySelector('.matrix input[checked]');
  const at = radio.value;
  radio.checked = true;
  section.querySelectorAll('.matrix [data-at]').forEach((one) => one.classList.toggle('selected', one.dataset.at === at));
  section.querySelector('.strip .selected').textContent = radio.ariaLabel;
  section.querySelectorAll('.strip figure').forEach((figure, row) => {
    draw(figure.querySelector('canvas'), boxes[at]);
    figure.querySelector('.read').innerHTML =
      section.querySelectorAll('.matrix tbody tr')[row].querySelector(`[data-at="${at}"] .read`).innerHTML;
  });
};

const refresh = () => {
  const section = element.querySelector('section.evidence');
  if (!section) return;
  const verdict = section.querySelector('.verdict');
  if (verdict.ariaBusy !== 'true') height = verdict.querySelector('.findings').offsetHeight;
  else if (height) verdict.style.setProperty('--height', `${height}px`);
  const boxes = JSON.parse(section.dataset.boxes);
  section.querySelectorAll('.matrix td canvas').forEach((one) => draw(one, boxes[one.closest('td').dataset.at]));
  select();
};

// A click anywhere in a column selects it; arrow keys move between the radio buttons of the heads.
element.addEventListener('click', (event) => {
  const cell = event.target.closest('.matrix td');
  if (!cell) return;
  selected = Number(cell.dataset.at);
  select();
});
element.addEventListener('change', (event) => {
  selected = Number(event.target.value);
  select();
});
// The cards may change before or after this section.
document.addEventListener('load', (event) => {
  if (event.target.matches?.('section.result .card img.plate')) refresh();
}, true);
watch('value', refresh);
refresh();
