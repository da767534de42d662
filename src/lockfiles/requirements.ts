import { outsideOf } from './npm-pins.ts'
import type { Pin, Tell } from './pin.ts'
import { createPythonPins, noExactVersion } from './python-pins.ts'

// Each run of spaces is one by then.
const requirement =
  /^(?<name>[A-Za-z0-9][A-Za-z0-9._-]*) ?(?:\[[^\]]*\])? ?(?:\( ?)?={2,3} ?(?<version>[A-Za-z0-9][A-Za-z0-9.+!_-]*) ?\)? ?(?:;.*)?$/
const elsewhere = /^(?<name>[A-Za-z0-9][A-Za-z0-9._-]*) ?(?:\[[^\]]*\])? ?@ ?(?<place>\S+)/
const address = /^(?:(?:git|hg|svn|bzr)\+|https?:|ssh:)/
/** Of a requirement without its hashes. */
const maxSpecChars = 2_000

/**
 * Reads a requirements file (pip's documentation, "Requirements File Format"): lines `name==1.0 --hash=sha256:...` pin, each
 * hash is of another file of the version. Options of pip are passed over: an index that is named there is reached by a
 * connection or not at all, and files included by `-r` are found by their own names; so are folders and files of the workspace.
 */
export function readRequirements(text: string, tell: Tell): Pin[] {
  const pins = createPythonPins(tell)
  for (const { line, text: written } of logicalLines(text)) {
    const [spec = '', ...hashes] = written.split(/ --hash[= ]/)
    if (spec.length > maxSpecChars) {
      tell.gap(spec, `it is over ${maxSpecChars} characters`, line)
      continue
    }
    const editable = /^(?:-e|--editable)[= ](?<place>\S+)/.exec(spec)?.groups?.['place']
    const place = editable ?? (address.test(spec) ? spec : undefined)
    const direct = elsewhere.exec(spec)?.groups
    const exact = requirement.exec(withoutOptions(spec))?.groups
    if (place !== undefined) tellPlace(/[#&]egg=([^&[]+)/.exec(place)?.[1] ?? '?', place, tell)
    else if (direct !== undefined) tellPlace(direct['name'] ?? '?', direct['place'] ?? '', tell)
    else if (exact !== undefined)
      pins.add({
        name: exact['name'],
        version: exact['version'],
        hashes: hashes.map((hash) => hash.trim().split(' ')[0]),
        ...{ entry: spec, line },
      })
    else if (!isPassedOver(spec)) tell.gap(spec, noExactVersion, line)
  }
  return pins.all()
}

/** Nothing, an option of pip, or something of the workspace. */
function isPassedOver(spec: string): boolean {
  return (
    spec === '' ||
    spec.startsWith('-') ||
    /^(?:\.|\/|file:)|^[^\s=<>~!@;]*(?:\/|\.(?:whl|zip|tar\.gz)$)/.test(spec)
  )
}

/** A folder of the workspace comes from nowhere. */
function tellPlace(name: string, place: string, tell: Tell): void {
  if (address.test(place)) tell.outside(outsideOf(name, place))
}

/** `--config-settings` and others, which may stand behind a requirement. */
function withoutOptions(spec: string): string {
  const at = spec.search(/ --?[a-z]/)
  return (at === -1 ? spec : spec.slice(0, at)).trim()
}

/** Lines without comments, those that end in a backslash joined with what follows; each run of spaces is one. By the number of the first. */
function* logicalLines(text: string): Generator<{ line: number; text: string }> {
  let pieces: string[] = []
  let first = 1
  for (const [at, whole] of text.split(/\r?\n/).entries()) {
    const line = whole.replace(/(?:^|\s)#.*$/, '')
    if (pieces.length === 0) first = at + 1
    if (line.endsWith('\\')) {
      pieces.push(line.slice(0, -1))
      continue
    }
    yield { line: first, text: plain([...pieces, line]) }
    pieces = []
  }
  yield { line: first, text: plain(pieces) }
}

function plain(pieces: readonly string[]): string {
  return pieces.join(' ').replaceAll(/\s+/g, ' ').trim()
}
