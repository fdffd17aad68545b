/** Signatures by an implementation that isn't ours: PyPI's slack_sdk, in a process that stays up. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pipFile } from '../../local/stack/provision.ts';

const SLACK_SDK = {
  title: 'slack_sdk, which signs test requests (0.3 MB)',
  requirement: 'slack_sdk==3.47.0',
  sha256: ['8cfab3224d149962ef4313c1430d9ff65b8c3baf09f25988a920858ffa90aaa9'],
  files: ['slack_sdk/signature/__init__.py'],
};

export type SlackSigner = {
  /** The `x-slack-signature` of a body. `timestamp` in seconds. */
  sign(request: { secret: string; timestamp: string; body: string }): Promise<string>;
  close(): Promise<void>;
};

export async function startSlackSigner(): Promise<SlackSigner> {
  const context = { env: process.env, log: () => undefined, signal: new AbortController().signal };
  const file = await pipFile(context, SLACK_SDK, 'it is only needed for the tests');
  const folder = path.dirname(path.dirname(path.dirname(file)));
  const script = fileURLToPath(new URL('./slack-signer.py', import.meta.url));
  const python = spawn('python3', [script, folder], { stdio: ['pipe', 'pipe', 'inherit'] });
  const answers = createInterface({ input: python.stdout })[Symbol.asyncIterator]();
  let last: Promise<unknown> = Promise.resolve();
  return {
    sign(request) {
      // One question at a time: the answers carry no names.
      const answer = last.then(async () => {
        python.stdin.write(`${JSON.stringify(request)}\n`);
        const { value } = await answers.next();
        return String(value);
      });
      last = answer.catch(() => undefined);
      return answer;
    },
    async close() {
      python.stdin.end();
      if (python.exitCode === null) await once(python, 'exit');
    },
  };
}
