import { useMemo } from 'react';
import {
  Collection,
  GridList,
  GridListItem,
  GridListLoadMoreItem,
  ListLayout,
  Virtualizer,
} from 'react-aria-components';
import { exchangesOf } from '../../api/exchanges.ts';
import { useMemories, type Scope } from '../../api/memory.ts';
import { Empty, Loaded, Waiting } from '../../ui/states.tsx';
import { ExchangeView } from './exchange-view.tsx';

const ESTIMATED_HEIGHT_PX = 150;

/** All memories, newest first. Only those in view stand in the page, however many there are. */
export function LongTerm({ scope }: { scope: Scope }) {
  const memories = useMemories(scope);
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = memories;
  const exchanges = useMemo(() => exchangesOf(data?.pages ?? []), [data]);
  return (
    <Loaded of={memories}>
      {() =>
        exchanges.length === 0 && !hasNextPage ? (
          <Empty title="Nothing is remembered yet">
            <p>What is said stands here a moment after its reply.</p>
          </Empty>
        ) : (
          <Virtualizer
            layout={ListLayout}
            layoutOptions={{ estimatedRowSize: ESTIMATED_HEIGHT_PX, loaderSize: 60 }}
          >
            <GridList
              aria-label="Exchanges, newest first"
              className="exchanges"
              keyboardNavigationBehavior="tab"
            >
              <Collection items={exchanges}>
                {(exchange) => (
                  <GridListItem
                    id={exchange.id}
                    className="exchange-row"
                    textValue={exchange.messages[0]?.content.slice(0, 200) ?? ''}
                  >
                    <ExchangeView exchange={exchange} scope={scope} />
                  </GridListItem>
                )}
              </Collection>
              {hasNextPage && (
                <GridListLoadMoreItem
                  className="load-more"
                  isLoading={isFetchingNextPage}
                  onLoadMore={() => void fetchNextPage()}
                >
                  <Waiting what="Loading earlier memories" />
                </GridListLoadMoreItem>
              )}
            </GridList>
          </Virtualizer>
        )
      }
    </Loaded>
  );
}
