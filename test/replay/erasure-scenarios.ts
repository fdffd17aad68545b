/** The ways that an erasure can take. */
import type { Activities } from '../../src/activities/index.ts';
import { ERASURE_CHANNEL, type ForgetUserInput } from '../../src/domain/erasure.ts';
import { forgetUserWorkflowId, handleMessageWorkflowId } from '../../src/domain/ids.ts';
import { acceptedMessage } from '../support/accepted-message.ts';
import type { Scenario } from './scenarios.ts';

const NO_SEALS = { id: '', turn: '', text: '', sender: '', background: '' };

const erasureOf = (fields: Parameters<typeof acceptedMessage>[0] = {}): ForgetUserInput => {
  const { message, limits } = acceptedMessage({ channel: { name: ERASURE_CHANNEL }, text: '', ...fields });
  return { message, limits, seals: NO_SEALS };
};
const idOf = ({ message }: ForgetUserInput) => forgetUserWorkflowId(message.tenantId, message.messageId);

/** An erasure with nothing before it, recorded as `name`. */
function oneErasure(name: string, activities: Partial<Activities> = {}): Scenario {
  return {
    activities,
    async play(stage) {
      const input = erasureOf();
      await stage.erase(input);
      await stage.closed(idOf(input));
      return { [name]: idOf(input) };
    },
  };
}

/** Deletes later than it is asked to, as a server does. */
function deletesLate(): Partial<Activities> {
  let looks = 0;
  return {
    forgetExecutions: async ({ after }) => ({ last: after < 2 ? after + 1 : null, executions: 2 }),
    forgetLedger: async () => (['none', 'some', 'all'] as const)[looks++] ?? 'all',
  };
}

/** An erasure behind a turn that hangs, of that turn alone or of all, and a turn behind the erasure. */
function inTheMidst(name: string, follower: string, { isOfOne = false } = {}): Scenario {
  const turn = acceptedMessage({ text: 'hangs' }, { holdFollowersMs: 500 });
  const turnId = handleMessageWorkflowId(turn.message.tenantId, turn.message.messageId);
  const scope = isOfOne ? { tenantId: turn.message.tenantId, text: turn.message.messageId } : {};
  const input: ForgetUserInput = { ...erasureOf({ ...scope, seq: 2, turnsAhead: 1 }), limits: turn.limits };
  const after = acceptedMessage({ text: 'after it', seq: 3, turnsAhead: 2 });
  let hasEnded = false;
  return {
    activities: {
      answerTurn: async ({ text }) => {
        if (text === 'hangs') {
          await new Promise((resolve) => setTimeout(resolve, 4_000));
          hasEnded = true;
        }
        return { text: 'Rex.', model: 'scripted', usage: null, timingsMs: { firstToken: 1, total: 2 } };
      },
      findTurnBefore: async ({ message }) => {
        if (message.seq === 3) return { state: 'running', workflowId: idOf(input) };
        return hasEnded ? { state: 'none' } : { state: 'running', workflowId: turnId };
      },
    },
    async play(stage) {
      await stage.start(turn);
      await stage.begun('answerTurn');
      await stage.erase(input);
      await stage.start(after);
      const afterId = handleMessageWorkflowId(after.message.tenantId, after.message.messageId);
      await stage.closed(afterId);
      await stage.closed(idOf(input));
      return { [name]: idOf(input), [follower]: afterId };
    },
  };
}

/** Has more to delete than one run does. */
function deletesMuch(): Partial<Activities> {
  return { forgetExecutions: async ({ after }) => ({ last: after < 60 ? after + 1 : null, executions: 2 }) };
}

export const ERASURES: Scenario[] = [
  oneErasure('forgotten'),
  oneErasure('forgotten-once-the-server-has-deleted', deletesLate()),
  oneErasure('forgotten-in-a-further-run', deletesMuch()),
  inTheMidst('forgotten-behind-a-turn-that-hangs', 'waited-for-an-erasure'),
  inTheMidst('one-exchange-forgotten-while-it-hangs', 'waited-for-one-exchange-to-be-forgotten', {
    isOfOne: true,
  }),
];
