// Six charts; what the visitor zoomed into is kept as long as the runs are.
const grid = element.querySelector('.train-charts');
let runs = '';
places = charts();
const take = () => {
  if (!props.value) return;
  const value = JSON.parse(props.value);
  places.forEach(({ name, figure }) => figure.classList.toggle('empty', !value.figures[name].data.length));
  grid.hidden = places.every(({ figure }) => figure.classList.contains('empty'));
  show(value, String(value.runs) !== runs);
  runs = String(value.runs);
};
watch('value', take);
take();
