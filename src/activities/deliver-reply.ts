import { cancellationDetails, cancellationSignal, heartbeat } from '@temporalio/activity';
import { ChannelError } from '../channels/channel.ts';
import type { DeliveryState, DeliveryTurn } from '../domain/delivery.ts';
import { DELIVERY_HEARTBEAT_MS } from '../domain/timing.ts';
import { NO_REPLY } from '../domain/words.ts';
import { channelOf, toDeliveryFailure } from './channel-failure.ts';
import { isFirstTry } from './deferral.ts';
import type { ActivityDependencies } from './dependencies.ts';

/**
 * The steps that only speak to a turn's channel. They fail as `DeliveryRefused` (non-retryable),
 * `DeliveryRateLimited` (retried after as long as the channel says) or `DeliveryUnavailable` (retried).
 */
export function createDeliverReply({ channels }: Pick<ActivityDependencies, 'channels'>) {
  return {
    /** Shows that the agent is at work, for a turn that waits for others. */
    async showProgress(input: {
      turn: DeliveryTurn;
      grows: boolean;
      /** Whether an earlier run of the turn may have left something in the channel. */
      again?: boolean;
    }): Promise<DeliveryState> {
      const { turn, grows, again = false } = input;
      return speaking(async () => {
        const channel = channelOf({ channels, turn });
        const open = channel.open(turn, { progress: null, uncertain: !isFirstTry() || again, grows });
        if (await open.isSilent?.()) return { progress: null, delivered: false, uncertain: again };
        await open.showProgress();
        return { progress: open.progress(), delivered: false, uncertain: again };
      });
    },

    /**
     * Delivers the whole reply, going on from what earlier steps have left in the channel. Where nothing is
     * to be said, it takes away what they have shown, and tells people instead.
     */
    async deliverReply(input: { turn: DeliveryTurn; state: DeliveryState; text: string }): Promise<void> {
      const { turn, state, text } = input;
      await speaking(async () => {
        const channel = channelOf({ channels, turn });
        const uncertain = state.uncertain || !isFirstTry();
        const { progress } = state;
        const open = channel.open(turn, { progress, uncertain, grows: false, isOver: isGivenToAnother });
        const ask = async (): Promise<void> => open.askForPerson?.({ said: [{ isAgent: true, text }] });
        if (state.saysNothing) {
          // People are told whether or not what shows progress can be taken away.
          if (state.isUntold) await open.tellIfUntold?.();
          if (state.asksForPerson) await ask();
          await open.withdraw?.();
          return;
        }
        const isTakenOver = (await open.isTakenOver?.()) === true;
        // Whoever has stopped the turn sees no late reply.
        const isStopped = text === NO_REPLY.stopped || (await open.isStopped?.()) === true;
        if (isTakenOver || isStopped) {
          // One that came before that stays, whether or not all of it has come.
          const stands = (await open.stands?.()) === true;
          if (isTakenOver || stands) await open.withdraw?.();
          if (stands) {
            if (state.asksForPerson && !isTakenOver) await ask();
            return;
          }
          if (isTakenOver) throw new ChannelError('refused', 'a person has taken over meanwhile');
        }
        await open.deliver(isStopped ? NO_REPLY.stopped : text);
        if (state.asksForPerson) await ask();
      });
    },
  };
}

/** Whether Temporal has given this attempt up. One that somebody cancels ends what it has begun. */
const isGivenToAnother = (): boolean =>
  cancellationSignal().aborted && cancellationDetails()?.cancelRequested !== true;

/** Heartbeats while `work` runs, and says its failure in the workflow's terms. */
async function speaking<T>(work: () => Promise<T>): Promise<T> {
  const beat = setInterval(() => heartbeat(), DELIVERY_HEARTBEAT_MS);
  try {
    return await work();
  } catch (error) {
    throw toDeliveryFailure(error);
  } finally {
    clearInterval(beat);
  }
}
