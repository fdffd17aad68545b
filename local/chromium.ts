/** The distribution's Chromium. */
import { chromium, type Browser } from 'playwright-core';
import { CHROMIUM, findProgram } from './stack/distribution.ts';
import { StackError } from './stack/report.ts';

/** Starts it without a window. Rejects where it is not installed. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = findProgram(CHROMIUM, process.env);
  if (executablePath === undefined)
    throw new StackError('Chromium is not installed: apt-get install chromium');
  // As root it has no sandbox of its own; it opens pages of ours alone.
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}
