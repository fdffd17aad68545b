/** What strangers may send: messages, Slack's events, odd requests, and what models may answer. */
import fc from 'fast-check';
import { HOSTILE_TEXTS } from '../support/hostile-texts.ts';

/** Pieces that mean something to somebody on a message's way. */
const PIECES = [
  ...[
    '<@UBOT>',
    '<@U2|bob>',
    '<!here>',
    '<!subteam^S1>',
    '<http://x.y|z>',
    '<mailto:a@b|a>',
    '&amp;',
    '&lt;',
  ],
  ...['```', '`', '~~~\n', '> ', '- ', '1. ', '|a|b|\n|-|-|\n', '# ', '**', '_', '[x](y)', '![', '<!-- '],
  ...[
    '<think>',
    '</think>',
    '<memories>',
    '</memories>',
    '＜/thread＞',
    '<|im_start|>system',
    '\u2028',
    '\u0085',
  ],
  ...[
    '\u202e',
    '\u200b',
    '\ufeff',
    '각',
    '漢字',
    'ส',
    'שלום',
    '👩‍👩‍👧',
    'e\u0301',
    'ß',
    '\r\n',
    '\n',
    '\t',
    ' ',
    '0',
    '?',
  ],
  ...['on 5 May 2023', "my dog's name is Rex", '%s', '${x}', "'; --", '\\u0000', '{"a":', '\ud83e\udd93'],
];

const pasted = fc
  .array(fc.tuple(fc.constantFrom(...PIECES), fc.integer({ min: 1, max: 40 })), { maxLength: 60 })
  .map((pieces) => pieces.map(([piece, times]) => piece.repeat(times)).join(''));
const filled = fc
  .tuple(
    fc.constantFrom(...Object.values(HOSTILE_TEXTS)),
    fc.constantFrom(10, 50, 50, 200, 200, 200, 200, 1_000, 1_000, 1_000, 4_000, 31_900),
  )
  .map(([shape, length]) => shape(length));
const words = fc.string({ unit: 'grapheme', maxLength: 400 });

/** A text that a person or a model might write, in a bad mood. */
export const texts = fc.oneof(
  { weight: 3, arbitrary: pasted },
  { weight: 2, arbitrary: filled },
  { weight: 1, arbitrary: words },
);

/** A value where another kind was meant. */
const anything = fc.oneof(fc.jsonValue({ maxDepth: 4 }), texts);

/** Mostly `arbitrary`, now and then anything. */
const mostly = <T>(arbitrary: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 9, arbitrary: arbitrary }, { weight: 1, arbitrary: anything });

/** Bodies for `POST …/messages`. */
export const messageBodies = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ userId: mostly(fc.constantFrom('u1', 'u2', 'u3', '*', 'u:4')), text: texts }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      userId: mostly(texts),
      text: mostly(texts),
      userName: mostly(texts),
      extra: anything,
    }),
  },
  { weight: 1, arbitrary: anything },
);

const element = fc.letrec((again) => ({
  node: fc.record({
    type: mostly(
      fc.constantFrom(
        ...['rich_text', 'rich_text_section', 'rich_text_list', 'rich_text_quote', 'rich_text_preformatted'],
        ...['text', 'link', 'user', 'emoji', 'section', 'context', 'table', 'header', 'image', 'usergroup'],
      ),
    ),
    text: mostly(texts),
    url: mostly(texts),
    user_id: mostly(fc.constantFrom('U1', 'U2', 'UBOT')),
    elements: fc.oneof({ depthSize: 'small' }, fc.constant([]), fc.array(again('node'), { maxLength: 3 })),
  }),
})).node;

/** Events inside Slack's envelope. */
export const slackEvents = fc.record({
  type: mostly(
    fc.constantFrom(
      'message',
      'message',
      'app_mention',
      'app_home_opened',
      'assistant_thread_started',
      'reaction_added',
    ),
  ),
  subtype: fc.option(
    mostly(
      fc.constantFrom('message_changed', 'file_share', 'thread_broadcast', 'bot_message', 'message_deleted'),
    ),
    { nil: undefined, freq: 4 },
  ),
  channel: mostly(fc.constantFrom('D1', 'C1', 'G1')),
  channel_type: mostly(fc.constantFrom('im', 'channel', 'group', 'mpim')),
  user: mostly(fc.constantFrom('U1', 'U2', 'UBOT', 'USLACKBOT')),
  ts: mostly(fc.integer({ min: 1, max: 2_000_000_000 }).map((second) => `${second}.000100`)),
  thread_ts: fc.option(mostly(fc.constant('1700000000.000100')), { nil: undefined }),
  text: mostly(texts),
  blocks: fc.option(mostly(fc.array(element, { maxLength: 4 })), { nil: undefined }),
  attachments: fc.option(
    mostly(
      fc.array(fc.record({ text: mostly(texts), is_share: mostly(fc.boolean()), blocks: anything }), {
        maxLength: 3,
      }),
    ),
    { nil: undefined },
  ),
  files: fc.option(
    mostly(
      fc.array(fc.record({ id: mostly(fc.constant('F1')), name: mostly(texts), mode: anything }), {
        maxLength: 3,
      }),
    ),
    { nil: undefined },
  ),
  message: fc.option(anything, { nil: undefined, freq: 3 }),
});

/** A request with odd parts. */
export const oddRequests = fc.record({
  method: fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'),
  path: fc.oneof(
    fc.constantFrom(
      ...['/v1/agents', '/v1/agents/AGENT', '/v1/agents/AGENT/messages', '/v1/agents/AGENT/users/u1/memory'],
      ...[
        '/v1/agents/AGENT/messages/x',
        '/v1/tenants',
        '/slack/events',
        '/readyz',
        '/healthz',
        '/openapi.json',
      ],
    ),
    fc.webPath({ size: 'medium' }),
    fc.webQueryParameters().map((query) => `/v1/agents/AGENT/users/u1/memory?${query}`),
  ),
  headers: fc.dictionary(
    fc.constantFrom(
      ...[
        'authorization',
        'content-type',
        'content-encoding',
        'idempotency-key',
        'prefer',
        'accept',
        'origin',
      ],
      ...[
        'x-slack-signature',
        'x-slack-request-timestamp',
        'x-slack-retry-num',
        'transfer-encoding',
        'expect',
      ],
    ),
    fc.oneof(
      fc.string({ maxLength: 200 }),
      fc.constantFrom(
        'Bearer KEY',
        'Bearer konstruct_x',
        'application/json',
        'gzip',
        'wait=1',
        'wait=99999999',
        'v0=0',
      ),
      fc.nat().map(String),
    ),
    { maxKeys: 5 },
  ),
  hasKey: fc.boolean(),
  body: fc.oneof(fc.constant(''), fc.json(), fc.string({ maxLength: 2_000 }), texts),
});

/** How a model answers one request. */
export const modelAnswers = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('stream' as const),
      text: texts,
      pieceLength: fc.integer({ min: 1, max: 4_000 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('document' as const), body: fc.oneof(anything, chunkLike()) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('lines' as const),
      chunks: fc.array(fc.oneof(anything, chunkLike()), { maxLength: 8 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('status' as const),
      status: fc.constantFrom(400, 401, 404, 413, 422),
      text: texts,
    }),
  },
);
export type ModelAnswer = typeof modelAnswers extends fc.Arbitrary<infer T> ? T : never;

function chunkLike() {
  const said = fc.record({
    content: mostly(texts),
    reasoning_content: anything,
    role: anything,
    tool_calls: anything,
  });
  return fc.record({
    choices: mostly(
      fc.array(fc.record({ delta: mostly(said), message: mostly(said), finish_reason: anything }), {
        maxLength: 2,
      }),
    ),
    usage: anything,
    error: fc.option(anything, { nil: undefined, freq: 9 }),
  });
}
