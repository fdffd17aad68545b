import '@fontsource-variable/inter/wght.css';
import 'uplot/dist/uPlot.min.css';
import './style/base.css';
import './style/controls.css';
import './style/pages.css';
import { QueryClientProvider } from '@tanstack/react-query';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { I18nProvider } from 'react-aria-components';
import { Router } from 'wouter';
import { queryClient } from './api/query-client.ts';
import { App } from './app.tsx';
import { hideWhenLeft } from './session/leaving.ts';
import { ErrorBoundary } from './ui/error-boundary.tsx';
import { keepFocus } from './ui/keep-focus.ts';
import { Notices } from './ui/notice.tsx';
import { Broken } from './ui/states.tsx';
import { askBeforeGoingBack, leaveFor } from './ui/unsaved.ts';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
// Dialogs stand beside the root.
hideWhenLeft(document.body);
keepFocus(root);
askBeforeGoingBack();
createRoot(root).render(
  <StrictMode>
    <I18nProvider locale="en-GB">
      <QueryClientProvider client={queryClient}>
        <Router base="/console" aroundNav={(go, to, options) => leaveFor(to, () => go(to, options))}>
          <ErrorBoundary
            place="everywhere"
            instead={(error) => (
              <main className="page">
                <h1>The console can’t be shown</h1>
                <Broken error={error} />
              </main>
            )}
          >
            <App />
            <Notices />
          </ErrorBoundary>
        </Router>
      </QueryClientProvider>
    </I18nProvider>
  </StrictMode>,
);
