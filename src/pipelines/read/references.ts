import type { Pin, Reference, ReferenceKind, Text } from '../model.ts'

const commit = /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/i
const digest = /@sha256:[0-9a-f]{64}$/i
/** `${{ }}` and the forms of shells and CIs: `$X`, `$(X)`, `<< X >>`. */
const dynamic = /\$\{\{|\$\[\[|\$[({A-Za-z_]|<<|\$\$/
const exactVersion = /^v?\d+\.\d+\.\d+(?:[-+.][\w.+-]+)?$/
const branch = /^(?:main|master|develop|dev|trunk|latest|stable|edge|nightly|canary|volatile|HEAD|next)$/i

/** What `OWNER/REPOSITORY[/PATH]@REF` of GitHub and its like names. */
export function actionReference(text: Text): Reference {
  const { value } = text
  if (value.startsWith('docker://'))
    return { ...imageReference({ ...text, value: value.slice('docker://'.length) }), text }
  if (value.startsWith('./') || value.startsWith('../'))
    return { kind: isWorkflow(value) ? 'workflow' : 'action', text, name: value, pin: 'local' }
  const at = value.lastIndexOf('@')
  const name = at === -1 ? value : value.slice(0, at)
  const version = at === -1 ? undefined : value.slice(at + 1)
  return reference(isWorkflow(name) ? 'workflow' : 'action', text, name, version)
}

function isWorkflow(name: string): boolean {
  return /\/\.(?:github|gitea|forgejo)\/workflows\//.test(name)
}

/** `[REGISTRY/]NAME[:TAG][@DIGEST]`. */
export function imageReference(text: Text): Reference {
  const { value } = text
  if (digest.test(value)) {
    const [name = '', version = ''] = value.split('@')
    return { kind: 'image', text, name: withoutTag(name), version, pin: 'digest' }
  }
  const name = withoutTag(value)
  const version = name.length < value.length ? value.slice(name.length + 1) : undefined
  if (dynamic.test(value)) return { ...named('image', text, name, version), pin: 'dynamic' }
  return {
    ...named('image', text, name, version),
    pin: version === undefined || branch.test(version) ? 'floating' : 'version',
  }
}

function withoutTag(image: string): string {
  const colon = image.lastIndexOf(':')
  return colon > image.lastIndexOf('/') ? image.slice(0, colon) : image
}

/** A name with a ref of Git behind it, or with the version of a registry that `keeps` what a version means. */
export function reference(
  kind: ReferenceKind,
  text: Text,
  name: string,
  version: string | undefined,
  keeps = false,
): Reference {
  const one = named(kind, text, name, version)
  if (dynamic.test(version ?? name)) return { ...one, pin: 'dynamic' }
  return { ...one, pin: pinOf(version, keeps) }
}

function pinOf(version: string | undefined, keeps: boolean): Pin {
  if (version === undefined || version === '' || branch.test(version) || version.startsWith('refs/heads/'))
    return 'floating'
  if (commit.test(version)) return 'digest'
  return keeps && exactVersion.test(version) ? 'exact' : 'version'
}

function named(kind: ReferenceKind, text: Text, name: string, version: string | undefined) {
  return { kind, text, name, ...(version === undefined ? {} : { version }) }
}

export function localReference(kind: ReferenceKind, text: Text): Reference {
  return { kind, text, name: text.value, pin: dynamic.test(text.value) ? 'dynamic' : 'local' }
}
