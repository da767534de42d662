import { setImmediate as breathe } from 'node:timers/promises'
import { MayflyError, Secret, limits } from '../lib/index.ts'
import type { FilePaths, LookStream } from '../gateway/index.ts'
import type { KnownSecrets } from '../scan/known/index.ts'
import type { ContentScanner, LookedFor, Scanned, ScanStream, Span } from './content-scanner.ts'
import type { Found, FoundSecret, RuleFinding } from './found.ts'
import { createPathsThatFit } from './path-rules.ts'
import type { FoundKey } from './verifying/model.ts'
import type { Owner, VaultSecrets } from './vault-secrets.ts'

/** Gathers what is found in the pieces of one thing that is sent. */
export interface Collected {
  /** Resolves when there is room for more. */
  add(name: string, bytes: Buffer): Promise<void>
  stream(name: string): LookStream
  unseen(why: string): void
  /** Of output: where what was found stands in it, what is ours first. */
  spans(): { readonly ours: readonly Span[]; readonly byRules: readonly Span[] }
  /** Secrets of the rules that were wanted. */
  keys(): readonly FoundKey[]
  /** All of it. Rejects with what a scan failed with. */
  end(nameOf: (name: string) => string | FilePaths): Promise<Found>
}

/** Places of what is ours for certain, and of what it may be: the ones leave the others' room alone. */
const maxPlaces = 100
/** Each secret that is ours for certain has a place, however many places others have. */
const maxOwners = 10_000
const maxFindings = 200
/** Of output as many as are masked of one piece, and those in the end of the piece before. */
const maxFindingsOfOutput = 2 * limits.maskedAtOnce
const maxWhy = 10
const maxKeys = 50
/** Of one thing so many bytes wait for the threads that scan. */
const maxWaitingBytes = 33_554_432
/** So many of its pieces, however small they are: each takes a place beside those of others. */
const maxWaiting = 64

export function createCollected(deps: {
  readonly secrets: VaultSecrets
  readonly scanner: Pick<ContentScanner, 'scan' | 'stream'>
  /** Rules whose secrets are wanted. */
  readonly handed: readonly string[]
  readonly as?: 'output'
  readonly pathsLater?: true
  readonly step: { readonly id: string }
}): Collected {
  const { handed, as, pathsLater } = deps
  const mostFindings = as === 'output' ? maxFindingsOfOutput : maxFindings
  const keys = new Map<string, FoundKey>()
  const certain = createPlaces(maxPlaces)
  const likely = createPlaces(maxPlaces, certain)
  const findings = new Map<string, Omit<RuleFinding, 'at'> & { readonly item: string }>()
  const why: { readonly item: string; readonly name: string; readonly reason: string }[] = []
  const spans: { readonly ours: Span[]; readonly byRules: Span[] } = { ours: [], byRules: [] }
  const running = new Set<Promise<void>>()
  let [more, sureMore, unseenCount, waiting, waitingBytes] = [0, 0, 0, 0, 0]
  let failure: { readonly error: unknown } | undefined

  function unseen(reason: string, item = '', name = ''): void {
    unseenCount++
    if (why.length < maxWhy) why.push({ item, name, reason })
  }

  async function scan(item: string, look: (looked: LookedFor) => Promise<Scanned>): Promise<void> {
    const known = deps.secrets.known() ?? (await firstSweep(deps.secrets))
    const scanned = await look({
      ...{ table: known.table(), handed, of: deps.step.id },
      ...(as === undefined ? {} : { as }),
      ...(pathsLater === undefined ? {} : { pathsLater }),
    })
    more += scanned.more
    sureMore += scanned.sureMore
    for (const span of scanned.spans) spans.byRules.push(span)
    for (const { name, why: reason } of scanned.unseen) unseen(reason, item, name)
    for (const { fingerprint, rule, secret, beside } of scanned.keys)
      if (keys.size < maxKeys)
        keys.set(fingerprint, { rule, fingerprint, secret: new Secret(secret), beside })
    takeSecrets(item, known, scanned)
    for (const finding of scanned.findings) {
      const isPlain = as !== 'output' || finding.decoded.length === 0
      const key = `${finding.fingerprint} ${isPlain} ${finding.file}`
      if (findings.has(key)) continue
      if (findings.size < mostFindings) findings.set(key, { item, finding })
      else {
        more++
        if (finding.confidence !== 'possible') sureMore++
      }
    }
  }

  function takeSecrets(item: string, known: KnownSecrets<Owner>, { candidates }: Scanned): void {
    const proved = candidates.flatMap((one) => {
      const hits = known.prove({ start: 0, end: one.form.length, form: one.form })
      return hits.length === 0 ? [] : [{ ...one, hits }]
    })
    const masked = proved.flatMap(({ spans: ofText }) => ofText)
    for (const span of masked) spans.ours.push(span)
    // What was decoded may be one of the forms that are masked as they are.
    const isMaskedIn = ({ from, to }: Span) => masked.some((one) => from <= one.from && one.from < to)
    for (const { hits, places, more: moreOf, spans: ofText, decodedFrom } of proved) {
      const isPlain = as === 'output' && ofText.length > 0
      const isElsewhere = decodedFrom.some((region) => !isMaskedIn(region))
      const forms = isPlain && isElsewhere ? [true, false] : [isPlain]
      for (const { of: owner, isCertain } of hits) {
        const fingerprint = known.nameOf(idOf(owner))
        const room = isCertain ? certain : likely
        for (const { name, line, isBinary } of places)
          for (const isMasked of forms)
            room.take({ item, owner, name, line, isCertain, isBinary, fingerprint, isMasked })
        room.count(moreOf)
      }
    }
  }

  function run(work: Promise<void>): void {
    const mine = work
      .catch((error: unknown) => void (failure ??= { error }))
      .finally(() => running.delete(mine))
    running.add(mine)
  }

  return {
    unseen: (reason) => unseen(reason),
    spans: () => spans,
    keys: () => [...keys.values()],
    async add(name, bytes) {
      waiting++
      waitingBytes += bytes.length
      const scanned = scan(name, (looked) => deps.scanner.scan(name, bytes, looked))
      run(
        scanned.finally(() => {
          waiting--
          waitingBytes -= bytes.length
        }),
      )
      while (waitingBytes > maxWaitingBytes || waiting >= maxWaiting) await Promise.race(running)
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
      const at = (item: string, name: string) => placesOf(nameOf(item), item, name)
      const thatFit = createPathsThatFit()
      return {
        secrets: [...certain.all(), ...likely.all()].map((one) => {
          const places = at(one.item, one.name)
          return { ...one, at: places, name: places.paths[0] ?? one.name }
        }),
        findings: [...findings.values()].flatMap((one) => {
          const fitting = thatFit(one.finding, at(one.item, one.finding.file))
          if (fitting === undefined) return []
          const file = fitting.at.paths[0] ?? one.finding.file
          return [{ at: fitting.at, finding: { ...fitting.finding, file } }]
        }),
        more: more + certain.more() + likely.more(),
        sureMore: sureMore + certain.more() + likely.more(),
        certainMore: certain.more(),
        unseen: {
          count: unseenCount,
          why: why.map(({ item, name, reason }) =>
            name === '' ? reason : `${at(item, name).paths[0] ?? name}: ${reason}`,
          ),
        },
      }
    },
  }
}

/** Of a member of a file its own name is behind that of the file. */
function placesOf(known: string | FilePaths, item: string, name: string): FilePaths {
  const { paths, isWhole } = typeof known === 'string' ? { paths: [known], isWhole: true } : known
  if (!name.startsWith(item)) return { paths: [name], isWhole }
  const member = name.slice(item.length)
  return { paths: paths.map((path) => `${path}${member}`), isWhole }
}

type Placed = Omit<FoundSecret, 'at'> & { readonly item: string; readonly isBinary: boolean }

interface Places {
  take(place: Placed): void
  /** So many more are not told. */
  count(places: number): void
  has(key: string): boolean
  /** But for those that `surer` ones have. */
  readonly all: () => Placed[]
  readonly more: () => number
}

/** Where secrets stand: each once in a file, at a line of a text if there is one. What finds no room is counted. */
function createPlaces(most: number, surer?: Places): Places {
  const byKey = new Map<string, Placed>()
  const owners = new Set<string>()
  let more = 0
  return {
    has: (key) => byKey.has(key),
    all: () => [...byKey].flatMap(([key, one]) => (surer?.has(key) === true ? [] : [one])),
    more: () => more,
    count: (places) => void (more += places),
    take(place) {
      const { owner, fingerprint, name, isBinary, isMasked } = place
      const whose = `${fingerprint} ${owner.kind === 'credential' ? owner.lease : ''}`
      const key = `${whose} ${isMasked} ${name}`
      const known = byKey.get(key)
      if (known?.isBinary === false || (known !== undefined && isBinary)) return
      const isFirst = surer === undefined && !owners.has(whose) && owners.size < maxOwners
      if (known === undefined && byKey.size >= most && !isFirst) more++
      else byKey.set(key, place)
      owners.add(whose)
    },
  }
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
