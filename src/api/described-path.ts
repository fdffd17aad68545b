import type { Response } from 'express';

/** A path as the API's description has it, and the methods that it takes. */
export type DescribedPath = { path: string; methods: readonly string[] };

const described = new WeakMap<Response, DescribedPath>();

export const noteDescribedPath = (res: Response, path: DescribedPath): void => void described.set(res, path);

/** The path that a request was for; undefined for one that isn't described. */
export const describedPath = (res: Response): DescribedPath | undefined => described.get(res);
