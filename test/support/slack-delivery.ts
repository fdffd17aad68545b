/** The steps that deliver, against a Slack stand-in: a question there, and what then stands in its thread. */
import { randomUUID } from 'node:crypto';
import { MockActivityEnvironment } from '@temporalio/testing';
import { pino } from 'pino';
import { createDeliverReply } from '../../src/activities/deliver-reply.ts';
import { slackAddressOf, type SlackAddress } from '../../src/channels/slack/address.ts';
import { outboundChannels } from '../../src/channels/index.ts';
import type { OutboundChannel } from '../../src/channels/channel.ts';
import type { DeliveryState, DeliveryTurn } from '../../src/domain/delivery.ts';
import { createRedis, type RedisClient } from '../../src/redis/connection.ts';
import { createTestDatabase, encryptionConfig, redisUrl, type TestDatabase } from './services.ts';
import { BOT, startSlackStandIn, type Message, type SlackStandIn } from './slack-stand-in.ts';

export type SlackDelivery = {
  slack: SlackStandIn;
  redis: RedisClient;
  database: TestDatabase;
  /** What the steps deliver to. */
  channels(): ReadonlyMap<string, OutboundChannel>;
  /** A question in Slack that is to be answered. */
  question(surface?: SlackAddress['surface']): Promise<DeliveryTurn>;
  /** What the same person asks next in the same thread. */
  nextQuestion(turn: DeliveryTurn): Promise<DeliveryTurn>;
  /** What the workflow does after the model's step, unless the reply stands already. */
  deliver(turn: DeliveryTurn, state: DeliveryState, text: string, attempt?: number): Promise<void>;
  /** What the agent has posted under the question. */
  answers(turn: DeliveryTurn): Promise<Message[]>;
  texts(turn: DeliveryTurn): Promise<string[]>;
  stop(): Promise<void>;
};

export async function startSlackDelivery(): Promise<SlackDelivery> {
  const log = pino({ level: 'silent' });
  const slack = await startSlackStandIn();
  const redis = createRedis(redisUrl(), log);
  const database = await createTestDatabase();
  const { pool } = database;
  const channels = () =>
    outboundChannels(
      { slack: { token: BOT.token, apiUrl: slack.apiUrl } },
      { pool, redis, keys: encryptionConfig().keys, log },
    );
  const answers = (turn: DeliveryTurn) => {
    const { channel, threadTs } = slackAddressOf(turn.channel);
    return slack.answers(channel, threadTs);
  };
  return {
    slack,
    redis,
    database,
    channels,
    async question(surface = 'channel') {
      const { channel } = slack.places;
      const ts = await slack.say(channel, 'What is my dog called?');
      const address: SlackAddress = { team: slack.team, channel, threadTs: ts, eventTs: ts, surface };
      const turn: DeliveryTurn = {
        tenantId: randomUUID(),
        agentId: randomUUID(),
        userId: `slack:${slack.team}:U1`,
        messageId: randomUUID(),
        seq: 3,
        threadId: `slack:${slack.team}:${channel}:${ts}`,
        channel: { name: 'slack', address },
      };
      await enter(database, turn);
      return turn;
    },
    async nextQuestion(before) {
      const address = slackAddressOf(before.channel);
      const eventTs = await slack.say(address.channel, 'And my cat?', address.threadTs);
      const channel = { name: 'slack', address: { ...address, eventTs } };
      const turn: DeliveryTurn = { ...before, messageId: randomUUID(), seq: before.seq + 1, channel };
      await enter(database, turn);
      return turn;
    },
    async deliver(turn, state, text, attempt = 1) {
      if (state.delivered) return;
      const { deliverReply } = createDeliverReply({ channels: channels() });
      await new MockActivityEnvironment({ attempt }).run(deliverReply, { turn, state, text });
    },
    answers,
    texts: async (turn) => (await answers(turn)).map(({ text }) => text),
    async stop() {
      redis.disconnect();
      await slack.close();
      await database.drop();
    },
  };
}

/** Into the ledger, as intake would. */
async function enter({ admin }: TestDatabase, turn: DeliveryTurn): Promise<void> {
  const { tenantId, messageId, agentId, userId, seq } = turn;
  await admin.query(
    `INSERT INTO turns (tenant_id, message_id, agent_id, user_id, seq, dedupe_key, body_hash, workflow_id)
     VALUES ($1, $2, $3, $4, $5, $6, '', $6)`,
    [tenantId, messageId, agentId, userId, seq, `slack:${messageId}`],
  );
}
