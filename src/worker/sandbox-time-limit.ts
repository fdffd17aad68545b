/**
 * Loaded into a worker's threads before all other modules (`node --import`). The SDK runs workflows in a `vm`
 * context and sets a time limit on each call into it, so that an endless loop in a workflow fails its task
 * and doesn't stop the worker. For each limit Node starts and joins a thread (nodejs/node#47739), about 24
 * times per message, which is a large part of a worker's processor time. This module removes the limit from
 * the calls that run no workflow code. All other calls, and all that it doesn't know, keep their limit.
 * Remove it when Node's time limits become cheap or the SDK sets fewer.
 */
import { createRequire } from 'node:module';
import vm from 'node:vm';
import { isMainThread } from 'node:worker_threads';

/** The SDK's calls that run no workflow code. `initRuntime` is not one: it can evaluate workflow modules. */
const BOOKKEEPING: ReadonlySet<unknown> = new Set(['initialize', 'concludeActivation', 'dispose']);

/**
 * What the SDK (1.24, reusable-vm.js) sets in the context before a call, and what it leaves there after one.
 */
type Sandbox = vm.Context & {
  __temporal_args?: [holder: unknown, name: unknown, args: unknown];
  __TEMPORAL_BAG_HOLDER__?: unknown;
  __TEMPORAL_ACTIVATOR__?: { blockedConditions?: ReadonlyMap<unknown, unknown> };
};

/**
 * Contexts whose last call threw. Its pending microtasks can run workflow code at the end of the next call.
 */
const interrupted = new WeakSet<vm.Context>();

/** Whether the call that is prepared in the context can run workflow code. */
function mayRunWorkflowCode(context: Sandbox): boolean {
  const call = context.__temporal_args;
  if (!call || interrupted.has(context)) return true;
  const [workflow, name] = call;
  if (name !== 'tryUnblockConditions') return !BOOKKEEPING.has(name);
  // When no workflow waits for a condition, no condition is evaluated and no workflow continues.
  const isCurrent = context.__TEMPORAL_BAG_HOLDER__ === workflow;
  return !isCurrent || context.__TEMPORAL_ACTIVATOR__?.blockedConditions?.size !== 0;
}

/** Applies the SDK's time limits only to calls that can run workflow code, in this thread from now on. */
export function limitWorkflowCodeOnly(): void {
  const { runInContext } = vm.Script.prototype;
  vm.Script.prototype.runInContext = function (this: vm.Script, context, options = {}): unknown {
    const { timeout: _, ...unlimited } = options;
    const applied = mayRunWorkflowCode(context) ? options : unlimited;
    interrupted.add(context);
    const result: unknown = runInContext.call(this, context, applied);
    interrupted.delete(context);
    return result;
  };
}

/** The version whose calls the names above are. With any other, every call keeps its limit. */
const KNOWN_SDK = /^1\.24\./;

const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json') as { version: string };
// The main thread runs no workflows.
if (!isMainThread && KNOWN_SDK.test(version)) limitWorkflowCodeOnly();
