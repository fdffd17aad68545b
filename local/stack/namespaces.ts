import { isGrpcServiceError } from '@temporalio/client';
import { msToTs, type StringValue } from '@temporalio/common/lib/time.js';
import type { TemporalConfig } from '../../src/config/index.ts';
import { connect } from '../../src/temporal/connection.ts';

const ALREADY_EXISTS = 6;

/**
 * Makes a Temporal namespace that keeps what has ended for `retention`. One that is there stays as it is: how
 * long it keeps its histories is its operator's decision. Resolves to whether it was made.
 */
export async function registerNamespace(config: TemporalConfig, retention: StringValue): Promise<boolean> {
  const connection = await connect(config);
  try {
    await connection.workflowService.registerNamespace({
      namespace: config.namespace,
      workflowExecutionRetentionPeriod: msToTs(retention),
    });
    return true;
  } catch (error) {
    if (isGrpcServiceError(error) && error.code === ALREADY_EXISTS) return false;
    throw error;
  } finally {
    await connection.close();
  }
}
