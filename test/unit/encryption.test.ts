/** The key ring as it is written, and what the codec makes of payloads with it. */
import { randomBytes, randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { defaultPayloadConverter, type Payload } from '@temporalio/common';
import { apiConfig, historyKeys, NO_KEYS } from '../../src/config/index.ts';
import { encryption } from '../../src/config/encryption.ts';
import { parse } from '../../src/config/variables.ts';
import { handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { createPayloadCodec, refusalBehind } from '../../src/temporal/payload-codec.ts';
import { userIdsInSearch } from '../../src/temporal/search-attributes.ts';

const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const configOf = (keys: string, more: Record<string, string> = {}) =>
  parse({ encryption }, { KONSTRUCT_ENCRYPTION_KEYS: keys, ...more }).encryption;
const codecOf = (...keys: string[]) => createPayloadCodec(configOf(keys.join(',')).keys);

const [one, two] = [newKey('one'), newKey('two')];
const [tenant, otherTenant] = [randomUUID(), randomUUID()];
const of = (tenantId: string) => ({
  type: 'workflow' as const,
  namespace: 'default',
  workflowId: handleMessageWorkflowId(tenantId, 'm'),
});
const CLEAR = defaultPayloadConverter.toPayload({ text: 'tanzanite' });
const read = ([payload]: Payload[]): unknown => defaultPayloadConverter.fromPayload(payload ?? {});

describe('a key ring', () => {
  test.each([
    ['a', 'one'],
    ['no key', 'one:'],
    ['no id', `:${one.split(':')[1]}`],
    ['a key of 31 bytes', `one:${randomBytes(31).toString('base64')}`],
    ['a key that is no base64', `one:${'!'.repeat(44)}`],
    ['id and key exchanged', `${randomBytes(32).toString('base64')}:one`],
    ['clear as an id', newKey('clear')],
    ['an entry left out', `${one},,${two}`],
    ['the same id twice', `${one},${newKey('one')}`],
  ])('with %s is refused by name, with the cure, and shows no key', (_, written) => {
    const error = (() => {
      try {
        return configOf(written);
      } catch (thrown) {
        return String(thrown);
      }
    })();
    expect(error).toMatch(/KONSTRUCT_ENCRYPTION_KEYS has .*openssl rand -base64 32/);
    for (const part of written.split(/[:,]/).filter(({ length }) => length > 20))
      expect(error).not.toContain(part);
  });

  test('shows its keys in no log', () => {
    const config = configOf(one);
    const key = Buffer.from(one.split(':')[1] ?? '', 'base64');
    const shown = inspect(config, { depth: 10 }) + JSON.stringify([...config.keys.decrypt.values()]);
    for (const encoding of ['base64', 'hex', 'latin1'] as const)
      expect(shown).not.toContain(key.toString(encoding));
  });

  test('is clear when it is not set, and replay reads clear in any case', () => {
    const services = { DATABASE_URL: 'postgres://x', REDIS_URL: 'redis://x', TEMPORAL_ADDRESS: 'x:7233' };
    expect(apiConfig(services).encryption).toEqual({ keys: NO_KEYS, hashUserIds: false });
    expect(configOf(one).keys.readsClear).toBe(false);
    expect(historyKeys({ KONSTRUCT_ENCRYPTION_KEYS: one }).readsClear).toBe(true);
  });
});

describe('the codec', () => {
  test('gives back what it was given, and shows nothing of it', async () => {
    const codec = codecOf(one);
    const written = await codec.encode([CLEAR, CLEAR], of(tenant));
    expect(read(await codec.decode(written, of(tenant)))).toEqual({ text: 'tanzanite' });
    for (const { data } of written) expect(Buffer.from(data ?? []).toString('latin1')).not.toContain('tanz');
    expect(Buffer.from(written[0]?.data ?? [])).not.toEqual(Buffer.from(written[1]?.data ?? []));
  });

  test('is turned in three steps, and reads what is open at each', async () => {
    const steps = [codecOf(one), codecOf(one, two), codecOf(two, one)];
    const written = await Promise.all(steps.map((codec) => codec.encode([CLEAR], of(tenant))));
    // Processes are restarted one by one: two neighbouring steps run at the same time.
    for (const [step, codec] of [...steps, codecOf(two)].entries()) {
      for (const before of written.slice(Math.max(0, step - 1), step + 1)) {
        if (step === 3 && before !== written[2]) continue;
        expect(read(await codec.decode(before, of(tenant)))).toEqual({ text: 'tanzanite' });
      }
    }
    await expect(codecOf(two).decode(written[0] ?? [], of(tenant))).rejects.toThrow(
      /encrypted with the key "one", which this process lacks.*KONSTRUCT_ENCRYPTION_KEYS/,
    );
  });

  test('can be brought into a system that has none', async () => {
    const codec = codecOf(one, 'clear');
    expect(read(await codec.decode([CLEAR], of(tenant)))).toEqual({ text: 'tanzanite' });
    const written = await codec.encode([CLEAR], of(tenant));
    expect(read(await codecOf('clear', one).decode(written, of(tenant)))).toEqual({ text: 'tanzanite' });
  });

  test.each([
    ['in clear', async () => [CLEAR]],
    ['with another key of that id', () => codecOf(newKey('one')).encode([CLEAR], of(tenant))],
    ['of another tenant', () => codecOf(one).encode([CLEAR], of(otherTenant))],
    ['of no tenant', () => codecOf(one).encode([CLEAR])],
    [
      'of a tenant by its own word alone',
      async () => changed(await encodedFor(otherTenant), { 'tenant-id': tenant }),
    ],
    [
      'of a key by its own word alone',
      async () => changed(await encodedFor(tenant), { 'encryption-key-id': 'two' }),
    ],
    ['cut off', async () => cut(await encodedFor(tenant), -1)],
    ['empty', async () => cut(await encodedFor(tenant), 0)],
  ])('refuses a payload %s', async (_, payloads) => {
    const refused: unknown = await codecOf(one, two)
      .decode(await payloads(), of(tenant))
      .catch((error: unknown) => error);
    expect(refusalBehind(new Error('outer', { cause: refused }))).toBe(refused);
  });

  test('without keys says what is missing', async () => {
    await expect(createPayloadCodec(NO_KEYS).decode(await encodedFor(tenant))).rejects.toThrow(/lacks/);
  });

  test('opens nothing of a tenant for whoever does not say which, but for the operator', async () => {
    const payloads = await encodedFor(tenant);
    await expect(codecOf(one).decode(payloads)).rejects.toThrow(/another tenant/);
    await expect(codecOf(one).decode(payloads, of('no tenant'))).rejects.toThrow(/another tenant/);
    const eyes = createPayloadCodec(configOf(one).keys, { ofAnyTenant: true });
    expect(read(await eyes.decode(payloads))).toEqual({ text: 'tanzanite' });
  });

  const encodedFor = (tenantId: string) => codecOf(one).encode([CLEAR], of(tenantId));
  const changed = ([payload]: Payload[], metadata: Record<string, string>): Payload[] => [
    {
      ...payload,
      metadata: {
        ...payload?.metadata,
        ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, Buffer.from(value)])),
      },
    },
  ];
  const cut = ([payload]: Payload[], end: number): Payload[] => [
    { ...payload, data: payload?.data?.slice(0, end) ?? null },
  ];
});

describe('user ids in search attributes', () => {
  const ada = { tenantId: tenant, userId: 'ada' };
  test('are readable unless they are hashed', () => {
    expect(userIdsInSearch(configOf(one), ada)).toEqual(['ada']);
    expect(() => configOf('clear', { KONSTRUCT_HASH_USER_IDS: '1' })).toThrow(
      /KONSTRUCT_HASH_USER_IDS needs/,
    );
  });

  test('are hashed by tenant, and those of an older key are still known', () => {
    const hashes = (keys: string, who = ada) =>
      userIdsInSearch(configOf(keys, { KONSTRUCT_HASH_USER_IDS: '1' }), who);
    const [before] = hashes(one);
    expect(before).toMatch(/^[\w-]{43}$/);
    expect(hashes(one)).toEqual([before]);
    expect(hashes(`${two},${one}`)).toEqual([hashes(two)[0], before]);
    expect(hashes(one, { ...ada, tenantId: otherTenant })).not.toEqual([before]);
  });
});
