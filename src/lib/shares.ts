/** A limit that is shared out among those who are there. */
export type Shares = {
  /**
   * Takes a place for `owner`, or so many at once. The result gives them back. Undefined when the owner would
   * have more than its share, or when all places are taken. One that has none gets what it asks for.
   */
  take(owner: string, places?: number): (() => void) | undefined;
  /** How many places `owner` has. */
  heldBy(owner: string): number;
};

/**
 * Alone, an owner may take the whole limit. While others are there, whoever holds more than the limit divided
 * by their number gets no further place, and what it holds it keeps. So that a newcomer finds a place in any
 * case, more places than the limit may be taken: `mostPlaces` says how many, or `most`.
 */
export function createShares(limit: number, most = mostPlaces(limit)): Shares {
  const held = new Map<string, number>();
  let taken = 0;

  const heldBy = (owner: string): number => held.get(owner) ?? 0;

  return {
    heldBy,
    take(owner, places = 1) {
      const own = heldBy(owner);
      const present = held.size + (own === 0 ? 1 : 0);
      const share = Math.floor(limit / present);
      if ((own > 0 && own + places > share) || taken >= most) return undefined;
      held.set(owner, own + places);
      taken += places;
      let isHeld = true;
      return () => {
        if (!isHeld) return;
        isHeld = false;
        taken -= places;
        const left = (held.get(owner) ?? places) - places;
        if (left === 0) held.delete(owner);
        else held.set(owner, left);
      };
    },
  };
}

/**
 * Whoever asks gets a place while fewer than `open` are taken. Then `kept` further ones are shared out. So
 * nobody is refused while there is room, and whoever has taken all of it leaves others some.
 */
export function createKeptShares({ open, kept }: KeptLimits): Pick<Shares, 'take'> {
  const shares = createShares(kept);
  let taken = 0;
  return {
    take(owner) {
      if (taken >= open) return shares.take(owner);
      taken += 1;
      let isHeld = true;
      return () => {
        if (isHeld) taken -= 1;
        isHeld = false;
      };
    },
  };
}

export type KeptLimits = { open: number; kept: number };

/** How many places can be taken under such limits. */
export const mostKept = ({ open, kept }: KeptLimits): number => open + mostPlaces(kept);

/**
 * How many places can be taken under a limit. Of those who hold places, order them by the last that each
 * took: the n-th saw n of them there, so it holds at most the limit divided by n.
 */
export function mostPlaces(limit: number): number {
  let places = 0;
  for (let present = 1; present <= limit; present += 1) places += Math.floor(limit / present);
  return places;
}
