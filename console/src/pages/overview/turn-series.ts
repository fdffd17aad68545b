import type { Schemas } from '../../api/client.ts';

type Hour = Schemas['Overview']['hours'][number];
type Counted = Omit<Hour, 'at'>;

const SERIES: ReadonlyArray<{ label: string; color: string; of: (hour: Counted) => number; isRare?: true }> =
  [
    { label: 'answered', color: '--accent', of: ({ answered, degraded }) => answered - degraded },
    { label: 'degraded', color: '--warn', of: ({ degraded }) => degraded },
    { label: 'failed', color: '--bad', of: ({ failed }) => failed },
    { label: 'under way', color: '--strong-line', of: ({ underWay }) => underWay },
    { label: 'not begun', color: '--muted', of: ({ refused }) => refused, isRare: true },
  ];

/** What became of the turns of each hour, all of them together. What is rare is shown where it is. */
export const turnSeries = (hours: readonly Counted[]) =>
  SERIES.map(({ of, isRare, ...series }) => ({ ...series, isRare, values: hours.map(of) }))
    .filter(({ isRare, values }) => !isRare || values.some((value) => value > 0))
    .map(({ label, color, values }) => ({ label, color, values }));
