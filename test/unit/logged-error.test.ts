import { Writable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { createLogger } from '../../src/lib/process.ts';
import { sdkLogger } from '../../src/worker/sdk-logger.ts';

const WORDS = 'my secret words';

/** What a log writes, a line each. */
function logging() {
  const lines: Array<Record<string, unknown>> = [];
  const to = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Record<string, unknown>);
      done();
    },
  });
  return { log: createLogger('worker', 'info', to), lines };
}

/** As ioredis makes them, and pg: with what was asked for. */
function failures(): Error[] {
  const redis = new Error('OOM command not allowed when used memory > maxmemory');
  const postgres = new Error('value too long');
  return [
    Object.assign(redis, { name: 'ReplyError', command: { name: 'eval', args: [WORDS] } }),
    Object.assign(postgres, { code: '22001', detail: WORDS, where: WORDS, parameters: [WORDS] }),
    new Error('no reply was made', {
      cause: Object.assign(new Error('within'), { request: { body: WORDS } }),
    }),
  ];
}

test('a log says what failed, and nothing of what was asked for', () => {
  const { log, lines } = logging();
  for (const error of failures()) {
    log.warn({ err: error }, 'it failed');
    sdkLogger(log).warn('Activity failed', { error, activityType: 'appendTurn' });
  }
  expect(JSON.stringify(lines)).not.toContain(WORDS);
  expect(lines.map(({ err, error }) => err ?? error)).toMatchObject([
    ...Array.from({ length: 2 }, () => ({ type: 'ReplyError', message: expect.stringMatching(/^OOM/) })),
    ...Array.from({ length: 2 }, () => ({ code: '22001', message: 'value too long' })),
    ...Array.from({ length: 2 }, () => ({ message: 'no reply was made', cause: { message: 'within' } })),
  ]);
  for (const { err, error } of lines)
    expect(err ?? error).toHaveProperty('stack', expect.stringContaining(' at '));
});

test('what is thrown and is no error is told without its fields', () => {
  const { log, lines } = logging();
  log.warn({ err: { body: WORDS } }, 'it failed');
  log.warn({ err: 'a reason' }, 'it failed');
  expect(lines.map(({ err }) => err)).toEqual(['[object Object]', 'a reason']);
});

test('errors that cause each other without an end are told to some depth', () => {
  const [first, second] = [new Error('first'), new Error('second')];
  first.cause = second;
  second.cause = first;
  const { log, lines } = logging();
  log.warn({ err: first }, 'it failed');
  expect(JSON.stringify(lines).match(/"message":"(?:first|second)"/g)).toHaveLength(11);
});
