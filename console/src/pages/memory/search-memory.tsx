import { useState } from 'react';
import { Button as AriaButton, SearchField, Input, Label } from 'react-aria-components';
import { api, type Schemas } from '../../api/client.ts';
import type { Exchange } from '../../api/exchanges.ts';
import type { Scope } from '../../api/memory.ts';
import { Button } from '../../ui/button.tsx';
import { Choice } from '../../ui/fields.tsx';
import { bestOf, Fits } from '../../ui/fits.tsx';
import { count } from '../../ui/format.tsx';
import { Cross } from '../../ui/icons.tsx';
import { tell } from '../../ui/notice.tsx';
import { Empty, Failure } from '../../ui/states.tsx';
import { ExchangeView } from './exchange-view.tsx';

const WAYS = [
  { id: 'both', name: 'Meaning and words', note: 'as the agent recalls' },
  { id: 'meaning', name: 'Meaning' },
  { id: 'words', name: 'Words' },
] as const;
type Way = (typeof WAYS)[number]['id'];
type Found = Schemas['FoundMemories']['memories'][number];

/** Looks for what was said, as recall does or by one of its two halves. */
export function SearchMemory({ scope }: { scope: Scope }) {
  const [query, setQuery] = useState('');
  const [way, setWay] = useState<Way>('both');
  const search = api.useMutation('post', '/v1/agents/{agentId}/users/{userId}/memory/search', {
    onSuccess: ({ memories, hasMore }) => tell(foundIn(memories, hasMore)),
  });
  return (
    <div className="stack">
      <form
        role="search"
        className="row wrap bottom"
        onSubmit={(event) => {
          event.preventDefault();
          if (!query.trim()) {
            tell('Write what to look for first.');
            return;
          }
          search.mutate({
            params: { path: scope },
            body: { query: query.trim(), ...(way !== 'both' && { by: way }) },
          });
        }}
      >
        <SearchField value={query} onChange={setQuery} className="field grow">
          <Label className="label">Look for</Label>
          <Input className="input" placeholder="What does she drink?" />
          <AriaButton className="empty-field">
            <Cross />
          </AriaButton>
        </SearchField>
        <Choice
          label="By"
          options={WAYS}
          value={way}
          onChange={(id) => setWay(WAYS.find((known) => known.id === id)?.id ?? 'both')}
        />
        <Button kind="main" type="submit" isPending={search.isPending}>
          Search
        </Button>
      </form>
      {search.error && <Failure error={search.error} />}
      {search.data && <Results of={search.data} scope={scope} />}
    </div>
  );
}

const byExchange = (found: readonly Found[]) => [...Map.groupBy(found, ({ exchangeId }) => exchangeId)];

function foundIn(found: readonly Found[], hasMore: boolean): string {
  const exchanges = byExchange(found).length;
  if (exchanges === 0) return 'Nothing fits.';
  return hasMore
    ? `The ${exchanges === 1 ? 'exchange that fits' : `${exchanges} exchanges that fit`} best. There are more.`
    : `${count(exchanges, 'exchange')} found, the best first.`;
}

function Results({
  of: { memories: found, hasMore },
  scope,
}: {
  of: Schemas['FoundMemories'];
  scope: Scope;
}) {
  const [gone, setGone] = useState<readonly string[]>([]);
  const left = found.filter(({ exchangeId }) => !gone.includes(exchangeId));
  const exchanges = byExchange(left);
  if (found.length === 0) return <Empty title="Nothing fits" />;
  if (exchanges.length === 0) {
    return (
      <Empty title="All that was found is forgotten">
        {hasMore && <p>There was more: search again to see it.</p>}
      </Empty>
    );
  }
  return (
    <>
      <p className="hint">
        {foundIn(left, hasMore)}
        {hasMore && ' Search again when these are forgotten, or in other words, to see others.'}
      </p>
      <ol className="rows" aria-label="What fits, the best first">
        {exchanges.map(([id, messages]) => {
          const best = bestOf(messages);
          if (!best) return null;
          const exchange: Exchange = { id, at: best.createdAt, messages };
          return (
            <li key={id}>
              <ExchangeView
                exchange={exchange}
                scope={scope}
                onForgotten={() => setGone((ids) => [...ids, id])}
              >
                <Fits of={best} />
              </ExchangeView>
            </li>
          );
        })}
      </ol>
    </>
  );
}
