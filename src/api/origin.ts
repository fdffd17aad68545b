/** Where a request comes from and where it has reached us, as it says itself. */
import type { Request } from 'express';

/** Whether it came by https. A proxy in front says so, and whoever calls us himself may say what he likes. */
export function isHttps(req: Request): boolean {
  return req.get('x-forwarded-proto')?.split(',')[0]?.trim() === 'https' || req.protocol === 'https';
}

/** Where the caller has reached us. */
export const originOf = (req: Request): string =>
  `${isHttps(req) ? 'https' : 'http'}://${req.get('host') ?? 'localhost'}`;

/**
 * Whether a page of ours has sent a browser's request, as far as the browser says. `nothing`: it doesn't say;
 * no browser leaves that out where a page has sent something else than GET or HEAD.
 */
export function sentBy(req: Request): 'own-page' | 'person' | 'foreign-page' | 'nothing' {
  const site = req.get('sec-fetch-site');
  if (site !== undefined) {
    return site === 'same-origin' ? 'own-page' : site === 'none' ? 'person' : 'foreign-page';
  }
  const origin = req.get('origin');
  if (origin === undefined) return 'nothing';
  return URL.parse(origin)?.host === req.get('host')?.toLowerCase() ? 'own-page' : 'foreign-page';
}
