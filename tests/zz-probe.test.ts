import { it } from 'vitest';
import { withCollector, T0 } from './collector.ts';
const D: Record<string, any> = {};
it('values', async () => {
  await withCollector({ file: true }, async (c) => {
    await c.define({
      traits: {
        mf: { type: 'most_frequent', event: 'e', property: 'v' }, ul: { type: 'unique_list', event: 'e', property: 'v' },
        uc: { type: 'unique_count', event: 'e', property: 'v' }, sum: { type: 'sum', event: 'e', property: 'v' },
        avg: { type: 'avg', event: 'e', property: 'v' }, min: { type: 'min', event: 'e', property: 'v' },
        fw: { type: 'first', event: 'e', property: 'v', within: '1d' },
      },
      segments: { city: { where: { trait: 'address.city', op: 'eq', value: 'Oslo' } }, flat: { where: { trait: 'a.b', op: 'eq', value: 1 } }, cons: { where: { trait: 'constructor', op: 'exists' } } },
    });
    const cases: [string, string[]][] = [
      ['mixed', ['1', '"1"', 'true', '"true"', '[1]', '{"b":1,"a":2}', '{"a":2,"b":1}', '1.0']],
      ['huge', ['1e400', '1e21', '0.1', '-1e21', '5e-324']],
      ['over', ['1e308', '1e308', '1e308']],
      ['neg0', ['-0', '0']],
      ['strs', ['" 5"', '"5."', '".5"', '"0x10"', '"1_000"', '"Infinity"', '"NaN"', '"1e5"', '"+3"', '"١"']],
    ];
    for (const [u, vs] of cases) {
      const body = `{"batch":[${vs.map((v, i) => `{"type":"track","event":"e","userId":"${u}","timestamp":${T0 - 100 + i},"properties":{"v":${v}}}`).join(',')}]}`;
      const a = await c.fetch('/v1/batch?writeKey=wk_web_for_tests', { method: 'POST', body });
      console.log(u, a.status, a.text.slice(0, 200));
      console.log(JSON.stringify((await c.profile('user:' + u))?.computed));
    }
    await c.send('web', [{ type: 'identify', userId: 't', traits: { address: { city: 'Oslo' }, 'a.b': 1 } }]);
    console.log(JSON.stringify((await c.profile('user:t'))?.segments));
  });
});
it('long history', async () => {
  await withCollector({ file: true }, async (c) => {
    await c.define({ traits: { n: { type: 'count', event: 'e', within: '30d' }, ul: { type: 'unique_list', event: 'e', property: 'v' }, mf: { type: 'most_frequent', event: 'e', property: 'v' } }, segments: { s: { where: { event: 'e', within: '7d', count: { op: 'gte', value: 3 } } } } });
    const N = 40000;
    let t = performance.now();
    for (let i = 0; i < N; i += 2000) {
      await c.send('web', Array.from({ length: 2000 }, (_, j) => ({ type: 'track', event: 'e', userId: 'u', timestamp: T0 - (N - i - j) * 60_000, properties: { v: `v${i + j}` } })));
      if (i % 10000 === 0) { console.log(i, ((performance.now() - t) / 2000).toFixed(3), 'ms per message'); }
      t = performance.now();
    }
    const time = async (what: string, f: () => Promise<unknown>) => { const s = performance.now(); await f(); console.log(what, (performance.now() - s).toFixed(1)); };
    await time('newest', () => c.send('web', [{ type: 'track', event: 'e', userId: 'u', properties: { v: 'x' } }]));
    await time('newest again', () => c.send('web', [{ type: 'track', event: 'e', userId: 'u', properties: { v: 'x' } }]));
    await time('late', () => c.send('web', [{ type: 'track', event: 'e', userId: 'u', timestamp: T0 - 3e9, properties: { v: 'y' } }]));
    await time('very late', () => c.send('web', [{ type: 'track', event: 'e', userId: 'u', timestamp: T0 - 3e10, properties: { v: 'y' } }]));
    await time('read', () => c.profile('user:u'));
    c.advance(3 * 86400_000);
    await time('read after 3d', () => c.profile('user:u'));
    await time('link device', () => c.send('web', [{ type: 'track', event: 'e', userId: 'u', anonymousId: 'd' }]));
    await time('anon late', () => c.send('web', [{ type: 'track', event: 'e', anonymousId: 'd', timestamp: T0 - 1e9 }]));
    await time('second user on device, in the past', () => c.send('web', [{ type: 'track', event: 'e', userId: 'u2', anonymousId: 'd', timestamp: T0 - 2e9 }]));
    await time('alias server', () => c.send('server', [{ type: 'alias', previousId: 'u', userId: 'u3' }]));
    await time('read merged', () => c.profile('user:u3'));
    await time('put', async () => { await c.define({ traits: { z: { type: 'sum', event: 'e', property: 'v' } } }); });
  });
});
