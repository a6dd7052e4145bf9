// Messages for the ingest routes: of the law's grammar, with what SDKs add, and wrong in a few places.
// Invariant: a message that is not mutated is one the contract accepts, unless its sender is nobody or refused.
import fc from 'fast-check';
import { message } from '../oracle/draw-messages.ts';
import type { ScriptMessage } from '../oracle/script.ts';
import { asSent } from '../oracle/sending.ts';
import type { Random } from '../random.ts';
import { hostileText, hostileValue } from './hostile.ts';
import { type Drawable, isRecord } from './json-text.ts';
import { mutate } from './mutate.ts';

/** Drawn at once: drawing one by one costs more than sending it. */
const POOL = 500;

export const drawMessagePool = (dice: Random): ScriptMessage[] =>
  fc.sample(message, { seed: dice.seed(), numRuns: POOL });

export function drawMessage(pool: readonly ScriptMessage[], now: number, dice: Random): Drawable {
  const drawn = asSent(dice.pick(pool), now) as Drawable; // JSON
  if (!isRecord(drawn)) throw new Error('the grammar of messages draws objects');
  // Else most would be repeats of the first thirty.
  if (dice.chance(0.8)) drawn.messageId = `m-${dice.below(1e9)}`;
  if (dice.chance(0.15)) drawn.context = context(dice);
  if (dice.chance(0.05)) drawn.integrations = { All: dice.chance(0.5) };
  return dice.chance(0.25) ? mutate(drawn, dice) : drawn;
}

function context(dice: Random): Drawable {
  return {
    library: { name: dice.pick(['tidemark.js', 'analytics.js']), version: '1' },
    userAgent: dice.pick([
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36',
      hostileText(dice),
    ]),
    page: { url: 'https://shop.example/cart', path: dice.pick(['/cart', hostileText(dice)]) },
    traits: { email: 'x@shop.example', v: dice.pick<Drawable>([1, null, hostileValue(dice)]) },
    tm: dice.pick<Drawable>([
      { consent: 'anonymous' },
      { client: dice.pick(['c1', 'c2', hostileText(dice)]), seq: dice.below(50), lost: dice.below(3) },
      hostileValue(dice),
    ]),
  };
}
