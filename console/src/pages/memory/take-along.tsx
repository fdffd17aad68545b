import { useEffect, useRef, useState } from 'react';
import { useMutation } from '@tanstack/react-query';
import { FileTrigger, Label, ProgressBar } from 'react-aria-components';
import { api } from '../../api/client.ts';
import { exportFiles } from '../../api/memory-export.ts';
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

/** A memory as files: taken out, or brought in. */
export function TakeAlong({ scope, ...importing }: { scope: Scope } & ImportProps) {
  const { canChange } = useRights();
  return (
    <>
      <Export scope={scope} />
      {canChange && <Import {...importing} />}
    </>
  );
}

function Export({ scope }: { scope: Scope }) {
  const [embeddings, setEmbeddings] = useState(true);
  const [bytes, setBytes] = useState(0);
  const [files, setFiles] = useState(0);
  const leave = useRef<() => void>(undefined);
  useEffect(() => () => leave.current?.(), []);
  const taking = useMutation({
    // A link would let the browser do it for whoever is signed in by now, and tell nobody why it was refused.
    mutationFn: async () => {
      setBytes(0);
      setFiles(0);
      const onBytes = (more: number) => setBytes((soFar) => soFar + more);
      const leaving = new AbortController();
      leave.current = () => leaving.abort();
      const wanted = { scope, embeddings, onBytes, signal: leaving.signal };
      let saved = 0;
      for await (const { name, contents } of exportFiles(wanted)) {
        saveFile(contents, name);
        saved += 1;
        setFiles(saved);
      }
      return saved;
    },
    onSuccess: (saved) => tell(saved === 1 ? 'The file is handed to the browser.' : handedOver(saved)),
  });
  const megabytes = Math.floor(bytes / 1_000_000);
  return (
    <Section title="Export">
      <p className="hint">
        All of it as lines of JSON, for this Konstruct or another one: several files where it is longer than
        16 MB. The audit log says that it was taken.
      </p>
      <div className="row wrap">
        <Button isPending={taking.isPending} onPress={() => taking.mutate()}>
          {taking.isPending ? `Downloading … ${megabytes > 0 ? `${number(megabytes)} MB` : ''}` : 'Download'}
        </Button>
        <Toggle label="With embeddings" isSelected={embeddings} onChange={setEmbeddings} />
      </div>
      {taking.error && <Failure error={taking.error} />}
      {taking.error && files > 0 && (
        <p className="warning">
          This is not all of the memory: only {count(files, 'file')} of it came before that. Download it
          again.
        </p>
      )}
      {taking.isSuccess && files > 1 && (
        <p className="warning">
          {handedOver(files)} Look whether all of them are there: a browser may ask first whether it may save
          more than one. Import each of them.
        </p>
      )}
    </Section>
  );
}

const handedOver = (files: number): string => `All ${number(files)} files are handed to the browser.`;

function Import({ upload, importId, onImport }: ImportProps) {
  return (
    <Section title="Import">
      <p className="hint">
        Adds the file of an export to what is remembered. Of several each is imported, in any order. The same
        file twice adds nothing.
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
      {upload.isPart && (
        <p className="warning">The export goes on after this file: import its next part as well.</p>
      )}
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
