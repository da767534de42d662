import { escapeUnseen, messageOf, sha256Hex } from '../../lib/index.ts'
import { createTreePaths } from './tree-paths.ts'
import type { LargeBlob, PushScan, PushScanner, ScanVerdict, ScannedBlob } from '../push-scanner.ts'

/** What a reader of packs tells of the blobs in it. */
export interface BlobSink {
  /** Larger ones come piece by piece. */
  readonly maxBytes: number
  blob(blob: ScannedBlob): Promise<void> | void
  large(): LargeBlob
  /** A tree, and what it holds. */
  tree(id: string, content: Buffer): Promise<void> | void
  /** A commit or a tag as Git keeps it: message, people, signature. */
  text(kind: 'commit' | 'tag', id: string, content: Buffer): Promise<void> | void
  /** An object whose content is not known. */
  unseen(why: string, what: UnseenObject): void
}

export interface UnseenObject {
  /** Nobody can say that it is no tree, nor a commit, of which paths are made. */
  readonly isBlob: boolean
  /** What there is of it, if it was kept. */
  readonly delta?: Buffer
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
/** Of more objects it is not told whether another pack brings the same. */
const maxDigested = 100_000
const newline = Buffer.from('\n')

const shown = (line: string) => escapeUnseen(line).slice(0, maxFindingChars)

export function openScan(
  scanner: PushScanner,
  scan: PushScan,
  { idBytes, named }: { readonly idBytes: number; readonly named: readonly string[] },
): BlobScan {
  const paths = createTreePaths(idBytes)
  for (const id of named) paths.root(id)
  /** Of each object its id, of what is not known its bytes' digest. */
  const brought: string[] = []
  let isDigested = true
  let blobs = 0
  let unseen = 0
  const why: string[] = []
  let warnings: readonly string[] = []

  function bring(object: string): void {
    if (brought.length < maxDigested) brought.push(object)
    else isDigested = false
  }

  return {
    maxBytes: scanner.maxBlobBytes,
    blob(blob) {
      blobs++
      bring(blob.id)
      return scan.blob(blob)
    },
    large() {
      blobs++
      const blob = scan.large()
      return {
        write: (piece) => blob.write(piece),
        end(id) {
          bring(id)
          blob.end(id)
        },
        leave: () => blob.leave(),
      }
    },
    tree(id, content) {
      bring(id)
      const names = paths.add(id, content).flatMap((name) => [name, newline])
      if (names.length > 0) return scan.text(`names in tree ${id}`, Buffer.concat(names))
    },
    text(kind, id, content) {
      bring(id)
      const root = rootIn(content)
      if (root === undefined) paths.incomplete()
      else paths.root(root)
      return scan.text(`${kind} ${id}`, content)
    },
    unseen(reason, { isBlob, delta }) {
      unseen++
      if (why.length < maxWhy) why.push(reason)
      if (!isBlob) paths.incomplete()
      if (delta === undefined) isDigested = false
      else bring(`${reason} ${sha256Hex(delta)}`)
    },
    async finish() {
      const verdict = await scan
        .finish({
          unseen: { count: unseen, why },
          pathsOf: (id) => paths.of(id),
          digest: () => (isDigested ? sha256Hex(brought.toSorted().join('\n')) : undefined),
        })
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

/** The tree of a commit, or what a tag names: both stand in the first line. */
function rootIn(content: Buffer): string | undefined {
  return /^(?:tree|object) ([0-9a-f]{40,64})\n/.exec(content.toString('latin1', 0, 80))?.[1]
}
