import type { RequestHandler } from 'express';
import { notFound, Problem } from './problems.ts';

/**
 * Answers what no route has taken: 405 with the methods that its path has by the API's description, or 404.
 */
export function refuseRest(paths: Readonly<Record<string, object>>): RequestHandler {
  const known = Object.entries(paths).map(([path, item]) => ({
    // As Express takes them: in any case, with a slash at the end or without.
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}/?$`, 'i'),
    methods: Object.keys(item).filter((key) => key !== 'parameters'),
  }));
  return (req) => {
    const methods = known.flatMap((one) => (one.pattern.test(req.path) ? one.methods : []));
    if (methods.length === 0) throw notFound('path');
    const withHead = methods.flatMap((method) =>
      method === 'get' ? ['GET', 'HEAD'] : [method.toUpperCase()],
    );
    const allowed = [...new Set(withHead)].join(', ');
    throw new Problem(405, 'Method not allowed', `This path takes ${allowed}.`, {
      headers: { Allow: allowed },
    });
  };
}
