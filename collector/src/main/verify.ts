// `tidemark verify`: recomputes everything from the messages, compares, and repairs if asked to.
// Invariant: without --repair the file is only read.
import { existsSync } from 'node:fs';
import type { Core } from '../ingest/core.ts';
import { createCore } from '../ingest/create-core.ts';
import { concernsLinks } from '../ingest/difference.ts';
import { type Command, type Flags, peopleProgressOf, report } from './command.ts';
import { askServer } from './control.ts';
import { goesThroughServer } from './in-use.ts';
import { legibleInLine } from './legible.ts';
import { takeLock } from './lock.ts';
import { type Settings, UsageError } from './settings.ts';

type Verified = Awaited<ReturnType<Core['verify']>>;

interface Repaired {
  found: Verified;
  /** What a second look found; none, unless messages themselves are broken. */
  left: Verified['differences'];
}

export const verify: Command = {
  flags: { repair: { type: 'boolean' } },
  run: (flags, settings) => (flags.repair === true ? runRepair(flags, settings) : runVerify(flags, settings)),
};

/** How many differences are written out. */
const SHOWN_DIFFERENCES = 20;

async function runVerify(flags: Flags, settings: Settings): Promise<number> {
  if (settings.database !== ':memory:' && !existsSync(settings.database))
    throw new UsageError(`there is no database ${settings.database}`);
  const result = await verifySnapshot(settings);
  report(flags, result, verifiedText(result));
  return result.differences.length === 0 ? 0 : 1;
}

/** Compares on a snapshot of this process's own: whoever serves the file goes on meanwhile. */
async function verifySnapshot({ database, now }: Settings): Promise<Verified> {
  const core = await createCore({ database, now: () => now ?? Date.now(), readOnly: true });
  try {
    return await compare(core);
  } finally {
    await core.close();
  }
}

async function compare(core: Core): Promise<Verified> {
  const { onProgress, finish } = peopleProgressOf('Verifying');
  const result = await core.verify({ onProgress });
  finish();
  return result;
}

function countOf({ length }: Verified['differences']): string {
  return length === 0 ? 'no difference' : length === 1 ? '1 difference' : `${length} differences`;
}

function verifiedText({ profiles, messages, differences }: Verified): string {
  const lines = differences
    .slice(0, SHOWN_DIFFERENCES)
    .map(
      ({ profile, what, stored, recomputed }) =>
        `  ${legibleInLine(`${profile}: ${what}`)} is ${JSON.stringify(stored)}, should be ${JSON.stringify(recomputed)}\n`,
    );
  const more =
    differences.length > SHOWN_DIFFERENCES
      ? `  and ${differences.length - SHOWN_DIFFERENCES} more (--json lists all)\n`
      : '';
  const head = `${profiles.toLocaleString('en')} profiles recomputed from ${messages.toLocaleString('en')} messages: `;
  return `${head}${countOf(differences)}\n${lines.join('')}${more}`;
}

/** Through the process that serves the file, or on the file itself, also one of a later clock. */
async function runRepair(flags: Flags, settings: Settings): Promise<number> {
  if (settings.database === ':memory:' || !existsSync(settings.database))
    throw new UsageError(`there is no database ${settings.database}`);
  const { found, left } = await repaired(settings);
  const rest = left.length === 0 ? 'repaired\n' : `${countOf(left)} left\n`;
  report(flags, { ...found, left }, verifiedText(found) + (found.differences.length > 0 ? rest : ''));
  return left.length === 0 ? 0 : 1;
}

async function repaired(settings: Settings): Promise<Repaired> {
  const { onProgress, finish } = peopleProgressOf('Repairing');
  if (await goesThroughServer(settings.database)) {
    const found = await verifySnapshot(settings);
    const links = concernsLinks(found.differences);
    await askServer(settings.database, 'repair', { links }, { onProgress });
    finish();
    return { found, left: (await verifySnapshot(settings)).differences };
  }
  const lock = takeLock(settings.database);
  try {
    const now = () => settings.now ?? Date.now();
    const core = await createCore({ database: settings.database, now, repair: true, onProgress });
    try {
      const found = await compare(core);
      await core.repair({ onProgress });
      finish();
      return { found, left: (await compare(core)).differences };
    } finally {
      await core.close();
    }
  } finally {
    lock.release();
  }
}
