import { useQueryClient } from '@tanstack/react-query';
import { api, type Schemas } from '../../api/client.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { When } from '../../ui/format.tsx';
import { tell } from '../../ui/notice.tsx';

export type Key = Schemas['ApiKeys']['apiKeys'][number];

export const KEYS = ['get', '/v1/tenants/{tenantId}/api-keys'] as const;

/** A key by its name, or by the beginning of its id. */
const calledOf = ({ name, apiKeyId }: Key): string => name || `key ${apiKeyId.slice(0, 8)}`;

type KeyRowProps = {
  apiKey: Key;
  tenantId: string;
  /** Gets the key that has taken this one's place. */
  onReplaced: (apiKey: string) => void;
};

/** A key of a tenant, and how it ends. `atMs`: of when this is, in milliseconds since 1970. */
export function KeyRow({ apiKey, tenantId, onReplaced, atMs }: KeyRowProps & { atMs: number }) {
  const { role, createdAt, expiresAt, lastUsedAt, revokedAt } = apiKey;
  const isExpired = expiresAt !== null && Date.parse(expiresAt) <= atMs;
  return (
    <li className="row-item">
      <div className="grow">
        <p className="row-title">
          <bdi>{calledOf(apiKey)}</bdi> <span className="tag">{role}</span>
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
              {isExpired ? ' · ended ' : ' · ends '}
              <When at={expiresAt} />
            </>
          )}
        </p>
      </div>
      {revokedAt !== null ? (
        <span className="tag failed">revoked</span>
      ) : (
        <>
          {isExpired ? (
            <span className="tag failed">expired</span>
          ) : (
            <Replace apiKey={apiKey} tenantId={tenantId} onReplaced={onReplaced} />
          )}
          <Revoke apiKey={apiKey} tenantId={tenantId} />
        </>
      )}
    </li>
  );
}

function Replace({ apiKey, tenantId, onReplaced }: KeyRowProps) {
  const called = calledOf(apiKey);
  const queryClient = useQueryClient();
  const rotate = api.useMutation('post', '/v1/tenants/{tenantId}/api-keys/{keyId}/rotate', {
    onSuccess: (made) => {
      onReplaced(made.apiKey);
      tell(`${called} is replaced. The new key stands below, this once.`);
      return queryClient.invalidateQueries({ queryKey: KEYS });
    },
  });
  return (
    <Confirm
      title="Replace this key"
      action="Replace"
      trigger={
        <Button kind="quiet" aria-label={`Replace ${called}`}>
          Replace
        </Button>
      }
      onConfirm={() => rotate.mutateAsync({ params: { path: { tenantId, keyId: apiKey.apiKeyId } } })}
    >
      <p>
        A new key of the same name, role and end takes its place. From now on nobody gets in with the one
        before, and sessions of the console that began with it end.
      </p>
    </Confirm>
  );
}

function Revoke({ apiKey, tenantId }: Omit<KeyRowProps, 'onReplaced'>) {
  const called = calledOf(apiKey);
  const queryClient = useQueryClient();
  const revoke = api.useMutation('delete', '/v1/tenants/{tenantId}/api-keys/{keyId}', {
    onSuccess: () => {
      tell(`${called} is revoked.`);
      return queryClient.invalidateQueries({ queryKey: KEYS });
    },
  });
  return (
    <Confirm
      title="Revoke this key"
      action="Revoke"
      trigger={
        <Button kind="quiet" aria-label={`Revoke ${called}`}>
          Revoke
        </Button>
      }
      onConfirm={() => revoke.mutateAsync({ params: { path: { tenantId, keyId: apiKey.apiKeyId } } })}
    >
      <p>
        From now on nobody gets in with <bdi>{called}</bdi>, and sessions of the console that began with it
        end. It can’t be taken back.
      </p>
    </Confirm>
  );
}
