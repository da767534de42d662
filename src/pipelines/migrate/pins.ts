import { referencesOf } from '../read/file-parts.ts'
import type { PipelineFile, Reference, Span } from '../model.ts'
import type { Edit } from './edits.ts'
import { lineEnd } from './lines.ts'

/** What a pin is kept under: `NAME@VERSION` of an action or workflow, `image NAME:TAG` of an image. */
export function pinKey({ kind, name, version }: Pick<Reference, 'kind' | 'name' | 'version'>): string {
  return kind === 'image'
    ? `image ${name}${version === undefined ? '' : `:${version}`}`
    : `${name}@${version ?? ''}`
}

/**
 * Commits that the checkout itself has for a version: somebody pinned the same action elsewhere, and wrote the version behind it
 * (`uses: actions/checkout@COMMIT # v5.0.0`, as Dependabot and Renovate keep it). Of two commits for one version none counts.
 */
export function knownPins(files: readonly PipelineFile[]): ReadonlyMap<string, string> {
  const pins = new Map<string, string>()
  const doubtful = new Set<string>()
  for (const file of files)
    for (const { kind, name, version, pin, text } of referencesOf(file)) {
      if (pin !== 'digest' || version === undefined || kind !== 'action') continue
      const behind = file.text.slice(text.span.end, lineEnd(file.text, text.span.end))
      const said = /^[ \t'"]*#[ \t]*(?:tag=)?(v?\d[\w.+-]*)/.exec(behind)?.[1]
      if (said === undefined) continue
      const key = `${name}@${said}`
      if ((pins.get(key) ?? version) !== version) doubtful.add(key)
      pins.set(key, version)
    }
  for (const key of doubtful) pins.delete(key)
  return pins
}

/** Pins what a commit or digest is known of. No other is made up: the rest is told. */
export function pinEdits(
  file: PipelineFile,
  pins: ReadonlyMap<string, string>,
  isGone: (span: Span) => boolean,
): { readonly edits: readonly Edit[]; readonly unpinned: readonly Reference[] } {
  const edits: Edit[] = []
  const unpinned: Reference[] = []
  for (const one of referencesOf(file)) {
    if ((one.pin !== 'version' && one.pin !== 'floating') || isGone(one.text.span)) continue
    const pin = pins.get(pinKey(one))
    const edit = pin === undefined ? undefined : pinned(file.text, one, pin)
    if (edit === undefined) unpinned.push(one)
    else edits.push(edit)
  }
  return { edits, unpinned }
}

/** Undefined where it is not written in one piece, or no comment can stand behind it that keeps the version. */
function pinned(source: string, { kind, name, version, text }: Reference, pin: string): Edit | undefined {
  const { start, end } = text.span
  const written = source.slice(start, end)
  const quote = /^(['"]).*\1$/.exec(written)?.[1] ?? ''
  if (written !== `${quote}${text.value}${quote}`) return undefined
  if (kind === 'image')
    return {
      ...text.span,
      text: `${quote}${text.value}@${pin}${quote}`,
      reason: `${name} is pinned to the digest that ${version ?? 'it'} has now`,
    }
  if (!/^\s*$/.test(source.slice(end, lineEnd(source, end)))) return undefined
  return {
    ...text.span,
    text: `${quote}${name}@${pin}${quote} # ${version}`,
    reason: `${name} is pinned to the commit of ${version}`,
  }
}
