import { activityInfo, ApplicationFailure, heartbeat } from '@temporalio/activity';
import type { WebClient } from '@slack/web-api';
import type { SlackChannel } from '../domain/conversation.ts';
import { FAILURE } from '../domain/failures.ts';
import type { PlaceholderPosted, SlackReply, SlackTurn } from '../domain/delivery.ts';
import type { ActivityDependencies } from './dependencies.ts';
import { toSlackFailure } from './delivery-failure.ts';
import { bringReply, engageThread, showAtWork } from '../channels/slack/outbound/thread.ts';

const HEARTBEAT_MS = 2_000;

export function createSlackReplies({ slack, redis }: Pick<ActivityDependencies, 'slack' | 'redis'>) {
  return {
    /** Shows in the thread that the agent is at work, for a turn that has to wait for others. */
    async postPlaceholder(turn: SlackTurn & { asMessage: boolean }): Promise<PlaceholderPosted> {
      const { asMessage } = turn;
      return withSlack(turn.place, (client) =>
        showAtWork({ client, turn, asMessage, repeated: isRepeated() }),
      );
    },

    /** Brings the reply to the thread. */
    async deliverReply(reply: SlackReply): Promise<void> {
      await withSlack(reply.place, (client) => bringReply({ client, reply, repeated: isRepeated() }));
      await engageThread({ redis, turn: reply });
    },
  };

  async function withSlack<T>(place: SlackChannel, work: (client: WebClient) => Promise<T>): Promise<T> {
    const client = slack(place.team);
    if (!client) {
      throw ApplicationFailure.create({
        type: FAILURE.slackUnavailable,
        message: `no token for Slack workspace ${place.team}: is SLACK_BOT_TOKEN set for the worker?`,
      });
    }
    const beat = setInterval(() => heartbeat(), HEARTBEAT_MS);
    try {
      return await work(client);
    } catch (error) {
      throw toSlackFailure(error);
    } finally {
      clearInterval(beat);
    }
  }
}

function isRepeated(): boolean {
  return activityInfo().attempt > 1;
}
