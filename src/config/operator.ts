import { z } from 'zod';
import { operatorDatabaseUrl, urlOf } from './database.ts';
import { text } from './variables.ts';

const MIN_TOKEN_LENGTH = 16;

export const operatorToken = text
  .min(MIN_TOKEN_LENGTH, `is shorter than ${MIN_TOKEN_LENGTH} characters`)
  .optional()
  .meta({
    description: 'Who holds it may make tenants and their keys over HTTP. `npm start` makes one',
    cure: `a random text of ${MIN_TOKEN_LENGTH} characters or more, e.g. what openssl rand -hex 24 prints`,
    unset: 'nobody may',
  });

/** The operator's door: the token that opens it, and the role behind it. Undefined: there is none. */
export const operator = z
  .object({ KONSTRUCT_OPERATOR_TOKEN: operatorToken, DATABASE_OPERATOR_URL: operatorDatabaseUrl })
  .meta({ title: 'Operator' })
  .transform((read, { issues }) => {
    const { KONSTRUCT_OPERATOR_TOKEN: token, DATABASE_OPERATOR_URL: databaseUrl } = read;
    if (token === undefined) return undefined;
    if (databaseUrl === undefined) {
      const message =
        'is not set: with KONSTRUCT_OPERATOR_TOKEN it says how tenants and keys are written ' +
        `(set it to ${urlOf('konstruct_operator')}, and migrate with it)`;
      issues.push({ code: 'custom', input: undefined, path: ['DATABASE_OPERATOR_URL'], message });
      return z.NEVER;
    }
    return { token, databaseUrl };
  });
