import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { fitMessages } from './fit-messages.mjs';

// One thread: with two, a model of this size is twice as fast on a quiet machine and collapses when the rest of the
// stack wants the cores.
const THREADS = 1;
const CONTEXT_TOKENS = 2560;
/** Longest reply; with the longest prompt it fills the context. */
export const MAX_REPLY_TOKENS = 512;
const PROMPT_TOKENS = CONTEXT_TOKENS - MAX_REPLY_TOKENS;
const REPEAT_PENALTY = { penalty: 1.15, lastTokens: 96 };

/**
 * Loads the model.
 * @param {{packages: string, modelPath: string}} options `packages` is the folder whose node_modules has node-llama-cpp
 * @returns {Promise<{generate: Function}>}
 */
export async function loadEngine({ packages, modelPath }) {
  const entry = path.join(packages, 'node_modules/node-llama-cpp/dist/index.js');
  const { getLlama, LlamaChat, ChatMLChatWrapper } = await import(pathToFileURL(entry).href);
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    maxThreads: THREADS,
    progressLogs: false,
    logLevel: 'error',
  });
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const context = await model.createContext({ contextSize: CONTEXT_TOKENS, threads: THREADS, sequences: 1 });
  const chat = new LlamaChat({
    contextSequence: context.getSequence(),
    chatWrapper: new ChatMLChatWrapper(),
  });
  const count = (text) => model.tokenize(text).length;

  /**
   * One reply. Ends early, with what there is, when `signal` is aborted.
   * @param {{messages: {role: string, content: string}[], maxTokens: number, temperature: number, signal: AbortSignal, onText: (text: string) => void}} request
   */
  async function generate({ messages, maxTokens, temperature, signal, onText }) {
    const fitted = fitMessages(messages, { budget: PROMPT_TOKENS, count });
    let completionTokens = 0;
    const history = [...fitted.map(toHistory), { type: 'model', response: [] }];
    const { response, metadata } = await chat.generateResponse(history, {
      maxTokens,
      temperature,
      signal,
      stopOnAbortSignal: true,
      repeatPenalty: REPEAT_PENALTY,
      onTextChunk: onText,
      onToken: (tokens) => (completionTokens += tokens.length),
    });
    return {
      text: response,
      promptTokens: fitted.reduce((sum, message) => sum + count(message.content), 0),
      completionTokens,
      finishReason: metadata.stopReason === 'maxTokens' ? 'length' : 'stop',
    };
  }
  return { generate };
}

function toHistory({ role, content }) {
  if (role === 'system') return { type: 'system', text: content };
  return role === 'assistant' ? { type: 'model', response: [content] } : { type: 'user', text: content };
}
