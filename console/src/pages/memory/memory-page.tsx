import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { Link } from 'wouter';
import { useAgentName } from '../../api/agents.ts';
import { useWindow, type Scope } from '../../api/memory.ts';
import { useRights } from '../../session/session.ts';
import { chatPath } from '../../paths.ts';
import { Page } from '../../ui/page.tsx';
import { Said } from '../../ui/said.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { EraseMemory } from './erase-memory.tsx';
import { LongTerm } from './long-term.tsx';
import { SearchMemory } from './search-memory.tsx';
import { TakeAlong } from './take-along.tsx';

/** What an agent remembers of one person. */
export function MemoryPage(scope: Scope) {
  const { canChange, canChat } = useRights();
  const name = useAgentName()(scope.agentId);
  return (
    <Page
      title={scope.userId}
      lead={
        <>
          What <Link href={`/agents/${scope.agentId}`}>{name}</Link> remembers of this person.
        </>
      }
      actions={
        canChat && (
          <Link className="button plain" href={chatPath(scope.agentId, scope.userId)}>
            Talk as this user
          </Link>
        )
      }
    >
      <Tabs className="tabs">
        <TabList className="tab-list" aria-label="Memory">
          <Tab id="long">Long-term</Tab>
          <Tab id="search">Search</Tab>
          <Tab id="window">Window</Tab>
          <Tab id="along">Take along{canChange ? ' and erase' : ''}</Tab>
        </TabList>
        <TabPanel id="long">
          <LongTerm scope={scope} />
        </TabPanel>
        <TabPanel id="search">
          <SearchMemory scope={scope} />
        </TabPanel>
        <TabPanel id="window">
          <Window scope={scope} name={name} />
        </TabPanel>
        <TabPanel id="along">
          <TakeAlong scope={scope} />
          {canChange && <EraseMemory scope={scope} />}
        </TabPanel>
      </Tabs>
    </Page>
  );
}

/** The last messages, as the model sees them. */
function Window({ scope, name }: { scope: Scope; name: string }) {
  return (
    <Loaded of={useWindow(scope)}>
      {({ window }) =>
        window.length === 0 ? (
          <Empty title="The window is empty" />
        ) : (
          <>
            <p className="hint">
              The last {window.length} messages. The model sees them word for word, oldest first.
            </p>
            <Said messages={window} names={{ user: scope.userId, assistant: name }} className="window" />
          </>
        )
      }
    </Loaded>
  );
}
