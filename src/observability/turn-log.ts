import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { Logger } from 'pino';
import { parseTurnWorkflowId } from '../domain/ids.ts';

/** The activities that mark a turn's progress, each with its log message. All others run unlogged. */
const LOGGED_STEPS: Record<string, string> = {
  answerTurn: 'the model has answered',
  storeTurn: 'the turn is remembered',
  recordFailedTurn: 'the turn has failed',
};

/**
 * Logs a line at info for each logged step, so that a message can be followed: ids and times, never contents.
 */
export function createTurnLog(log: Logger): ActivityInterceptorsFactory {
  return ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const started = performance.now();
        const result = await next(input);
        const logMessage = LOGGED_STEPS[info.activityType];
        if (logMessage) {
          const workflowId = info.workflowExecution?.workflowId ?? '';
          const tookMs = Math.round(performance.now() - started);
          const ids = { ...parseTurnWorkflowId(workflowId), workflowId };
          log.info({ ...ids, attempt: info.attempt, tookMs }, logMessage);
        }
        return result;
      },
    },
  });
}
