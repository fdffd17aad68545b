import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { keepNewest } from './keep-newest.ts';

/** A file's bytes, and a tag that another content of it has not. */
export type KeptFile = { bytes: Buffer; tag: string };

/** More than a page of ours loads. Those of a page that was built anew take the place of the older ones. */
const MOST_FILES = 100;

/** A plain name: none that is hidden, and none that leads elsewhere. */
const NAME = /^[\w-][\w.-]*$/;

/**
 * Gives the files of a folder by their plain names, from memory while they are as they were: however many
 * read one, and however slowly, its bytes are there once, and no file stays open. Undefined for what is no
 * file there.
 */
export function createKeptFiles(folder: string): (name: string) => Promise<KeptFile | undefined> {
  const kept = new Map<string, Promise<KeptFile>>();
  return async (name) => {
    if (!NAME.test(name)) return undefined;
    const file = path.join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) return undefined;
    // One that is being written is read again when it has grown.
    const version = `${name} ${found.size.toString(36)}-${found.mtimeMs.toString(36)}`;
    const known = kept.get(version);
    const read =
      known ?? readFile(file).then((bytes) => ({ bytes, tag: `"${version.slice(name.length + 1)}"` }));
    keepNewest(kept, version, read, MOST_FILES);
    return read.catch((error: unknown) => {
      kept.delete(version);
      if (isGone(error)) return undefined;
      throw error;
    });
  };
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
