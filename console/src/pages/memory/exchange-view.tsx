import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { api } from '../../api/client.ts';
import type { Exchange } from '../../api/exchanges.ts';
import { followForgetting, useIsForgetting } from '../../api/forgetting.ts';
import { exchangeIsGone, type Scope } from '../../api/memory.ts';
import { useRights } from '../../session/session.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { When } from '../../ui/format.tsx';
import { tell } from '../../ui/notice.tsx';

/** What was said and answered, where it comes from, and how it is forgotten. */
export function ExchangeView({
  exchange,
  scope,
  onForgotten,
  children,
}: {
  exchange: Exchange;
  scope: Scope;
  onForgotten?: () => void;
  children?: ReactNode;
}) {
  const { canChange } = useRights();
  return (
    <article className="exchange">
      {exchange.messages.map(({ role, content }, index) => (
        <p key={index} className={`quote ${role}`}>
          <span className="hidden">{role === 'user' ? `${scope.userId}: ` : 'Agent: '}</span>
          {content}
        </p>
      ))}
      {children}
      <footer className="row exchange-foot">
        <span className="hint">
          <When at={exchange.at} />
          {exchange.channel && ` · ${exchange.channel}`}
        </span>
        {exchange.channel === null ? (
          <span className="hint">Imported, or its turn is no longer kept</span>
        ) : (
          <Link href={`/turns/${exchange.id}`} className="link">
            Where it comes from
          </Link>
        )}
        {canChange && <Forget exchange={exchange} scope={scope} {...(onForgotten && { onForgotten })} />}
      </footer>
    </article>
  );
}

/** How long a question that is answered waits for the end of what it has begun. */
const WAIT = 'wait=10';

function Forget({
  exchange,
  scope,
  onForgotten,
}: {
  exchange: Exchange;
  scope: Scope;
  onForgotten?: () => void;
}) {
  const forget = api.useMutation('delete', '/v1/agents/{agentId}/users/{userId}/memory/{exchangeId}');
  const isForgetting = useIsForgetting(exchange.id);
  const forgotten = async () => {
    await exchangeIsGone(scope, exchange.id);
    onForgotten?.();
    tell('The exchange is forgotten.');
  };
  if (isForgetting) return <span className="hint">Being forgotten …</span>;
  return (
    <Confirm
      title="Forget this exchange"
      action="Forget"
      trigger={<Button kind="quiet">Forget</Button>}
      onConfirm={async () => {
        const erasure = await forget.mutateAsync({
          params: { path: { ...scope, exchangeId: exchange.id }, header: { Prefer: WAIT } },
        });
        if ('finishedAt' in erasure && erasure.finishedAt !== null) {
          await forgotten();
          return;
        }
        tell('The exchange is being forgotten. It goes from here when that is done.');
        followForgetting(exchange.id, erasure.erasureId, forgotten).catch(() =>
          tell('Whether the exchange is forgotten can’t be seen. Load the page again.'),
        );
      }}
    >
      <p className="quote user">{exchange.messages[0]?.content}</p>
      <p>
        The message and its reply go from the window, from long-term memory and from Temporal’s histories. It
        can’t be taken back.
      </p>
    </Confirm>
  );
}
