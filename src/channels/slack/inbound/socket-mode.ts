/**
 * Events over a connection that we open ourselves, so that nobody needs to reach us (docs.slack.dev/apis/
 * events-api/using-socket-mode). They are the same as over HTTP, and are acknowledged when intake has them:
 * one that isn't, Slack sends again, over whichever connection is there. Slack gives each event to one
 * connection, so several processes share the load.
 */
import { LogLevel, SocketModeClient } from '@slack/socket-mode';
import type { Logger } from 'pino';
import { within } from '../../../lib/within.ts';
import type { Listening, Received, Take } from '../../channel.ts';
import { slackClientOptions } from '../client.ts';
import { slackTrouble } from '../errors.ts';

/** What comes over the connection, as @slack/socket-mode emits it. */
export type Envelope = {
  type: string;
  body: unknown;
  ack(response?: Record<string, unknown>): Promise<void>;
};

const CONNECTED_WITHIN_MS = 30_000;
/** The pause before connecting again; it doubles up to the longest. */
const PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
const DISCONNECTED_WITHIN_MS = 1_000;

const UNREADABLE = 'konstruct_unreadable';

/** The library rejects unheard over what lacks a field that it expects, which would end the process. */
class Connection extends SocketModeClient {
  protected override async onWebSocketMessage(data: string | ArrayBuffer, isBinary: boolean): Promise<void> {
    try {
      await super.onWebSocketMessage(data, isBinary);
    } catch {
      this.emit(UNREADABLE);
    }
  }
}

/** Stays connected until closed. Resolves at once: while Slack is away, HTTP and the rest work. */
export function listenBySocket(
  given: { appToken: string; apiUrl: string; log: Logger; connectedWithinMs?: number },
  receive: (envelope: Pick<Envelope, 'type' | 'body'>, deadline: number) => Promise<Received>,
  take: Take,
): Listening {
  const { appToken, apiUrl, log, connectedWithinMs = CONNECTED_WITHIN_MS } = given;
  let closed = false;
  const isClosed = (): boolean => closed;
  let current: SocketModeClient | undefined;
  let wake: (() => void) | undefined;
  const underWay = new Set<Promise<void>>();

  const answer = async ({ type, body, ack }: Envelope): Promise<void> => {
    const taken = await take((deadline) => receive({ type, body }, deadline));
    // Not acknowledged, Slack sends it again.
    if (taken.kind === 'taken') await ack(taken.body);
  };
  const onEnvelope = (envelope: Envelope): void => {
    const work = answer(envelope)
      .catch((error: unknown) => log.warn({ err: error }, 'an event of Slack was not acknowledged'))
      .finally(() => underWay.delete(work));
    underWay.add(work);
  };

  const connectOnce = async (): Promise<boolean> => {
    const client = new Connection({
      appToken,
      // The library's own attempts end in an unhandled rejection when Slack is out of reach.
      autoReconnectEnabled: false,
      clientOptions: slackClientOptions(apiUrl),
      logger: quiet(log),
    });
    current = client;
    const ended = new Promise<void>((resolve) => client.once('disconnected', () => resolve()));
    client.on('slack_event', onEnvelope);
    client.on(UNREADABLE, () => log.warn('Slack has sent something that can’t be read; it is left out'));
    try {
      await within(connectedWithinMs, client.start());
    } catch (error) {
      const trouble = slackTrouble(error);
      const code = trouble?.kind === 'refused' ? trouble.code : undefined;
      if (code !== undefined) log.error({ code }, 'Slack refuses SLACK_APP_TOKEN');
      else log.warn({ err: error }, 'no connection to Slack yet');
      // One that comes up late would stand beside the next, and Slack allows an app ten.
      client.off('slack_event', onEnvelope);
      await within(DISCONNECTED_WITHIN_MS, client.disconnect()).catch(() => undefined);
      return false;
    }
    log.info('connected to Slack by Socket Mode');
    await ended;
    return true;
  };

  const run = async (): Promise<void> => {
    let pauseMs = PAUSE_MS;
    while (!isClosed()) {
      const wasConnected = await connectOnce();
      // Slack renews connections all the time; what fails is tried less and less often.
      pauseMs = wasConnected ? PAUSE_MS : Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      if (isClosed()) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        setTimeout(resolve, wasConnected ? 0 : pauseMs);
      });
    }
  };
  const ended = run();

  return {
    async close() {
      closed = true;
      // No event comes any more; those that are here are acknowledged over the connection they came by.
      current?.off('slack_event', onEnvelope);
      await Promise.all(underWay);
      wake?.();
      await within(DISCONNECTED_WITHIN_MS, current?.disconnect() ?? Promise.resolve()).catch(() => undefined);
      await within(DISCONNECTED_WITHIN_MS, ended).catch(() => undefined);
    },
  };
}

/** Its lines may quote events. */
function quiet(log: Logger) {
  return {
    debug: () => undefined,
    info: () => undefined,
    warn: () => log.debug('@slack/socket-mode warns'),
    error: () => log.debug('@slack/socket-mode has an error'),
    setLevel: () => undefined,
    getLevel: () => LogLevel.ERROR,
    setName: () => undefined,
  };
}
