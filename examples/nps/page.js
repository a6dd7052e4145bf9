// One question of a page's own: the answer goes out as a survey message, in two parts that are one submission.
// Invariant: however often somebody changes the answer or sends again, they have answered once.
const SURVEY = 'nps';
const PROMOTER = 9;
const form = document.getElementById('nps');
const why = document.getElementById('why');
const said = document.getElementById('said');
const submissionId = `nps-${crypto.randomUUID()}`;

// Calls before the script tag has loaded are kept in order, with their times.
window.tidemark ??= [];
const survey = (answers, options) =>
  Array.isArray(window.tidemark)
    ? window.tidemark.push(Object.assign(['survey', SURVEY, answers, options], { t: Date.now() }))
    : window.tidemark.survey(SURVEY, answers, options);

for (let score = 0; score <= 10; score++) {
  const label = document.createElement('label');
  const input = Object.assign(document.createElement('input'), {
    type: 'radio',
    name: 'score',
    value: score,
  });
  input.required = true;
  label.append(input, String(score));
  document.getElementById('scores').append(label);
}
survey({}, { submissionId, status: 'shown' });

form.addEventListener('change', ({ target }) => {
  if (target.name !== 'score') return;
  const score = Number(target.value);
  for (const element of [why, document.getElementById('why-label')]) element.hidden = score >= PROMOTER;
  survey({ score }, { submissionId, status: 'partial' });
});

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const score = Number(new FormData(form).get('score'));
  survey({ score, ...(why.value.trim() ? { why: why.value } : {}) }, { submissionId, status: 'completed' });
  said.textContent = 'Thank you!';
});
