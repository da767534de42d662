import { formOf, formOfTemplates, formOfValues, gitRef, intersects, type NameForm } from '../lib/index.ts'

/** What ids and other values of several CIs look like, each for a whole value. */
export const numericId = formOf({
  rule: 'a number',
  is: (text) => /^[0-9]{1,20}$/.test(text),
  fillers: ['1', ''],
})
const uuidShape = 'hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh'
export const uuid = formOfTemplates('a UUID in lower case', [uuidShape])
export const uuidInBraces = formOfTemplates('a UUID in braces', [`{${uuidShape}}`])
/** Full name of a commit: SHA-1 or SHA-256, never a branch's name or an abbreviation. */
export const commitHash = formOfTemplates('the 40 or 64 digits of a commit', ['h'.repeat(40), 'h'.repeat(64)])
export const yesOrNo = formOfValues(['true', 'false'])
/** A ref of whatever sort, as CIs say it: a token may carry more than a rule can name. */
export const someRef: NameForm = { ...gitRef, is: (text) => /^refs\/.+$/s.test(text) }
/** A branch or a tag in full, made of what the CI says apart. */
export const branchOrTag: NameForm = {
  rule: 'refs/heads/BRANCH or refs/tags/TAG',
  is: (text) => /^refs\/(?:heads|tags)\/.+$/s.test(text),
  possible: isBranchOrTag,
  meant(pattern) {
    const meant = gitRef.meant(pattern)
    return meant !== undefined && isBranchOrTag(meant) ? meant : undefined
  },
}

function isBranchOrTag(pattern: string): boolean {
  return gitRef.possible(pattern) && ['refs/heads/*', 'refs/tags/*'].some((one) => intersects(one, pattern))
}

/**
 * An id: printable ASCII, since whoever compares two by eye, or in another program, must not be shown one for another.
 */
export const asciiId = /^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/

/** A tag if there is one, else the branch: full, so that no tag passes for a branch of its name. */
export function fullRef(branch: string | undefined, tag: string | undefined): string | undefined {
  if (tag !== undefined && tag !== '') return `refs/tags/${tag}`
  return branch === undefined || branch === '' ? undefined : `refs/heads/${branch}`
}
