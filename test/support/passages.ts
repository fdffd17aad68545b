import { isEmbeddedInPart as isInPart, splitExchange as split } from '../../src/memory/text/passages.ts';
import { atOnce } from './steps.ts';

export const splitExchange = (...texts: Parameters<typeof split>) => atOnce(split(...texts));
export const isEmbeddedInPart = (text: string) => atOnce(isInPart(text));
