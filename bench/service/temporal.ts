/** Which Temporal is measured with: the dev server, a stack's own real server, or one that runs already. */
import { randomBytes } from 'node:crypto';
import { registerNamespace } from '../../local/stack/namespaces.ts';
import { connect } from '../../src/temporal/connection.ts';

export type TemporalChoice = {
  /** As `npm run stack -- --cluster` has it. */
  cluster?: boolean;
  /** `host:port` of one that runs already, without TLS. */
  address?: string;
};

const KEPT = '1d';

export const nameOf = ({ cluster = false, address }: TemporalChoice): string =>
  address ?? (cluster ? 'server with Postgres' : 'dev server');

/** A namespace of the bench's own on somebody's server. Nothing of the server's other ones is touched. */
export async function borrowTemporal(address: string) {
  const namespace = `konstruct-bench-${randomBytes(4).toString('hex')}`;
  const config = { address, namespace };
  await registerNamespace(config, KEPT);
  return {
    settings: { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace },
    async giveBack(): Promise<void> {
      const connection = await connect(config);
      await connection.operatorService.deleteNamespace({ namespace });
      await connection.close();
    },
  };
}
