import { expect, test } from '@jest/globals';
import type { WebClient } from '@slack/web-api';
import { createNameLookup } from '../../src/channels/slack/inbound/names.ts';

/** Slack, as one installation of the app sees it. */
function seenBy(tenantId: string, name: string | undefined) {
  let asked = 0;
  const info = () => {
    asked += 1;
    return name === undefined ? Promise.reject(new Error('user_not_found')) : { user: { real_name: name } };
  };
  return { tenantId, client: { users: { info } } as unknown as WebClient, asked: () => asked };
}

test('what one tenant learns of a person another does not, and keeps it from nobody', async () => {
  const lookUp = createNameLookup();
  const [first, second, third] = [seenBy('1', 'Ada'), seenBy('2', undefined), seenBy('3', 'Ada Lovelace')];
  const nameFor = async (tenant: typeof first) => (await lookUp(tenant, 'T1', ['U1'], 1_000)).get('U1');
  for (let nth = 0; nth < 2; nth += 1) {
    expect([await nameFor(second), await nameFor(first), await nameFor(third)]).toEqual([
      undefined,
      'Ada',
      'Ada Lovelace',
    ]);
  }
  expect([first.asked(), second.asked(), third.asked()]).toEqual([1, 1, 1]);
});
