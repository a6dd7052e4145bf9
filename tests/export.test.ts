// `tidemark export` and `import` of NDJSON, as an operator types them.
import { closeSync, existsSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { api, closed, KEYS, post, useCommandLine } from './command-line.ts';

const { path, database, launch, run, serve, store } = useCommandLine();

const definitions = {
  traits: { spent: { type: 'sum', event: 'Order', property: 'revenue' } },
  segments: { buyers: { where: { event: 'Order' } }, vip: { static: true } },
};
const NEW = (name: string) => ({ ...KEYS, TIDEMARK_DB: path(name) });
const order = (userId: string, messageId: string, revenue: number) => ({
  type: 'track',
  event: 'Order',
  userId,
  messageId,
  properties: { revenue },
});
const linesOf = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function apply(environment = KEYS as Record<string, string>): Promise<void> {
  writeFileSync(path('definitions.json'), JSON.stringify(definitions));
  expect((await run(['apply', path('definitions.json')], environment)).code).toBe(0);
}

const admin = { authorization: `Bearer ${KEYS.TIDEMARK_ADMIN_KEY}` };
const change = (url: string, method: string, at: string, body?: unknown) =>
  fetch(`${url}/api${at}`, { method, headers: admin, ...(body ? { body: JSON.stringify(body) } : {}) });

describe('export', () => {
  it('of a served file, imported into a new one, gives the same people', async () => {
    await apply();
    const { url } = await serve();
    const web = KEYS.TIDEMARK_WRITE_KEY;
    await post(url, [{ type: 'page', anonymousId: 'd1', messageId: 'p1', name: 'Home' }], web);
    await post(
      url,
      [{ type: 'identify', userId: 'ada', anonymousId: 'd1', messageId: 'i1', traits: { plan: 'pro' } }],
      web,
    );
    await post(url, [order('ada', 'o1', 20.1), order('bob', 'o2', 0.2), order('cyd', 'o3', 3)]);
    // A clock far off, corrected once and not again.
    const sentAt = new Date(Date.now() - 86_400_000).toISOString();
    await post(url, [{ ...order('bob', 'o4', 7), originalTimestamp: sentAt, sentAt }]);
    expect((await change(url, 'POST', '/profiles/merge', { from: 'cyd', into: 'ada' })).status).toBe(200);
    expect((await change(url, 'PUT', '/segments/vip/profiles/user:bob')).status).toBe(204);
    const exported = await run(['export', path('all.ndjson'), '--json']);
    expect(exported.code).toBe(0);
    expect(JSON.parse(exported.out)).toMatchObject({ file: path('all.ndjson'), messages: 6 });
    expect(statSync(path('all.ndjson')).mode & 0o777).toBe(0o600);

    const moved = await run(['import', path('all.ndjson'), '--json'], NEW('new.db'));
    expect([moved.code, JSON.parse(moved.out)]).toMatchObject([0, { accepted: 6, rejected: 0, notes: [] }]);
    expect((await run(['verify'], NEW('new.db'))).code).toBe(0);
    const there = await serve(NEW('new.db'));
    for (const id of ['user:ada', 'user:cyd', 'user:bob', 'anon:d1']) {
      const [should, is] = await Promise.all([url, there.url].map((at) => api(at, `/profiles/${id}`)));
      const keys = (profile: typeof is) =>
        ((profile?.segments ?? []) as { key: string }[]).map(({ key }) => key);
      expect({ ...is, segments: keys(is) }).toEqual({ ...should, segments: keys(should) });
    }
    expect(await api(there.url, '/profiles/user:ada')).toMatchObject({ computed: { spent: 23.1 } });
    const again = await run(['import', path('all.ndjson'), '--json'], NEW('new.db'));
    expect(JSON.parse(again.out)).toMatchObject({ accepted: 0, duplicates: 6, rejected: 0 });
  });

  it('writes plain messages for others, and only what came since', async () => {
    const { url } = await serve();
    await post(url, [order('ada', 'o1', 1)]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const since = new Date().toISOString();
    await post(url, [order('ada', 'o2', 2)]);
    const { code, out } = await run(['export', '--messages-only', '--since', since]);
    expect(code).toBe(0);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(lines).toEqual([
      { ...order('ada', 'o2', 2), timestamp: expect.any(String), receivedAt: expect.any(String) },
    ]);
    expect((await run(['export', '-', '--since', 'lately'])).err).toContain('--since');
  });

  it('overwrites nothing unless forced', async () => {
    await apply();
    writeFileSync(path('x.ndjson'), 'precious');
    expect(await run(['export', path('x.ndjson')])).toMatchObject({
      code: 1,
      err: expect.stringContaining('--force'),
    });
    expect(readFileSync(path('x.ndjson'), 'utf8')).toBe('precious');
    expect((await run(['export', path('x.ndjson'), '--force'])).code).toBe(0);
    expect(linesOf(path('x.ndjson')).map(({ type }) => type)).toEqual([
      'tidemark.export',
      'tidemark.definitions',
      'tidemark.end',
    ]);
    expect((await run(['export', database(), '--force'])).err).toContain('belongs to the database');
  });
});

describe('an export that cannot be written', () => {
  const withoutProgress = (err: string): string => err.replace(/^Exporting .*\n/gm, '');

  beforeEach(async () => {
    const lines = Array.from({ length: 3_000 }, (_, i) => JSON.stringify(order('ada', `m${i}`, 1)));
    writeFileSync(path('many.ndjson'), lines.join('\n'));
    expect((await run(['import', path('many.ndjson')], KEYS)).code).toBe(0);
  });

  async function exportTo(out: 'pipe' | number): Promise<{ code: number | null; err: string }> {
    const child = launch(['export'], KEYS, out);
    let err = '';
    child.stderr?.on('data', (chunk) => {
      err += chunk;
    });
    child.stdout?.destroy();
    return { code: await closed(child), err: withoutProgress(err) };
  }

  it('names the file and the reason, and leaves nothing', async () => {
    const { code, out, err } = await run(['export', path('nowhere', 'x.ndjson')]);
    expect([code, out]).toEqual([1, '']);
    expect(existsSync(path('nowhere'))).toBe(false);
    expect(withoutProgress(err)).toBe(
      `tidemark: ${path('nowhere', 'x.ndjson')} cannot be written: no such file or directory (ENOENT)\n`,
    );
  });

  it('says that the disk is full, also where that comes out with the last line', async () => {
    const full = openSync('/dev/full', 'w');
    const says = 'tidemark: stdout cannot be written: no space left on device (ENOSPC)\n';
    expect(await exportTo(full)).toEqual({ code: 1, err: says });
    for (const ending of ['', '-wal', '-shm']) rmSync(`${database()}${ending}`, { force: true });
    await store('ada');
    expect(await exportTo(full)).toEqual({ code: 1, err: says });
    closeSync(full);
  });

  it('ends quietly when nobody reads any more, as a tool that is killed by SIGPIPE', async () => {
    expect(await exportTo('pipe')).toEqual({ code: 141, err: '' });
  });
});

describe('import of NDJSON', () => {
  const file = (): string => path('dump.ndjson');

  it("takes Segment's and RudderStack's dumps: corrected times stand, others are corrected by their own", async () => {
    const at = (time: string) => `2026-01-0${time}:00.000Z`;
    const dump = [
      // As Segment stores them: `timestamp` is corrected, whatever the rest says.
      {
        ...order('ada', 'm1', 1),
        timestamp: at('1T10:00'),
        originalTimestamp: at('5T10:00'),
        sentAt: at('5T10:01'),
        receivedAt: at('1T10:01'),
      },
      // Not corrected yet: this clock was four days ahead.
      {
        ...order('ada', 'm2', 1),
        originalTimestamp: at('6T10:00'),
        sentAt: at('6T10:01'),
        receivedAt: at('2T10:01'),
      },
      // Nothing to correct it by: it must not be moved to today.
      { ...order('ada', 'm3', 1), originalTimestamp: at('3T10:00'), sentAt: at('3T10:01') },
      { ...order('ada', 'm4', 1), receivedAt: at('4T10:00') },
    ];
    writeFileSync(file(), `\uFEFF${dump.map((line) => JSON.stringify(line)).join('\r\n\n')}`);
    expect((await run(['import', file()], KEYS)).code).toBe(0);
    const { url } = await serve();
    const events = (await api(url, '/profiles/user:ada/events')).data as Record<string, unknown>[];
    expect(events.map(({ messageId, timestamp }) => [messageId, timestamp])).toEqual([
      ['m4', at('4T10:00')],
      ['m3', at('3T10:00')],
      ['m2', at('2T10:00')],
      ['m1', at('1T10:00')],
    ]);
    expect(events.map(({ receivedAt }) => receivedAt)).toMatchObject({ 0: at('4T10:00'), 3: at('1T10:01') });
  });

  it('keeps what it cannot take with the reason, through the collector that serves the file', async () => {
    const { url } = await serve();
    const lines = [
      JSON.stringify(order('ada', 'm1', 1)),
      '{ not json',
      '[1]',
      JSON.stringify({ type: 'track', userId: 'ada' }),
      JSON.stringify({ type: 'tidemark.operation', operation: 'join' }),
      JSON.stringify({ type: 'tidemark.listed', segment: 'none', id: 'user:ada' }),
      JSON.stringify({ ...order('x', 'big', 1), context: { text: 'x'.repeat(40_000) } }),
      JSON.stringify(order('bob', 'm2', 2)),
    ];
    writeFileSync(file(), `${lines.join('\n')}\n`);
    const dry = await run(['import', file(), '--dry-run', '--json']);
    expect([dry.code, JSON.parse(dry.out)]).toMatchObject([2, { accepted: 2, rejected: 5 }]);
    expect(existsSync(`${file()}.rejected.ndjson`)).toBe(false);
    expect(await api(url, '/profiles/user:ada')).toHaveProperty('error');
    const { code, out } = await run(['import', file(), '--json']);
    expect([code, JSON.parse(out)]).toMatchObject([2, { lines: 8, accepted: 2, rejected: 6 }]);
    const rejects = linesOf(`${file()}.rejected.ndjson`).sort((a, b) => Number(a.line) - Number(b.line));
    expect(rejects.map(({ line, code: why }) => [line, why])).toEqual([
      [2, 'invalid_json'],
      [3, 'invalid_type'],
      [4, 'missing_event'],
      [5, 'invalid_record'],
      [6, 'not_taken_over'],
      [7, 'message_too_large'],
    ]);
    expect(rejects[2]).toMatchObject({
      message: { type: 'track', userId: 'ada' },
      reason: expect.any(String),
    });
    expect(await api(url, '/profiles/user:bob')).toMatchObject({ eventCount: 1 });
    expect((await run(['verify'])).code).toBe(0);
  });

  it('reads gzip and stdin, and says when either is cut off', async () => {
    const lines = `${Array.from({ length: 3_000 }, (_, i) => JSON.stringify(order(`u${i % 7}`, `m${i}`, i))).join('\n')}\n`;
    const zipped = gzipSync(lines);
    writeFileSync(path('dump.gz'), zipped);
    expect(JSON.parse((await run(['import', path('dump.gz'), '--json'], KEYS)).out)).toMatchObject({
      accepted: 3_000,
    });
    const piped = await run(['import', '-', '--json'], NEW('piped.db'), lines);
    expect(JSON.parse(piped.out)).toMatchObject({ lines: 3_000, accepted: 3_000, resumedAt: 0 });
    writeFileSync(path('cut.gz'), zipped.subarray(0, zipped.length / 2));
    const cut = await run(['import', path('cut.gz')], NEW('cut.db'));
    expect([cut.code, cut.err]).toEqual([1, expect.stringContaining('cut off after line')]);
    expect((await run(['verify'], NEW('cut.db'))).code).toBe(0);
    await run(['export', path('all.ndjson')]);
    const whole = readFileSync(path('all.ndjson'), 'utf8').trim().split('\n');
    writeFileSync(path('short.ndjson'), `${whole.slice(0, -1).join('\n')}\n`);
    const short = await run(['import', path('short.ndjson')], NEW('short.db'));
    expect([short.code, short.err]).toEqual([1, expect.stringContaining('it was cut off')]);
  });

  it('tells a file of another kind, and flags that are for CSV', async () => {
    writeFileSync(path('orders.csv'), 'who\nada\n');
    expect((await run(['import', path('orders.csv')])).err).toContain('--csv');
    expect((await run(['import', path('none.ndjson')])).err).toContain('no file');
    expect((await run(['import', path('orders.csv'), '--event', 'E'])).err).toContain('--event is for --csv');
    expect((await run(['import'])).code).toBe(1);
  });
});
