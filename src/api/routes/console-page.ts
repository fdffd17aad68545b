import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Router, type Response } from 'express';
import { createKeptFiles, type KeptFile } from '../../lib/kept-files.ts';
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

/** A file of another content has another name. */
const FOR_EVER = 'public, max-age=31536000, immutable';
/** Kept, and asked for each time whether it has changed. */
const FRESH = 'no-cache';

/** How the build compresses files beside themselves, the smallest first: a coding, and the end of a name. */
const CODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** `/console` and below: one page, and what it loads. `/` leads there. `folder` holds what was built. */
export function consolePage(folder: string = FOLDER): Router {
  const router = Router();
  const assetNamed = createKeptFiles(path.join(folder, 'assets'));
  const fileNamed = createKeptFiles(folder);
  router.get('/', (_req, res) => res.redirect(302, '/console/'));
  router.use('/console', (req, res, next) => {
    if (!METHODS.includes(req.method)) throw methodNotAllowed(METHODS);
    res.set({ 'Content-Security-Policy': POLICY, 'Referrer-Policy': 'no-referrer' });
    next();
  });
  router.use('/console/assets', async (req, res) => {
    const name = req.path.slice(1);
    res.vary('Accept-Encoding');
    for (const [coding, end] of CODINGS) {
      const packed = req.acceptsEncodings(coding) ? await assetNamed(name + end) : undefined;
      if (!packed) continue;
      res.set('Content-Encoding', coding);
      send(res, name, packed, FOR_EVER);
      return;
    }
    const asset = await assetNamed(name);
    if (!asset) throw notFound('path');
    send(res, name, asset, FOR_EVER);
  });
  // What is no file of the folder is the page, which knows the rest of the path.
  router.use('/console', async (req, res) => {
    const name = req.path.slice(1);
    const file = await fileNamed(name);
    const page = file ?? (await fileNamed('index.html'));
    if (page) send(res, file ? name : 'index.html', page, FRESH);
    else res.status(503).set('Cache-Control', FRESH).type('text/plain').send(NOT_BUILT);
  });
  return router;
}

function send(res: Response, name: string, { bytes, tag }: KeptFile, keep: string): void {
  res.set({ 'Cache-Control': keep, ETag: tag }).type(path.extname(name)).send(bytes);
}
