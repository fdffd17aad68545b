import { expect, test } from '@jest/globals';
import { createRoom, type Held } from '../../src/lib/room.ts';

function room(bytes: number) {
  const { hold, hasShare } = createRoom(bytes);
  const gone: string[] = [];
  const held = (owner: string, name: string, size: number): Held => {
    const one = hold(owner, () => void gone.push(name));
    one.set(size);
    return one;
  };
  return { held, hasShare, gone };
}

test('of more than there is room for, who holds the most loses what is there for longest', () => {
  const { held, gone } = room(100);
  held('loud', 'first', 40);
  held('loud', 'second', 40);
  held('quiet', 'third', 20);
  expect(gone).toEqual([]);
  held('newcomer', 'fourth', 30);
  expect(gone).toEqual(['first']);
  held('newcomer', 'fifth', 90);
  // Both the loud one's rest and what made it too much: the newcomer holds the most by then.
  expect(gone).toEqual(['first', 'fourth', 'fifth']);
});

test('what grows counts as it is, and what has gone counts no more', () => {
  const { held, gone } = room(100);
  const growing = held('a', 'growing', 10);
  const other = held('b', 'other', 50);
  growing.set(60);
  expect(gone).toEqual(['growing']);
  growing.set(1_000);
  growing.end();
  held('a', 'next', 50);
  expect(gone).toEqual(['growing']);
  other.set(0);
  held('a', 'last', 50);
  expect(gone).toEqual(['growing']);
  other.end();
  other.set(1_000);
  expect(gone).toEqual(['growing']);
});

test('a share is half of the room, divided by those who hold something', () => {
  const { held, hasShare } = room(100);
  expect(hasShare('a')).toBe(false);
  const own = held('a', 'own', 49);
  expect(hasShare('a')).toBe(false);
  own.set(50);
  expect(hasShare('a')).toBe(true);
  own.set(26);
  const other = held('b', 'other', 1);
  expect([hasShare('a'), hasShare('b'), hasShare('c')]).toEqual([true, false, false]);
  other.end();
  expect(hasShare('a')).toBe(false);
});

test('what is another’s from now on counts as that one’s latest', () => {
  const { held, hasShare, gone } = room(100);
  const early = held('address', 'early', 40);
  held('tenant', 'own', 20);
  early.moveTo('tenant');
  expect([hasShare('address'), hasShare('tenant')]).toEqual([false, true]);
  held('address', 'late', 50);
  expect(gone).toEqual(['own']);
  early.set(0);
  early.moveTo('address');
  held('tenant', 'last', 50);
  early.end();
  early.moveTo('tenant');
  expect(gone).toEqual(['own']);
  early.set(1_000);
  expect(gone).toEqual(['own']);
});
