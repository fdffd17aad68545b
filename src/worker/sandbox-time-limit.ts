/**
 * Loaded into a worker's threads before all else (`node --import`). The SDK runs workflows in a `vm` context and gives
 * each call into it a time limit, so that a workflow that loops for ever fails its task instead of taking the
 * worker along. For each limit Node starts and joins a thread (nodejs/node#47739): two dozen times a message it was, a seventh of
 * a worker's processor time. So the calls in which no code of a workflow runs go without; those in which it does, and all
 * that isn't known here, keep their limit. To be dropped when Node's limits are cheap or the SDK sets fewer.
 */
import vm from 'node:vm';
import { isMainThread } from 'node:worker_threads';

/** The SDK's own bookkeeping around the calls that run workflows. (`initRuntime` may evaluate their modules.) */
const BOOKKEEPING: ReadonlySet<unknown> = new Set(['initialize', 'concludeActivation', 'dispose']);

/** What the SDK (1.24, reusable-vm.js) leaves in the context for the call, and what the last call left there. */
type Sandbox = vm.Context & {
  __temporal_args?: [holder: unknown, name: unknown, args: unknown];
  __TEMPORAL_BAG_HOLDER__?: unknown;
  __TEMPORAL_ACTIVATOR__?: { blockedConditions?: ReadonlyMap<unknown, unknown> };
};

/** A call that didn't return may have left continuations of a workflow, which run at the end of the next call. */
const interrupted = new WeakSet<vm.Context>();

/** Whether the call that is prepared in the context may run a workflow's code. */
function mayRunWorkflowCode(context: Sandbox): boolean {
  const call = context.__temporal_args;
  if (!call || interrupted.has(context)) return true;
  const [workflow, name] = call;
  if (name !== 'tryUnblockConditions') return !BOOKKEEPING.has(name);
  // Nobody waits for a condition: nothing is asked, and nothing goes on.
  const isCurrent = context.__TEMPORAL_BAG_HOLDER__ === workflow;
  return !isCurrent || context.__TEMPORAL_ACTIVATOR__?.blockedConditions?.size !== 0;
}

/** From here on only the calls that may run a workflow's code have the time limit that the SDK asks for. */
export function limitWorkflowCodeOnly(): void {
  const { runInContext } = vm.Script.prototype;
  vm.Script.prototype.runInContext = function (this: vm.Script, context, options = {}): unknown {
    const { timeout: _, ...unlimited } = options;
    const asked = mayRunWorkflowCode(context) ? options : unlimited;
    interrupted.add(context);
    const result: unknown = runInContext.call(this, context, asked);
    interrupted.delete(context);
    return result;
  };
}

// In the main thread no workflow runs.
if (!isMainThread) limitWorkflowCodeOnly();
