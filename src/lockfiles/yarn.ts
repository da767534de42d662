import { MayflyError } from '../lib/index.ts'
import { integrityOfHex, joinIntegrity } from './integrity.ts'
import { createNpmPins, isGitPlace, outsideOf, splitSpec, type NpmPins } from './npm-pins.ts'
import type { Pin, Tell } from './pin.ts'
import { readYaml, recordOf } from './yaml.ts'

/** Reads yarn.lock, of yarn 1 and of the later ones. Throws `bad_input`. */
export function readYarnLock(text: string, tell: Tell): Pin[] {
  if (/^__metadata:/m.test(text)) return readBerry(text, tell)
  if (/^# yarn lockfile v1$/m.test(text.replaceAll('\r', ''))) return readClassic(text, tell)
  throw new MayflyError(
    'bad_input',
    'yarn.lock says neither "yarn lockfile v1" nor "__metadata": run yarn install',
  )
}

/**
 * yarn 1's own format: lines `"name@range", "name@other":`, and below by two spaces `version "1.0.0"`,
 * `resolved "URL#SHA1"` and, since 1.10, `integrity sha512-...`. What is deeper is of no interest.
 */
function readClassic(text: string, tell: Tell): Pin[] {
  const pins = createNpmPins(tell)
  let entry: ClassicEntry | undefined
  const take = () => {
    if (entry !== undefined) addClassic(entry, pins, tell)
  }
  for (const line of text.split(/\r?\n/)) {
    if (line === '' || line.startsWith('#')) continue
    if (!line.startsWith(' ')) {
      take()
      entry = { head: line, specs: line.replace(/:$/, '').split(/,\s/).map(unquoted), fields: new Map() }
      continue
    }
    const field = /^ {2}(?<key>version|resolved|integrity) (?<value>.+)$/.exec(line)?.groups
    if (field !== undefined) entry?.fields.set(field['key'] ?? '', unquoted(field['value'] ?? ''))
  }
  take()
  return pins.all()
}

interface ClassicEntry {
  /** Its first line. */
  readonly head: string
  readonly specs: readonly string[]
  readonly fields: Map<string, string>
}

function addClassic({ head, specs, fields }: ClassicEntry, pins: NpmPins, tell: Tell): void {
  const spec = splitSpec(specs[0] ?? '')
  const [resolved = '', sha1 = ''] = (fields.get('resolved') ?? '').split('#')
  if (spec === undefined || fields.size === 0)
    return tell.gap(head, 'it is no entry `NAME@RANGE:` of yarn, or has no fields')
  // What is a folder has no `resolved`.
  if (resolved === '' || resolved.startsWith('file:')) return
  const isAlias = spec.range.startsWith('npm:')
  // A range has neither: `https://host/x.tgz`, `owner/name`.
  const isPlace = isGitPlace(fields.get('resolved') ?? '') || (!isAlias && /[:/]/.test(spec.range))
  if (isPlace) return tell.outside(outsideOf(spec.name, resolved))
  // Of an alias the range may be missing: `mine@npm:left`, `mine@npm:@octo/left`.
  const aliased = isAlias ? spec.range.slice('npm:'.length) : undefined
  const name = aliased === undefined ? spec.name : (splitSpec(aliased)?.name ?? aliased)
  const ofUrl = /^[0-9a-f]{40}$/.test(sha1) ? integrityOfHex('sha1', sha1) : ''
  const integrity = joinIntegrity(fields.get('integrity') ?? '', ofUrl) ?? fields.get('integrity')
  pins.add({ entry: head, name, version: fields.get('version'), integrity, resolved })
}

function unquoted(text: string): string {
  return text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1).replaceAll(/\\(["\\])/g, '$1') : text
}

/**
 * The later yarns' YAML: `resolution: "name@npm:1.0.0"`, with `::__archiveUrl=...` where the file has an unusual address.
 * `checksum` is of the zip that yarn makes of it, so the lockfile has no digest of the file itself.
 */
function readBerry(text: string, tell: Tell): Pin[] {
  const pins = createNpmPins(tell)
  for (const document of readYaml(text, 'yarn.lock'))
    for (const [entry, one] of Object.entries(recordOf(document))) {
      if (entry === '__metadata') continue
      const { resolution } = recordOf(one)
      const spec = typeof resolution === 'string' ? splitSpec(resolution) : undefined
      if (spec === undefined) {
        tell.gap(entry, 'it has no `resolution: NAME@PROTOCOL:...`')
        continue
      }
      if (/^(?:workspace|patch|portal|link|file|virtual|exec):/.test(spec.range)) continue
      const [range = '', parameters = ''] = spec.range.split('::')
      if (!range.startsWith('npm:')) {
        tell.outside(outsideOf(spec.name, range))
        continue
      }
      const resolved = new URLSearchParams(parameters).get('__archiveUrl')
      pins.add({ entry, name: spec.name, version: range.slice('npm:'.length), resolved, byRegistry: true })
    }
  return pins.all()
}
