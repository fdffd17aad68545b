import { useEffect, useState } from 'react';
import { useMutation } from '@tanstack/react-query';
import { FileTrigger, Label, ProgressBar } from 'react-aria-components';
import { api, type Schemas } from '../../api/client.ts';
import { memoryHasChanged, type Scope } from '../../api/memory.ts';
import { problemIn, ProblemError } from '../../api/problem.ts';
import { useRights } from '../../session/session.ts';
import { Button } from '../../ui/button.tsx';
import { Toggle } from '../../ui/fields.tsx';
import { count, number } from '../../ui/format.tsx';
import { Section } from '../../ui/page.tsx';
import { Failure } from '../../ui/states.tsx';

const pathOf = ({ agentId, userId }: Scope) =>
  `/v1/agents/${encodeURIComponent(agentId)}/users/${encodeURIComponent(userId)}/memory`;
const LOOK_EVERY_MS = 700;

/** A memory as a file: taken out, or brought in. */
export function TakeAlong({ scope }: { scope: Scope }) {
  const [embeddings, setEmbeddings] = useState(true);
  const { canChange } = useRights();
  return (
    <>
      <Section title="Export">
        <p className="hint">
          All of it as lines of JSON, for this Konstruct or another one. The audit log says that it was taken.
        </p>
        <div className="row wrap">
          <a
            className="button plain"
            href={`${pathOf(scope)}/export?embeddings=${String(embeddings)}`}
            download={`memory-of-${scope.userId.replaceAll(/[^\w.-]+/g, '-')}.jsonl`}
          >
            Download
          </a>
          <Toggle label="With embeddings" isSelected={embeddings} onChange={setEmbeddings} />
        </div>
      </Section>
      {canChange && <Import scope={scope} />}
    </>
  );
}

function Import({ scope }: { scope: Scope }) {
  const upload = useMutation({
    mutationFn: async (file: File): Promise<Schemas['AcceptedImport']> => {
      const response = await fetch(`${pathOf(scope)}/import`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: file,
      });
      if (!response.ok) throw new ProblemError(await problemIn(response));
      return (await response.json()) as Schemas['AcceptedImport'];
    },
  });
  return (
    <Section title="Import">
      <p className="hint">
        Adds the file of an export to what is remembered. The same file twice adds nothing.
      </p>
      <FileTrigger
        acceptedFileTypes={['.jsonl', '.ndjson', 'application/x-ndjson']}
        onSelect={(files) => {
          const file = files?.[0];
          if (file) upload.mutate(file);
        }}
      >
        <Button isPending={upload.isPending}>{upload.isPending ? 'Uploading …' : 'Choose a file'}</Button>
      </FileTrigger>
      {upload.error && <Failure error={upload.error} />}
      {upload.data && <ImportProgress key={upload.data.importId} importId={upload.data.importId} />}
    </Section>
  );
}

function ImportProgress({ importId }: { importId: string }) {
  const { data, error } = api.useQuery(
    'get',
    '/v1/imports/{importId}',
    { params: { path: { importId } } },
    {
      refetchInterval: ({ state }) => (state.data && state.data.state !== 'running' ? false : LOOK_EVERY_MS),
    },
  );
  const isDone = data?.state === 'done';
  useEffect(() => {
    if (isDone) void memoryHasChanged();
  }, [isDone]);
  if (error) return <Failure error={error} />;
  if (!data) return null;
  if (data.state === 'failed') {
    return (
      <p role="status" className="warning">
        The import has failed; nothing of it is kept.
      </p>
    );
  }
  if (data.state === 'done') {
    return (
      <p role="status" className="good">
        {count(data.stored, 'exchange')} stored.
      </p>
    );
  }
  return (
    <ProgressBar
      className="progress"
      value={data.stored}
      maxValue={Math.max(1, data.exchanges)}
      valueLabel={`${number(data.stored)} of ${number(data.exchanges)}`}
    >
      {({ percentage, valueText }) => (
        <>
          <Label>Storing exchanges</Label>
          <span>{valueText}</span>
          <span className="meter-bar">
            <span className="meter-value" style={{ inlineSize: `${percentage ?? 0}%` }} />
          </span>
        </>
      )}
    </ProgressBar>
  );
}
