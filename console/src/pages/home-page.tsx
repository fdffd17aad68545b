import { Redirect } from 'wouter';
import { api } from '../api/client.ts';
import { useRights } from '../session/session.ts';
import { Loaded } from '../ui/states.tsx';

/** Leads to where one begins: where nobody has said anything yet, whoever comes is led by the hand. */
export function HomePage() {
  const { canChat, canRead, canChange, isOperator } = useRights();
  if (isOperator) return <Redirect to="/tenants" replace />;
  if (canChat && !canRead) return <Redirect to="/chat" replace />;
  return canChange ? <FirstOrOverview /> : <Redirect to="/overview" replace />;
}

function FirstOrOverview() {
  const turns = api.useQuery('get', '/v1/turns', { params: { query: { limit: 1 } } });
  return (
    <Loaded of={turns}>
      {({ turns: [first] }) => <Redirect to={first ? '/overview' : '/welcome'} replace />}
    </Loaded>
  );
}
