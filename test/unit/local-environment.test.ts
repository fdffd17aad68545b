import { expect, test } from '@jest/globals';
import { forLocalTemporal, homeDirectory } from '../../src/config/installation.ts';
import { startSettings } from '../../local/stack/settings.ts';

test('what a shell has set for a remote Temporal is kept from the local one', () => {
  const remote = {
    TEMPORAL_API_KEY: 'k',
    TEMPORAL_TLS: 'true',
    TEMPORAL_TLS_CLIENT_CERT_PATH: '/x',
    TEMPORAL_PROFILE: 'cloud',
    TEMPORAL_CONFIG_FILE: '/x',
    TEMPORAL_GRPC_META_X: 'x',
  };
  const own = { TEMPORAL_NAMESPACE: 'n', TEMPORAL_UI_URL: 'http://x', PATH: '/bin' };
  expect(forLocalTemporal({ ...remote, ...own })).toEqual(own);
});

test('empty settings of the local stack count as not set', () => {
  expect(homeDirectory({ KONSTRUCT_HOME: '' })).toMatch(/[/\\]\.konstruct$/);
  expect(homeDirectory({ KONSTRUCT_HOME: '/srv/konstruct' })).toBe('/srv/konstruct');
  expect(startSettings({ PORT: '', TEMPORAL_NAMESPACE: '' })).toMatchObject({
    port: '3000',
    namespace: 'default',
  });
});
