/**
 * Every call of the API that needs a key or the operator's token: what it does, which role of a key may do
 * it, and whether it is audited. A handler behind a key finds no tenant unless its call stands here.
 */
import type { AuditAction } from '../db/audit.ts';
import type { KeyRole } from '../domain/key-roles.ts';

export type Call = {
  /** The object and the verb, as the audit log has them. */
  action: AuditAction;
  method: 'get' | 'post' | 'patch' | 'put' | 'delete';
  path: string;
  /** The part of the path that names the object. */
  id?: 'agentId' | 'messageId' | 'erasureId' | 'importId' | 'keyId' | 'tenantId';
  /** Whether it changes nothing; by its method, unless given. */
  isRead?: boolean;
  /** It looks up what it is about before it counts as what it does. So it counts as a read too. */
  looksUp?: true;
  /** It changes more than a conversation, or takes data out: it leaves an entry, done or refused. */
  isAudited?: true;
  /** As how many messages it counts at the pace, if it is audited; one unless given. */
  cost?: number;
};

/** An erasure looks for what is left several times, and each look costs about half a reply. */
const COST_OF_ERASURE = 5;

/** The roles that may make the call beside `admin`, which may everything. */
export type TenantCall = Call & {
  roles: readonly KeyRole[];
  /** Its answer is a page of a list: how many are under way is bounded. */
  isList?: true;
};

/** Calls with a tenant's key, below /v1. */
export const TENANT_CALLS: readonly TenantCall[] = [
  { action: 'message.send', method: 'post', path: '/agents/:agentId/messages', roles: ['chat'] },
  { action: 'message.complete', method: 'post', path: '/chat/completions', roles: ['chat'], looksUp: true },
  {
    action: 'message.read',
    method: 'get',
    path: '/messages/:messageId',
    id: 'messageId',
    roles: ['chat', 'read'],
  },
  {
    action: 'message.follow',
    method: 'get',
    path: '/messages/:messageId/events',
    id: 'messageId',
    roles: ['chat', 'read'],
  },
  {
    action: 'message.retry',
    method: 'post',
    path: '/messages/:messageId/retry',
    id: 'messageId',
    roles: ['chat'],
    looksUp: true,
  },
  {
    action: 'message.story',
    method: 'get',
    path: '/messages/:messageId/story',
    id: 'messageId',
    roles: ['read'],
    isList: true,
  },
  {
    action: 'memory.read',
    method: 'get',
    path: '/agents/:agentId/users/:userId/memory',
    roles: ['read'],
    isList: true,
  },
  {
    action: 'memory.search',
    method: 'post',
    path: '/agents/:agentId/users/:userId/memory/search',
    roles: ['read'],
    isRead: true,
    isList: true,
  },
  {
    action: 'agent.preview',
    method: 'post',
    path: '/agents/:agentId/preview',
    id: 'agentId',
    roles: ['read'],
    isRead: true,
    isList: true,
  },
  {
    action: 'memory.erase',
    method: 'delete',
    path: '/agents/:agentId/users/:userId/memory',
    roles: [],
    isAudited: true,
    cost: COST_OF_ERASURE,
  },
  {
    action: 'memory.erase-exchange',
    method: 'delete',
    path: '/agents/:agentId/users/:userId/memory/:exchangeId',
    roles: [],
    isAudited: true,
    cost: COST_OF_ERASURE,
  },
  { action: 'erasure.read', method: 'get', path: '/erasures/:erasureId', id: 'erasureId', roles: ['read'] },
  {
    action: 'memory.export',
    method: 'get',
    path: '/agents/:agentId/users/:userId/memory/export',
    roles: ['read'],
    isAudited: true,
  },
  {
    action: 'memory.import',
    method: 'post',
    path: '/agents/:agentId/users/:userId/memory/import',
    roles: [],
    isAudited: true,
  },
  { action: 'import.read', method: 'get', path: '/imports/:importId', id: 'importId', roles: ['read'] },
  { action: 'agent.list-models', method: 'get', path: '/models', roles: ['chat', 'read'], isList: true },
  { action: 'agent.list', method: 'get', path: '/agents', roles: ['read'], isList: true },
  { action: 'agent.create', method: 'post', path: '/agents', roles: [], isAudited: true },
  { action: 'agent.read', method: 'get', path: '/agents/:agentId', id: 'agentId', roles: ['read'] },
  {
    action: 'agent.change',
    method: 'patch',
    path: '/agents/:agentId',
    id: 'agentId',
    roles: [],
    isAudited: true,
  },
  {
    action: 'slack.install-link',
    method: 'post',
    path: '/agents/:agentId/slack/install-link',
    id: 'agentId',
    roles: [],
    isAudited: true,
  },
  {
    action: 'slack-channel.give',
    method: 'put',
    path: '/agents/:agentId/slack/channels/:channelId',
    id: 'agentId',
    roles: [],
    isAudited: true,
  },
  {
    action: 'slack-channel.take',
    method: 'delete',
    path: '/agents/:agentId/slack/channels/:channelId',
    id: 'agentId',
    roles: [],
    isAudited: true,
  },
  {
    action: 'slack.list-installations',
    method: 'get',
    path: '/slack/installations',
    roles: ['read'],
    isList: true,
  },
  { action: 'slack.list-channels', method: 'get', path: '/slack/channels', roles: ['read'], isList: true },
  { action: 'user.list', method: 'get', path: '/agents/:agentId/users', roles: ['read'], isList: true },
  { action: 'turn.list', method: 'get', path: '/turns', roles: ['read'], isList: true },
  { action: 'turn.overview', method: 'get', path: '/overview', roles: ['read'], isList: true },
  { action: 'feedback.read', method: 'get', path: '/feedback', roles: ['read'], isList: true },
  { action: 'escalation.list', method: 'get', path: '/escalations', roles: ['read'], isList: true },
  {
    action: 'escalation.read',
    method: 'get',
    path: '/threads/:threadId/escalation',
    roles: ['chat', 'read'],
  },
  {
    action: 'escalation.open',
    method: 'post',
    path: '/threads/:threadId/escalation',
    roles: ['chat'],
    isAudited: true,
  },
  {
    action: 'escalation.end',
    method: 'delete',
    path: '/threads/:threadId/escalation',
    roles: ['chat'],
    isAudited: true,
  },
  { action: 'audit.read', method: 'get', path: '/audit', roles: ['read'], isList: true },
];

/** Signing in to the console with a tenant's key, and looking who has. */
export const SESSION_CALLS = {
  start: {
    action: 'session.start',
    method: 'post',
    path: '/console/session',
    roles: ['chat', 'read'],
    isAudited: true,
  },
  read: { action: 'session.read', method: 'get', path: '/console/session', roles: ['chat', 'read'] },
} as const satisfies Record<string, TenantCall>;

/** Calls with the operator's token, below /v1/tenants. */
export const OPERATOR_CALLS: readonly Call[] = [
  { action: 'audit.read-all', method: 'get', path: '/audit' },
  { action: 'audit.read', method: 'get', path: '/:tenantId/audit' },
  { action: 'tenant.list', method: 'get', path: '/' },
  { action: 'tenant.create', method: 'post', path: '/', isAudited: true },
  { action: 'tenant.read', method: 'get', path: '/:tenantId', id: 'tenantId' },
  { action: 'tenant.change', method: 'patch', path: '/:tenantId', id: 'tenantId', isAudited: true },
  { action: 'tenant.remove', method: 'delete', path: '/:tenantId', id: 'tenantId', isAudited: true },
  { action: 'removal.read', method: 'get', path: '/:tenantId/removal' },
  {
    action: 'tenant.reindex',
    method: 'post',
    path: '/:tenantId/reindex',
    id: 'tenantId',
    isAudited: true,
  },
  { action: 'reindex.read', method: 'get', path: '/:tenantId/reindex' },
  { action: 'api-key.list', method: 'get', path: '/:tenantId/api-keys' },
  { action: 'api-key.issue', method: 'post', path: '/:tenantId/api-keys', isAudited: true },
  {
    action: 'api-key.rotate',
    method: 'post',
    path: '/:tenantId/api-keys/:keyId/rotate',
    id: 'keyId',
    isAudited: true,
  },
  {
    action: 'api-key.revoke',
    method: 'delete',
    path: '/:tenantId/api-keys/:keyId',
    id: 'keyId',
    isAudited: true,
  },
];

/** The roles that may make a call with a tenant's key. */
export const rolesOf = ({ roles }: TenantCall): readonly KeyRole[] => [...roles, 'admin'];

const callOf = (action: AuditAction): TenantCall => {
  const call = TENANT_CALLS.find((known) => known.action === action);
  if (!call) throw new Error(`${action} is no call`);
  return call;
};

/** The tools of the MCP server: each is a call, with its roles, its bounds and its audit entries. */
export const TOOL_CALLS = {
  search_memory: callOf('memory.search'),
  list_memories: callOf('memory.read'),
  forget_memory: callOf('memory.erase-exchange'),
  send_message: callOf('message.send'),
} as const satisfies Record<string, TenantCall>;
