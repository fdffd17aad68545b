/** Why something did not work, as the API tells it (RFC 9457), or as the browser does. */
export type Problem = {
  title: string;
  detail: string;
  /** Absent where no answer came. */
  status?: number;
  /** How long the API asks to wait. */
  retryAfterMs?: number;
  /** What is wrong with which field. */
  errors: ReadonlyArray<{ field: string; problem: string }>;
};

/** An answer of the API that is no success. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** What was thrown, as a problem. The API's client throws `ProblemError`, and `fetch` errors of its own. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof Error) {
    return {
      title: 'No answer',
      detail: 'Konstruct can’t be reached. Check that it runs, then try again.',
      errors: [],
    };
  }
  const body: Partial<Problem> = typeof error === 'object' && error !== null ? error : {};
  return {
    title: body.title ?? 'Something went wrong',
    detail: body.detail ?? 'The answer could not be read.',
    ...(typeof body.status === 'number' && { status: body.status }),
    errors: Array.isArray(body.errors) ? body.errors : [],
  };
}

/** The problem that a response holds. */
export async function problemIn(response: Response): Promise<Problem> {
  const body: unknown = await response.json().catch(() => ({}));
  const seconds = Number(response.headers.get('Retry-After') ?? NaN);
  return {
    ...asProblem(body),
    status: response.status,
    ...(Number.isFinite(seconds) && { retryAfterMs: 1_000 * seconds }),
  };
}
