import { patched } from '@temporalio/workflow';

/** Which ways of doing things a turn began with; a turn that is older than one of them goes on without. */
export type Steps = {
  /** The step that asks the model also brings the reply to Slack. */
  handsOver: boolean;
  /** That step puts the turn into the window as well. */
  appends: boolean;
  /** A turn thinks of how long it holds its followers once it has one, and tells them also when it is cancelled. */
  holdsWhenFollowed: boolean;
};

/** A new turn asks only for the newest, which stands for all before it: each `patched` costs a marker and a write of visibility. */
export function decideSteps(): Steps {
  // replay-tested: 2026-11-23, handle-message-slack.json (none), -slack-handed-over.json, -slack-appended.json, -slack-followed.json
  const holdsWhenFollowed = patched('hold-when-followed') ? true : false;
  const appends = holdsWhenFollowed || patched('reply-appended') ? true : false;
  const handsOver = appends || patched('reply-handed-over') ? true : false;
  return { handsOver, appends, holdsWhenFollowed };
}
