import { ScheduleAlreadyRunning, ScheduleClient, ScheduleOverlapPolicy } from '@temporalio/client';
import type { TemporalConfig } from '../config/index.ts';
import { EMBEDDING_TASK_QUEUE } from '../domain/task-queues.ts';
import { connect } from './connection.ts';

export const SWEEP_SCHEDULE = 'konstruct-sweep-retention';

/**
 * Has `SweepRetention` run every night. Safe to repeat: a schedule that is there stays as the operator has
 * left it, paused or at another hour. It holds no payload, so it needs no keys.
 */
export async function scheduleSweep(config: TemporalConfig): Promise<void> {
  const connection = await connect(config);
  const schedules = new ScheduleClient({ connection, namespace: config.namespace });
  try {
    await schedules.create({
      scheduleId: SWEEP_SCHEDULE,
      spec: { calendars: [{ hour: 3, minute: 17 }] },
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 day' },
      action: {
        type: 'startWorkflow',
        workflowType: 'SweepRetention',
        workflowId: SWEEP_SCHEDULE,
        taskQueue: EMBEDDING_TASK_QUEUE,
      },
    });
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  } finally {
    await connection.close();
  }
}
