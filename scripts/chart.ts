/**
 * `npm run check:chart`: lints the Helm chart, and checks what it makes, with few values and with all, against
 * Kubernetes' schemas. Fetches or builds its tools on first use.
 */
import { execFileSync } from 'node:child_process';
import { glob } from 'node:fs/promises';
import path from 'node:path';
import { goFolder, type GoProgram } from '../local/stack/go-install.ts';
import { findOnPath, projectRoot } from '../local/stack/paths.ts';
import { pipFile, type ProvisionContext } from '../local/stack/provision.ts';
import { runMain } from '../src/lib/process.ts';

const CHART = path.join(projectRoot, 'deploy/helm/konstruct');
const INSTEAD = 'install Go, or put helm and kubeconform on PATH';
const HELM = program('helm', '3.19.0', 'helm.sh/helm/v3/cmd/helm');
const KUBECONFORM = program('kubeconform', '0.6.7', 'github.com/yannh/kubeconform/cmd/kubeconform');
const KUBERNETES = '1.37.0';
const SCHEMAS = {
  title: `Kubernetes' schemas, ${KUBERNETES} (23 MB)`,
  requirement: `kubernetes-validate==${KUBERNETES}`,
  sha256: ['85136d018a27b50ec7fc049d902bfa5193f5976807e6c0f408e3ab6fe078cad9'],
  files: ['kubernetes_validate/kubernetes-json-schema'],
};

function program(name: string, version: string, command: string): GoProgram {
  return {
    title: `${name} ${version}`,
    name: `${name}-${version}`,
    commands: { [name]: `${command}@v${version}` },
  };
}

await runMain(async () => {
  const context: ProvisionContext = {
    env: process.env,
    log: (line) => console.error(line),
    signal: new AbortController().signal,
  };
  const find = async (wanted: GoProgram): Promise<string> => {
    const [name = ''] = Object.keys(wanted.commands);
    const [onPath] = findOnPath([name], process.env);
    return onPath ?? path.join(await goFolder(context, wanted, INSTEAD), name);
  };
  const [helm, kubeconform] = [await find(HELM), await find(KUBECONFORM)];
  const schemas = await pipFile(context, SCHEMAS, 'install pip');
  for await (const values of glob('ci/*.yaml', { cwd: CHART })) {
    const given = ['--values', path.join(CHART, values)];
    execFileSync(helm, ['lint', '--strict', '--quiet', CHART, ...given], { stdio: 'inherit' });
    const made = execFileSync(helm, ['template', 'konstruct', CHART, ...given]);
    const at = `${schemas}/v${KUBERNETES}-local-strict/{{.ResourceKind}}{{.KindSuffix}}.json`;
    const checked = execFileSync(kubeconform, ['-strict', '-summary', '-schema-location', at], {
      input: made,
    });
    console.log(`${values}: ${String(checked).trim()}`);
  }
});
