// Where a command does its work: through the process that serves the file, or on the file itself.
// Invariant: never two that write to one file; what is opened here is closed and unlocked whatever happens.
import { openCollector } from './collector.ts';
import { peopleProgressOf, tell } from './command.ts';
import { askServer } from './control.ts';
import { makeFolderOf } from './database-folder.ts';
import { goesThroughServer } from './in-use.ts';
import { takeLock } from './lock.ts';
import { type Ask, createOperations } from './operations.ts';
import { collectorOptions, type Settings } from './settings.ts';

/** Runs `work` against the process that serves the file, or against the file itself. */
export async function withOperations<T>(
  settings: Settings,
  work: (ask: Ask) => Promise<T>,
  /** For a database that is not there yet. */
  fresh: { idKey?: string } = {},
): Promise<T> {
  if (await goesThroughServer(settings.database)) {
    // The server answers with what Operations says; both are this same program.
    return work(
      (operation, input) =>
        askServer(settings.database, operation, input) as ReturnType<Ask> as Promise<never>,
    );
  }
  makeFolderOf(settings.database);
  const lock = takeLock(settings.database);
  try {
    const { onProgress, finish } = peopleProgressOf('Computing people anew');
    const collector = await openCollector({ ...collectorOptions(settings), ...fresh, onProgress });
    try {
      finish();
      if (collector.app.access.source().unshown !== null)
        tell(`No \`tidemark serve\` has shown the keys of ${settings.database} yet; the first one does.\n`);
      const handle = createOperations(collector);
      return await work((operation, input) => handle(operation, input) as Promise<never>); // see Operations
    } finally {
      await collector.close();
    }
  } finally {
    lock.release();
  }
}
