/** The pages that somebody sees who installs the app. Nothing in them comes from a request. */
import type { ServerResponse } from 'node:http';

export type Page = { status: number; title: string; text: string };

const ASK_ANEW = 'Ask whoever sent you the link for a new one.';

export const PAGES = {
  foreign: {
    status: 400,
    title: 'This link is not valid',
    text: `It was not made here, or the installation began in another browser. Nothing was installed. ${ASK_ANEW}`,
  },
  expired: {
    status: 410,
    title: 'This link has expired',
    text: `It was valid for 30 minutes. Nothing was installed. ${ASK_ANEW}`,
  },
  used: {
    status: 410,
    title: 'This link was used already',
    text: `Each link installs once. Nothing was installed this time. ${ASK_ANEW}`,
  },
  tries: {
    status: 410,
    title: 'This link was tried too often',
    text: `A link leads back from Slack three times at most. Nothing was installed. ${ASK_ANEW}`,
  },
  busy: {
    status: 503,
    title: 'Not installed',
    text: 'Too many people are installing at this moment. Nothing was installed. Open the link again in a minute.',
  },
  denied: {
    status: 400,
    title: 'Not installed',
    text: 'The installation was cancelled in Slack. The link can be opened again while it is valid.',
  },
  elsewhere: {
    status: 409,
    title: 'Installed for somebody else',
    text: 'This workspace is bound to another customer of this service. Nothing was changed. Remove the app from the workspace first, then open the link again.',
  },
  failed: {
    status: 400,
    title: 'Not installed',
    text: 'Slack did not confirm the installation. Nothing was installed. Open the link again in a minute.',
  },
} as const satisfies Record<string, Page>;

export const installedPage = (agentName: string, place: string): Page => ({
  status: 200,
  title: `${agentName} is in ${place}`,
  text: 'You can close this page. In Slack, invite it to a channel and mention it, or write to it directly.',
});

/** Sends a page: no script, nothing from elsewhere, shown in no frame. */
export function sendPage(res: ServerResponse, { status, title, text }: Page): void {
  res.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    // Code and state stand in the address.
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  res.end(`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title></head>
<body><main><h1>${escaped(title)}</h1><p>${escaped(text)}</p></main></body>
</html>
`);
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
