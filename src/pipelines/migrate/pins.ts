import { referencesOf } from '../read/file-parts.ts'
import type { PipelineFile, Reference, Span } from '../model.ts'
import type { Edit } from './edits.ts'
import { lineEnd } from './lines.ts'

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

/** Pins what a commit is known of. No other is made up: the rest is told. */
export function pinEdits(
  file: PipelineFile,
  pins: ReadonlyMap<string, string>,
  isGone: (span: Span) => boolean,
): { readonly edits: readonly Edit[]; readonly unpinned: readonly Reference[] } {
  const edits: Edit[] = []
  const unpinned: Reference[] = []
  for (const one of referencesOf(file)) {
    if ((one.pin !== 'version' && one.pin !== 'floating') || isGone(one.text.span)) continue
    const commit = one.version === undefined ? undefined : pins.get(`${one.name}@${one.version}`)
    const written = file.text.slice(one.text.span.start, one.text.span.end)
    const behind = file.text.slice(one.text.span.end, lineEnd(file.text, one.text.span.end))
    if (commit === undefined || written !== one.text.value || !/^\s*$/.test(behind)) unpinned.push(one)
    else
      edits.push({
        ...one.text.span,
        text: `${one.name}@${commit} # ${one.version}`,
        reason: `${one.name} is pinned to the commit that this checkout has for ${one.version}`,
      })
  }
  return { edits, unpinned }
}
