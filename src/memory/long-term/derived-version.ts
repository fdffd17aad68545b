/**
 * The version of what is derived of an exchange's texts: where its passages are cut, their vectors, terms,
 * flags and weights. Each passage carries that of the code which has derived it; 0 is what came before there
 * were versions. Count it up with every change of what is derived, and say so in the release notes: a reindex
 * then brings older rows up (docs/MEMORY.md#versions). test/unit/derived-version.test.ts fails until then.
 */
export const DERIVED_VERSION = 2;

/**
 * The version since which a passage of the same texts has the vector that it would be given now. A reindex
 * keeps such vectors, and asks the model for older ones alone. It is `DERIVED_VERSION` after a change of what
 * the model reads.
 */
export const VECTORS_SINCE = 2;

/** The version of what was stored without its texts having been read in time: a reindex tries once more. */
export const UNREAD_VERSION = 0;
