import type { Exchange } from '../exchange.ts'
import type { PushScanner } from '../push-scanner.ts'
import type { RefUpdate } from './push-request.ts'

/** Of a larger file its beginning is looked at, and the rest is said to be unseen. */
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
  // The commits say all that a push brings.
  const same = updates.map(({ oldCommit, newCommit, ref }) => `${oldCommit} ${newCommit} ${ref}`).join('\n')
  const warnings: string[] = []
  const what = `${repository}@${refs.join(', ')}${more}`
  const look = exchange.look('push', what, same, (line) => void warnings.push(line))
  if (look === undefined) return undefined
  // The old name of what is deleted is out already.
  const names = updates.filter(({ newCommit }) => !/^0+$/.test(newCommit)).map(({ ref }) => ref)
  return {
    maxBlobBytes,
    begin: () => ({
      blob: ({ id, path, bytes }) => look.add(path ?? id, bytes),
      text: (name, bytes) => look.add(name, bytes),
      async finish({ count, why }, nameOf) {
        for (let i = 0; i < count; i++) look.unseen(why[i] ?? 'another part of the pack')
        await look.add('names of refs', Buffer.from(names.join('\n')))
        const verdict = await look.finish(nameOf)
        return verdict.ok ? { ok: true, warnings } : { ok: false, findings: verdict.lines }
      },
    }),
  }
}
