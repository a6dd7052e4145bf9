// The script of a survey's own page (`/s/:key`): the survey, in the page, by the client that the tag makes.
// Invariant: what proves the user leaves the address before anything is sent or stored.
import type { OfferedSurvey } from '../../../collector/src/wire/survey.ts';
import type { Analytics } from '../types.ts';
import type { Widget } from './types.ts';

/** What the collector wrote into the page. */
interface PageData {
  survey: OfferedSurvey;
  language: string;
  isPreview: boolean;
  userId?: string;
  userSignature?: string;
}

/** The client's script is on its way: looks again after this, ms. */
const LOOK_MS = 20;

const address = new URL(location.href);
for (const name of ['userId', 'userSignature']) address.searchParams.delete(name);
history.replaceState(history.state, '', address);

const read = (id: string): HTMLElement => document.getElementById(id) as HTMLElement; // the page has them
const { survey, language, isPreview, ...who } = JSON.parse(read('data').textContent) as PageData;
/** A variable, so that bundlers leave the import to the browser. */
const beside = './sdk-survey-';
const load = (name: string) => import(`${beside}${name}.js`);

async function client(): Promise<Analytics> {
  for (;;) {
    if (window.tidemark && !Array.isArray(window.tidemark)) return window.tidemark;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

async function show(): Promise<void> {
  const [analytics, widget] = await Promise.all([client(), load('widget') as Promise<Widget>]);
  await widget.open({
    survey,
    analytics,
    options: { ...who, container: read('survey'), language, trigger: 'link' },
    isPreview,
    loadWords: (name) => load(`lang-${name}`),
    news: new EventTarget(),
    onGone() {},
  });
  read('wait').remove();
}

// What cannot be shown is said by the page itself.
show().catch(() => {});
