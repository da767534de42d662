import { escapeUnseen, messageOf } from '../../lib/index.ts'
import { createTreePaths, entriesOf } from './tree-paths.ts'
import type { PushScan, PushScanner, ScanVerdict, ScannedBlob } from '../push-scanner.ts'

/** What a reader of packs tells of the blobs in it. */
export interface BlobSink {
  readonly maxBytes: number
  blob(blob: ScannedBlob): Promise<void> | void
  /** A tree, and what it holds. */
  tree(id: string, content: Buffer): Promise<void> | void
  /** A commit or a tag as Git keeps it: message, people, signature. */
  text(kind: 'commit' | 'tag', id: string, content: Buffer): Promise<void> | void
  /** An object whose content is not known. */
  unseen(why: string): void
}

export interface BlobScan extends BlobSink {
  /** The findings; none if the push may pass. Of a scanner that fails, that it did: nothing passes unseen. */
  finish(): Promise<readonly string[]>
  /** Of what passes although it was found, once it is known; to be shown to the step. */
  warnings(): readonly string[]
  /** For the entry. */
  record(): ScanRecord
}

export interface ScanRecord {
  readonly blobs: number
  readonly unseen: number
  readonly whyUnseen?: readonly string[]
}

const maxWhy = 10
const maxFindings = 20
const maxWarnings = 50
const maxFindingChars = 600
const maxNamesKnown = 200_000
const newline = Buffer.from('\n')

const shown = (line: string) => escapeUnseen(line).slice(0, maxFindingChars)

export function openScan(scanner: PushScanner, scan: PushScan, idBytes = 20): BlobScan {
  const paths = createTreePaths(idBytes)
  const namesKnown = new Set<string>()
  let blobs = 0
  let unseen = 0
  const why: string[] = []
  let warnings: readonly string[] = []
  return {
    maxBytes: scanner.maxBlobBytes,
    blob(blob) {
      blobs++
      if (blob.bytes.length < blob.size) this.unseen(`${blob.id} behind its first ${blob.bytes.length} bytes`)
      return scan.blob({ ...blob, path: paths.of(blob.id) })
    },
    tree(id, content) {
      paths.add(id, content)
      const names: Buffer[] = []
      for (const { name } of entriesOf(content, idBytes)) {
        // Every commit brings most of the same names.
        const key = name.toString('latin1')
        if (namesKnown.has(key)) continue
        if (namesKnown.size < maxNamesKnown) namesKnown.add(key)
        names.push(name, newline)
      }
      if (names.length > 0) return scan.text(`names in tree ${id}`, Buffer.concat(names))
    },
    text: (kind, id, content) => scan.text(`${kind} ${id}`, content),
    unseen(reason) {
      unseen++
      if (why.length < maxWhy) why.push(reason)
    },
    async finish() {
      const nameOf = (id: string) => paths.of(id) ?? id
      const verdict = await scan
        .finish({ count: unseen, why }, nameOf)
        .catch((error: unknown): ScanVerdict => ({
          ok: false,
          findings: [`the scanner failed: ${messageOf(error)}`],
        }))
      if (verdict.ok) {
        warnings = (verdict.warnings ?? []).slice(0, maxWarnings).map(shown)
        return []
      }
      const findings = verdict.findings.length === 0 ? ['the scanner refuses it'] : verdict.findings
      return findings.slice(0, maxFindings).map(shown)
    },
    warnings: () => warnings,
    record: () => ({ blobs, unseen, ...(why.length === 0 ? {} : { whyUnseen: why }) }),
  }
}
