/** Names of commands in a report, the same for a history's events and for the code's commands. */
export const activityLabel = (type: string): string => `activity ${type}`;
export const childLabel = (type: string): string => `child workflow ${type}`;
export const signalLabel = (name: string): string => `signal ${name}`;
export const TIMER_LABEL = 'timer';
