/** The console in a browser, on the whole system: what people do there, and what it must never do. */
import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import type { Download, Page } from 'playwright-core';
import { chatPath, memoryPath } from '../../console/src/paths.ts';
import { toTermVector } from '../../src/memory/text/search-terms.ts';
import { wordsOf } from '../../src/memory/text/terms.ts';
import { memoryShortKey } from '../../src/redis/keys.ts';
import { pressKey, tabTo, typeInto, violationsInBoth } from '../support/browser.ts';
import { HAS_BROWSER, inBrowser, startConsole, told, type ConsoleOf } from '../support/console.ts';
import { eventually } from '../support/eventually.ts';
import { fail, noted } from '../support/fake-llm.ts';
import { memoryOf } from '../support/memory.ts';
import { AS_OPERATOR, OPERATOR_TOKEN, type System } from '../support/system.ts';

jest.setTimeout(180_000);

const HOSTILE = '<img src=x onerror="document.title=1"><script>document.title = 2</script>';
let opened: ConsoleOf<System>;
let system: System;
let signedIn: ConsoleOf<System>['signedIn'];
/** Of the tenant that the tests begin with. */
let keys: { chat: string; read: string; admin: string };

beforeAll(async () => {
  if (!HAS_BROWSER) return;
  opened = await startConsole();
  ({ system, signedIn } = opened);
  keys = { chat: await opened.newKey('chat'), read: await opened.newKey('read'), admin: system.apiKey };
});
afterAll(() => (HAS_BROWSER ? opened.stop() : undefined));

inBrowser(
  'by keyboard alone, from the first visit to a memory that is recalled, tried, forgotten and erased',
  async () => {
    const operator = await signedIn(OPERATOR_TOKEN);
    await typeInto(operator, operator.getByLabel('Name'), 'The bicycle shop');
    await operator.keyboard.press('Enter');
    await told(operator, 'The tenant is made. Its key stands below, this once.').waitFor();
    const key = (await operator.getByRole('group', { name: 'API key' }).locator('code').textContent()) ?? '';
    expect(key).toMatch(/^konstruct_/);
    await operator.context().close();

    const page = await signedIn(key);
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
    await typeInto(page, page.getByLabel('Name'), 'Mara');
    await page.keyboard.press('Enter');
    await told(page, 'Mara is made. Say something to Mara.').waitFor();
    await typeInto(page, page.getByLabel('Message to Mara'), 'My bicycle is blue and has a brass bell.');
    await page.keyboard.press('Enter');
    await page.getByText('Noted: My bicycle is blue').first().waitFor();
    await told(page, 'Mara remembers what you said.').waitFor();
    await pressKey(page, page.getByRole('link', { name: 'Look into its memory' }));
    await page.getByRole('row').getByText('My bicycle is blue').first().waitFor();

    const [agentId = '', userId = ''] = new URL(page.url()).pathname.split('/').slice(-2);
    const { tenantId } = await sessionOf(page);
    // As if a window of other messages had been said since.
    await system.redis.del(memoryShortKey(tenantId, agentId, userId));
    await pressKey(page, page.getByRole('link', { name: 'Talk as this user' }));
    await typeInto(page, page.getByLabel('Message to Mara'), 'Which colour is my bicycle?');
    await page.keyboard.press('Enter');
    await page
      .getByRole('group', { name: /Why this reply/ })
      .getByText('1 exchange recalled')
      .waitFor();
    await pressKey(page, page.getByRole('button', { name: 'Why?' }).last());
    const why = page.getByRole('dialog');
    await why.getByText('My bicycle is blue').first().waitFor();
    await why.getByRole('meter', { name: 'Meaning (cosine)' }).waitFor();
    await why.getByText('11 in, 7 out').waitFor();
    await page.keyboard.press('Escape');

    await pressKey(page, page.getByRole('link', { name: 'Agents', exact: true }));
    await pressKey(page, page.getByRole('link', { name: /Mara/ }));
    await typeInto(page, page.getByLabel('Threshold'), '0.99');
    await typeInto(page, page.getByLabel('Memory of user'), userId);
    await typeInto(page, page.getByLabel('Test message'), 'Which colour is my bicycle?');
    await pressKey(page, page.getByRole('button', { name: 'Compare' }));
    await page.getByRole('region', { name: 'At present' }).getByText('1 exchange recalled').waitFor();
    const proposed = page.getByRole('region', { name: 'As proposed' });
    await proposed.getByText('0 exchanges recalled').waitFor();
    const missed = proposed.getByRole('link', { name: 'What was said there' });
    expect(await missed.getAttribute('href')).toMatch(/^\/console\/turns\/[\w-]{36}$/);
    await told(page, 'Recalled: 1 exchange at present, 0 exchanges as proposed.').waitFor();
    expect(await violationsInBoth(page, 'trial')).toEqual([]);
    const isOld = page.getByText('the result is of before. Try it again.');
    expect(await isOld.count()).toBe(0);
    await typeInto(page, page.getByLabel('Exchanges at most'), '99');
    await pressKey(page, page.getByRole('button', { name: 'Save' }));
    const wrong = page.getByLabel('Exchanges at most');
    await eventually(async () => (await wrong.getAttribute('aria-invalid')) === 'true');
    await isOld.waitFor();
    await typeInto(page, wrong, '2');
    await pressKey(page, page.getByRole('button', { name: 'Save' }));
    await told(page, 'Saved.').waitFor();
    await eventually(async () => {
      const { recall } = (await asTenant(key, `/v1/agents/${agentId}`)) as { recall: Record<string, number> };
      return recall['topK'] === 2 && recall['threshold'] === 0.99;
    });

    await page.goto(`/console/memory/${agentId}/${userId}`);
    const row = page.getByRole('row').filter({ hasText: 'Which colour' });
    await pressKey(page, row.getByRole('button', { name: 'Forget' }));
    await pressKey(page, page.getByRole('dialog').getByRole('button', { name: 'Forget' }));
    await row.waitFor({ state: 'detached' });
    expect(await textsOf(key, agentId, userId)).not.toContain('Which colour is my bicycle?');

    await tabTo(page, page.getByRole('tab', { name: 'Long-term' }));
    await page.keyboard.press('End');
    await pressKey(page, page.getByRole('button', { name: 'Erase this memory …' }));
    await typeInto(page, page.getByLabel(`Type ${userId} to confirm`), userId);
    await page.keyboard.press('Enter');
    const receipt = page.getByRole('heading', { name: 'Erased' });
    await receipt.waitFor();
    expect(await textsOf(key, agentId, userId)).toEqual([]);
    // It is there again behind another tab, and when the page is loaded anew.
    await tabTo(page, page.getByRole('tab', { name: /Take along/ }));
    await page.keyboard.press('ArrowLeft');
    await page.getByText('The window is empty').waitFor();
    await page.keyboard.press('ArrowRight');
    await receipt.waitFor();
    await page.reload();
    await receipt.waitFor();
    await page.context().close();
  },
);

/** What a tenant's key gets from the API. */
async function asTenant(key: string, path: string): Promise<Record<string, unknown>> {
  return (await system.request('GET', path, undefined, { authorization: `Bearer ${key}` })).body;
}

async function textsOf(key: string, agentId: string, userId: string): Promise<string[]> {
  const user = encodeURIComponent(userId);
  const body = await asTenant(key, `/v1/agents/${agentId}/users/${user}/memory?limit=200`);
  const { window, memories } = body as Record<'window' | 'memories', Array<{ content: string }>>;
  return [...window, ...memories].map(({ content }) => content);
}

/** Who is signed in there. */
const sessionOf = (page: Page): Promise<{ tenantId: string }> =>
  page.evaluate(async () => (await fetch('/console/session')).json() as Promise<{ tenantId: string }>);

inBrowser('a role sees what it may do, and a tenant nothing of another', async () => {
  await system.say('My boat is called Ariadne.', { userId: 'bob' });
  const chat = await signedIn(keys.chat);
  expect(await placesOf(chat)).toEqual(['Chat']);
  await chat.goto(`/console/memory/${system.agent.id}/bob`);
  await chat.getByRole('heading', { name: 'There is no such page' }).waitFor();
  await chat.goto(`/console/chat/${system.agent.id}/bob`);
  await chat.getByLabel('Message to Mara').fill('Hello');
  await chat.keyboard.press('Enter');
  await chat.getByText('Noted: Hello').first().waitFor();
  await chat.context().close();

  const read = await signedIn(keys.read);
  expect(await placesOf(read)).toEqual(['Overview', 'Memory', 'Agents', 'Slack', 'Audit log']);
  await read.goto(`/console/memory/${system.agent.id}/bob`);
  await read.getByRole('row').filter({ hasText: 'Ariadne' }).waitFor();
  expect(await read.getByRole('button', { name: 'Forget' }).count()).toBe(0);
  await read.goto(`/console/agents/${system.agent.id}`);
  await read.getByLabel('Name').waitFor();
  expect(await read.getByRole('button', { name: 'Save' }).count()).toBe(0);
  await read.context().close();

  const other = await signedIn(await opened.newTenant('Others'));
  for (const path of [`/agents/${system.agent.id}`, `/memory/${system.agent.id}/bob`]) {
    await other.goto(`/console${path}`);
    await other.getByText('Not found').first().waitFor();
    await other.getByRole('heading', { level: 1 }).waitFor();
    expect(await other.locator('main').textContent()).not.toMatch(/Ariadne|Mara/);
  }
  await other.context().close();
});

const placesOf = (page: Page): Promise<string[]> =>
  page.getByRole('navigation', { name: 'Console' }).first().getByRole('link').allTextContents();

inBrowser(
  'a text with markup is a text on every page, in light and in dark, and axe finds nothing',
  async () => {
    // All that somebody may call something is markup, too.
    const eve = `eve ${HOSTILE}`;
    const { key, tenantId, agentId } = await hostileTenant();
    const said = await system.request(
      'POST',
      `/v1/agents/${agentId}/messages`,
      { userId: eve, text: HOSTILE },
      { authorization: `Bearer ${key}`, prefer: 'wait=60' },
    );
    const messageId = said.body['messageId'] as string;
    await eventually(async () => (await textsOf(key, agentId, eve)).length === 4);
    await system.redis.del(memoryShortKey(tenantId, agentId, eve));
    const page = await signedIn(key);
    const found: string[] = [];
    const isText = async (shown: Page): Promise<void> => {
      expect(await shown.getByRole('alert').allTextContents()).toEqual([]);
      expect(await shown.title()).toMatch(/Konstruct$/);
      expect(await shown.locator('body img, body script').count()).toBe(0);
    };
    const looked = async (name: string): Promise<void> => {
      found.push(...(await violationsInBoth(page, name)));
      await isText(page);
    };
    const visit = async (path: string, isThere: (page: Page) => Promise<unknown>): Promise<void> => {
      await page.goto(`/console${path}`);
      await isThere(page);
      await looked(path);
    };
    const shows = (text: string) => () => page.getByText(text).first().waitFor();
    await visit(chatPath(agentId, eve), async () => {
      await page.getByLabel(`Message to Mara ${HOSTILE}`).fill(`Again ${HOSTILE}`);
      await page.keyboard.press('Enter');
      await page.getByText(`Noted: Again ${HOSTILE}`).first().waitFor();
      await page.getByRole('button', { name: 'Why?' }).click();
      await page.getByRole('dialog').getByText(HOSTILE).first().waitFor();
      await looked('why');
      await page.keyboard.press('Escape');
    });
    await visit(memoryPath(agentId, eve), () => page.getByRole('row').getByText(HOSTILE).first().waitFor());
    await page.getByRole('button', { name: 'Forget' }).first().click();
    await looked('forget');
    await page.keyboard.press('Escape');
    await page.getByRole('tab', { name: 'Window' }).click();
    await page.getByText(`Again ${HOSTILE}`).first().waitFor();
    await looked('window');
    await page.getByRole('tab', { name: 'Search' }).click();
    await page.getByLabel('Look for').fill('script onerror');
    await page.keyboard.press('Enter');
    await page.getByRole('article').getByText(HOSTILE).first().waitFor();
    await looked('search');
    await page.getByRole('tab', { name: /Take along/ }).click();
    await looked('take along');
    await page.getByRole('button', { name: 'Erase this memory …' }).click();
    await page.getByLabel(`Type ${eve} to confirm`).waitFor();
    await looked('erase');
    await page.keyboard.press('Escape');
    await visit('/memory', shows(eve));
    await visit(`/turns/${messageId}`, shows('Step by step'));
    expect(await page.locator('main').textContent()).toContain(HOSTILE);
    await visit('/agents', shows(`Mara ${HOSTILE}`));
    await visit('/agents/new', shows('Make the agent'));
    await visit(`/agents/${agentId}`, async () => {
      await page.getByLabel('Memory of user').fill(eve);
      await page.getByLabel('Test message').fill(HOSTILE);
      await page.keyboard.press('Tab');
      await page.getByRole('button', { name: 'Show what would be sent' }).click();
      await page.getByText('The exact prompt').click();
      await page.getByRole('region', { name: 'As it is' }).locator('pre').last().getByText(HOSTILE).waitFor();
    });
    await visit('/overview', shows('Time by step'));
    await visit('/slack', shows('Threads that a person has taken over'));
    await visit('/audit', () => page.getByRole('table').waitFor());
    await visit('/welcome', shows('Say something'));
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Key or token').waitFor();
    await looked('sign in');
    await page.context().close();
    expect(found).toEqual([]);

    const operator = await signedIn(OPERATOR_TOKEN);
    for (const path of ['/tenants', `/tenants/${tenantId}`, '/audit']) {
      await operator.goto(`/console${path}`);
      await operator.getByRole('main').getByText(HOSTILE).first().waitFor();
      await isText(operator);
    }
    await operator.context().close();
  },
);

/** A tenant, an agent and a key whose names are markup. */
async function hostileTenant(): Promise<{ key: string; tenantId: string; agentId: string }> {
  const first = { authorization: `Bearer ${await opened.newTenant(HOSTILE)}` };
  const named = { name: `Mara ${HOSTILE}`, jobTitle: HOSTILE };
  const { body } = await system.request('POST', '/v1/agents', named, first);
  const { id: agentId, tenantId } = body as { id: string; tenantId: string };
  const path = `/v1/tenants/${tenantId}/api-keys`;
  const made = await system.request('POST', path, { role: 'admin', name: HOSTILE }, AS_OPERATOR);
  return { key: String(made.body['apiKey']), tenantId, agentId };
}

inBrowser('a turn that has failed tells its story, and is answered again', async () => {
  system.llm.answerWith(() => fail(400));
  await system.postMessage('frank', 'Is anybody there?', { prefer: 'wait=60' });
  const page = await signedIn(keys.admin);
  await page.getByRole('link', { name: /frank to Mara/ }).click();
  await page.getByText('It has failed').waitFor();
  await page.getByText('the LLM answered 400').first().waitFor();
  expect(await violationsInBoth(page, 'a story of a failure')).toEqual([]);
  const story = page.url();
  await page.goto(`/console/chat/${system.agent.id}/frank`);
  await page.getByLabel('Message to Mara').fill('And now?');
  await page.keyboard.press('Enter');
  const again = page.getByRole('button', { name: 'Answer it again' });
  await again.waitFor();
  expect(await violationsInBoth(page, 'a chat with a failure')).toEqual([]);
  system.llm.answerWith(noted);
  await again.click();
  await page.getByText('Noted: And now?').first().waitFor();
  await page.goto(story);
  await page.getByRole('button', { name: 'Answer again' }).click();
  await told(page, 'It is being answered again.').waitFor();
  // The page follows the turn by itself.
  await page.getByText('It was answered').waitFor();
  await page.getByText('Noted: Is anybody there?').first().waitFor();
  await page.goto('/console/overview');
  await page.getByText('No turn has failed').waitFor();
  await page.context().close();
});

inBrowser('a memory is taken along as a file', async () => {
  await system.say('My boat is called Ariadne.', { userId: 'grace' });
  await eventually(async () => (await textsOf(keys.admin, system.agent.id, 'grace')).length === 4);
  const page = await signedIn(keys.admin);
  await page.goto(`/console/memory/${system.agent.id}/grace`);
  await page.getByRole('tab', { name: /Take along/ }).click();
  const coming = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Download' }).click();
  const file = await (await coming).path();
  await page.goto(`/console/memory/${system.agent.id}/heir`);
  await page.getByRole('tab', { name: /Take along/ }).click();
  const asking = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Choose a file' }).click();
  await (await asking).setFiles(file);
  await page.getByText('1 exchange stored.').waitFor();
  await page.getByRole('tab', { name: 'Long-term' }).click();
  await page.getByRole('row').filter({ hasText: 'Ariadne' }).waitFor();
  await page.reload();
  await page.getByRole('tab', { name: /Take along/ }).click();
  await page.getByText('1 exchange stored.').waitFor();
  await page.context().close();
});

inBrowser('a memory that is longer than a file may be is taken along as several', async () => {
  await system.say('My kayak is called Circe.', { userId: 'henry' });
  await eventually(async () => (await textsOf(keys.admin, system.agent.id, 'henry')).length === 4);
  const page = await signedIn(keys.admin);
  // As if the first part were full.
  await page.route('**/memory/export?*', async (route) => {
    const url = new URL(route.request().url());
    const isFirst = !url.searchParams.has('cursor');
    url.searchParams.delete('cursor');
    const response = await route.fetch({ url: url.href });
    const part = await response.text();
    const body = isFirst ? part.replace('"nextCursor":null', '"nextCursor":"later"') : part;
    await route.fulfill({ response, body });
  });
  await page.goto(`/console/memory/${system.agent.id}/henry`);
  await page.getByRole('tab', { name: /Take along/ }).click();
  const downloads: Download[] = [];
  page.on('download', (download) => downloads.push(download));
  await page.getByRole('button', { name: 'Download' }).click();
  await told(page, 'All 2 files are handed to the browser.').waitFor();
  await page.getByText('Import each of them.').waitFor();
  await eventually(() => downloads.length === 2);
  expect(downloads.map((download) => download.suggestedFilename())).toEqual([
    'memory-of-henry.part-001.jsonl',
    'memory-of-henry.part-002.jsonl',
  ]);
  expect(await violationsInBoth(page, 'an export of several files')).toEqual([]);
  await page.goto(`/console/memory/${system.agent.id}/heiress`);
  await page.getByRole('tab', { name: /Take along/ }).click();
  const goesOn = page.getByText('import its next part as well');
  for (const [index, download] of downloads.entries()) {
    const asking = page.waitForEvent('filechooser');
    await page.getByRole('button', { name: 'Choose a file' }).click();
    await (await asking).setFiles(await download.path());
    await page.getByText(`${index === 0 ? 1 : 0} exchange`).waitFor();
    expect(await goesOn.count()).toBe(index === 0 ? 1 : 0);
  }
  await page.context().close();
});

inBrowser(
  'of 20,000 memories those in view stand in the page, and the one that is looked for is found',
  async () => {
    const scope = { tenantId: system.tenantId, agentId: system.agent.id, userId: 'archive' };
    await memoryOf({ ...system, pool: system.database.pool }, scope).tell({
      user: 'My aunt Ottilie breeds alpacas in Graz.',
    });
    await fill(scope, 10_000);
    const page = await signedIn(keys.admin);
    const asked: string[] = [];
    page.on('request', (request) => {
      const cursor = new URL(request.url()).searchParams.get('cursor');
      if (cursor !== null) asked.push(cursor);
    });
    await page.goto(`/console/memory/${scope.agentId}/${scope.userId}`);
    await page.getByRole('row').first().waitFor();
    const walked = await page.evaluate<Walked>(WALK_TO_THE_END);
    console.log(`scrolled through 10,001 exchanges: ${JSON.stringify(walked)}`);
    // Each page of 100 is asked for once, and what stands in the browser does not grow with them.
    expect(walked.exchanges).toBe(10_001);
    expect([asked.length, new Set(asked).size]).toEqual([100, 100]);
    expect(walked.mostRows).toBeLessThan(60);
    expect(walked.mostNodes).toBeLessThan(1_500);
    expect(walked.drawn).toBeLessThan(60 * 100);
    await page.getByRole('row').getByText('My aunt Ottilie').first().waitFor();
    await page.getByRole('button', { name: 'Look again' }).click();
    await told(page, 'The list begins with what is newest now.').waitFor();
    await page.getByRole('row').getByText('message 10000').first().waitFor();
    await page.getByRole('tab', { name: 'Search' }).click();
    for (const [way, query] of [
      [/^Meaning and words/, 'Who breeds alpacas?'],
      [/^Meaning$/, 'relatives who keep animals'],
      [/^Words$/, 'Ottilie'],
    ] as const) {
      await page.getByRole('button', { name: /By/ }).click();
      await page.getByRole('option', { name: way }).click();
      await page.getByLabel('Look for').fill(query);
      await page.keyboard.press('Enter');
      await page.getByRole('article').getByText('My aunt Ottilie').first().waitFor();
    }
    await page.getByLabel('Look for').fill('message');
    await page.keyboard.press('Enter');
    await told(page, 'The 10 exchanges that fit best. There are more.').waitFor();
    await page.context().close();
  },
);

type Walked = {
  exchanges: number;
  mostRows: number;
  mostNodes: number;
  drawn: number;
  longestTaskMs: number;
};

/** Goes on to the end of the list, and counts. `drawn`: rows that were put into the page on the way. */
const WALK_TO_THE_END = `(async () => {
  const list = document.querySelector('[role="grid"]');
  const walked = { exchanges: 0, mostRows: 0, mostNodes: 0, drawn: 0, longestTaskMs: 0 };
  new PerformanceObserver((tasks) => {
    for (const { duration } of tasks.getEntries())
      walked.longestTaskMs = Math.max(walked.longestTaskMs, Math.round(duration));
  }).observe({ type: 'longtask' });
  const isRow = (node) => node instanceof Element && node.querySelector('[role="row"], .exchange') !== null;
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) walked.drawn += [...addedNodes].filter(isRow).length;
  }).observe(list, { childList: true, subtree: true });
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  while (walked.exchanges < 10001) {
    list.scrollTop = list.scrollHeight;
    await frame();
    walked.exchanges = Number(list.getAttribute('aria-rowcount'));
    walked.mostRows = Math.max(walked.mostRows, list.querySelectorAll('[role="row"]').length);
    walked.mostNodes = Math.max(walked.mostNodes, document.querySelectorAll('*').length);
  }
  list.scrollTop = list.scrollHeight;
  return walked;
})()`;

/** Exchanges of two memories each, newer than whatever was told, and found by nothing that is asked. */
async function fill(
  scope: { tenantId: string; agentId: string; userId: string },
  exchanges: number,
): Promise<void> {
  const { admin } = system.database;
  // Without its index of vectors, which takes most of the time.
  await admin.query('DROP INDEX IF EXISTS conversation_embeddings_hnsw');
  const values = [scope.tenantId, scope.agentId, scope.userId, exchanges];
  await admin.query(
    `WITH made AS (
       INSERT INTO conversation_embeddings (tenant_id, agent_id, user_id, exchange_id, role, content, embedding, created_at)
       SELECT $1, $2, $3, exchange, role, 'message ' || i, array_fill(0.05::real, ARRAY[384])::vector,
              '2026-11-10'::timestamptz + make_interval(secs => i)
       FROM (SELECT i, gen_random_uuid() AS exchange FROM generate_series(1, $4::int) i) e,
            unnest(ARRAY['user', 'assistant']) role
       RETURNING id, exchange_id, role, created_at)
     INSERT INTO exchange_passages (tenant_id, agent_id, user_id, exchange_id, created_at, flags, part,
                                    user_memory, user_from, user_to, reply_from, reply_to, embedding, terms)
     SELECT $1, $2, $3, exchange_id, created_at, 0, 0, id, 0, 8, 0, 0,
            array_fill(0.05::real, ARRAY[384])::vector::halfvec, $5::sparsevec
     FROM made WHERE role = 'user'`,
    [...values, toTermVector(wordsOf('message', 'stored'))],
  );
  await admin.query('ANALYZE conversation_embeddings, exchange_passages');
}

inBrowser('everything comes from here, under a policy that nothing has tried to break', () =>
  opened.expectNothingForeign(),
);
