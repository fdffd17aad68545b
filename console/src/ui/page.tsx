import { useEffect, useRef, type ReactNode } from 'react';
import { useLocation } from 'wouter';

type PageProps = {
  title: string;
  /** Whether the title is that of what is shown, and not of what is still being loaded. */
  isReady?: boolean;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
  wide?: boolean;
};

/** The page that was left, so that the first one takes no focus from where the browser has it. */
let shownBefore: string | undefined;

/** For what is shown in place of every page: the page after it takes the focus. */
export function useInPlaceOfPages(): void {
  useEffect(() => {
    shownBefore = '';
  }, []);
}

/**
 * One page. Its heading gets the focus when somebody comes from another, so that a screen reader says where;
 * a field of the page that takes the focus by itself keeps it.
 */
export function Page({ title, isReady = true, lead, actions, children, wide }: PageProps) {
  const page = useRef<HTMLDivElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const [location] = useLocation();
  useEffect(() => {
    if (!isReady) return;
    const isAnother = shownBefore !== undefined && shownBefore !== location;
    if (isAnother && !page.current?.contains(document.activeElement)) heading.current?.focus();
    shownBefore = location;
  }, [location, isReady]);
  return (
    <div className={wide ? 'page wide' : 'page'} ref={page}>
      <title>{`${title} · Konstruct`}</title>
      <header className="page-head">
        <div>
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {lead !== undefined && <p className="lead">{lead}</p>}
        </div>
        {actions !== undefined && <div className="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A part of a page. */
export function Section({
  title,
  children,
  actions,
}: {
  title: string;
  children: ReactNode;
  actions?: ReactNode;
}) {
  return (
    <section className="section">
      <header className="section-head">
        <h2>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}
