import { useQueryClient } from '@tanstack/react-query';
import { api, type Schemas } from '../../api/client.ts';
import { asProblem } from '../../api/problem.ts';
import { useRights, useWorkflowLink } from '../../session/session.ts';
import { Button } from '../../ui/button.tsx';
import { duration, When } from '../../ui/format.tsx';
import { External } from '../../ui/icons.tsx';
import { tell } from '../../ui/notice.tsx';
import { Page, Section } from '../../ui/page.tsx';
import { Prompt } from '../../ui/prompt.tsx';
import { Empty, Failure, Loaded } from '../../ui/states.tsx';

type Story = Schemas['Story'];

const STATES: Record<Story['state'], string> = {
  completed: 'It was answered',
  failed: 'It has failed',
  open: 'It is under way',
  closed: 'It was ended from outside',
};
const LOOK_EVERY_MS = 2_000;

/** What happened in one turn, step by step. */
export function StoryPage({ messageId }: { messageId: string }) {
  const story = api.useQuery(
    'get',
    '/v1/messages/{messageId}/story',
    { params: { path: { messageId } } },
    { refetchInterval: ({ state }) => (state.data?.state === 'open' ? LOOK_EVERY_MS : false) },
  );
  const isForgotten = story.error !== null && asProblem(story.error).status === 404;
  return (
    <Page title="One turn" lead={<code>{messageId}</code>}>
      {isForgotten ? (
        <Empty title="There is no story of this turn">
          <p>
            Temporal keeps stories for some days only; what was forgotten or imported has none; or there is no
            turn of this id. What an agent remembers stands under Memory.
          </p>
        </Empty>
      ) : (
        <Loaded of={story}>{(known) => <Told story={known} messageId={messageId} />}</Loaded>
      )}
    </Page>
  );
}

function Told({ story, messageId }: { story: Story; messageId: string }) {
  const link = useWorkflowLink()(story.workflowId);
  const { canChat } = useRights();
  const queryClient = useQueryClient();
  const retry = api.useMutation('post', '/v1/messages/{messageId}/retry', {
    onSuccess: () => {
      tell('It is being answered again.');
      return queryClient.invalidateQueries({ queryKey: ['get', '/v1/messages/{messageId}/story'] });
    },
  });
  return (
    <>
      <div className="card stack">
        <p>
          <span className={`tag ${story.state}`}>{STATES[story.state]}</span> Begun{' '}
          <When at={story.startedAt} />; {story.state === 'open' ? 'so far' : 'it took'}{' '}
          {duration(story.durationMs)}
        </p>
        {story.failure !== undefined && <p className="warning">{story.failure}</p>}
        <div className="row wrap">
          {story.state === 'failed' && canChat && (
            <Button
              isPending={retry.isPending}
              onPress={() => retry.mutate({ params: { path: { messageId } } })}
            >
              Answer again
            </Button>
          )}
          {link !== undefined && (
            <a href={link} target="_blank" rel="noreferrer" className="link">
              The workflow in Temporal <External />
            </a>
          )}
        </div>
        {retry.error && <Failure error={retry.error} />}
      </div>
      <Section title="Step by step">
        <Steps of={story} />
      </Section>
      {story.stored && (
        <Section title="How it was remembered">
          {story.stored.failure !== undefined && <p className="warning">{story.stored.failure}</p>}
          <Steps of={story.stored} />
        </Section>
      )}
      {story.prompt && (
        <Section title="The prompt">
          <Prompt messages={story.prompt} />
        </Section>
      )}
      {story.reply !== null && (
        <Section title="The reply">
          <p className="quote assistant">{story.reply}</p>
        </Section>
      )}
    </>
  );
}

function Steps({ of }: { of: Pick<Story, 'steps' | 'isPart'> }) {
  return (
    <>
      <ol className="story">
        {of.steps.map((step, index) => (
          <li key={index} className={step.state}>
            <span className="story-at">{duration(step.atMs)}</span>
            <div>
              <p className="story-name">
                {step.name}
                {step.durationMs !== undefined && (
                  <span className="hint"> took {duration(step.durationMs)}</span>
                )}
                {step.attempts > 1 && <span className="hint">, {step.attempts} attempts</span>}
              </p>
              {step.summary !== '' && <p className="hint">{step.summary}</p>}
              {step.failure !== undefined && <p className="warning">{step.failure}</p>}
            </div>
          </li>
        ))}
      </ol>
      {of.isPart && <p className="hint">It has more steps than are told here.</p>}
    </>
  );
}
