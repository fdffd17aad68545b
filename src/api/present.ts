type Present<T> = T extends object ? { [K in keyof T]: Present<Exclude<T[K], undefined>> } : T;

/** Without the fields that are undefined: left out and undefined mean the same in JSON. */
export function present<T extends object>(fields: T): Present<T> {
  return JSON.parse(JSON.stringify(fields)) as Present<T>;
}
