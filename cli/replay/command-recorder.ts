/** Runs inside the workflow sandbox during a replay and reports the code's commands in their order. */
import { proxySinks, type Sinks, type WorkflowInterceptorsFactory } from '@temporalio/workflow';
import { childLabel, activityLabel, signalLabel, TIMER_LABEL } from './command-labels.ts';

/** The sink that receives the commands. */
export interface CommandSinks extends Sinks {
  replay: { command(label: string): void };
}

/** The SDK finds this export by its name. */
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
