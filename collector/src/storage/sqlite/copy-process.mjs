// The process that copies a database while others read and write it: of its own, since SQLite cannot be stopped
// in the middle of it, and a process can.
// Invariant: the copy is one snapshot and holds nothing but what is live: no free page, no deleted byte.
// Plain JavaScript: a process is started from a file, and Node 20 reads no TypeScript.
import Database from 'better-sqlite3';

const { from, to, checkSource } = JSON.parse(process.argv[2]);

/** Null if the file is sound, else what is wrong first. */
function faultOf(db) {
  const [{ quick_check: said }] = db.pragma('quick_check(1)');
  return said === 'ok' ? null : said;
}

function copy() {
  const source = new Database(from, { readonly: true, fileMustExist: true });
  try {
    const fault = checkSource ? faultOf(source) : null;
    if (fault) return { damage: fault, of: from };
    // Reads in one transaction, which neither waits for a writer nor lets one wait. Temporary data, if any, in memory.
    source.pragma('temp_store = MEMORY');
    source.prepare('VACUUM INTO ?').run(to);
  } finally {
    source.close();
  }
  process.send({ stage: 'checking' });
  const copied = new Database(to, { readonly: true, fileMustExist: true });
  try {
    const fault = faultOf(copied);
    return fault ? { damage: fault, of: to } : { done: true };
  } finally {
    copied.close();
  }
}

function said() {
  try {
    return copy();
  } catch (error) {
    if (/^SQLITE_(CORRUPT|NOTADB)/.test(error.code ?? '')) return { damage: error.message, of: from };
    return { failed: error.message };
  }
}

process.send(said(), () => process.disconnect());
