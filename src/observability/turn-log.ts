import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { Logger } from 'pino';

/** The steps that say how a turn goes; each is one line at info. */
const TOLD: Record<string, string> = {
  answerTurn: 'the model has answered',
  storeTurn: 'the turn is remembered',
  recordFailedTurn: 'the turn has failed',
};

/** Log lines by which a message can be followed: ids and times, never what was said. */
export function createTurnLog(log: Logger): ActivityInterceptorsFactory {
  return ({ info }) => ({
    inbound: {
      async execute(input, next) {
        const started = performance.now();
        const result = await next(input);
        const told = TOLD[info.activityType];
        if (told) {
          const workflowId = info.workflowExecution?.workflowId ?? '';
          // Ids are made in domain/ids.ts: {tenant}:message:{message} and {tenant}:memory:{message}.
          const [tenantId, , messageId] = workflowId.split(':');
          const tookMs = Math.round(performance.now() - started);
          log.info({ tenantId, messageId, workflowId, attempt: info.attempt, tookMs }, told);
        }
        return result;
      },
    },
  });
}
