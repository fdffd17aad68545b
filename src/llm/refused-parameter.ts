/** Which of the parameters that were sent a server refuses. */
import { isSentInPart, type IsSent } from './sent-text.ts';

/**
 * `largest`: the value would do if it were no larger. `echoed`: the server may only repeat what was sent to
 * it.
 */
export type Refusal = { parameter: Parameter; largest?: number; echoed?: boolean };

export type Parameter = 'stream' | 'stream_options' | 'max_tokens' | 'max_completion_tokens' | 'system';

/** The longer names first: `stream` stands in `stream_options`. */
const NAMES: readonly Parameter[] = ['stream_options', 'max_completion_tokens', 'max_tokens', 'stream'];

const REFUSES =
  /unsupported|not\s+(?:be\s+)?(?:supported|permitted|allowed|implemented|recognized|recognised|available|valid|enabled)|unknown|unrecogni[sz]ed|unexpected|extra|forbidden|invalid|does(?:n.t| not) support|isn.t supported|cannot|can.t be|no such|must be|should be|only (?:be )?(?:allowed|supported|valid|set)|not a (?:valid|known)|remove|disable|too large|exceed|less than|at most|range|maximum|>|不支持|未知/i;

const UNNAMED =
  /extra (?:inputs?|fields?|parameters?)|unknown (?:field|parameter|argument|name)|unrecogni[sz]ed (?:request )?(?:argument|field|parameter)|unexpected (?:keyword|field|parameter|property)|additional propert/i;

const NO_SYSTEM =
  /system (?:role|message|prompt)s?[^\n]{0,40}not (?:be )?(?:supported|enabled|allowed)|does(?:n.t| not) support[^\n]{0,30}system|only user[^\n]{0,40}roles? (?:is|are) supported|developer instruction is not enabled|unsupported (?:role|value)[^\n]{0,40}system|roles? must alternate|alternate user|first message[^\n]{0,30}user|(?:start|begin)s? with (?:a |the )?[^\n]{0,3}user|invalid role[^\n]{0,20}system|(?:invalid value|unexpected (?:role|value)|received)[^\n]{0,10}system/i;

/** Where the role of the first message is refused, whatever is said of it. */
const FIRST_ROLE = /messages\W{0,2}0\W{1,2}role/;

/** Undefined when no parameter is to blame. */
export function refusedParameter(
  error: { texts: string; param: string; loc: string },
  sent: ReadonlyMap<Parameter, unknown>,
  isSent: IsSent = () => false,
): Refusal | undefined {
  const { texts, param, loc } = error;
  // After the one system message roles alternate strictly, so the system message is what counts as a role.
  const noSystem = NO_SYSTEM.exec(texts) ?? FIRST_ROLE.exec(loc) ?? FIRST_ROLE.exec(texts);
  if (sent.has('system') && noSystem)
    return { parameter: 'system', echoed: isSentInPart(noSystem[0], isSent) };
  const named =
    NAMES.find((name) => sent.has(name) && isNamed(name, param)) ??
    NAMES.find((name) => sent.has(name) && isNamed(name, loc));
  const refuses = REFUSES.test(texts) || REFUSES.test(loc);
  const mentioned = refuses ? NAMES.find((name) => sent.has(name) && isNamed(name, texts)) : undefined;
  const parameter =
    named ??
    mentioned ??
    (refuses && sent.has('stream') && /\bstreaming\b/i.test(texts) ? 'stream' : undefined);
  if (!parameter) {
    const unnamed = UNNAMED.exec(texts)?.[0];
    if (unnamed === undefined) return undefined;
    // Nobody says which: the newest first.
    return ['stream_options' as const, 'max_completion_tokens' as const]
      .filter((name) => sent.has(name))
      .map((name) => ({ parameter: name, echoed: isSentInPart(unnamed, isSent) }))[0];
  }
  const echoed = namesOf(parameter).some(isSent);
  const value = sent.get(parameter);
  if (typeof value === 'number') {
    const largest = largestAllowed(texts, value);
    if (largest !== undefined) return { parameter, largest, echoed: echoed || isSent(String(largest)) };
  }
  return { parameter, echoed };
}

/** How errors call a parameter. */
function namesOf(parameter: Parameter): string[] {
  const spaced = parameter.replaceAll('_', ' ');
  const more = { stream: 'streaming', stream_options: 'include_usage' };
  return [
    parameter,
    spaced,
    ...Object.entries(more).flatMap(([of, name]) => (of === parameter ? [name] : [])),
  ];
}

function isNamed(name: Parameter, text: string): boolean {
  if (text === '') return false;
  if (name === 'stream_options' && text.includes('include_usage')) return true;
  // "max tokens" is written for `max_tokens`.
  const written = name.replaceAll('_', '[_ ]');
  return new RegExp(`(?<![\\w-])${written}(?![\\w-])`).test(text.slice(0, 16_000));
}

/** The largest number of the message that is below what was sent, where it is about sizes. */
function largestAllowed(texts: string, sent: number): number | undefined {
  if (
    !/too large|at most|maximum|less than|exceed|range|>|<=|up to|max(?:imum)? (?:allowed|value)/i.test(texts)
  )
    return undefined;
  const numbers = [...texts.slice(0, 4_000).matchAll(/\d[\d,]*/g)].map(([digits]) =>
    Number(digits.replaceAll(',', '')),
  );
  const below = numbers.filter((number) => number >= 16 && number < sent);
  return below.length > 0 ? Math.max(...below) : undefined;
}
