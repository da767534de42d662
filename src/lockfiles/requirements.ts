import { outsideOf } from './npm-pins.ts'
import type { Pin, TellOutside } from './pin.ts'
import { createPythonPins } from './python-pins.ts'

// Each run of spaces is one by then.
const requirement =
  /^(?<name>[A-Za-z0-9][A-Za-z0-9._-]*) ?(?:\[[^\]]*\])? ?(?:\( ?)?={2,3} ?(?<version>[A-Za-z0-9][A-Za-z0-9.+!_-]*) ?\)? ?(?:;.*)?$/
const elsewhere = /^(?<name>[A-Za-z0-9][A-Za-z0-9._-]*) ?(?:\[[^\]]*\])? ?@ ?(?<place>\S+)/
/** Of a requirement without its hashes. */
const maxSpecChars = 2_000

/**
 * Reads a requirements file (pip's documentation, "Requirements File Format"): lines `name==1.0 --hash=sha256:...` pin, each
 * hash is of another file of the version. Options of pip are passed over: an index that is named there is reached by a
 * connection or not at all, and files included by `-r` are found by their own names.
 */
export function readRequirements(text: string, tell: TellOutside): Pin[] {
  const pins = createPythonPins()
  for (const line of logicalLines(text)) {
    const [spec = '', ...hashes] = line.split(/ --hash[= ]/)
    if (spec.length > maxSpecChars) continue
    const editable = /^(?:-e|--editable)[= ](?<place>\S+)/.exec(spec)?.groups?.['place']
    const place = editable ?? (/^(?:git\+|https?:)/.test(spec) ? spec : undefined)
    const direct = elsewhere.exec(spec)?.groups
    const exact = requirement.exec(withoutOptions(spec))?.groups
    if (place !== undefined) tellPlace(/[#&]egg=([^&[]+)/.exec(place)?.[1] ?? '?', place, tell)
    else if (direct !== undefined) tellPlace(direct['name'] ?? '?', direct['place'] ?? '', tell)
    else if (exact !== undefined)
      pins.add({
        name: exact['name'],
        version: exact['version'],
        hashes: hashes.map((hash) => hash.trim().split(' ')[0]),
      })
  }
  return pins.all()
}

/** A folder of the workspace comes from nowhere. */
function tellPlace(name: string, place: string, tell: TellOutside): void {
  if (/^(?:git\+|https?:|ssh:)/.test(place)) tell(outsideOf(name, place))
}

/** `--config-settings` and others, which may stand behind a requirement. */
function withoutOptions(spec: string): string {
  const at = spec.search(/ --?[a-z]/)
  return (at === -1 ? spec : spec.slice(0, at)).trim()
}

/** Lines without comments, those that end in a backslash joined with what follows; each run of spaces is one. */
function* logicalLines(text: string): Generator<string> {
  let pieces: string[] = []
  for (const whole of text.split(/\r?\n/)) {
    const line = whole.replace(/(?:^|\s)#.*$/, '')
    if (line.endsWith('\\')) {
      pieces.push(line.slice(0, -1))
      continue
    }
    yield plain([...pieces, line])
    pieces = []
  }
  yield plain(pieces)
}

function plain(pieces: readonly string[]): string {
  return pieces.join(' ').replaceAll(/\s+/g, ' ').trim()
}
