import { MayflyError } from '../../lib/index.ts'
import { exitCodeOf, exitCodes, print, printError } from '../output.ts'
import { trustOrNone, type TrustOptions } from '../named-trust.ts'
import type { Found } from './bundles.ts'
import { compareBuilds, sideOf, type Comparison, type Side } from './compare-builds.ts'
import { compareFiles, type FileComparison } from './compare-files.ts'
import { markdownLines, textLines } from './outline.ts'
import { serverSource, type Source } from './source.ts'
import { readAsked } from './subject.ts'
import { tellComparison } from './tell-comparison.ts'

export interface CompareOptions extends TrustOptions {
  /** Folders with the artifacts of A and of B. */
  files?: string[]
  json: boolean
  markdown: boolean
}

/** Of `compare` and `rebuild`. */
export const verdictCodes = { same: 0, different: 1, unknown: 2 } as const

/** `mayfly attest compare`: 0 the same, 1 different, 2 cannot tell. */
export async function compareAttestations(a: string, b: string, options: CompareOptions): Promise<number> {
  const [folderA, folderB, ...more] = options.files ?? []
  if (options.files !== undefined && (folderA === undefined || folderB === undefined || more.length > 0))
    throw new MayflyError('bad_input', '--files takes two folders: that of A and that of B')
  const { trust, whose, notes } = await trustOrNone(options)
  const source = lazySource(() => serverSource(options, trust))
  const sides = await readSides([a, b], source, trust, options.json)
  if (sides === undefined) return verdictCodes.unknown
  const [one, other] = sides
  const comparison = compareBuilds(one, other)
  const files =
    folderA === undefined || folderB === undefined
      ? []
      : await compareFiles(one, other, comparison.artifacts.changed, [folderA, folderB])
  show({ trust: whose, notes, comparison, files }, options)
  return verdictCodes[comparison.verdict]
}

export function show(
  shown: {
    readonly trust: string
    readonly notes: readonly string[]
    readonly comparison: Comparison
    readonly files: readonly FileComparison[]
  },
  options: { readonly json: boolean; readonly markdown: boolean },
): void {
  const outline = tellComparison(shown)
  const { comparison, files, ...rest } = shown
  print(
    options.json,
    { ...rest, ...comparison, ...(files.length === 0 ? {} : { files }) },
    options.markdown ? markdownLines(outline) : textLines(outline),
  )
}

/** Bundles at hand need no server. */
function lazySource(make: () => Source): Source {
  let made: Source | undefined
  const source = () => (made ??= make())
  return {
    byDigest: async (sha256) => source().byDigest(sha256),
    ofStep: async (step) => source().ofStep(step),
    foundOfStep: async (step) => source().foundOfStep(step),
  }
}

/** Of what is not there nobody can say that it was built in another way; undefined once that is told. */
async function readSides(
  [a, b]: readonly [string, string],
  source: Source,
  trust: Parameters<typeof readAsked>[1],
  json: boolean,
): Promise<readonly [Side, Side] | undefined> {
  try {
    return [await readSide(a, source, trust), await readSide(b, source, trust)]
  } catch (error) {
    if (exitCodeOf(error) !== exitCodes.refused) throw error
    printError(json, error)
    return undefined
  }
}

/** The build that a digest, a bundle or a step means: of several the newest that is verified. Throws `not_found`. */
export async function readSide(
  what: string,
  source: Source,
  trust: Parameters<typeof readAsked>[1],
): Promise<Side> {
  const asked = await readAsked(what, trust)
  const found =
    asked.kind === 'bundles'
      ? asked.found
      : asked.kind === 'step'
        ? await source.foundOfStep(asked.id)
        : asked.beside.some(isBuild)
          ? asked.beside
          : await source.byDigest(asked.sha256)
  const builds = found.filter((one) => one.provenance !== undefined).toSorted((x, y) => timeOf(x) - timeOf(y))
  const side = builds.map(sideOf).findLast((one) => one !== undefined)
  if (side === undefined)
    throw new MayflyError('not_found', `nothing says how ${what} was built: mayfly attest show ${what}`)
  return side
}

/** What stands beside a file says which of several builds of the same bytes this file is of. */
function isBuild({ provenance, verdict }: Found): boolean {
  return provenance !== undefined && verdict.ok
}

function timeOf({ verdict }: Found): number {
  return verdict.ok ? verdict.by.timeMs : 0
}
