/** Runs inside the workflow sandbox during a replay: tells what the code asks for, in its order. */
import { proxySinks, type Sinks, type WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { childLabel, activityLabel, signalLabel, TIMER_LABEL } from './command-labels.ts';

/** Where the commands go. */
export interface CommandSinks extends Sinks {
  replay: { command(label: string): void };
}

/** Found by its name in a workflow bundle's interceptor modules. */
export const interceptors: WorkflowInterceptorsFactory = () => {
  const { replay } = proxySinks<CommandSinks>();
  return {
    outbound: [
      {
        scheduleActivity(input, next) {
          replay.command(activityLabel(input.activityType));
          return next(input);
        },
        scheduleLocalActivity(input, next) {
          replay.command(activityLabel(input.activityType));
          return next(input);
        },
        startTimer(input, next) {
          replay.command(TIMER_LABEL);
          return next(input);
        },
        startChildWorkflowExecution(input, next) {
          replay.command(childLabel(input.workflowType));
          return next(input);
        },
        signalWorkflow(input, next) {
          replay.command(signalLabel(input.signalName));
          return next(input);
        },
      },
    ],
  };
};
