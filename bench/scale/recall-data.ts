/** Synthetic memories in scopes of uneven size, with vectors clustered by topic. */
import type pg from 'pg';
import type { Scope } from '../../src/domain/conversation.ts';

const WIDTH = 384;
const TOPICS = 2_000;
const TENANTS = 200;
/**
 * Sizes of the measured scopes. The other scopes share the
 * remaining memories, the n-th about proportional to 1/n.
 */
const ASKED_SIZES = [10, 100, 1_000, 5_000, 10_000, 20_000, 50_000] as const;
/** Gives a memory a cosine of about 0.77 with its topic, and two memories of one topic about 0.6. */
const NOISE = 0.072;
const ROWS_PER_INSERT = 200;

export type BenchScope = Scope & { size: number; topics: number[] };

export type RecallData = {
  scopes: BenchScope[];
  /** The index of each memory's scope, in loading order. */
  owners: Uint16Array;
  /** A question about one of the scope's topics. */
  queryFor(scope: BenchScope): number[];
  vectorFor(scope: BenchScope): Float32Array;
  /** The next pseudo-random number, 0 to 1. */
  random(): number;
};

/**
 * Generates the data, the same for the same arguments.
 * Measured sizes that don't fit into `memories` are left out.
 */
export function createRecallData(memories: number, scopeCount: number): RecallData {
  const random = seeded(42);
  const topics = Array.from({ length: TOPICS }, () => direction(() => random() - 0.5));
  const sizes = scopeSizes(memories, scopeCount);
  const scopes = sizes.map((size, i): BenchScope => {
    const tenantId = uuid(1, i % TENANTS);
    const count = Math.min(60, 3 + Math.floor(Math.sqrt(size)));
    const own = Array.from({ length: count }, () => Math.floor(random() * TOPICS));
    return { tenantId, agentId: uuid(2, i % TENANTS), userId: `user-${i}`, size, topics: own };
  });
  const vectorFor = (scope: BenchScope): Float32Array => {
    const topic = topics[scope.topics[Math.floor(random() * scope.topics.length)] ?? 0];
    return direction((d) => (topic?.[d] ?? 0) + (random() - 0.5) * 2 * NOISE);
  };
  return {
    scopes,
    owners: loadingOrder(sizes, random),
    vectorFor,
    queryFor: (scope) => [...vectorFor(scope)],
    random,
  };
}

function scopeSizes(memories: number, scopeCount: number): number[] {
  const asked = ASKED_SIZES.filter((size) => size <= memories / 5);
  const others = scopeCount - asked.length;
  const left = memories - asked.reduce((sum, size) => sum + size, 0);
  const weights = Array.from({ length: others }, (_, n) => 1 / (n + 20));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const sizes = weights.map((weight) => Math.max(1, Math.floor((weight / total) * left)));
  // The first of them gets the remainder of the rounding.
  sizes[0] = (sizes[0] ?? 0) + left - sizes.reduce((sum, size) => sum + size, 0);
  return [...asked, ...sizes];
}

/**
 * The memories of all scopes in random order. Measured scopes of up to 5,000 are among the first 10,000 rows.
 */
function loadingOrder(sizes: readonly number[], random: () => number): Uint16Array {
  const early: number[] = [];
  const late: number[] = [];
  for (const [i, size] of sizes.entries()) {
    const list = i < ASKED_SIZES.length && size <= 5_000 ? early : late;
    for (let n = 0; n < size; n += 1) list.push(i);
  }
  shuffle(late, random);
  // The first total that is measured is 10,000 rows.
  early.push(...late.splice(0, Math.max(0, Math.min(10_000, late.length) - early.length)));
  shuffle(early, random);
  return Uint16Array.from([...early, ...late]);
}

/** Inserts the rows `from` to `to` as a superuser, who bypasses row-level security. */
export async function loadRows(admin: pg.Pool, data: RecallData, from: number, to: number): Promise<void> {
  const insert = async (start: number): Promise<void> => {
    const values: unknown[] = [];
    const places: string[] = [];
    for (let row = start; row < Math.min(start + ROWS_PER_INSERT, to); row += 1) {
      const scope = data.scopes[data.owners[row] ?? 0];
      if (!scope) throw new Error(`row ${row} has no scope`);
      const n = values.length;
      places.push(`($${n + 1}::uuid, $${n + 2}::uuid, $${n + 3}, $${n + 4}, 'user', $${n + 5}::vector)`);
      values.push(
        scope.tenantId,
        scope.agentId,
        scope.userId,
        `memory ${row}`,
        binaryVector(data.vectorFor(scope)),
      );
    }
    await admin.query({
      name: `load-${places.length}`,
      text: `INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, content, role, embedding) VALUES ${places.join(', ')}`,
      values,
    });
  };
  let next = from;
  const lane = async (): Promise<void> => {
    while (next < to) {
      const start = next;
      next += ROWS_PER_INSERT;
      await insert(start);
    }
  };
  await Promise.all([lane(), lane(), lane()]);
}

/** A vector in pgvector's binary format: parsing 500,000 vectors from text would take minutes. */
function binaryVector(vector: Float32Array): Buffer {
  const bytes = Buffer.alloc(4 + 4 * vector.length);
  bytes.writeInt16BE(vector.length, 0);
  for (const [i, value] of vector.entries()) bytes.writeFloatBE(value, 4 + 4 * i);
  return bytes;
}

function direction(component: (d: number) => number): Float32Array {
  const vector = Float32Array.from({ length: WIDTH }, (_, d) => component(d));
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return vector.map((value) => value / length);
}

function shuffle(list: number[], random: () => number): void {
  for (let i = list.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    const [a, b] = [list[i] ?? 0, list[j] ?? 0];
    list[i] = b;
    list[j] = a;
  }
}

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function uuid(kind: number, n: number): string {
  return `00000000-0000-400${kind}-8000-${n.toString(16).padStart(12, '0')}`;
}
