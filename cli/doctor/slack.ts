import { createSlackClient } from '../../src/channels/slack/client.ts';
import { BOT_SCOPES } from '../../src/channels/slack/scopes.ts';
import { slackWeb } from '../../src/channels/slack/settings.ts';
import { parse } from '../../src/config/variables.ts';
import { doubt, fault, good, reasonOf, type Finding, type Patient } from './finding.ts';

const REFUSED = /invalid_auth|not_authed|account_inactive|token_revoked|token_expired/;

/** Nothing without a token: Slack is one channel, and an installation may have others alone. */
export async function checkSlack({ env }: Patient): Promise<Finding[]> {
  const { apiUrl, token } = parse({ slack: slackWeb }, env).slack;
  if (token === undefined) return [];
  const found: Finding[] =
    env['SLACK_SIGNING_SECRET'] || env['SLACK_APP_TOKEN']
      ? []
      : [
          doubt(
            'Slack’s events are not taken',
            'set SLACK_SIGNING_SECRET or SLACK_APP_TOKEN for the API (docs/SLACK.md)',
          ),
        ];
  try {
    const answer = await createSlackClient({ apiUrl, token }).auth.test();
    const granted = new Set(answer.response_metadata?.scopes ?? []);
    const missing = BOT_SCOPES.filter((scope) => !granted.has(scope));
    found.push(
      missing.length === 0
        ? good(`Slack knows the bot as ${answer.user} of ${answer.team}`)
        : fault(
            `the bot token lacks scopes: ${missing.join(', ')}`,
            'add them to the app (slack-app-manifest.yml has all), then install it into the workspace again',
          ),
    );
  } catch (error) {
    const reason = reasonOf(error);
    found.push(
      REFUSED.test(reason)
        ? fault(
            `Slack refuses SLACK_BOT_TOKEN: ${reason}`,
            'install the app into the workspace again, and set the new xoxb- token',
          )
        : fault(`Slack does not answer: ${reason}`, 'let API and worker reach slack.com over HTTPS'),
    );
  }
  return found;
}
