/** What a caller's headers bring into traces, and so into histories. */
import { afterAll, expect, test } from '@jest/globals';
import { propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { createTracing } from '../../src/observability/tracing.ts';

const tracing = createTracing('konstruct-test');
afterAll(() => tracing.stop());

test('a trace goes on, and baggage, which would stand in clear in histories, does not', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const caller = propagation.extract(ROOT_CONTEXT, { traceparent, baggage: 'email=ada%40example.com' });
  const handedOn = {};
  propagation.inject(caller, handedOn);
  expect(handedOn).toEqual({ traceparent });
});
