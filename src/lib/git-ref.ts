import { formOf } from './name-form.ts'
import { isVisible } from './text.ts'

const maxRefChars = 1_000

/**
 * A ref in full, as git-check-ref-format(1) takes it and as it can be seen: a name that shows as another is nobody's
 * to grant. `refs/main` is none of ours: everybody who writes it means a branch.
 */
export const gitRef = formOf({
  rule: 'a full ref, such as refs/heads/main or refs/tags/v1',
  is: (name) =>
    name.length <= maxRefChars &&
    /^refs(?:\/(?!\.)[^/]+(?<!\.lock)){2,}$/.test(name) &&
    // eslint-disable-next-line no-control-regex
    !/[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{|\.$/.test(name) &&
    isVisible(name),
  fillers: ['x', 'x/x', '', '/x', 'x/', 'refs/x/', 'refs/x'],
  mend: inFull,
})

/** `main`, `heads/main` and `refs/main` in full. */
function inFull(pattern: string): string {
  const plain = plainPath(pattern)
  const rest = plain.replace(/^refs\/(?=[^/]+$)/, '').replace(/^refs\/(?=(?:head|tag|branch)\/)/, '')
  // A folder of refs is none, and which of them was meant nobody can tell.
  if (rest.startsWith('refs/') || /^(?:heads?|tags?)$/.test(rest)) return rest
  return `refs/${rest
    .replace(/^(?:head|branch|branches)\//, 'heads/')
    .replace(/^tag\//, 'tags/')
    // Releases are tags: nobody calls a branch so.
    .replace(/^(?=v[0-9*][0-9A-Za-z.*+-]*$)/, 'tags/')
    .replace(/^(?!heads\/|tags\/)/, 'heads/')}`
}

/** Without percent-encoding, `.` parts and empty parts. What leads upward stays, and is none then. */
export function plainPath(pattern: string): string {
  const decoded = pattern.replaceAll(/%([0-7][0-9a-f])/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  )
  return decoded
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/')
}
