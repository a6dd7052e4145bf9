// What browser tests share: what the collector stored, and what is on the page's disk.
// Invariant: functions that run in a page use nothing of this file.
import type { Page } from 'playwright-core';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import type { TestCollector } from '../collector.ts';

/** All messages stored, of everybody. */
export async function storedIn(collector: TestCollector): Promise<JsonObject[]> {
  const people = await collector.all<{ id: string }>('/api/profiles');
  const lists = await Promise.all(
    people.map(({ id }) => collector.all<JsonObject>(`/api/profiles/${id}/events`)),
  );
  return lists.flat();
}

export const named = (messages: readonly JsonObject[], event: string): JsonObject[] =>
  messages.filter((message) => message.event === event);

/** The property `i` of each, ascending. */
export const numbersOf = (messages: readonly JsonObject[]): number[] =>
  messages.map(({ properties }) => (properties as { i: number }).i).sort((a, b) => a - b);

/** The ids of all messages in IndexedDB and in the journals of the page's origin. */
export function idsOnDisk(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const ids = new Set<string>();
    for (const key of Object.keys(localStorage))
      if (key.startsWith('tm.j.'))
        for (const { messageId } of JSON.parse(localStorage[key]) as { messageId: string }[])
          ids.add(messageId);
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open('tm.queue');
      request.onupgradeneeded = () => request.result.createObjectStore('m');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const records = await new Promise<[string, { messageId: string }[]][]>((resolve, reject) => {
      const request = database.transaction('m').objectStore('m').getAll();
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    database.close();
    for (const [, messages] of records) for (const { messageId } of messages) ids.add(messageId);
    return [...ids];
  });
}
