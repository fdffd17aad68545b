import { isGrpcServiceError, ServiceError } from '@temporalio/client';

/** What Temporal's client throws for everything that isn't an answer about a workflow. */
export function isTemporalAway(error: unknown): boolean {
  return error instanceof ServiceError || isGrpcServiceError(error);
}

/** gRPC's numbers for them. */
const NOT_FOUND = 5;
const RESOURCE_EXHAUSTED = 8;
const UNAVAILABLE = 14;

/** Whether Temporal says itself, or the way to it, that it can't do its work: no tenant's doing. */
export function isTemporalUnable(error: unknown): boolean {
  const said = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(said) && said.code.valueOf() === UNAVAILABLE;
}

/** Whether Temporal has had too many calls of this kind just now. It answers, so it is there. */
export function isTemporalBusy(error: unknown): boolean {
  return isGrpcServiceError(error) && error.code.valueOf() === RESOURCE_EXHAUSTED;
}

/** What the workflow service throws for a workflow that Temporal doesn't know, or has forgotten. */
export function isUnknownWorkflow(error: unknown): boolean {
  return isGrpcServiceError(error) && error.code.valueOf() === NOT_FOUND;
}
