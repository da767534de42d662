import { MayflyError } from '../lib/index.ts'
import { integrityOfHex } from './integrity.ts'
import type { Pin, Tell } from './pin.ts'

/**
 * Reads Gemfile.lock: gems of `GEM` sections by `name (version-platform)`, and their SHA-256 in `CHECKSUMS`, which bundler 2.6 and
 * later write. Where there is none the version alone is fixed. Gems of Git are no registry's. Throws `bad_input`.
 */
export function readGemfileLock(text: string, tell: Tell): Pin[] {
  const sections = sectionsOf(text)
  if (!sections.some(({ name }) => name === 'DEPENDENCIES' || name === 'GEM'))
    throw new MayflyError('bad_input', 'Gemfile.lock has neither GEM nor DEPENDENCIES: run bundle lock')
  const linesOf = (wanted: string) =>
    sections.filter(({ name }) => name === wanted).flatMap(({ lines }) => lines)
  const checksums = checksumsIn(linesOf('CHECKSUMS'), tell)
  for (const { name, lines } of sections)
    if (name === 'GIT')
      for (const { name: gem } of specsIn(lines, tell))
        tell.outside({ name: gem, kind: 'git', host: hostIn(lines) })
  return specsIn(linesOf('GEM'), tell).map(({ name, version }) => {
    const pin = { ecosystem: 'gem' as const, name, version }
    const integrity = checksums.get(`${name} ${version}`)
    return integrity === undefined
      ? { ...pin, integrity: '', byRegistry: true as const }
      : { ...pin, integrity }
  })
}

interface Section {
  readonly name: string
  readonly lines: string[]
}

function sectionsOf(text: string): Section[] {
  const sections: Section[] = []
  for (const written of text.split('\n')) {
    const line = written.endsWith('\r') ? written.slice(0, -1) : written
    if (/^[A-Z][A-Z ]*$/.test(line)) sections.push({ name: line, lines: [] })
    else if (/^[<=>]{7}/.test(line))
      throw new MayflyError(
        'bad_input',
        'Gemfile.lock has the marks of a merge: resolve them, and run bundle lock',
      )
    else sections.at(-1)?.lines.push(line)
  }
  return sections
}

const nameForm = '[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}'
const versionForm = '[0-9][0-9A-Za-z._-]{0,199}'
/** Four spaces: a gem; six are what it needs. */
const spec = new RegExp(`^ {4}(${nameForm}) \\((${versionForm})\\)$`)
const checksum = new RegExp(`^ {2}(${nameForm}) \\((${versionForm})\\) (.*)$`)

function specsIn(lines: readonly string[], tell: Tell): { name: string; version: string }[] {
  return lines.flatMap((line) => {
    const [, name, version] = spec.exec(line) ?? []
    if (name !== undefined && version !== undefined) return [{ name, version }]
    if (/^ {4}\S/.test(line)) tell.gap(line.trim(), 'it names no gem and version')
    return []
  })
}

/** By `name version`; empty where there is one that is not read, so that the file is refused. */
function checksumsIn(lines: readonly string[], tell: Tell): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const line of lines) {
    const [, name, version, digests = ''] = checksum.exec(line) ?? []
    if (name === undefined || digests === '') continue
    const hex = /(?:^|,)sha256=([0-9a-f]{64})(?:,|$)/.exec(digests)?.[1]
    if (hex === undefined) tell.gap(line.trim(), 'its checksum is no SHA-256')
    found.set(`${name} ${version}`, hex === undefined ? '' : integrityOfHex('sha256', hex))
  }
  return found
}

function hostIn(lines: readonly string[]): string {
  const remote = lines.find((line) => line.startsWith('  remote: '))?.slice('  remote: '.length) ?? ''
  return URL.parse(remote)?.hostname ?? /^(?:[^@\s]+@)?([A-Za-z0-9.-]+):/.exec(remote)?.[1] ?? ''
}
