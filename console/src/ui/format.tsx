/** Times and numbers as people read them. */
const DATE = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' });
const NUMBER = new Intl.NumberFormat('en');

/** `4 May 2026, 09:30`. */
export const moment = (at: string): string => DATE.format(new Date(at));

/** A moment; its seconds and zone on hover. */
export function When({ at }: { at: string }) {
  return (
    <time dateTime={at} title={at}>
      {moment(at)}
    </time>
  );
}

export const number = (value: number): string => NUMBER.format(value);

/** `0.57`, as the receipts have it. */
export const decimal = (value: number): string => value.toFixed(2);

/** A share between 0 and 1: `32 %`. */
export const share = (value: number): string =>
  value > 0 && value < 0.005 ? 'under 1 %' : `${Math.round(100 * value)} %`;

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
