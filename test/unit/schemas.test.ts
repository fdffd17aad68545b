import { describe, expect, test } from '@jest/globals';
import { Problem } from '../../src/api/problems.ts';
import { agentChangesBody, newAgentBody, validate } from '../../src/api/schemas.ts';
import { messageBody } from '../../src/channels/http/index.ts';

function refused(schema: Parameters<typeof validate>[0], value: unknown): Problem {
  try {
    validate(schema, value, 'body');
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a message', () => {
  test('is accepted unchanged, without unknown fields', () => {
    const message = { userId: 'ada', text: '  Hi there \n', threadId: 't:1' };
    expect(validate(messageBody, { ...message, later: 1 }, 'body')).toEqual(message);
  });

  test('32,000 characters are accepted, in any script', () => {
    for (const character of ['x', '日', '🎉']) {
      expect(
        validate(messageBody, { userId: 'u', text: character.repeat(32_000) }, 'body').text,
      ).toHaveLength(character.length * 32_000);
    }
  });

  test.each([
    [undefined, 'body', 400],
    ['text', 'body', 400],
    [[], 'body', 400],
    [{ text: 'hi' }, 'userId', 400],
    [{ userId: 7, text: 'hi' }, 'userId', 400],
    [{ userId: '', text: 'hi' }, 'userId', 400],
    [{ userId: 'a\u0007', text: 'hi' }, 'userId', 400],
    [{ userId: 'x'.repeat(201), text: 'hi' }, 'userId', 400],
    [{ userId: '.', text: 'hi' }, 'userId', 400],
    [{ userId: '..', text: 'hi' }, 'userId', 400],
    [{ userId: 'u', text: 'hi', threadId: '..' }, 'threadId', 400],
    [{ userId: 'u' }, 'text', 400],
    [{ userId: 'u', text: null }, 'text', 400],
    [{ userId: 'u', text: '' }, 'text', 400],
    [{ userId: 'u', text: ' \n\t' }, 'text', 400],
    [{ userId: 'u', text: 'a\u0000b' }, 'text', 400],
    [{ userId: 'u', text: 'a\udc00b' }, 'text', 400],
    [{ userId: 'u', text: 'x'.repeat(32_001) }, 'text', 413],
    [{ userId: 'u', text: '🎉'.repeat(32_001) }, 'text', 413],
    [{ userId: 'u', text: 'hi', threadId: 5 }, 'threadId', 400],
    [{ userId: 'u', text: 'hi', threadId: '' }, 'threadId', 400],
  ])('%j is refused, naming %s', (body, field, status) => {
    const problem = refused(messageBody, body);
    expect(problem.status).toBe(status);
    expect(problem.members).toEqual({ errors: [{ field, problem: expect.any(String) }] });
    expect(problem.message.startsWith(field)).toBe(true);
  });
});

describe('an agent', () => {
  test('needs a name; a misspelt field is an error that names it', () => {
    expect(refused(newAgentBody, {}).message).toBe('name is required');
    expect(refused(agentChangesBody, { personna: 'x' }).message).toBe('personna is not a known field');
    expect(refused(agentChangesBody, { recall: { topK: 99 } }).message).toMatch(/^recall\.topK /);
  });
});
