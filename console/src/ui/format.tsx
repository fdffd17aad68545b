/** Times and numbers as people read them. */
const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const NUMBER = new Intl.NumberFormat('en');

/** A moment; its seconds and zone on hover. */
export function When({ at }: { at: string }) {
  return (
    <time dateTime={at} title={at}>
      {DATE.format(new Date(at))}
    </time>
  );
}

export const number = (value: number): string => NUMBER.format(value);

/** A fit between 0 and 1, as the receipts have it. */
export const fit = (value: number): string => value.toFixed(2);

/** `0.42 s`, `310 ms`. */
export const duration = (ms: number): string =>
  ms >= 10_000
    ? `${(ms / 1000).toFixed(0)} s`
    : ms >= 1000
      ? `${(ms / 1000).toFixed(1)} s`
      : `${Math.round(ms)} ms`;

/** `1 message`, `2 messages`. */
export const count = (amount: number, one: string, many = `${one}s`): string =>
  `${number(amount)} ${amount === 1 ? one : many}`;
