// Programs that use the Node SDK, each in a process of its own.
// Invariant: a program has `Analytics` from source and ends with its test.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { root } from '../browser/stage.ts';

export interface Program {
  /** Where programs may leave things. */
  folder: string;
  /** Runs a module that has `Analytics`; each line it prints is heard. */
  run(code: string, onLine?: (line: string, child: ChildProcess) => void): Promise<Ended>;
  close(): void;
}

export interface Ended {
  code: number | null;
  signal: string | null;
  lines: string[];
}

/** @param entry the build to use, from sdk-node/src */
export function openPrograms(entry = 'index.ts'): Program {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-node-sdk-'));
  const bundle = join(folder, 'sdk.mjs');
  buildSync({
    entryPoints: [join(root, 'sdk-node', 'src', entry)],
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    external: ['node:*'],
    target: 'node20',
    outfile: bundle,
  });
  const children = new Set<ChildProcess>();

  return {
    folder,
    run(code, onLine = () => {}) {
      const child = spawn(
        process.execPath,
        ['--input-type=module', '--eval', `import { Analytics } from ${JSON.stringify(bundle)};\n${code}`],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      children.add(child);
      const lines: string[] = [];
      let rest = '';
      child.stdout.on('data', (chunk: Buffer) => {
        const texts = (rest + chunk.toString()).split('\n');
        rest = texts.pop() ?? '';
        for (const line of texts) {
          lines.push(line);
          onLine(line, child);
        }
      });
      return new Promise((resolve) => {
        child.on('close', (exitCode, signal) => {
          children.delete(child);
          resolve({ code: exitCode, signal, lines });
        });
      });
    },
    close() {
      for (const child of children) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
