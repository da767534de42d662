import { formOf, gitRef, plainPath, type SampledForm } from '../lib/index.ts'

/**
 * What the gateway can name, one spelling for each thing, by kind of connection. The gateway's handlers name
 * operations by this table and the policy is held against it, so that a rule which nothing could match is refused
 * (design.md, Never 14). A new protocol says its spelling here, once.
 */
export interface KindNames {
  readonly path: SampledForm
  /** Only where an action names refs. */
  readonly ref?: SampledForm
}

const maxPathChars = 2_048

const repository = formOf({
  rule: 'a repository as OWNER/NAME, without .git, and without empty, `.` or `..` parts',
  is: (name) =>
    name.length <= maxPathChars &&
    /^(?:(?!\.{1,2}(?:\/|$))[A-Za-z0-9._~+-]+(?:\/(?!$)|$))+$/.test(name) &&
    !name.endsWith('.git'),
  fillers: ['x', 'x/x', ''],
  mend: (pattern) => plainPath(pattern).replace(/(?:\.git)+$/, ''),
})

const npmPackage = formOf({
  rule: 'a package: NAME or @SCOPE/NAME',
  is: (name) =>
    name.length <= maxPathChars &&
    /^(?:@(?!\.{1,2}\/)[A-Za-z0-9._~-]+\/)?(?!\.{1,2}$)[A-Za-z0-9._~-]+$/.test(name),
  fillers: ['x', '', '@x/x', '@x', '@', '/x', 'x/', '/', 'x/x'],
  mend: plainPath,
})

export const namesOf = {
  git: { path: repository, ref: gitRef },
  npm: { path: npmPackage },
} as const satisfies Readonly<Record<string, KindNames>>
