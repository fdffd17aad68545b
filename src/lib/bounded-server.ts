import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import { createConnections, type Connections } from './connections.ts';
import { createFairQueue, type FairQueue } from './fair-queue.ts';
import { networkOf } from './network-of.ts';
import { putTogether } from './put-together.ts';
import { createRoom, type Held, type Room } from './room.ts';

export type ServerLimits = {
  /** For a request's headers, from the connection's first moment on. */
  headersTimeoutMs: number;
  /** For a whole request, its body included; how late it is answered is not bounded by it. */
  requestTimeoutMs: number;
  /**
   * For the client to take what waits of an answer: all of it, or of one that is written bit by bit, a bit.
   * The connection of one that doesn't is closed.
   */
  answerTimeoutMs: number;
  /** How often all of these are looked at. */
  checkEveryMs: number;
  /**
   * Longer than what clients keep an idle connection for: a request must not meet one that is being closed.
   */
  keepAliveMs: number;
  /** From here on each that comes takes the place of another, be that idle or not. */
  maxConnections: number;
  /** So many idle ones: from here on each that comes takes the place of one of them, if one may go. */
  crowdedFrom: number;
  /** So many connections of one address, or network of IPv6, give way to nobody until `maxConnections`. */
  fewPerAddress: number;
  /** Whoever has been idle for less gives way to nobody until `maxConnections`. */
  momentMs: number;
  /** Requests that wait on one connection for the one before them. With one more it is closed. */
  waitingRequests: number;
  /** Of bodies that are on their way, in all. A sender that is not known is its address. */
  bodyBytes: number;
};

export const BODY_BYTES = 64_000_000;

const LIMITS: ServerLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  answerTimeoutMs: 30_000,
  checkEveryMs: 1_000,
  // Clients and load balancers mostly have 60 s.
  keepAliveMs: 75_000,
  maxConnections: 2_000,
  crowdedFrom: 1_500,
  fewPerAddress: 20,
  momentMs: 1_000,
  // No client that there is sends more of them before it has the first answer.
  waitingRequests: 1,
  bodyBytes: BODY_BYTES,
};

/**
 * Requests that begin before what else has come meanwhile is heard, and for how long they do: meanwhile a
 * single new connection is let in.
 */
const BEGUN_IN_ONE_GO = 8;
const BEGUN_FOR_MS = 2;

/** Headers of a request. However short, one takes some hundred bytes of memory. */
const MOST_HEADERS = 100;

/** The largest body but for a file that is imported, which is counted where it is read. */
const LARGEST_BODY_BYTES = 2_000_000;

/** The memory that a body takes, and whether all of it is there. */
type Body = { bytes: number; held: Held; isWhole: boolean };

type Connection = {
  /** See `networkOf`. A closed socket has no address any more. */
  address: string;
  hasAsked: boolean;
  /** Without an answer yet. The first is under way, the others wait for it. */
  requests: Array<[IncomingMessage, ServerResponse]>;
  /** Of the first, until it is read. */
  body: Body | undefined;
  /** While bytes wait to be taken: how many were taken at the last look that saw some go, and looks since. */
  untaken: { taken: number; looks: number } | undefined;
};

/** A server's connections, and what bounds them. */
type Context = {
  limits: ServerLimits;
  listener: RequestListener;
  open: Map<Socket, Connection>;
  connections: Connections;
  bodies: Room;
  /** Requests that have yet to begin. */
  coming: FairQueue<() => void>;
  isLettingIn: boolean;
};

/**
 * An HTTP server that nobody can occupy by connections without requests, by requests without an end, by many
 * of them at once, or by answers that aren't read. A connection's requests are answered one after the other:
 * whoever sends a thousand in one piece has one under way. Those of several connections begin some at a time,
 * and addresses take turns: whoever sends over a thousand connections keeps nobody's answers waiting.
 *
 * Idle are connections without a request under way, those of which the rest of a body has yet to come, and
 * those whose answer isn't taken. Where connections run short, one that has been idle for more than a moment
 * is closed for each that comes, so nobody keeps the others out by doing nothing. First go those that never
 * asked. Then an address goes by what it has most of, kept connections, halves of requests or answers that
 * aren't taken, and loses the longest idle of these. So behind a proxy, which has one address for all, halves
 * that a stranger piles up give way to each other, and what the proxy keeps or takes slowly stays. An address
 * with a few loses none. Where there is no room at all, whoever has more than half gives way, also while it
 * asks: so nobody keeps the others out by asking without end.
 */
export function createBoundedServer(listener: RequestListener, given: Partial<ServerLimits> = {}): Server {
  const limits = { ...LIMITS, ...given };
  const server = createServer({
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: limits.checkEveryMs,
    keepAliveTimeout: limits.keepAliveMs,
    // What Node answers by itself stands in nobody's turn: `begin` refuses it.
    requireHostHeader: false,
  });
  // One more than may be, so that it is seen.
  server.maxHeadersCount = MOST_HEADERS + 1;
  const context: Context = {
    limits,
    listener,
    open: new Map(),
    connections: createConnections({ few: limits.fewPerAddress, momentMs: limits.momentMs }, (socket) =>
      close(context, socket),
    ),
    bodies: createRoom(limits.bodyBytes),
    coming: createFairQueue(),
    isLettingIn: false,
  };
  server.on('connection', (socket: Socket) => enter(context, socket));
  const arrives = (req: IncomingMessage, res: ServerResponse): void => arrive(context, req, res);
  server.on('request', arrives).on('checkExpectation', arrives);
  server.once('listening', () => {
    const looking = setInterval(() => lookAround(context), limits.checkEveryMs).unref();
    server.once('close', () => clearInterval(looking));
  });
  return server;
}

function enter(context: Context, socket: Socket): void {
  const { limits, open, connections } = context;
  const address = networkOf(socket.remoteAddress ?? '');
  const connection: Connection = {
    address,
    hasAsked: false,
    requests: [],
    body: undefined,
    untaken: undefined,
  };
  open.set(socket, connection);
  socket.once('close', () => forget(context, socket));
  if (connections.idle() >= limits.crowdedFrom) connections.closeIdle();
  settle(context, socket, connection);
  if (open.size > limits.maxConnections) connections.closeOne();
}

function forget({ open, connections }: Context, socket: Socket): void {
  const connection = open.get(socket);
  if (!connection) return;
  open.delete(socket);
  connections.remove(socket);
  connection.body?.held.end();
}

function close(context: Context, socket: Socket): void {
  forget(context, socket);
  socket.destroy();
}

/** To be called when a connection may do something else from now on. */
function settle({ open, connections }: Context, socket: Socket, connection: Connection): void {
  if (!open.has(socket)) return;
  const { address, hasAsked, requests, body, untaken } = connection;
  if (body && !body.isWhole) connections.set(socket, address, 'half');
  else if (untaken) connections.set(socket, address, 'untaken');
  else if (requests.length > 0) connections.set(socket, address, 'answer');
  else connections.set(socket, address, hasAsked ? 'kept' : 'nothing');
}

function arrive(context: Context, req: IncomingMessage, res: ServerResponse): void {
  const { socket } = req;
  const connection = context.open.get(socket);
  // It has been closed: this is the rest of what came with one request too many.
  if (!connection) return;
  connection.hasAsked = true;
  const { requests } = connection;
  // A body takes room, and no client sends one that waits.
  if (requests.length > context.limits.waitingRequests || (requests.length > 0 && hasBody(req))) {
    close(context, socket);
    return;
  }
  putTogether(req, {
    takes(bytes) {
      const body = bodyOf(connection, req);
      if (!body) return;
      body.bytes += bytes;
      body.held.set(Math.min(body.bytes, LARGEST_BODY_BYTES));
    },
    whole() {
      const body = bodyOf(connection, req);
      if (!body) return;
      body.isWhole = true;
      settle(context, socket, connection);
    },
  });
  requests.push([req, res]);
  if (requests.length === 1) begin(context, socket, connection);
}

/** The body of a request, while that is under way and the body is not read. */
const bodyOf = ({ requests, body }: Connection, req: IncomingMessage): Body | undefined =>
  requests[0]?.[0] === req ? body : undefined;

/** Hands a connection's next request to the listener. */
function begin(context: Context, socket: Socket, connection: Connection): void {
  const [req, res] = connection.requests[0] ?? [];
  // Closed meanwhile, or by the answer before: nobody would get this one.
  if (!req || !res?.socket || !context.open.has(socket)) return;
  const bodyIsOver = watchBody(context, req, connection);
  // An error of one answer, a write after its end say, must not end the process.
  res.on('error', () => res.destroy());
  res.once('close', () => {
    bodyIsOver();
    connection.requests.shift();
    settle(context, socket, connection);
    // What the answer held has to be given back first, and others have their turn.
    if (connection.requests.length > 0) setImmediate(begin, context, socket, connection);
  });
  settle(context, socket, connection);
  const refused = refusalOf(req);
  if (refused) res.writeHead(refused, { connection: 'close' }).end();
  else inTurn(context, socket, () => context.listener(req, res));
}

/** Lets a request begin when its address has its turn, if it is still there then. */
function inTurn(context: Context, socket: Socket, start: () => void): void {
  const { open, coming } = context;
  const address = open.get(socket)?.address ?? '';
  coming.push({ tenantId: address, userId: '' }, () => {
    if (open.has(socket)) start();
  });
  if (context.isLettingIn) return;
  context.isLettingIn = true;
  setImmediate(letIn, context);
}

function letIn(context: Context): void {
  const { coming } = context;
  const until = performance.now() + BEGUN_FOR_MS;
  try {
    let begun = 0;
    do {
      coming.take()?.();
      begun += 1;
    } while (begun < BEGUN_IN_ONE_GO && performance.now() < until);
  } finally {
    context.isLettingIn = coming.peek() !== undefined;
    if (context.isLettingIn) setImmediate(letIn, context);
  }
}

/** The status for a request that HTTP has a server refuse. */
function refusalOf({ headers, rawHeaders, httpVersion }: IncomingMessage): 400 | 417 | 431 | undefined {
  const { expect, host } = headers;
  // Names and values.
  if (rawHeaders.length > 2 * MOST_HEADERS) return 431;
  if (host === undefined && httpVersion === '1.1') return 400;
  return expect === undefined || /^100-continue$/i.test(expect) ? undefined : 417;
}

const bodies = new WeakMap<IncomingMessage, Held>();

/** From now on the body of a request counts as that of whoever is known to send it, and not of an address. */
export const bodyIsOf = (req: IncomingMessage, sender: string): void => bodies.get(req)?.moveTo(sender);

/** Counts a body while it comes; the result is to be called when it need come no more. */
function watchBody(context: Context, req: IncomingMessage, connection: Connection): () => void {
  if (!hasBody(req)) return () => undefined;
  const { socket } = req;
  const held = context.bodies.hold(connection.address, () => close(context, socket));
  const body = { bytes: 0, held, isWhole: false };
  connection.body = body;
  bodies.set(req, held);
  const isOver = (): void => {
    held.end();
    // That of an answered request may end when the next one has begun.
    if (connection.body === body) connection.body = undefined;
  };
  req.once('end', () => {
    isOver();
    settle(context, socket, connection);
  });
  return isOver;
}

function lookAround(context: Context): void {
  for (const [socket, connection] of context.open) lookAtReader(context, socket, connection);
}

function lookAtReader(context: Context, socket: Socket, connection: Connection): void {
  const { untaken } = connection;
  const isWaiting = socket.writableLength > 0;
  const taken = socket.bytesWritten - socket.writableLength;
  if (untaken && isWaiting && taken <= untaken.taken) {
    untaken.looks += 1;
    const { checkEveryMs, answerTimeoutMs } = context.limits;
    if (untaken.looks * checkEveryMs >= answerTimeoutMs) close(context, socket);
    return;
  }
  connection.untaken = isWaiting ? { taken, looks: 0 } : undefined;
  if (untaken || isWaiting) settle(context, socket, connection);
}

/** Whether a request brings something besides its headers. */
export const hasBody = ({ headers }: IncomingMessage): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
