import type { z } from 'zod';
import type { Scope } from '../../domain/conversation.ts';
import { isTextWithin, isWithin } from '../../lib/json-size.ts';
import { exportLine, MOST_OF_A_LINE, type ExportedWindowMessage } from './format.ts';
import { importedIds, type ImportedIds } from './store-imported.ts';
import { WINDOW_SIZE } from '../window/window.ts';
import { parseJson } from '../../lib/parse-json.ts';

/** A line is not what an export writes in its place. The message says what is wrong with it. */
export class ImportFault extends Error {
  override readonly name = 'ImportFault';
}

/** An exchange of the file, in which line it stands, and the ids of which the database says which it gets. */
export type ReadExchange = { line: number; ids: ImportedIds };

/** A message of the file's window, and the ids of its exchange. */
export type ReadWindowMessage = { message: ExportedWindowMessage; ids?: ImportedIds };

export type ImportReader = {
  /** The number of the line that was read last, from 1. */
  readonly line: number;
  /** Reads the next line, and gives the exchange that it holds. Throws an `ImportFault`. */
  read(text: string): ReadExchange | undefined;
  /** Ends the file. Throws an `ImportFault` when it was cut off. */
  end(): { exchanges: number; window: ReadWindowMessage[]; isLastPart: boolean };
};

/** Reads the lines of an export that is to be imported into `scope`, one by one and in their order. */
export function createImportReader(scope: Scope): ImportReader {
  let line = 0;
  let exchanges = 0;
  let idsOf: ReturnType<typeof importedIds> | undefined;
  let isComplete = false;
  let isLastPart = true;
  const window: ReadWindowMessage[] = [];

  return {
    get line() {
      return line;
    },
    read(text) {
      line += 1;
      if (isComplete) throw new ImportFault('comes after the end');
      // A million brackets take long to parse, and the schema would go through a million faults.
      const tooMuch = idsOf ? TOO_MUCH : NO_HEADER;
      if (!isTextWithin(text, MOST_OF_A_LINE.values)) throw new ImportFault(tooMuch);
      const value = parseJson(text);
      if (value === undefined) throw new ImportFault(NO_JSON);
      if (!isWithin(value, MOST_OF_A_LINE)) throw new ImportFault(tooMuch);
      const checked = exportLine.safeParse(value);
      if (!checked.success) throw new ImportFault(problemOf(checked.error, idsOf === undefined));
      const read = checked.data;
      if (read.type === 'header') {
        if (idsOf) throw new ImportFault('is a second header');
        idsOf = importedIds(read, scope);
        return undefined;
      }
      if (!idsOf) throw new ImportFault(NO_HEADER);
      switch (read.type) {
        case 'window':
          if (exchanges > 0) throw new ImportFault('must come before the exchanges: it is of the window');
          if (window.length === WINDOW_SIZE) throw new ImportFault(`is beyond a window’s ${WINDOW_SIZE}`);
          window.push(
            read.exchange === undefined ? { message: read } : { message: read, ids: idsOf(read.exchange) },
          );
          return undefined;
        case 'exchange': {
          exchanges += 1;
          return { line, ids: idsOf(read.id) };
        }
        case 'end':
          if (read.exchanges !== exchanges || read.windowMessages !== window.length) {
            throw new ImportFault(
              `counts ${read.exchanges} exchanges and ${read.windowMessages} messages of the window, but the ` +
                `file has ${exchanges} and ${window.length}`,
            );
          }
          isComplete = true;
          isLastPart = read.nextCursor === null;
          return undefined;
      }
    },
    end() {
      if (isComplete) return { exchanges, window, isLastPart };
      line += 1;
      throw new ImportFault('is missing: the file has no end, so it was cut off');
    },
  };
}

const NO_JSON = 'must be JSON: the file was cut off here, or is none of an exported memory';
const NO_HEADER = 'must be the header of an exported memory (format "konstruct-memory", version 1)';
const TOO_MUCH = 'holds more, or longer keys, than an export writes';

function problemOf(error: z.ZodError, isHeader: boolean): string {
  if (isHeader) return NO_HEADER;
  const issue = error.issues[0];
  const where = issue?.path.join('.') ?? '';
  return where === '' ? (issue?.message ?? 'is invalid') : `${where}: ${issue?.message}`;
}
