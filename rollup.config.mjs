// What is published: a package's scripts and its types, from the same sources that run in development.
// Invariant: the build fails when the browser core is over its budget.
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import resolve from '@rollup/plugin-node-resolve';
import dts from 'rollup-plugin-dts';
import esbuild from 'rollup-plugin-esbuild';
import { shrink } from './sdk-web/shrink.mjs';

/** Brotli bytes of each script that a page loads: the README's promise. */
const BUDGET_BYTES = {
  sdk: 5_120,
  'sdk-more': 1_024,
  'sdk-autocapture': 1_536,
  'sdk-vitals': 2_560,
  'sdk-errors': 1_024,
  'sdk-leave': 1_024,
};
/** Gzip bytes of what surveys load: what every page takes, and what one that shows a survey takes besides. */
const GZIP_BUDGET_BYTES = {
  'sdk-surveys': 1_024,
  'sdk-survey-widget': 12_288,
  'sdk-survey-page': 1_024,
  // One language.
  'sdk-survey-lang': 2_048,
};

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

const addon = (name) => `sdk-web/src/addons/${name}.ts`;
const survey = (name) => `sdk-web/src/survey/${name}.ts`;
/** What `/sdk.js` loads when it is asked for. */
const CHUNKS = {
  more: 'sdk-web/src/more.ts',
  autocapture: addon('autocapture'),
  vitals: addon('vitals'),
  errors: addon('errors'),
  leave: addon('leave'),
  surveys: survey('surveys-script'),
  'survey-widget': survey('widget'),
  'survey-page': survey('page'),
  ...Object.fromEntries(
    readdirSync('sdk-web/src/survey/languages').map((file) => [
      `survey-lang-${basename(file, '.ts')}`,
      `sdk-web/src/survey/languages/${file}`,
    ]),
  ),
};
const BANNERS = { vitals: '/*! with web-vitals, Copyright Google LLC, Apache-2.0 */' };
/** What bundlers import. */
const WEB_ENTRIES = {
  index: 'sdk-web/src/index.ts',
  segment: 'sdk-web/src/segment.ts',
  autocapture: addon('autocapture'),
  vitals: addon('vitals'),
  errors: addon('errors'),
  leave: addon('leave'),
  surveys: addon('surveys'),
};

/** Only the core's own names are shortened: the chunks hold other people's code too. */
const shrunk = (inner) => ({ name: 'shrink', renderChunk: (code) => shrink(code, { inner }) });

const budget = {
  name: 'budget',
  writeBundle(options) {
    const name = basename(options.file, '.js');
    const text = readFileSync(options.file);
    const gzipLimit = GZIP_BUDGET_BYTES[name.replace(/(lang)-\w+$/, '$1')];
    const limit = gzipLimit ?? BUDGET_BYTES[name];
    const bytes = gzipLimit ? gzipSync(text, { level: 9 }).length : brotliBytes(text);
    console.log(`${options.file}: ${bytes} bytes ${gzipLimit ? 'gzip' : 'brotli'}, budget ${limit}`);
    if (bytes > limit) this.error(`${options.file} is ${bytes - limit} bytes over its budget`);
  },
};

/** The published collector serves the scripts from its own folder. */
const copyScripts = {
  name: 'copy-scripts',
  writeBundle() {
    for (const file of readdirSync('sdk-web/dist'))
      if (/^(sdk|segment\.min)[-\w]*\.js$/.test(file))
        copyFileSync(`sdk-web/dist/${file}`, `collector/dist/${file}`);
  },
};

/** Threads and processes are started from files of their own. */
const copyThreads = {
  name: 'copy-threads',
  writeBundle() {
    for (const file of ['checkpoint-thread.mjs', 'copy-process.mjs'])
      copyFileSync(`collector/src/storage/sqlite/${file}`, `collector/dist/${file}`);
  },
};

const withPapers = (folder) => ({
  name: 'papers',
  writeBundle() {
    copyFileSync('LICENSE', `${folder}/dist/LICENSE`);
  },
});

/** Parts of earlier builds, whose names nothing imports any more, would be published too. */
const withoutEarlier = {
  name: 'without-earlier',
  writeBundle({ dir }, bundle) {
    for (const file of readdirSync(dir))
      if (/^chunk-.*\.js$/.test(file) && !Object.hasOwn(bundle, file)) rmSync(`${dir}/${file}`);
  },
};

/** What is built in brings its licence along. */
const withLicences = (folder, names) => ({
  name: 'licences',
  writeBundle() {
    const texts = names.map((name) => `${name}\n\n${readFileSync(`node_modules/${name}/LICENSE`, 'utf8')}`);
    writeFileSync(`${folder}/dist/LICENSES-OF-OTHERS.txt`, texts.join('\n'));
  },
});

const selfContained = {
  name: 'self-contained',
  generateBundle(_, bundle) {
    for (const { fileName, imports } of Object.values(bundle))
      if (imports?.length > 0)
        this.error(`${fileName} must import nothing, but imports ${imports.join(', ')}`);
  },
};

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
    output: { file: 'sdk-web/dist/sdk.js', format: 'iife', strict: false },
    plugins: [nodeResolve(), compile('es2021'), shrunk(true), budget, withPapers('sdk-web')],
  },
  ...Object.entries(CHUNKS).map(([name, input]) => ({
    input,
    output: { file: `sdk-web/dist/sdk-${name}.js`, format: 'es', banner: BANNERS[name] },
    plugins: [nodeResolve(), compile('es2021'), shrunk(false), budget],
  })),
  {
    input: 'sdk-web/src/segment-script.ts',
    // Everything in one file: what few pages need is rarely worth a request of its own there.
    output: { file: 'sdk-web/dist/segment.min.js', format: 'iife', inlineDynamicImports: true },
    plugins: [nodeResolve(), compile('es2021'), shrunk(false)],
  },
  {
    input: WEB_ENTRIES,
    output: {
      dir: 'sdk-web/dist',
      format: 'es',
      entryFileNames: '[name].js',
      chunkFileNames: 'chunk-[hash].js',
    },
    plugins: [nodeResolve(), compile('es2021'), withoutEarlier],
  },
  ...Object.entries(WEB_ENTRIES).map(([name, input]) => types('sdk-web', [`${name}.d.ts`], input)),
  {
    input: 'sdk-node/src/index.ts',
    external: external('sdk-node'),
    output: [
      { file: 'sdk-node/dist/index.js', format: 'es' },
      { file: 'sdk-node/dist/index.cjs', format: 'cjs', exports: 'named' },
    ],
    plugins: [nodeResolve(), compile('node20'), withPapers('sdk-node')],
  },
  {
    // For runtimes without node: modules; the build fails if it comes to import one.
    input: 'sdk-node/src/web.ts',
    output: { file: 'sdk-node/dist/web.js', format: 'es' },
    plugins: [nodeResolve(), compile('es2022'), selfContained],
  },
  types('sdk-node', ['index.d.ts', 'index.d.cts']),
  types('sdk-node', ['web.d.ts'], 'sdk-node/src/web.ts'),
  {
    input: {
      index: 'collector/src/index.ts',
      cli: 'collector/src/cli.ts',
      // A thread is started from a file of its own.
      'decode-thread': 'collector/src/http/decode-thread.ts',
      'results-thread': 'collector/src/features/surveys/results/results-thread.ts',
      'fold-thread': 'collector/src/storage/sqlite/fold-thread.ts',
    },
    // Of zod's hundred files, half of them its messages in other languages, every start would load each; types name it.
    external: (id) => !/^zod(?:\/|$)/.test(id) && external('collector')(id),
    output: {
      dir: 'collector/dist',
      format: 'es',
      entryFileNames: '[name].js',
      chunkFileNames: 'chunk-[hash].js',
    },
    plugins: [
      nodeResolve(),
      compile('node20'),
      runnable,
      copyScripts,
      copyThreads,
      withoutEarlier,
      withPapers('collector'),
      withLicences('collector', ['zod']),
    ],
  },
  types('collector'),
];
