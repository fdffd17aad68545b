import { fileURLToPath } from 'node:url';
import express, { Router } from 'express';
import { methodNotAllowed, notFound } from '../problems.ts';

/** What `npm run console:build` makes. */
const FOLDER = fileURLToPath(new URL('../../../console/dist/', import.meta.url));

/** Scripts, styles and pictures of ours alone; nobody frames the page, and nothing is sent elsewhere. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const METHODS = ['GET', 'HEAD'];

const NOT_BUILT =
  'The console is not built. Run npm run console:build in the folder of Konstruct, and load this page again.\n';

/** `/console` and below: one page, and what it loads. `/` leads there. `folder` holds what was built. */
export function consolePage(folder: string = FOLDER): Router {
  const router = Router();
  router.get('/', (_req, res) => res.redirect(302, '/console/'));
  router.use('/console', (req, res, next) => {
    if (!METHODS.includes(req.method)) throw methodNotAllowed(METHODS);
    res.set({ 'Content-Security-Policy': POLICY, 'Referrer-Policy': 'no-referrer' });
    next();
  });
  // A file of another content has another name.
  const assets = { index: false, redirect: false, immutable: true, maxAge: '1y' } as const;
  router.use('/console/assets', express.static(`${folder}/assets`, assets), () => {
    throw notFound('path');
  });
  const others = {
    index: false,
    redirect: false,
    setHeaders: (res: express.Response) => fresh(res),
  } as const;
  router.use('/console', express.static(folder, others));
  router.use('/console', (_req, res, next) => {
    fresh(res);
    res.sendFile('index.html', { root: folder, cacheControl: false }, (error) => {
      if (!error) return;
      if ('code' in error && error.code === 'ENOENT') res.status(503).type('text/plain').send(NOT_BUILT);
      else next(error);
    });
  });
  return router;
}

/** Kept, and asked for each time whether it has changed. */
const fresh = (res: express.Response): void => void res.set('Cache-Control', 'no-cache');
