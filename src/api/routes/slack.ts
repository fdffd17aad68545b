import { Router } from 'express';
import type pg from 'pg';
import type { WebhookChannel } from '../../channels/channel.ts';
import { giveChannel, listChannels, takeChannel } from '../../channels/slack/installations/channel-agents.ts';
import { listInstallations } from '../../channels/slack/installations/installation-list.ts';
import { actorOf, tenantOf } from '../admission.ts';
import { originOf } from '../origin.ts';
import { notFound, Problem } from '../problems.ts';
import { INSTALL_LINK, SLACK_CHANNEL, SLACK_CHANNELS, SLACK_INSTALLATIONS } from '../answers-slack.ts';
import { sendJson } from '../answers.ts';
import { pageOf } from '../cursor.ts';
import { pageQuery, slackChannelParam, validate } from '../schemas.ts';
import { toUuid } from '../uuid.ts';

/**
 * `POST /agents/{agentId}/slack/install-link`, `PUT|DELETE /agents/{agentId}/slack/channels/{channelId}`, and
 * the lists `GET /slack/installations` and `GET /slack/channels`.
 */
export function slackRoutes(dependencies: { pool: pg.Pool; channels: readonly WebhookChannel[] }): Router {
  const { pool, channels } = dependencies;
  const installing = channels.find(({ name }) => name === 'slack')?.installing;
  const router = Router();

  router.post('/agents/:agentId/slack/install-link', async (req, res) => {
    if (!installing) {
      throw new Problem(
        409,
        'Not set up',
        'Companies can’t install the app here: the operator sets SLACK_SIGNING_SECRET, SLACK_CLIENT_ID, SLACK_CLIENT_SECRET and SLACK_STATE_SECRET.',
      );
    }
    const agentId = toUuid(req.params.agentId);
    const asked = { tenantId: tenantOf(res), actor: actorOf(res), origin: originOf(req) };
    const link = agentId && (await installing.makeLink({ ...asked, agentId }));
    if (!link) throw notFound('agent');
    sendJson(res.status(201), INSTALL_LINK, link);
  });

  router.put('/agents/:agentId/slack/channels/:channelId', async (req, res) => {
    const agentId = toUuid(req.params.agentId);
    const channelId = validate(slackChannelParam, req.params.channelId, 'channelId');
    const asked = { tenantId: tenantOf(res), channelId, actor: actorOf(res) };
    if (!agentId || !(await giveChannel(pool, { ...asked, agentId }))) throw notFound('agent');
    sendJson(res, SLACK_CHANNEL, { channelId, agentId });
  });

  router.delete('/agents/:agentId/slack/channels/:channelId', async (req, res) => {
    const agentId = toUuid(req.params.agentId);
    const channelId = validate(slackChannelParam, req.params.channelId, 'channelId');
    const asked = { tenantId: tenantOf(res), channelId, actor: actorOf(res) };
    if (!agentId || !(await takeChannel(pool, { ...asked, agentId })))
      throw notFound('channel of this agent');
    res.status(204).end();
  });

  router.get('/slack/installations', async (req, res) => {
    const asked = validate(pageQuery, req.query, 'query');
    const { page, nextCursor } = await pageOf(asked, (rows) => listInstallations(pool, tenantOf(res), rows));
    const installations = page.map(({ id, createdAt, ...more }) => ({
      installationId: id,
      installedAt: createdAt,
      ...more,
    }));
    sendJson(res, SLACK_INSTALLATIONS, { installations, nextCursor });
  });

  router.get('/slack/channels', async (req, res) => {
    const asked = validate(pageQuery, req.query, 'query');
    const isChannel = (id: string): boolean => slackChannelParam.safeParse(id).success;
    const { page, nextCursor } = await pageOf(
      asked,
      (rows) => listChannels(pool, tenantOf(res), rows),
      isChannel,
    );
    const channels = page.map(({ id: channelId, agentId }) => ({ channelId, agentId }));
    sendJson(res, SLACK_CHANNELS, { channels, nextCursor });
  });

  return router;
}
