import { compileExpression } from '../engine/index.ts'
import type { AllowEntry } from '../findings/index.ts'
import { gitleaksRuleId } from './gitleaks-rule.ts'
import { knownKeys, type GitleaksAllowlist } from './gitleaks-schema.ts'

/**
 * An allow list of gitleaks. What is not read of it allows nothing: where all of its parts have to be so, it allows nothing at all then.
 */
export function allowOfGitleaks(
  list: GitleaksAllowlist | undefined,
  ruleIds: readonly string[] | undefined,
  said: (warning: string) => void,
  known: ReadonlySet<string> = new Set(),
): AllowEntry[] {
  if (list === undefined) return []
  const name = ruleIds === undefined ? 'an allow list' : `an allow list of rule ${ruleIds.join()}`
  const condition = (list.condition ?? 'OR').toUpperCase()
  const isAny = condition === 'OR' || condition === '||'
  const left = partsLeft(list, said, name)
  if (left.length > 0)
    said(
      `${name}: ${left.join(', ')} ${isAny ? 'allows' : 'is part of a condition AND, so it allows'} nothing here`,
    )
  if (left.length > 0 && !isAny) return []
  if (!isAny && condition !== 'AND' && condition !== '&&') {
    said(`${name}: the condition ${condition} is none: it allows nothing here`)
    return []
  }
  const of = list.regexTarget === 'line' ? 'line' : 'secret'
  // All of the match is not known here: what is in the secret is in it, too, but for what says where it stands.
  const regexes = (list.regexes ?? []).filter((one) => list.regexTarget !== 'match' || !saysWhere(one))
  const expressions = [
    ...(list.paths ?? []).map((pattern) => ({ of: 'file' as const, pattern })),
    ...regexes.map((pattern) => ({ of, pattern }) as const),
  ]
  const targets = ruleIds === undefined ? (list.targetRules ?? []) : []
  const isKnown = (id: string) => known.has(gitleaksRuleId(id))
  const strange = targets.filter((id) => !isKnown(id))
  if (strange.length > 0)
    said(
      `${name}: targetRules names rules of gitleaks, which are not ours (${strange.slice(0, 10).join(', ').slice(0, 300)}): name ours under allow in .mayfly/scan.yaml`,
    )
  if (targets.length > 0 && strange.length === targets.length) return []
  const rules = ruleIds ?? targets.filter(isKnown)
  const entry: AllowEntry = {
    reason: list.description?.trim() || `${name} of gitleaks`,
    ...(rules === undefined || rules.length === 0 ? {} : { rules: rules.map(gitleaksRuleId) }),
    ...(expressions.length === 0 ? {} : { expressions }),
    ...(list.stopwords === undefined ? {} : { words: list.stopwords }),
    isAny,
  }
  // Of nothing that is read nothing is allowed.
  return expressions.length === 0 && list.stopwords === undefined ? [] : [entry]
}

/** What is no pattern says nothing; who compiles it for the scan refuses it. */
function saysWhere(pattern: string): boolean {
  try {
    return compileExpression(pattern).asserts
  } catch {
    return false
  }
}

function partsLeft(list: GitleaksAllowlist, said: (warning: string) => void, name: string): string[] {
  const target = list.regexTarget ?? 'secret'
  if (target === 'match')
    said(`${name}: what has the regexTarget match is held against the secret alone, so it allows less`)
  const where = target === 'match' && (list.regexes ?? []).some(saysWhere)
  return [
    ...Object.keys(list).filter((key) => !knownKeys.allowlist.includes(key)),
    ...((list.commits ?? []).length > 0 ? ['commits'] : []),
    ...(where ? ['of the regexTarget match what says where it stands (^, $, \\b)'] : []),
    ...(['', 'secret', 'match', 'line'].includes(target) ? [] : [`regexTarget ${target}`]),
  ].map((key) => key.slice(0, 100))
}
