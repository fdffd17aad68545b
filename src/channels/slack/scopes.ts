/** What a bot token must allow; slack-app-manifest.yml asks for the same. */
export const BOT_SCOPES = [
  'app_mentions:read',
  'assistant:write',
  'chat:write',
  'channels:history',
  'files:read',
  'groups:history',
  'im:history',
  'mpim:history',
  'users:read',
] as const;
