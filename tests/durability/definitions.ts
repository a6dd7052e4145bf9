// What is defined before anybody sends.
// Invariant: the audit counts on each of these; one that goes or changes must change there too.
import type { Client } from './client.ts';

/** Of events `Paid`: so many put a person into the segment. */
export const OFTEN = 50;
export const LIST = 'vip';

export const ruleSegment = (threshold: number) => ({
  where: { event: 'Paid', count: { op: 'gte', value: threshold } },
});

const DEFINITIONS = {
  traits: {
    paid: { type: 'sum', event: 'Paid', property: 'amount' },
    times: { type: 'count', event: 'Paid' },
  },
  segments: {
    [LIST]: { static: true },
    // With the first, people leave by time alone every other moment; late messages lie in the second.
    just: { where: { event: 'Paid', within: '3s' } },
    lately: { where: { event: 'Paid', within: '2d' } },
    often: ruleSegment(OFTEN),
  },
};

export async function define(client: Client): Promise<void> {
  for (const [kind, definitions] of Object.entries(DEFINITIONS))
    for (const [key, definition] of Object.entries(definitions)) {
      const { status } = await client.api('PUT', `/${kind}/${key}`, definition);
      if (status !== 201) throw new Error(`${kind}/${key} was answered ${status}`);
    }
}
