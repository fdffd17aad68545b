import { isGrpcServiceError, type Connection } from '@temporalio/client';
import proto from '@temporalio/proto';
import type { TemporalConfig } from '../config/index.ts';
import { connect } from './connection.ts';
import { SEARCH_ATTRIBUTE_NAMES } from './search-attributes.ts';

const KNOWN_WITHIN_MS = 30_000;
const KEYWORD = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;

/** gRPC status codes; the SDK has no list of them to import. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;

/**
 * Registers the search attributes that the namespace lacks, and waits until the server takes starts with
 * them. Touches nothing else of the namespace. Safe to repeat. On a server whose operator API is closed
 * (Temporal Cloud) the attributes must be there already. Rejects with what to do when they are not, when
 * there is no such namespace, or when the server doesn't know them after 30 s.
 */
export async function prepareNamespace(config: TemporalConfig): Promise<void> {
  const { namespace } = config;
  const connection = await connect(config);
  try {
    const missing = await missingAttributes(connection, namespace);
    if (missing.length > 0) await register(connection, namespace, missing);
    await untilKnown(connection, namespace, SEARCH_ATTRIBUTE_NAMES);
  } catch (error) {
    if (!hasStatus(error, NOT_FOUND)) throw error;
    throw new Error(
      `Temporal at ${config.address} has no namespace ${namespace}: create it, or set TEMPORAL_NAMESPACE`,
      { cause: error },
    );
  } finally {
    await connection.close();
  }
}

/**
 * The attributes to register: those that the server doesn't list. A server that lists none is asked with a
 * query.
 */
async function missingAttributes(connection: Connection, namespace: string): Promise<string[]> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return SEARCH_ATTRIBUTE_NAMES.filter((name) => !(name in customAttributes));
  } catch (error) {
    if (!isClosed(error)) throw error;
    const known = await Promise.all(
      SEARCH_ATTRIBUTE_NAMES.map((name) => isKnown(connection, namespace, [name])),
    );
    return SEARCH_ATTRIBUTE_NAMES.filter((_, index) => !known[index]);
  }
}

async function register(
  connection: Connection,
  namespace: string,
  missing: readonly string[],
): Promise<void> {
  try {
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
    });
  } catch (error) {
    if (!isClosed(error)) throw error;
    throw new Error(howToRegister(namespace, missing), { cause: error });
  }
}

function howToRegister(namespace: string, missing: readonly string[]): string {
  const cli = missing.map((name) => `--name ${name} --type Keyword`).join(' ');
  const cloud = missing.map((name) => `--sa "${name}=Keyword"`).join(' ');
  return [
    `namespace ${namespace} has no search attribute ${missing.join(', ')} (type Keyword),`,
    'and this server lets applications add none. Add them by hand, then migrate again:',
    `  temporal operator search-attribute create --namespace ${namespace} ${cli}`,
    `or, on Temporal Cloud:`,
    `  tcld namespace search-attributes add --namespace ${namespace} ${cloud}`,
  ].join('\n');
}

/**
 * A server rereads its namespaces every two seconds or so. Until then it refuses what names a new attribute.
 */
async function untilKnown(
  connection: Connection,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  const deadline = Date.now() + KNOWN_WITHIN_MS;
  while (!(await isKnown(connection, namespace, names))) {
    if (Date.now() > deadline) {
      throw new Error(`namespace ${namespace} does not know its search attributes ${names.join(', ')}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Whether the namespace takes a query that names these attributes. */
async function isKnown(
  connection: Connection,
  namespace: string,
  names: readonly string[],
): Promise<boolean> {
  const query = names.map((name) => `${name} = 'any'`).join(' AND ');
  try {
    await connection.workflowService.countWorkflowExecutions({ namespace, query });
    return true;
  } catch (error) {
    if (hasStatus(error, INVALID_ARGUMENT)) return false;
    throw error;
  }
}

/** Whether the server has said that this call is not for applications. */
const isClosed = (error: unknown): boolean => hasStatus(error, PERMISSION_DENIED, UNIMPLEMENTED);

const hasStatus = (error: unknown, ...codes: readonly number[]): boolean =>
  isGrpcServiceError(error) && codes.includes(error.code);
