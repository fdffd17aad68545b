/** The manifests, by which Slack makes the app, ask for what the code uses. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { BOT_SCOPES } from '../../src/channels/slack/scopes.ts';

const manifest = (name: string) => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');
const MANIFESTS = ['slack-app-manifest.yml', 'slack-app-manifest.socket-mode.yml'];
/** The items of a list, by the key above it. */
const list = (yaml: string, key: string): string[] => {
  const [, after = ''] = yaml.split(new RegExp(`^ +${key}:\\n`, 'm'));
  const lines = after.split('\n');
  const end = lines.findIndex((line) => !/^ +- /.test(line));
  return lines.slice(0, end).map((line) => line.replace(/^ +- (\S+).*$/, '$1'));
};

test.each(MANIFESTS)('%s asks for the scopes that an installation by link asks for', (name) => {
  expect(list(manifest(name), 'bot').toSorted()).toEqual(BOT_SCOPES.toSorted());
});

test('both hear of the same', () => {
  const [first, second] = MANIFESTS.map((name) => list(manifest(name), 'bot_events'));
  expect(first).toContain('app_uninstalled');
  expect(first).toEqual(second);
});
