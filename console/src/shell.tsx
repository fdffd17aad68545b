import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Dialog, DialogTrigger, Modal, ModalOverlay } from 'react-aria-components';
import { Link, useLocation } from 'wouter';
import type { SignedIn } from './api/shown-session.ts';
import type { Rights } from './session/rights.ts';
import { signOut } from './session/session.ts';
import { Button } from './ui/button.tsx';
import { ErrorBoundary } from './ui/error-boundary.tsx';
import { Mark, MenuLines } from './ui/icons.tsx';
import { Page } from './ui/page.tsx';
import { Broken, Failure } from './ui/states.tsx';
import { leave } from './ui/unsaved.ts';

const PLACES: ReadonlyArray<{ to: string; name: string; isShown: (rights: Rights) => boolean }> = [
  { to: '/overview', name: 'Overview', isShown: ({ canRead }) => canRead },
  { to: '/chat', name: 'Chat', isShown: ({ canChat }) => canChat },
  { to: '/memory', name: 'Memory', isShown: ({ canRead }) => canRead },
  { to: '/agents', name: 'Agents', isShown: ({ canRead }) => canRead },
  { to: '/slack', name: 'Slack', isShown: ({ canRead }) => canRead },
  { to: '/tenants', name: 'Tenants and keys', isShown: ({ isOperator }) => isOperator },
  { to: '/audit', name: 'Audit log', isShown: ({ canRead, isOperator }) => canRead || isOperator },
];

/** What stands around every page: where one can go, and who one is. */
export function Shell({
  session,
  rights,
  children,
}: {
  session: SignedIn;
  rights: Rights;
  children: ReactNode;
}) {
  const [location] = useLocation();
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <aside className="side">
        <Brand />
        <Places rights={rights} />
        <Who session={session} />
      </aside>
      <header className="top-bar">
        <Brand />
        <DialogTrigger>
          <Button kind="quiet" aria-label="Menu">
            <MenuLines />
          </Button>
          <ModalOverlay className="overlay" isDismissable>
            <Modal className="sheet menu-sheet">
              <Dialog className="dialog" aria-label="Menu">
                {({ close }) => (
                  <>
                    <Places rights={rights} onGo={close} />
                    <Who session={session} />
                  </>
                )}
              </Dialog>
            </Modal>
          </ModalOverlay>
        </DialogTrigger>
      </header>
      <main id="main" tabIndex={-1}>
        <ErrorBoundary
          place={location}
          instead={(error) => (
            <Page title="This page can’t be shown">
              <Broken error={error} />
            </Page>
          )}
        >
          {children}
        </ErrorBoundary>
      </main>
    </div>
  );
}

const Brand = () => (
  <Link href="/" className="brand">
    <Mark />
    Konstruct
  </Link>
);

function Places({ rights, onGo }: { rights: Rights; onGo?: () => void }) {
  const [location] = useLocation();
  return (
    <nav aria-label="Console">
      <ul className="places">
        {PLACES.filter(({ isShown }) => isShown(rights)).map(({ to, name }) => (
          <li key={to}>
            <Link
              href={to}
              {...(onGo && { onClick: onGo })}
              {...(location.startsWith(to) && { 'aria-current': 'page' as const })}
            >
              {name}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

/** Of the browser, which shows every time in it. */
const ZONE = new Intl.DateTimeFormat().resolvedOptions().timeZone;

function Who({ session }: { session: SignedIn }) {
  const leaving = useMutation({ mutationFn: signOut });
  return (
    <div className="who">
      <p className="who-name">{session.kind === 'operator' ? 'Operator' : session.tenantName}</p>
      {session.kind === 'key' && (
        <p className="hint">
          <bdi>{session.keyName || 'API key'}</bdi> · {session.role}
        </p>
      )}
      <p className="hint">Times are those of {ZONE}</p>
      <Button kind="quiet" isPending={leaving.isPending} onPress={() => leave(() => leaving.mutate())}>
        Sign out
      </Button>
      {leaving.error && (
        <div className="stack small">
          <p>You are still signed in.</p>
          <Failure error={leaving.error} />
        </div>
      )}
    </div>
  );
}
