/** What the emulator doesn't speak, answered as Slack's reference says. */

export type SlackExtras = {
  /** Whether the app is declared as an agent from now on, and has sessions. */
  declareAgent(isAgent: boolean): void;
  /** Where `apps.connections.open` sends whoever opens a connection. */
  connectTo(socketUrl: string): void;
  /** Somebody is a member of an organisation, in these of its workspaces. */
  joinOrganisation(user: string, organisation: string, teams: readonly string[]): void;
  /** The files that were uploaded, as they came. */
  uploads: string[];
};

/** `url` is the stand-in's own, once it is known. */
export function createSlackExtras(url: () => string) {
  let hasSessions = false;
  let socketUrl = '';
  const uploads: string[] = [];
  const members = new Map<string, object>();
  const answers: Record<string, (body: Record<string, string>) => object | undefined> = {
    'apps.connections.open': () => ({ ok: true, url: socketUrl }),
    'assistant.threads.setStatus': () => ({ ok: true }),
    'assistant.threads.setSuggestedPrompts': () => ({ ok: true }),
    'agents.sessions.setStatus': () => (hasSessions ? { ok: true } : { ok: false, error: 'not_an_agent' }),
    'chat.getPermalink': ({ channel = '', message_ts = '' }) => ({
      ok: true,
      channel,
      permalink: `https://acme.slack.com/archives/${channel}/p${message_ts.replace('.', '')}`,
    }),
    'users.info': ({ user = '' }) => members.get(user),
    'chat.postEphemeral': () => ({ ok: true, message_ts: '1700000000.000100' }),
    'views.publish': ({ view = '{}' }) => ({ ok: true, view: JSON.parse(view) as object }),
    'files.getUploadURLExternal': () => ({ ok: true, upload_url: `${url()}/upload/F1`, file_id: 'F1' }),
    'files.completeUploadExternal': () => ({ ok: true, files: [{ id: 'F1' }] }),
  };
  const extras: SlackExtras = {
    declareAgent: (isAgent) => void (hasSessions = isAgent),
    connectTo: (given) => void (socketUrl = given),
    joinOrganisation: (user, organisation, teams) =>
      void members.set(user, {
        ok: true,
        user: {
          id: user,
          team_id: teams[0],
          name: user,
          enterprise_user: { id: user, enterprise_id: organisation, teams },
        },
      }),
    uploads,
  };
  return {
    extras,
    /** Undefined for a call that goes on to the emulator. */
    answer: (method: string, body: Record<string, string>): object | undefined => answers[method]?.(body),
    /** Keeps what is uploaded; false for any other request. */
    takeUpload(method: string, raw: string): boolean {
      if (!method.startsWith('/upload/')) return false;
      uploads.push(raw);
      return true;
    },
  };
}
