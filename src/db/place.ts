/** A row's place in a list that is ordered by time and id. `createdAt` is ISO 8601 with microseconds. */
export type Place = { createdAt: string; id: string };

/** The lowest id: a page that starts after it and a time begins right before that time. */
export const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** What a list begins behind, as its query compares it: `lowest` is the lowest id that it can have. */
export const behind = (after: Place | undefined, lowest = NIL_UUID): [createdAt: string, id: string] => [
  after?.createdAt ?? 'infinity',
  after?.id ?? lowest,
];

/** A column as a time for people: ISO 8601 with milliseconds. */
export const isoTime = (column: string): string =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** The column `created_at` as a place has it: a JavaScript date would lose the microseconds. */
export const CREATED_AT = `to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS "createdAt"`;
