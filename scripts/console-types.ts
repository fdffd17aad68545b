/**
 * Writes the types of the API for the console, from the description that the API gives of itself. So a route
 * that has changed fails the console's type check. `npm run check` runs it first.
 */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { openApiDocument } from '../src/api/openapi.ts';

const FILE = fileURLToPath(new URL('../console/src/api/schema.gen.ts', import.meta.url));

const document: unknown = JSON.parse(JSON.stringify(openApiDocument()));
const nodes = await openapiTS(document as Parameters<typeof openapiTS>[0], {
  // A page has a file as what the browser keeps of it, however long it is.
  transform: (schema) =>
    'contentMediaType' in schema ? ts.factory.createTypeReferenceNode('Blob') : undefined,
});
await writeFile(FILE, `// Made by scripts/console-types.ts.\n${astToString(nodes)}`);
