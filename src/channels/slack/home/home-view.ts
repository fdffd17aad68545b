/** The Home tab: what the agent is, and what it remembers of who looks at it. Pure. */
import type { HomeView, KnownBlock } from '@slack/types';
import { plainText, shortText } from '../shown-text.ts';

export const SEARCH = 'konstruct_home_search';
export const FORGET_ONE = 'konstruct_home_forget_one';
export const FORGET_ALL = 'konstruct_home_forget_all';
export const EXPORT = 'konstruct_home_export';

/** One exchange of a person with the agent. */
export type HomeMemory = { exchangeId: string; day: string; user: string; reply: string };

export type HomePage = {
  agent: { name: string; jobTitle: string };
  memories: readonly HomeMemory[];
  /** What was searched for; undefined: the newest are shown. */
  query: string | undefined;
  /** A line above the memories: what was just done. */
  note: string | undefined;
  /** Whether this installation can search. */
  canSearch: boolean;
  /** The person's conversation with the agent, where an export goes; carried by Slack. */
  directChannel: string | undefined;
};

const MAX_TEXT = 300;

export function homeView(page: HomePage): HomeView {
  const { agent, memories, query, note, directChannel, canSearch } = page;
  const role = agent.jobTitle ? `, ${agent.jobTitle}` : '';
  const blocks: KnownBlock[] = [
    { type: 'header', text: plainText(agent.name.slice(0, 150)) },
    {
      type: 'section',
      text: plainText(
        `I am ${agent.name}${role}: an AI that remembers what you and I talk about. ` +
          'Below is what I remember of you. Nobody else sees this page.',
      ),
    },
    ...(canSearch ? [searchBlock(query)] : []),
    ...(note === undefined ? [] : [{ type: 'section' as const, text: plainText(note) }]),
    { type: 'divider' },
    ...memories.map((memory) => memoryBlock(memory)),
    ...(memories.length === 0
      ? [{ type: 'section' as const, text: plainText(query ? 'Nothing with these words.' : 'Nothing yet.') }]
      : []),
    { type: 'divider' },
    { type: 'actions', elements: [exportButton(), forgetAllButton(agent.name)] },
  ];
  return {
    type: 'home',
    blocks,
    ...(directChannel !== undefined && { private_metadata: JSON.stringify({ directChannel }) }),
  };
}

function searchBlock(query: string | undefined): KnownBlock {
  return {
    type: 'input',
    block_id: SEARCH,
    dispatch_action: true,
    optional: true,
    label: plainText('Search'),
    element: {
      type: 'plain_text_input',
      action_id: SEARCH,
      ...(query !== undefined && { initial_value: query }),
      placeholder: plainText('What it was about, then Enter'),
      max_length: 100,
    },
  };
}

function memoryBlock({ exchangeId, day, user, reply }: HomeMemory): KnownBlock {
  const said = [
    day,
    user && `You: ${shortText(user, MAX_TEXT)}`,
    reply && `Me: ${shortText(reply, MAX_TEXT)}`,
  ];
  return {
    type: 'section',
    text: plainText(said.filter(Boolean).join('\n')),
    accessory: {
      type: 'button',
      action_id: FORGET_ONE,
      value: exchangeId,
      text: plainText('Forget'),
      confirm: confirm('Forget this?', 'It can’t be brought back.'),
    },
  };
}

const exportButton = () => ({
  type: 'button' as const,
  action_id: EXPORT,
  text: plainText('Export'),
});

const forgetAllButton = (name: string) => ({
  type: 'button' as const,
  action_id: FORGET_ALL,
  style: 'danger' as const,
  text: plainText('Forget everything'),
  confirm: confirm(
    'Forget everything?',
    `All that you and ${name} have said is deleted. It can’t be brought back.`,
  ),
});

const confirm = (title: string, text: string) => ({
  title: plainText(title),
  text: plainText(text),
  confirm: plainText('Forget'),
  deny: plainText('Keep'),
  style: 'danger' as const,
});
