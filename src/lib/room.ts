/** Bytes that are held for others, in a room that is bounded in all. */
export type Room = {
  /**
   * Whether an owner holds its share: half of the room, divided by the number of those who hold something.
   * The other half is for what is under way. Whoever holds nothing is never there yet.
   */
  hasShare(owner: string): boolean;
  /** Takes something in, of no bytes yet. `giveWay` is called, once, when it has to go. */
  hold(owner: string, giveWay: () => void): Held;
};

export type Held = {
  /** How much it is now. */
  set(bytes: number): void;
  /** It is another's from now on, as the latest of what that one holds. */
  moveTo(owner: string): void;
  /** It is there no more. */
  end(): void;
};

type Owner = { bytes: number; held: Set<Thing> };
type Thing = { bytes: number; giveWay: () => void };

/**
 * What is too much makes room by itself: whoever holds the most loses what it has held for longest. So nobody
 * keeps another out, and no more than `roomBytes` is held.
 */
export function createRoom(roomBytes: number): Room {
  /** Of each owner, what is of some bytes, the longest there first. */
  const owners = new Map<string, Owner>();
  let all = 0;

  const resize = (name: string, thing: Thing, bytes: number): void => {
    const owner = owners.get(name) ?? { bytes: 0, held: new Set() };
    const more = bytes - thing.bytes;
    thing.bytes = bytes;
    owner.bytes += more;
    all += more;
    if (bytes > 0) owner.held.add(thing);
    else owner.held.delete(thing);
    if (owner.held.size > 0) owners.set(name, owner);
    else owners.delete(name);
  };
  const makeRoom = (): void => {
    while (all > roomBytes) {
      let [most, bytes] = ['', 0];
      for (const [name, owner] of owners) if (owner.bytes > bytes) [most, bytes] = [name, owner.bytes];
      const [longest] = owners.get(most)?.held ?? [];
      if (!longest) return;
      resize(most, longest, 0);
      longest.giveWay();
    }
  };

  return {
    hasShare(name) {
      const own = owners.get(name);
      return own !== undefined && own.bytes >= roomBytes / 2 / owners.size;
    },
    hold(owner, giveWay) {
      let isHeld = true;
      let name = owner;
      const thing: Thing = {
        bytes: 0,
        giveWay() {
          isHeld = false;
          giveWay();
        },
      };
      return {
        set(bytes) {
          if (!isHeld || bytes === thing.bytes) return;
          resize(name, thing, bytes);
          makeRoom();
        },
        moveTo(next) {
          const { bytes } = thing;
          if (isHeld) resize(name, thing, 0);
          name = next;
          if (isHeld) resize(name, thing, bytes);
        },
        end() {
          if (isHeld) resize(name, thing, 0);
          isHeld = false;
        },
      };
    },
  };
}
