// `tidemark doctor`: looks at the machine, the settings and the file, and says what to do.
// Invariant: reads only, and works while a collector serves the file.
import { type Command, type Environment, type Flags, print, tell } from './command.ts';
import { checkDefinitions } from './doctor-definitions.ts';
import { checkFile } from './doctor-file.ts';
import { checkMachine, checkSettings } from './doctor-settings.ts';
import { type Finding, fail } from './finding.ts';
import { messageOf, type Overrides, readSettings, type Settings } from './settings.ts';

export const doctor: Command = { flags: { quick: { type: 'boolean' } }, judge: runDoctor };

/** Settings that cannot be read are a finding too. */
async function runDoctor(flags: Flags, environment: Environment, overrides: Overrides): Promise<number> {
  const findings: Finding[] = [...checkMachine()];
  const settings = settingsOr(findings, environment, overrides);
  if (settings) {
    findings.push(checkDefinitions(settings), ...checkSettings(settings));
    findings.push(...(await checkFile(settings, { quick: flags.quick === true })));
  }
  const worst = findings.some(({ status }) => status === 'fail');
  if (flags.json === true) print(`${JSON.stringify({ ok: !worst, findings })}\n`);
  else for (const finding of findings) print(lineOf(finding));
  if (worst) tell('Something must be mended: see the lines that begin with fail.\n');
  return worst ? 1 : 0;
}

function settingsOr(
  findings: Finding[],
  environment: Environment,
  overrides: Overrides,
): Settings | undefined {
  try {
    return readSettings(environment, overrides);
  } catch (error) {
    findings.push(fail('settings', messageOf(error), 'set the variable right; nothing starts until then'));
    return undefined;
  }
}

const WIDTH = 14;

function lineOf({ check, status, says, advice }: Finding): string {
  const head = `${status.padEnd(4)}  ${check.padEnd(WIDTH)}  ${says}\n`;
  return advice === undefined ? head : `${head}${' '.repeat(WIDTH + 8)}${advice}\n`;
}
