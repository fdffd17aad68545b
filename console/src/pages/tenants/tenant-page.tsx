import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { api, type Schemas } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { Choice, TextInput } from '../../ui/fields.tsx';
import { Form } from '../../ui/form.tsx';
import { When } from '../../ui/format.tsx';
import { tell } from '../../ui/notice.tsx';
import { Page, Section } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';

type Key = Schemas['ApiKeys']['apiKeys'][number];

const KEYS = ['get', '/v1/tenants/{tenantId}/api-keys'] as const;
const ROLES = [
  { id: 'chat', name: 'chat', note: 'sends messages, reads those it sent' },
  { id: 'read', name: 'read', note: 'reads everything, changes nothing' },
  { id: 'admin', name: 'admin', note: 'reads and changes everything' },
] as const;

/** One tenant, and who may speak for it. */
export function TenantPage({ tenantId }: { tenantId: string }) {
  const params = { params: { path: { tenantId } } };
  const tenant = api.useQuery('get', '/v1/tenants/{tenantId}', params);
  const keys = api.useQuery('get', '/v1/tenants/{tenantId}/api-keys', params);
  return (
    <Page title={tenant.data?.name ?? 'Tenant'} isReady={!tenant.isPending} lead={<code>{tenantId}</code>}>
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

/** A key by its name, or by the beginning of its id. */
const calledOf = ({ name, apiKeyId }: Key): string => name || `key ${apiKeyId.slice(0, 8)}`;

function KeyRow({ apiKey, tenantId }: { apiKey: Key; tenantId: string }) {
  const { apiKeyId, role, createdAt, expiresAt, lastUsedAt, revokedAt } = apiKey;
  const queryClient = useQueryClient();
  const revoke = api.useMutation('delete', '/v1/tenants/{tenantId}/api-keys/{keyId}', {
    onSuccess: () => {
      tell(`${calledOf(apiKey)} is revoked.`);
      return queryClient.invalidateQueries({ queryKey: KEYS });
    },
  });
  return (
    <li className="row-item">
      <div className="grow">
        <p className="row-title">
          {calledOf(apiKey)} <span className="tag">{role}</span>
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
            <Button kind="quiet" aria-label={`Revoke ${calledOf(apiKey)}`}>
              Revoke
            </Button>
          }
          onConfirm={() => revoke.mutateAsync({ params: { path: { tenantId, keyId: apiKeyId } } })}
        >
          <p>
            From now on nobody gets in with {calledOf(apiKey)}, and sessions of the console that began with it
            end. It can’t be taken back.
          </p>
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
      tell('The key is made. It stands below, this once.');
      return queryClient.invalidateQueries({ queryKey: KEYS });
    },
  });
  return (
    <Section title="New key">
      <Form
        className="row wrap top"
        fields={['name']}
        error={issue.error}
        onSubmit={() =>
          issue.mutateAsync({ params: { path: { tenantId } }, body: { role, ...(name && { name }) } })
        }
      >
        <TextInput
          label="What it is for"
          name="name"
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
      </Form>
      {issue.data && (
        <div className="card stack small">
          <p>The new key. It is shown this once, so take it along now:</p>
          <Copyable text={issue.data.apiKey} label="API key" />
        </div>
      )}
    </Section>
  );
}
