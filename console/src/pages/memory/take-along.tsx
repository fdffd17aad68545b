import { useEffect, useState } from 'react';
import { useMutation } from '@tanstack/react-query';
import { FileTrigger, Label, ProgressBar } from 'react-aria-components';
import { api, fetchClient } from '../../api/client.ts';
import { memoryHasChanged, type Scope } from '../../api/memory.ts';
import { useRights } from '../../session/session.ts';
import { Button } from '../../ui/button.tsx';
import { Toggle } from '../../ui/fields.tsx';
import { count, number } from '../../ui/format.tsx';
import { tell } from '../../ui/notice.tsx';
import { Section } from '../../ui/page.tsx';
import { saveFile } from '../../ui/save-file.ts';
import { Failure } from '../../ui/states.tsx';
import type { Upload } from './upload.ts';

const LOOK_EVERY_MS = 700;

type ImportProps = {
  upload: Upload;
  /** The import that was begun here last. */
  importId: string | undefined;
  onImport: (importId: string) => void;
};

/** A memory as a file: taken out, or brought in. */
export function TakeAlong({ scope, ...importing }: { scope: Scope } & ImportProps) {
  const [embeddings, setEmbeddings] = useState(true);
  const { canChange } = useRights();
  const [megabytes, setMegabytes] = useState(0);
  const taking = useMutation({
    // A link would let the browser do it for whoever is signed in by now, and tell nobody why it was refused.
    mutationFn: async () => {
      setMegabytes(0);
      const { data } = await fetchClient.GET('/v1/agents/{agentId}/users/{userId}/memory/export', {
        params: { path: scope, query: { embeddings: embeddings ? 'true' : 'false' } },
        parseAs: 'stream',
      });
      if (!data) return;
      const contents = await new Response(data.pipeThrough(countingMegabytes(setMegabytes))).blob();
      saveFile(contents, `memory-of-${scope.userId.replaceAll(/[^\w.-]+/g, '-')}.jsonl`);
    },
    onSuccess: () => tell('The file is handed to the browser.'),
  });
  return (
    <>
      <Section title="Export">
        <p className="hint">
          All of it as lines of JSON, for this Konstruct or another one. The audit log says that it was taken.
        </p>
        <div className="row wrap">
          <Button isPending={taking.isPending} onPress={() => taking.mutate()}>
            {taking.isPending
              ? `Downloading … ${megabytes > 0 ? `${number(megabytes)} MB` : ''}`
              : 'Download'}
          </Button>
          <Toggle label="With embeddings" isSelected={embeddings} onChange={setEmbeddings} />
        </div>
        {taking.error && <Failure error={taking.error} />}
      </Section>
      {canChange && <Import {...importing} />}
    </>
  );
}

/** Says of what goes through how many whole megabytes it is so far. */
function countingMegabytes(onCount: (megabytes: number) => void): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(part, controller) {
      bytes += part.length;
      onCount(Math.floor(bytes / 1_000_000));
      controller.enqueue(part);
    },
  });
}

function Import({ upload, importId, onImport }: ImportProps) {
  return (
    <Section title="Import">
      <p className="hint">
        Adds the file of an export to what is remembered. The same file twice adds nothing.
      </p>
      <FileTrigger
        acceptedFileTypes={['.jsonl', '.ndjson', 'application/x-ndjson']}
        onSelect={(files) => {
          const file = files?.[0];
          if (file) upload.send(file, onImport);
        }}
      >
        <Button isPending={upload.isPending}>{upload.isPending ? 'Uploading …' : 'Choose a file'}</Button>
      </FileTrigger>
      {upload.error && <Failure error={upload.error} />}
      {importId !== undefined && <ImportProgress key={importId} importId={importId} />}
    </Section>
  );
}

/** Imports whose end has been heeded: looking at one once more changes nothing. */
const heeded = new Set<string>();

function ImportProgress({ importId }: { importId: string }) {
  const { data, error } = api.useQuery(
    'get',
    '/v1/imports/{importId}',
    { params: { path: { importId } } },
    {
      refetchInterval: ({ state }) => (state.data && state.data.state !== 'running' ? false : LOOK_EVERY_MS),
    },
  );
  const state = data?.state ?? 'running';
  useEffect(() => {
    if (state === 'running' || heeded.has(importId)) return;
    heeded.add(importId);
    tell(state === 'done' ? 'The import is done.' : 'The import has failed.');
    if (state === 'done') void memoryHasChanged();
  }, [state, importId]);
  if (error) return <Failure error={error} />;
  if (!data) return null;
  if (data.state === 'failed') {
    return <p className="warning">Nothing of the file is kept: the import has failed.</p>;
  }
  if (data.state === 'done') {
    return <p className="good">{count(data.stored, 'exchange')} stored.</p>;
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
