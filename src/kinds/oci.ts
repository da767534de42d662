import { formOf, formOfTemplates, plainPath, type SampledForm } from '../lib/index.ts'
import type { Kind } from './kind.ts'

/** OCI distribution-spec 1.1, "Pulling manifests": `<name>`, and its bound of 255 characters with the host. */
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const name = new RegExp(`^${component}(?:/${component})*$`)
const maxNameChars = 255

const repository = formOf({
  rule: 'a repository in lower case, without host and tag: octo/app',
  // The catalog is of the whole registry, and names none.
  is: (text) => text === '' || (text.length <= maxNameChars && name.test(text)),
  fillers: ['x', ''],
  mend: (pattern) => plainPath(pattern.toLowerCase()),
})

const tag = formOf({
  rule: 'a tag',
  is: (text) => /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/.test(text),
  fillers: ['x', ''],
  mend: (pattern) => pattern.replace(/^:/, ''),
})

const digest = formOfTemplates('a digest', [`sha256:${'#'.repeat(64)}`, `sha512:${'#'.repeat(128)}`], '#')

const tagOrDigest = {
  rule: 'a tag of up to 128 letters, digits, `_`, `.` and `-`, or a digest: sha256: and 64 of 0-9a-f',
  is: (text) => tag.is(text) || digest.is(text),
  witness: (pattern) => tag.witness(pattern) ?? digest.witness(pattern),
  possible: (pattern) => tag.possible(pattern) || digest.possible(pattern),
  meant: (pattern) => tag.meant(pattern) ?? digest.meant(pattern),
} satisfies SampledForm

/** Is it a digest, rather than a tag? */
export function isDigest(ref: string): boolean {
  return ref.includes(':') && digest.is(ref)
}

export const oci = {
  about: 'A container registry (OCI distribution-spec): images, and all that is kept beside them.',
  transport: 'http',
  basePath: '/v2',
  hosts: ['storage', 'token_host'],
  path: { form: repository, noun: 'repository', example: 'octo/app' },
  ref: { form: tagOrDigest, noun: 'tag or digest', example: 'v*' },
  credentials: [
    'basic',
    'bearer',
    'registry-token',
    'github-app',
    'gitlab-token',
    'http-issuer',
    'aws-role',
    'azure-app',
  ],
  actions: {
    'oci:pull': { path: 'required', ref: 'optional', write: false },
    'oci:list': { path: 'required', ref: 'none', write: false },
    'oci:catalog': { path: 'optional', ref: 'none', write: false },
    // Adds blobs, manifests and new tags: what a tag names stays.
    'oci:push': { path: 'required', ref: 'optional', write: true, brings: 'artifact' },
    'oci:force': {
      path: 'required',
      ref: 'optional',
      write: true,
      includes: ['oci:push'],
      brings: 'artifact',
    },
    'oci:delete': { path: 'required', ref: 'optional', write: true },
  },
} as const satisfies Kind
