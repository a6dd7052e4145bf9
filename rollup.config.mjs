// What is published: one file a package and its types, from the same sources that run in development.
// Invariant: the build fails when the browser core is over its budget.
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import resolve from '@rollup/plugin-node-resolve';
import dts from 'rollup-plugin-dts';
import esbuild from 'rollup-plugin-esbuild';
import { minify } from 'terser';

/** Brotli bytes of the script that a page loads: the README's promise. */
const CORE_BUDGET_BYTES = 4960;

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const conditions = ['tidemark-source'];
const nodeResolve = () => resolve({ exportConditions: conditions, extensions: ['.ts', '.mjs', '.js'] });
const compile = (target) =>
  esbuild({
    target,
    legalComments: 'none',
    tsconfig: false,
    define: { __TIDEMARK_VERSION__: JSON.stringify(version) },
  });

const brotliBytes = (text) =>
  brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } })
    .length;

/**
 * Names of properties that only our own code reads, shortened in what a page loads. None may be a word of
 * the browser, of a message or of the public calls.
 */
const INNER_NAMES = [
  ...['flushIntervalMs', 'maxMessages', 'maxChars', 'maxBatchChars', 'maxInFlight', 'maxRetries'],
  ...[
    'onSettled',
    'onLost',
    'onAnswer',
    'sizeOf',
    'retryAfter',
    'random',
    'left',
    'done',
    'resume',
    'unload',
  ],
  ...['keep', 'drop', 'journal', 'adopt', 'hold', 'release', 'wipe', 'forget', 'touch', 'room', 'write'],
];

/** Smaller than esbuild's by a twentieth, measured on the core. */
const shrink = {
  name: 'shrink',
  async renderChunk(code) {
    const done = await minify(code, {
      ecma: 2020,
      toplevel: true,
      compress: {
        passes: 3,
        unsafe_arrows: true,
        unsafe_methods: true,
        pure_getters: true,
        keep_fargs: false,
      },
      mangle: { properties: { regex: new RegExp(`^(${INNER_NAMES.join('|')})$`) } },
    });
    return done.code;
  },
};

const budget = {
  name: 'budget',
  writeBundle(options) {
    const bytes = brotliBytes(readFileSync(options.file));
    console.log(`${options.file}: ${bytes} bytes brotli, budget ${CORE_BUDGET_BYTES}`);
    if (bytes > CORE_BUDGET_BYTES)
      this.error(`${options.file} is ${bytes - CORE_BUDGET_BYTES} bytes over its budget`);
  },
};

/** The published collector serves the script from its own folder. */
const copyScript = {
  name: 'copy-script',
  writeBundle: () => copyFileSync('sdk-web/dist/sdk.js', 'collector/dist/sdk.js'),
};

const withPapers = (folder) => ({
  name: 'papers',
  writeBundle() {
    copyFileSync('LICENSE', `${folder}/dist/LICENSE`);
  },
});

const runnable = {
  name: 'runnable',
  writeBundle(options) {
    const file = `${options.dir}/cli.js`;
    const text = readFileSync(file, 'utf8');
    if (!text.startsWith('#!')) writeFileSync(file, `#!/usr/bin/env node\n${text}`);
    chmodSync(file, 0o755);
  },
};

const external = (folder) => {
  const { dependencies = {} } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
  const names = Object.keys(dependencies);
  return (id) => id.startsWith('node:') || names.some((name) => id === name || id.startsWith(`${name}/`));
};

const types = (folder, files = ['index.d.ts'], input = `${folder}/src/index.ts`) => ({
  input,
  external: external(folder),
  output: files.map((file) => ({ file: `${folder}/dist/${file}`, format: 'es' })),
  plugins: [
    nodeResolve(),
    dts({ tsconfig: 'tsconfig.json', compilerOptions: { noEmit: false, customConditions: conditions } }),
  ],
});

export default [
  {
    input: 'sdk-web/src/script.ts',
    output: { file: 'sdk-web/dist/sdk.js', format: 'iife' },
    plugins: [nodeResolve(), compile('es2020'), shrink, budget, withPapers('sdk-web')],
  },
  {
    input: 'sdk-web/src/index.ts',
    output: { file: 'sdk-web/dist/index.js', format: 'es' },
    plugins: [nodeResolve(), compile('es2020')],
  },
  types('sdk-web'),
  {
    input: 'sdk-node/src/index.ts',
    external: external('sdk-node'),
    output: [
      { file: 'sdk-node/dist/index.js', format: 'es' },
      { file: 'sdk-node/dist/index.cjs', format: 'cjs', exports: 'named' },
    ],
    plugins: [nodeResolve(), compile('node20'), withPapers('sdk-node')],
  },
  types('sdk-node', ['index.d.ts', 'index.d.cts']),
  {
    input: { index: 'collector/src/index.ts', cli: 'collector/src/cli.ts' },
    external: external('collector'),
    output: {
      dir: 'collector/dist',
      format: 'es',
      entryFileNames: '[name].js',
      chunkFileNames: 'chunk-[hash].js',
    },
    plugins: [nodeResolve(), compile('node20'), runnable, copyScript, withPapers('collector')],
  },
  types('collector'),
];
