/**
 * The console's sessions. A session is a cookie that names an API key or the operator's token by its hash,
 * encrypted with a key that is derived from the ring: every API process of an installation takes it, and
 * nothing is stored. It ends with what it names.
 */
import type { Request, Response } from 'express';
import { z } from 'zod';
import type { KeyRing } from '../config/index.ts';
import { decrypt, deriveKey, encrypt } from '../lib/encrypt.ts';
import { isHttps } from './origin.ts';

/**
 * Who has signed in: whose hash it is, and of what. `id` is what a page calls it by that shows it: a key's
 * id, or `operator`.
 */
export type Session = { kind: 'key' | 'operator'; id: string; hash: Buffer };

/**
 * The cookie's name. What came by https has `__Host-` before it: browsers take such a cookie from this very
 * host alone, by https, so that no other host of the domain can put its own into the place of ours.
 */
export const SESSION_COOKIE = 'konstruct_session';
const cookieNameFor = (req: Request): string => (isHttps(req) ? `__Host-${SESSION_COOKIE}` : SESSION_COOKIE);

/** The header by which a page says whose session it shows (see `sessionOf`). */
export const SHOWN_SESSION = 'Konstruct-Session';
/** A working day. It is not prolonged. */
export const SESSION_MS = 12 * 3_600_000;
const LABEL = 'konstruct console session';

/** What the cookie holds. `until`: milliseconds since 1970. */
const contents = z.strictObject({
  kind: z.enum(['key', 'operator']),
  id: z.string(),
  hash: z.base64(),
  until: z.number(),
});

export type Sessions = ReturnType<typeof createSessions>;

export function createSessions(ring: KeyRing, now: () => number = Date.now) {
  const keys = new Map([...ring.decrypt.values()].map(({ id, secret }) => [id, deriveKey(secret, LABEL)]));
  const current = ring.encrypt;

  const open = (cookie: string): Session | undefined => {
    // The id of a key may have dots, what is encrypted has none.
    const dot = cookie.lastIndexOf('.');
    const key = keys.get(cookie.slice(0, Math.max(0, dot)));
    const bytes = key && decrypt(key, Buffer.from(cookie.slice(dot + 1), 'base64url'), LABEL);
    if (!bytes) return undefined;
    // One of another version is none.
    const { data } = contents.safeParse(JSON.parse(Buffer.from(bytes).toString()));
    if (!data || data.until <= now()) return undefined;
    return { kind: data.kind, id: data.id, hash: Buffer.from(data.hash, 'base64') };
  };
  const seal = ({ kind, id, hash }: Session): string | undefined => {
    const key = current && keys.get(current.id);
    if (!current || !key) return undefined;
    const sealed: z.input<typeof contents> = {
      kind,
      id,
      hash: hash.toString('base64'),
      until: now() + SESSION_MS,
    };
    const encrypted = encrypt(key, Buffer.from(JSON.stringify(sealed)), LABEL);
    return `${current.id}.${Buffer.from(encrypted).toString('base64url')}`;
  };

  return {
    /** Whether anybody can sign in: not without a key that encrypts. */
    canBegin: current !== undefined,
    /** Signs somebody in by the answer to his request. */
    begin(req: Request, res: Response, session: Session): void {
      const cookie = seal(session);
      if (cookie === undefined) throw new Error('there is no key to encrypt a session with');
      res.cookie(cookieNameFor(req), cookie, { ...attributesFor(req), maxAge: SESSION_MS });
    },
    end(req: Request, res: Response): void {
      res.clearCookie(cookieNameFor(req), attributesFor(req));
    },
    /** The session that a request brings; undefined for none, and for one that has ended or is not ours. */
    of(req: Request): Session | undefined {
      const cookie = cookieOf(req);
      return cookie === undefined ? undefined : open(cookie);
    },
  };
}

/** No script reads it, and no page of others sends it. A `__Host-` cookie has these, and no domain. */
const attributesFor = (req: Request) => ({
  httpOnly: true,
  sameSite: 'strict' as const,
  path: '/',
  secure: isHttps(req),
});

/** Ours has no character that a cookie would have to quote. */
function cookieOf(req: Request): string | undefined {
  return new RegExp(`(?:^|;)\\s*${cookieNameFor(req)}=([\\w.-]{1,400})\\s*(?:;|$)`).exec(
    req.get('cookie') ?? '',
  )?.[1];
}
