import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { IncomingMessage, RequestListener, Server } from 'node:http';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { bodyIsOf, createBoundedServer, type ServerLimits } from '../../src/lib/bounded-server.ts';

let server: Server;
const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  server.closeAllConnections();
});

async function serve(limits: Partial<ServerLimits>, listener: RequestListener): Promise<void> {
  server = createBoundedServer(listener, limits);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

const start = (limits: Partial<ServerLimits>, answer: string | Buffer = 'taken'): Promise<void> =>
  serve(limits, (req, res) => {
    req.resume().on('end', () => res.end(answer));
  });

/** A connection that sends a text, and what came back when it was closed. */
async function send(
  text: string,
  localAddress = '127.0.0.1',
): Promise<{ socket: Socket; closed: Promise<string> }> {
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  sockets.push(socket);
  let said = '';
  socket.on('data', (chunk: Buffer) => (said += chunk.toString())).on('error', () => undefined);
  // One that is closed before the server has read all that came ends with an error.
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(said)));
  await once(socket, 'connect');
  socket.write(text);
  return { socket, closed };
}

const connections = (): Promise<number> =>
  new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });

/** Bytes without an end, as a file is read. */
const endless = (): Readable =>
  Readable.from(
    (function* () {
      for (;;) yield Buffer.alloc(65_536, 'x');
    })(),
    { objectMode: false },
  );

/** Asks for what doesn't end, and takes nothing of it. `closed` resolves when the server has closed it. */
async function unreadAnswer(): Promise<{ closed: Promise<unknown> }> {
  const connected = once(server, 'connection') as Promise<[Socket]>;
  const { socket } = await send('');
  const [ofServer] = await connected;
  const closed = once(ofServer, 'close');
  socket.pause();
  socket.write('GET /endless HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(server, 'request');
  return { closed };
}

const SHORT = { headersTimeoutMs: 200, requestTimeoutMs: 400, checkEveryMs: 50 };

test.each([
  ['headers without an end', 'GET / HTTP/1.1\r\nHost: x\r\n'],
  ['a body without an end', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf'],
])('%s: the connection is closed with 408', async (_what, text) => {
  await start(SHORT);
  const { closed } = await send(text);
  expect(await closed).toMatch(/^HTTP\/1\.1 408 /);
});

test('a connection without a request is closed', async () => {
  await start(SHORT);
  const { closed } = await send('');
  expect(await closed).not.toMatch(/ 200 /);
});

describe('where all connections are busy that there may be', () => {
  const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

  /** Starts with three connections of one address, each with a request under way; calls what answers them. */
  async function busy(): Promise<{ own: Array<Awaited<ReturnType<typeof send>>>; answer: () => void }> {
    const answers: Array<() => void> = [];
    await serve({ maxConnections: 3, crowdedFrom: 2 }, (_req, res) => {
      answers.push(() => res.end('taken'));
    });
    const own: Array<Awaited<ReturnType<typeof send>>> = [];
    for (let nth = 1; nth <= 3; nth += 1) {
      own.push(await send(REQUEST));
      await eventually(() => answers.length === nth);
    }
    return { own, answer: () => answers.splice(0).forEach((each) => each()) };
  }

  test('one more of the same address is closed unread', async () => {
    const { own, answer } = await busy();
    expect(await (await send(REQUEST)).closed).toBe('');
    answer();
    for (const { socket } of own) await once(socket, 'data');
  });

  test('one of another takes the place of the longest busy of the address that has most', async () => {
    const { own, answer } = await busy();
    const other = await send('', '127.0.0.2');
    expect(await own[0]?.closed).toBe('');
    // Nor does whoever has most take its place again.
    expect(await (await send(REQUEST)).closed).toBe('');
    answer();
    for (const { socket } of own.slice(1)) await once(socket, 'data');
    other.socket.write(REQUEST);
    await eventually(() => {
      answer();
      return other.socket.bytesRead > 0;
    });
  });
});

describe('requests that are sent at once', () => {
  const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

  test('a few are handled one after the other, in their order', async () => {
    const underWay: string[] = [];
    let most = 0;
    await serve({ waitingRequests: 4 }, (req, res) => {
      underWay.push(req.url ?? '');
      most = Math.max(most, underWay.length);
      setImmediate(() => res.end(`<${underWay.shift()}>`));
    });
    const { closed } = await send(
      ['/1', '/2', '/3', '/4'].map(get).join('') + get('/5').replace('Host', 'Connection: close\r\nHost'),
    );
    const said = await closed;
    expect(said.match(/<.*?>/g)).toEqual(['</1>', '</2>', '</3>', '</4>', '</5>']);
    expect(most).toBe(1);
  });

  test('of many none is handled but the first, and the connection is closed', async () => {
    const handled: string[] = [];
    await serve({}, (req) => void handled.push(req.url ?? ''));
    const { closed } = await send(Array.from({ length: 300 }, (_, i) => get(`/${i}`)).join(''));
    await closed;
    expect(handled.filter((path) => path !== '/0')).toEqual([]);
  });

  test.each([
    ['417', 'Host: x\r\nExpect: x\r\n'],
    ['400', ''],
  ])(
    'one that is refused with %s has its turn, and what stands behind it ends with it',
    async (status, head) => {
      const handled: string[] = [];
      await serve({ checkEveryMs: 20, waitingRequests: 2 }, (req, res) => {
        handled.push(req.url ?? '');
        res.end('taken');
      });
      const { closed } = await send(
        `GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\n${head}\r\nGET /c HTTP/1.1\r\nHost: x\r\n\r\n`,
      );
      const said = await closed;
      expect(said.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', `HTTP/1.1 ${status}`]);
      expect(handled).toEqual(['/a']);
    },
  );

  test('none with a body waits', async () => {
    const handled: string[] = [];
    await serve({}, (req) => void handled.push(req.url ?? ''));
    const { closed } = await send(get('/1') + get('/2').replace('Host', 'Content-Length: 1\r\nHost'));
    await closed;
    expect(handled).not.toContain('/2');
  });

  test('those of many connections of one address begin a few at a time, and others’ come between them', async () => {
    const handled: string[] = [];
    /** How many begin before what has come meanwhile is heard. */
    let inOneGo = 0;
    let most = 0;
    await serve({}, (req, res) => {
      handled.push(req.url ?? '');
      inOneGo += 1;
      most = Math.max(most, inOneGo);
      setImmediate(() => (inOneGo = 0));
      const until = performance.now() + 3;
      while (performance.now() < until);
      res.end();
    });
    const flood = await Promise.all(Array.from({ length: 100 }, () => send('')));
    const other = await send('', '127.0.0.2');
    await eventually(async () => (await connections()) === 101);
    for (const { socket } of flood) socket.write(get('/flood'));
    other.socket.write(get('/other'));
    await eventually(() => handled.length === 101);
    expect(most).toBeLessThan(20);
    expect(handled.indexOf('/other')).toBeLessThan(50);
  });

  test('none is handled behind an answer that closes the connection', async () => {
    const handled: string[] = [];
    await serve({}, (req, res) => {
      handled.push(req.url ?? '');
      setImmediate(() => res.setHeader('Connection', 'close').end('last'));
    });
    const { closed } = await send(get('/1') + get('/2'));
    expect(await closed).toContain('last');
    await new Promise((resolve) => setImmediate(resolve));
    expect(handled).toEqual(['/1']);
  });
});

describe('bodies that are on their way', () => {
  const UPLOAD = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(600_000)}`;

  test('of more than there is room for, the one that is there for longest is given up', async () => {
    await serve({ bodyBytes: 1_000_000 }, (req, res) => {
      req.resume().on('end', () => res.end('taken'));
    });
    const first = await send(UPLOAD);
    await once(server, 'request');
    const second = await send(UPLOAD);
    expect(await first.closed).toBe('');
    second.socket.write('x'.repeat(400_000));
    expect(String(await once(second.socket, 'data'))).toContain('taken');
    // What has come whole takes no room any more.
    const third = await send(UPLOAD);
    await once(server, 'request');
    third.socket.write('x'.repeat(400_000));
    expect(String(await once(third.socket, 'data'))).toContain('taken');
  });

  test('that all come at one moment take no more than there is room for', async () => {
    const held = new Map<Socket, number>();
    let most = 0;
    // Nobody looks at the connections meanwhile.
    await serve({ bodyBytes: 1_000_000, checkEveryMs: 60_000 }, (req) => {
      const { socket } = req;
      socket.once('close', () => held.delete(socket));
      req.on('data', (piece: Buffer) => {
        held.set(socket, (held.get(socket) ?? 0) + piece.length);
        const open = [...held].filter(([{ destroyed }]) => !destroyed);
        most = Math.max(
          most,
          open.reduce((all, [, bytes]) => all + bytes, 0),
        );
      });
    });
    const sent = await Promise.all(Array.from({ length: 20 }, () => send(UPLOAD)));
    await eventually(() => sent.filter(({ socket }) => socket.destroyed).length === 19);
    expect(most).toBeGreaterThan(500_000);
    expect(most).toBeLessThanOrEqual(1_000_000);
  });

  test('belong to whoever is known to send them, and not to the address of all', async () => {
    await serve({ bodyBytes: 1_000_000 }, (req, res) => {
      bodyIsOf(req, String(req.headers['x-sender']));
      req.resume().on('end', () => res.end('taken'));
    });
    const of = (sender: string): string => UPLOAD.replace('Host: x', `Host: x\r\nX-Sender: ${sender}`);
    const quiet = await send(of('quiet').slice(0, -300_000));
    await once(server, 'request');
    // Each that comes closes the one before.
    const loud = [await send(of('loud')), await send(of('loud')), await send(of('loud'))];
    await Promise.all(loud.slice(0, 2).map(({ closed }) => closed));
    quiet.socket.write('x'.repeat(700_000));
    expect(String(await once(quiet.socket, 'data'))).toContain('taken');
  });
});

describe('a body in pieces of a byte', () => {
  const TEXT = 'abcdefghij'.repeat(2_000);
  const inPieces = [...TEXT].map((letter) => `1\r\n${letter}\r\n`).join('') + '0\r\n\r\n';
  const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n';

  test('is handed on whole, in few', async () => {
    const pieces: Buffer[] = [];
    await serve({}, (req, res) => {
      req.on('data', (piece: Buffer) => pieces.push(piece)).on('end', () => res.end('taken'));
    });
    const { closed } = await send(HEAD + inPieces);
    expect(await closed).toMatch(/taken/);
    expect(Buffer.concat(pieces).toString()).toBe(TEXT);
    expect(pieces.length).toBeLessThan(10);
  });

  test('of which nobody reads anything takes the memory of its bytes', async () => {
    let held = 0;
    await serve({}, (req, res) => {
      const seen = setInterval(() => {
        if (req.readableLength < 10_000) return;
        clearInterval(seen);
        // What the stream keeps, as far as it says.
        const { buffer } = (req as unknown as { _readableState: { buffer: unknown[] } })._readableState;
        held = buffer.length;
        res.end('taken');
      }, 10);
    });
    const { closed } = await send(HEAD + inPieces);
    expect(await closed).toMatch(/taken/);
    expect(held).toBeLessThan(10);
  });

  test('that nobody reads stays in the network, however much there is of it', async () => {
    let req: IncomingMessage | undefined;
    await serve({}, (asked) => void (req = asked));
    const { socket } = await send(HEAD);
    const chunk = Buffer.from(`fff\r\n${'x'.repeat(4_095)}\r\n`);
    socket.write(Buffer.concat(Array.from({ length: 10_000 }, () => chunk)));
    await eventually(() => (req?.readableLength ?? 0) > 0);
    let before = -1;
    // Until no more is taken.
    await eventually(() => {
      const isStill = before === req?.socket.bytesRead;
      before = req?.socket.bytesRead ?? 0;
      return isStill;
    });
    expect(before).toBeLessThan(1_000_000);
    expect(req?.readableLength).toBeLessThan(300_000);
  });

  test('with larger ones between them keeps its order', async () => {
    const large = 'x'.repeat(10_000);
    const said = await new Promise<string>((resolve, reject) => {
      serve({}, (req, res) => {
        let text = '';
        req
          .on('data', (piece: Buffer) => (text += piece.toString()))
          .on('end', () => {
            res.end('taken');
            resolve(text);
          });
      }).then(async () => {
        const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
        await send(HEAD + ['a', large, 'b', 'c', large, 'd'].map(chunk).join('') + chunk(''));
      }, reject);
    });
    expect(said).toBe(`a${large}bc${large}d`);
  });
});

test('a request with more headers than any client sends is refused, and its body ends with it', async () => {
  const handled: string[] = [];
  await serve({}, (req) => void handled.push(req.url ?? ''));
  const headers = Array.from({ length: 200 }, (_, nth) => `x${nth}: \r\n`).join('');
  const { closed } = await send(`POST / HTTP/1.1\r\nHost: x\r\n${headers}Content-Length: 5\r\n\r\nhello`);
  expect(await closed).toMatch(/^HTTP\/1\.1 431 /);
  expect(handled).toEqual([]);
});

describe('idle connections', () => {
  const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  const UPLOAD = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n';
  /** Whatever is idle gives way at once. */
  const CROWDED = { crowdedFrom: 1, fewPerAddress: 0, momentMs: 0 };

  /** A connection that has had its answer, and is kept. */
  async function keep(localAddress?: string) {
    const kept = await send(REQUEST, localAddress);
    await once(kept.socket, 'data');
    return kept;
  }
  type Kept = Awaited<ReturnType<typeof keep>>;
  /** Which of them still answer. */
  const alive = (all: readonly Kept[]) =>
    Promise.all(
      all.map(async ({ socket, closed }) => {
        const answered = once(socket, 'data').then(
          () => true,
          () => false,
        );
        if (!socket.destroyed) socket.write(REQUEST);
        return Promise.race([answered, closed.then(() => false)]);
      }),
    );

  test('whoever has just come, or has just been answered, gives way to nobody while there is room', async () => {
    await start({ crowdedFrom: 1, fewPerAddress: 0, momentMs: 60_000 });
    const all = [await keep(), await keep(), await send(''), await keep()];
    const half = await send(`${UPLOAD}h`);
    await once(server, 'request');
    all.push(await keep());
    half.socket.write('ello');
    await once(half.socket, 'data');
    expect(await alive([...all, half])).toEqual(Array<boolean>(6).fill(true));
  });

  test('where connections run short, who keeps most gives way to who comes', async () => {
    await start({ ...CROWDED, crowdedFrom: 4, fewPerAddress: 1, maxConnections: 6 });
    const loud: Kept[] = [];
    for (let nth = 0; nth < 3; nth += 1) loud.push(await keep());
    const quiet = await keep('127.0.0.2');
    const newcomers: Kept[] = [];
    for (const host of [3, 4]) newcomers.push(await keep(`127.0.0.${host}`));
    await Promise.all(loud.slice(0, 2).map(({ closed }) => closed));
    expect(await alive([...loud.slice(2), quiet, ...newcomers])).toEqual([true, true, true, true]);
  });

  test('where there is no room, many that do nothing give way before one that is answered', async () => {
    await serve({ maxConnections: 9, crowdedFrom: 9, fewPerAddress: 20 }, (req, res) => {
      if (req.url === '/') res.end('taken');
    });
    const busy = [];
    for (let nth = 0; nth < 4; nth += 1) {
      busy.push(await send(REQUEST.replace('/', '/without-end'), '127.0.0.2'));
      await once(server, 'request');
    }
    const kept = [await keep('127.0.0.2')];
    for (const host of [3, 4]) for (let nth = 0; nth < 2; nth += 1) kept.push(await keep(`127.0.0.${host}`));
    const newcomers = [await keep('127.0.0.5'), await keep('127.0.0.6')];
    expect(busy.map(({ socket }) => socket.destroyed)).toEqual([false, false, false, false]);
    const quiet = kept.slice(0, 1);
    expect(await alive([...quiet, ...newcomers])).toEqual([true, true, true]);
  });

  test('an address with a few loses none of them, however many another keeps busy', async () => {
    await serve({ ...CROWDED, crowdedFrom: 4, fewPerAddress: 2 }, (req, res) => {
      if (req.url === '/') res.end('taken');
    });
    const quiet = [await keep('127.0.0.2'), await keep('127.0.0.2')];
    for (let nth = 0; nth < 6; nth += 1) {
      await send(REQUEST.replace('/', '/without-end'));
      await once(server, 'request');
    }
    const newcomer = await keep('127.0.0.3');
    expect(await alive([...quiet, newcomer])).toEqual([true, true, true]);
  });

  test('one without any request gives way too, one whose request is under way does not', async () => {
    const answers: Array<() => void> = [];
    await serve({ ...CROWDED, crowdedFrom: 2 }, (_req, res) => void answers.push(() => res.end('taken')));
    const busy = await send(REQUEST);
    await once(server, 'request');
    const silent = await send('');
    const next = await send(REQUEST);
    await silent.closed;
    while (answers.length < 2) await once(server, 'request');
    for (const answer of answers) answer();
    await Promise.all([busy, next].map(({ socket }) => once(socket, 'data')));
  });

  test('one whose body doesn’t come gives way too, one whose body has come does not', async () => {
    await start(CROWDED);
    const stalled = await send(`${UPLOAD}h`);
    await once(server, 'request');
    const next = await send(`${UPLOAD}hello`, '127.0.0.2');
    expect(await stalled.closed).toBe('');
    await once(next.socket, 'data');
    expect(await alive([next])).toEqual([true]);
  });

  test('one whose body has come and waits to be read is not idle', async () => {
    const reading: Array<() => void> = [];
    await serve(CROWDED, (req, res) => {
      reading.push(() => req.resume().on('end', () => res.end('taken')));
    });
    const sent: Kept[] = [];
    for (let nth = 1; nth <= 3; nth += 1) {
      sent.push(await send(`${UPLOAD}hello`));
      await eventually(() => reading.length === nth);
    }
    expect(sent.map(({ socket }) => socket.destroyed)).toEqual([false, false, false]);
    for (const read of reading) read();
    await Promise.all(sent.map(({ socket }) => once(socket, 'data')));
  });

  test('first those that never asked give way, then of whoever has most of a kind the longest idle', async () => {
    await start({ ...CROWDED, crowdedFrom: 4 });
    const within = await send(`${UPLOAD}h`);
    await once(server, 'request');
    // A proxy, whose connections are many and of one address.
    const [first, second] = [await keep('127.0.0.2'), await keep('127.0.0.2')];
    const silent = await send('', '127.0.0.3');
    const order: string[] = [];
    const note = (who: string, { closed }: Kept) => void closed.then(() => order.push(who));
    for (const [who, one] of Object.entries({ within, first, second, silent })) note(who, one);
    for (const expected of [['silent'], ['silent', 'first'], ['silent', 'first', 'stranger 0']]) {
      const stranger = await send(`${UPLOAD}h`, '127.0.0.4');
      note(`stranger ${expected.length - 1}`, stranger);
      await once(server, 'request');
      await eventually(() => order.length >= expected.length);
      expect(order).toEqual(expected);
    }
    expect(await alive([second])).toEqual([true]);
  });

  test('a connection is busy until the last of the requests that it was sent at once is answered', async () => {
    const answers: Array<() => void> = [];
    await serve(CROWDED, (_req, res) => void answers.push(() => res.end('taken')));
    const piped = await send(REQUEST + REQUEST);
    await eventually(() => answers.length === 1);
    answers[0]?.();
    await once(piped.socket, 'data');
    const others = [await send(''), await send('')];
    await others[0]?.closed;
    await eventually(() => answers.length === 2);
    answers[1]?.();
    await once(piped.socket, 'data');
    expect(piped.socket.destroyed).toBe(false);
  });

  test('one whose answer isn’t taken gives way too', async () => {
    await serve({ ...CROWDED, checkEveryMs: 50 }, (req, res) => {
      if (req.url === '/endless') endless().pipe(res);
      else res.end('taken');
    });
    const { closed } = await unreadAnswer();
    let isClosed = false;
    void closed.then(() => (isClosed = true));
    // One comes after the other, until it has been seen that nothing is taken.
    await eventually(async () => {
      const { socket } = await keep('127.0.0.2');
      socket.destroy();
      await eventually(async () => (await connections()) < 2);
      return isClosed;
    });
  });
});

describe('an answer that is larger than what the system keeps for a reader', () => {
  const LARGE = Buffer.alloc(50_000_000, 'x');
  const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

  test('its connection is closed when nobody reads it', async () => {
    await start({ answerTimeoutMs: 200, checkEveryMs: 50 }, LARGE);
    const dropped = once(server, 'connection').then(([socket]: Socket[]) => socket && once(socket, 'close'));
    const { socket, closed } = await send('');
    socket.pause();
    socket.write(REQUEST);
    await dropped;
    socket.resume();
    expect((await closed).length).toBeLessThan(LARGE.length);
  });

  test('and so is one whose answer is written bit by bit, and has no end', async () => {
    await serve({ answerTimeoutMs: 200, checkEveryMs: 50 }, (_req, res) => void endless().pipe(res));
    const { closed } = await unreadAnswer();
    await closed;
  });

  test('it goes on for whom takes a bit now and then', async () => {
    let drained = 0;
    await serve({ answerTimeoutMs: 1_000, checkEveryMs: 100 }, (_req, res) => {
      res.on('drain', () => (drained += 1));
      endless().pipe(res);
    });
    const { socket, closed } = await send(REQUEST);
    let isClosed = false;
    void closed.then(() => (isClosed = true));
    const taking = setInterval(() => {
      socket.resume();
      socket.once('data', () => socket.pause());
    }, 20);
    socket.pause();
    // More than the system holds of it, and longer than somebody may take who takes nothing.
    await eventually(() => drained > 150 || isClosed);
    const before = drained;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    clearInterval(taking);
    expect(isClosed).toBe(false);
    expect(drained).toBeGreaterThan(before);
  });

  test('it comes whole to whom reads it, and the connection serves on', async () => {
    await start({}, LARGE);
    const { socket, closed } = await send(REQUEST.replace('Connection: close\r\n', ''));
    socket.write(REQUEST);
    expect((await closed).length).toBeGreaterThan(2 * LARGE.length);
  });
});

test('the service’s own limits hold without being asked for', async () => {
  await start({});
  expect(server.headersTimeout).toBeLessThanOrEqual(10_000);
  expect(server.requestTimeout).toBeLessThanOrEqual(30_000);
  expect(server.maxHeadersCount).toBeLessThanOrEqual(101);
  expect(server.keepAliveTimeout).toBeLessThanOrEqual(75_000);
});
