import { useMemo, useRef, useState } from 'react';
import {
  Collection,
  GridList,
  GridListItem,
  GridListLoadMoreItem,
  ListLayout,
  Virtualizer,
} from 'react-aria-components';
import { exchangesOf } from '../../api/exchanges.ts';
import { lookAgain, useMemories, type Scope } from '../../api/memory.ts';
import { Button } from '../../ui/button.tsx';
import { tell } from '../../ui/notice.tsx';
import { Empty, Loaded, Waiting } from '../../ui/states.tsx';
import { ExchangeView } from './exchange-view.tsx';

const ESTIMATED_HEIGHT_PX = 150;

/** All memories, newest first. Only those in view stand in the page, however many there are. */
export function LongTerm({ scope }: { scope: Scope }) {
  const memories = useMemories(scope);
  const { data, hasNextPage, isFetchingNextPage, fetchNextPage } = memories;
  const exchanges = useMemo(() => exchangesOf(data?.pages ?? []), [data]);
  // The list asks for more with each change of it, also while more is coming: that would begin anew.
  const isAsked = useRef(false);
  const loadMore = async (): Promise<void> => {
    if (isAsked.current) return;
    isAsked.current = true;
    await fetchNextPage();
    isAsked.current = false;
  };
  // A list that begins anew is another one: it stands at its top.
  const [begun, setBegun] = useState(0);
  const isLong = data !== undefined && data.pages.length > 1;
  const beginAnew = async (): Promise<void> => {
    await lookAgain();
    setBegun((times) => times + 1);
    tell('The list begins with what is newest now.');
  };
  return (
    <Loaded of={memories}>
      {() =>
        exchanges.length === 0 && !hasNextPage ? (
          <Empty title="Nothing is remembered yet">
            <p>What is said stands here a moment after its reply.</p>
          </Empty>
        ) : (
          <>
            {isLong && (
              <div className="row wrap">
                <p className="hint">What is stored from now on is not in this list.</p>
                <Button kind="quiet" onPress={() => void beginAnew()}>
                  Look again
                </Button>
              </div>
            )}
            <Virtualizer
              key={begun}
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
                    onLoadMore={() => void loadMore()}
                  >
                    <Waiting what="Loading earlier memories" />
                  </GridListLoadMoreItem>
                )}
              </GridList>
            </Virtualizer>
          </>
        )
      }
    </Loaded>
  );
}
