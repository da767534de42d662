import { Readable } from 'node:stream'
import { MayflyError } from '../../lib/index.ts'
import type { Aside, Shelf } from './aside.ts'
import { besideFile } from './beside-file.ts'
import type { FormReader } from './form-reader.ts'

/** The body of an upload, as it came. It goes on as it comes, or, where a grant asks what is in its file, once that was looked into. */
export interface UploadBody extends AsyncDisposable {
  /** Why the form does not say what its file says. Puts the body aside. */
  beside(): Promise<string | undefined>
  /** All that stands before the file, as it came. Puts the body aside. Throws what `stream` throws. */
  fields(): Promise<Buffer>
  /** The file alone. Puts the body aside. Throws what `stream` throws. */
  file(): Promise<AsyncIterable<Buffer>>
  /**
   * Its last bytes come when the file's digest holds; it fails with `denied` if that does not. Once. Throws what kept it from being
   * put aside: another grant may let it pass, but part of it was taken.
   */
  stream(): Readable
}

export function openUploadBody(
  came: {
    readonly head: readonly Buffer[]
    readonly chunks: AsyncIterator<Buffer>
    readonly reader: FormReader
    /** What it is called, and the SHA-256 that it is to have, in hex. */
    readonly publication: { readonly file: string; readonly sha256: string }
  },
  shelf: Shelf,
): UploadBody {
  const { reader, publication } = came
  let aside: Aside | undefined
  /** Why it was not put aside: what came of it until then is gone. */
  let failure: MayflyError | undefined
  async function putAside(): Promise<Aside> {
    if (failure !== undefined) throw failure
    return (aside ??= await shelf.put(bodyOf(came)))
  }
  return {
    async fields() {
      const put = await putAside()
      return put.read(0, reader.file?.start ?? 0)
    },
    async file() {
      const put = await putAside()
      return pieces(put, reader.file?.start ?? 0, reader.end().bytes)
    },
    async beside() {
      try {
        const put = await putAside()
        const { start = 0, lists = new Map<string, string[]>() } = reader.file ?? {}
        const { bytes } = reader.end()
        const read = (at: number, length: number) => put.read(start + at, length)
        return await besideFile(lists, { name: publication.file, bytes, read })
      } catch (error) {
        if (!(error instanceof MayflyError)) throw error
        if (aside === undefined) failure = error
        return error.message
      }
    },
    stream() {
      if (failure !== undefined) throw failure
      return aside?.stream() ?? Readable.from(bodyOf(came))
    },
    [Symbol.asyncDispose]: async () => aside?.[Symbol.asyncDispose](),
  }
}

const pieceBytes = 262_144

async function* pieces(aside: Aside, start: number, bytes: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes; at += pieceBytes)
    yield await aside.read(start + at, Math.min(pieceBytes, bytes - at))
}

async function* bodyOf({
  head,
  chunks,
  reader,
  publication: { file, sha256 },
}: Parameters<typeof openUploadBody>[0]): AsyncGenerator<Buffer> {
  yield* head.slice(0, -1)
  let held = head.at(-1) ?? Buffer.alloc(0)
  for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
    reader.push(next.value)
    yield held
    held = next.value
  }
  const found = reader.end()
  if (found.sha256 !== sha256)
    throw new MayflyError(
      'denied',
      `${file} has the SHA-256 ${found.sha256}, and its "sha256_digest" says ${sha256}`,
    )
  yield held
}
