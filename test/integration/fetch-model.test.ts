import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { fetchModel, MODEL } from '../../local/fetch-model.mjs';
import { serve } from '../support/http-server.ts';
import { modelsPath } from '../support/services.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'konstruct-model-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A hub that has the model, and what it was asked for; `change` is done to each file. */
async function hub(change: (file: string, bytes: Buffer) => Buffer) {
  const asked: string[] = [];
  const server = await serve((req, res) => {
    asked.push(req.url ?? '');
    const file = (req.url ?? '').split('/').slice(5).join('/');
    res.end(change(file, readFileSync(path.join(modelsPath(), MODEL, file))));
  });
  return { ...server, asked };
}

test('the model is fetched by revision', async () => {
  const { url, asked, close } = await hub((_file, bytes) => bytes);
  await fetchModel(folder, { hub: url });
  await close();
  for (const path of asked) expect(path).toMatch(/\/resolve\/[\da-f]{40}\//);
  for (const file of ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx'])
    expect(existsSync(path.join(folder, MODEL, file))).toBe(true);
});

test.each(['onnx/model.onnx', 'tokenizer.json'])(
  'another %s than the pinned one is not used',
  async (wanted) => {
    const { url, close } = await hub((file, bytes) =>
      file === wanted ? Buffer.concat([bytes, Buffer.of(0)]) : bytes,
    );
    const target = path.join(folder, wanted);
    await expect(fetchModel(target, { hub: url })).rejects.toThrow(`${wanted} has the wrong sha256`);
    await close();
    expect(existsSync(path.join(target, MODEL, wanted))).toBe(false);
  },
);
