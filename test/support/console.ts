/** The console on the whole system, in a browser. */
import { expect, test } from '@jest/globals';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { launchBrowser } from '../../local/chromium.ts';
import { buildConsole } from '../../local/console.ts';
import { CHROMIUM, findProgram } from '../../local/stack/distribution.ts';
import { watchedPage, type Watched } from './browser.ts';
import { AS_OPERATOR, startSystem, type SlackSystem, type System, type SystemOptions } from './system.ts';

/** Whether there is a browser on this machine; `npm test` says so where there is none. */
export const HAS_BROWSER = findProgram(CHROMIUM, process.env) !== undefined;
/** A test that is left out without one. */
export const inBrowser = HAS_BROWSER ? test : test.skip;

export type ConsoleOf<S extends System> = {
  system: S;
  /** Somebody who has signed in by keyboard, in a browser of their own. */
  signedIn(token: string, options?: BrowserContextOptions): Promise<Page>;
  /** Who signs in in another tab of a browser, in the place of whoever is signed in there. */
  signedInBeside(context: BrowserContext, token: string): Promise<Page>;
  /** A tenant without an agent: its key. */
  newTenant(name: string): Promise<string>;
  /** A further key of the system's tenant. */
  newKey(role: string): Promise<string>;
  /** Expects of all pages so far: all came from here, and nothing has failed or tried to break the policy. */
  expectNothingForeign(): void;
  stop(): Promise<void>;
};

export async function startConsole(options: SystemOptions & { slack: true }): Promise<ConsoleOf<SlackSystem>>;
export async function startConsole(options?: SystemOptions): Promise<ConsoleOf<System>>;
export async function startConsole(options: SystemOptions = {}): Promise<ConsoleOf<System>> {
  await buildConsole();
  const [system, browser] = await Promise.all([startSystem(options), launchBrowser()]);
  const watched: Watched[] = [];
  const made = async (path: string, body: object): Promise<string> =>
    String((await system.request('POST', path, body, AS_OPERATOR)).body['apiKey']);
  const newTab = async (context: BrowserContext): Promise<Page> => {
    const seen = await watchedPage(context);
    watched.push(seen);
    await seen.page.goto('/');
    return seen.page;
  };
  return {
    system,
    async signedIn(token, options = {}) {
      const page = await newTab(await browser.newContext({ baseURL: system.baseUrl, ...options }));
      await signIn(page, token);
      return page;
    },
    async signedInBeside(context, token) {
      const page = await newTab(context);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await signIn(page, token);
      return page;
    },
    newTenant: (name) => made('/v1/tenants', { name }),
    newKey: (role) => made(`/v1/tenants/${system.tenantId}/api-keys`, { role, name: role }),
    expectNothingForeign() {
      expect(watched.flatMap(({ complaints }) => complaints)).toEqual([]);
      expect(watched.flatMap(({ unprotected }) => unprotected)).toEqual([]);
      const origins = new Set(watched.flatMap(({ requests }) => requests).map((url) => new URL(url).origin));
      expect([...origins]).toEqual([system.baseUrl]);
    },
    async stop() {
      await browser.close();
      await system.stop();
    },
  };
}

async function signIn(page: Page, token: string): Promise<void> {
  // The field has the focus by itself.
  await page.getByLabel('Key or token').waitFor();
  await page.keyboard.type(token);
  await page.keyboard.press('Enter');
  const menu = page.getByRole('button', { name: 'Menu' });
  await page.getByRole('button', { name: 'Sign out' }).or(menu).first().waitFor();
}

/** What the page has told, in the place that screen readers follow. */
export const told = (page: Page, text: string) => page.getByRole('status').getByText(text, { exact: true });
