import { Activity } from 'react';
import { RouterProvider } from 'react-aria-components';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { userIdOf } from './paths.ts';
import { Shell } from './shell.tsx';
import { AnotherSession } from './session/another-session.tsx';
import { SignIn } from './session/sign-in.tsx';
import { rightsOf, type Rights } from './session/rights.ts';
import { useSession } from './session/session.ts';
import { Loaded } from './ui/states.tsx';
import { Page } from './ui/page.tsx';
import { UnsavedQuestion } from './ui/unsaved-question.tsx';
import { AgentPage, NewAgentPage } from './pages/agents/agent-page.tsx';
import { AgentsPage } from './pages/agents/agents-page.tsx';
import { AuditPage } from './pages/audit-page.tsx';
import { ChatPage } from './pages/chat/chat-page.tsx';
import { HomePage } from './pages/home-page.tsx';
import { MemoryPage } from './pages/memory/memory-page.tsx';
import { UsersPage } from './pages/memory/users-page.tsx';
import { OverviewPage } from './pages/overview/overview-page.tsx';
import { StoryPage } from './pages/overview/story-page.tsx';
import { SlackPage } from './pages/slack/slack-page.tsx';
import { TenantPage } from './pages/tenants/tenant-page.tsx';
import { TenantsPage } from './pages/tenants/tenants-page.tsx';
import { WelcomePage } from './pages/welcome/welcome-page.tsx';

/** Shows whoever is signed in what they may see, and everybody else the way in. */
export function App() {
  const session = useSession();
  const [, navigate] = useLocation();
  return (
    <RouterProvider navigate={navigate} useHref={(href) => `/console${href}`}>
      {/* Whom the page shows is so until another answer comes. */}
      <Loaded of={session.data === undefined ? session : { ...session, error: null }}>
        {(who) => {
          if (who.kind === 'another') return <AnotherSession who={who.who} />;
          const isEnded = who.kind === 'none';
          // Where a session has ended its pages stay, hidden, with all that was written there.
          const theirs = isEnded ? who.before : who;
          const rights = rightsOf(who);
          return (
            <>
              {isEnded && <SignIn />}
              {theirs && (
                <Activity mode={isEnded ? 'hidden' : 'visible'}>
                  <Shell session={theirs} rights={rights}>
                    <Pages rights={rights} />
                  </Shell>
                </Activity>
              )}
            </>
          );
        }}
      </Loaded>
      <UnsavedQuestion />
    </RouterProvider>
  );
}

function Pages({ rights }: { rights: Rights }) {
  const { canChat, canRead, canChange, isOperator } = rights;
  // Switch looks at its own children alone: each is a route.
  return (
    <Switch>
      <Route path="/">
        <HomePage />
      </Route>
      {canChat && (
        <Route path="/chat/:agentId?/:userId?">
          {({ agentId, userId }) => (
            <ChatPage agentId={agentId} userId={userId === undefined ? undefined : userIdOf(userId)} />
          )}
        </Route>
      )}
      {canRead && (
        <Route path="/memory/:agentId/:userId">
          {({ agentId, userId }) => (
            <MemoryPage key={`${agentId} ${userId}`} agentId={agentId} userId={userIdOf(userId)} />
          )}
        </Route>
      )}
      {canRead && <Route path="/memory/:agentId?">{({ agentId }) => <UsersPage agentId={agentId} />}</Route>}
      {canChange && (
        <Route path="/welcome">
          <WelcomePage />
        </Route>
      )}
      {canChange && (
        <Route path="/agents/new">
          <NewAgentPage />
        </Route>
      )}
      {canRead && (
        <Route path="/agents/:agentId">
          {({ agentId }) => <AgentPage key={agentId} agentId={agentId} />}
        </Route>
      )}
      {canRead && (
        <Route path="/agents">
          <AgentsPage />
        </Route>
      )}
      {canRead && (
        <Route path="/overview">
          <OverviewPage />
        </Route>
      )}
      {canRead && (
        <Route path="/turns/:messageId">{({ messageId }) => <StoryPage messageId={messageId} />}</Route>
      )}
      {canRead && (
        <Route path="/slack">
          <SlackPage />
        </Route>
      )}
      {(canRead || isOperator) && (
        <Route path="/audit">
          <AuditPage />
        </Route>
      )}
      {isOperator && (
        <Route path="/tenants/:tenantId">
          {({ tenantId }) => <TenantPage key={tenantId} tenantId={tenantId} />}
        </Route>
      )}
      {isOperator && (
        <Route path="/tenants">
          <TenantsPage />
        </Route>
      )}
      <Route path="/sign-in">
        <Redirect to="/" />
      </Route>
      <Route>
        <NotFound />
      </Route>
    </Switch>
  );
}

function NotFound() {
  return (
    <Page title="There is no such page">
      <p>The address is wrong, or your key does not show this page. The menu has what there is.</p>
      <p>
        <Link href="/">To the beginning</Link>
      </p>
    </Page>
  );
}
