/** Which methods a path has, by the API's description: no router of ours knows all of a path's. */
import type { RequestHandler } from 'express';
import { noteDescribedPath } from './described-path.ts';
import { methodNotAllowed } from './problems.ts';

/**
 * Answers OPTIONS, and 405 where a path doesn't have the method: before anything else is looked at, a body of
 * a kind that another method takes, say.
 */
export function heedMethods(paths: Readonly<Record<string, object>>): RequestHandler {
  const known = Object.entries(paths)
    .map(([path, item]) => ({
      path,
      // As Express takes them: in any case, with a slash at the end or without.
      pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`, 'i'),
      parts: path.split('{').length - 1,
      methods: Object.keys(item).flatMap(toMethods),
    }))
    // /v1/tenants/audit is no tenant.
    .toSorted((a, b) => a.parts - b.parts);
  return (req, res, next) => {
    const found = known.find(({ pattern }) => pattern.test(req.path));
    if (found) noteDescribedPath(res, found);
    if (!found || found.methods.includes(req.method)) {
      next();
      return;
    }
    const { methods } = found;
    if (req.method === 'OPTIONS') {
      res
        .status(204)
        .set({ Allow: methods.join(', ') })
        .end();
      return;
    }
    throw methodNotAllowed(methods);
  };
}

/** Whoever may get a thing may ask for its head. */
function toMethods(key: string): string[] {
  if (key === 'parameters') return [];
  return key === 'get' ? ['GET', 'HEAD'] : [key.toUpperCase()];
}
