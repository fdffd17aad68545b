import { Label, Meter as AriaMeter } from 'react-aria-components';

/** A share between 0 and 1 as a bar, with its words. `mark` shows where something lies on it. */
export function Meter({
  label,
  value,
  text,
  mark,
}: {
  label: string;
  value: number;
  text: string;
  mark?: number;
}) {
  return (
    <AriaMeter value={value} minValue={0} maxValue={1} valueLabel={text} className="meter">
      <Label>{label}</Label>
      <span className="meter-bar">
        <span className="meter-value" style={{ inlineSize: `${Math.min(1, Math.max(0, value)) * 100}%` }} />
        {mark !== undefined && <span className="meter-mark" style={{ insetInlineStart: `${mark * 100}%` }} />}
      </span>
      <span className="meter-text">{text}</span>
    </AriaMeter>
  );
}
