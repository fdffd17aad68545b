import type { ReactNode } from 'react';
import { Link } from 'wouter';
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
      lead="Who changed what, and what was refused or failed. An entry is never changed."
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

/** The operator sees the entries of all tenants, each with its tenant. */
function OfAll() {
  const { data, isPending } = api.useQuery('get', '/v1/tenants', { params: { query: { limit: 200 } } });
  const names = new Map(data?.tenants.map(({ id, name }) => [id, name]));
  return (
    <Entries
      of={api.useInfiniteQuery('get', '/v1/tenants/audit', QUERY, PAGED)}
      tenantOf={(id) => <Tenant id={id} listedAs={names.get(id)} isListed={!isPending} />}
    />
  );
}

/** Stands for the tenant of what concerned none. */
const NO_TENANT = '00000000-0000-0000-0000-000000000000';

type TenantProps = { id: string; listedAs: string | undefined; isListed: boolean };

/** A tenant by its name. One that the first page of tenants does not list is asked for by itself. */
function Tenant({ id, listedAs, isListed }: TenantProps) {
  const isNone = id === NO_TENANT;
  const one = api.useQuery(
    'get',
    '/v1/tenants/{tenantId}',
    { params: { path: { tenantId: id } } },
    { enabled: !isNone && isListed && listedAs === undefined },
  );
  if (isNone) return <span className="hint">none</span>;
  return <Link href={`/tenants/${id}`}>{listedAs ?? one.data?.name ?? <code>{id}</code>}</Link>;
}

type AuditLog = Schemas['AuditLog'];
type Pages = Parameters<typeof More>[0]['of'] & {
  data: { pages: readonly AuditLog[] } | undefined;
  error: unknown;
  isPending: boolean;
  refetch: () => unknown;
};

type Entry = AuditLog['entries'][number];
type TenantOf = (id: string) => ReactNode;

function Entries({ of, tenantOf }: { of: Pages; tenantOf?: TenantOf }) {
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
                    {tenantOf && <th scope="col">Tenant</th>}
                    <th scope="col">Who</th>
                    <th scope="col">What</th>
                    <th scope="col">To what</th>
                    <th scope="col">Outcome</th>
                  </tr>
                </thead>
                <tbody>
                  {entries.map((entry) => (
                    <EntryRow key={entry.id} entry={entry} {...(tenantOf && { tenantOf })} />
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

function EntryRow({ entry, tenantOf }: { entry: Entry; tenantOf?: TenantOf }) {
  const { createdAt, tenantId, actor, action, target, outcome, counts } = entry;
  const counted = Object.entries(counts).map(([what, value]) => `${what} ${value}`);
  return (
    <tr>
      <td className="nowrap">
        <When at={createdAt} />
      </td>
      {tenantOf && <td>{tenantOf(tenantId)}</td>}
      <td>{actor.name || (actor.id ? `${actor.type} ${actor.id.slice(0, 8)}` : actor.type)}</td>
      <td>
        <code>{action}</code>
      </td>
      <td>
        {target.type} {target.id !== null && <span className="hint audit-target">{target.id}</span>}
      </td>
      <td>
        <span className={`tag ${outcome}`}>{outcome}</span>
        {counted.length > 0 && <span className="hint"> {counted.join(', ')}</span>}
      </td>
    </tr>
  );
}
