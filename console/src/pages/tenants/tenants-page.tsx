import { useState } from 'react';
import { useQueryClient } from '@tanstack/react-query';
import { Link } from 'wouter';
import { api, PAGED } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Copyable } from '../../ui/copy.tsx';
import { TextInput } from '../../ui/fields.tsx';
import { Form } from '../../ui/form.tsx';
import { When } from '../../ui/format.tsx';
import { More } from '../../ui/more.tsx';
import { tell } from '../../ui/notice.tsx';
import { Page, Section } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';

/** The companies that this installation serves. */
export function TenantsPage() {
  const tenants = api.useInfiniteQuery('get', '/v1/tenants', {}, PAGED);
  return (
    <Page title="Tenants and keys" lead="Every company that this Konstruct serves.">
      <Loaded of={tenants}>
        {({ pages }) => {
          const all = pages.flatMap((page) => page.tenants);
          if (all.length === 0) return <Empty title="There is no tenant yet" />;
          return (
            <>
              <ul className="rows" aria-label="Tenants">
                {all.map(({ id, name, createdAt }) => (
                  <li key={id}>
                    <Link href={`/tenants/${id}`} className="row-link">
                      <span className="row-title">{name}</span>
                      <span className="hint">
                        since <When at={createdAt} />
                      </span>
                    </Link>
                  </li>
                ))}
              </ul>
              <More of={tenants} />
            </>
          );
        }}
      </Loaded>
      <NewTenant />
    </Page>
  );
}

function NewTenant() {
  const [name, setName] = useState('');
  const queryClient = useQueryClient();
  const create = api.useMutation('post', '/v1/tenants', {
    onSuccess: () => {
      setName('');
      tell('The tenant is made. Its key stands below, this once.');
      return queryClient.invalidateQueries({ queryKey: ['get', '/v1/tenants'] });
    },
  });
  return (
    <Section title="New tenant">
      <Form
        className="row wrap top"
        fields={['name']}
        error={create.error}
        onSubmit={() => create.mutateAsync({ body: { name } })}
      >
        <TextInput label="Name" name="name" value={name} onChange={setName} autoComplete="off" />
        <div className="beside-fields">
          <Button type="submit" isPending={create.isPending}>
            Make the tenant
          </Button>
        </div>
      </Form>
      {create.data && (
        <div className="card stack small">
          <p>The tenant’s first key, of the role admin. It is shown this once, so take it along now:</p>
          <Copyable text={create.data.apiKey} label="API key" />
          <p className="hint">
            Whoever signs in with it is led to a first agent.{' '}
            <Link href={`/tenants/${create.data.tenantId}`}>More keys</Link>
          </p>
        </div>
      )}
    </Section>
  );
}
