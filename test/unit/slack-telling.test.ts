/** How people are told that one of them is to take over: threads are read in turn, and it may break off. */
import type { WebClient } from '@slack/web-api';
import { expect, test } from '@jest/globals';
import { pino } from 'pino';
import { tellPeople, type Telling } from '../../src/channels/slack/handover/tell-people.ts';
import { createFairPlaces } from '../../src/lib/fair-places.ts';

/** Slack, as far as it is called; `answered` ends the pages that are being read. */
function slack() {
  const seen = { reading: 0, most: 0, posted: [] as string[] };
  const pages = Promise.withResolvers<undefined>();
  const client = {
    chat: {
      getPermalink: async () => ({ permalink: 'https://acme.slack.com/1' }),
      postMessage: async ({ channel }: { channel: string }) => void seen.posted.push(channel),
    },
    conversations: {
      replies: async () => {
        seen.reading += 1;
        seen.most = Math.max(seen.most, seen.reading);
        await pages.promise;
        seen.reading -= 1;
        return { messages: [{ ts: '1700000000.000100', text: 'hello' }] };
      },
    },
  } as unknown as WebClient;
  return { client, seen, answered: () => pages.resolve(undefined) };
}

const telling = (client: WebClient, more: Partial<Telling>): Telling => ({
  client,
  place: { team: 'T1', channel: 'C1', threadTs: '1700000000.000100' },
  threadId: 'slack:T1:C1:1700000000.000100',
  agentName: 'Mara',
  people: ['UONE', 'UTWO'],
  asker: 'UASKER',
  said: [{ text: 'at hand' }],
  told: new Set(),
  note: async () => undefined,
  log: pino({ level: 'silent' }),
  signal: undefined,
  readInTurn: (_, read) => read(),
  ...more,
});

test('no more threads are read at once than there are places', async () => {
  const { client, seen, answered } = slack();
  const places = createFairPlaces(3);
  const owner = { tenantId: 't', userId: 'u' };
  const readInTurn: Telling['readInTurn'] = (until, read) => places(owner, until, read);
  const all = Array.from({ length: 12 }, () => tellPeople(telling(client, { readInTurn })));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(seen.reading).toBe(3);
  answered();
  await Promise.all(all);
  expect(seen.most).toBe(3);
  expect(seen.posted.filter((channel) => channel === 'UTWO')).toHaveLength(12);
});

test('where there is no place in time, they are told what is at hand', async () => {
  const { client, seen } = slack();
  const readInTurn: Telling['readInTurn'] = () => Promise.reject(new Error('no place'));
  await tellPeople(telling(client, { readInTurn }));
  expect(seen.posted).toEqual(['C1', 'UONE', 'UTWO']);
});

test('it breaks off between two calls, and says so', async () => {
  const { client, seen, answered } = slack();
  const ending = new AbortController();
  const note = async (whom: string) => void (whom === 'UONE' && ending.abort(new Error('late')));
  answered();
  await expect(tellPeople(telling(client, { signal: ending.signal, note }))).rejects.toThrow('late');
  expect(seen.posted).toEqual(['C1', 'UONE']);
});
