/** Which methods a path has, by the API's description: no router of ours knows all of a path's. */
import type { RequestHandler, Response } from 'express';
import { methodNotAllowed } from './problems.ts';

/** A path as the API's description has it, and the methods that it takes. */
export type DescribedPath = { path: string; methods: readonly string[] };

const described = new WeakMap<Response, DescribedPath>();

/** The path that a request was for; undefined for one that isn't described. */
export const describedPath = (res: Response): DescribedPath | undefined => described.get(res);

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
    if (found) described.set(res, found);
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
