/** Line charts as SVG text for the docs. */

export type Series = { name: string; points: readonly (readonly [x: number, y: number])[] };
export type Chart = { title: string; x: string; y: string; series: readonly Series[]; logX?: boolean };

const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [640, 360, 60, 150, 40, 50];
const COLOURS = ['#2563eb', '#dc2626', '#059669', '#d97706', '#7c3aed'];

/** Draws the chart; the y axis begins at 0. */
export function drawChart({ title, x, y, series, logX = false }: Chart): string {
  const all = series.flatMap(({ points }) => points);
  const scaleX = (value: number): number => (logX ? Math.log10(Math.max(value, 1)) : value);
  const xs = all.map(([value]) => scaleX(value));
  const [low, high] = [Math.min(...xs), Math.max(...xs)];
  const top = niceCeiling(Math.max(...all.map(([, value]) => value)));
  const px = (value: number): number =>
    LEFT + ((scaleX(value) - low) / (high - low || 1)) * (WIDTH - LEFT - RIGHT);
  const py = (value: number): number => HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM);
  const parts = [
    text(LEFT, 22, title, 'font-weight="bold" font-size="15"'),
    text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, x, 'text-anchor="middle"'),
    text(16, (TOP + HEIGHT - BOTTOM) / 2, y, `text-anchor="middle" transform="rotate(-90 16 ${HEIGHT / 2})"`),
  ];
  for (let i = 0; i <= 4; i += 1) {
    const value = (top * i) / 4;
    const at = py(value);
    parts.push(`<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#ddd"/>`);
    parts.push(text(LEFT - 6, at + 4, short(value), 'text-anchor="end"'));
  }
  for (const value of [...new Set(all.map(([at]) => at))]) {
    parts.push(text(px(value), HEIGHT - BOTTOM + 18, short(value), 'text-anchor="middle"'));
  }
  for (const [i, { name, points }] of series.entries()) {
    const colour = COLOURS[i % COLOURS.length] ?? 'black';
    const path = points.map(([a, b]) => `${px(a).toFixed(1)},${py(b).toFixed(1)}`);
    parts.push(`<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    for (const point of path) {
      const [cx = '', cy = ''] = point.split(',');
      parts.push(`<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`);
    }
    parts.push(text(WIDTH - RIGHT + 12, TOP + 14 + 18 * i, name, `fill="${colour}"`));
  }
  const style = 'font-family="sans-serif" font-size="11" fill="#333"';
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" ${style}>\n` +
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>\n${parts.join('\n')}\n</svg>\n`
  );
}

function text(x: number, y: number, content: string, more = ''): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${escaped}</text>`;
}

/** The smallest number of the form 1, 2 or 5 times a power of ten that is not below the value. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value || 1));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

function short(value: number): string {
  return value >= 1_000 ? `${Number((value / 1_000).toFixed(1))}k` : String(Number(value.toFixed(2)));
}
