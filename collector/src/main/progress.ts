// Progress of long work: a bar on a terminal, plain lines elsewhere.
// Invariant: writes our own words and figures only, where it is told to.

export interface Progress {
  update(done: number, total: number, note?: string): void;
  finish(): void;
}

export interface ProgressOptions {
  title: string;
  isTerminal: boolean;
  write: (text: string) => void;
  now?: () => number;
}

/** Progress of work that goes through people one by one. */
export interface PeopleProgress {
  onProgress(done: number, total: number): void;
  finish(): void;
}

export function createPeopleProgress(options: ProgressOptions): PeopleProgress {
  const progress = createProgress(options);
  return {
    onProgress: (done, total) => progress.update(done, total, `${done.toLocaleString('en')} people`),
    finish: () => progress.finish(),
  };
}

const BAR_CHARS = 28;
/** Between two lines where there is no terminal, ms. */
const LINE_EVERY_MS = 5_000;
const DRAW_EVERY_MS = 100;

export function createProgress({ title, isTerminal, write, now = Date.now }: ProgressOptions): Progress {
  const start = now();
  let last = 0;
  let latest: [number, number, string] | null = null;
  let isShown = false;
  const draw = (done: number, total: number, note: string): void => {
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const seconds = (now() - start) / 1000;
    const left = share > 0.02 && share < 1 ? `, ${Math.ceil(seconds / share - seconds)} s left` : '';
    const percent = `${Math.floor(share * 100)} %`.padStart(5);
    const text = `${title} ${percent}  ${note}${left}`;
    if (!isTerminal) {
      write(`${text}\n`);
      return;
    }
    const full = Math.round(share * BAR_CHARS);
    write(`\r\x1b[2K${title} [${'█'.repeat(full)}${'·'.repeat(BAR_CHARS - full)}]${percent}  ${note}${left}`);
  };
  return {
    update(done, total, note = '') {
      latest = [done, total, note];
      isShown = false;
      if (now() - last < (isTerminal ? DRAW_EVERY_MS : LINE_EVERY_MS)) return;
      last = now();
      draw(...latest);
      isShown = true;
    },
    finish() {
      if (!latest) return;
      if (!isShown || latest[0] !== latest[1]) draw(latest[1], latest[1], latest[2]);
      if (isTerminal) write('\n');
    },
  };
}
