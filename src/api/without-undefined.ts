type WithoutUndefined<T> = T extends object
  ? { [K in keyof T]: WithoutUndefined<Exclude<T[K], undefined>> }
  : T;

/** Without the fields that are undefined: left out and undefined mean the same in JSON. */
export function withoutUndefined<T extends object>(fields: T): WithoutUndefined<T> {
  return JSON.parse(JSON.stringify(fields)) as WithoutUndefined<T>;
}
