import { Link } from 'wouter';
import { api, PAGED } from '../../api/client.ts';
import { useRights } from '../../session/session.ts';
import { More } from '../../ui/more.tsx';
import { Page } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';

export function AgentsPage() {
  const { canChange } = useRights();
  const agents = api.useInfiniteQuery('get', '/v1/agents', { params: { query: { limit: 200 } } }, PAGED);
  return (
    <Page
      title="Agents"
      lead="The AI employees of your company."
      actions={
        canChange && (
          <Link href="/agents/new" className="button main">
            New agent
          </Link>
        )
      }
    >
      <Loaded of={agents}>
        {({ pages }) => {
          const all = pages.flatMap((page) => page.agents);
          if (all.length === 0) {
            return (
              <Empty title="There is no agent yet">
                {!canChange && <p>Somebody with an admin key has to make one.</p>}
              </Empty>
            );
          }
          return (
            <>
              <ul className="rows" aria-label="Agents">
                {all.map(({ id, name, jobTitle, model }) => (
                  <li key={id}>
                    <Link href={`/agents/${id}`} className="row-link">
                      <span>
                        <span className="row-title">{name}</span>
                        {jobTitle && <span className="row-note">{jobTitle}</span>}
                      </span>
                      <span className="hint">{model ?? 'default model'}</span>
                    </Link>
                  </li>
                ))}
              </ul>
              <More of={agents} />
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
