import type { PipelineFile, Reference, ReferenceKind } from '../model.ts'
import { referencesOf } from '../read/file-parts.ts'
import type { Found, PipelineRule, Severity } from './rule.ts'

export const unpinned: PipelineRule = {
  id: 'unpinned',
  title: 'What runs is named by something that its owner can move.',
  why: 'Whoever takes over the account moves the tag, and the next run executes his code with this job’s credentials (tj-actions/changed-files: 23,000 repositories; trivy-action: 76 of 77 tags).',
  fix: 'Name it by commit or digest, with the version in a comment, and let a bot propose newer ones.',
  severity: 'warning',
  check: (file) => referencesOf(file).flatMap((one) => found(file, one)),
}

const nouns: Readonly<Record<ReferenceKind, string>> = {
  action: 'the action',
  workflow: 'the workflow',
  image: 'the image',
  include: 'the include',
  component: 'the component',
  template: 'the template',
  repository: 'the repository',
  task: 'the task',
  orb: 'the orb',
  pipe: 'the pipe',
  plugin: 'the plugin',
  library: 'the library',
}

function found({ ci }: PipelineFile, one: Reference): Found[] {
  const { kind, name, version, pin, text } = one
  if (pin !== 'version' && pin !== 'floating') return []
  const noun = nouns[kind]
  const is =
    version === undefined
      ? 'names no version: whatever is newest runs'
      : pin === 'floating'
        ? `is at ${version}, which changes by itself`
        : `is at ${version}, which its owner can move`
  return [
    {
      span: text.span,
      message: `${noun} ${name} ${is}`,
      fix: fixes[kind] ?? unpinned.fix,
      severity: severityOf(one, ci),
    },
  ]
}

const fixes: Readonly<Partial<Record<ReferenceKind, string>>> = {
  image: 'Name it by digest: NAME:TAG@sha256:...',
  include: 'Give a project include a ref that is a commit, a remote one integrity: sha256-...',
  component: 'Name it by the commit of its release: COMPONENT@COMMIT',
  orb: 'Name a whole version (1.2.3): the registry never gives it to something else.',
  pipe: 'Name it by the digest of its image: docker://IMAGE@sha256:...',
  plugin: 'Name it by commit: PLUGIN#COMMIT',
  library: 'Name it by commit: @Library("NAME@COMMIT")',
  repository:
    'Give it a ref that only its owners’ releases can have, or read the template from a commit: ref: COMMIT',
}

/** Code of strangers that nobody named a version of is the worst; images of one's services, and what the CI's own vendor signs, the least. */
function severityOf({ kind, name, pin }: Reference, ci: PipelineFile['ci']): Severity {
  const isVendors = ci === 'github' && /^(?:actions|github)\//.test(name)
  if (kind === 'include' && /^https?:/.test(name)) return 'error'
  if (pin === 'version') return kind === 'image' || isVendors ? 'note' : 'warning'
  return 'warning'
}
