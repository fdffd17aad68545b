/** The versions of the workflows in test/support/workflows, bundled as a worker wants them. */
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, type WorkflowBundle } from '@temporalio/worker';
import { FAILURE_CONVERTER } from '../../src/temporal/data-converter.ts';
import { COMMAND_RECORDER } from '../../cli/replay/check-history.ts';

/** Bundles one of test/support/workflows as if it were the project's workflows. */
export function bundleFixture(
  name: 'reordered' | 'next-version' | 'careless-version' | 'endless',
  options: { recordCommands: boolean },
): Promise<WorkflowBundle> {
  return bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL(`./workflows/${name}.ts`, import.meta.url)),
    workflowInterceptorModules: options.recordCommands ? [COMMAND_RECORDER] : [],
    failureConverterPath: FAILURE_CONVERTER,
    logger: new DefaultLogger('WARN'),
  });
}
