import { useEffect, useRef, useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { fetchClient, type Schemas } from '../../api/client.ts';
import { useRights } from '../../session/session.ts';
import { Button } from '../../ui/button.tsx';
import { TextInput } from '../../ui/fields.tsx';
import { count } from '../../ui/format.tsx';
import { tell } from '../../ui/notice.tsx';
import { Said } from '../../ui/said.tsx';
import { Failure } from '../../ui/states.tsx';
import { say, useConversation, type With } from './conversation.ts';
import { apartFrom } from './earlier.ts';
import { TurnView } from './turn-view.tsx';

const NEAR_PX = 240;
const isNearEnd = (): boolean => document.documentElement.scrollHeight - innerHeight - scrollY < NEAR_PX;

/** What was said, and where one says more. */
export function Conversation({ partner, name }: { partner: With; name: string }) {
  const turns = useConversation(partner);
  const before = useWindowBefore(partner);
  const { earlier, asked } = apartFrom(turns, before.data ?? []);
  const end = useRef<HTMLDivElement>(null);
  const last = turns.at(-1);
  const lastKey = last?.key;
  useEffect(() => {
    if (lastKey !== undefined) end.current?.scrollIntoView({ block: 'end' });
  }, [lastKey]);
  useEffect(() => {
    // Whoever reads further up is left there.
    if (last && isNearEnd()) end.current?.scrollIntoView({ block: 'end' });
  }, [last]);
  const spoken = last?.message && 'reply' in last.message ? `${name}: ${last.message.reply.text}` : '';
  return (
    <div className="conversation">
      {before.error && before.data === undefined && (
        <Failure error={before.error} onRetry={() => void before.refetch()} />
      )}
      {earlier.length > 0 && (
        <Earlier partner={partner} name={name} messages={earlier} isFirst={turns.length === 0} />
      )}
      <ol className="turns" aria-label="Conversation">
        {turns.map((turn) => (
          <TurnView
            key={turn.key}
            turn={turn}
            text={turn.text ?? asked.get(turn.key)}
            partner={partner}
            name={name}
          />
        ))}
      </ol>
      <p role="status" className="hidden">
        {spoken}
      </p>
      <Composer partner={partner} isBusy={last?.isUnderWay ?? false} name={name} />
      <div ref={end} />
    </div>
  );
}

/** The window as it was when the conversation was opened. */
function useWindowBefore(partner: With) {
  const { canRead } = useRights();
  return useQuery({
    queryKey: ['before', partner.agentId, partner.userId],
    queryFn: async () => {
      const { data: memory } = await fetchClient.GET('/v1/agents/{agentId}/users/{userId}/memory', {
        params: { path: partner, query: { limit: 1 } },
      });
      return memory?.window ?? [];
    },
    enabled: canRead,
    staleTime: Infinity,
    gcTime: Infinity,
  });
}

type EarlierProps = {
  partner: With;
  name: string;
  messages: Schemas['Memory']['window'];
  /** Whether nothing stands below it. */
  isFirst: boolean;
};

/** What of the window was said before. It is folded away where it came beside what is said now. */
function Earlier({ partner, name, messages, isFirst }: EarlierProps) {
  const [isOpen] = useState(isFirst);
  return (
    <details className="earlier" open={isOpen}>
      <summary>{count(messages.length, 'earlier message')} in the window</summary>
      <Said messages={messages} names={{ user: partner.userId, assistant: name }} />
    </details>
  );
}

function Composer({ partner, isBusy, name }: { partner: With; isBusy: boolean; name: string }) {
  const [text, setText] = useState('');
  const send = () => {
    if (isBusy) return;
    if (text.trim() === '') {
      tell('Write a message first.');
      return;
    }
    setText('');
    void say(partner, text);
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <TextInput
        label={`Message to ${name}`}
        isLabelHidden
        placeholder={`Message to ${name}`}
        rows={2}
        value={text}
        onChange={setText}
        autoFocus
        onKeyDown={(event) => {
          // A composing input method takes Enter for itself.
          if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          send();
        }}
      />
      <Button kind="main" type="submit" isPending={isBusy}>
        Send
      </Button>
    </form>
  );
}
