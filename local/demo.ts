import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { v4 as randomUuid } from 'uuid';
import { createAgent, findAgent } from '../src/db/agents.ts';
import { createPool } from '../src/db/pool.ts';
import { inTenant } from '../src/db/tenant-transaction.ts';
import { createTenant, findTenantOfApiKey } from '../src/db/tenants.ts';

const demoFile = z.object({
  tenantId: z.string(),
  agentId: z.string(),
  apiKey: z.string(),
  baseUrl: z.string(),
});
export type Demo = z.infer<typeof demoFile>;

/**
 * The demo tenant with its agent: the one in `<home>/demo.json` if it exists in the database, else a new one.
 * Writes that file, which only its owner can read.
 */
export async function ensureDemoTenant(options: {
  databaseUrl: string;
  home: string;
  baseUrl: string;
}): Promise<Demo> {
  const file = path.join(options.home, 'demo.json');
  const pool = createPool({ databaseUrl: options.databaseUrl, max: 2, statementTimeoutMs: 10_000 });
  try {
    const old = await readDemo(file);
    const known =
      old &&
      (await findTenantOfApiKey(pool, old.apiKey)) === old.tenantId &&
      (await findAgent(pool, old.tenantId, old.agentId)) !== undefined;
    const demo = known ? { ...old, baseUrl: options.baseUrl } : await createDemo(pool, options.baseUrl);
    await writeFile(file, `${JSON.stringify(demo, null, 2)}\n`, { mode: 0o600 });
    return demo;
  } finally {
    await pool.end();
  }
}

async function createDemo(pool: Parameters<typeof createTenant>[0], baseUrl: string): Promise<Demo> {
  const { tenantId, key } = await createTenant(pool, 'Demo');
  const agent = await inTenant(pool, tenantId, (client) =>
    createAgent(client, tenantId, randomUuid(), {
      name: 'Mara',
      jobTitle: 'office assistant',
      persona: 'Warm, brief and to the point.',
      systemPrompt:
        'You help the people of this company with their daily work and remember what they tell you.',
    }),
  );
  return { tenantId, agentId: agent.id, apiKey: key.apiKey, baseUrl };
}

async function readDemo(file: string): Promise<Demo | undefined> {
  try {
    return demoFile.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}
