/** What a bot token must allow; slack-app-manifest.yml asks for the same. */
export const BOT_SCOPES = [
  'app_mentions:read',
  'assistant:write',
  'chat:write',
  'chat:write.customize',
  'channels:history',
  'files:read',
  'files:write',
  'groups:history',
  'im:history',
  'mpim:history',
  'users:read',
] as const;
