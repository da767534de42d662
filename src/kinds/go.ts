import { formOf, plainPath, type SampledForm } from '../lib/index.ts'
import { maxPathChars } from './bounds.ts'
import type { Kind } from './kind.ts'
import { semver } from './semver.ts'

/** golang.org/x/mod/module, CheckPath: a host name in lower case first, no element that begins or ends with a dot. */
const element = '(?!\\.)[A-Za-z0-9._~-]*[A-Za-z0-9_~-]'
const modulePath = new RegExp(`^(?!-)[a-z0-9-]+(?:\\.[a-z0-9-]+)+(?:/${element})*$`)

const module = formOf({
  rule: 'a module path as in go.mod: example.com/octo/lib',
  // Pages of the checksum database are of no module.
  is: (name) => name === '' || (name.length <= maxPathChars && modulePath.test(name)),
  fillers: ['x', '', '.x', 'x.', 'x.x', '.', '/x', 'x/', '/', 'x/x', '.x/', '.x/x', 'x.x/', 'x.x/x'],
  mend: (pattern) =>
    plainPath(
      pattern
        .replace(/^https?:\/\//, '')
        .replaceAll(/!([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    ),
})

/** `v` and a semantic version. */
const version = {
  rule: 'a version in full, such as v1.4.0 or v0.0.0-20260102150405-0123456789ab',
  is: (name) => name.startsWith('v') && semver.is(name.slice(1)),
  witness: witnessOf,
  possible: (pattern) => witnessOf(pattern) !== undefined,
  meant: (pattern) => (witnessOf(`v${pattern}`) === undefined ? undefined : `v${pattern}`),
} satisfies SampledForm

function witnessOf(pattern: string): string | undefined {
  for (const rest of behindV(pattern)) {
    const found = semver.witness(rest)
    if (found !== undefined) return `v${found}`
  }
  return undefined
}

/** What of the pattern is left for the number: a star at the beginning may stand for the `v`, for more, or for nothing. */
function behindV(pattern: string): readonly string[] {
  const rest = pattern.replace(/^\*+/, '')
  const plain = rest.startsWith('v') ? [rest.slice(1)] : []
  return rest === pattern ? plain : [...plain, `*${rest}`]
}

export const go = {
  about: 'A Go module proxy (GOPROXY); steps download what their go.sum has.',
  transport: 'http',
  ecosystem: 'golang',
  hosts: ['storage'],
  settings: ['sumdb'],
  path: { form: module, noun: 'module', example: 'example.com/octo/*' },
  ref: { form: version, noun: 'version', example: 'v1.*' },
  credentials: ['basic', 'bearer', 'http-issuer'],
  actions: {
    'go:download': { path: 'optional', ref: 'optional', write: false },
    // Reads which versions there are, and takes modules that go.sum does not have yet, as the checksum database has them.
    'go:resolve': { path: 'optional', ref: 'none', write: false, includes: ['go:download'] },
  },
  variables: ([first, ...others]) =>
    first === undefined || others.length > 0
      ? {}
      : { GOPROXY: first.url, ...(first.sumdb === undefined ? {} : { GOSUMDB: first.sumdb }) },
  lockfiles: ['go.sum', 'go.work.sum'],
} as const satisfies Kind
