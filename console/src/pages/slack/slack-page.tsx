import { Page } from '../../ui/page.tsx';
import { useRights } from '../../session/session.ts';
import { Channels } from './channels.tsx';
import { HandOvers } from './hand-overs.tsx';
import { InstallLink } from './install-link.tsx';
import { Workspaces } from './workspaces.tsx';

/** How the agents are in Slack. */
export function SlackPage() {
  const { canChange } = useRights();
  return (
    <Page title="Slack" lead="Where your agents are, and where a person has taken over.">
      <HandOvers />
      <Workspaces />
      <Channels />
      {canChange && <InstallLink />}
    </Page>
  );
}
