import type { Workspace } from './events.ts';

/**
 * The id under which a person of Slack is remembered.
 *
 * - In an organisation (Enterprise Grid) people have one id in all its workspaces: one person, one memory.
 *   The organisation then stands where the workspace stands otherwise. Source:
 *   docs.slack.dev/enterprise.
 * - People of other companies (Slack Connect) write from their own workspace: it gives their id, so that
 *   nobody of the host's is ever taken for them. Source: docs.slack.dev/apis/slack-connect.
 */
export function userIdOf(
  sender: { user: string; userTeam: string | undefined },
  { teamId, enterpriseId, isShared }: Workspace,
): string {
  const { user, userTeam } = sender;
  const home = enterpriseId ?? teamId ?? userTeam ?? '';
  const isOurs =
    userTeam === undefined ||
    userTeam === teamId ||
    userTeam === enterpriseId ||
    // Another workspace of the same organisation.
    (enterpriseId !== undefined && !isShared);
  return `slack:${isOurs ? home : userTeam}:${user}`;
}
