import { Meter } from '../../ui/meter.tsx';
import { inOrder, stepName } from '../../ui/steps.ts';

/** How long each step took, each beside the longest. */
export function StepTimes({
  timings,
  format,
}: {
  timings: Readonly<Record<string, number>>;
  format: (ms: number) => string;
}) {
  const steps = inOrder(Object.entries(timings).map(([step, ms]) => ({ step, ms })));
  const longest = Math.max(1, ...steps.map(({ ms }) => ms));
  return (
    <ul className="steps-times">
      {steps.map(({ step, ms }) => (
        <li key={step}>
          <Meter label={stepName(step)} value={ms / longest} text={format(ms)} />
        </li>
      ))}
    </ul>
  );
}
