/**
 * Downloads all-MiniLM-L6-v2 (fp32) from the model hub into a folder, in the layout that the worker reads.
 */
import { env, pipeline } from '@xenova/transformers';

env.cacheDir = process.argv[2] ?? './models';
await pipeline('feature-extraction', 'Xenova/all-MiniLM-L6-v2', { quantized: false });
