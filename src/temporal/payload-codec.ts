/**
 * Encrypts what goes into Temporal's histories, and reads nothing else. Each tenant has keys of its own,
 * derived from those of the ring.
 */
import type { Payload, PayloadCodec, SerializationContext } from '@temporalio/common';
import proto from '@temporalio/proto';
import type { KeyRing, RingKey } from '../config/index.ts';
import { tenantOfWorkflowId } from '../domain/ids.ts';
import { decrypt, deriveKey, encrypt } from '../lib/encrypt.ts';

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

/** The encoding by which Temporal's own tools know an encrypted payload. */
const ENCRYPTED = 'binary/encrypted';
const KEY_ID = 'encryption-key-id';
const TENANT = 'tenant-id';
/** In place of a tenant, for what belongs to none: the failure of a workflow task, say. */
const NO_TENANT = '';

/** More tenants than a process serves at a time. A derivation costs as much as encrypting some kilobytes. */
const MAX_DERIVED_KEYS = 10_000;

/** A payload that this process can't read, or must not. The message says why and what to do. */
export class UnreadablePayload extends Error {
  override name = 'UnreadablePayload';
}

/** The refusal that lies behind an error, if one does. */
export function refusalBehind(error: unknown): UnreadablePayload | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof UnreadablePayload) return at;
  return undefined;
}

/**
 * The codec of a key ring. `encode` takes the ring's first key. `decode` rejects with `UnreadablePayload`
 * what no key of the ring opens, what is not encrypted, and what is another tenant's than the context says:
 * where none is told, what is any tenant's. With `ofAnyTenant`, for the operator's eyes, it opens those too.
 */
export function createPayloadCodec(ring: KeyRing, { ofAnyTenant = false } = {}): PayloadCodec {
  const keyOf = derivedKeys();
  return {
    encode(payloads, context) {
      const { encrypt: ringKey } = ring;
      if (!ringKey) return Promise.resolve(payloads);
      const tenant = tenantOf(context);
      const key = keyOf(ringKey, tenant);
      return Promise.resolve(payloads.map((payload) => encrypted(payload, ringKey, tenant, key)));
    },
    decode(payloads, context) {
      const expected = ofAnyTenant ? undefined : tenantOf(context);
      return new Promise((resolve) => {
        resolve(payloads.map((payload) => decrypted(payload, ring, expected, keyOf)));
      });
    },
  };
}

/** Whether a payload is encrypted, with whatever key. */
function isEncrypted({ metadata }: Payload): boolean {
  return textOf(metadata, 'encoding') === ENCRYPTED;
}

/**
 * What the server itself puts into a history, for an activity that is cancelled while none of its attempts
 * runs: it has no key. It is these words and no others, so nobody says anything with them.
 */
const WORDS_OF_THE_SERVER: ReadonlySet<string> = new Set([
  '"ACTIVITY_ID_NOT_STARTED"',
  '"ACTIVITY_ID_UNKNOWN"',
]);

const isOfTheServer = ({ metadata, data }: Payload): boolean =>
  textOf(metadata, 'encoding') === 'json/plain' &&
  WORDS_OF_THE_SERVER.has(Buffer.from(data ?? []).toString('utf8'));

function encrypted(payload: Payload, { id }: RingKey, tenant: string, key: Uint8Array): Payload {
  return {
    metadata: {
      encoding: Buffer.from(ENCRYPTED),
      [KEY_ID]: Buffer.from(id),
      [TENANT]: Buffer.from(tenant),
    },
    data: encrypt(key, PayloadMessage.encode(payload).finish(), labelOf(id, tenant)),
  };
}

function decrypted(
  payload: Payload,
  ring: KeyRing,
  expected: string | undefined,
  keyOf: ReturnType<typeof derivedKeys>,
): Payload {
  if (!isEncrypted(payload)) {
    if (ring.readsClear || isOfTheServer(payload)) return payload;
    throw new UnreadablePayload(
      'a payload in Temporal is not encrypted, and is refused: whoever started or signalled this workflow has ' +
        'no key (KONSTRUCT_ENCRYPTION_KEYS with the entry clear reads it)',
    );
  }
  const id = textOf(payload.metadata, KEY_ID);
  const tenant = textOf(payload.metadata, TENANT);
  const ringKey = ring.decrypt.get(id);
  if (!ringKey) throw new UnreadablePayload(lacking(id));
  if (expected !== undefined && tenant !== expected) {
    throw new UnreadablePayload(
      `a payload in Temporal is another tenant's than its workflow, and is refused`,
    );
  }
  const bytes = decrypt(keyOf(ringKey, tenant), payload.data ?? new Uint8Array(), labelOf(id, tenant));
  if (!bytes) {
    throw new UnreadablePayload(
      `a payload in Temporal was changed, or encrypted with another key ${id} than this process has: ` +
        'give API, worker and replay the same KONSTRUCT_ENCRYPTION_KEYS',
    );
  }
  const { metadata, data } = PayloadMessage.decode(bytes);
  return { metadata, data };
}

/** The id comes from the payload: whoever forged one must not write into a log. */
const lacking = (id: string): string =>
  `a payload in Temporal is encrypted with the key ${JSON.stringify(id.slice(0, 32))}, which this process ` +
  'lacks: give API, worker and replay the same KONSTRUCT_ENCRYPTION_KEYS';

/** What a payload says of itself is authenticated with it. */
const labelOf = (id: string, tenant: string): string => [ENCRYPTED, id, tenant].join('\0');

/** The tenant of the workflow that a payload belongs to; none when it has none, or it is not told. */
function tenantOf(context: SerializationContext | undefined): string {
  return (context?.workflowId && tenantOfWorkflowId(context.workflowId)) ?? NO_TENANT;
}

function textOf(metadata: Payload['metadata'], name: string): string {
  const bytes = metadata?.[name];
  return bytes ? Buffer.from(bytes).toString('utf8') : '';
}

function derivedKeys(): (ringKey: RingKey, tenant: string) => Uint8Array {
  const derived = new Map<string, Uint8Array>();
  return ({ id, secret }, tenant) => {
    const name = labelOf(id, tenant);
    const known = derived.get(name);
    if (known) return known;
    if (derived.size >= MAX_DERIVED_KEYS) derived.clear();
    const key = deriveKey(secret, `konstruct payloads of ${tenant}`);
    derived.set(name, key);
    return key;
  };
}
