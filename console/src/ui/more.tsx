import { useEffect, useRef } from 'react';
import { Button } from './button.tsx';
import { tell } from './notice.tsx';

type Pages = {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  fetchNextPage: () => Promise<{ hasNextPage: boolean; isError: boolean }>;
};

/**
 * Fetches the next page of the list that stands before it. Whoever asked for it goes on at the first entry
 * that has come.
 */
export function More({ of }: { of: Pages }) {
  const place = useRef<HTMLDivElement>(null);
  const asked = useRef<{ list: Element; known: number }>(undefined);
  useEffect(() => {
    const first = asked.current && entriesOf(asked.current.list)[asked.current.known];
    if (!first) return;
    asked.current = undefined;
    const control = first.querySelector<HTMLElement>('a[href], button');
    if (!control) first.tabIndex = -1;
    (control ?? first).focus();
  });
  if (!of.hasNextPage) return null;
  const fetchMore = async (): Promise<void> => {
    const list = place.current?.previousElementSibling;
    asked.current = list ? { list, known: entriesOf(list).length } : undefined;
    const { hasNextPage, isError } = await of.fetchNextPage();
    if (isError) {
      // What comes later comes by itself: it takes the focus nowhere.
      asked.current = undefined;
      tell('No more could be fetched. Try again.');
    } else tell(hasNextPage ? 'The list has more now.' : 'The list is complete now.');
  };
  return (
    <div className="more" ref={place}>
      <Button onPress={() => void fetchMore()} isPending={of.isFetchingNextPage}>
        Show more
      </Button>
    </div>
  );
}

const entriesOf = (list: Element) => list.querySelectorAll<HTMLElement>('li, tbody > tr');
