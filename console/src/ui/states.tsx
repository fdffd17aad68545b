/** What stands where there is nothing yet, or where something went wrong. */
import type { ReactNode } from 'react';
import { ProgressBar } from 'react-aria-components';
import { asProblem } from '../api/problem.ts';
import { Button } from './button.tsx';

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

type Asked<T> = {
  data: T | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
};

/** What was asked for, once it is there. */
export function Loaded<T>({ of, children }: { of: Asked<T>; children: (data: T) => ReactNode }) {
  if (of.data !== undefined) return children(of.data);
  if (of.isPending) return <Waiting />;
  return <Failure error={of.error} onRetry={() => void of.refetch()} />;
}
