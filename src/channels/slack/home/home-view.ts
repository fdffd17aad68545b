/** The Home tab: what the agent is, and what it remembers of who looks at it. Pure. */
import type { HomeView, KnownBlock } from '@slack/types';

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
const plain = (text: string) => ({ type: 'plain_text' as const, text });
const short = (text: string) =>
  text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT).toWellFormed()} …` : text;

export function homeView(page: HomePage): HomeView {
  const { agent, memories, query, note, directChannel, canSearch } = page;
  const role = agent.jobTitle ? `, ${agent.jobTitle}` : '';
  const blocks: KnownBlock[] = [
    { type: 'header', text: plain(agent.name.slice(0, 150)) },
    {
      type: 'section',
      text: plain(
        `I am ${agent.name}${role}: an AI that remembers what you and I talk about. ` +
          'Below is what I remember of you. Nobody else sees this page.',
      ),
    },
    ...(canSearch ? [searchBlock(query)] : []),
    ...(note === undefined ? [] : [{ type: 'section' as const, text: plain(note) }]),
    { type: 'divider' },
    ...memories.map((memory) => memoryBlock(memory)),
    ...(memories.length === 0
      ? [{ type: 'section' as const, text: plain(query ? 'Nothing with these words.' : 'Nothing yet.') }]
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
    label: plain('Search'),
    element: {
      type: 'plain_text_input',
      action_id: SEARCH,
      ...(query !== undefined && { initial_value: query }),
      placeholder: plain('What it was about, then Enter'),
      max_length: 100,
    },
  };
}

function memoryBlock({ exchangeId, day, user, reply }: HomeMemory): KnownBlock {
  const said = [day, user && `You: ${short(user)}`, reply && `Me: ${short(reply)}`];
  return {
    type: 'section',
    text: plain(said.filter(Boolean).join('\n')),
    accessory: {
      type: 'button',
      action_id: FORGET_ONE,
      value: exchangeId,
      text: plain('Forget'),
      confirm: confirm('Forget this?', 'It can’t be brought back.'),
    },
  };
}

const exportButton = () => ({
  type: 'button' as const,
  action_id: EXPORT,
  text: plain('Export'),
});

const forgetAllButton = (name: string) => ({
  type: 'button' as const,
  action_id: FORGET_ALL,
  style: 'danger' as const,
  text: plain('Forget everything'),
  confirm: confirm(
    'Forget everything?',
    `All that you and ${name} have said is deleted. It can’t be brought back.`,
  ),
});

const confirm = (title: string, text: string) => ({
  title: plain(title),
  text: plain(text),
  confirm: plain('Forget'),
  deny: plain('Keep'),
  style: 'danger' as const,
});
