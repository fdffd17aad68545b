/** Which connection gives way, with times that the test sets. */
import { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createConnections, type Connections, type Doing } from '../../src/lib/connections.ts';

const MOMENT_MS = 1_000;
const PROXY = 'proxy';

let connections: Connections;
let closed: string[];
let names: Map<Socket, string>;
beforeEach(() => {
  jest.useFakeTimers();
  closed = [];
  names = new Map();
  connections = createConnections({ few: 2, momentMs: MOMENT_MS }, (socket) => {
    closed.push(names.get(socket) ?? '');
    connections.remove(socket);
  });
});
afterEach(() => void jest.useRealTimers());

const pass = (ms: number): void => jest.advanceTimersByTime(ms);

/** So many of an owner, `name 0` and so on, a millisecond after each other. */
const come = (count: number, name: string, owner: string, doing: Doing): Socket[] =>
  Array.from({ length: count }, (_, nth) => {
    const socket = new Socket();
    names.set(socket, `${name} ${nth}`);
    connections.set(socket, owner, doing);
    pass(1);
    return socket;
  });

describe('where connections run short', () => {
  test('halves of requests give way to each other, and what the same proxy keeps stays', () => {
    come(3, 'kept', PROXY, 'kept');
    come(10, 'half', PROXY, 'half');
    pass(MOMENT_MS);
    for (let nth = 0; nth < 7; nth += 1) connections.closeIdle();
    expect(closed).toEqual(Array.from({ length: 7 }, (_, nth) => `half ${nth}`));
  });

  test('kept ones of a stranger give way before halves behind a proxy', () => {
    come(3, 'half', PROXY, 'half');
    come(4, 'stranger’s', 'stranger', 'kept');
    pass(MOMENT_MS);
    connections.closeIdle();
    expect(closed).toEqual(['stranger’s 0']);
  });

  test('what never asked gives way first, and nobody within the first moment', () => {
    come(3, 'silent', 'stranger', 'nothing');
    come(9, 'kept', PROXY, 'kept');
    connections.closeIdle();
    expect(closed).toEqual([]);
    pass(MOMENT_MS);
    come(3, 'newcomer', 'stranger', 'nothing');
    connections.closeIdle();
    expect(closed).toEqual(['silent 0']);
  });

  test('an address with a few loses none', () => {
    come(2, 'half', 'a', 'half');
    pass(MOMENT_MS);
    connections.closeIdle();
    expect(closed).toEqual([]);
  });

  test('halves give way to each other, and an older answer that the same proxy takes slowly stays', () => {
    come(1, 'slow', PROXY, 'untaken');
    come(10, 'half', PROXY, 'half');
    pass(MOMENT_MS);
    for (let nth = 0; nth < 9; nth += 1) connections.closeIdle();
    expect(closed).toEqual(Array.from({ length: 9 }, (_, nth) => `half ${nth}`));
  });

  test('what is under way is not idle', () => {
    const [first] = come(3, 'busy', PROXY, 'answer');
    come(2, 'kept', PROXY, 'kept');
    expect(connections.idle()).toBe(2);
    if (first) connections.set(first, PROXY, 'untaken');
    expect(connections.idle()).toBe(3);
    if (first) connections.remove(first);
    expect(connections.idle()).toBe(2);
  });

  test('whoever takes an answer bit by bit does so since its beginning', () => {
    const slow = come(3, 'slow', PROXY, 'untaken');
    for (let nth = 0; nth < 4; nth += 1) {
      pass(MOMENT_MS / 2);
      for (const socket of slow) connections.set(socket, PROXY, 'untaken');
    }
    connections.closeIdle();
    expect(closed).toEqual(['slow 0']);
  });
});

describe('where there is no room', () => {
  test('one goes in any case: a silent one, an idle one, a young one, at last one that is busy', () => {
    come(2, 'busy', PROXY, 'answer');
    come(1, 'half', PROXY, 'half');
    come(1, 'silent', 'stranger', 'nothing');
    pass(MOMENT_MS);
    come(1, 'newcomer', PROXY, 'nothing');
    for (let nth = 0; nth < 4; nth += 1) connections.closeOne();
    expect(closed).toEqual(['silent 0', 'half 0', 'newcomer 0', 'busy 0']);
  });

  test('of an address with more than half, and of any where none has that', () => {
    come(3, 'busy', 'loud', 'answer');
    come(2, 'kept', 'quiet', 'kept');
    pass(MOMENT_MS);
    connections.closeOne();
    expect(closed).toEqual(['busy 0']);
    connections.closeOne();
    expect(closed).toEqual(['busy 0', 'kept 0']);
  });
});
