import { it } from 'vitest';
import { T0, withCollector } from './collector.ts';
it('x', async () => {
  await withCollector({}, async (c) => {
    await c.define({ segments: { big: { where: { event: 'Big' } } }, surveys: { s: { name: 'S', questions: [
      { id: 'nps', type: 'nps', title: 'n' }, { id: 'why', type: 'open_text', title: 'w' }, { id: 'pick', type: 'multiple_choice', title: 'p', options: ['a','b'], other: true },
      { id: 'k', type: 'kano', title: 'k' }, { id: 'p', type: 'price_sensitivity', title: 'k' }, {id:'r', type:'ranking', title:'r', options:['a','b','c']} ] } } });
    const m = [];
    for (let i = 0; i < 40; i++) {
      m.push({ type: 'survey', surveyId: 's', messageId: `m${i}`, userId: `u${i}`, timestamp: new Date(T0).toISOString(), answers: { nps: i % 12, why: i % 2 ? 'export is too slow for large files' : 'love the support team', pick: i%3?['a']:['a','zzz'], k: {functional:'like', dysfunctional:'dislike'}, p: {tooCheap: i, cheap: i+5, expensive: i+10, tooExpensive: i+20}, r: ['b','a'] } });
      if (i % 2) m.push({ type: 'track', event: 'Big', messageId: `t${i}`, userId: `u${i}`, timestamp: new Date(T0).toISOString() });
    }
    await c.send('server', m);
    const a = await c.api('GET', '/api/surveys/s/results?by=big');
    console.log(a.status, JSON.stringify(a.json, null, 1));
  });
});
