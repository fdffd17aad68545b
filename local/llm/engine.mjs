import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { fitMessages } from './fit-messages.mjs';

// With two threads a model of this size is twice as fast on an idle machine,
// but many times slower when the rest of the stack needs the cores.
const THREADS = 1;
const CONTEXT_TOKENS = 2560;
/** The longest reply. Together with the longest prompt it fills the context. */
export const MAX_REPLY_TOKENS = 512;
const PROMPT_TOKENS = CONTEXT_TOKENS - MAX_REPLY_TOKENS;
const REPEAT_PENALTY = { penalty: 1.15, lastTokens: 96 };

/**
 * Loads the model.
 * @param {{packages: string, modelPath: string}} options node-llama-cpp is in `packages`/node_modules
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
   * Generates one reply. When `signal` is aborted, it resolves with the text so far.
   * @param {object} request
   * @param {{role: string, content: string}[]} request.messages
   * @param {number} request.maxTokens
   * @param {number} request.temperature
   * @param {AbortSignal} request.signal
   * @param {(text: string) => void} request.onText called with each piece of text
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
