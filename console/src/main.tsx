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

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
// Dialogs stand beside the root.
hideWhenLeft(document.body);
createRoot(root).render(
  <StrictMode>
    <I18nProvider locale="en-GB">
      <QueryClientProvider client={queryClient}>
        <Router base="/console">
          <App />
        </Router>
      </QueryClientProvider>
    </I18nProvider>
  </StrictMode>,
);
