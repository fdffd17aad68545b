/** Which errors say that Postgres is out of reach or can't do its work, and which are others'. */
import { expect, test } from '@jest/globals';
import { ServiceError } from '@temporalio/client';
import { isDatabaseAway, isDatabaseUnable, isStandstill, isStatementTimeout } from '../../src/db/outage.ts';
import { reach, setbackOf, UnavailableError } from '../../src/intake/availability.ts';

const withCode = (code: string): Error => Object.assign(new Error('no'), { code });

const OF_SERVER = [
  ...['08006', '25006', '28000', '28P01', '3D000', '53000', '53100', '53200', '53300'],
  ...['57P01', '57P02', '57P03', '57P05', '58000', '58030', '58P01'],
  ...['ECONNREFUSED', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'EHOSTDOWN', 'EPIPE'],
  ...['ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'EMFILE', 'ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END'],
  ...['CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN'],
  ...['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'ERR_TLS_CERT_ALTNAME_INVALID', 'CRL_HAS_EXPIRED', 'INVALID_CA'],
];
const OF_STATEMENT = [
  ...['0A000', '21000', '22021', '22P02', '23505', '25P02', '26000', '40001', '40P01', '42501', '42601'],
  ...[
    '08P01',
    '25P03',
    '25P04',
    '42P01',
    '53400',
    '54000',
    '55P03',
    '57014',
    'P0001',
    'XX000',
    'ENOENT',
    'ERR_INVALID_ARG_TYPE',
  ],
];

test.each(OF_SERVER)('%s is of the server', (code) => expect(isDatabaseAway(withCode(code))).toBe(true));
test.each(OF_STATEMENT)('%s is not', (code) => expect(isDatabaseAway(withCode(code))).toBe(false));

test.each([
  'timeout expired',
  'timeout exceeded when trying to connect',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Query read timeout',
  'Client has encountered a connection error and is not queryable',
  'The server does not support SSL connections',
  'SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match',
])('so is what the driver says: %s', (message) => expect(isDatabaseAway(new Error(message))).toBe(true));

test.each(['ENOENT', 'EACCES', 'EPERM', 'ENFILE', 'ENOBUFS'])('%s is, where a connection fails', (code) => {
  const of = (syscall: string) => Object.assign(withCode(code), { syscall });
  expect([of('connect'), of('open')].map(isDatabaseAway)).toEqual([true, false]);
});

test('so is what ends the connection, whatever its code', () => {
  const severe = (severity: string) => Object.assign(withCode('XX000'), { severity });
  expect([severe('FATAL'), severe('ERROR')].map(isDatabaseAway)).toEqual([true, false]);
});

test('but not the end of a transaction in which this process stood still, which passes all the same', () => {
  const ended = Object.assign(withCode('25P03'), { severity: 'FATAL' });
  expect([isStandstill(ended), isDatabaseAway(ended)]).toEqual([true, false]);
  expect(setbackOf(ended)).toEqual({ kind: 'unavailable', service: 'The database' });
});

test('an error of ours is no outage, and no tenant is told of one', async () => {
  const ours = [
    new TypeError('x is not a function'),
    new RangeError('no'),
    new Error('a bug'),
    'a text',
    null,
  ];
  expect(ours.map(isDatabaseAway)).toEqual(ours.map(() => false));
  expect(ours.map(setbackOf)).toEqual(ours.map(() => undefined));
  const work = Promise.reject(new TypeError('x is not a function'));
  await expect(reach('The database', Date.now() + 1_000, work)).rejects.toThrow(TypeError);
});

test('a statement whose time is over is no outage, and worth another try of the message', () => {
  expect(isStatementTimeout(withCode('57014'))).toBe(true);
  expect(setbackOf(withCode('57014'))).toEqual({ kind: 'unavailable', service: 'The database' });
});

test.each(['25006', '53100', '58030'])('%s proves by itself that nobody’s message can be written', (code) => {
  const proven = { kind: 'unavailable', service: 'The database', isProven: true };
  const cause = withCode(code);
  expect(isDatabaseUnable(cause)).toBe(true);
  expect(setbackOf(cause)).toEqual(proven);
  expect(setbackOf(new UnavailableError('The database', { cause }))).toEqual(proven);
});

test('so does Temporal, and a call of it that is late proves nothing', () => {
  const start = (code: number) =>
    new ServiceError('Failed to start Workflow', {
      cause: Object.assign(new Error(), { code, details: '', metadata: {} }),
    });
  const unavailable = { kind: 'unavailable', service: 'Temporal' };
  const [cause, late] = [start(14), start(4)];
  expect(setbackOf(new UnavailableError('Temporal', { cause }))).toEqual({ ...unavailable, isProven: true });
  expect(setbackOf(new UnavailableError('Temporal', { cause: late }))).toEqual(unavailable);
  expect(setbackOf(new UnavailableError('Temporal'))).toEqual(unavailable);
});

test.each(['ECONNREFUSED', '53200', '53300', '57014', '23505'])('%s may be one tenant’s doing', (code) =>
  expect(isDatabaseUnable(withCode(code))).toBe(false),
);
