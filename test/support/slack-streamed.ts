/** Streams, as Slack's reference describes them: a message that grows by appending, and ends. */
type Ask = <T>(method: string, body: object) => Promise<T>;

export type SlackStreamed = {
  /** All streams die, as Slack's do after some minutes: nothing can be appended any more. */
  endStreams(): void;
  /** How many are open. */
  openStreams(): number;
};

/** `ask` calls the emulator as the bot. */
export function createSlackStreamed(ask: Ask) {
  const texts = new Map<string, string>();
  const refused = (error: string) => ({ ok: false, error });
  const streamed: SlackStreamed = { endStreams: () => texts.clear(), openStreams: () => texts.size };
  return {
    streamed,
    /** Undefined for a call that is about no stream. */
    async answer(method: string, body: Record<string, string>): Promise<object | undefined> {
      const { channel = '', ts = '', markdown_text: added = '' } = body;
      switch (method) {
        case 'chat.startStream': {
          const { thread_ts } = body;
          const started = await ask<{ ts: string }>('chat.postMessage', { channel, thread_ts, text: added });
          texts.set(started.ts, added);
          return { ok: true, channel, ts: started.ts };
        }
        case 'chat.appendStream': {
          const before = texts.get(ts);
          if (before === undefined) return refused('message_not_in_streaming_state');
          texts.set(ts, before + added);
          await ask('chat.update', { channel, ts, text: before + added });
          return { ok: true, channel, ts };
        }
        case 'chat.stopStream':
          return texts.delete(ts) ? { ok: true, channel, ts } : refused('message_not_in_streaming_state');
        case 'chat.update':
          return texts.has(ts) ? refused('streaming_state_conflict') : undefined;
        default:
          return undefined;
      }
    },
  };
}
