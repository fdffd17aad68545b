import { useEffect, useRef, useState } from 'react';
import uPlot from 'uplot';
import { moment } from './format.tsx';

export type Series = { label: string; color: string; values: readonly number[] };

const HEIGHT_PX = 180;
const BAR_WIDTH = 0.62;
const HALF_HOUR_S = 1_800;
const CLOCK = new Intl.DateTimeFormat('en-GB', { timeStyle: 'short' });
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** The time of day; at midnight the day that begins. */
const hourOf = (seconds: number): string => {
  const at = new Date(seconds * 1000);
  return (at.getHours() === 0 && at.getMinutes() === 0 ? DAY : CLOCK).format(at);
};

/**
 * Counts by the hour, one kind stacked on the other. The drawing says nothing to a screen reader: the same
 * numbers stand in a table behind it.
 */
export function HourChart({
  title,
  hours,
  series,
}: {
  title: string;
  hours: readonly string[];
  series: readonly Series[];
}) {
  const place = useRef<HTMLDivElement>(null);
  const isDark = useDark();
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const plot = new uPlot(optionsOf(element, series), dataOf(hours, series), element);
    const watched = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    watched.observe(element);
    return () => {
      watched.disconnect();
      plot.destroy();
    };
  }, [hours, series, isDark]);
  return (
    <figure className="chart">
      <figcaption>
        <span className="chart-title">{title}</span>
        <span className="legend">
          {series.map(({ label, color }) => (
            <span key={label}>
              <i style={{ background: `var(${color})` }} />
              {label}
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={place} aria-hidden="true" className="chart-place" />
      <div className="hidden">
        <table>
          <caption>{title}</caption>
          <thead>
            <tr>
              <th scope="col">Hour</th>
              {series.map(({ label }) => (
                <th key={label} scope="col">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {hours.map((hour, index) => (
              <tr key={hour}>
                <th scope="row">{moment(hour)}</th>
                {series.map(({ label, values }) => (
                  <td key={label}>{values[index]}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </figure>
  );
}

/** The first of the series is drawn last, on top: each is as high as itself and those after it. */
function dataOf(hours: readonly string[], series: readonly Series[]): uPlot.AlignedData {
  const heights = series.map((_, at) =>
    hours.map((_hour, hour) =>
      series.slice(0, series.length - at).reduce((sum, { values }) => sum + (values[hour] ?? 0), 0),
    ),
  );
  return [hours.map((hour) => Date.parse(hour) / 1000), ...heights];
}

function optionsOf(element: HTMLElement, series: readonly Series[]): uPlot.Options {
  const style = getComputedStyle(element);
  const resolved = (name: string) => resolve(element, name);
  const bars = uPlot.paths.bars?.({ size: [BAR_WIDTH, 40] });
  const axis = { stroke: resolved('--muted'), font: `12px ${style.fontFamily}` };
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    cursor: { show: false },
    legend: { show: false },
    scales: {
      // Room for the first and the last bar.
      x: { range: (_plot, min, max) => [min - HALF_HOUR_S, max + HALF_HOUR_S] },
      y: { range: (_plot, _min, max) => [0, Math.max(4, max * 1.1)] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        ticks: { show: false },
        space: 64,
        values: (_plot, seconds) => seconds.map(hourOf),
      },
      {
        ...axis,
        grid: { stroke: resolved('--line'), width: 1 },
        ticks: { show: false },
        size: 44,
        incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000],
      },
    ],
    series: [
      {},
      ...series.toReversed().map((one) => ({
        label: one.label,
        fill: resolved(one.color),
        stroke: resolved(one.color),
        width: 0,
        points: { show: false },
        ...(bars && { paths: bars }),
      })),
    ],
  };
}

/** A colour of the style sheet as a canvas takes it, light or dark as the page is. */
function resolve(element: HTMLElement, name: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${name})`;
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** Whether the page is dark; changes when the system does. */
function useDark(): boolean {
  const [query] = useState(() => matchMedia('(prefers-color-scheme: dark)'));
  const [isDark, setDark] = useState(query.matches);
  useEffect(() => {
    const changed = () => setDark(query.matches);
    query.addEventListener('change', changed);
    return () => query.removeEventListener('change', changed);
  }, [query]);
  return isDark;
}
