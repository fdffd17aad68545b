import { isGrpcServiceError, type Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { historyKeys, replayConfig, type TemporalConfig } from '../../src/config/index.ts';
import { EMBEDDING_TASK_QUEUE, REPLY_TASK_QUEUE } from '../../src/domain/task-queues.ts';
import { connect, connectClient } from '../../src/temporal/connection.ts';
import { SWEEP_SCHEDULE } from '../../src/temporal/schedules.ts';
import { SEARCH_ATTRIBUTE_NAMES } from '../../src/temporal/search-attributes.ts';
import { doubt, fault, good, reasonOf, type Finding, type Patient } from './finding.ts';
import { historyFindings } from './histories.ts';

const { IndexedValueType, TaskQueueType } = proto.temporal.api.enums.v1;
const NOT_FOUND = 5;
const UNAUTHENTICATED = [7, 16];
const DAY_SECONDS = 86_400;
/** An explanation of a turn (`npm run replay`) needs its history; so does finding out how a turn ended. */
const USUAL_DAYS = 3;
/** A worker polls at least once a minute. */
const POLLER_FRESH_MS = 70_000;
const MIGRATE = 'migrate: node cli/migrate.ts';

export async function checkTemporal({ env, now }: Patient): Promise<Finding[]> {
  let config: TemporalConfig;
  try {
    ({ temporal: config } = replayConfig(env));
  } catch {
    return []; // said among the settings
  }
  let client: Client;
  try {
    client = await connectClient(config, historyKeys(env));
  } catch (error) {
    return [
      fault(Error.isError(error) ? error.message : String(error), 'start Temporal, or correct the address'),
    ];
  }
  try {
    return await namespaceFindings(client, config, { env, now });
  } catch (error) {
    return [fault(`Temporal answers, and refuses a question: ${reasonOf(error)}`, refusedCure(error))];
  } finally {
    await client.connection.close();
  }
}

function refusedCure(error: unknown): string {
  return isGrpcServiceError(error) && UNAUTHENTICATED.includes(error.code)
    ? 'set TEMPORAL_API_KEY or the certificate of a client that may use this namespace'
    : 'look into the log of Temporal';
}

async function namespaceFindings(
  client: Client,
  config: TemporalConfig,
  patient: Patient,
): Promise<Finding[]> {
  const { namespace } = config;
  const found: Finding[] = [];
  const system = await client.workflowService.getSystemInfo({});
  found.push(good(`Temporal ${system.serverVersion || ''} at ${config.address}`.replace('  ', ' ')));
  const described = await client.workflowService.describeNamespace({ namespace }).catch((error: unknown) => {
    if (isGrpcServiceError(error) && error.code === NOT_FOUND) return undefined;
    throw error;
  });
  if (!described) {
    return [
      ...found,
      fault(
        `Temporal has no namespace ${namespace}`,
        `temporal operator namespace create --namespace ${namespace} --retention 30d, or set TEMPORAL_NAMESPACE`,
      ),
    ];
  }
  const seconds = Number(described.config?.workflowExecutionRetentionTtl?.seconds ?? 0);
  found.push(...retentionFindings(namespace, seconds / DAY_SECONDS));
  const attributes = await attributeFindings(client, config);
  found.push(
    ...attributes,
    ...(await scheduleFindings(client)),
    ...(await workerFindings(client, patient.now)),
  );
  return [...found, ...(await historyFindings(client, patient.env))];
}

function retentionFindings(namespace: string, days: number): Finding[] {
  const kept = `ended turns of namespace ${namespace} can be looked at for ${Number(days.toFixed(1))} days`;
  return days >= USUAL_DAYS
    ? [good(kept)]
    : [
        doubt(
          `${kept} only`,
          `temporal operator namespace update --namespace ${namespace} --retention 30d (docs/PRIVACY.md weighs it)`,
        ),
      ];
}

/** As migration sees them: a query that names them is taken when they are there. */
async function attributeFindings(client: Client, config: TemporalConfig): Promise<Finding[]> {
  const { namespace } = config;
  const all = SEARCH_ATTRIBUTE_NAMES.join(', ');
  const types = await knownTypes(config);
  if (!types) {
    const query = SEARCH_ATTRIBUTE_NAMES.map((name) => `${name} = 'any'`).join(' AND ');
    const taken = await client.workflow.count(query).then(
      () => true,
      () => false,
    );
    return [taken ? good(`search attributes ${all}`) : lacking(namespace, all)];
  }
  const missing = SEARCH_ATTRIBUTE_NAMES.filter((name) => !(name in types));
  const { INDEXED_VALUE_TYPE_KEYWORD: KEYWORD } = IndexedValueType;
  const other = SEARCH_ATTRIBUTE_NAMES.filter((name) => name in types && types[name] !== KEYWORD);
  return [
    ...(missing.length > 0 ? [lacking(namespace, missing.join(', '))] : []),
    ...(other.length > 0
      ? [
          fault(
            `search attributes of namespace ${namespace} have another type than Keyword: ${other.join(', ')}`,
            'give Konstruct a namespace of its own (TEMPORAL_NAMESPACE), and migrate',
          ),
        ]
      : []),
    ...(missing.length + other.length === 0 ? [good(`search attributes ${all}`)] : []),
  ];
}

const lacking = (namespace: string, names: string): Finding =>
  fault(
    `namespace ${namespace} lacks search attributes (${names}), so it refuses every message`,
    `${MIGRATE}, which adds them or, on Temporal Cloud, says how`,
  );

/** Undefined where applications may not ask (Temporal Cloud). */
async function knownTypes(config: TemporalConfig) {
  const connection = await connect(config);
  try {
    const { namespace } = config;
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return customAttributes;
  } catch {
    return undefined;
  } finally {
    await connection.close();
  }
}

async function scheduleFindings(client: Client): Promise<Finding[]> {
  try {
    const { state } = await client.schedule.getHandle(SWEEP_SCHEDULE).describe();
    return state.paused
      ? [
          doubt(
            'the nightly sweep of what tenants no longer keep is paused',
            `temporal schedule toggle --unpause --schedule-id ${SWEEP_SCHEDULE} --reason doctor`,
          ),
        ]
      : [good('the nightly sweep is scheduled')];
  } catch (error) {
    return [
      fault(
        `nothing sweeps what tenants no longer keep (${reasonOf(error)})`,
        `${MIGRATE}, which schedules it`,
      ),
    ];
  }
}

async function workerFindings(client: Client, now: () => number): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const name of [REPLY_TASK_QUEUE, EMBEDDING_TASK_QUEUE]) {
    const { pollers } = await client.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name },
      taskQueueType: TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    });
    const fresh = pollers.filter(
      ({ lastAccessTime }) => now() - Number(lastAccessTime?.seconds ?? 0) * 1_000 < POLLER_FRESH_MS,
    );
    found.push(
      fresh.length > 0
        ? good(`${fresh.length} poll the task queue ${name}`)
        : doubt(
            `no worker polls the task queue ${name}`,
            'start a worker (src/worker.ts), and look into its log',
          ),
    );
  }
  return found;
}
