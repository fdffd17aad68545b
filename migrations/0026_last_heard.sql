-- Up Migration
-- When a user was last heard. An import and an erasure make the row of a scope too, and have heard nobody: the
-- beginning of time stands for that, so that such a user is the last of a list.
ALTER TABLE scopes ALTER COLUMN active_at SET DEFAULT 'epoch';

-- Rows from before the column have the moment at which it came. The ledger knows better, as far as it is kept. Only the
-- tables' owner sees the rows of all tenants, while no policy is forced on it; administrators are not all superusers.
ALTER TABLE scopes NO FORCE ROW LEVEL SECURITY;
ALTER TABLE turns NO FORCE ROW LEVEL SECURITY;
SET LOCAL ROLE konstruct_owner;
UPDATE scopes s SET active_at = heard.last
  FROM (SELECT u.tenant_id, u.agent_id, u.user_id, coalesce(max(t.received_at), 'epoch') AS last
        FROM scopes u LEFT JOIN turns t
          ON t.tenant_id = u.tenant_id AND t.agent_id = u.agent_id AND t.user_id = u.user_id
            AND t.kind = 'message' AND t.state <> 'erased'
        GROUP BY 1, 2, 3) AS heard
  WHERE s.tenant_id = heard.tenant_id AND s.agent_id = heard.agent_id AND s.user_id = heard.user_id
    AND s.active_at <> heard.last;
RESET ROLE;
ALTER TABLE scopes FORCE ROW LEVEL SECURITY;
ALTER TABLE turns FORCE ROW LEVEL SECURITY;

-- Down Migration
ALTER TABLE scopes ALTER COLUMN active_at SET DEFAULT now();
