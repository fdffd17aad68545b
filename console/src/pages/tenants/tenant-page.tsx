import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { api } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { Choice, TextInput } from '../../ui/fields.tsx';
import { Form } from '../../ui/form.tsx';
import { tell } from '../../ui/notice.tsx';
import { Page, Section } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { endOfDay } from './end-of-day.ts';
import { KeyRow, KEYS, type Key } from './key-row.tsx';

const ROLES = [
  { id: 'chat', name: 'chat', note: 'sends messages, reads those it sent' },
  { id: 'read', name: 'read', note: 'reads everything, changes nothing' },
  { id: 'admin', name: 'admin', note: 'reads and changes everything' },
] as const;

/** One tenant, and who may speak for it. */
export function TenantPage({ tenantId }: { tenantId: string }) {
  // The key that was made here last. Only its hash is kept elsewhere.
  const [made, setMade] = useState<string>();
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
                  <KeyRow
                    key={key.apiKeyId}
                    apiKey={key}
                    tenantId={tenantId}
                    onReplaced={setMade}
                    atMs={keys.dataUpdatedAt}
                  />
                ))}
              </ul>
            )
          }
        </Loaded>
      </Section>
      <Section title="New key">
        <NewKey tenantId={tenantId} onMade={setMade} />
        {made !== undefined && (
          <div className="card stack small">
            <p>The new key. It is shown this once, so take it along now:</p>
            <Copyable text={made} label="API key" />
          </div>
        )}
      </Section>
    </Page>
  );
}

function NewKey({ tenantId, onMade }: { tenantId: string; onMade: (apiKey: string) => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Key['role']>('chat');
  const [lastDay, setLastDay] = useState('');
  const queryClient = useQueryClient();
  const issue = api.useMutation('post', '/v1/tenants/{tenantId}/api-keys', {
    onSuccess: ({ apiKey }) => {
      setName('');
      setLastDay('');
      onMade(apiKey);
      tell('The key is made. It stands below, this once.');
      return queryClient.invalidateQueries({ queryKey: KEYS });
    },
  });
  return (
    <Form
      className="row wrap top"
      fields={['name', 'expiresAt']}
      error={issue.error}
      onSubmit={() =>
        issue.mutateAsync({
          params: { path: { tenantId } },
          body: { role, ...(name && { name }), ...(lastDay && { expiresAt: endOfDay(lastDay) }) },
        })
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
      <TextInput
        label="Last day"
        name="expiresAt"
        type="date"
        value={lastDay}
        onChange={setLastDay}
        hint="none: it does not end"
        autoComplete="off"
      />
      <div className="beside-fields">
        <Button type="submit" isPending={issue.isPending}>
          Make a key
        </Button>
      </div>
    </Form>
  );
}
