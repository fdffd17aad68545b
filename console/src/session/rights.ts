import type { Shown } from '../api/shown-session.ts';

/** What the page shows to whom. The API decides what is allowed. */
export type Rights = {
  /** Talk to agents. */
  canChat: boolean;
  /** Read everything of the tenant. */
  canRead: boolean;
  /** Change agents, forget and import. */
  canChange: boolean;
  /** Tenants and keys. */
  isOperator: boolean;
};

export function rightsOf(session: Shown): Rights {
  // Pages that are kept stay as they are.
  if (session.kind === 'none' && session.before) return rightsOf(session.before);
  const role = session.kind === 'key' ? session.role : undefined;
  return {
    canChat: role === 'chat' || role === 'admin',
    canRead: role === 'read' || role === 'admin',
    canChange: role === 'admin',
    isOperator: session.kind === 'operator',
  };
}
