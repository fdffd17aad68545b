import type { SweptTenants } from '../activities/sweep-retention.ts';
import { sweepRetention } from './activities.ts';

/** Deletes what tenants no longer want to keep; started once a day by its schedule. */
export async function SweepRetention(): Promise<SweptTenants> {
  return sweepRetention();
}
