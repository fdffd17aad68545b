import { Button } from './button.tsx';

type Pages = { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown };

/** Fetches the next page of a list. */
export function More({ of }: { of: Pages }) {
  if (!of.hasNextPage) return null;
  return (
    <div className="more">
      <Button onPress={() => void of.fetchNextPage()} isPending={of.isFetchingNextPage}>
        Show more
      </Button>
    </div>
  );
}
