import { ProblemError, asProblem } from '../../api/problem.ts';
import type { Message } from '../../api/reply-events.ts';
import { Button } from '../../ui/button.tsx';
import { Failure } from '../../ui/states.tsx';
import { answerAgain, type Turn, type With } from './conversation.ts';
import { ReceiptSummary } from './receipt.tsx';

/** One message with its reply, and the receipt beside it. */
export function TurnView({
  turn,
  text,
  partner,
  name,
}: {
  turn: Turn;
  /** What was said, where that is known. */
  text: string | undefined;
  partner: With;
  name: string;
}) {
  const { message } = turn;
  return (
    <li className="turn">
      <div className="said">
        <div className="bubble user">
          <span className="hidden">{partner.userId}: </span>
          {text ?? <em>Said before this page was loaded anew: its words are not kept here.</em>}
        </div>
        <Reply turn={turn} partner={partner} name={name} />
      </div>
      {message?.state === 'done' && <ReceiptSummary message={message} />}
    </li>
  );
}

function Reply({ turn, partner, name }: { turn: Turn; partner: With; name: string }) {
  const { message, reply, error } = turn;
  if (error !== undefined) {
    return (
      <Failure
        error={error instanceof ProblemError ? error : new ProblemError(asProblem(error))}
        onRetry={() => void answerAgain(partner, turn)}
      />
    );
  }
  if (message) return <Ended message={message} turn={turn} partner={partner} name={name} />;
  return (
    <div className="bubble assistant" aria-busy="true">
      {reply === '' ? (
        <span className="typing" role="img" aria-label={`${name} is answering`}>
          <i />
          <i />
          <i />
        </span>
      ) : (
        reply
      )}
    </div>
  );
}

function Ended({
  message,
  turn,
  partner,
  name,
}: {
  message: Message;
  turn: Turn;
  partner: With;
  name: string;
}) {
  switch (message.state) {
    case 'done':
      return (
        <div className="bubble assistant">
          <span className="hidden">{name}: </span>
          {message.reply.text}
          {message.cutOff && <p className="hint">The reply has reached its length limit.</p>}
        </div>
      );
    case 'failed':
      return (
        <div className="bubble assistant failed">
          <p>{message.reply.text}</p>
          <Button onPress={() => void answerAgain(partner, turn)}>Answer it again</Button>
        </div>
      );
    case 'erased':
      return <p className="hint">Forgotten: nothing of it is kept.</p>;
    case 'accepted':
    case 'refused':
      return <p className="hint">It was not answered.</p>;
  }
}
