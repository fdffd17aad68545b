/**
 * Browsers keep a page that one leaves, and show it as it was to whoever goes back to it, who may be somebody
 * else by then. So it is kept without anything to see, and when it comes back it is loaded anew, which asks
 * who is signed in.
 */
export function hideWhenLeft(page: HTMLElement): void {
  addEventListener('pagehide', () => {
    page.hidden = true;
  });
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) location.reload();
  });
}
