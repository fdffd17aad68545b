import { isGrpcServiceError, ServiceError } from '@temporalio/client';

/** What Temporal's client throws for everything that isn't an answer about a workflow. */
export function isTemporalAway(error: unknown): boolean {
  return error instanceof ServiceError || isGrpcServiceError(error);
}

/** gRPC's number for it. */
const NOT_FOUND = 5;

/** What the workflow service throws for a workflow that Temporal doesn't know, or has forgotten. */
export function isUnknownWorkflow(error: unknown): boolean {
  return isGrpcServiceError(error) && error.code.valueOf() === NOT_FOUND;
}
