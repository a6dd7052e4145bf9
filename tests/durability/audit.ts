// The account at the end: what the collector holds against what it has promised, counted by other means.
// Invariant: every figure comes from what the senders noted, never from the collector's own state.
import { createReadStream, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Client, createClient } from './client.ts';
import { type CollectorProcess, runTidemark } from './collector-process.ts';
import { LIST, OFTEN } from './definitions.ts';
import { messageIdsOf, type Operator, victimMessages } from './operator.ts';
import type { Parties } from './parties.ts';
import type { Senders, Sent } from './senders.ts';

/** Ids in one question to the collector. */
const IDS_A_QUESTION = 5_000;

/** What was promised since the last look is there, right after a restart; or what is not. */
export async function unkept(client: Client, { senders, operators }: Parties): Promise<string[]> {
  const wrong: string[] = [];
  for (const operator of operators) wrong.push(...(await operator.broken(client)));
  const ids = senders.newlyAcknowledged();
  for (let at = 0; at < ids.length; at += IDS_A_QUESTION) {
    const asked = ids.slice(at, at + IDS_A_QUESTION);
    const seen = await client.seen(asked);
    wrong.push(...asked.filter((id) => !seen.has(id)).map((id) => `${id} was acknowledged and is lost`));
  }
  return wrong;
}

interface Tally {
  events: number;
  times: number;
  paid: number;
}

/** All that is wrong, in words; empty when every promise was kept exactly once. */
export async function audit(
  database: string,
  collector: CollectorProcess,
  { senders, operators }: Parties,
): Promise<string[]> {
  const client = createClient(await collector.listening);
  const wrong = [
    ...(await wrongPeople(client, senders)),
    ...(await wrongFeed(client, 'often')),
    ...(await wrongExport(database, { senders, operators })),
  ];
  const listed = await usersOf(client, LIST);
  for (const operator of operators) {
    wrong.push(...(await operator.broken(client, 'all')), ...(await wrongVictims(client, operator)));
    for (const user of operator.promised.listed) if (!listed.has(user)) wrong.push(`${user} is on no list`);
  }
  const { code, out, err } = await runTidemark(database, 'verify');
  if (code !== 0) wrong.push(`verify ended with ${code}: ${out}${err}`);
  return wrong;
}

function tally(sent: Iterable<Sent>): Map<string, Tally> {
  const tallies = new Map<string, Tally>();
  for (const { user, amount } of sent) {
    const mine = tallies.get(user) ?? { events: 0, times: 0, paid: 0 };
    mine.events++;
    if (amount !== null) {
      mine.times++;
      mine.paid += amount;
    }
    tallies.set(user, mine);
  }
  return tallies;
}

/** Nobody has a message too few or twice. */
async function wrongPeople(client: Client, { acknowledged }: Senders): Promise<string[]> {
  const wrong: string[] = [];
  for (const [user, should] of tally(acknowledged.values())) {
    const { json } = await client.api('GET', `/profiles/user:${user}`);
    const computed = json.computed as { paid: number; times: number }; // what definitions.ts defines
    const is = { events: json.eventCount, times: computed?.times, paid: computed?.paid };
    if (JSON.stringify(is) !== JSON.stringify(should))
      wrong.push(`${user} is ${JSON.stringify(is)}, should be ${JSON.stringify(should)}`);
    // As /api/openapi.json describes it, and so below.
    const often = (json.segments as { key: string }[]).some(({ key }) => key === 'often');
    if (often !== should.times >= OFTEN) wrong.push(`${user} with ${should.times} is in often: ${often}`);
  }
  return wrong;
}

async function usersOf(client: Client, segment: string): Promise<Set<unknown>> {
  const users = new Set<unknown>();
  for (let cursor: unknown = ''; cursor !== null; ) {
    const query = cursor === '' ? '' : `&cursor=${encodeURIComponent(String(cursor))}`;
    const { json } = await client.api('GET', `/segments/${segment}/profiles?limit=1000${query}`);
    // The members of a segment.
    for (const { userId } of json.data as { userId: string }[]) users.add(userId);
    cursor = json.next;
  }
  return users;
}

/** In the feed nobody enters or leaves twice in a row. */
async function wrongFeed(client: Client, segment: string): Promise<string[]> {
  const wrong: string[] = [];
  const isIn = new Set<string>();
  for (let after: unknown = 0; after !== null; ) {
    const { json } = await client.api('GET', `/segments/${segment}/transitions?limit=1000&after=${after}`);
    // The feed of a segment.
    for (const { profileId, change, seq } of json.data as {
      profileId: string;
      change: string;
      seq: number;
    }[]) {
      if (isIn.has(profileId) === (change === 'entered'))
        wrong.push(`${profileId} ${change} twice, at ${seq}`);
      if (change === 'entered') isIn.add(profileId);
      else isIn.delete(profileId);
    }
    after = json.next;
  }
  return wrong;
}

/** What the erased had sent stays used up: sent again, it is a repeat. */
async function wrongVictims(client: Client, { promised }: Operator): Promise<string[]> {
  const wrong: string[] = [];
  for (const user of promised.erased) {
    const messages = victimMessages(user);
    const { json } = await client.post(messages);
    if (json.duplicates !== messages.length) wrong.push(`${user} came back: ${JSON.stringify(json)}`);
  }
  return wrong;
}

/** The stored messages, one by one. */
async function wrongExport(database: string, { senders, operators }: Parties): Promise<string[]> {
  const file = `${database}.exported`;
  const { code, err } = await runTidemark(database, 'export', '--messages-only', '--force', file);
  if (code !== 0) return [`export ended with ${code}: ${err}`];
  const stored = new Set<string>();
  const wrong: string[] = [];
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const { messageId } = JSON.parse(line) as { messageId: string }; // every line is a message
    if (stored.has(messageId)) wrong.push(`${messageId} is stored twice`);
    stored.add(messageId);
  }
  rmSync(file);
  for (const id of senders.acknowledged.keys())
    if (!stored.has(id)) wrong.push(`${id} was acknowledged and is not stored`);
  // All that was sent was acknowledged in the end.
  for (const id of stored)
    if (/^m\d/.test(id) && !senders.acknowledged.has(id)) wrong.push(`${id} is stored and nobody was told`);
  for (const user of operators.flatMap(({ promised }) => promised.erased))
    if (messageIdsOf(user).some((id) => stored.has(id))) wrong.push(`${user} is erased and stored`);
  return wrong;
}
