/**
 * A name as the least exact file system takes it: without case, with compatible characters as one, without what macOS ignores in
 * names, and without what Windows cuts off at their end. Two names that fold alike may become one file.
 * Takes quadratic time for parts that are no plain ones: some marks are sorted by NFKC.
 */
export function foldedName(name: string): string {
  return name
    .normalize('NFKC')
    .replaceAll(/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, '')
    .toUpperCase()
    .toLowerCase()
    .split('/')
    .map((part) => (part.split(':', 1)[0] ?? '').replace(/(?<![. ])[. ]+$/, ''))
    .join('/')
}
