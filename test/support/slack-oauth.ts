/** Slack's side of an installation: codes are exchanged for tokens, and tokens are known until revoked. */
import { randomUUID } from 'node:crypto';
import { BOT } from './slack-stand-in.ts';

/** Where somebody installs the app. With `organisation` alone it is for all of an Enterprise Grid. */
export type Grant = { team?: string; organisation?: string; name?: string; scopes?: string };

export type SlackOAuth = {
  /** Somebody has agreed: the code that Slack leads back with. */
  agree(grant: Grant): string;
  /** The token that was given for a place last. */
  tokenOf(place: string): string;
  /** From now on calls with the tokens of a place are refused. */
  revoke(place: string): void;
};

export function createSlackOAuth() {
  const codes = new Map<string, Grant>();
  const tokens = new Map<string, Grant>();
  const revoked = new Set<string>();
  const placeOf = ({ team, organisation }: Grant) => team ?? organisation ?? '';

  const access = (code: string): object => {
    const grant = codes.get(code);
    // Slack takes a code once.
    codes.delete(code);
    if (!grant) return { ok: false, error: 'invalid_code' };
    const { team, organisation, name = placeOf(grant), scopes } = grant;
    const token = `xoxb-${placeOf(grant)}-${randomUUID()}`;
    tokens.set(token, grant);
    return {
      ok: true,
      app_id: 'A1',
      authed_user: { id: 'UADMIN' },
      scope: scopes ?? 'app_mentions:read,chat:write,chat:write.customize',
      token_type: 'bot',
      access_token: token,
      bot_user_id: BOT.user,
      team: team === undefined ? null : { id: team, name },
      enterprise: organisation === undefined ? null : { id: organisation, name },
      is_enterprise_install: team === undefined,
    };
  };

  const oauth: SlackOAuth = {
    agree(grant) {
      const code = randomUUID();
      codes.set(code, grant);
      return code;
    },
    tokenOf: (place) => [...tokens].findLast(([, grant]) => placeOf(grant) === place)?.[0] ?? '',
    revoke(place) {
      for (const [token, grant] of tokens) if (placeOf(grant) === place) revoked.add(token);
    },
  };
  return {
    oauth,
    /** What Slack answers by itself; undefined for a call that goes on to the emulator. */
    answer(method: string, body: Record<string, string>, token: string): object | undefined {
      if (method === 'oauth.v2.access') return access(body['code'] ?? '');
      if (revoked.has(token)) return { ok: false, error: 'token_revoked' };
      const grant = tokens.get(token);
      if (!grant || method !== 'auth.test') return undefined;
      return {
        ok: true,
        url: 'https://acme.slack.com/',
        user_id: BOT.user,
        bot_id: BOT.bot,
        team_id: grant.team ?? grant.organisation,
        ...(grant.organisation && { enterprise_id: grant.organisation }),
        is_enterprise_install: grant.team === undefined,
      };
    },
    /** Whether a token was given here: the emulator knows it not. */
    isOurs: (token: string) => tokens.has(token),
  };
}
