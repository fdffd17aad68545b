/** What Slack's refusals are about, and so what may still be done for the reply. */
import { slackTrouble } from '../errors.ts';

/** What a refusal is about. */
export type RefusalCause =
  /** How the reply is written: it goes again as plain text. */
  | 'content'
  /** The metadata that names the message: it goes again without. */
  | 'name'
  /** The message that was to be updated or deleted can't be any more. */
  | 'message'
  /** The thread takes no replies, the conversation may. */
  | 'thread'
  /** The place or the token: nothing that is sent there arrives. */
  | 'place';

/** Source: docs.slack.dev/reference/methods/chat.update. */
const MESSAGE = new Set([
  'message_not_found',
  'cant_update_message',
  'cant_delete_message',
  'edit_window_closed',
  'is_inactive',
  'compliance_exports_prevent_deletion',
  // Somebody else's stream is open in it, or ours has ended.
  'streaming_state_conflict',
  'message_not_in_streaming_state',
]);

/** The question was deleted, or can have no thread. A locked thread is not among them: admins closed it. */
const THREAD = new Set([
  'thread_not_found',
  'cannot_reply_to_message',
  'invalid_thread_ts',
  'restricted_action_non_threadable_channel',
]);

/** Source: docs.slack.dev/reference/methods/chat.postMessage. */
const PLACE = new Set([
  'channel_not_found',
  'channel_is_frozen',
  'channel_type_not_supported',
  'is_archived',
  'not_in_channel',
  'user_not_found',
  'cannot_dm_bot',
  'messages_tab_disabled',
  'thread_locked',
  'restricted_action',
  'restricted_action_read_only_channel',
  'restricted_action_thread_locked',
  'restricted_action_thread_only_channel',
  'ekm_access_denied',
  'team_access_not_granted',
  'team_not_found',
  'org_login_required',
  'enterprise_is_restricted',
  'two_factor_setup_required',
  'not_authed',
  'invalid_auth',
  'account_inactive',
  'token_expired',
  'token_revoked',
  'access_denied',
  'no_permission',
  'missing_scope',
  'not_allowed_token_type',
  'app_missing_action_url',
  'deprecated_endpoint',
  'method_deprecated',
]);

/**
 * What a refusal is about; undefined for an error that is none. A word that is not known is taken to be about
 * the content: another call, as plain text, costs less than a lost reply.
 */
export function refusalCause(error: unknown): RefusalCause | undefined {
  const trouble = slackTrouble(error);
  if (trouble?.kind !== 'refused') return undefined;
  const { code } = trouble;
  if (MESSAGE.has(code)) return 'message';
  if (THREAD.has(code)) return 'thread';
  if (PLACE.has(code)) return 'place';
  return code.includes('metadata') ? 'name' : 'content';
}
