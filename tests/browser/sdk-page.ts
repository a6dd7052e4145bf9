// What browser tests share: what the collector stored, and what is on the page's disk.
// Invariant: functions that run in a page use nothing of this file.
import type { Page } from 'playwright-core';
import type { JsonObject } from '../../collector/src/wire/message.ts';
import type { TestCollector } from '../collector.ts';

/** All messages stored, of everybody who is listed. */
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
export async function idsOnDisk(page: Page): Promise<string[]> {
  const lines = (await textsOnDisk(page)).flatMap((text) => text.split('\n').filter(Boolean));
  // Contexts are lists of one.
  const items = lines.map((line) => JSON.parse(line) as { messageId?: string });
  return [...new Set(items.map(({ messageId }) => messageId).filter((id) => id !== undefined))];
}

/** Bytes of all messages that the page's origin keeps, contexts and journals included. */
export async function bytesOnDisk(page: Page): Promise<number> {
  return (await textsOnDisk(page)).reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function textsOnDisk(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const journals = Object.keys(localStorage).filter((key) => key.startsWith('tm.j.'));
    const database = await new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open('tm.queue');
      request.onupgradeneeded = () => request.result.createObjectStore('m');
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    const records = await new Promise<string[]>((resolve, reject) => {
      const request = database.transaction('m').objectStore('m').getAll();
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    database.close();
    // A journal may have gone into a record meanwhile.
    const left = journals.map((key) => localStorage.getItem(key)).filter((text) => text !== null);
    return [...records, ...left];
  });
}

/** Writes a record, a message a line after a line with their context, as an earlier page would have left it. */
export function leaveRecord(page: Page, writeKey: string, text: string, number = 1): Promise<void> {
  return page.evaluate(
    async ([owner, value, key]) => {
      const database = await new Promise<IDBDatabase>((resolve) => {
        const request = indexedDB.open('tm.queue');
        request.onupgradeneeded = () => request.result.createObjectStore('m');
        request.onsuccess = () => resolve(request.result);
      });
      const transaction = database.transaction('m', 'readwrite');
      transaction.objectStore('m').put(value, `${owner}.${key}.${value.length}`);
      await new Promise((resolve) => (transaction.oncomplete = resolve));
      database.close();
    },
    [`${writeKey}.0123456789ab`, text, number] as const,
  );
}
