import { createHash } from 'node:crypto'
import { posix } from 'node:path'
import { limits } from '../../lib/index.ts'
import { isPacked, type Member, type MemberReader, type Unseen } from '../unpack/index.ts'
import { partsOf, tellLacking, type ImageFile, type ImagePlace } from './image-parts.ts'

/** Of all manifests and configurations together: which files are such is known only when all was read. */
const maxHeldBytes = 67_108_864
const headBytes = 512
const mostHops = 8

/** What an archive of an image has, told while it is looked at: its index may stand behind what it names. */
export interface ImageArchive {
  readonly member: (member: Member) => MemberReader | undefined
  /** What the image is without, and what is another than it says; asked when all was looked at. */
  readonly tell: (name: string, unseen: (unseen: Unseen) => void) => Promise<void>
}

export function createImageArchive(): ImageArchive {
  const files = new Map<string, ImageFile>()
  const links = new Map<string, string>()
  const texts = new Map<string, Buffer>()
  let heldBytes = 0
  let isCut = false

  function reader(path: string): MemberReader {
    const algorithm = path.startsWith('blobs/sha512/') ? 'sha512' : 'sha256'
    const hash = createHash(algorithm)
    let head = Buffer.alloc(0)
    let text: Buffer[] | undefined = []
    let bytes = 0
    return {
      add(chunk) {
        hash.update(chunk)
        if (head.length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - head.length)])
        bytes += chunk.length
        if (bytes > limits.manifestBytes || !mayBeJson(head)) text = undefined
        text?.push(Buffer.from(chunk))
      },
      end() {
        files.set(path, { digest: `${algorithm}:${hash.digest('hex')}`, isPacked: isPacked(head) })
        heldBytes -= texts.get(path)?.length ?? 0
        texts.delete(path)
        if (text === undefined) return
        if (heldBytes + bytes > maxHeldBytes) return void (isCut = true)
        heldBytes += bytes
        texts.set(path, Buffer.concat(text))
      },
    }
  }

  function fileAt(path: string): string {
    let at = posix.normalize(path)
    for (let hop = 0; hop < mostHops; hop++) at = links.get(at) ?? at
    return at
  }
  const place: ImagePlace = {
    read: (path) => texts.get(fileAt(path)),
    about: (path) => files.get(fileAt(path)),
  }

  return {
    member({ name, type, link }) {
      const path = posix.normalize(name)
      links.delete(path)
      if (type === hardLink) links.set(path, posix.normalize(link))
      else if (type === symbolicLink) links.set(path, posix.join(posix.dirname(path), link))
      return type === 'file' ? reader(path) : undefined
    },
    async tell(name, unseen) {
      const within = (one: Unseen) => unseen({ ...one, name: `${name}!${one.name}` })
      if (isCut)
        unseen({
          name,
          code: 'limit',
          why: `its manifests are over ${maxHeldBytes} bytes: which parts it lacks is not known`,
        })
      const parts = partsOf(place)
      if (parts !== undefined) await tellLacking(place, parts, within)
      else
        unseen({
          name,
          code: 'unknown_form',
          why: 'it is no image, or not a whole one: it has neither index.json nor manifest.json; what is in it was looked at',
        })
    },
  }
}

const [hardLink, symbolicLink] = ['hard link', 'symbolic link'] as const

const mayBeJson = (head: Buffer) => /^\s*(?:[{[]|$)/.test(head.toString('latin1'))
