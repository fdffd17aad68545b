/** Lets the browser keep a file as it keeps a download. */
export function saveFile(contents: Blob, name: string): void {
  const url = URL.createObjectURL(contents);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // A browser may ask first whether a page may save several files, and reads this one after the answer.
  setTimeout(() => URL.revokeObjectURL(url), 30 * 60_000);
}
