/** The distribution's Chromium, watched: what it loads, what it complains about, and what axe finds. */
import { expect } from '@jest/globals';
import axe, { type AxeResults } from 'axe-core';
import type { BrowserContext, Locator, Page } from 'playwright-core';
import { eventually } from './eventually.ts';

export type Watched = {
  page: Page;
  /** Breaches of the policy, errors of scripts and dialogs so far. */
  complaints: string[];
  /** Every address that was asked for. */
  requests: string[];
  /** Pages and their parts that came without the policy. */
  unprotected: string[];
};

/** A page whose every request, error and breach of the content security policy is written down. */
export async function watchedPage(context: BrowserContext): Promise<Watched> {
  const page = await context.newPage();
  const watched: Watched = { page, complaints: [], requests: [], unprotected: [] };
  const { complaints, requests, unprotected } = watched;
  await page.exposeFunction('complain', (what: string) => complaints.push(what));
  await page.addInitScript(
    'addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sourceFile }) =>' +
      ' complain(`${violatedDirective} forbids ${blockedURI} in ${sourceFile}`))',
  );
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => requests.push(request.url()));
  page.on('response', (response) => {
    const { pathname } = new URL(response.url());
    if (!pathname.startsWith('/console/') || pathname === '/console/session') return;
    const policy = response.headers()['content-security-policy'] ?? '';
    if (!policy.includes("script-src 'self'") || policy.includes('unsafe')) unprotected.push(pathname);
  });
  return watched;
}

/**
 * What axe finds on a page as it is, or in the dialog over it: by every rule that is on by itself, and the
 * size of what is clicked. It looks at nothing that react-aria reads out and has not cleared away yet.
 */
export async function violationsOn(page: Page): Promise<string[]> {
  // Code of strings runs by the debugger: the page's own policy lets nothing in. They are strings since the
  // project's types know no browser.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>(
    `axe.run(
      { include: [document.querySelector('[role="dialog"]') ?? document], exclude: ['[role="log"]'] },
      { resultTypes: ['violations'], rules: { 'target-size': { enabled: true } } },
    )`,
  );
  return violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`,
  );
}

/** The same in light and in dark, each with the name of the place before it. */
export async function violationsInBoth(page: Page, place: string): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const violation of await violationsOn(page)) found.push(`${place}, ${colorScheme}: ${violation}`);
  }
  return found;
}

/** What a page has that the project's types, which know no browser, don't. */
type InPage = { document: { activeElement: unknown } };

/** Whether an element has the focus. */
export const hasFocus = (target: Locator): Promise<boolean> =>
  target.evaluate((element) => element === (globalThis as unknown as InPage).document.activeElement);

/** Waits until an element has the focus. Else it fails, and says what has it. */
export async function expectFocus(target: Locator): Promise<void> {
  await target.waitFor();
  await eventually(() => hasFocus(target), { timeoutMs: 5_000, what: '' }).catch(async () => {
    const other = await target
      .page()
      .evaluate<string>('document.activeElement?.outerHTML.slice(0, 300) ?? ""');
    throw new Error(`the focus is not at ${target.toString()} but at ${other}`);
  });
}

const MOST_TABS = 120;

/** Goes to an element by the Tab key alone. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  for (let pressed = 0; pressed < MOST_TABS; pressed += 1) {
    if (await hasFocus(target)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${MOST_TABS} times Tab don't lead to ${target.toString()}`);
}

/** Presses a button, or follows a link, by keyboard alone. */
export async function pressKey(page: Page, target: Locator): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press('Enter');
}

/** Writes into a field by keyboard alone. */
export async function typeInto(page: Page, field: Locator, text: string): Promise<void> {
  await tabTo(page, field);
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.type(text);
}

/** Nothing may scroll sideways. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const { wide, view } = await page.evaluate<{ wide: number; view: number }>(
    '({ wide: document.documentElement.scrollWidth, view: innerWidth })',
  );
  expect({ at: page.url(), wide }).toEqual({ at: page.url(), wide: Math.min(wide, view) });
}
