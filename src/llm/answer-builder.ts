import { meaningOf } from './finish.ts';
import { createGrowingText } from './growing-text.ts';
import { beginningOf } from './json.ts';
import type { Piece } from './piece.ts';
import { createThoughtFilter } from './thought-filter.ts';

/** An answer longer than this is ended here and counts as cut off: some models never stop. */
const MAX_CHARACTERS = 200_000;
/** Nobody reads more of a refusal. */
const MAX_REFUSAL = 10_000;

/** What a stream or a document has said in all. */
export type BuiltAnswer = {
  text: string;
  /** Characters that were thought, in tags and in fields. */
  thought: number;
  /** The text began within a thought whose opening tag was missing. */
  orphan: boolean;
  refusal: string;
  finish: string | undefined;
  model: string | undefined;
  promptTokens: number | undefined;
  completionTokens: number | undefined;
  reasoningTokens: number | undefined;
  /** The server said in one way or another that this is all of it. */
  isWhole: boolean;
  error: unknown;
};

export type AnswerBuilder = {
  take: (piece: Piece) => void;
  /** `[DONE]`, or a document that is complete by itself. */
  markWhole: () => void;
  /** A reason to finish was given: only counts may follow. */
  isFinished: () => boolean;
  /** No more need be read: the end was said, or the answer is as long as it may be. */
  isOver: () => boolean;
  /** True once any word or thought has come. What is blank is neither. */
  hasBegun: () => boolean;
  shown: () => string;
  /** Characters that it keeps, about. */
  held: () => number;
  end: () => BuiltAnswer;
};

/** Puts the pieces of an answer together. */
export function createAnswerBuilder(options: { mayOmitTag: boolean }): AnswerBuilder {
  let filter = createThoughtFilter(options);
  const refusal = createGrowingText();
  const built = nothingYet();
  let length = 0;
  let hasBegun = false;
  let isOver = false;
  const ending = createEnding();
  const growth = createGrowth();

  const restart = (text: string): void => {
    filter = createThoughtFilter(options);
    filter.push(text.slice(0, MAX_CHARACTERS));
    length = text.length;
  };
  const add = (text: string): void => {
    const { say, anew } = growth.next(text, built.finish !== undefined);
    if (!anew && say.trim() !== '') ending.goesOn();
    if (anew) restart(say);
    else {
      filter.push(say.slice(0, Math.max(0, MAX_CHARACTERS - length)));
      length += say.length;
    }
    if (length > MAX_CHARACTERS) {
      built.finish = 'length';
      ending.settle();
      isOver = true;
    }
  };

  return {
    take: (piece) => {
      if (isOver) return;
      hasBegun ||= [piece.text, piece.message, piece.reasoning].some((said) => /\S/.test(said ?? ''));
      if (piece.error !== undefined && !ending.isWhole()) built.error = piece.error;
      built.finish = piece.finish ?? built.finish;
      if (piece.reasoning) built.thought += piece.reasoning.length;
      if (piece.refusal) refusal.add(beginningOf(piece.refusal, MAX_REFUSAL - refusal.text().length));
      if (piece.text) add(piece.text);
      if (piece.message) {
        const whole = growth.asWhole(piece.message);
        if (whole === undefined) add(piece.message);
        else if (whole.anew) restart(piece.message);
      }
      built.model = piece.model ?? built.model;
      built.promptTokens = piece.promptTokens ?? built.promptTokens;
      built.completionTokens = piece.completionTokens ?? built.completionTokens;
      built.reasoningTokens = piece.reasoningTokens ?? built.reasoningTokens;
      if (piece.finish !== undefined) ending.say();
      if (piece.end) ending.settle();
      if (piece.countsAlone && length > 0) ending.say();
    },
    markWhole: () => {
      ending.settle();
      isOver = true;
    },
    isFinished: ending.isWhole,
    isOver: () => isOver || built.error !== undefined,
    hasBegun: () => hasBegun,
    shown: () => (growth.isUnclear() ? '' : filter.shown()),
    // The text itself stands in the filter, up to where it was certain as well.
    held: () => growth.held() + 2 * Math.min(length, MAX_CHARACTERS) + refusal.text().length,
    end: () => {
      const { text, thought, orphan, document } = filter.end();
      // Cut off, it was a thought that took all there was.
      const isDocument = document !== '' && meaningOf(built.finish) !== 'cutOff';
      return {
        ...built,
        refusal: refusal.text(),
        isWhole: ending.mayBeWhole(),
        text: (isDocument ? document : text).slice(0, MAX_CHARACTERS),
        thought: built.thought + (isDocument ? 0 : thought),
        orphan,
      };
    },
  };
}

const nothingYet = (): Omit<BuiltAnswer, 'text' | 'orphan' | 'isWhole' | 'refusal'> => ({
  thought: 0,
  finish: undefined,
  model: undefined,
  promptTokens: undefined,
  completionTokens: undefined,
  reasoningTokens: undefined,
  error: undefined,
});

/** Whether an answer is whole, by what the server says of its end. */
function createEnding() {
  /** An end was said after the last text. */
  let isSaid = false;
  /** Text came after an end was said: this server says so in vain, and the body's own end counts. */
  let isVain = false;
  let isCertain = false;
  return {
    say: () => void (isSaid = true),
    settle: () => void (isCertain = true),
    /** More text has come. */
    goesOn: () => {
      isVain ||= isSaid;
      isSaid = false;
    },
    isWhole: () => isCertain || (isSaid && !isVain),
    /** Once the body has ended. */
    mayBeWhole: () => isCertain || isSaid,
  };
}

/** Chunks that each hold the whole text so far are told by this many that each continue the one before. */
const TELLING_CHUNKS = 3;
const TELLING_LENGTH = 12;

/**
 * Most servers send what is new; some send the whole text so far each time, or the whole once more at the
 * end. That is told when from the first chunk on each begins with all of the one before and is longer:
 * three such chunks, the last of some length, are no coincidence.
 */
function createGrowth() {
  /** The newest chunk while each has continued the one before; the whole text once that is certain. */
  let chain: string | undefined;
  let links = 0;
  let isCumulative = false;
  let said = createGrowingText();

  return {
    next(text: string, isLast: boolean): { say: string; anew: boolean } {
      if (isCumulative) {
        const before = chain ?? '';
        // Shorter or another text: it was a correction, and the newest whole text holds.
        if (!text.startsWith(before))
          return before.startsWith(text) ? { say: '', anew: false } : this.replace(text);
        chain = text;
        return { say: text.slice(before.length), anew: false };
      }
      if (links === 0 || (chain !== undefined && text.length > chain.length && text.startsWith(chain))) {
        chain = text;
        links += 1;
        if (links >= TELLING_CHUNKS && text.length >= TELLING_LENGTH) {
          isCumulative = true;
          said = createGrowingText();
          return { say: text, anew: true };
        }
      } else {
        chain = undefined;
        // The finishing chunk repeats the whole.
        const isRepeat = isLast && text.length >= TELLING_LENGTH && text === said.text();
        if (isRepeat) return { say: '', anew: false };
        links = -1;
      }
      said.add(text);
      return { say: text, anew: false };
    },
    replace(text: string): { say: string; anew: boolean } {
      chain = text;
      return { say: text, anew: true };
    },
    /** A `message` among deltas: undefined when it is one more piece, else whether it holds instead. */
    asWhole(message: string): { anew: boolean } | undefined {
      if (isCumulative) return { anew: message !== chain };
      const text = said.text();
      if (text === '' || message.length < text.length) return undefined;
      if (message === text) return { anew: false };
      // As with chunks, a short beginning proves nothing.
      if (!message.startsWith(text) || text.length < TELLING_LENGTH) return undefined;
      said = createGrowingText(message);
      return { anew: true };
    },
    /** Characters. */
    held: () => said.text().length + (chain?.length ?? 0),
    /** Two chunks that look cumulative: what is true shows with the third. */
    isUnclear: () => !isCumulative && chain !== undefined && links > 1,
  };
}
