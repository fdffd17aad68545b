/** What stands where there is nothing yet, or where something went wrong. */
import { useEffect, type ReactNode } from 'react';
import { ProgressBar } from 'react-aria-components';
import { asProblem } from '../api/problem.ts';
import { Button } from './button.tsx';
import { When } from './format.tsx';
import { tell } from './notice.tsx';

export function Waiting({ what = 'Loading' }: { what?: string }) {
  return (
    <ProgressBar isIndeterminate aria-label={what} className="waiting">
      <span className="waiting-dots" aria-hidden="true" />
      <span>{what} …</span>
    </ProgressBar>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** What went wrong, and what helps. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const { title, detail, errors } = asProblem(error);
  return (
    <div role="alert" className="failure">
      <p className="failure-title">{title}</p>
      <p>{detail}</p>
      {errors.length > 1 && (
        <ul>
          {errors.map(({ field, problem }) => (
            <li key={field}>
              <code>{field}</code> {problem}
            </li>
          ))}
        </ul>
      )}
      {onRetry && (
        <Button kind="quiet" onPress={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}

/** What stands where a page could not be drawn, and the ways out. */
export function Broken({ error }: { error: unknown }) {
  return (
    <div className="stack">
      <div role="alert" className="failure">
        <p className="failure-title">The console has failed to draw this</p>
        <p>Load it again. If it fails again, tell whoever runs this Konstruct what stands here:</p>
        <p>
          <code>{error instanceof Error ? error.message : String(error)}</code>
        </p>
      </div>
      <div className="row wrap">
        <Button kind="main" onPress={() => location.reload()}>
          Load it again
        </Button>
        <a href="/console/" className="button plain">
          To the beginning
        </a>
      </div>
    </div>
  );
}

type Asked<T> = {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
  /** Milliseconds since 1970. */
  dataUpdatedAt?: number;
  /** Of a list that comes in pages. */
  isFetchNextPageError?: boolean;
  fetchNextPage?: () => unknown;
};

/** What was asked for, once it is there. Where asking for it anew has failed, it says of what time it is. */
export function Loaded<T>({ of, children }: { of: Asked<T>; children: (data: T) => ReactNode }) {
  if (of.data !== undefined) {
    return (
      <>
        {of.error !== null && of.error !== undefined && <Stale of={of} />}
        {children(of.data)}
      </>
    );
  }
  if (of.isPending) return <Waiting />;
  return <Failure error={of.error} onRetry={() => void of.refetch()} />;
}

/**
 * Says that what is shown is not all, or not the newest. It is told as well: a screen reader reads out
 * nothing of a place that comes with its words.
 */
function Stale({ of }: { of: Asked<unknown> }) {
  const { error, dataUpdatedAt, isFetchNextPageError = false, fetchNextPage } = of;
  const { detail } = asProblem(error);
  const again = isFetchNextPageError && fetchNextPage ? fetchNextPage : of.refetch;
  useEffect(() => {
    if (!isFetchNextPageError) tell('What is shown could not be brought up to date.');
  }, [isFetchNextPageError]);
  return (
    <div className="failure">
      <p className="failure-title">
        {isFetchNextPageError ? 'The rest could not be loaded' : 'Not up to date'}
      </p>
      <p>
        {detail}
        {!isFetchNextPageError && dataUpdatedAt !== undefined && (
          <>
            {' '}
            This is of <When at={new Date(dataUpdatedAt).toISOString()} />.
          </>
        )}
      </p>
      <Button kind="quiet" onPress={() => void again()}>
        Try again
      </Button>
    </div>
  );
}
