import { useEffect, useState, type ReactNode } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import { useAgentNames } from '../../api/agents.ts';
import { api } from '../../api/client.ts';
import { exchangesOf } from '../../api/exchanges.ts';
import { useMemories, type Scope } from '../../api/memory.ts';
import { memoryPath } from '../../paths.ts';
import { Button } from '../../ui/button.tsx';
import { TextInput } from '../../ui/fields.tsx';
import { Form } from '../../ui/form.tsx';
import { Check } from '../../ui/icons.tsx';
import { tell } from '../../ui/notice.tsx';
import { Page } from '../../ui/page.tsx';
import { Failure, Loaded, Waiting } from '../../ui/states.tsx';
import { Conversation } from '../chat/conversation-view.tsx';
import { useConversation } from '../chat/conversation.ts';

const FIRST_USER = 'ada';
const LOOK_EVERY_MS = 1_000;
const LONG_MS = 20_000;

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
              <Step title="Say something">
                <p className="hint">Then you talk to the agent, as one of the people whom it will know.</p>
              </Step>
              <Step title="See it remembered">
                <p className="hint">What was said is stored behind the reply, for as long as you want.</p>
              </Step>
            </ol>
          );
        }}
      </Loaded>
    </Page>
  );
}

function WithAgent({ agentId, name }: { agentId: string; name: string }) {
  const scope: Scope = { agentId, userId: FIRST_USER };
  const reply = useConversation(scope).find(({ message }) => message?.state === 'done');
  const exchangeId = reply?.message?.messageId;
  const hasReply = exchangeId !== undefined;
  return (
    <ol className="journey">
      <Step title="Make an agent" isDone>
        <p className="hint">
          <bdi>{name}</bdi> is there. <Link href={`/agents/${agentId}`}>Say what it does</Link> whenever you
          like.
        </p>
      </Step>
      <Step title="Say something" isNow={!hasReply} isDone={hasReply}>
        <p className="hint">
          Tell <bdi>{name}</bdi> something about yourself. Here you are the user {FIRST_USER}, whose memory
          this becomes.
        </p>
        <Conversation partner={scope} name={name} />
      </Step>
      <Step title="See it remembered" isNow={hasReply}>
        {hasReply ? (
          <Remembered scope={scope} name={name} exchangeId={exchangeId} />
        ) : (
          <p className="hint">
            What you say is stored once <bdi>{name}</bdi> has replied.
          </p>
        )}
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
    onSuccess: async (made) => {
      await queryClient.invalidateQueries({ queryKey: ['get', '/v1/agents'] });
      tell(`${made.name} is made. Say something to ${made.name}.`);
    },
  });
  return (
    <Form
      className="stack"
      fields={['name', 'jobTitle']}
      error={create.error}
      onSubmit={() => create.mutateAsync({ body: { name, jobTitle } })}
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

/** Looks until what was said is in long-term memory, and shows it as it stands there. */
function Remembered({ scope, name, exchangeId }: { scope: Scope; name: string; exchangeId: string }) {
  const memories = useMemories(scope, { exchangeId, everyMs: LOOK_EVERY_MS });
  const stored = exchangesOf(memories.data?.pages ?? []).find(({ id }) => id === exchangeId);
  const isStored = stored !== undefined;
  useEffect(() => {
    if (isStored) tell(`${name} remembers what you said.`);
  }, [isStored, name]);
  if (!stored) {
    return memories.error ? (
      <Failure error={memories.error} onRetry={() => void memories.refetch()} />
    ) : (
      <NotYet name={name} />
    );
  }
  return (
    <>
      <p className="good">
        <bdi>{name}</bdi> remembers what you said.
      </p>
      <blockquote className="quote assistant">{stored.messages[0]?.content}</blockquote>
      <p className="hint">
        This stands in long-term memory. It is looked through for every message, by meaning and by words.
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

/** It takes a moment; what takes longer has a cause that the overview shows. */
function NotYet({ name }: { name: string }) {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), LONG_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <>
      <Waiting what={`${name} is committing it to memory`} />
      {isLong && (
        <p className="hint">
          This takes longer than usual. The <Link href="/overview">overview</Link> says how much waits to be
          remembered; nothing of it is lost.
        </p>
      )}
    </>
  );
}
