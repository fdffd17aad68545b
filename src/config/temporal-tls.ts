/** Certificates and keys for Temporal. One that can't be used is refused by the name of its variable. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { loadConfigData, type ClientConfigProfile, type ClientConfigTLS } from '@temporalio/envconfig';

/** PEM texts; without an authority the public ones are trusted. */
export type TemporalTls = {
  serverName?: string;
  serverRootCa?: Buffer;
  clientCert?: { crt: Buffer; key: Buffer };
};

type Environment = Readonly<Record<string, string>>;
type Part = 'serverCACert' | 'clientCert' | 'clientKey';

/** What each part is called in a variable, before `_DATA` or `_PATH`. */
const VARIABLES: Record<Part, string> = {
  serverCACert: 'TEMPORAL_TLS_SERVER_CA_CERT',
  clientCert: 'TEMPORAL_TLS_CLIENT_CERT',
  clientKey: 'TEMPORAL_TLS_CLIENT_KEY',
};

/** TLS as the profile asks for it; undefined: none. Parts must be readable: ask `tlsProblems` first. */
export function tlsOf({ tls, apiKey }: ClientConfigProfile): TemporalTls | undefined {
  // As in Temporal's own tools an API key implies TLS. So does any TLS setting that doesn't switch it off.
  if (tls === undefined) return apiKey === undefined ? undefined : {};
  if (tls.disabled) return undefined;
  const crt = readPart(tls, 'clientCert');
  const key = readPart(tls, 'clientKey');
  const serverRootCa = readPart(tls, 'serverCACert');
  return {
    ...(tls.serverName !== undefined && { serverName: tls.serverName }),
    ...(serverRootCa && { serverRootCa }),
    ...(crt && key && { clientCert: { crt, key } }),
  };
}

/** Parts that are given both as a text and as a file. */
export function saidTwice(env: Environment): [string, string][] {
  return Object.values(VARIABLES).flatMap((name): [string, string][] =>
    `${name}_DATA` in env && `${name}_PATH` in env
      ? [[`${name}_PATH`, `is set, and so is ${name}_DATA: unset one of them`]]
      : [],
  );
}

/** The variables that can't be used, each with what is wrong with it. */
export function tlsProblems(tls: ClientConfigTLS | undefined, env: Environment): [string, string][] {
  if (tls === undefined || tls.disabled) return [];
  const problems: [string, string][] = [];
  const check = <T>(part: Part, kind: string, use: (pem: Buffer) => T): T | undefined => {
    try {
      const pem = readPart(tls, part);
      return pem && use(pem);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      problems.push([nameOf(part, env), `holds no ${kind} in PEM, with its line breaks (${reason})`]);
      return undefined;
    }
  };
  const asCertificate = (pem: Buffer): X509Certificate => new X509Certificate(pem);
  check('serverCACert', 'certificate', asCertificate);
  const certificate = check('clientCert', 'certificate', asCertificate);
  const key = check('clientKey', 'private key', (pem) => createPrivateKey(pem));
  if (!tls.clientKey && tls.clientCert) problems.push(halfOf('clientKey', 'clientCert', env));
  if (!tls.clientCert && tls.clientKey) problems.push(halfOf('clientCert', 'clientKey', env));
  if (certificate && key && !certificate.checkPrivateKey(key)) {
    problems.push([nameOf('clientKey', env), `is not the key of ${nameOf('clientCert', env)}`]);
  }
  return problems;
}

function readPart(tls: ClientConfigTLS, part: Part): Buffer | undefined {
  const data = loadConfigData(tls[part]);
  return data && Buffer.from(data);
}

function halfOf(missing: Part, given: Part, env: Environment): [string, string] {
  return [
    `${VARIABLES[missing]}_DATA`,
    `is not set, nor is …_PATH: ${nameOf(given, env)} is, and each is of use only with the other`,
  ];
}

/** The variable that a part comes from; where it is the profile's, the variable that names that. */
function nameOf(part: Part, env: Environment): string {
  const name = [`${VARIABLES[part]}_DATA`, `${VARIABLES[part]}_PATH`].find((variable) => variable in env);
  if (name !== undefined) return name;
  return 'TEMPORAL_PROFILE' in env ? 'TEMPORAL_PROFILE' : 'TEMPORAL_CONFIG_FILE';
}
