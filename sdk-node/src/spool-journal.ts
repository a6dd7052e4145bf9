// One file of the spool and what of it is still needed: messages a line each, and beside them what is settled.
// Invariant: a line is either whole or cut off at the end of its file; what cannot be read is never removed.
import type * as fs from 'node:fs';

/** The part of node:fs that the spool uses; tests bring one that fails. */
export type Files = Pick<
  typeof fs,
  | 'appendFileSync'
  | 'closeSync'
  | 'ftruncateSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'readFileSync'
  | 'renameSync'
  | 'rmdirSync'
  | 'statSync'
  | 'unlinkSync'
  | 'utimesSync'
  | 'writeSync'
>;

/** A file of messages. */
export interface Place {
  /** The folder of the file; it is renamed when it changes hands. */
  readonly journal: Journal;
  readonly name: string;
  /** Bytes of whole lines. */
  size: number;
  /** Messages in it that are not answered for. */
  open: number;
  /** Open for writing: null once it is full. */
  fd: number | null;
  /** Something in it could not be read: it stays. */
  isKept: boolean;
}

/** A folder of one client. */
export interface Journal {
  path: string;
  places: Set<Place>;
}

export const MESSAGES = '.jsonl';
/** Beside a file of messages: the ids that need not be sent any more, a list a line. */
const SETTLED = '.settled';

export const pathOf = (place: Place): string => `${place.journal.path}/${place.name}${MESSAGES}`;
const settledPathOf = (place: Place): string => `${place.journal.path}/${place.name}${SETTLED}`;

/** Messages hold people's data: nobody else reads them. */
const FILE_MODE = 0o600;

/** @throws the file system's error */
export function beginPlace(files: Files, journal: Journal, name: string): Place {
  const place: Place = { journal, name, size: 0, open: 0, fd: null, isKept: false };
  place.fd = files.openSync(pathOf(place), 'wx', FILE_MODE);
  journal.places.add(place);
  return place;
}

/**
 * Writes one line, whole or not at all.
 * @throws the file system's error, after what was written of the line is cut off again; if even that fails
 * the file takes no more (`fd` is null)
 */
export function appendLine(files: Files, place: Place, line: Uint8Array): void {
  const fd = place.fd as number; // the current place is open
  let at = 0;
  try {
    while (at < line.length) at += files.writeSync(fd, line, at, line.length - at, place.size + at);
  } catch (error) {
    if (at > 0) cutOff(files, place, fd);
    throw error;
  }
  place.size += line.length;
  place.open++;
}

function cutOff(files: Files, place: Place, fd: number): void {
  try {
    files.ftruncateSync(fd, place.size);
  } catch {
    closePlace(files, place);
  }
}

export function closePlace(files: Files, place: Place): void {
  if (place.fd === null) return;
  try {
    files.closeSync(place.fd);
  } catch {
    // Nothing was left to write: every line went to the system at its call.
  }
  place.fd = null;
}

/** @throws the file system's error */
export function appendSettled(files: Files, place: Place, messageIds: string[]): void {
  files.appendFileSync(settledPathOf(place), `${JSON.stringify(messageIds)}\n`, { mode: FILE_MODE });
}

/** Removes a file that nothing is needed of any more. */
export function removePlace(files: Files, place: Place): void {
  closePlace(files, place);
  if (place.isKept) return;
  place.journal.places.delete(place);
  removeFile(files, pathOf(place));
  removeFile(files, settledPathOf(place));
}

function removeFile(files: Files, path: string): void {
  try {
    files.unlinkSync(path);
  } catch {
    // Was never there, or cannot be removed: read again next time, and its messages are counted once.
  }
}

/** A message as a line of the spool. */
export interface Line {
  messageId: string;
  type: string;
  text: string;
}

export interface Content {
  lines: Line[];
  /** Lines that are no messages. */
  broken: string[];
  /** What stands after the last line's end and is no message: a call that had not returned. */
  torn: string;
}

/** @throws the file system's error */
export function readPlace(files: Files, place: Place): Content {
  const texts = files.readFileSync(pathOf(place), 'utf8').split('\n');
  const settled = readSettled(files, place);
  const content: Content = { lines: [], broken: [], torn: '' };
  const last = texts.pop() ?? '';
  for (const text of texts) {
    const line = readLine(text);
    if (!line) content.broken.push(text);
    else if (!settled.has(line.messageId)) content.lines.push(line);
  }
  const line = readLine(last);
  if (line && !settled.has(line.messageId)) content.lines.push(line);
  else if (!line) content.torn = last;
  return content;
}

function readSettled(files: Files, place: Place): Set<string> {
  const settled = new Set<string>();
  try {
    for (const text of files.readFileSync(settledPathOf(place), 'utf8').split('\n'))
      for (const id of readIds(text)) settled.add(id);
  } catch {
    // None, or unreadable: then all are sent again, and the collector counts each once.
  }
  return settled;
}

function readIds(text: string): string[] {
  try {
    const ids: unknown = JSON.parse(text);
    return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [];
  } catch {
    return []; // cut off
  }
}

function readLine(text: string): Line | null {
  try {
    const message: unknown = JSON.parse(text);
    if (typeof message !== 'object' || message === null) return null;
    const { messageId, type } = message as { messageId?: unknown; type?: unknown };
    return typeof messageId === 'string' && typeof type === 'string' ? { messageId, type, text } : null;
  } catch {
    return null;
  }
}
