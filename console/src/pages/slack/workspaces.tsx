import { useAgentName } from '../../api/agents.ts';
import { api, PAGED } from '../../api/client.ts';
import { When } from '../../ui/format.tsx';
import { More } from '../../ui/more.tsx';
import { Section } from '../../ui/page.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';

/** Where the app is installed, and where it was. */
export function Workspaces() {
  const installations = api.useInfiniteQuery('get', '/v1/slack/installations', {}, PAGED);
  const nameOf = useAgentName();
  return (
    <Section title="Workspaces">
      <Loaded of={installations}>
        {({ pages }) => {
          const all = pages.flatMap((page) => page.installations);
          if (all.length === 0) return <Empty title="Nobody has installed the app by a link yet" />;
          return (
            <>
              <ul className="rows" aria-label="Workspaces">
                {all.map((one) => (
                  <li key={one.installationId} className="row-item">
                    <div className="grow">
                      <p className="row-title">
                        <bdi>{one.place}</bdi>{' '}
                        <span className="hint">{one.isOrganisation ? 'organisation' : 'workspace'}</span>
                      </p>
                      <p className="hint">
                        <bdi>{nameOf(one.agentId)}</bdi> {one.endedAt === null ? 'speaks' : 'spoke'} there ·
                        installed <When at={one.installedAt} />
                      </p>
                    </div>
                    {one.endedAt === null ? (
                      <span className="tag done">installed</span>
                    ) : (
                      <span className="tag">
                        ended <When at={one.endedAt} />
                      </span>
                    )}
                  </li>
                ))}
              </ul>
              <More of={installations} />
            </>
          );
        }}
      </Loaded>
    </Section>
  );
}
