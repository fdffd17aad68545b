import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';

/**
 * What a step throws that waits for something which comes in the course of things: it is tried again. Nothing
 * is wrong, so the log has no warning of it.
 */
export function notYet(failure: {
  message: string;
  type?: string;
  nextRetryDelay?: number;
}): ApplicationFailure {
  return ApplicationFailure.create({ ...failure, category: ApplicationFailureCategory.BENIGN });
}
