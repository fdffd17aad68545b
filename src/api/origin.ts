/** Where a request comes from and where it has reached us. */
import type { Request } from 'express';
import { networkOf } from '../lib/network-of.ts';

/** The address that has connected to us, or its network: that of a proxy, where there is one. */
export const networkBehind = (req: Request): string => networkOf(req.socket.remoteAddress ?? '');

/** Whether it says that it came by https. A proxy does, and whoever calls us himself says what he likes. */
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
