/**
 * Slack's side of Socket Mode: each event goes to one of the connections, and again to whichever is there
 * when it isn't acknowledged in time.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';

export type SlackSocket = {
  /** What `apps.connections.open` gives. */
  url: string;
  /** Those that are open, greeted or not. */
  connections(): number;
  greeted(): number;
  /** Sends an event as Slack would, until it is acknowledged. Gives how often it was sent. */
  deliver(event: object, envelope?: object): Promise<number>;
  /** Sends somebody's click, once. True when it is acknowledged. */
  click(payload: object): Promise<boolean>;
  /** Sends something to all connections as it is. */
  say(text: string): void;
  /** Whether connections that are opened from now on are greeted. */
  greet(isGreeting: boolean): void;
  /** Slack renews a connection: it says so and closes it. */
  renew(): void;
  /** The network is gone: all connections break without a word. */
  breakOff(): void;
  close(): Promise<void>;
};

/** How long Slack waits for an acknowledgement. */
const ACKNOWLEDGED_WITHIN_MS = 3_000;

/** For the events of the workspace `team`. */
export async function startSlackSocket(team: string): Promise<SlackSocket> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const waiting = new Map<string, () => void>();
  const greeted = new WeakSet<WebSocket>();
  let next = 0;
  let isGreeting = true;
  server.on('connection', (socket) => {
    // One for each event under way.
    socket.setMaxListeners(0);
    if (isGreeting) {
      greeted.add(socket);
      socket.send(JSON.stringify({ type: 'hello', num_connections: server.clients.size }));
    }
    socket.on('message', (data: Buffer) => {
      const { envelope_id } = JSON.parse(data.toString('utf8')) as { envelope_id: string };
      waiting.get(envelope_id)?.();
    });
    socket.on('error', () => undefined);
  });
  const open = () => [...server.clients].filter((socket) => socket.readyState === WebSocket.OPEN);

  const send = async (payload: object, attempt: number, type = 'events_api'): Promise<boolean> => {
    const sockets = open();
    const socket = sockets[(next += 1) % Math.max(1, sockets.length)];
    if (!socket) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return false;
    }
    const envelope_id = randomUUID();
    const acknowledged = new Promise<boolean>((resolve) => {
      waiting.set(envelope_id, () => resolve(true));
      socket.once('close', () => resolve(false));
      setTimeout(() => resolve(false), ACKNOWLEDGED_WITHIN_MS);
    });
    const retry = attempt > 0 && { retry_attempt: attempt, retry_reason: 'timeout' };
    const envelope = { type, accepts_response_payload: false, ...retry, envelope_id, payload };
    socket.send(JSON.stringify(envelope));
    const isAcknowledged = await acknowledged;
    waiting.delete(envelope_id);
    return isAcknowledged;
  };

  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}`,
    connections: () => open().length,
    greeted: () => open().filter((socket) => greeted.has(socket)).length,
    async deliver(event, envelope = {}) {
      const payload = {
        type: 'event_callback',
        team_id: team,
        event_id: `Ev${randomUUID()}`,
        event,
        ...envelope,
      };
      for (let attempt = 0, sent = 0; ; attempt += 1) {
        if (open().length > 0) sent += 1;
        if (await send(payload, attempt)) return sent;
      }
    },
    click: (payload) => send(payload, 0, 'interactive'),
    say(text) {
      for (const socket of open()) socket.send(text);
    },
    greet: (given) => void (isGreeting = given),
    renew() {
      const [socket] = open();
      socket?.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested' }));
    },
    breakOff() {
      for (const socket of open()) socket.terminate();
    },
    async close() {
      for (const socket of server.clients) socket.terminate();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
