// The queue's second copy on disk: what a killed process held is sent by the next one, or by its neighbour.
// Invariant: a message is on disk when its call returns, until it is answered for; whatever goes wrong is
// told once, and what cannot be read is kept.
import type { Loss } from '../../sdk-web/src/core/queue.ts';
import {
  appendLine,
  appendSettled,
  beginPlace,
  closePlace,
  type Files,
  type Journal,
  type Line,
  MESSAGES,
  type Place,
  pathOf,
  readPlace,
  removePlace,
} from './spool-journal.ts';
import { freeName, isAbandoned, nameOf, type Processes, registeredNonces } from './spool-owner.ts';

export interface SpoolParts {
  /** Made if it is missing, with mode 0700. Many processes may share it. */
  folder: string;
  /** Bytes of messages on disk at most, those of processes that died included. */
  maxBytes: number;
  /** What went wrong, with a code that begins with `spool_`. */
  onTrouble(loss: Loss): void;
  now(): number;
  /** For durations, ms. */
  elapsed(): number;
  after(ms: number, callback: () => void): () => void;
  uuid(): string;
}

/** The machine below; tests bring one that fails. */
export interface SpoolMachine {
  files: Files;
  processes: Processes;
}

/** A message that an earlier process left. */
export interface Recovered extends Line {
  place: Place;
}

export interface Spool {
  /** Writes one message, UTF-8 of its JSON; null if that failed, which is then told. */
  write(text: Uint8Array): Place | null;
  /** These need no keeping any more. */
  settle(entries: { messageId: string; place?: Place | null }[]): void;
  /** Hands out what was left by others, until `take` refuses one or there is no more. */
  feed(take: (found: Recovered) => boolean): void;
  /** Calls back when a neighbour's messages were found later on. */
  onFound(callback: () => void): void;
  /** Leaves what is still open to whoever comes next. */
  close(): void;
}

/** A file is removed when all in it is answered for: small enough to go soon, large enough to be few. */
const MAX_PLACE_BYTES = 1024 * 1024;
/** How often the folder is looked through for what neighbours left, and our own is touched, ms. */
const CARE_INTERVAL_MS = 30_000;
/** After a failure nothing is written for so long, ms: a full disk is not asked at every call. */
const WRITE_PAUSE_MS = 1_000;
const FOLDER_MODE = 0o700;
const LINE_END = 10;

export function createSpool(parts: SpoolParts & SpoolMachine): Spool {
  const { folder, files, processes, now } = parts;
  const journals = new Set<Journal>();
  const nonces: string[] = [];
  /** Files of others that were not read yet. */
  const backlog: Place[] = [];
  /** What was told to be so. */
  const unreadable = new Set<string>();
  let lines: Line[] = [];
  let linesPlace: Place | null = null;
  let own: Journal | null = null;
  let current: Place | null = null;
  let placeCount = 0;
  let usedBytes = 0;
  let pausedUntil = Number.NEGATIVE_INFINITY;
  let isFailing = false;
  let tell = (): void => {};
  let cancelCare = (): void => {};

  const trouble = (code: string, message: string): void => parts.onTrouble({ code, message });

  /** Makes a folder that bears this process's name, by `make`. */
  function openJournal(make: (path: string) => void): Journal {
    const nonce = parts.uuid();
    const { machine, pid } = processes;
    const path = `${folder}/${nameOf({ machine, pid, start: processes.startOf(pid), nonce })}`;
    make(path);
    nonces.push(nonce);
    registeredNonces().add(nonce);
    const journal: Journal = { path, places: new Set() };
    journals.add(journal);
    return journal;
  }

  function begin(): Place {
    own ??= openJournal((path) => files.mkdirSync(path, { recursive: true, mode: FOLDER_MODE }));
    return beginPlace(files, own, String(++placeCount).padStart(6, '0'));
  }

  /** A file that takes no more goes as soon as nothing in it is open. */
  function retire(place: Place): void {
    closePlace(files, place);
    if (place.open === 0) remove(place);
  }

  function remove(place: Place): void {
    if (place.isKept) return;
    usedBytes -= place.size;
    removePlace(files, place);
    const { journal } = place;
    if (journal === own || journal.places.size > 0) return;
    journals.delete(journal);
    removeFolder(journal.path);
  }

  function removeFolder(path: string): void {
    try {
      for (const name of files.readdirSync(path))
        if (!name.endsWith(MESSAGES)) files.unlinkSync(`${path}/${name}`);
      files.rmdirSync(path);
    } catch {
      // Something in it is kept; the next client looks at it again.
    }
  }

  function failed(error: unknown): void {
    pausedUntil = parts.elapsed() + WRITE_PAUSE_MS;
    if (current?.fd === null) current = null;
    // Somebody removed the folder: the next try makes another.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') forget(own);
    if (isFailing) return;
    isFailing = true;
    trouble('spool_failed', `${reasonOf(error)}: until it can be written again messages are in memory only`);
  }

  function forget(journal: Journal | null): void {
    if (!journal) return;
    for (const place of journal.places) closePlace(files, place);
    journals.delete(journal);
    if (journal !== own) return;
    own = null;
    current = null;
  }

  /** Reads the next file of the backlog; what is wrong in it is told and kept. */
  function openNext(): boolean {
    const place = backlog.shift();
    if (!place) return false;
    linesPlace = place;
    lines = [];
    try {
      const { lines: found, broken, torn } = readPlace(files, place);
      lines = found.reverse();
      place.open = found.length;
      if (broken.length > 0) {
        place.isKept = true;
        trouble(
          'spool_corrupt',
          `${broken.length} lines of ${pathOf(place)} are no messages; the file is kept`,
        );
      }
      if (torn !== '')
        trouble('spool_torn', `the last line of ${pathOf(place)} was cut off: its call had not returned`);
    } catch (error) {
      place.isKept = true;
      trouble('spool_unreadable', `${reasonOf(error)}; the file is kept: ${pathOf(place)}`);
    }
    if (place.open === 0) remove(place);
    return true;
  }

  /** Takes the folders of processes that are gone; of two that try, the first to rename one has it. */
  function adopt(): void {
    for (const name of files.readdirSync(folder)) {
      const path = `${folder}/${name}`;
      try {
        if (!isAbandoned(name, now() - files.statSync(path).mtimeMs, processes)) continue;
        list(openJournal((newPath) => files.renameSync(path, newPath)));
      } catch (error) {
        // Another was faster.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') tellUnreadable(name, error);
      }
    }
  }

  /** Once for each name: the folder is looked through again and again. */
  function tellUnreadable(name: string, error: unknown): void {
    if (unreadable.has(name)) return;
    unreadable.add(name);
    trouble('spool_unreadable', `${reasonOf(error)}; it is kept`);
  }

  function list(journal: Journal): void {
    const names = files.readdirSync(journal.path).filter((name) => name.endsWith(MESSAGES));
    for (const file of names.sort()) {
      const name = file.slice(0, -MESSAGES.length);
      const place: Place = { journal, name, size: 0, open: 0, fd: null, isKept: false };
      place.size = files.statSync(pathOf(place)).size;
      usedBytes += place.size;
      journal.places.add(place);
      backlog.push(place);
    }
    if (names.length > 0) return;
    journals.delete(journal);
    removeFolder(journal.path);
  }

  function care(): void {
    cancelCare = parts.after(CARE_INTERVAL_MS, care);
    for (const journal of journals) touch(journal);
    look();
    tell();
  }

  function touch(journal: Journal): void {
    try {
      const seconds = now() / 1000;
      files.utimesSync(journal.path, seconds, seconds);
    } catch (error) {
      // Somebody removed it, or a machine that thought this one dead took it.
      trouble('spool_failed', `${reasonOf(error)}: what was in that folder is in memory only`);
      forget(journal);
    }
  }

  function look(): void {
    try {
      adopt();
      unreadable.delete(folder);
    } catch (error) {
      tellUnreadable(folder, error);
    }
  }

  function closeJournal(journal: Journal): void {
    const open = [...journal.places].some(
      (place) => place.open > 0 || place.isKept || backlog.includes(place),
    );
    if (!open) {
      for (const place of journal.places) removePlace(files, place);
      removeFolder(journal.path);
      return;
    }
    for (const place of journal.places) closePlace(files, place);
    try {
      files.renameSync(journal.path, `${folder}/${freeName(parts.uuid())}`);
    } catch (error) {
      trouble('spool_failed', `${reasonOf(error)}: it is taken up when this process has ended`);
    }
  }

  try {
    files.mkdirSync(folder, { recursive: true, mode: FOLDER_MODE });
  } catch (error) {
    failed(error);
  }
  look();
  cancelCare = parts.after(CARE_INTERVAL_MS, care);

  return {
    write(text) {
      if (parts.elapsed() < pausedUntil) return null;
      const line = Buffer.allocUnsafe(text.length + 1);
      line.set(text);
      line[text.length] = LINE_END;
      try {
        if (usedBytes + line.length > parts.maxBytes)
          throw new Error(`${parts.maxBytes} bytes are on disk, as many as maxSpoolBytes allows`);
        if (current && current.size + line.length > MAX_PLACE_BYTES) {
          const full = current;
          current = null;
          retire(full);
        }
        current ??= begin();
        appendLine(files, current, line);
        usedBytes += line.length;
        isFailing = false;
        return current;
      } catch (error) {
        failed(error);
        return null;
      }
    },
    settle(entries) {
      const ids = new Map<Place, string[]>();
      for (const entry of entries) {
        if (!entry.place) continue;
        const list = ids.get(entry.place);
        if (list) list.push(entry.messageId);
        else ids.set(entry.place, [entry.messageId]);
      }
      for (const [place, messageIds] of ids) {
        place.open -= messageIds.length;
        if (place.open === 0 && place !== current && !place.isKept) {
          remove(place);
          continue;
        }
        try {
          appendSettled(files, place, messageIds);
        } catch {
          // They are sent again after a crash, and the collector counts each once.
        }
      }
    },
    feed(take) {
      for (;;) {
        for (let line = lines.at(-1); line; line = lines.at(-1)) {
          // Handed out in their order: the list is read from its end. Lines have a place.
          if (!take({ ...line, place: linesPlace as Place })) return;
          lines.pop();
        }
        if (!openNext()) return;
      }
    },
    onFound(callback) {
      tell = callback;
    },
    close() {
      cancelCare();
      if (current) closePlace(files, current);
      for (const journal of journals) closeJournal(journal);
      for (const nonce of nonces) registeredNonces().delete(nonce);
    },
  };
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
