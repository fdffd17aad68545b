/** The distribution's Chromium. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const EXECUTABLE = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) =>
  existsSync(file),
);

/** Whether there is a browser on this machine. */
export const HAS_BROWSER = EXECUTABLE !== undefined;

/** Starts it without a window. Rejects where it is not installed. */
export function launchBrowser(): Promise<Browser> {
  if (EXECUTABLE === undefined) throw new Error('Chromium is not installed: apt-get install chromium');
  // As root it has no sandbox of its own; it opens pages of ours alone.
  return chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox'] });
}
