/**
 * Keeps the keyboard's place. Where a control goes that has the focus (its row is deleted, its button has
 * done its work), a browser begins at the top of the page again. Here the next control of that part of the
 * page takes over, else the one before it, else the heading.
 */

/** A gap that an element has left. */
type Gap = { parent: Node; next: Node | null; previous: Node | null };

const PART = 'section, [role="tabpanel"], main';
const CONTROLS = ['a[href]', 'button', 'input', 'textarea', 'summary', '[tabindex="0"]']
  .map((one) => `${one}:not(:disabled, [type="hidden"], [tabindex="-1"])`)
  .join(', ');

const isBehind = (control: Node, node: Node): boolean =>
  (node.compareDocumentPosition(control) & Node.DOCUMENT_POSITION_FOLLOWING) !== 0;

/** What takes over at a gap. Undefined where a page has gone: the next one takes the focus itself. */
function successorAt({ parent, next, previous }: Gap): HTMLElement | undefined {
  const element = parent instanceof Element ? parent : parent.parentElement;
  const part = element?.tagName === 'MAIN' ? null : element?.closest(PART);
  if (!part) return undefined;
  // What is folded away takes no focus.
  const controls = [...part.querySelectorAll<HTMLElement>(CONTROLS)].filter((one) => one.checkVisibility());
  const comesAfter = (control: HTMLElement): boolean => {
    if (next?.isConnected) return next.contains(control) || isBehind(control, next);
    if (previous?.isConnected) return isBehind(control, previous) && !previous.contains(control);
    return isBehind(control, parent);
  };
  return (
    controls.find(comesAfter) ?? controls.at(-1) ?? part.querySelector<HTMLElement>('h1, h2') ?? undefined
  );
}

/** Begins to watch over the focus in `root`. Outside of it stand dialogs and menus over the page. */
export function keepFocus(root: HTMLElement): void {
  let last: Element | undefined;
  let gap: Gap | undefined;

  const takeOver = (): void => {
    const { activeElement } = document;
    if (!gap || (activeElement !== null && activeElement !== document.body)) return;
    const successor = successorAt(gap);
    gap = undefined;
    if (!successor) return;
    if (/^H[12]$/.test(successor.tagName)) successor.tabIndex = -1;
    successor.focus();
  };

  document.addEventListener('focusin', ({ target }) => {
    if (!(target instanceof Element) || !root.contains(target)) return;
    last = target;
    gap = undefined;
  });
  document.addEventListener('focusout', ({ target, relatedTarget }) => {
    if (relatedTarget !== null) return;
    // Whoever clicks beside everything wants no focus. An element that goes loses it in the same way: only
    // afterwards it is seen whether it is still there.
    requestAnimationFrame(() => {
      if (last === target && last.isConnected && document.hasFocus()) last = undefined;
    });
  });
  new MutationObserver((changes) => {
    for (const { target: parent, removedNodes, nextSibling: next, previousSibling: previous } of changes) {
      for (const removed of removedNodes) {
        const isLast = last !== undefined && removed.contains(last);
        // Or the place of the gap has gone as well.
        if (!isLast && !(gap && removed.contains(gap.parent))) continue;
        last = undefined;
        gap = { parent, next, previous };
      }
    }
    // A dialog that closes gives the focus back by itself, a frame later.
    if (gap) requestAnimationFrame(() => requestAnimationFrame(takeOver));
  }).observe(document.body, { childList: true, subtree: true });
}
