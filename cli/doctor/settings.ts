import { channelSubjects } from '../../src/channels/index.ts';
import { SUBJECTS } from '../../src/config/index.ts';
import { encryption } from '../../src/config/encryption.ts';
import { parse, type Subject } from '../../src/config/variables.ts';
import { doubt, fault, good, type Environment, type Finding, type Patient } from './finding.ts';

const OLDEST_NODE = 24;

/** What each process would say of these settings at its start. */
export function checkSettings({ env }: Patient): Finding[] {
  return [...nodeFindings(), ...processFindings(env), ...keyFindings(env)];
}

function nodeFindings(): Finding[] {
  const [major = 0] = process.versions.node.split('.').map(Number);
  return major >= OLDEST_NODE
    ? [good(`Node ${process.versions.node}`)]
    : [fault(`Node ${process.versions.node} is too old`, `start it with Node ${OLDEST_NODE} or newer`)];
}

const PROCESSES: Record<string, Record<string, Subject>> = {
  API: { ...SUBJECTS.api, ...channelSubjects('inbound') },
  worker: { ...SUBJECTS.worker, ...channelSubjects('outbound') },
};

function processFindings(env: Environment): Finding[] {
  // Both may say the same of a variable that both read.
  const problems = new Map<string, string[]>();
  for (const [name, subjects] of Object.entries(PROCESSES))
    for (const line of problemsOf(subjects, env)) problems.set(line, [...(problems.get(line) ?? []), name]);
  if (problems.size === 0) return [good('API and worker find all their settings')];
  return [...problems].map(([line, names]) => {
    const [, what = line, cure = 'see docs/CONFIGURATION.md'] =
      /^(.*?) \((set it to .*)\)$/s.exec(line) ?? [];
    return fault(`${names.join(' and ')}: ${what}`, cure);
  });
}

function problemsOf(subjects: Record<string, Subject>, env: Environment): string[] {
  try {
    parse(subjects, env);
    return [];
  } catch (error) {
    const [, ...lines] = (Error.isError(error) ? error.message : String(error)).split('\n');
    return lines.map((line) => line.trim());
  }
}

function keyFindings(env: Environment): Finding[] {
  if (problemsOf({ encryption }, env).length > 0) return [];
  const { keys } = parse({ encryption }, env).encryption;
  if (keys.encrypt) return [good(`what goes into Temporal is encrypted with the key ${keys.encrypt.id}`)];
  return [
    doubt(
      'what people say stands in clear in Temporal',
      'set KONSTRUCT_ENCRYPTION_KEYS to id:base64 with 32 random bytes (openssl rand -base64 32)',
    ),
  ];
}
