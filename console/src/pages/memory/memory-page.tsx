import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components';
import { Link, useLocation, useSearch } from 'wouter';
import { useAgentName } from '../../api/agents.ts';
import { useWindow, type Scope } from '../../api/memory.ts';
import { useRights } from '../../session/session.ts';
import { chatPath, MEMORY_TABS, memoryViewOf, memoryViewPath, type MemoryView } from '../../paths.ts';
import { count } from '../../ui/format.tsx';
import { Page } from '../../ui/page.tsx';
import { Said } from '../../ui/said.tsx';
import { Empty, Loaded } from '../../ui/states.tsx';
import { EraseMemory } from './erase-memory.tsx';
import { LongTerm } from './long-term.tsx';
import { SearchMemory } from './search-memory.tsx';
import { TakeAlong } from './take-along.tsx';
import { useUpload } from './upload.ts';

/** What an agent remembers of one person. */
export function MemoryPage(scope: Scope) {
  const { canChange, canChat } = useRights();
  const name = useAgentName()(scope.agentId);
  const view = memoryViewOf(useSearch());
  const [, navigate] = useLocation();
  // What is shown by then: some changes come when something has ended.
  const show = (changes: Partial<MemoryView>) =>
    navigate(memoryViewPath(scope.agentId, scope.userId, { ...memoryViewOf(location.search), ...changes }), {
      replace: true,
    });
  // Here, so that it goes on behind another tab.
  const upload = useUpload(scope);
  return (
    <Page
      title={scope.userId}
      lead={
        <>
          What{' '}
          <Link href={`/agents/${scope.agentId}`}>
            <bdi>{name}</bdi>
          </Link>{' '}
          remembers of this person.
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
      <Tabs
        className="tabs"
        selectedKey={view.tab}
        onSelectionChange={(key) => show({ tab: MEMORY_TABS.find((known) => known === key) ?? 'long' })}
      >
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
          <TakeAlong
            scope={scope}
            upload={upload}
            importId={view.import}
            onImport={(id) => show({ import: id })}
          />
          {canChange && (
            <EraseMemory scope={scope} erasureId={view.erasure} onErase={(id) => show({ erasure: id })} />
          )}
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
          <Empty title="The window is empty">
            <p>The last messages stand here, as soon as something is said.</p>
          </Empty>
        ) : (
          <>
            <p className="hint">
              The last {count(window.length, 'message')}, oldest first. The model sees them word for word, as
              far as they fit into its prompt.
            </p>
            <Said messages={window} names={{ user: scope.userId, assistant: name }} className="window" />
          </>
        )
      }
    </Loaded>
  );
}
