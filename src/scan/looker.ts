import { MayflyError, messageOf } from '../lib/index.ts'
import { knownIn, knownOverlap, type AskKnown } from './ask-known.ts'
import { compileExpression, compileRules, type Engine, type Hit, type Rule } from './engine/index.ts'
import {
  createAllowList,
  findingsIn,
  type FindingOptions,
  type Found,
  type HandedKey,
} from './findings/index.ts'
import type { ScanSettings, Told } from './model.ts'
import { builtInRules, checks, finders } from './rules/index.ts'
import { createBatchReader, type Batch, type Part } from './sources/index.ts'
import type { Content } from './unpack/index.ts'

/** Looks at one part of a batch, and all that is in it; answers how many bytes that was. */
export type Looker = (batch: Batch, part: Part) => Promise<number>

/** Throws bad_input for a rule or an entry that cannot be used. */
export function createLooker(settings: ScanSettings, nowMs: number, told: Told): Looker {
  const engine = engineOf(settings)
  const askedOf = createAsked(engine.rules)
  const { gitleaksAllow = false, judgesPathsLater = false, allow = [], limits = {} } = settings
  const handing = {
    rules: new Set(settings.handed),
    acceptedToo: settings.handsAccepted === true,
    take: (key: HandedKey) => told.key?.(key),
  }
  const options: FindingOptions = {
    ...{ nowMs, allow: createAllowList(allow, nowMs), gitleaksAllow, judgesPathsLater, handing },
  }
  const asking = told.known
  /** Of a part: as it is encoded a secret is known, and is met again where that is decoded. */
  const places = new Set<string>()
  let bytes = 0
  let current: Part | undefined

  async function visitAsking(content: Content, part: Part, ask: AskKnown): Promise<void> {
    const found = await knownIn(content, ask)
    const isNew = found.map((one) => {
      const place = `${content.name} ${content.position(one.start).line} ${one.known?.fingerprint}`
      const isKnown = content.decoded.length > 0 && places.has(place)
      places.add(place)
      return !isKnown
    })
    look(
      content,
      part,
      found.filter((_, i) => isNew[i]),
    )
  }

  function look(content: Content, part: Part, known: readonly Found[]): void {
    bytes += content.to - content.from
    const hits: Found[] = [...known]
    const take = (hit: Hit) => {
      if (!content.isBinary || hit.confidence === 'certain') hits.push(hit)
    }
    engine.find(content.bytes, take, askedOf(content, part))
    if (hits.length === 0) return
    const { findings, more } = findingsIn(content, hits, options)
    told.findings(findings.map((one) => ({ ...one, ...inBlob(one.file, part) })))
    if (more > 0) told.more(content.name, more)
  }

  const read = createBatchReader({
    overlap: asking === undefined ? engine.overlap : Math.max(engine.overlap, knownOverlap),
    visit: (content, part) =>
      asking === undefined ? look(content, part, []) : visitAsking(content, part, asking),
    unseen: (unseen) =>
      told.unseen(current === undefined ? unseen : { ...unseen, ...inBlob(unseen.name, current) }),
    limits,
  })
  return async (batch, part) => {
    bytes = 0
    places.clear()
    current = part
    try {
      await read(batch, [part])
    } catch (error) {
      // One input must not end the search of all others.
      const why = `it could not be looked at: ${messageOf(error)}`
      told.unseen({ name: part.name, code: 'broken', why, ...inBlob(part.name, part) })
    }
    return bytes
  }
}

/** Of what was found in a blob: which, and what stands behind its own name. */
function inBlob(name: string, part: Part): { readonly blob?: string; readonly member?: string } {
  if (part.blob === undefined) return {}
  // A name that is too long is told without its middle.
  const member = name.startsWith(part.name) ? name.slice(part.name.length) : '!…'
  return { blob: part.blob, member }
}

function engineOf({ rules = [], without = [], rulesAreRead = false }: ScanSettings): Engine {
  const builtIn = without === 'all' ? [] : builtInRules.filter(({ id }) => !without.includes(id))
  const known = new Set(builtIn.map(({ id }) => id))
  for (const { id } of rules) {
    if (known.has(id))
      throw new MayflyError(
        'bad_input',
        `two rules are called ${id}; give one another name, or leave the built-in one out`,
      )
    known.add(id)
  }
  return compileRules([...builtIn, ...rules], {
    ...{ checks, finders },
    proven: new Set(rulesAreRead ? [...builtIn, ...rules] : builtIn),
  })
}

/**
 * Which rules are asked about a content: of a binary file only what is unmistakable counts; some rules are of some paths alone, and a blob of
 * the history may have had several.
 */
function createAsked(rules: readonly Rule[]): (content: Content, part: Part) => (rule: number) => boolean {
  const isCertain = rules.map(({ confidence }) => confidence === 'certain')
  const paths = rules.map(({ path }) => (path === undefined ? undefined : createPathTest(path)))
  return ({ name, isBinary }, part) => {
    // A member of an archive is below each path that the archive had.
    const names = [name, ...(part.paths ?? []).map((path) => `${path}${name.slice(part.name.length)}`)]
    const isOf = (test: ((path: string) => boolean) | undefined) => test === undefined || names.some(test)
    return (rule) => (!isBinary || isCertain[rule] === true) && isOf(paths[rule])
  }
}

/** The same path is asked about again and again. */
function createPathTest(pattern: string): (path: string) => boolean {
  const expression = compileExpression(pattern)
  let [asked, answer] = ['', expression.test('')]
  return (path) => {
    if (path !== asked) [asked, answer] = [path, expression.test(path)]
    return answer
  }
}
