import { useState, type ReactNode } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { Form } from 'react-aria-components';
import { Link } from 'wouter';
import { useAgentNames } from '../../api/agents.ts';
import { api } from '../../api/client.ts';
import { exchangesOf } from '../../api/exchanges.ts';
import { useMemories, type Scope } from '../../api/memory.ts';
import { memoryPath } from '../../paths.ts';
import { Button } from '../../ui/button.tsx';
import { useFieldErrors } from '../../ui/field-errors.ts';
import { TextInput } from '../../ui/fields.tsx';
import { Check } from '../../ui/icons.tsx';
import { Page } from '../../ui/page.tsx';
import { Loaded, Waiting } from '../../ui/states.tsx';
import { Conversation } from '../chat/conversation-view.tsx';
import { useConversation } from '../chat/conversation.ts';

const FIRST_USER = 'ada';
const LOOK_EVERY_MS = 1_000;

/** Leads whoever comes first from nothing to an agent that remembers. */
export function WelcomePage() {
  const agents = useAgentNames();
  return (
    <Page title="Welcome" lead="Three steps to an AI employee that remembers." wide>
      <Loaded of={agents}>
        {(known) => {
          const agent = known.at(-1);
          return agent ? (
            <WithAgent agentId={agent.id} name={agent.name} />
          ) : (
            <ol className="journey">
              <Step title="Make an agent" isNow>
                <MakeAgent />
              </Step>
              <Step title="Say something" />
              <Step title="See it remembered" />
            </ol>
          );
        }}
      </Loaded>
    </Page>
  );
}

function WithAgent({ agentId, name }: { agentId: string; name: string }) {
  const scope: Scope = { agentId, userId: FIRST_USER };
  const hasReply = useConversation(scope).some(({ message }) => message?.state === 'done');
  return (
    <ol className="journey">
      <Step title="Make an agent" isDone>
        <p className="hint">
          {name} is there. <Link href={`/agents/${agentId}`}>Say what it does</Link> whenever you like.
        </p>
      </Step>
      <Step title="Say something" isNow={!hasReply} isDone={hasReply}>
        <p className="hint">
          Tell {name} something about yourself. You are the user {FIRST_USER} here.
        </p>
        <Conversation partner={scope} name={name} />
      </Step>
      <Step title="See it remembered" isNow={hasReply}>
        {hasReply && <Remembered scope={scope} name={name} />}
      </Step>
    </ol>
  );
}

function Step({
  title,
  isNow = false,
  isDone = false,
  children,
}: {
  title: string;
  isNow?: boolean;
  isDone?: boolean;
  children?: ReactNode;
}) {
  return (
    <li
      className={`journey-step${isNow ? ' now' : ''}${isDone ? ' done' : ''}`}
      {...(isNow && { 'aria-current': 'step' as const })}
    >
      <h2>
        {title}
        {isDone && (
          <>
            <Check />
            <span className="hidden"> (done)</span>
          </>
        )}
      </h2>
      {children}
    </li>
  );
}

function MakeAgent() {
  const [name, setName] = useState('');
  const [jobTitle, setJobTitle] = useState('');
  const queryClient = useQueryClient();
  const create = api.useMutation('post', '/v1/agents', {
    onSuccess: () => queryClient.invalidateQueries({ queryKey: ['get', '/v1/agents'] }),
  });
  const wrong = useFieldErrors(create.error);
  return (
    <Form
      className="stack"
      validationErrors={wrong}
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate({ body: { name, jobTitle } });
      }}
    >
      <TextInput label="Name" name="name" value={name} onChange={setName} placeholder="Mara" autoFocus />
      <TextInput
        label="Job title"
        name="jobTitle"
        value={jobTitle}
        onChange={setJobTitle}
        placeholder="Support engineer"
      />
      <div className="row">
        <Button kind="main" type="submit" isPending={create.isPending}>
          Make the agent
        </Button>
      </div>
    </Form>
  );
}

/** Looks until what was said is there. */
function Remembered({ scope, name }: { scope: Scope; name: string }) {
  const memories = useMemories(scope, { refetchUntilThere: LOOK_EVERY_MS });
  const exchanges = exchangesOf(memories.data?.pages ?? []);
  if (exchanges.length === 0) return <Waiting what={`${name} is committing it to memory`} />;
  return (
    <>
      <p className="good" role="status">
        {name} remembers what you said, and will find it again when it matters.
      </p>
      <div className="row wrap">
        <Link href={memoryPath(scope.agentId, scope.userId)} className="button main">
          Look into its memory
        </Link>
        <Link href="/overview" className="button plain">
          To the overview
        </Link>
      </div>
    </>
  );
}
