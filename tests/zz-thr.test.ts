import { expect, it } from 'vitest';
import { burstScript, script } from '/work/wt-build/tests/oracle/draw-script.ts';
import { judge, reportOf, scriptsFrom } from '/work/wt-build/tests/oracle/law.ts';

it('all threaded', async () => {
  let run = 0;
  const t = performance.now();
  for (const which of [script, burstScript]) {
    run = 0;
    for (const steps of scriptsFrom(which, Number(process.env.SEED ?? 5))) {
      if (++run > 40) break;
      const s = [{ do: 'open', threads: true } as const, ...steps.filter((x) => x.do !== 'open')];
      const v = await judge(s);
      if (v.fault) {
        console.log(run, v.fault);
        expect.fail(await reportOf(s));
      }
    }
  }
  console.log('ms a script', (performance.now() - t) / 80);
}, 600000);
