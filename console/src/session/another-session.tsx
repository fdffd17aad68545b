import type { SignedIn } from '../api/shown-session.ts';
import { Button } from '../ui/button.tsx';
import { Mark } from '../ui/icons.tsx';

/** Stands in the place of what was shown to somebody, when the browser has signed in somebody else since. */
export function AnotherSession({ who }: { who: SignedIn }) {
  const name = <bdi>{nameOf(who)}</bdi>;
  return (
    <main className="sign-in">
      <title>Another session · Konstruct</title>
      <div className="sign-in-card stack">
        <div className="brand">
          <Mark />
          Konstruct
        </div>
        <h1>Another session</h1>
        <p role="alert">
          In another tab, this browser has signed in as {name}. What this page showed was for another session:
          it is gone from here, and nothing was done for {name}.
        </p>
        <Button kind="main" autoFocus onPress={() => location.replace('/console/')}>
          Go on
        </Button>
      </div>
    </main>
  );
}

const nameOf = (who: SignedIn): string =>
  who.kind === 'operator' ? 'the operator' : `${who.tenantName} (${who.keyName || 'API key'}, ${who.role})`;
