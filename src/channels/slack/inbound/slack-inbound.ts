import type { InboundContext } from '../../channel.ts';
import type { FindAgent, FindInstallation, FindOwn } from './installations.ts';
import type { LookUpNames } from './names.ts';

/** What it takes to receive from Slack. */
export type SlackInbound = {
  /** Undefined: nothing comes over HTTP. */
  signingSecret: string | undefined;
  /** Undefined: nothing comes over a connection of our own. */
  socket: { appToken: string; apiUrl: string } | undefined;
  findInstallation: FindInstallation;
  findOwn: FindOwn;
  findAgentOf: FindAgent;
  lookUpNames: LookUpNames;
  /** Bot and user ids of other bots that the agent answers. */
  allowedBots: ReadonlySet<string>;
  context: InboundContext;
};
