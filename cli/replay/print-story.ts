/** Formats a story for a terminal. */
import { styleText } from 'node:util';
import type { PromptMessage, RecalledMemory, Recollection } from '../../src/domain/conversation.ts';
import { estimateTokens } from '../../src/domain/tokens.ts';
import type { GatheredContext, TurnAnswer } from '../../src/domain/turn.ts';
import type { Step, Story, Turn } from '../../src/temporal/story.ts';

const heading = (text: string): string => styleText('bold', text);
const faint = (text: string): string => styleText('dim', text);
/** What `styleText` writes for these. */
const STYLES = new Set(['\u001B[1m', '\u001B[2m', '\u001B[22m']);
const MARKS = { done: '✓', noted: '✓', failed: '✗', open: '…' } as const;

/**
 * Text for a terminal. People and models write what they like: control characters of theirs are shown, where
 * a terminal would obey them.
 */
export function forTerminal(text: string): string {
  return text.replace(/\p{Cc}(?:\[\d+m)?/gu, (found) => {
    if (found[0] === '\n' || found[0] === '\t' || STYLES.has(found)) return found;
    return `\\x${found.charCodeAt(0).toString(16).padStart(2, '0')}${found.slice(1)}`;
  });
}

/** The whole story: summary, steps, and for a turn its message, memory, prompt and reply. */
export function printStory(story: Story): string {
  const end = story.state === 'open' ? 'still open after' : `${story.state} in`;
  const head = [
    `${heading(story.type)}  ${story.summary}`.trimEnd(),
    faint(story.workflowId),
    `${story.startedAt.toISOString()}, ${end} ${duration(story.durationMs)}, ${story.events} events`,
    ...(story.failure ? [`✗ ${story.failure}`] : []),
  ];
  const parts = [
    head.join('\n'),
    section('Steps', story.steps.map(formatStep)),
    ...(story.turn ? formatTurn(story.turn) : [section('Input', [JSON.stringify(story.input, null, 2)])]),
  ];
  return parts.filter(Boolean).join('\n\n');
}

function formatStep(step: Step): string {
  const at = `+${duration(step.atMs)}`.padStart(9);
  const took = step.durationMs === undefined ? '' : duration(step.durationMs);
  const notes = [
    step.summary && `“${step.summary}”`,
    took && `took ${took}`,
    step.attempts > 1 && `attempt ${step.attempts}`,
    step.failure && `${step.state === 'failed' ? 'failed' : 'an earlier attempt failed'}: ${step.failure}`,
  ].filter(Boolean);
  return `${at}  ${MARKS[step.state]} ${step.name.padEnd(20)} ${notes.join(', ')}`.trimEnd();
}

function windowTitle({ window, droppedFromWindow }: GatheredContext): string {
  const older = droppedFromWindow ? `, and ${droppedFromWindow} older that had no room` : '';
  return `Window: ${window.length} messages${older}`;
}

function formatTurn(turn: Turn): string[] {
  const { message, agent, context, prompt, reply, result } = turn;
  const recall = Object.entries(agent.recall).map(([name, value]) => `${name}=${value}`);
  return [
    section('Message', [
      `${message.userId} to ${agent.name} over ${message.channel.name}, turn ${message.seq} of this scope:`,
      indent(message.text),
    ]),
    context
      ? section(windowTitle(context), context.window.map(formatMessage))
      : section('Window', ['was not read: the turn continued without memory']),
    section(`Recalled: ${context?.recalled.length ?? 0} messages (${recall.join(', ')})`, [
      ...formatRecalled(context?.recalled ?? []),
      ...(context?.receipt ? [matchLine(context.receipt)] : []),
    ]),
    prompt ? formatPrompt(prompt, result?.memory.droppedFromWindow) : '',
    reply ? section(`Reply of ${reply.model}`, [indent(reply.text)]) : section('Reply', ['none']),
    section('Figures', formatFigures(turn)),
  ];
}

function formatFigures({ context, reply, result }: Turn): string[] {
  const timings = { ...context?.timingsMs, ...result?.timingsMs };
  const missing = result?.missing ?? context?.missing ?? [];
  const { waitedFor } = result ?? {};
  return [
    `timings  ${
      Object.entries(timings)
        .map(([name, ms]) => `${name} ${duration(ms)}`)
        .join(', ') || 'none'
    }`,
    `tokens   ${reply?.usage ? `${reply.usage.promptTokens} in, ${reply.usage.completionTokens} out` : 'unknown'}`,
    ...(reply ? formatNotes(reply) : []),
    `missing  ${missing.join(', ') || 'nothing'}`,
    ...(waitedFor
      ? [`waited   for ${waitedFor.workflowId}, which ${waitedFor.finished ? 'ended' : 'still ran'}`]
      : []),
  ];
}

function formatNotes({ finishReason, cutOff, reasoning, droppedFromPrompt: dropped }: TurnAnswer): string[] {
  const thought =
    reasoning &&
    ('tokens' in reasoning ? `${reasoning.tokens} tokens` : `${reasoning.characters} characters`);
  return [
    ...(finishReason ? [`ended    ${finishReason}${cutOff ? ', cut off at its length limit' : ''}`] : []),
    ...(thought ? [`thought  ${thought}`] : []),
    ...(dropped
      ? [
          `left out ${dropped.windowMessages} messages of the window, ${dropped.characters} characters of a text` +
            (dropped.context ? ', all that was recalled' : ''),
        ]
      : []),
  ];
}

/** Memories with their scores, best first. */
export function formatRecalled(recalled: readonly RecalledMemory[]): string[] {
  return recalled.map((memory) => {
    const { content, role, createdAt, score, exchangeId, ...more } = memory;
    // Further fields of a memory (rank, cosine, …) are printed unchanged.
    const details = Object.entries(more).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
    const facts = [createdAt.slice(0, 10), role, ...details].join(', ');
    return `${score.toFixed(3)}  ${content}\n       ${faint(`${facts}, exchange ${exchangeId}`)}`;
  });
}

/** The match, and the best exchange that was not recalled. */
export function matchLine(found: Omit<Recollection, 'recalled'>): string {
  const { match, nearestMiss, comparedNewest } = found;
  const miss = nearestMiss
    ? `; the next exchange, ${nearestMiss.exchangeId} with ${nearestMiss.score}, was left out by ${nearestMiss.why}`
    : '';
  const part =
    comparedNewest === undefined ? '' : `, of which the newest ${comparedNewest} passages were compared`;
  return `Match with what is remembered${part}: ${match}${miss}`;
}

/** The prompt as it was sent. */
export function formatPrompt(prompt: readonly PromptMessage[], dropped = 0): string {
  const tokens = prompt.reduce((sum, { content }) => sum + estimateTokens(content), 0);
  const left = dropped > 0 ? `, without the ${dropped} oldest messages of the window` : '';
  return section(
    `Prompt: ${prompt.length} messages, about ${tokens} tokens${left}`,
    prompt.map(formatMessage),
  );
}

function formatMessage({ role, content }: { role: string; content: string }): string {
  return `${role.padEnd(9)} ${content.replaceAll('\n', `\n${' '.repeat(10)}`)}`;
}

/** A heading with its lines below it. */
export function section(title: string, lines: readonly string[]): string {
  return [heading(title), ...lines.map(indent)].join('\n');
}

function indent(text: string): string {
  return `  ${text.replaceAll('\n', '\n  ')}`;
}

function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms * 10) / 10} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(2)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`;
}
