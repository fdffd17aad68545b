import { useMemo } from 'react';
import { asProblem } from '../api/problem.ts';

const asItIs = (field: string): string => field;

/**
 * What the API found wrong, by the fields of a form. The same answer gives the same object: another one
 * would put errors back that somebody has mended. `fieldOf` says which field of the form is meant.
 */
export function useFieldErrors(
  error: unknown,
  fieldOf: (field: string) => string = asItIs,
): Record<string, string> {
  return useMemo(() => {
    const { errors } = error ? asProblem(error) : { errors: [] };
    return Object.fromEntries(
      errors.map(({ field, problem }) => [
        fieldOf(field),
        problem.charAt(0).toUpperCase() + problem.slice(1),
      ]),
    );
  }, [error, fieldOf]);
}
