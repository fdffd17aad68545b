/** Whom a page of the console shows in a browser, and whether what it shows is true by now. */
import { afterAll, beforeAll, expect, jest } from '@jest/globals';
import { expectFocus } from '../support/browser.ts';
import { HAS_BROWSER, inBrowser, startConsole, told, type ConsoleOf } from '../support/console.ts';
import { eventually } from '../support/eventually.ts';
import { fail, noted } from '../support/fake-llm.ts';
import type { System } from '../support/system.ts';

jest.setTimeout(120_000);

let opened: ConsoleOf<System>;
let system: System;
let signedIn: ConsoleOf<System>['signedIn'];

beforeAll(async () => {
  if (!HAS_BROWSER) return;
  opened = await startConsole();
  ({ system, signedIn } = opened);
});
afterAll(() => (HAS_BROWSER ? opened.stop() : undefined));

inBrowser('a page acts for whom it shows, whoever signs in beside it', async () => {
  const page = await signedIn(system.apiKey);
  await page.goto('/console/agents/new');
  await page.getByLabel('Name').fill('Nobody');
  const theirs = await opened.newTenant('The others');
  await opened.signedInBeside(page.context(), theirs);

  await page.getByRole('button', { name: 'Make the agent' }).click();
  await page.getByText('this browser has signed in as The others').waitFor();
  for (const key of [theirs, system.apiKey]) {
    const agents = await system.request('GET', '/v1/agents', undefined, { authorization: `Bearer ${key}` });
    expect(JSON.stringify(agents.body)).not.toContain('Nobody');
  }
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  await page.context().close();
});

inBrowser(
  'what somebody has seen is not shown again to whoever goes back, and signing out can fail',
  async () => {
    const page = await signedIn(system.apiKey);
    await page.goto(`/console/agents/${system.agent.id}`);
    await page.getByRole('heading', { name: 'Mara' }).waitFor();
    await page.route('**/console/session', (route) =>
      route.request().method() === 'DELETE' ? route.abort() : route.continue(),
    );
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are still signed in.').waitFor();
    await page.unroute('**/console/session');
    // As a browser that keeps pages tells one that it is left, and that it is shown again.
    await page.evaluate('dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }))');
    expect(await page.getByRole('heading', { name: 'Mara' }).isVisible()).toBe(false);
    const address = page.url();
    await page.context().clearCookies();
    await page.evaluate(
      'void setTimeout(() => dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })))',
    );
    await page.getByLabel('Key or token').waitFor();
    expect(page.url()).toBe(address);
    await page.context().close();
  },
);

inBrowser('whoever signs in again goes on where the session has ended, and nobody else does', async () => {
  const page = await signedIn(system.apiKey);
  const endedAtSaving = async (): Promise<void> => {
    await page.context().clearCookies();
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByLabel('Key or token').waitFor();
    expect(await page.title()).toBe('Sign in · Konstruct');
    expect(await page.getByText('Mara').filter({ visible: true }).count()).toBe(0);
  };
  const signIn = async (token: string): Promise<void> => {
    await page.getByLabel('Key or token').fill(token);
    await page.keyboard.press('Enter');
  };
  await page.goto(`/console/agents/${system.agent.id}`);
  const instructions = page.getByLabel('Instructions');
  await instructions.fill('Answer in long sentences.');
  await endedAtSaving();
  await signIn(system.apiKey);
  await expectFocus(page.getByRole('heading', { level: 1, name: 'Mara' }));
  expect(await instructions.inputValue()).toBe('Answer in long sentences.');
  await page.getByRole('button', { name: 'Save' }).click();
  await told(page, 'Saved.').waitFor();

  await instructions.fill('Nobody else reads this.');
  await endedAtSaving();
  await signIn(await opened.newTenant('The next'));
  await page.getByText('Not found').first().waitFor();
  const { body } = await system.request('GET', `/v1/agents/${system.agent.id}`);
  expect(body['systemPrompt']).toBe('Answer in long sentences.');
  expect(await page.content()).not.toMatch(/Nobody else|long sentences/);
  await page.context().close();
});

inBrowser('without a network what is asked fails at once, and is not done when it is back', async () => {
  await system.say('My boat is called Ariadne.', { userId: 'olga' });
  const page = await signedIn(system.apiKey);
  await page.goto(`/console/memory/${system.agent.id}/olga?tab=along`);
  await page.getByRole('button', { name: 'Erase this memory …' }).click();
  await page.getByLabel('Type olga to confirm').fill('olga');
  await page.context().setOffline(true);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').getByRole('alert').getByText('No answer').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.method()));
  await page.context().setOffline(false);
  // What is asked again by itself is asked before this is answered.
  await page.getByRole('tab', { name: 'Window' }).click();
  await page.getByText('My boat is called Ariadne.').first().waitFor();
  expect(asked).not.toContain('DELETE');
  await page.context().close();
});

inBrowser('the overview says when it is not up to date, and its lists come anew by themselves', async () => {
  const key = await opened.newTenant('The quiet');
  const asThem = { authorization: `Bearer ${key}` };
  const agent = await system.request('POST', '/v1/agents', { name: 'Noor' }, asThem);
  const messages = `/v1/agents/${String(agent.body['id'])}/messages`;
  const page = await signedIn(key);
  await page.clock.install();
  await page.goto('/console/overview');
  await page.getByText('Nobody has said anything in this time').waitFor();
  await page.getByText('Waiting to be remembered').waitFor();
  await page.getByText('No turn has failed').waitFor();

  system.llm.answerWith(() => fail(400));
  await system.request('POST', messages, { userId: 'hans', text: 'Hello' }, { ...asThem, prefer: 'wait=60' });
  system.llm.answerWith(noted);
  const later = async (isThere: () => Promise<boolean>) =>
    eventually(async () => {
      await page.clock.fastForward(31_000);
      return isThere();
    });
  await later(async () => (await page.getByRole('link', { name: /hans to Noor/ }).count()) > 0);
  await page.route('**/v1/overview**', (route) => route.abort());
  const note = page.getByText('Not up to date');
  // It is told as well, for some seconds.
  await eventually(async () => {
    await page.clock.fastForward(5_000);
    return (await told(page, 'What is shown could not be brought up to date.').count()) > 0;
  });
  expect(await note.count()).toBe(1);
  expect(await page.getByText('Waiting to be remembered').count()).toBe(1);
  await page.unroute('**/v1/overview**');
  await page.getByRole('button', { name: 'Try again' }).click();
  await note.waitFor({ state: 'detached' });
  await page.context().close();
});

inBrowser('everything comes from here, under a policy that nothing has tried to break', () =>
  opened.expectNothingForeign(),
);
