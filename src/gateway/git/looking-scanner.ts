import { sha256Hex } from '../../lib/index.ts'
import type { Exchange } from '../exchange.ts'
import type { Look } from '../look.ts'
import type { PushScan, PushScanner } from '../push-scanner.ts'
import type { RefUpdate } from './push-request.ts'

/** Larger files are looked at while they come. */
const maxBlobBytes = 33_554_432
const maxNamed = 5

/** A push is looked at as its role says; undefined if it is not. */
export function lookingScanner(
  exchange: Exchange,
  repository: string,
  updates: readonly RefUpdate[],
): PushScanner | undefined {
  const refs = updates.slice(0, maxNamed).map(({ ref }) => ref)
  const more = updates.length > maxNamed ? ` and ${updates.length - maxNamed} more` : ''
  // What the commits lead to, and what else the pack brings: a yes is for no more than that.
  const refsDigest = sha256Hex(
    updates.map((one) => `${one.oldCommit} ${one.newCommit} ${one.ref}`).join('\n'),
  )
  let packDigest: string | undefined
  const same = () => packDigest && `${refsDigest} ${packDigest}`
  const warnings: string[] = []
  const what = `${repository}@${refs.join(', ')}${more}`
  const look = exchange.look('push', what, same, (line) => void warnings.push(line))
  if (look === undefined) return undefined
  // The old name of what is deleted is out already.
  const names = updates.filter(({ newCommit }) => !/^0+$/.test(newCommit)).map(({ ref }) => ref)
  return {
    maxBlobBytes,
    begin: () => beginLook(look, names, { warnings, whole: (digest) => (packDigest = digest) }),
  }
}

function beginLook(
  look: Look,
  refs: readonly string[],
  { warnings, whole }: { warnings: readonly string[]; whole: (digest: string | undefined) => void },
): PushScan {
  /** What a file is called until its end says which it is. */
  const idOf = new Map<string, string>()
  return {
    // By its id, which no path can be taken for.
    blob: ({ id, bytes }) => look.add(id, bytes),
    large() {
      const name = `large file ${idOf.size + 1}`
      idOf.set(name, name)
      const stream = look.stream(name)
      return {
        write: (piece) => stream.write(piece),
        end(id) {
          idOf.set(name, id)
          stream.end()
        },
        leave: () => stream.leave(),
      }
    },
    text: (name, bytes) => look.add(name, bytes),
    async finish({ unseen: { count, why }, pathsOf, digest }) {
      for (let i = 0; i < count; i++) look.unseen(why[i] ?? 'another part of the pack')
      await look.add('names of refs', Buffer.from(refs.join('\n')))
      whole(digest())
      const verdict = await look.finish((name) => {
        const id = idOf.get(name) ?? name
        if (!isId(id)) return id
        const { paths, isWhole } = pathsOf(id)
        return paths.length === 0 ? { paths: [id], isWhole: false } : { paths, isWhole }
      })
      return verdict.ok ? { ok: true, warnings } : { ok: false, findings: verdict.lines }
    },
  }
}

/** Of commits, trees and tags the names are sentences. */
function isId(name: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(name)
}
