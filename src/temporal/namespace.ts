import { Connection } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import proto from '@temporalio/proto';
import { SEARCH_ATTRIBUTE_NAMES } from './search-attributes.ts';

export type TemporalAddress = { address: string; namespace: string };

const KNOWN_WITHIN_MS = 30_000;
const RETENTION = '30 days';
const KEYWORD = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;

/**
 * Registers the search attributes that are missing, waits until starts with them are taken, and sets the retention to
 * 30 days. Safe to repeat. Rejects when the server doesn't know them after 30 s. On Temporal Cloud, where the operator's API is closed to applications, the attributes must be there already.
 */
export async function prepareNamespace({ address, namespace }: TemporalAddress): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    const missing = SEARCH_ATTRIBUTE_NAMES.filter((name) => !(name in customAttributes));
    if (missing.length > 0) {
      await connection.operatorService.addSearchAttributes({
        namespace,
        searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
      });
    }
    await untilKnown(connection, namespace, SEARCH_ATTRIBUTE_NAMES);
    await connection.workflowService.updateNamespace({
      namespace,
      config: { workflowExecutionRetentionTtl: msToTs(RETENTION) },
    });
  } finally {
    await connection.close();
  }
}

/** A server reads its namespaces anew every two seconds or so, and until then refuses what names a new attribute. */
async function untilKnown(
  connection: Connection,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  const query = names.map((name) => `${name} = 'any'`).join(' AND ');
  const deadline = Date.now() + KNOWN_WITHIN_MS;
  for (;;) {
    try {
      await connection.workflowService.countWorkflowExecutions({ namespace, query });
      return;
    } catch (error) {
      if (Date.now() > deadline) {
        throw new Error(`namespace ${namespace} does not know its search attributes ${names.join(', ')}`, {
          cause: error,
        });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
