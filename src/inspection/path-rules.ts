import { compileExpression, type Expression, type Hit } from '../scan/engine/index.ts'
import type { Finding } from '../scan/findings/index.ts'
import type { FilePaths } from '../gateway/index.ts'

/** Some rules are of some paths alone, and at which paths a file stands may be known only when all else is here. */
export interface AtPaths {
  /** It is one only at paths that fit this pattern (RE2's syntax). */
  readonly onlyAt?: string
  /** At paths that fit one of these another finding says the same, and says it better. */
  readonly unlessAt?: readonly string[]
}

/**
 * What the hits of one content say at whatever paths it stands. `findingsOf` reads some of the hits; `pathOf` is the pattern of a rule that
 * is of some paths alone.
 */
export function findingsAtPaths(
  hits: readonly Hit[],
  pathOf: (hit: Hit) => string | undefined,
  findingsOf: (hits: readonly Hit[]) => readonly Finding[],
): readonly (Finding & AtPaths)[] {
  const anywhere = hits.filter((hit) => pathOf(hit) === undefined)
  const patterns = [...new Set(hits.map(pathOf).filter((one) => one !== undefined))]
  const usual = findingsOf(anywhere)
  const atEach = patterns.map((pattern) => ({
    pattern,
    findings: findingsOf(hits.filter((hit) => [undefined, pattern].includes(pathOf(hit)))),
  }))
  const known = new Set(usual.map(keyOf))
  return [
    ...usual.map((one) => {
      const unlessAt = atEach
        .filter(({ findings }) => !findings.some((other) => keyOf(other) === keyOf(one)))
        .map(({ pattern }) => pattern)
      return unlessAt.length === 0 ? one : { ...one, unlessAt }
    }),
    ...atEach.flatMap(({ pattern, findings }) =>
      findings.filter((one) => !known.has(keyOf(one))).map((one) => ({ ...one, onlyAt: pattern })),
    ),
  ]
}

function keyOf({ rule, fingerprint, start, end }: Finding): string {
  return JSON.stringify([rule, fingerprint, start, end])
}

/** Where a finding is one, of the paths that a file has; undefined if nowhere. */
export function createPathsThatFit() {
  const compiled = new Map<string, Expression>()
  function fits(pattern: string, path: string): boolean {
    const known = compiled.get(pattern) ?? compileExpression(pattern)
    compiled.set(pattern, known)
    return known.test(path)
  }
  return <T extends AtPaths & Pick<Finding, 'confidence'>>(
    finding: T,
    { paths, isWhole }: FilePaths,
  ): { readonly finding: T; readonly at: FilePaths } | undefined => {
    const { onlyAt, unlessAt = [] } = finding
    if (onlyAt === undefined) {
      const own = paths.filter((path) => !unlessAt.some((pattern) => fits(pattern, path)))
      return own.length === 0 && paths.length > 0 ? undefined : { finding, at: { paths: own, isWhole } }
    }
    const own = paths.filter((path) => fits(onlyAt, path))
    if (own.length > 0) return { finding, at: { paths: own, isWhole } }
    // Perhaps it stands where it would be one: that is told.
    return isWhole ? undefined : { finding: { ...finding, confidence: 'possible' }, at: { paths, isWhole } }
  }
}
