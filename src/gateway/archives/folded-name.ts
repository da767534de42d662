/**
 * A name as the least exact file system takes it: without case, with compatible characters as one, without what macOS ignores in
 * names, and without what Windows cuts off at their end. Two names that fold alike may become one file.
 */
export function foldedName(name: string): string {
  return name
    .normalize('NFKC')
    .replaceAll(/[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/g, '')
    .toUpperCase()
    .toLowerCase()
    .split('/')
    .map((part) => part.replace(/:.*$/, '').replace(/[. ]+$/, ''))
    .join('/')
}
