import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { api, type Schemas } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Choice, TextInput } from '../../ui/fields.tsx';
import { When } from '../../ui/format.tsx';
import { Page, Section } from '../../ui/page.tsx';
import { Empty, Failure, Loaded } from '../../ui/states.tsx';

type Key = Schemas['ApiKeys']['apiKeys'][number];

const KEYS = ['get', '/v1/tenants/{tenantId}/api-keys'] as const;
const ROLES = [
  { id: 'chat', name: 'chat', note: 'sends messages, reads those it sent' },
  { id: 'read', name: 'read', note: 'reads everything' },
  { id: 'admin', name: 'admin', note: 'may everything' },
] as const;

/** One tenant, and who may speak for it. */
export function TenantPage({ tenantId }: { tenantId: string }) {
  const params = { params: { path: { tenantId } } };
  const tenant = api.useQuery('get', '/v1/tenants/{tenantId}', params);
  const keys = api.useQuery('get', '/v1/tenants/{tenantId}/api-keys', params);
  return (
    <Page title={tenant.data?.name ?? 'Tenant'} lead={<code>{tenantId}</code>}>
      <Section title="API keys">
        <Loaded of={keys}>
          {({ apiKeys }) =>
            apiKeys.length === 0 ? (
              <Empty title="There is no key" />
            ) : (
              <ul className="rows" aria-label="API keys">
                {apiKeys.map((key) => (
                  <KeyRow key={key.apiKeyId} apiKey={key} tenantId={tenantId} />
                ))}
              </ul>
            )
          }
        </Loaded>
      </Section>
      <NewKey tenantId={tenantId} />
    </Page>
  );
}

function KeyRow({ apiKey, tenantId }: { apiKey: Key; tenantId: string }) {
  const { apiKeyId, name, role, createdAt, expiresAt, lastUsedAt, revokedAt } = apiKey;
  const queryClient = useQueryClient();
  const revoke = api.useMutation('delete', '/v1/tenants/{tenantId}/api-keys/{keyId}', {
    onSuccess: () => queryClient.invalidateQueries({ queryKey: KEYS }),
  });
  return (
    <li className="row-item">
      <div className="grow">
        <p className="row-title">
          {name || 'Without a name'} <span className="tag">{role}</span>
        </p>
        <p className="hint">
          made <When at={createdAt} />
          {lastUsedAt !== null && (
            <>
              {' · last used '}
              <When at={lastUsedAt} />
            </>
          )}
          {expiresAt !== null && (
            <>
              {' · ends '}
              <When at={expiresAt} />
            </>
          )}
        </p>
      </div>
      {revokedAt === null ? (
        <Confirm
          title="Revoke this key"
          action="Revoke"
          trigger={
            <Button kind="quiet" aria-label={`Revoke ${name || apiKeyId}`}>
              Revoke
            </Button>
          }
          onConfirm={() => revoke.mutateAsync({ params: { path: { tenantId, keyId: apiKeyId } } })}
        >
          <p>Whoever uses {name || 'it'} is refused at once. It can’t be taken back.</p>
        </Confirm>
      ) : (
        <span className="tag failed">revoked</span>
      )}
    </li>
  );
}

function NewKey({ tenantId }: { tenantId: string }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Key['role']>('chat');
  const queryClient = useQueryClient();
  const issue = api.useMutation('post', '/v1/tenants/{tenantId}/api-keys', {
    onSuccess: () => {
      setName('');
      return queryClient.invalidateQueries({ queryKey: KEYS });
    },
  });
  return (
    <Section title="New key">
      <form
        className="row wrap top"
        onSubmit={(event) => {
          event.preventDefault();
          issue.mutate({ params: { path: { tenantId } }, body: { role, ...(name && { name }) } });
        }}
      >
        <TextInput
          label="What it is for"
          value={name}
          onChange={setName}
          placeholder="the shop’s backend"
          autoComplete="off"
        />
        <Choice
          label="Role"
          options={ROLES}
          value={role}
          onChange={(id) => setRole(ROLES.find((known) => known.id === id)?.id ?? 'chat')}
        />
        <div className="beside-fields">
          <Button type="submit" isPending={issue.isPending}>
            Make a key
          </Button>
        </div>
      </form>
      {issue.error && <Failure error={issue.error} />}
      {issue.data && (
        <div role="status" className="card">
          <p>It is shown this once:</p>
          <Copyable text={issue.data.apiKey} label="API key" />
        </div>
      )}
    </Section>
  );
}
