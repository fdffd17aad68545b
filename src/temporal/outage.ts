import { isGrpcServiceError, ServiceError } from '@temporalio/client';

/** What Temporal's client throws for everything that isn't an answer about a workflow. */
export function isTemporalAway(error: unknown): boolean {
  return error instanceof ServiceError || isGrpcServiceError(error);
}
