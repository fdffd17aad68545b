import { Redirect } from 'wouter';
import { api } from '../api/client.ts';
import { useRights } from '../session/session.ts';
import { Loaded } from '../ui/states.tsx';

/** Leads to where one begins: whoever has no agent yet is led by the hand. */
export function HomePage() {
  const { canChat, canRead, canChange, isOperator } = useRights();
  if (isOperator) return <Redirect to="/tenants" replace />;
  if (canChat && !canRead) return <Redirect to="/chat" replace />;
  return canChange ? <FirstOrOverview /> : <Redirect to="/overview" replace />;
}

function FirstOrOverview() {
  const agents = api.useQuery('get', '/v1/agents', { params: { query: { limit: 1 } } });
  return (
    <Loaded of={agents}>
      {({ agents: [first] }) => <Redirect to={first ? '/overview' : '/welcome'} replace />}
    </Loaded>
  );
}
