import { hash } from 'node:crypto'

/** A file of a commit: its path under the log's folder, and what it will hold. */
export interface StagedFile {
  path: string
  bytes: Buffer
}

const magic = Buffer.from('mayfly-stage/1\n')

/** All files of a commit in one, so that one fsync stages them: u16 path length, path, u32 length, bytes; SHA-256. */
export function encodeStage(files: readonly StagedFile[]): Buffer {
  const parts: Buffer[] = [magic]
  for (const { path, bytes } of files) {
    const head = Buffer.alloc(6 + path.length)
    head.writeUInt16BE(path.length)
    head.latin1Write(path, 2)
    head.writeUInt32BE(bytes.length, 2 + path.length)
    parts.push(head, bytes)
  }
  const body = Buffer.concat(parts)
  return Buffer.concat([body, hash('sha256', body, 'buffer')])
}

/** The files of a stage; `undefined` when it is not whole. */
export function decodeStage(stage: Buffer): StagedFile[] | undefined {
  if (stage.length < magic.length + 32 || !stage.subarray(0, magic.length).equals(magic)) return undefined
  const body = stage.subarray(0, -32)
  if (!hash('sha256', body, 'buffer').equals(stage.subarray(-32))) return undefined
  const files: StagedFile[] = []
  let at = magic.length
  while (at < body.length) {
    const pathEnd = at + 2 + body.readUInt16BE(at)
    const end = pathEnd + 4 + body.readUInt32BE(pathEnd)
    files.push({ path: body.toString('latin1', at + 2, pathEnd), bytes: body.subarray(pathEnd + 4, end) })
    at = end
  }
  return files
}
