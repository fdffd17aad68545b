import { expect, test } from '@jest/globals';
import { withoutHandOverMark, withoutMarkSoFar } from '../../src/domain/hand-over.ts';

const AGENT = { escalation: { people: ['U1'] } };

test('while a reply grows nobody sees the mark, nor a part of it', () => {
  const reply = 'Somebody will see to it.\n\n[[human]]';
  for (let length = 0; length <= reply.length; length += 1) {
    expect(withoutMarkSoFar(reply.slice(0, length), AGENT)).not.toContain('[');
  }
  expect(withoutMarkSoFar('see [the docs](x)', AGENT)).toBe('see [the docs](x)');
  expect(withoutMarkSoFar('[[human]', { escalation: { people: [] } })).toBe('[[human]');
});

test('the mark counts as the last line of a whole reply', () => {
  expect(withoutHandOverMark('Wait.\n[[human]]', AGENT)).toEqual({ text: 'Wait.', wantsPerson: true });
  expect(withoutHandOverMark('Wait.\n[[huma', AGENT)).toEqual({ text: 'Wait.\n[[huma', wantsPerson: false });
});
