import type { Client } from '@temporalio/client';
import { encryption } from '../../src/config/encryption.ts';
import { parse } from '../../src/config/variables.ts';
import { contextOf } from '../../src/temporal/history.ts';
import { listRuns } from '../../src/temporal/list-runs.ts';
import { createPayloadCodec, refusalBehind } from '../../src/temporal/payload-codec.ts';
import { fault, good, type Environment, type Finding } from './finding.ts';

/** Keys may have been changed since: the newest say whether this ring is the one that is written with. */
const NEWEST = 5;

/** Whether this key ring reads what the newest turns were started with. */
export async function historyFindings(client: Client, env: Environment): Promise<Finding[]> {
  const { keys } = parse({ encryption }, env).encryption;
  const codec = createPayloadCodec(keys);
  let read = 0;
  for await (const execution of listRuns(client, `WorkflowType = 'HandleMessage'`, NEWEST)) {
    const { history } = await client.workflowService.getWorkflowExecutionHistory({
      namespace: client.options.namespace,
      execution,
      maximumPageSize: 1,
    });
    const started = history?.events?.[0]?.workflowExecutionStartedEventAttributes;
    try {
      await codec.decode(started?.input?.payloads ?? [], contextOf(execution.workflowId));
    } catch (error) {
      const refusal = refusalBehind(error);
      if (!refusal) throw error;
      return [
        fault(
          `the key ring does not read the turn ${execution.workflowId}: ${refusal.message}`,
          'set KONSTRUCT_ENCRYPTION_KEYS to the ring that API and worker have, old keys behind the new one',
        ),
      ];
    }
    read += 1;
    if (read === NEWEST) break;
  }
  return read === 0 ? [] : [good(`the key ring reads the newest ${read} turns`)];
}
