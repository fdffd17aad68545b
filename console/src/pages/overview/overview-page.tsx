import { useMemo, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { api, type Schemas } from '../../api/client.ts';
import { REFRESH_MS } from '../../api/refresh.ts';
import { useRights } from '../../session/session.ts';
import { AgentChoice } from '../../ui/agent-choice.tsx';
import { HourChart } from '../../ui/chart.tsx';
import { Choice } from '../../ui/fields.tsx';
import { count, duration, number, When } from '../../ui/format.tsx';
import { Meter } from '../../ui/meter.tsx';
import { Page, Section } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { inOrder, stepName } from '../../ui/steps.ts';
import { turnSeries } from './turn-series.ts';
import { TurnList } from './turn-list.tsx';

type Overview = Schemas['Overview'];

const SPANS = [
  { id: '24', name: 'Last day', hours: 24 },
  { id: '72', name: 'Last 3 days', hours: 72 },
  { id: '168', name: 'Last week', hours: 168 },
] as const;

/** How the agents are doing. */
export function OverviewPage() {
  const [agentId, setAgentId] = useState('');
  const [span, setSpan] = useState('24');
  const hours = SPANS.find(({ id }) => id === span)?.hours ?? 24;
  const overview = api.useQuery(
    'get',
    '/v1/overview',
    { params: { query: { hours, ...(agentId && { agentId }) } } },
    { refetchInterval: REFRESH_MS },
  );
  return (
    <Page title="Overview" wide>
      <div className="row wrap">
        <AgentChoice value={agentId} onChange={setAgentId} all="All agents" />
        <Choice label="Time" options={SPANS} value={span} onChange={setSpan} />
      </div>
      <Loaded of={overview}>{(data) => <Numbers overview={data} />}</Loaded>
      <Section title="Failed turns">
        <p className="hint">Of any time, the newest first.</p>
        <TurnList filter={{ state: 'failed', ...(agentId && { agentId }) }} empty="No turn has failed" />
      </Section>
      <Section title="Degraded turns">
        <p className="hint">
          Answered, but without a part of what the agent remembers, or not delivered. Of any time, the newest
          first.
        </p>
        <TurnList
          filter={{ degraded: 'true', ...(agentId && { agentId }) }}
          empty="Every reply had all that it needed"
        />
      </Section>
    </Page>
  );
}

function Numbers({ overview }: { overview: Overview }) {
  const { hours, latency, backfill, isPart } = overview;
  const sum = (of: 'turns' | 'failed' | 'degraded' | 'recallHits' | 'recallEmpty' | 'up' | 'down') =>
    hours.reduce((total, hour) => total + hour[of], 0);
  const recalls = sum('recallHits') + sum('recallEmpty');
  const feedback = sum('up') + sum('down');
  return (
    <>
      <dl className="figures">
        <Figure label="Turns" value={number(sum('turns'))} />
        <Figure label="Failed" value={number(sum('failed'))} isBad={sum('failed') > 0} />
        <Figure label="Degraded" value={number(sum('degraded'))} isBad={sum('degraded') > 0} />
        <Figure label="Recalled something" value={shareOf(sum('recallHits'), recalls)} />
        <Figure
          label="Liked"
          value={shareOf(sum('up'), feedback)}
          note={feedback > 0 ? `of ${count(feedback, 'answer')}` : 'no feedback'}
        />
        <Figure
          label="Waiting to be remembered"
          value={backfill ? number(backfill.waiting) + (backfill.isPart ? '+' : '') : '–'}
          note={
            backfill ? backfill.oldestAt && <>since {<When at={backfill.oldestAt} />}</> : 'Temporal is away'
          }
          isBad={(backfill?.waiting ?? 0) > BEHIND}
        />
      </dl>
      {isPart && (
        <p className="hint">There are more turns than are counted here: these are the newest of them.</p>
      )}
      {sum('turns') === 0 ? (
        <Silence />
      ) : (
        <>
          <Charts hours={hours} />
          <Section title="Time by step">
            <Latency latency={latency} />
          </Section>
        </>
      )}
    </>
  );
}

function Silence() {
  const { canChat } = useRights();
  return (
    <Empty title="Nobody has said anything in this time">
      {canChat && (
        <Link href="/welcome" className="link">
          Say something
        </Link>
      )}
    </Empty>
  );
}

/** So many turns that wait to be remembered are worth a look. */
const BEHIND = 100;

const shareOf = (part: number, whole: number): string =>
  whole === 0 ? '–' : `${Math.round((100 * part) / whole)} %`;

function Figure({
  label,
  value,
  note,
  isBad = false,
}: {
  label: string;
  value: string;
  note?: ReactNode;
  isBad?: boolean;
}) {
  return (
    <div className={isBad ? 'figure bad' : 'figure'}>
      <dt>{label}</dt>
      <dd>{value}</dd>
      {note && <dd className="hint">{note}</dd>}
    </div>
  );
}

function Charts({ hours }: { hours: Overview['hours'] }) {
  const at = useMemo(() => hours.map((hour) => hour.at), [hours]);
  const turns = useMemo(() => turnSeries(hours), [hours]);
  const recall = useMemo(
    () => [
      { label: 'something', color: '--accent', values: hours.map((hour) => hour.recallHits) },
      { label: 'nothing', color: '--strong-line', values: hours.map((hour) => hour.recallEmpty) },
    ],
    [hours],
  );
  return (
    <div className="charts">
      <HourChart title="Turns by the hour" hours={at} series={turns} />
      <HourChart title="Recalled" hours={at} series={recall} />
    </div>
  );
}

function Latency({ latency }: { latency: Overview['latency'] }) {
  const longest = Math.max(1, ...latency.map(({ p95Ms }) => p95Ms));
  if (latency.length === 0) return <p className="hint">No turn in this time has its times.</p>;
  return (
    <ul className="steps-times">
      {inOrder(latency).map(({ step, p50Ms, p95Ms }) => (
        <li key={step}>
          <Meter
            label={stepName(step)}
            value={p50Ms / longest}
            mark={p95Ms / longest}
            text={`${duration(p50Ms)}, 95 % within ${duration(p95Ms)}`}
          />
        </li>
      ))}
    </ul>
  );
}
