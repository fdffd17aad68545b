import { useState } from 'react';
import { api } from '../../api/client.ts';
import { AgentChoice } from '../../ui/agent-choice.tsx';
import { Button } from '../../ui/button.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { When } from '../../ui/format.tsx';
import { Section } from '../../ui/page.tsx';
import { Failure } from '../../ui/states.tsx';

/** Makes a link by which a company installs an agent. */
export function InstallLink() {
  const [agentId, setAgentId] = useState('');
  const make = api.useMutation('post', '/v1/agents/{agentId}/slack/install-link');
  return (
    <Section title="Install in a company’s Slack">
      <p className="hint">The link is for whoever may install apps there. It works once.</p>
      <div className="row wrap top">
        <AgentChoice value={agentId || null} onChange={setAgentId} />
        <div className="beside-fields">
          <Button
            isDisabled={!agentId}
            isPending={make.isPending}
            onPress={() => make.mutate({ params: { path: { agentId } } })}
          >
            Make a link
          </Button>
        </div>
      </div>
      {make.error && <Failure error={make.error} />}
      {make.data && (
        <div role="status">
          <Copyable text={make.data.url} label="The link" />
          <p className="hint">
            It may be opened until <When at={make.data.expiresAt} />.
          </p>
        </div>
      )}
    </Section>
  );
}
