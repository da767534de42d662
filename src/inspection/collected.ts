import { setImmediate as breathe } from 'node:timers/promises'
import { MayflyError, Secret } from '../lib/index.ts'
import type { LookStream } from '../gateway/index.ts'
import type { KnownHit, KnownSecrets } from '../scan/known/index.ts'
import type { ContentScanner, LookedFor, Scanned, ScanStream } from './content-scanner.ts'
import type { Found, FoundSecret, RuleFinding } from './found.ts'
import type { FoundKey } from './verifying/model.ts'
import type { Owner, VaultSecrets } from './vault-secrets.ts'

/** Gathers what is found in the pieces of one thing that is sent. */
export interface Collected {
  /** Resolves when there is room for more. */
  add(name: string, bytes: Buffer): Promise<void>
  stream(name: string): LookStream
  unseen(why: string): void
  /** Where it stands in what was added, of one file as it is. */
  spans(): readonly { readonly from: number; readonly to: number }[]
  /** Secrets of the rules that were wanted. */
  keys(): readonly FoundKey[]
  /** All of it. Rejects with what a scan failed with. */
  end(nameOf: (name: string) => string): Promise<Found>
}

const maxSecrets = 100
const maxFindings = 200
const maxWhy = 10
const maxKeys = 50
/** Of one thing so many bytes wait for the threads that scan. */
const maxWaitingBytes = 33_554_432

export function createCollected(deps: {
  readonly secrets: VaultSecrets
  readonly scanner: Pick<ContentScanner, 'scan' | 'stream'>
  /** Rules whose secrets are wanted. */
  readonly handed: readonly string[]
}): Collected {
  const { handed } = deps
  const keys = new Map<string, FoundKey>()
  const secrets = new Map<string, FoundSecret & { readonly item: string }>()
  const findings = new Map<string, RuleFinding & { readonly item: string }>()
  const why: string[] = []
  const spans: { from: number; to: number }[] = []
  const running = new Set<Promise<void>>()
  let [more, sureMore, unseenCount, waitingBytes] = [0, 0, 0, 0]
  let failure: { readonly error: unknown } | undefined

  function unseen(reason: string): void {
    unseenCount++
    if (why.length < maxWhy) why.push(reason)
  }

  async function scan(item: string, look: (looked: LookedFor) => Promise<Scanned>): Promise<void> {
    const known = deps.secrets.known() ?? (await firstSweep(deps.secrets))
    const scanned = await look({ table: known.table(), handed })
    more += scanned.more
    sureMore += scanned.sureMore
    spans.push(...scanned.spans.slice(0, maxFindings))
    for (const { name, why: reason } of scanned.unseen) unseen(`${name}: ${reason}`)
    for (const { fingerprint, rule, secret, beside } of scanned.keys)
      if (keys.size < maxKeys)
        keys.set(fingerprint, { rule, fingerprint, secret: new Secret(secret), beside })
    takeSecrets(item, known, scanned)
    for (const finding of scanned.findings) {
      const key = `${finding.fingerprint} ${finding.file}`
      if (findings.has(key)) continue
      if (findings.size < maxFindings) findings.set(key, { item, finding })
      else {
        more++
        if (finding.confidence !== 'possible') sureMore++
      }
    }
  }

  function takeSecrets(item: string, known: KnownSecrets<Owner>, { candidates }: Scanned): void {
    const textsFirst = candidates.toSorted((a, b) => Number(a.isBinary) - Number(b.isBinary))
    for (const candidate of textsFirst) {
      const hit = known.prove(candidate)
      if (hit === undefined) continue
      const { offset, start, end } = candidate
      if (offset !== undefined) spans.push({ from: offset, to: offset + end - start })
      const fingerprint = known.nameOf(idOf(hit.of))
      const { name, line } = candidate
      const key = `${fingerprint} ${name} ${hit.of.kind === 'credential' ? hit.of.lease : ''}`
      if (secrets.size < maxSecrets && !isSurer(secrets.get(key), hit))
        secrets.set(key, { item, owner: hit.of, name, line, isCertain: hit.isCertain, fingerprint })
    }
  }

  function run(work: Promise<void>): void {
    const mine = work
      .catch((error: unknown) => void (failure ??= { error }))
      .finally(() => running.delete(mine))
    running.add(mine)
  }

  return {
    unseen,
    spans: () => spans,
    keys: () => [...keys.values()],
    async add(name, bytes) {
      waitingBytes += bytes.length
      run(
        scan(name, (looked) => deps.scanner.scan(name, bytes, looked)).finally(
          () => (waitingBytes -= bytes.length),
        ),
      )
      while (waitingBytes > maxWaitingBytes && running.size > 0) await Promise.race(running)
      await breathe()
    },
    stream(name) {
      const begun = Promise.withResolvers<void>()
      const ended = Promise.withResolvers<'end' | 'left'>()
      const opened = Promise.withResolvers<ScanStream | undefined>()
      const look = async (looked: LookedFor) => {
        const stream = deps.scanner.stream(name, looked)
        opened.resolve(stream)
        if ((await ended.promise) === 'end') return stream.end()
        stream.leave()
        throw new MayflyError('bad_input', `${name} did not come to its end`)
      }
      // An upload of which nothing has come takes no place.
      run(begun.promise.then(() => scan(name, look)).finally(() => opened.resolve(undefined)))
      return {
        // Why it failed is told at the end.
        async write(piece) {
          begun.resolve()
          await (await opened.promise)?.write(piece)
        },
        end() {
          begun.resolve()
          ended.resolve('end')
        },
        leave() {
          begun.resolve()
          ended.resolve('left')
        },
      }
    },
    async end(nameOf) {
      await Promise.all(running)
      if (failure !== undefined) throw failure.error
      const named = (item: string, name: string) =>
        name.startsWith(item) ? `${nameOf(item)}${name.slice(item.length)}` : name
      return {
        secrets: [...secrets.values()].map((one) => ({ ...one, name: named(one.item, one.name) })),
        findings: [...findings.values()].map((one) => ({
          ...one,
          finding: { ...one.finding, file: named(one.item, one.finding.file) },
        })),
        more,
        sureMore,
        unseen: { count: unseenCount, why },
      }
    },
  }
}

function isSurer(known: FoundSecret | undefined, { isCertain }: KnownHit<Owner>): boolean {
  return known !== undefined && (known.isCertain || !isCertain)
}

/** Throws `vault_sealed`. */
export async function firstSweep(secrets: Pick<VaultSecrets, 'known' | 'sweep'>) {
  await secrets.sweep()
  const known = secrets.known()
  if (known === undefined) throw new MayflyError('vault_sealed', 'the vault is sealed')
  return known
}

export function idOf(owner: Owner): string {
  return owner.kind === 'secret'
    ? `secret ${owner.version} ${owner.secret}`
    : `credential ${owner.step} ${owner.connection}`
}
