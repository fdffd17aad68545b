import { fault, reasonOf, type Finding, type Patient } from './finding.ts';
import { checkEmbedding, checkModels } from './model.ts';
import { checkPostgres } from './postgres.ts';
import { checkRedisServer } from './redis.ts';
import { checkSettings } from './settings.ts';
import { checkSlack } from './slack.ts';
import { checkTemporal } from './temporal.ts';

type Check = (patient: Patient) => Finding[] | Promise<Finding[]>;

/** In the order in which the cures help: without a setting nothing behind it can be looked at. */
const CHECKS = {
  settings: checkSettings,
  Postgres: checkPostgres,
  Redis: checkRedisServer,
  Temporal: checkTemporal,
  'language model': checkModels,
  'embedding model': checkEmbedding,
  Slack: checkSlack,
} satisfies Record<string, Check>;

export type SubjectName = keyof typeof CHECKS;

export type Examined = { subject: string; findings: Finding[] };

/**
 * Looks at everything that is set, or at one subject, one after the other: at once they would slow each other
 * down.
 */
export async function examine(patient: Patient, only?: SubjectName): Promise<Examined[]> {
  const examined: Examined[] = [];
  for (const [subject, check] of Object.entries<Check>(CHECKS)) {
    if (only !== undefined && subject !== only) continue;
    const findings = await Promise.resolve(patient)
      .then(check)
      .catch((error: unknown) => [
        fault(`could not be looked at: ${reasonOf(error)}`, 'report this: the doctor itself has failed'),
      ]);
    // What isn't set has none.
    if (findings.length > 0) examined.push({ subject, findings });
  }
  return examined;
}

const MARKS = { good: 'ok    ', doubt: 'doubt ', fault: 'FAULT ' };

/** A line a finding, and its cure below. */
export function printed(examined: readonly Examined[]): string {
  const lines = examined.flatMap(({ subject, findings }) => [
    subject,
    ...findings.flatMap((finding) => [
      `  ${MARKS[finding.kind]} ${finding.what}`,
      ...(finding.kind === 'good' ? [] : [`         → ${finding.cure}`]),
    ]),
  ]);
  const all = examined.flatMap(({ findings }) => findings);
  const count = (kind: Finding['kind']): number => all.filter((finding) => finding.kind === kind).length;
  const counts = `faults: ${count('fault')}, doubts: ${count('doubt')}, ok: ${count('good')}`;
  return [...lines, '', counts].join('\n');
}

export const isSick = (examined: readonly Examined[]): boolean =>
  examined.some(({ findings }) => findings.some(({ kind }) => kind === 'fault'));
