// Sends what 200 made-up people do and answer, then prints stated need beside revealed use.
// Invariant: runs again without changing anything: every message has an id of its own that stays the same.
const {
  TIDEMARK_SERVER_KEY: serverKey,
  TIDEMARK_ADMIN_KEY: adminKey,
  TIDEMARK_HOST: host = 'http://127.0.0.1:4700',
} = process.env;
if (!serverKey || !adminKey) {
  console.error('Set TIDEMARK_SERVER_KEY and TIDEMARK_ADMIN_KEY; the first start shows both.');
  process.exit(1);
}

const PEOPLE = 200;
const DAY = 86_400_000;
/** Of ten people: how many feel what about each feature (functional, dysfunctional), and how many use it. */
const FEATURES = {
  export: {
    event: 'Exported',
    uses: 2,
    feels: [
      ['must-be', 'dislike', 6],
      ['like', 'dislike', 2],
      ['neutral', 'neutral', 2],
    ],
  },
  dark: {
    event: 'Dark Mode On',
    uses: 6,
    feels: [
      ['like', 'live-with', 5],
      ['like', 'neutral', 2],
      ['neutral', 'neutral', 3],
    ],
  },
  confetti: {
    event: 'Confetti Thrown',
    uses: 1,
    feels: [
      ['neutral', 'neutral', 7],
      ['dislike', 'like', 2],
      ['like', 'neutral', 1],
    ],
  },
};
const WORDS = [
  'CSV would save me an hour',
  'My eyes hurt, a dark theme please',
  'All good',
  'I export by hand every Friday',
];

/** What person `who` of the ten kinds feels. */
function feeling(feels, who) {
  const ten = feels.flatMap(([functional, dysfunctional, count]) =>
    Array(count).fill({ functional, dysfunctional }),
  );
  return ten[who % 10];
}

function messagesOf(who) {
  const userId = `kano-${who}`;
  const message = (name, daysAgo, fields) => ({
    ...{
      userId,
      messageId: `${userId}-${name}`,
      timestamp: new Date(Date.now() - daysAgo * DAY).toISOString(),
    },
    ...fields,
  });
  const answers = Object.fromEntries(
    Object.entries(FEATURES).map(([key, { feels }]) => [key, feeling(feels, who)]),
  );
  const used = Object.values(FEATURES)
    // Another order than that of the feelings, so that use is not what was said.
    .filter(({ uses }, i) => (who * 7 + i) % 10 < uses)
    .flatMap(({ event }) =>
      [3, 40].map((daysAgo) => message(`${event} ${daysAgo}`, daysAgo, { type: 'track', event })),
    );
  const seen = message('seen', 45, { type: 'track', event: 'Opened' });
  const more = { ...answers, more: WORDS[who % WORDS.length] };
  return [seen, ...used, message('answer', 1, { type: 'survey', surveyId: 'roadmap', answers: more })];
}

async function ask(path, init) {
  const response = await fetch(host + path, init);
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

const batch = Array.from({ length: PEOPLE }, (_, who) => messagesOf(who)).flat();
const { accepted, duplicates, rejected } = await ask('/v1/batch', {
  method: 'POST',
  headers: { authorization: `Basic ${Buffer.from(`${serverKey}:`).toString('base64')}` },
  body: JSON.stringify({ batch }),
});
console.log(`${accepted} messages stored, ${duplicates} known already, ${rejected.length} rejected`);

const { features, people } = await ask('/api/needs?survey=roadmap', {
  headers: { authorization: `Bearer ${adminKey}` },
});
const percent = (estimate) =>
  estimate
    ? `${Math.round(estimate.value * 100)} % (${estimate.interval?.map((end) => Math.round(end * 100)).join('-') ?? '?'})`
    : '-';
console.log(`${people} people`);
console.table(
  features.map(({ name, stated, revealed, opportunity }) => ({
    feature: name,
    kano: stated.kano?.category ?? '-',
    importance: percent(stated.importance),
    'speak of it': percent(stated.themes?.share),
    'use it': percent(revealed.use),
    opportunity: percent(opportunity),
  })),
);
