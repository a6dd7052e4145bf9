// Imports point one way: the table of the architecture page, held against every file.
// Invariant: each source file belongs to a layer, each import follows the table, and there is no cycle.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Layer {
  name: string;
  files: RegExp;
  /** Layers it may import, besides itself. */
  may: string[];
  /** Packages and node: modules it may import; absent is any. */
  packages?: RegExp;
}

const NONE = /^$/;

const LAYERS: Layer[] = [
  // What the SDKs share with the collector: types and constants, nothing that runs.
  { name: 'wire types', files: /^collector\/src\/wire\/(message|survey)\.ts$/, may: [], packages: NONE },
  { name: 'wire', files: /^collector\/src\/wire\//, may: ['wire types'], packages: /^(zod|ua-parser-js)$/ },
  { name: 'threads', files: /^collector\/src\/threads\//, may: [], packages: /^node:os$/ },
  { name: 'engine', files: /^collector\/src\/engine\//, may: ['wire types', 'wire'], packages: NONE },
  {
    name: 'port',
    files: /^collector\/src\/storage\/port(\.ts$|\/)/,
    may: ['wire types', 'wire', 'engine'],
    packages: NONE,
  },
  {
    name: 'sqlite',
    files: /^collector\/src\/storage\/sqlite\//,
    may: ['wire types', 'wire', 'threads', 'engine', 'port'],
    packages: /^(better-sqlite3|node:(child_process|fs|os|path|url|worker_threads))$/,
  },
  {
    // The one place that chooses a store and puts it behind the lane.
    name: 'core of the collector',
    files: /^collector\/src\/ingest\/create-core\.ts$/,
    may: ['wire types', 'wire', 'engine', 'port', 'sqlite', 'ingest'],
    packages: /^node:crypto$/,
  },
  {
    name: 'ingest',
    files: /^collector\/src\/ingest\//,
    may: ['wire types', 'wire', 'engine', 'port'],
    packages: /^node:(crypto|timers\/promises)$/,
  },
  {
    // Mathematics: knows no message, no engine, no package.
    name: 'survey statistics',
    files: /^collector\/src\/features\/surveys\/statistics\//,
    may: [],
    packages: NONE,
  },
  {
    name: 'features',
    files: /^collector\/src\/features\/[^/]+\//,
    may: ['wire types', 'wire', 'threads', 'engine', 'port', 'ingest', 'survey statistics'],
    packages: /^(zod|node:(crypto|worker_threads))$/,
  },
  {
    name: 'http',
    files: /^collector\/src\/http\//,
    may: ['wire types', 'wire', 'threads', 'ingest', 'features'],
    packages: /^(hono|zod|node:(crypto|util|worker_threads|zlib))$/,
  },
  {
    name: 'app',
    files: /^collector\/src\/app\.ts$/,
    may: ['wire types', 'wire', 'ingest', 'features', 'http'],
    packages: /^(hono(\/route)?|node:.*)$/,
  },
  {
    name: 'main',
    files: /^collector\/src\/(main\/|index\.ts$|cli\.ts$)/,
    may: ['wire types', 'wire', 'ingest', 'core of the collector', 'sqlite', 'features', 'http', 'app'],
    packages: /^(@hono\/node-server|csv-parse|pino$|node:)/,
  },
  { name: 'core', files: /^sdk-web\/src\/(core\/|version\.ts$)/, may: ['wire types'], packages: NONE },
  { name: 'sdk-web', files: /^sdk-web\/src\//, may: ['wire types', 'core'], packages: /^web-vitals$/ },
  { name: 'sdk-node', files: /^sdk-node\/src\//, may: ['wire types', 'core'], packages: /^node:/ },
];

interface Edge {
  from: string;
  to: string;
}

/** Every import, export-from and dynamic import, type-only ones included. */
function importsOf(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  // Not a text that ends in `from` or `import`, whose own closing quote comes next.
  const pattern = /(?<!['"/])(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"\n]+)['"]/g;
  return [...code.matchAll(pattern)].map(([, name]) => name as string);
}

function layerOf(file: string): Layer | undefined {
  return LAYERS.find(({ files }) => files.test(file));
}

/** What is wrong with these imports, each as one line. */
function faultsOf(edges: readonly Edge[]): string[] {
  const faults: string[] = [];
  for (const { from, to } of edges) {
    const layer = layerOf(from);
    if (!layer) {
      faults.push(`${from} belongs to no layer`);
    } else if (/^(collector|sdk-web|sdk-node)\//.test(to)) {
      const target = layerOf(to);
      const allowed = target && (target === layer || layer.may.includes(target.name));
      if (!allowed)
        faults.push(`${from} (${layer.name}) must not import ${to} (${target?.name ?? 'no layer'})`);
    } else if (layer.packages && !layer.packages.test(to)) {
      faults.push(`${from} (${layer.name}) must not import ${to}`);
    }
  }
  return faults;
}

/** A cycle as a path that ends where it began, or null. */
function cycleOf(edges: readonly Edge[]): string[] | null {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const walk = (file: string, path: string[]): string[] | null => {
    const at = path.indexOf(file);
    if (at >= 0) return [...path.slice(at), file];
    if (done.has(file)) return null;
    for (const target of next.get(file) ?? []) {
      const cycle = walk(target, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return null;
  };
  for (const file of next.keys()) {
    const cycle = walk(file, []);
    if (cycle) return cycle;
  }
  return null;
}

/** Imports of one feature by another: what they share belongs to the engine or to wire. */
function crossingsOf(edges: readonly Edge[]): Edge[] {
  const feature = (file: string) => /^collector\/src\/features\/([^/]+)\//.exec(file)?.[1];
  return edges.filter(({ from, to }) => feature(from) && feature(to) && feature(from) !== feature(to));
}

function knowingSqlite(edges: readonly Edge[]): Edge[] {
  return edges.filter(
    ({ from, to }) => /^better-sqlite3/.test(to) && !from.startsWith('collector/src/storage/sqlite/'),
  );
}

function sources(): string[] {
  return ['collector/src', 'sdk-web/src', 'sdk-node/src'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .map((name) => join(folder, String(name)))
      .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|fake-core|conformance/.test(file)),
  );
}

function edgesOf(files: readonly string[]): Edge[] {
  return files.flatMap((from) =>
    importsOf(readFileSync(join(root, from), 'utf8')).map((name) => ({
      from,
      to: name.startsWith('.') ? relative(root, join(root, dirname(from), name)) : name,
    })),
  );
}

describe('the layering', () => {
  const files = sources();
  const edges = edgesOf(files);

  it('covers every source file', () => {
    expect(files.length).toBeGreaterThan(60);
    expect(files.filter((file) => !layerOf(file))).toEqual([]);
  });

  it('is followed by every import', () => {
    expect(edges.length).toBeGreaterThan(200);
    expect(faultsOf(edges)).toEqual([]);
  });

  it('has no cycle, type-only imports included', () => {
    expect(cycleOf(edges)).toBeNull();
  });

  it('keeps features apart', () => {
    expect(crossingsOf(edges)).toEqual([]);
  });

  it('lets nothing but the SQLite store know SQLite', () => {
    expect(knowingSqlite(edges)).toEqual([]);
    expect(edges.some(({ to }) => to === 'better-sqlite3')).toBe(true);
  });
});

describe('the checker itself', () => {
  it('sees imports of every form', () => {
    const text = `import a from './a.ts';\nimport type { B } from "./b.ts";\nexport * from './c.ts';\nimport './d.ts';
      await import('./e.ts');\n// import f from './f.ts';\n/* import g from './g.ts' */`;
    expect(importsOf(text)).toEqual(['./a.ts', './b.ts', './c.ts', './d.ts', './e.ts']);
  });

  it('finds an import against the table', () => {
    expect(faultsOf([{ from: 'collector/src/engine/a.ts', to: 'collector/src/ingest/b.ts' }])).toHaveLength(
      1,
    );
    expect(faultsOf([{ from: 'collector/src/engine/a.ts', to: 'node:fs' }])).toHaveLength(1);
    expect(faultsOf([{ from: 'sdk-web/src/a.ts', to: 'collector/src/wire/parse.ts' }])).toHaveLength(1);
    expect(faultsOf([{ from: 'collector/src/http/a.ts', to: 'better-sqlite3' }])).toHaveLength(1);
    expect(faultsOf([{ from: 'collector/src/ingest/a.ts', to: 'collector/src/engine/b.ts' }])).toEqual([]);
  });

  it('finds features that know each other, and SQLite outside its store', () => {
    const feature = (name: string) => `collector/src/features/${name}/results.ts`;
    const crossing = { from: feature('surveys'), to: feature('reports') };
    expect(crossingsOf([crossing, { from: feature('surveys'), to: feature('surveys') }])).toEqual([crossing]);
    const leak = { from: 'collector/src/main/serve.ts', to: 'better-sqlite3' };
    expect(knowingSqlite([leak])).toEqual([leak]);
    expect(faultsOf([leak])).toHaveLength(1);
    expect(faultsOf([{ from: 'collector/src/elsewhere.ts', to: 'zod' }])).toEqual([
      'collector/src/elsewhere.ts belongs to no layer',
    ]);
  });

  it('finds a cycle and names its way', () => {
    const edges = [
      { from: 'a', to: 'b' },
      { from: 'b', to: 'c' },
      { from: 'c', to: 'b' },
    ];
    expect(cycleOf(edges)).toEqual(['b', 'c', 'b']);
    expect(cycleOf(edges.slice(0, 2))).toBeNull();
  });
});
