import { childrenOf, markdownTree, type MarkdownNode } from '../../src/lib/markdown-tree.ts';

/** What a reader is told: the text of everything that markdown holds, in order, without white space. */
export function markdownContent(markdown: string): string {
  const read = (node: MarkdownNode): string =>
    'value' in node ? node.value : 'alt' in node ? (node.alt ?? '') : childrenOf(node).map(read).join('');
  const tree = markdownTree(markdown);
  if (!tree) throw new Error('markdown that is not read');
  return read(tree).replace(/\s/g, '');
}
