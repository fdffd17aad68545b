import { api } from '../../api/client.ts';
import type { Scope } from '../../api/memory.ts';

/** Brings a file into a memory; how far the import has come is another question. */
export function useUpload(scope: Scope) {
  const { mutate, isPending, error, data } = api.useMutation(
    'post',
    '/v1/agents/{agentId}/users/{userId}/memory/import',
  );
  return {
    isPending,
    error,
    /** Whether the export that the last file is of goes on in another file. */
    isPart: data?.isLastPart === false,
    /** `onTaken` gets the import’s id, unless the page was left meanwhile. */
    send: (file: File, onTaken: (importId: string) => void) =>
      mutate(
        {
          params: { path: scope },
          body: file,
          bodySerializer: (lines) => lines,
          headers: { 'content-type': 'application/x-ndjson' },
        },
        { onSuccess: ({ importId }) => onTaken(importId) },
      ),
  };
}

export type Upload = ReturnType<typeof useUpload>;
