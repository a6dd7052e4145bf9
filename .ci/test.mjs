// `npm test`: set up, then every check and every test, with one line of totals at the end.
// Invariant: a failing step never hides the others; the exit code is 0 only if all passed.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requireChromium } from './chromium.mjs';
import { install, orEnd, root, say } from './set-up.mjs';

await orEnd(install, () => {
  console.log('\n0 passed, 1 failed');
  process.exit(1);
});

const bin = (name) => join(root, 'node_modules', '.bin', name);
const totals = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

function step(name, command, args, env = {}) {
  console.log(`\n=== ${name}`);
  const start = Date.now();
  const { status } = spawnSync(command, args, {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  });
  const seconds = ((Date.now() - start) / 1000).toFixed(1);
  const passed = status === 0;
  console.log(`=== ${name}: ${passed ? 'passed' : 'FAILED'} in ${seconds} s`);
  if (!passed) failures.push(name);
  return passed;
}

function check(name, command, args) {
  if (step(name, command, args)) totals.passed++;
  else totals.failed++;
}

function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-tests-'));
  const file = join(folder, 'results.json');
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`];
  const passed = step(
    'Tests',
    bin('vitest'),
    ['run', '--config', 'tests/vitest.config.ts', ...reporters, ...args],
    {
      CHROME_PATH: chromium ?? '',
    },
  );
  if (existsSync(file)) {
    const results = JSON.parse(readFileSync(file, 'utf8'));
    totals.passed += results.numPassedTests;
    totals.failed += results.numFailedTests;
    totals.skipped += results.numPendingTests + results.numTodoTests;
    // A file that could not be loaded fails without a failed test of its own, and so may the run itself.
    const broken = results.testResults.filter(
      ({ status, assertionResults }) =>
        status === 'failed' && assertionResults.every((test) => test.status !== 'failed'),
    ).length;
    totals.failed += broken;
    if (!passed && results.numFailedTests + broken === 0) totals.failed++;
  } else totals.failed++;
  rmSync(folder, { recursive: true, force: true });
}

let chromium = null;
try {
  chromium = await requireChromium();
  say(`browser tests use ${chromium}`);
} catch (error) {
  console.error(`tidemark: ${error.message}`);
  failures.push('Chromium');
  totals.failed++;
}

const narrowed = process.argv.slice(2);
if (narrowed.length > 0) {
  runTests(narrowed);
} else {
  check('Build', 'npm', ['run', 'build', '--silent']);
  check('Types', bin('tsc'), ['-p', 'tsconfig.json', '--noEmit']);
  check('Style', bin('biome'), ['check', '.']);
  check('Bundle budgets', bin('size-limit'), []);
  for (const name of ['sdk-web', 'sdk-node', 'collector']) {
    check(`publint ${name}`, bin('publint'), ['--strict', name]);
    check(`attw ${name}`, bin('attw'), [
      '--pack',
      name,
      '--profile',
      name === 'sdk-node' ? 'node16' : 'esm-only',
    ]);
  }
  runTests([]);
}

if (failures.length > 0) console.log(`\nFailed: ${failures.join(', ')}`);
console.log(
  `\n${totals.passed} passed, ${totals.failed} failed${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}`,
);
process.exit(totals.failed === 0 && failures.length === 0 ? 0 : 1);
