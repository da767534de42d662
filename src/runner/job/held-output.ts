import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What a step says while another one is shown: kept in memory, and beyond a bound in a file that has no name. */
export interface HeldOutput extends Disposable {
  add(chunk: Buffer): void
  /** Everything in the order in which it was added; after it nothing is held. */
  take(): Generator<Buffer>
}

const inMemoryBytes = 1_048_576
const pieceBytes = 65_536

export function createHeldOutput(): HeldOutput {
  let chunks: Buffer[] = []
  let bytes = 0
  let fd: number | undefined
  let written = 0

  function close(): void {
    if (fd !== undefined) closeSync(fd)
    fd = undefined
    written = 0
  }

  return {
    add(chunk) {
      bytes += chunk.length
      // The masker may use its memory again.
      chunks.push(Buffer.from(chunk))
      if (bytes <= inMemoryBytes) return
      fd ??= openNameless()
      for (const one of chunks) for (let at = 0; at < one.length;) at += writeSync(fd, one, at)
      written += bytes
      chunks = []
      bytes = 0
    },
    *take() {
      const piece = Buffer.alloc(pieceBytes)
      for (let at = 0; fd !== undefined && at < written;) {
        const length = readSync(fd, piece, 0, pieceBytes, at)
        if (length === 0) break
        at += length
        yield Buffer.from(piece.subarray(0, length))
      }
      close()
      const rest = chunks
      chunks = []
      bytes = 0
      yield* rest
    },
    [Symbol.dispose]: close,
  }
}

/** Only this user can open it, for a moment; then nobody. */
function openNameless(): number {
  const folder = mkdtempSync(join(tmpdir(), 'mayfly-output-'))
  try {
    return openSync(join(folder, 'output'), 'wx+', 0o600)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
