/** How commands are called in a report, the same for what a history holds and for what the code asks for. */
export const activityLabel = (type: string): string => `activity ${type}`;
export const childLabel = (type: string): string => `child workflow ${type}`;
export const signalLabel = (name: string): string => `signal ${name}`;
export const TIMER_LABEL = 'timer';
