/** Which methods a path has, by the API's description: no router of ours knows all of a path's. */
import type { RequestHandler } from 'express';
import { notFound, Problem } from './problems.ts';

/** Gives the methods of a path; undefined for one that isn't there. */
export type MethodsAt = (path: string) => readonly string[] | undefined;

export function methodsOf(paths: Readonly<Record<string, object>>): MethodsAt {
  const known = Object.entries(paths)
    .map(([path, item]) => ({
      // As Express takes them: in any case, with a slash at the end or without.
      pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`, 'i'),
      parts: path.split('{').length - 1,
      methods: Object.keys(item).filter((key) => key !== 'parameters'),
    }))
    // /v1/tenants/audit is no tenant.
    .toSorted((a, b) => a.parts - b.parts);
  return (path) => known.find(({ pattern }) => pattern.test(path))?.methods;
}

/** Answers OPTIONS. */
export function answerOptions(methodsAt: MethodsAt): RequestHandler {
  return (req, res, next) => {
    const methods = req.method === 'OPTIONS' ? methodsAt(req.path) : undefined;
    if (methods) res.status(204).set('Allow', allowed(methods)).end();
    else next();
  };
}

/** Answers what no route has taken: 405 with the methods that there are, or 404. */
export function refuseRest(methodsAt: MethodsAt): RequestHandler {
  return (req) => {
    const methods = methodsAt(req.path);
    throw methods ? notAllowed(methods) : notFound('path');
  };
}

export function notAllowed(methods: readonly string[]): Problem {
  const Allow = allowed(methods);
  return new Problem(405, 'Method not allowed', `This path takes ${Allow}.`, { headers: { Allow } });
}

/** Whoever may get a thing may ask for its head. */
const allowed = (methods: readonly string[]): string =>
  methods.flatMap((method) => (method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()])).join(', ');
