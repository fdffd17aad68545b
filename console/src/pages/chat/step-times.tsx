import { Meter } from '../../ui/meter.tsx';
import { stepName } from '../../ui/steps.ts';

/** How long each step took, each beside the longest. */
export function StepTimes({
  timings,
  format,
}: {
  timings: Readonly<Record<string, number>>;
  format: (ms: number) => string;
}) {
  const steps = Object.entries(timings);
  const longest = Math.max(1, ...steps.map(([, ms]) => ms));
  return (
    <ul className="steps-times">
      {steps.map(([step, ms]) => (
        <li key={step}>
          <Meter label={stepName(step)} value={ms / longest} text={format(ms)} />
        </li>
      ))}
    </ul>
  );
}
