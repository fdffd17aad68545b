import { api, PAGED, type Schemas } from '../api/client.ts';
import { useRights } from '../session/session.ts';
import { When } from '../ui/format.tsx';
import { More } from '../ui/more.tsx';
import { Page } from '../ui/page.tsx';
import { Empty, Loaded } from '../ui/states.tsx';

/** Who did what. */
export function AuditPage() {
  const { isOperator } = useRights();
  return (
    <Page
      title="Audit log"
      lead="Who changed what, and what was refused. Nothing is ever changed in it."
      wide
    >
      {isOperator ? <OfAll /> : <OfTenant />}
    </Page>
  );
}

const QUERY = { params: { query: { limit: 50 } } };

function OfTenant() {
  return <Entries of={api.useInfiniteQuery('get', '/v1/audit', QUERY, PAGED)} />;
}

function OfAll() {
  return <Entries of={api.useInfiniteQuery('get', '/v1/tenants/audit', QUERY, PAGED)} />;
}

type AuditLog = Schemas['AuditLog'];
type Pages = Parameters<typeof More>[0]['of'] & {
  data: { pages: readonly AuditLog[] } | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
};

function Entries({ of }: { of: Pages }) {
  return (
    <Loaded of={of}>
      {({ pages }) => {
        const entries = pages.flatMap((page) => page.entries);
        if (entries.length === 0) return <Empty title="Nothing has been done yet" />;
        return (
          <>
            <div className="table-wrap" role="region" aria-label="Audit log" tabIndex={0}>
              <table>
                <thead>
                  <tr>
                    <th scope="col">When</th>
                    <th scope="col">Who</th>
                    <th scope="col">What</th>
                    <th scope="col">To what</th>
                    <th scope="col">Outcome</th>
                  </tr>
                </thead>
                <tbody>
                  {entries.map((entry) => (
                    <Entry key={entry.id} entry={entry} />
                  ))}
                </tbody>
              </table>
            </div>
            <More of={of} />
          </>
        );
      }}
    </Loaded>
  );
}

function Entry({ entry }: { entry: AuditLog['entries'][number] }) {
  const { createdAt, actor, action, target, outcome, counts } = entry;
  const counted = Object.entries(counts).map(([what, value]) => `${what} ${value}`);
  return (
    <tr>
      <td className="nowrap">
        <When at={createdAt} />
      </td>
      <td>{actor.name ?? (actor.id ? `${actor.type} ${actor.id.slice(0, 8)}` : actor.type)}</td>
      <td>
        <code>{action}</code>
      </td>
      <td>
        {target.type}{' '}
        {target.id !== null && (
          <span className="hint cut" title={target.id}>
            {target.id}
          </span>
        )}
      </td>
      <td>
        <span className={`tag ${outcome}`}>{outcome}</span>
        {counted.length > 0 && <span className="hint"> {counted.join(', ')}</span>}
      </td>
    </tr>
  );
}
