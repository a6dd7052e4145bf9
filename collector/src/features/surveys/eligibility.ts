// Why somebody would be asked a survey now, or not: for whoever runs the collector.
// Invariant: what is not known is never said to hold; what is offered is what `/v1/me` would offer in the same place.
import type { SurveyPlace } from '../../ingest/core.ts';
import type { Expose } from '../../wire/definitions.ts';
import { type AnsweredGate, type Decision, decide, decisionOf } from './decide.ts';
import { firstOf, MAX_OFFERED } from './offers.ts';

/** Where the person is, as far as the asker says. */
export interface Whereabouts {
  /** The page's address; null where none is known. */
  url: string | null;
  /** Whether they prove who they are; null: not known. */
  isVerified: boolean | null;
}

export interface Eligibility extends Decision {
  /** Whether `/v1/me` offers it to them there now. */
  offered: boolean;
  /** Why it is not offered; null when it is. */
  reason: string | null;
}

/** `clock` in epoch ms; `others` are the surveys beside it. */
export function eligibilityOf(
  asked: SurveyPlace,
  others: readonly SurveyPlace[],
  clock: number,
  whereabouts: Whereabouts,
): Eligibility {
  const decision = decideAt(asked, clock, whereabouts);
  const { eligible, unknown, gates } = decision;
  if (!eligible) {
    const closed = gates.filter(({ holds }) => holds === false).map(({ gate }) => gate);
    const reason = closed.length > 0 ? `closed: ${closed.join(', ')}` : `not known: ${unknown.join(', ')}`;
    return { ...decision, offered: false, reason };
  }
  const rivals = others.filter((one) => decideAt(one, clock, whereabouts).eligible);
  const first = firstOf([asked, ...rivals].map(({ standing }) => standing));
  const offered = first.includes(asked.standing);
  const before = first.map(({ key }) => key).join(', ');
  const reason = `${MAX_OFFERED} surveys are offered at a time, and more important ones are: ${before}`;
  return { ...decision, offered, reason: offered ? null : reason };
}

function decideAt(
  { standing, expose }: SurveyPlace,
  clock: number,
  { url, isVerified }: Whereabouts,
): Decision {
  const { gates } = decide(standing, clock, { url, messages: null });
  return decisionOf(expose === 'public' ? gates : [exposeGate(expose, isVerified), ...gates]);
}

/** A survey is offered only as far as it is exposed, and while its segment is. */
function exposeGate(expose: Exclude<Expose, 'public'>, isVerified: boolean | null): AnsweredGate {
  return { gate: 'expose', holds: expose === 'none' ? false : isVerified, expose };
}
