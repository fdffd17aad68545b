/**
 * What a user or a model writes may be made to be slow to read. Each function that reads texts is given
 * hostile ones of growing length.
 */
import { describe, test } from '@jest/globals';
import { jsonBytes, withinBytes } from '../../src/domain/bounds.ts';
import { withoutHandOverMark } from '../../src/domain/hand-over.ts';
import { boundRecalled, buildPrompt } from '../../src/domain/prompt.ts';
import { shownReply } from '../../src/domain/shown-reply.ts';
import { closingOf } from '../../src/lib/open-fence.ts';
import { estimateTokens } from '../../src/domain/tokens.ts';
import { check, textField } from '../../src/intake/fields.ts';
import { isTextWithin } from '../../src/lib/json-size.ts';
import { createAnswerBuilder } from '../../src/llm/answer-builder.ts';
import { contextLimitIn } from '../../src/llm/context-limit.ts';
import { meaningOf } from '../../src/llm/finish.ts';
import { objectsIn } from '../../src/llm/json.ts';
import { codeOf, problemOf } from '../../src/llm/problem.ts';
import { createAnswerReader } from '../../src/llm/read-answer.ts';
import type { Parameter } from '../../src/llm/refused-parameter.ts';
import { retryAfterMs } from '../../src/llm/retry-after.ts';
import { createIsSent, isSentInPart } from '../../src/llm/sent-text.ts';
import { shapeMessages } from '../../src/llm/shape-messages.ts';
import { shortenMessages } from '../../src/llm/shorten.ts';
import { createThoughtFilter } from '../../src/llm/thought-filter.ts';
import { cutForModel } from '../../src/memory/embedding/cut-for-model.ts';
import { notInPrompt } from '../../src/memory/recall/candidates.ts';
import { passageKey } from '../../src/memory/recall/passage-texts.ts';
import { inFirstPerson, namedIn } from '../../src/memory/text/names.ts';
import { flagsOf } from '../../src/memory/text/questions.ts';
import { toQueryMasks, toTermVector } from '../../src/memory/text/search-terms.ts';
import { LANGUAGES, type Language } from '../../src/memory/text/languages.ts';
import { readableShare } from '../../src/memory/text/search-text.ts';
import { wordsOf } from '../../src/memory/text/terms.ts';
import { timeParser } from '../../src/memory/text/time-parsers.ts';
import { daysNamedIn, timeRangeOf } from '../../src/memory/text/time-range.ts';
import { countWords } from '../../src/memory/text/words.ts';
import { expectNoFasterThanLength } from '../support/growth.ts';
import { fill, HOSTILE_TEXTS, nearlyTheSame } from '../support/hostile-texts.ts';
import { isEmbeddedInPart, splitExchange } from '../support/passages.ts';

const AGENT = { name: 'Mara', jobTitle: '', persona: '', systemPrompt: 'Be kind.', maxPromptTokens: 24_000 };
const NAMES = { user: 'Anna', agent: 'Mara' };
const AT = '2026-01-01T00:00:00.000Z';
const PASSAGE = {
  ...{ exchangeId: '0'.repeat(32), part: 0, at: 0, flags: 0, cosine: 0, held: [], lexical: 0 },
  ...{ total: 0, score: 0, place: 0 },
};

/** A stream in pieces of three characters, looked at after each. */
function stream(text: string): void {
  const filter = createThoughtFilter();
  for (let at = 0; at < text.length; at += 3) {
    filter.push(text.slice(at, at + 3));
    filter.shown();
  }
  filter.end();
}

function answer(text: string): void {
  const builder = createAnswerBuilder({ mayOmitTag: false });
  for (let at = 0; at < text.length; at += 8) builder.take({ text: text.slice(at, at + 8) });
  builder.end();
}

/** A body, in one piece and in many. */
function body(text: string): void {
  const bytes = Buffer.from(text);
  for (const size of [bytes.length, 64]) {
    const builder = createAnswerBuilder({ mayOmitTag: false });
    const reader = createAnswerReader(builder);
    try {
      for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    } catch {
      // That it is refused is tested elsewhere.
    }
    // What is done at its end is done at once.
    reader.end().catch(() => undefined);
    builder.end();
  }
}

/** What a body may begin with before it goes wrong. */
const BEGINNINGS = [
  '',
  '{"',
  '{"a":"',
  '{}\n',
  '[',
  ':',
  '<',
  'data: ',
  'data: {"a":"',
  'event: error\ndata: ',
];

/** The text wherever an answer has one, alone and as an event. */
function wholeAnswer(text: string): void {
  const message = { content: [{ type: 'text', text }], reasoning_details: [{ text }], refusal: text };
  const choices = [{ message, delta: { content: text, reasoning: text }, finish_reason: text }];
  const usage = { prompt_tokens: text, tokens: { completion_tokens: text } };
  for (const answer of [
    { id: text, model: text, choices, usage },
    { output: [text, [text]] },
    { [text]: text },
  ]) {
    const json = JSON.stringify(answer);
    body(json);
    body(`event: ${text}\ndata: ${json}\n\n`);
  }
}

const SENT = new Map<Parameter, unknown>([
  ['stream', true],
  ['stream_options', {}],
  ['max_tokens', 8_192],
  ['system', true],
]);

/** The text wherever an error has one, which may repeat what was sent. */
function anError(text: string): void {
  const isSent = createIsSent([{ role: 'user', content: text }]);
  const error = {
    ...{ message: text, type: text, code: text, param: text, reason: [text, { status: text }] },
    metadata: { headers: { [text]: text, 'x-ratelimit-reset': text }, raw: JSON.stringify({ error: text }) },
  };
  const given = { error, detail: [{ loc: ['body', text], msg: text }] };
  problemOf({ status: undefined, body: given }, SENT, isSent);
  problemOf({ status: 429, body: JSON.stringify(given), headers: new Headers() }, SENT, isSent);
  codeOf(given);
  isSentInPart(text.slice(0, 300), isSent);
}

const WORK: Readonly<Record<string, (text: string) => unknown>> = {
  'accepting a message': (text) => check(textField(32_000), text, 'text'),
  'counting the brackets of a body': (text) =>
    [text, JSON.stringify(text)].map((json) => isTextWithin(json, 1e6)),
  'counting bytes and tokens': (text) => [jsonBytes(text), estimateTokens(text), withinBytes(text, 9_000)],
  'building a prompt': (text) => {
    const recalled = boundRecalled(
      [{ content: text, role: 'user', createdAt: AT, exchangeId: 'a', score: 1, cosine: 1, lexical: 0 }],
      { user: text, agent: text },
    );
    const background = [{ author: text, at: AT, text, isAgent: false }];
    return buildPrompt(AGENT, text, [{ role: 'user', content: text }], recalled, text, background);
  },
  'shaping and shortening a prompt': (text) => {
    const messages = [
      { role: 'system', content: text },
      { role: 'system', content: text },
      { role: 'user', content: text },
    ] as const;
    return [shapeMessages(messages), shortenMessages(messages, 1_000)];
  },
  'keeping thoughts out of a stream': stream,
  'putting an answer together': answer,
  'reading a body that is no answer': (text) => {
    for (const start of BEGINNINGS) body(start + text);
  },
  'reading an answer': wholeAnswer,
  'finding objects': (text) => [text, `{"${text}`, `{${text}}`].map((one) => objectsIn(one)),
  'telling a reason to finish': meaningOf,
  'taking a mark away': (text) =>
    withoutHandOverMark(`${text}[[human]]${text}`, { escalation: { people: ['U1'] } }),
  'showing a reply': (text) => shownReply({ text, cutOff: true, closing: closingOf(text) }),
  'reading an error': (text) => {
    anError(text);
    problemOf({ status: 400, body: { error: { message: text } }, headers: new Headers() }, new Map());
    contextLimitIn(text, new Set(), 400);
    const header = encodeURIComponent(text.toWellFormed()).slice(0, 8_000);
    retryAfterMs(new Headers({ 'retry-after': header }), 0, text);
  },
  'cutting for the model': cutForModel,
  'splitting into passages': (text) => splitExchange(text, text),
  'whether it is embedded in part': isEmbeddedInPart,
  'finding words': (text) => {
    const asked = wordsOf(text, 'asked');
    return [
      toQueryMasks(asked),
      toTermVector(wordsOf(text, 'stored')),
      countWords(text),
      readableShare(text),
    ];
  },
  'finding names': (text) =>
    [text, `Mara ${text}`, `${text}, Mara`, `${text}Mara ${text}`].map((named) => [
      inFirstPerson(named, NAMES),
      namedIn(named, NAMES),
    ]),
  'looking for passages in the prompt': (text) => {
    const shown = [{ role: 'user' as const, content: text, at: AT }];
    const inPrompt = { exclude: [], shown };
    return [text, nearlyTheSame(text)].map((stored) =>
      splitExchange(stored, '').map(({ user: span }, part) => {
        const said = stored.slice(span.from, span.to);
        const user = { ...span, text: said, content: said, goesOn: true, createdAt: AT };
        const passage = { ...PASSAGE, part };
        return notInPrompt(passage, new Map([[passageKey(passage), { user }]]), inPrompt);
      }),
    );
  },
  'telling questions': (text) => flagsOf(text, text),
  'finding times': (text) => [timeRangeOf(text, new Date(AT)), daysNamedIn(text, new Date(AT))],
};

test('an error of digits, of which no more than some thousand are read', () => {
  const digits = (length: number) => '1234567890'.repeat(length / 40);
  expectNoFasterThanLength(digits, (text) => contextLimitIn(`prompt is too long: ${text}`, new Set(), 400));
});

describe.each(Object.entries(HOSTILE_TEXTS))('%s', (_, shape) => {
  test.each(Object.entries(WORK))('%s', (__, work) => {
    expectNoFasterThanLength(shape, work);
  });
});

/** What a language calls days and months, each over and over and all of them one after the other. */
function namesOfTimes(language: Language): Array<(length: number) => string> {
  const locale = `${language}-u-nu-latn`;
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
  const units = (['day', 'month'] as const).flatMap((unit) =>
    [-5, 5].flatMap((count) => {
      const parts = relative.formatToParts(count, unit).map(({ value }) => value);
      // With the word that makes a number a time, and without it.
      return [parts.join(''), parts.slice(0, 2).join(''), parts.slice(-2).join('')];
    }),
  );
  const month = new Intl.DateTimeFormat(locale, { month: 'short' }).format(new Date(AT));
  const weekday = new Intl.DateTimeFormat(locale, { weekday: 'short' }).format(new Date(AT));
  return [...units, month, weekday, [...units, month, weekday].join(' ')].map((name) => fill(`${name} `));
}

test.each(LANGUAGES)('times in the language %s, in a text as long as is read', (language) => {
  const read = (text: string) => timeParser(language).parse(text.slice(0, text.length / 16), new Date(AT));
  for (const shape of namesOfTimes(language)) expectNoFasterThanLength(shape, read);
});
