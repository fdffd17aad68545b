import { expect, test } from '@jest/globals';
import { passwordVerifier } from '../../src/db/password-verifier.ts';

test('is Postgres’ form of what SCRAM computes', async () => {
  // Salt, rounds and password of RFC 7677's example.
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
  expect(await passwordVerifier('pencil', salt)).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$' +
      'WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  );
});

test('is another one each time, and of a password the same however it is written', async () => {
  expect(await passwordVerifier('pencil')).not.toBe(await passwordVerifier('pencil'));
  const salt = Buffer.alloc(16);
  const [composed, apart] = ['caf\u00E9 1', 'cafe\u0301\u00A01\u00AD'];
  expect(await passwordVerifier(apart, salt)).toBe(await passwordVerifier(composed, salt));
});
